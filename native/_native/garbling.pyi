"""Privacy-free garbling of Boolean circuits, K instances in lockstep.

Promises the same bytes for the same seeds on every path and at every width. A path is "vaes", "aes" or "portable";
any number of seeds or lanes is split into widths of 16, 8, 4 and 1. A label is 16 bytes, a bit a byte 0 or 1. Long
calls run without the interpreter lock and end early with NativeError("cancelled by the caller") after
`Progress.cancel()`.
"""

from collections.abc import Sequence
from typing import NoReturn, SupportsIndex, final

from typing_extensions import Buffer

from . import NativeError as NativeError
from .keys import Seed

__all__ = [
    "Garbling",
    "NativeError",
    "Program",
    "Progress",
    "ccrnd",
    "evaluate",
    "garble",
    "garble_root",
    "naive_evaluate",
    "naive_garble_root",
    "paths",
]

@final
class Progress:
    """A counter and a cancel flag that another thread may read and raise while a call runs. Fresh for each call."""

    def __new__(cls) -> Progress: ...
    @property
    def done(self) -> int:
        """Units done (instances, in the engine)."""

    @property
    def total(self) -> int:
        """Units of the whole call; 0 before it starts."""

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""

    def cancel(self) -> None:
        """Asks the call to end soon. There is no way back."""

@final
class Program:
    """A circuit in its binary form (`circuits.gates`), compiled to operations over a small frame of slots.

    Raises:
        NativeError: names the byte at which the form is wrong.
    """

    def __new__(cls, circuit: Buffer) -> Program: ...
    @property
    def circuit_id(self) -> bytes:
        """BLAKE3 of the binary form, 32 bytes."""

    @property
    def input_widths(self) -> list[int]:
        """Bits of each input number."""

    @property
    def output_widths(self) -> list[int]:
        """Bits of each output number."""

    @property
    def gates(self) -> int:
        """Number of gates."""

    @property
    def ands(self) -> int:
        """Number of AND gates; a table has 16 bytes for each."""

    @property
    def slots(self) -> int:
        """Labels alive at once, at most."""

@final
class Garbling:
    """One garbling by its garbler. Key, S and table may be given away; labels of one input only."""

    def __reduce_ex__(self, _protocol: SupportsIndex, /) -> NoReturn: ...
    @property
    def key(self) -> bytes:
        """AES key of the gate hash, 16 bytes."""

    @property
    def s(self) -> bytes:
        """Mask of the gate hash, 16 bytes."""

    @property
    def table(self) -> bytes:
        """16 bytes for each AND gate, in order."""

    def encode(self, bits: bytes) -> bytes:
        """The labels of an input. The same input may be asked for again.

        Raises:
            NativeError: another input than before (labels of two inputs show delta), or a wrong length.
        """

    def decode(self, labels: bytes) -> bytes:
        """The bits that output labels stand for.

        Raises:
            NativeError: a label that belongs to neither bit of its wire.
        """

def paths() -> list[str]:
    """The paths of this processor, fastest first."""

def ccrnd(key: bytes, s: bytes, label: bytes, tweak: int) -> bytes:
    """The gate hash (ePrint 2019/074): y = sigma(label ^ tweak ^ s); AES128_key(y) ^ y."""

def garble(program: Program, seeds: Sequence[Seed], path: str, progress: Progress) -> list[Garbling]:
    """One garbling for each seed."""

def garble_root(program: Program, seeds: Sequence[Seed], path: str, progress: Progress) -> list[bytes]:
    """BLAKE3 of the table for each seed; the tables are not kept."""

def naive_garble_root(program: Program, seed: Seed) -> bytes:
    """The same for one seed by a plain walk over the gate list: the baseline of the benches."""

def evaluate(
    program: Program,
    held: Sequence[tuple[bytes, bytes, bytes, Buffer]],
    bits: bytes,
    path: str,
    progress: Progress,
) -> tuple[list[bytes], bytes]:
    """Evaluates instances (key, S, active labels, table) on one cleartext input.

    Returns:
        The output labels of each instance, and the output bits. Wrong labels or tables give wrong labels, no error.

    Raises:
        NativeError: a wrong length.
    """

def naive_evaluate(program: Program, held: tuple[bytes, bytes, bytes, Buffer], bits: bytes) -> tuple[bytes, bytes]:
    """The same for one instance by a plain walk over the gate list."""
