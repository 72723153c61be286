"""Groth16 verification: typed and thin over `native._native.groth16`.

Promises that a `VerifyingKey`, `Proof` or `PublicInputs` that exists was checked whole: numbers below the modulus (refused,
never reduced), points on the curve and in the subgroup, counts right, nothing left over. Does NOT know what a statement
means. The scheme: Groth, ePrint 2016/260.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from native import NativeError
from native._native import groth16 as native
from snark.faults import LocalFault, MalformedFault
from snark.formats import KEY, PROOF, PUBLIC, Curve, Format, read

__all__ = ["Claim", "FoldedKey", "Proof", "PublicInputs", "VerifyingKey", "fold", "verify", "verify_batch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyingKey:
    """A verifying key, prepared.

    Attributes:
        curve: its curve.
        format: what it was read from.
        id: 32 bytes, the same in every format.
        inputs: how many public inputs a proof under it has.
        forgeable: gamma is delta: no phase 2 took place, whoever holds a valid proof makes others.
    """

    curve: Curve
    format: Format
    id: bytes
    inputs: int
    forgeable: bool
    handle: native.VerifyingKey

    @classmethod
    def parse(cls, raw: bytes, format_: Format | None = None, curve: Curve | None = None) -> VerifyingKey:
        """Reads a key; format and curve are guessed when not given.

        Raises:
            MalformedFault: names the field that is wrong.
        """
        guesses = tuple(Curve) if curve is None else (curve,)
        refusals: list[MalformedFault] = []
        for guess in guesses:

            def parse(format_: Format, guess: Curve = guess) -> native.VerifyingKey:
                named = curve is None and format_ is Format.SNARKJS  # JSON names its curve
                return native.VerifyingKey.parse(raw, format_.value, None if named else guess.value)

            try:
                handle, found = read(KEY, raw, format_, parse)
            except MalformedFault as refusal:
                refusals.append(refusal)
                continue
            return cls(
                curve=Curve(handle.curve),
                format=found,
                id=handle.id,
                inputs=handle.inputs,
                forgeable=handle.forgeable,
                handle=handle,
            )
        raise refusals[0]  # of the protocol's curve


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A proof whose three points were checked; none is infinity."""

    curve: Curve
    format: Format
    handle: native.Proof

    @classmethod
    def parse(cls, raw: bytes, curve: Curve, format_: Format | None = None) -> Proof:
        """Reads a proof on a curve; the format is guessed when not given.

        Raises:
            MalformedFault: names the field that is wrong.
        """
        handle, found = read(PROOF, raw, format_, lambda one: native.Proof.parse(raw, one.value, curve.value))
        return cls(curve=curve, format=found, handle=handle)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicInputs:
    """Public inputs, each below the group order r."""

    curve: Curve
    handle: native.PublicInputs

    @classmethod
    def parse(cls, raw: bytes, curve: Curve, format_: Format | None = None) -> PublicInputs:
        """Reads public inputs; the format is guessed when not given.

        Raises:
            MalformedFault: names the input that is wrong.
        """
        handle, _ = read(PUBLIC, raw, format_, lambda one: native.PublicInputs.parse(raw, one.value, curve.value))
        return cls(curve=curve, handle=handle)

    @classmethod
    def of(cls, numbers: Iterable[int], curve: Curve) -> PublicInputs:
        """Inputs from integers; 256-bit values are refused when not below r, never reduced.

        Raises:
            MalformedFault: names the input that is wrong.
        """
        words = []
        for i, number in enumerate(numbers):
            if not 0 <= number < 1 << 256:
                raise MalformedFault(field=f"public[{i}]", expected="a number below the group order r", got=number)
            words.append(number.to_bytes(32))
        try:
            return cls(curve=curve, handle=native.PublicInputs(words, curve.value))
        except NativeError as refused:
            raise MalformedFault.of(PUBLIC.name, refused) from refused

    @property
    def numbers(self) -> tuple[int, ...]:
        """The inputs as integers."""
        return tuple(int.from_bytes(word) for word in self.handle.words)


Claim = tuple[PublicInputs, Proof]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedKey:
    """A key with its first inputs fixed; `inputs` are still open."""

    key_id: bytes
    inputs: int
    handle: native.FoldedKey

    def verify(self, proof: Proof, open_inputs: PublicInputs) -> bool:
        """Whether the proof is valid for the fixed inputs followed by these.

        Raises:
            MalformedFault: another number of inputs, or another curve.
        """
        try:
            return self.handle.verify(open_inputs.handle, proof.handle)
        except NativeError as refused:
            raise MalformedFault.of(PUBLIC.name, refused) from refused


def verify(key: VerifyingKey, inputs: PublicInputs, proof: Proof) -> bool:
    """Whether the proof is valid for these inputs under the key.

    Raises:
        MalformedFault: another number of inputs than the key has, or another curve.
    """
    try:
        return key.handle.verify(inputs.handle, proof.handle)
    except NativeError as refused:
        raise MalformedFault.of(PUBLIC.name, refused) from refused


def verify_batch(key: VerifyingKey, claims: Sequence[Claim]) -> list[int]:
    """The indices of the invalid claims, none when all are valid; an invalid one is missed with a chance of 2^-128.

    Raises:
        LocalFault: there is nothing to verify.
        MalformedFault: another number of inputs, or another curve; names the index.
    """
    if not claims:
        raise LocalFault("batch: expected at least one claim, got none")
    try:
        return native.verify_batch(key.handle, [(inputs.handle, proof.handle) for inputs, proof in claims])
    except NativeError as refused:
        raise MalformedFault.of("batch", refused) from refused


def fold(key: VerifyingKey, known: PublicInputs) -> FoldedKey:
    """The key with its first inputs fixed: they cost nothing at verification any more.

    Raises:
        MalformedFault: more inputs than the key has, or another curve.
    """
    try:
        handle = key.handle.fold(known.handle)
    except NativeError as refused:
        raise MalformedFault.of(PUBLIC.name, refused) from refused
    return FoldedKey(key_id=key.id, inputs=handle.inputs, handle=handle)
