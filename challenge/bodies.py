"""The content of bulk facts: strict to decode, canonical to encode.

Promise: `decode(X, encode(x)) == x`, and no byte string that is not canonical is taken. Lengths that
follow from Terms are checked by who uses the value; here only the shape is.
"""

from itertools import pairwise
from typing import Any, Final, TypeVar

import msgspec

from challenge.faults import Deviation
from vault.terms import Coin

T = TypeVar("T")


class Points(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, array_like=True):
    """points/g and answers/g/k. `digits`: (1 + bits) * digits compressed points; `outputs`: (challenger, point).

    points/g of core: S and O_k of every challenger; of babe: A and K_k (as 02 | x) of every challenger.
    answers/g/k (babe): S_k and F_k of challenger k alone. `proof`: knowledge of the logarithms of all of them.
    """

    digits: bytes
    outputs: tuple[tuple[int, bytes], ...]
    proof: bytes


class Commitments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, array_like=True):
    """commitments/g/k. `polynomial`: N - M + 1 compressed points F; `instances`: N commitments of 32 bytes."""

    polynomial: bytes
    instances: bytes


class Openings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, array_like=True):
    """openings/g/k: the manifests (circuits.artifact) of the opened instances and of the kept artifact."""

    opened: bytes
    kept: bytes


class Funded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, array_like=True):
    """funded: this node's own coins in the vault and the nonce its keys are derived with.

    `bonds` and `stakes`: (graph, coin), ascending.
    """

    nonce: bytes
    bonds: tuple[tuple[int, Coin], ...]
    prefund_inputs: tuple[Coin, ...]
    stakes: tuple[tuple[int, Coin], ...] = ()


# Made at import, as in vault.terms: a type's first decoding compiles, and must not happen in two threads at once.
_DECODERS: Final[dict[type, msgspec.msgpack.Decoder[Any]]] = {
    kind: msgspec.msgpack.Decoder(kind) for kind in (Points, Commitments, Openings, Funded)
}


def encode(value: msgspec.Struct) -> bytes:
    """Canonical MessagePack."""
    return msgspec.msgpack.encode(value)


def decode(type_: type[T], raw: bytes, name: str) -> T:
    """Parse and insist on the canonical form. Raises Deviation that names the fact."""
    try:
        value: T = _DECODERS[type_].decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Deviation(f"{name}: not a {type_.__name__}: {str(error)[:200]}") from error
    if msgspec.msgpack.encode(value) != raw:
        raise Deviation(f"{name}: a {type_.__name__} in a form that is not canonical")
    return value


def encode_kept(indices: tuple[int, ...]) -> bytes:
    """Two bytes an index, big-endian, ascending."""
    return b"".join(i.to_bytes(2, "big") for i in indices)


def decode_kept(raw: bytes, *, instances: int, kept: int, name: str) -> tuple[int, ...]:
    """The kept set: exactly `kept` distinct ascending indices below `instances`."""
    if len(raw) != 2 * kept:
        raise Deviation(f"{name}: a kept set of {kept} indices takes {2 * kept} bytes, {len(raw)} came")
    indices = tuple(int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2))
    if any(a >= b for a, b in pairwise(indices)) or indices[-1] >= instances:
        raise Deviation(f"{name}: indices must be distinct, ascending and below {instances}, got {indices}")
    return indices
