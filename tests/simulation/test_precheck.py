"""What is not exactly what it should be never reaches the chain, whoever wrote it: the last look, in a living node."""

from __future__ import annotations

import pytest
from bitcoin.core import CTransaction, CTxOut

from node.precheck import Ceiling
from node.publish import outgoing_key
from node.work import build
from tests.simulation import toy
from tests.simulation.scenarios import TOY, a_world, open_a_vault
from tests.simulation.world import World

HIGH, LOW = Ceiling(rate=500, sats=1_000_000), Ceiling(rate=500, sats=10)


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    toy.install(monkeypatch)


def offered(world: World, txid: bytes) -> bool:
    return any(world.chain.txid(raw) == txid for raws in world.chain.offered.values() for raw in raws)


async def test_bytes_that_were_changed_on_the_disk_stay_here_with_one_alarm() -> None:
    async with a_world() as world:
        vault = await open_a_vault(world)
        node = world.actors["borrower"].node
        raw = await build(node.context, world.state("borrower", vault), "0/claim")
        tx = CTransaction.deserialize(raw)
        outputs = [CTxOut(tx.vout[0].nValue - 1, tx.vout[0].scriptPubKey), *tx.vout[1:]]
        changed = bytes(CTransaction(tx.vin, outputs, tx.nLockTime, tx.nVersion, tx.wit).serialize())
        at = outgoing_key(vault, "0/claim")
        await node.context.write((("outgoing", at, changed),))
        await world.claim(vault, 0, *TOY)
        await world.mine(3)
        assert world.phases(vault)[0] == ["armed"] and node.alarms == 1
        assert not offered(world, world.chain.txid(changed)) and not offered(world, world.chain.txid(raw))
        await node.context.write((("outgoing", at, raw),))
        await world.mine(2)
        assert world.phases(vault)[0] != ["armed"], "the right bytes pass"


async def test_a_fee_above_the_ceiling_waits_for_the_operator() -> None:
    async with a_world() as world:
        vault = await open_a_vault(world)
        node = world.actors["borrower"].node
        node.context.ceiling = LOW
        await world.claim(vault, 0, *TOY)
        await world.mine(4)
        assert world.phases(vault)[0] == ["armed"] and node.alarms == 1
        node.context.ceiling = HIGH
        await world.mine(2)
        assert world.phases(vault)[0] != ["armed"]


async def test_a_child_above_the_ceiling_is_not_sent_and_its_parent_is() -> None:
    async with a_world() as world:
        vault = await open_a_vault(world)
        node = world.actors["borrower"].node
        graph = await node.context.graph(world.state("borrower", vault))
        claim = graph.templates["0/claim"]
        node.context.ceiling = Ceiling(rate=500, sats=claim.fee)
        await world.claim(vault, 0, *TOY)
        for _ in range(4):
            world.chain.mempool.clear()
            await world.mine()
        spent = [
            item.prevout.hash
            for raws in world.chain.offered.values()
            for raw in raws
            if len(CTransaction.deserialize(raw).vin) > 1
            for item in CTransaction.deserialize(raw).vin
        ]
        assert offered(world, claim.txid) and claim.txid not in spent
        assert node.context.wallet.waiting() == [], "no coin is bound to a child that was not sent"
