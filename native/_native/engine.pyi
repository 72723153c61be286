"""The dispute engines: cut-and-choose over garbled instances, soldered to digit points, hiding shares of f(0).

Core: a predicate's FALSE frees a share. Babe: a valid Groth16 proof of a statement does, whose first point the digits say.

Promises that everything a garbler makes follows from its two seeds, and that `check` accepts nothing but what the
protocol allows. Does NOT remember kept sets: that a garbler answers ONE kept set under a setup id is the caller's
duty.

Layouts of bytes. points (S): for each digit c, d_0 .. d_(b-1), 33 bytes each. polynomial (F): N - M + 1 points,
lowest coefficient first; the first is the output point O. commitments: 32 bytes an instance. openings, shares: N - M
records in ascending order of index. artifact: M records of `kept_bytes`, ascending. kept: M distinct indices,
ascending.
"""

from collections.abc import Sequence
from typing import NoReturn, SupportsIndex, final

from typing_extensions import Buffer

from . import NativeError as NativeError
from .garbling import Program, Progress
from .keys import Secret, Seed

__all__ = [
    "Garbler",
    "Layout",
    "NativeError",
    "Params",
    "Statement",
    "add_points",
    "check",
    "check_digit_presignatures",
    "check_knowledge",
    "check_opened",
    "complete_bound_digits",
    "complete_digits",
    "digit_points",
    "evaluate",
    "extract_digits",
    "features_circuit",
    "hash_to_curve",
    "make_drill",
    "presign_digits",
    "prove_knowledge",
    "run_drill",
    "value_points",
]

@final
class Layout:
    """How input bits are cut into digits: digit w is bits w*b .. (w+1)*b; bits beyond the input are padding.

    Raises:
        NativeError: not 1 to 65,536 input bits or not 1 to 8 bits a digit.
    """

    def __new__(cls, *, input_bits: int, digit_bits: int) -> Layout: ...
    @property
    def input_bits(self) -> int:
        """Bits of all inputs."""

    @property
    def digit_bits(self) -> int:
        """Bits of a digit, b."""

    @property
    def digits(self) -> int:
        """Number of digits."""

    @property
    def values(self) -> int:
        """2^b."""

    @property
    def points(self) -> int:
        """Number of basis points: digits * (1 + b)."""

@final
class Statement:
    """What a proof must prove in engine babe: a verifying key with its one public input fixed. Holds tables of 0.9 MB.

    Args:
        key: Groth16 on BN254, arkworks' compressed form.
        x: 32 bytes big-endian, below r.

    Raises:
        NativeError: no such key, another number of public inputs, x not below r, or e(alpha, beta) e(X, gamma) = 1.
    """

    def __new__(cls, key: bytes, x: bytes) -> Statement: ...
    @property
    def id(self) -> bytes:
        """32 bytes that stand for key and x."""

    def verify(self, proof: bytes) -> bool:
        """Whether a proof of 256 bytes (EIP-197) is valid. What is no proof is not valid.

        Raises:
            NativeError: other than 256 bytes.
        """

@final
class Params:
    """What both sides of a pair agree on. `context` binds the commitments to graph, terms and profile.

    Core: no statement, a program with one output bit. Babe: a statement, the program of `features_circuit`.

    Raises:
        NativeError: a setup id of other than 32 bytes, another program, not 0 < M < N <= 1024.
    """

    def __new__(
        cls,
        *,
        setup_id: bytes,
        context: bytes,
        program: Program,
        statement: Statement | None,
        instances: int,
        kept: int,
        digit_bits: int,
    ) -> Params: ...
    @property
    def layout(self) -> Layout:
        """The digits of the program's input."""

    @property
    def instances(self) -> int:
        """N."""

    @property
    def kept(self) -> int:
        """M."""

    @property
    def points_bytes(self) -> int:
        """Bytes of S."""

    @property
    def polynomial_bytes(self) -> int:
        """Bytes of F."""

    @property
    def opening_bytes(self) -> int:
        """Bytes of one opening."""

    @property
    def kept_bytes(self) -> int:
        """Bytes of one kept instance."""

@final
class Garbler:
    """The garbler's side of a pair. The digit seed is the graph's, the pair seed one evaluator's."""

    def __new__(cls, params: Params, digit_seed: Seed, pair_seed: Seed) -> Garbler: ...
    def __reduce_ex__(self, _protocol: SupportsIndex, /) -> NoReturn: ...
    def digit_points(self) -> bytes:
        """S."""

    def output_points(self) -> bytes:
        """F; the first 33 bytes are the output point O."""

    def commit(self, progress: Progress) -> bytes:
        """The commitments. Progress counts instances."""

    def open(self, kept: Sequence[int], progress: Progress) -> tuple[bytes, bytes]:
        """Openings of all others, and the kept artifact. Progress counts instances.

        Raises:
            NativeError: not M distinct indices in range, ascending; or cancelled.
        """

def digit_points(layout: Layout, digit_seed: Seed) -> bytes:
    """S of a digit seed."""

def value_points(layout: Layout, points: bytes) -> bytes:
    """S[w][v] for every value: 33 bytes each, in order of digit, then value.

    Raises:
        NativeError: a wrong length, no point, or infinity among the values.
    """

def prove_knowledge(
    layout: Layout, digit_seed: Seed, garblers: Sequence[Garbler], keys: Sequence[Secret], context: bytes
) -> bytes:
    """One proof (65 bytes) of all logarithms of the digit points, of each garbler's output point and of each key's point.

    A key's point is 02 and its x. Bound to context.
    """

def check_knowledge(points: bytes, context: bytes, proof: bytes) -> bool:
    """Checks a proof over digit points, output points and keys' points in their order.

    Raises:
        NativeError: a wrong length or no points.
    """

def check(
    params: Params,
    points: Buffer,
    polynomial: Buffer,
    commitments: Buffer,
    kept: Sequence[int],
    openings: Buffer,
    artifact: Buffer,
    progress: Progress,
) -> bytes:
    """Checks openings and artifact against the commitments; progress counts instances.

    Returns:
        The opened shares, 32 bytes each: store them beside the artifact.

    Raises:
        NativeError: "FIELD: ..." or "instance I: PART: ..." with PART one of D, proof, share, seed, table, translation,
            encoding, ciphertext, output, commitment.
    """

def check_opened(
    params: Params,
    points: Buffer,
    polynomial: Buffer,
    commitments: Buffer,
    kept: Sequence[int],
    openings: Buffer,
    progress: Progress,
) -> None:
    """What `check` does with the openings, without any kept instance; progress counts what was opened.

    Raises:
        NativeError: as `check`.
    """

def evaluate(
    params: Params,
    points: Buffer,
    polynomial: Buffer,
    kept: Sequence[int],
    shares: Buffer,
    artifact: Buffer,
    digits: Sequence[tuple[int, bytes]],
    witness: bytes,
    progress: Progress,
) -> Secret | None:
    """The logarithm of O when the digits (value, secret) free it, else None.

    Core: no witness; the predicate must be false. Babe: the witness is a proof of 256 bytes (EIP-197), which must be valid
    and have the first point that the digits say.

    Raises:
        NativeError: a secret that is not its point's logarithm, a wrong length, or no kept instance has the share that is
            free.
    """

def make_drill(params: Params, kept: Sequence[int], openings: Buffer) -> bytes:
    """The lowest opened instance in the form of a kept one, with its D and the answer it must give on digits of no claim.

    Raises:
        NativeError: a wrong length, or an opening that is none.
    """

def run_drill(params: Params, drill: Buffer, progress: Progress) -> bool:
    """Whether the instance of a drill gives the answer.

    Raises:
        NativeError: a wrong length, index or point.
    """

def complete_digits(presignatures: bytes, layout: Layout, digit_seed: Seed, values: Sequence[int]) -> list[bytes]:
    """One BIP340 signature a digit from presignatures (65 bytes each, in order of digit, then value).

    Raises:
        NativeError: a wrong length or number, or a value out of range.
    """

def complete_bound_digits(
    presignatures: bytes, layout: Layout, digit_seed: Seed, values: Sequence[int], learned: Sequence[bytes]
) -> list[bytes]:
    """The same for presignatures that are locked to the sum of our point and another party's: `learned` are its scalars.

    Raises:
        NativeError: a wrong length or number, a value out of range, or a scalar not below the group order.
    """

def presign_digits(key: Secret, seed: Seed, messages: Sequence[bytes], points: bytes) -> bytes:
    """Presignatures (65 bytes each, R' even) by `key`, one for each point; the points are as many for each message.

    Nonces follow from seed, key, message and point: the same arguments give the same bytes.

    Raises:
        NativeError: a message of other than 32 bytes, points that are none or not as many for each message.
    """

def check_digit_presignatures(
    xonly: bytes, messages: Sequence[bytes], points: bytes, presignatures: bytes
) -> list[int]:
    """Places of presignatures that are not what `presign_digits` makes under that key, ascending; in batches.

    Bad are: no presignature, R' odd, locked to another point, R' equal to an earlier one of its message (one signature would
    then publish two values).

    Raises:
        NativeError: a wrong length, points or a key that are none.
    """

def add_points(left: bytes, right: bytes) -> bytes:
    """The sums of two equally long lists of points, 33 bytes each, place by place.

    Raises:
        NativeError: a wrong length, no points, or a sum that is infinity.
    """

def extract_digits(
    presignatures: bytes, layout: Layout, signatures: Sequence[bytes], points: bytes
) -> list[tuple[int, bytes]]:
    """(value, secret) of each published digit: the smallest value whose R' matches and whose secret fits its point.

    Raises:
        NativeError: names the digit whose signature completes none of its presignatures.
    """

def features_circuit() -> bytes:
    """The binary form of engine babe's circuit: x, y of 256 bits in; x, y, x^2, y^2, xy mod p of 254 bits out."""

def hash_to_curve(tag: bytes, parts: Sequence[bytes]) -> bytes:
    """A point whose logarithm nobody knows: the first BIP340-tagged hash of parts and counter that is an x; even y."""
