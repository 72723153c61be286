"""The formats of keys, proofs and public inputs, and which one bytes are in.

Promises that a guess is never a matter of luck: bytes have the one format whose whole parser takes them. Does NOT parse.
The layouts: docs/groth16.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from native import NativeError
from native._native import groth16 as native
from snark.faults import MalformedFault

__all__ = ["KEY", "PROOF", "PUBLIC", "Curve", "Format", "Kind", "read", "to_snarkjs"]

T = TypeVar("T")


class Curve(Enum):
    """A pairing-friendly curve."""

    BN254 = "bn254"
    BLS12_381 = "bls12_381"


class Format(Enum):
    """How a file is laid out."""

    SNARKJS = "snarkjs"
    EIP197 = "eip197"
    GNARK = "gnark"
    ARKWORKS = "arkworks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of file: its name in errors and the most bytes it may have."""

    name: str
    limit: int


_KEY_BYTES, _PROOF_BYTES, _INPUT_BYTES, MOST_INPUTS = native.limits()
KEY = Kind(name="key", limit=_KEY_BYTES)
PROOF = Kind(name="proof", limit=_PROOF_BYTES)
PUBLIC = Kind(name="public inputs", limit=_INPUT_BYTES)

_JSON_STARTS = (b"{", b"[")
_BINARY = (Format.EIP197, Format.GNARK, Format.ARKWORKS)


def read(kind: Kind, raw: bytes, format_: Format | None, parse: Callable[[Format], T]) -> tuple[T, Format]:
    """What `parse` makes of the bytes, and in which format; without one, in the only format that takes them.

    EIP-197 and gnark write some points alike; what either makes of the same bytes is the same.

    Raises:
        MalformedFault: too large, or refused; without a format, the refusal of the format that came farthest.
    """
    if len(raw) > kind.limit:
        raise MalformedFault(field=kind.name, expected=f"at most {kind.limit} bytes", got=f"{len(raw)} bytes")
    if format_ is not None:
        candidates: tuple[Format, ...] = (format_,)
    elif _is_json(raw):
        candidates = (Format.SNARKJS,)
    else:
        candidates = _BINARY
    refusals: list[str] = []
    for candidate in candidates:
        try:
            return parse(candidate), candidate
        except NativeError as refused:
            if len(candidates) == 1:
                raise MalformedFault.of(kind.name, refused) from refused
            refusals.append(f"as {candidate.value}: {refused}")
    names = ", ".join(member.value for member in Format)
    raise MalformedFault(field=kind.name, expected=f"one of the formats {names}", got="; ".join(refusals))


def _is_json(raw: bytes) -> bool:
    """A point may begin with the byte of a brace, but the rest of it is no text."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return raw.lstrip()[:1] in _JSON_STARTS


def to_snarkjs(handle: native.VerifyingKey | native.Proof | native.PublicInputs) -> bytes:
    """The JSON that snarkjs reads, of a key, a proof or public inputs.

    Raises:
        MalformedFault: a point of the key is infinity, which this JSON cannot say.
    """
    try:
        return handle.encode(Format.SNARKJS.value)
    except NativeError as refused:
        raise MalformedFault.of("snarkjs JSON", refused) from refused
