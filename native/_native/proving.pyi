"""Groth16 proofs on BN254: constraint systems, assignments, proving keys, setups and proofs.

Files: iden3's .r1cs (version 1) and .wtns (version 2), snarkjs's zkey (Groth16); docs/groth16.md has the layouts. A path is
written whole or not at all: beside it first (`PATH.part`), synced, renamed.

Promises that what was read is whole, that an assignment which does not satisfy its circuit is refused before any work, and
that a proof was verified under its key before it is returned; every refusal's text is "FIELD: expected EXPECTED, got GOT";
cancelled work ends with one whose GOT is "cancelled". The interpreter is let go during work, which takes every core.
Does NOT know statements, and does not refuse a single-party setup: callers do.
"""

from os import PathLike
from typing import final

from typing_extensions import Buffer

from . import NativeError as NativeError

__all__ = ["Assignment", "Circuit", "NativeError", "Progress", "ProvingKey", "setup_single_party"]

@final
class Progress:
    """How far work on another thread is, and the wish to end it; one for each piece of work."""

    def __new__(cls) -> Progress: ...
    @property
    def stage(self) -> str:
        """What is being done; empty before the start."""

    @property
    def done(self) -> float:
        """The part that is done, 0 to 1."""

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked for the end."""

    def cancel(self) -> None:
        """Ends the work at its next piece: within a second."""

@final
class Circuit:
    """A rank-1 constraint system over BN254's scalar field that was checked."""

    @staticmethod
    def from_r1cs(raw: Buffer) -> Circuit:
        """Reads a .r1cs file; its outputs and public inputs are both public here.

        Raises:
            NativeError: names the section, count, constraint or wire that is wrong.
        """

    @property
    def id(self) -> bytes:
        """32 bytes: BLAKE3 of the counts and every coefficient."""

    @property
    def public(self) -> int:
        """Public inputs, without the one."""

    @property
    def wires(self) -> int:
        """Wires, with the one."""

    @property
    def constraints(self) -> int:
        """Constraints."""

    @property
    def nonzeros(self) -> int:
        """Coefficients of the three matrices."""

    def write_r1cs(self, path: str | PathLike[str]) -> None:
        """Writes a .r1cs file.

        Raises:
            NativeError: the path cannot be written.
        """

@final
class Assignment:
    """A value for each wire of a circuit, secrets among them: wiped when dropped, never pickled."""

    @staticmethod
    def from_wtns(raw: Buffer) -> Assignment:
        """Reads a .wtns file.

        Raises:
            NativeError: names the section, count or wire that is wrong.
        """

    def write_wtns(self, path: str | PathLike[str]) -> None:
        """Writes a .wtns file.

        Raises:
            NativeError: the path cannot be written.
        """

    def public(self, circuit: Circuit) -> list[bytes]:
        """The public inputs, 32 bytes big-endian each.

        Raises:
            NativeError: another number of values than the circuit has wires.
        """

def setup_single_party(circuit: Circuit, path: str | PathLike[str], progress: Progress) -> None:
    """Makes a proving key alone and writes it as a zkey. Whoever runs this could forge proofs: for tests and regtest only.

    The secrets come from the system's generator and are wiped.

    Raises:
        NativeError: cancelled, the path cannot be written, or another setup is writing it.
    """

@final
class ProvingKey:
    """A zkey file, mapped: its points are decoded while they are used."""

    @staticmethod
    def open(path: str | PathLike[str], circuit: Circuit | None) -> ProvingKey:
        """Maps a file and checks sections, lengths, counts, coefficients and the verifying key's points.

        With a circuit, counts and coefficients (the matrices a and b) have to be the circuit's. The other points are
        checked by `check_points`.

        Raises:
            NativeError: names the section, count, coefficient or point that is wrong.
        """

    @property
    def id(self) -> bytes | None:
        """The id of the circuit it was opened with."""

    @property
    def digest(self) -> bytes:
        """BLAKE3 of the file, 32 bytes."""

    @property
    def public(self) -> int:
        """Public inputs, without the one."""

    @property
    def wires(self) -> int:
        """Wires, with the one."""

    @property
    def domain(self) -> int:
        """The order of the subgroup over which a proof interpolates."""

    @property
    def contributions(self) -> int:
        """Contributions to phase 2 that the file lists; 0 for a single-party setup. What a file says of itself."""

    @property
    def forgeable(self) -> bool:
        """Whether gamma is delta: no phase 2 took place, anybody makes proofs out of a valid one."""

    def check_points(self, progress: Progress) -> None:
        """Every point on its curve and in the subgroup of order r, beta and delta the same in both groups: for foreign files.

        Raises:
            NativeError: names the point that is wrong; cancelled.
        """

    def verifying_key(self) -> bytes:
        """The key under which its proofs are valid: arkworks, compressed."""

    def prove(self, circuit: Circuit, assignment: Assignment, progress: Progress) -> bytes:
        """A proof, verified under the key: arkworks, compressed (128 bytes).

        Raises:
            NativeError: the circuit is not the key's, the assignment does not satisfy a constraint (named by number),
                the key's points do not make valid proofs, or cancelled.
        """
