"""A party of the vault that follows the protocol with its own keys but for one lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from node.letters import from_body, to_body
from node.limits import PRODUCT
from node.p2p import envelope
from tests.simulation.world import GENESIS, Actor, World

Lie = Callable[[bytes], bytes]


def resign(raw: bytes, actor: Actor, **changes: Any) -> bytes:
    """The same message with other content, signed by the actor's real identity. `value` is the fact's value."""
    old = msgspec.msgpack.decode(raw, type=envelope.Envelope)
    name, value = from_body(old.kind, old.body)
    kind, body = to_body(changes.get("name", name), changes.get("value", value))
    return envelope.encode(
        vault=changes.get("vault", old.vault),
        kind=kind,
        sequence=changes.get("sequence", old.sequence),
        recipient=changes.get("recipient", old.recipient),
        body=body,
        identity=actor.secret,
        genesis=changes.get("genesis", GENESIS),
        limits=PRODUCT,
    )


def value_of(raw: bytes) -> tuple[str, bytes]:
    """(fact, value) of a message."""
    old = msgspec.msgpack.decode(raw, type=envelope.Envelope)
    return from_body(old.kind, old.body)


def lie(world: World, who: str, fact: str, change: Lie, *, to: tuple[str, ...] = ()) -> list[str]:
    """From now on `who` states `fact` changed, to everyone or to some; returns a list that grows by whom it was told."""
    told: list[str] = []

    def tamper(sender: str, recipient: str, raw: bytes) -> bytes:
        name, value = value_of(raw)
        if sender != who or name != fact or (to and recipient not in to):
            return raw
        told.append(recipient)
        return resign(raw, world.actors[who], value=change(value))

    world.wire.tamper = tamper
    return told


def honest(world: World) -> None:
    """Nobody lies any more."""
    world.wire.tamper = lambda sender, to, raw: raw
    world.wire.chunk = lambda sender, to, name, n, raw: raw
