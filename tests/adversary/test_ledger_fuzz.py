"""Every message and every answer about a ledger mutated as values (tests/fuzz), signed by whoever sends it: refused or waited
for, nobody's view or signatures change, and with honest peers again the ledger goes on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import msgspec
import pytest

from node.faults import PeerFault, Unavailable
from node.limits import PRODUCT
from node.p2p import envelope
from tests.fuzz.mutate import mutant
from tests.simulation.ledger_world import ATTESTORS, EVERYBODY, FOLLOWER, KEEPER, LedgerWorld
from tests.simulation.test_ledger import a_ledger, loan, mark
from tests.simulation.world import GENESIS

pytestmark = pytest.mark.timeout(240)
SEED = 20261122
MUTANTS = 80


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[LedgerWorld]:
    """Everybody stands on seq 3."""
    async with a_ledger(tmp_path) as opened:
        await opened.post(mark(opened), await opened.block(), loan())
        await opened.final(3)
        yield opened


def resigned(world: LedgerWorld, raw: bytes, body: bytes) -> bytes:
    """The same message with another body, by the same sender."""
    old = msgspec.msgpack.decode(raw, type=envelope.Envelope)
    (sender,) = (actor for actor in world.actors.values() if actor.identity == old.sender)
    return envelope.encode(
        vault=old.vault, kind=old.kind, sequence=old.sequence, recipient=old.recipient, body=body,
        identity=sender.secret, genesis=GENESIS, limits=PRODUCT,
    )  # fmt: skip


def of_each_kind(world: LedgerWorld) -> dict[tuple[str, str], tuple[str, list[bytes]]]:
    """(kind, recipient) -> (sender, genuine messages)."""
    found: dict[tuple[str, str], tuple[str, list[bytes]]] = {}
    for sender, to, raw in world.wire.passed:
        kind = msgspec.msgpack.decode(raw, type=envelope.Envelope).kind
        if kind.startswith("ledger-"):
            found.setdefault((kind, to), (sender, []))[1].append(raw)
    return found


async def test_no_mutated_message_changes_a_view_or_gets_a_second_signature(world: LedgerWorld) -> None:
    chance, refused = Random(SEED), 0
    messages = of_each_kind(world)
    assert {kind for kind, _ in messages} >= {"ledger-batch", "ledger-entry", "ledger-head"}
    views = {name: world.actors[name].room.follower.view for name in EVERYBODY}
    for (_, to), (sender, genuine) in messages.items():
        bodies = [msgspec.msgpack.decode(raw, type=envelope.Envelope).body for raw in genuine]
        for _ in range(MUTANTS):
            body = mutant(chance.choice(bodies), bodies, chance)[: PRODUCT.message_body_bytes]
            try:
                await world.actors[to].node.on_message(sender, resigned(world, genuine[0], body))
            except (PeerFault, Unavailable) as fault:
                refused += 1
                assert len(str(fault)) < 5_000
    assert refused > MUTANTS
    assert {name: world.actors[name].room.follower.view for name in EVERYBODY} == views
    assert all(len(digests) == 1 for digests in world.signed().values())
    assert all(not actor.room.gossip.evidence and actor.node.alarms == 0 for actor in world.actors.values())
    await world.post(await world.block())
    await world.final(4)


async def test_a_ledger_goes_on_over_a_wire_on_which_every_second_word_is_mutated(world: LedgerWorld) -> None:
    chance, spoilt = Random(SEED), {"messages": 0, "answers": 0}

    def message(sender: str, to: str, raw: bytes) -> bytes:
        old = msgspec.msgpack.decode(raw, type=envelope.Envelope)
        if not old.kind.startswith("ledger-") or chance.random() < 0.5:
            return raw
        spoilt["messages"] += 1
        return resigned(world, raw, mutant(old.body, [old.body], chance)[: PRODUCT.message_body_bytes])

    def answer(asked: str, answers: str, kind: str, raw: bytes) -> bytes:
        if chance.random() < 0.5:
            return raw
        spoilt["answers"] += 1
        return mutant(raw, [raw], chance)

    world.wire.tamper, world.wire.reply = message, answer
    for seq in (4, 5, 6):
        await world.post(await world.block())
        await world.final(seq, KEEPER)
    assert min(spoilt.values()) > 10
    world.wire.tamper = lambda sender, to, raw: raw
    world.wire.reply = lambda asked, answers, kind, raw: raw
    await world.final(6)
    assert len({world.actors[name].room.follower.view.root for name in EVERYBODY}) == 1
    assert all(len(digests) == 1 for digests in world.signed().values())
    assert not world.actors[FOLLOWER].room.gossip.evidence
    assert {index for index, _ in world.signed()} <= set(range(len(ATTESTORS)))
