"""Groth16 on BN254 and BLS12-381: keys, proofs and inputs from bytes, verification, and the EVM's BN254 precompiles.

Formats: snarkjs, eip197 (BN254 only), gnark, arkworks. Encodings: these (gnark, arkworks: compressed), gnark-raw,
arkworks-uncompressed. Curves: bn254, bls12_381. docs/groth16.md has the layouts.

Promises that what was parsed is whole: numbers below the modulus (never reduced), points on the curve and in the subgroup,
counts right, nothing left over; every refusal's text is "FIELD: expected EXPECTED, got GOT"; no panic comes out.
Does NOT know statements or files.
"""

from collections.abc import Sequence
from typing import final

from typing_extensions import Buffer

from . import NativeError as NativeError

__all__ = [
    "FoldedKey",
    "NativeError",
    "Proof",
    "PublicInputs",
    "VerifyingKey",
    "bn254_add",
    "bn254_multiply",
    "bn254_pairing",
    "limits",
    "verify_batch",
]

@final
class VerifyingKey:
    """A verifying key with everything that does not depend on a proof computed once."""

    @staticmethod
    def parse(raw: Buffer, format: str, curve: str | None) -> VerifyingKey:
        """Reads a key; `curve` None: the one that snarkjs JSON names, else bn254.

        Raises:
            NativeError: names the field that is wrong.
        """

    @property
    def curve(self) -> str:
        """The curve."""

    @property
    def id(self) -> bytes:
        """32 bytes: BLAKE3 of the canonical form, the same in every format."""

    @property
    def inputs(self) -> int:
        """How many public inputs a proof under this key has."""

    @property
    def forgeable(self) -> bool:
        """Whether gamma is delta: no phase 2 took place, anybody makes proofs out of a valid one."""

    def encode(self, encoding: str) -> bytes:
        """Writes the key; not as gnark's, which holds two more points.

        Raises:
            NativeError: the encoding cannot hold it.
        """

    def verify(self, inputs: PublicInputs, proof: Proof) -> bool:
        """Whether the proof is valid for these inputs.

        Raises:
            NativeError: another number of inputs, or another curve.
        """

    def verify_plainly(self, inputs: PublicInputs, proof: Proof) -> bool:
        """The same by arkworks called plainly: the baseline of the benches."""

    def fold(self, known: PublicInputs) -> FoldedKey:
        """The key with its first inputs fixed.

        Raises:
            NativeError: more than the key has, or another curve.
        """

@final
class FoldedKey:
    """A key with its first inputs fixed."""

    @property
    def inputs(self) -> int:
        """How many are still open."""

    def verify(self, open: PublicInputs, proof: Proof) -> bool:
        """Whether the proof is valid for the fixed inputs followed by these.

        Raises:
            NativeError: another number of inputs, or another curve.
        """

@final
class Proof:
    """A proof whose three points were checked; none is infinity."""

    @staticmethod
    def parse(raw: Buffer, format: str, curve: str) -> Proof:
        """Reads a proof.

        Raises:
            NativeError: names the field that is wrong.
        """

    @property
    def curve(self) -> str:
        """The curve."""

    def encode(self, encoding: str) -> bytes:
        """Writes the proof.

        Raises:
            NativeError: the encoding does not know the curve.
        """

@final
class PublicInputs:
    """Public inputs, each below the group order r.

    Raises:
        NativeError: a word that is not 32 bytes big-endian below r, named by index.
    """

    def __new__(cls, words: Sequence[bytes], curve: str) -> PublicInputs: ...
    @staticmethod
    def parse(raw: Buffer, format: str, curve: str) -> PublicInputs:
        """Reads public inputs.

        Raises:
            NativeError: names the input that is wrong.
        """

    @property
    def curve(self) -> str:
        """The curve."""

    @property
    def words(self) -> list[bytes]:
        """32 bytes big-endian each."""

    def encode(self, encoding: str) -> bytes:
        """Writes the inputs.

        Raises:
            NativeError: the encoding does not know the curve.
        """

def verify_batch(key: VerifyingKey, claims: Sequence[tuple[PublicInputs, Proof]]) -> list[int]:
    """The indices of the invalid claims, on every core; an invalid one is missed with a chance of 2^-128.

    Raises:
        NativeError: no claim, another number of inputs, or another curve; names the index.
    """

def bn254_add(data: Buffer) -> bytes:
    """ECADD of EIP-196: two G1 points (padded or cut to 128 bytes) to 64 bytes.

    Raises:
        NativeError: a coordinate or point that is none.
    """

def bn254_multiply(data: Buffer) -> bytes:
    """ECMUL of EIP-196: a G1 point and any 256-bit number (padded or cut to 96 bytes) to 64 bytes.

    Raises:
        NativeError: a coordinate or point that is none.
    """

def bn254_pairing(data: Buffer) -> bool:
    """ECPAIRING of EIP-197: whether the product over pairs of 192 bytes is one.

    Raises:
        NativeError: a length, coordinate, point or subgroup that is wrong; names the pair.
    """

def limits() -> tuple[int, int, int, int]:
    """(bytes of a key, of a proof, of public inputs, number of inputs) at most."""
