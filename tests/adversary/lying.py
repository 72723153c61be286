"""A party of the vault that follows the protocol with its own keys but for one lie, and how a setup ends then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

import node.work
from challenge.bodies import Openings, decode, encode
from challenge.states import Stage
from native._native import tapscript
from node.letters import from_body, to_body
from node.limits import PRODUCT
from node.p2p import envelope
from node.work.context import Context
from node.work.funding import load_stakes
from tests.simulation.world import GENESIS, GIFT, GIFTS, ROLES, Actor, World

ANCHOR = 240
Lie = Callable[[bytes], bytes]
Alter = Callable[[bytes, int], bytes]
"""(content of an artifact, bytes of one record in it) -> other content."""


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """`liar` states `fact` changed to those in `to` (empty: to all); one of them notices and names `field`."""

    liar: str
    fact: str
    change: Lie
    field: str
    to: tuple[str, ...] = ()


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


def lying_job(
    monkeypatch: pytest.MonkeyPatch, world: World, who: str, kind: str, change: Callable[..., Any]
) -> list[str]:
    """The job of one node states other facts; the others' jobs are honest."""
    real, done = node.work.WORK[kind], []

    async def lying(context: Context, state: Any, job: Any) -> Any:
        facts = await real(context, state, job)
        if context is world.actors[who].node.context:
            done.append(job)
            return change(context, facts, job)
        return facts

    monkeypatch.setitem(node.work.WORK, kind, lying)
    return done


def altered(fact: str, which: str, alter: Alter, records: int) -> Callable[..., Any]:
    """A content that is changed before its manifest is made: every chunk verifies, the content is wrong."""

    def change(context: Context, facts: Any, job: Any) -> Any:
        ((name, raw),) = facts
        if name != fact:
            return facts
        body = decode(Openings, raw, name)
        content = bytes(context.artifacts.view(context.artifacts.id_of(getattr(body, which))))
        assert len(content) % records == 0
        changed = context.artifacts.put(
            alter(content, len(content) // records), kind="kept" if which == "kept" else "openings"
        )
        return ((name, encode(msgspec.structs.replace(body, **{which: changed.encoded}))),)

    return change


def first_bytes(content: bytes, record: int) -> bytes:
    return bytes([content[0] ^ 1]) + content[1:]


def middle(content: bytes, record: int) -> bytes:
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def last_byte(content: bytes, record: int) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def swap_two(content: bytes, record: int) -> bytes:
    return content[record : 2 * record] + content[:record] + content[2 * record :]


def flip(at: int) -> Lie:
    """One bit of one byte."""
    return lambda value: value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]


async def setup(world: World) -> bytes:
    """Propose, and mine until the setup has come to an end of some kind."""
    vault = await world.propose(amounts=[900_000], slots=1)
    for _ in range(6):
        if all(world.state(name, vault).end is not None for name in ROLES):
            break
        await world.mine()
    return vault


def expect_ended(world: World, vault: bytes, *, victims: tuple[str, ...], field: str, bound: str = "") -> None:
    """A victim names the field, everyone else heard it from one.

    `bound`: a liar that knows its own honest values; when it has said ready before it heard of the end, it goes on.
    """
    by_itself = []
    for name in ROLES:
        end = world.state(name, vault).end
        if name == bound and end is None:
            continue
        assert end is not None, f"{name} goes on: {world.describe()}"
        assert end[0] == Stage.ABORTED.value
        assert field in end[1], f"{name}: {end[1]}"
        if "ended the setup" not in end[1]:
            by_itself.append(name)
    assert set(by_itself) & set(victims), f"noticed by {by_itself}"


def posted(world: World, name: str, vault: bytes) -> tuple[bytes, ...]:
    """The Stakes of a party, what takes its one coin back, and what calls PreFund off; nothing of what it had not to do."""
    context = world.actors[name].node.context
    record, reclaim = load_stakes(context, vault), context.store.get("outgoing", vault + b"0/reclaim")
    off = context.store.get("outgoing", vault + b"call_off")
    if record is None or not record.raw:
        return ()
    assert reclaim is not None
    return (record.raw, reclaim) if off is None else (record.raw, reclaim, off)


async def expect_no_coin_spent(world: World, vault: bytes) -> None:
    """Every sat is back but the fees and anchors, at 1 sat/vB, of posting coins and of taking them back."""
    await world.mine(4)
    ours = {raw for name in ROLES for raw in posted(world, name, vault)}
    for name in ROLES:
        fees = sum(-(-tapscript.weight(raw) // 4) + ANCHOR for raw in posted(world, name, vault))
        assert world.balance(name) == GIFTS * GIFT - fees, name
        assert world.actors[name].node.context.wallet.balance().reserved == 0
    shown = {world.chain.txid(raw) for raw in ours}
    assert set(world.chain.offered) <= shown, "something else than Stakes and reclaims was shown to the chain"
