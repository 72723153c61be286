"""Facts as messages and back: what stands in an envelope. Pure; the envelope itself is signed in `node.p2p.envelope`."""

from __future__ import annotations

import msgspec

from challenge.facts import KINDS, key
from node.faults import PeerFault

Body = tuple[tuple[int, ...], bytes]


def to_body(name: str, value: bytes) -> tuple[str, bytes]:
    """(kind, body) of fact `name`: the body is [indices, value] in MessagePack."""
    kind, *indices = name.split("/")
    return kind.replace("_", "-"), msgspec.msgpack.encode(([int(i) for i in indices], value))


def from_body(kind: str, body: bytes) -> tuple[str, bytes]:
    """(fact key, value) of a message. Raises PeerFault when it is not of this shape; the key is checked by the machine."""
    name = kind.replace("-", "_")
    if name not in KINDS:
        raise PeerFault(what="kind", expected="a fact of the protocol", came=kind[:60])
    try:
        indices, value = msgspec.msgpack.decode(body, type=Body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise PeerFault(what=f"body of {kind}", expected="[indices, value]", came=str(error)[:200]) from error
    if len(indices) > 4 or any(not 0 <= i < 1 << 32 for i in indices):
        raise PeerFault(what=f"body of {kind}", expected="at most four small indices", came=str(indices)[:200])
    return key(name, *indices), value
