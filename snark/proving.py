"""Groth16 proofs on BN254: circuits, assignments, proving keys, setups; typed and thin over `native._native.proving`.

Promises that a `ProvingKey` that exists has the shape and coefficients of its circuit, and that a proof was verified before it
is returned. A proving key on disk is a zkey of snarkjs, mapped and never copied. Does NOT know statements or networks:
`setup_single_party` refuses nothing, and **callers allow it on regtest only**, since whoever runs it could forge proofs. Every
other network takes a key from a ceremony (docs/groth16.md).

Calls take every core and let the interpreter go; run them in a thread, watch and cancel them by their `Progress`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from typing_extensions import Buffer

from native import NativeError
from native._native import proving as native
from native._native.proving import Progress
from snark.faults import LocalFault, MalformedFault
from snark.formats import Curve, Format
from snark.groth16 import Proof, PublicInputs, VerifyingKey

__all__ = ["Assignment", "Cancelled", "Circuit", "Progress", "ProvingKey", "setup_single_party"]

T = TypeVar("T")


class Cancelled(Exception):
    """The work's own progress was told to cancel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """A rank-1 constraint system that was checked.

    Attributes:
        id: 32 bytes, BLAKE3 of the counts and every coefficient.
        public: public inputs, without the one.
        wires: wires, with the one.
        constraints: constraints.
        nonzeros: coefficients of the three matrices.
    """

    id: bytes
    public: int
    wires: int
    constraints: int
    nonzeros: int
    handle: native.Circuit

    @classmethod
    def of(cls, handle: native.Circuit) -> Circuit:
        """Of a system that the native code made."""
        return cls(
            id=handle.id,
            public=handle.public,
            wires=handle.wires,
            constraints=handle.constraints,
            nonzeros=handle.nonzeros,
            handle=handle,
        )

    @classmethod
    def parse(cls, raw: Buffer) -> Circuit:
        """Reads a .r1cs file of iden3.

        Raises:
            MalformedFault: names the section, count, constraint or wire that is wrong.
        """
        return cls.of(_parsed("r1cs", lambda: native.Circuit.from_r1cs(raw)))

    def write(self, path: str) -> None:
        """Writes a .r1cs file, whole or not at all.

        Raises:
            LocalFault: the path cannot be written.
        """
        _local(lambda: self.handle.write_r1cs(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A value for each wire of a circuit; the handle holds secrets and wipes them."""

    handle: native.Assignment

    @classmethod
    def parse(cls, raw: Buffer) -> Assignment:
        """Reads a .wtns file of iden3.

        Raises:
            MalformedFault: names the section, count or wire that is wrong.
        """
        return cls(handle=_parsed("wtns", lambda: native.Assignment.from_wtns(raw)))

    def public(self, circuit: Circuit) -> PublicInputs:
        """The public inputs.

        Raises:
            LocalFault: it is not of this circuit.
        """
        words = _local(lambda: self.handle.public(circuit.handle))
        return PublicInputs.of((int.from_bytes(word) for word in words), Curve.BN254)

    def write(self, path: str) -> None:
        """Writes a .wtns file, whole or not at all; it holds the witness.

        Raises:
            LocalFault: the path cannot be written.
        """
        _local(lambda: self.handle.write_wtns(path))


def setup_single_party(circuit: Circuit, path: str, progress: Progress) -> None:
    """Makes a proving key alone and writes it. For regtest and tests: its maker could forge proofs; callers see to that.

    Raises:
        LocalFault: the path cannot be written, or another setup is writing it.
        Cancelled: by its progress; no file is left.
    """
    _work(progress, lambda: native.setup_single_party(circuit.handle, path, progress))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvingKey:
    """A zkey file, mapped.

    Attributes:
        circuit: the circuit whose counts and coefficients it has.
        digest: BLAKE3 of the file, 32 bytes.
        contributions: to phase 2, as the file says of itself; 0 for a single-party setup.
        verifying: the key under which its proofs are valid.
    """

    circuit: Circuit
    digest: bytes
    contributions: int
    verifying: VerifyingKey
    handle: native.ProvingKey

    @classmethod
    def open(cls, path: str, circuit: Circuit) -> ProvingKey:
        """Maps a file and checks that it is a key of the circuit.

        The matrix c is not in a zkey: a key of a circuit that differs there only is found out by its first proof.

        Raises:
            MalformedFault: names the section, count, coefficient or point that is wrong.
        """
        handle = _parsed("zkey", lambda: native.ProvingKey.open(path, circuit.handle))
        return cls(
            circuit=circuit,
            digest=handle.digest,
            contributions=handle.contributions,
            verifying=VerifyingKey.parse(handle.verifying_key(), Format.ARKWORKS, Curve.BN254),
            handle=handle,
        )

    def check_points(self, progress: Progress) -> None:
        """Every point on its curve and in the subgroup; for a file that comes from outside, once.

        Raises:
            MalformedFault: names the point that is wrong.
            Cancelled: by its progress.
        """
        try:
            self.handle.check_points(progress)
        except NativeError as refused:
            if progress.cancelled:
                raise Cancelled(str(refused)) from refused
            raise MalformedFault.of("zkey", refused) from refused

    def prove(self, assignment: Assignment, progress: Progress) -> Proof:
        """A proof, verified under the key.

        Raises:
            LocalFault: the assignment does not satisfy the circuit (the constraint is named, before any work), or the key's
                points do not make valid proofs.
            Cancelled: by its progress.
        """
        raw = _work(progress, lambda: self.handle.prove(self.circuit.handle, assignment.handle, progress))
        return Proof.parse(raw, Curve.BN254, Format.ARKWORKS)


def _parsed(what: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except NativeError as refused:
        raise MalformedFault.of(what, refused) from refused


def _local(work: Callable[[], T]) -> T:
    try:
        return work()
    except NativeError as refused:
        raise LocalFault(str(refused)) from refused


def _work(progress: Progress, work: Callable[[], T]) -> T:
    try:
        return work()
    except NativeError as refused:
        if progress.cancelled:
            raise Cancelled(str(refused)) from refused
        raise LocalFault(str(refused)) from refused
