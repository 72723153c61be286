"""A transaction that is not mined is paid for by a child; a child that is refused binds no coin; nothing is forgotten."""

from __future__ import annotations

import pytest
from bitcoin.core import CTransaction

from node.chain import Rejected
from node.publish import PATIENCE
from tests.simulation import toy
from tests.simulation.power import Fuse
from tests.simulation.scenarios import TOY, a_world, open_a_vault
from tests.simulation.world import World


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    toy.install(monkeypatch)


async def censored(world: World, vault: bytes, blocks: int) -> bytes:
    """The claim is ordered, and evicted before each of these blocks; returns its txid."""
    await world.claim(vault, 0, *TOY)
    graph = await world.actors["borrower"].node.context.graph(world.state("borrower", vault))
    txid = graph.templates["0/claim"].txid
    for _ in range(blocks):
        for waiting, raw in list(world.chain.mempool.items()):
            if waiting == txid or any(item.prevout.hash == txid for item in CTransaction.deserialize(raw).vin):
                del world.chain.mempool[waiting]
        await world.mine()
    return txid


def children(world: World, parent: bytes) -> list[bytes]:
    offered = [raw for raws in world.chain.offered.values() for raw in raws]
    spends = [(raw, [item.prevout.hash for item in CTransaction.deserialize(raw).vin]) for raw in offered]
    return [raw for raw, spent in spends if parent in spent and len(spent) > 1]


async def test_a_claim_that_is_not_mined_gets_a_child_after_patience_and_not_before() -> None:
    async with a_world() as world:
        vault = await open_a_vault(world)
        txid = await censored(world, vault, PATIENCE - 1)
        assert not children(world, txid)
        await censored(world, vault, 2)
        assert children(world, txid)
        await world.until(lambda: world.phases(vault)[0] == ["disproved"], 20)
        await world.mine(2)
        wallet = world.actors["borrower"].node.context.wallet
        assert wallet.waiting() == [], "the child was mined, or its rival was"


async def test_a_child_that_is_refused_leaves_its_coins_free(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_world() as world:
        vault = await open_a_vault(world)
        asked: list[list[bytes]] = []

        async def refuse(raws: list[bytes]) -> Rejected:
            asked.append(raws)
            return Rejected(txid=bytes(32), reason="package-mempool-limits", missing_inputs=False)

        monkeypatch.setattr(world.chain, "submit_package", refuse)
        wallet = world.actors["borrower"].node.context.wallet
        before = {coin.outpoint for coin in wallet.free()}
        await censored(world, vault, PATIENCE + 3)
        assert len(asked) > 1
        assert wallet.waiting() == []
        assert {coin.outpoint for coin in wallet.free()} == before


@pytest.mark.parametrize("place", ["before commit of wrote wallet", "after commit of wrote wallet"])
async def test_a_crash_around_a_child_binds_no_coin_for_ever(place: str) -> None:
    """The record of the child is on disk before the child leaves; after the crash it is offered again, or made again."""
    fuse = Fuse()
    async with a_world(fuses={"borrower": fuse}) as world:
        vault = await open_a_vault(world)
        await censored(world, vault, PATIENCE - 1)
        fuse.once(place)
        await censored(world, vault, 2)
        assert fuse.blown == [place]
        await world.until(lambda: world.phases(vault)[0] == ["disproved"], 20)
        await world.mine(2)
        wallet = world.actors["borrower"].node.context.wallet
        assert wallet.waiting() == []
