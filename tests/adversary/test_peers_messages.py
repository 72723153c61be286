"""Forged, replayed and malformed messages: refused with the field named, the state unchanged, the node goes on (P6)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from random import Random

import msgspec
import pytest

from challenge.states import VaultState
from native._native.keys import Seed
from node.faults import PeerFault, Unavailable
from node.letters import to_body
from node.limits import PRODUCT
from node.p2p import envelope
from tests.adversary.lying import resign, value_of
from tests.simulation import toy
from tests.simulation.scenarios import a_world
from tests.simulation.world import GENESIS, ROLES, World

SEED = 20261122


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    toy.install(monkeypatch)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as opened:
        yield opened


async def halfway(world: World) -> bytes:
    """A vault whose Stakes wait to be buried: keys of two parties are known, the setup goes on with the next block."""
    vault = await world.propose(amounts=[900_000], slots=1)
    await world.mine()
    return vault


def states(world: World, vault: bytes) -> dict[str, VaultState]:
    return {name: world.state(name, vault) for name in ROLES}


async def deliver(world: World, to: str, raw: bytes) -> str:
    """What the node answers: `ack`, or the field of the fault."""
    try:
        answer = await world.actors[to].node.on_message("somebody", raw)
    except PeerFault as fault:
        return f"{fault.what}: {fault.came}"
    except Unavailable as fault:
        return f"later: {fault.came}"
    return answer.decode()


def parsed(raw: bytes) -> envelope.Envelope:
    return msgspec.msgpack.decode(raw, type=envelope.Envelope)


def unsigned(raw: bytes, **changes: object) -> bytes:
    """Fields of a message changed, its signature kept."""
    return msgspec.msgpack.encode(msgspec.structs.replace(parsed(raw), **changes))  # type: ignore[arg-type]


FORGERIES: dict[str, tuple[Callable[[World, bytes], bytes], str]] = {
    "another sender": (lambda w, raw: unsigned(raw, sender=w.actors["challenger"].identity), "signature"),
    "another vault": (lambda w, raw: unsigned(raw, vault=bytes(32)), "signature"),
    "another kind": (lambda w, raw: unsigned(raw, kind="ready"), "signature"),
    "another sequence": (lambda w, raw: unsigned(raw, sequence=parsed(raw).sequence + 1), "signature"),
    "another body": (lambda w, raw: unsigned(raw, body=parsed(raw).body + b"\x00"), "signature"),
    "another version": (lambda w, raw: unsigned(raw, version=2), "version"),
    "an empty signature": (lambda w, raw: unsigned(raw, signature=bytes(64)), "signature"),
    "a short signature": (lambda w, raw: unsigned(raw, signature=bytes(63)), "signature"),
    "another chain": (lambda w, raw: resign(raw, w.actors["lender"], genesis=bytes(32)), "signature"),
    "another recipient": (lambda w, raw: resign(raw, w.actors["lender"], recipient=bytes([2]) * 32), "recipient"),
    "a fact of another party": (lambda w, raw: resign(raw, w.actors["lender"], name="accept/2", value=b""), "accept/2"),
    "a fact that nobody states": (lambda w, raw: resign(raw, w.actors["lender"], name="presigned"), "presigned"),
    "an order": (lambda w, raw: resign(raw, w.actors["lender"], name="want_abort", value=b"now"), "want_abort"),
    "an index out of range": (lambda w, raw: resign(raw, w.actors["lender"], name="accept/3", value=b""), "accept/3"),
    "too long a value": (lambda w, raw: resign(raw, w.actors["lender"], name="accept/1", value=b"1"), "accept/1"),
    "not for this node": (
        lambda w, raw: resign(raw, w.actors["lender"], name="commitments/0/2", value=b""), "commitments/0/2"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_message_is_refused_and_changes_nothing(name: str, world: World) -> None:
    vault = await halfway(world)
    genuine = next(raw for sender, to, raw in world.wire.passed if (sender, to) == ("lender", "borrower"))
    assert await deliver(world, "borrower", genuine) == "ack", "the genuine one is taken, again"
    before = states(world, vault)
    forge, field = FORGERIES[name]
    answer = await deliver(world, "borrower", forge(world, genuine))
    assert answer.startswith(field), answer
    assert states(world, vault) == before
    await world.until(lambda: world.open_everywhere(vault), 20)


async def test_a_message_of_a_stranger_is_refused(world: World) -> None:
    vault = await halfway(world)
    stranger = Seed.generate().secret(b"stranger")
    before = states(world, vault)
    for name, value in (("accept/1", b""), ("abort/1", b"stop"), ("keys/1", b"")):
        kind, body = to_body(name, value)
        raw = envelope.encode(
            vault=vault, kind=kind, sequence=1, recipient=world.actors["borrower"].identity, body=body,
            identity=stranger, genesis=GENESIS, limits=PRODUCT,
        )  # fmt: skip
        assert await deliver(world, "borrower", raw) == f"sender: {stranger.xonly().hex()}"
    assert states(world, vault) == before
    await world.until(lambda: world.open_everywhere(vault), 20)


async def test_a_message_about_an_unknown_vault_waits_or_is_done(world: World) -> None:
    vault = await halfway(world)
    genuine = next(raw for sender, to, raw in world.wire.passed if (sender, to) == ("lender", "borrower"))
    before = states(world, vault)
    other = resign(genuine, world.actors["lender"], vault=bytes(32))
    assert (await deliver(world, "borrower", other)).startswith("later")
    abort = resign(genuine, world.actors["lender"], vault=bytes(32), name="abort/1", value=b"no")
    assert await deliver(world, "borrower", abort) == "ack"
    assert states(world, vault) == before


async def test_every_message_of_a_setup_again_changes_nothing(world: World) -> None:
    """Replayed in another order, during the setup and after it."""
    vault = await halfway(world)
    chance = Random(SEED)
    await replay(world, vault, chance)
    await world.until(lambda: world.open_everywhere(vault), 20)
    await replay(world, vault, chance)
    assert world.open_everywhere(vault)


async def replay(world: World, vault: bytes, chance: Random) -> None:
    before, heard = states(world, vault), list(world.wire.passed)
    chance.shuffle(heard)
    for _, to, raw in heard:
        assert await deliver(world, to, raw) == "ack", value_of(raw)[0]
    await world.quiet()
    assert states(world, vault) == before


async def test_a_replay_to_another_party_is_refused(world: World) -> None:
    await halfway(world)
    for sender, to, raw in list(world.wire.passed):
        (other,) = set(ROLES) - {sender, to}
        assert (await deliver(world, other, raw)).startswith("recipient")


async def test_a_flood_of_malformed_bytes_never_stops_the_node(world: World) -> None:
    vault = await halfway(world)
    chance, before = Random(SEED), states(world, vault)
    genuine = [raw for sender, to, raw in world.wire.passed if to == "borrower"]
    turns = world.actors["borrower"].node.loop.turns
    for _ in range(1500):
        raw = bytearray(chance.choice(genuine))
        match chance.randrange(4):
            case 0:
                raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
            case 1:
                del raw[chance.randrange(len(raw)) :]
            case 2:
                raw += chance.randbytes(chance.randint(1, 40))
            case _:
                raw = bytearray(chance.randbytes(chance.randrange(400)))
        answer = await deliver(world, "borrower", bytes(raw))
        assert answer != "ack" and not answer.startswith("later"), bytes(raw).hex()
    assert await deliver(world, "borrower", bytes(PRODUCT.message_frame_bytes + 1)) != "ack"
    assert world.actors["borrower"].node.loop.turns == turns, "none of it reached the loop"
    assert states(world, vault) == before
    await world.until(lambda: world.open_everywhere(vault), 20)


async def test_a_flood_of_signed_nonsense_of_a_party_changes_nothing(world: World) -> None:
    """A party of the vault may sign whatever it likes: bodies that are no facts, facts that are not its own."""
    vault = await halfway(world)
    chance, before = Random(SEED), states(world, vault)
    lender, borrower = world.actors["lender"], world.actors["borrower"]
    kinds = ["keys", "points", "partials", "no-such-kind", "accept", "verdict", "funded", "propose"]
    for number in range(300):
        raw = envelope.encode(
            vault=vault, kind=chance.choice(kinds), sequence=number, recipient=borrower.identity,
            body=chance.randbytes(chance.randrange(60)), identity=lender.secret, genesis=GENESIS, limits=PRODUCT,
        )  # fmt: skip
        assert await deliver(world, "borrower", raw) != "ack"
    assert states(world, vault) == before
    await world.until(lambda: world.open_everywhere(vault), 20)
