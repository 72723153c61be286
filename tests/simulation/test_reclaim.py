"""Bonds that no claim needs come back to the wallet, to the sat, after any end, crash or reorg."""

from __future__ import annotations

import pytest
from bitcoin.core import CTransaction

from native._native import tapscript
from node.work.funding import load_stakes
from tests.simulation import toy
from tests.simulation.power import Fuse
from tests.simulation.scenarios import a_world, open_a_vault
from tests.simulation.world import BOUND, GIFT, GIFTS, ROLES, World

ANCHOR = 240


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    toy.install(monkeypatch)


def fee_of(raw: bytes) -> int:
    """At the proposal's base rate of 1 sat/vB."""
    return -(-tapscript.weight(raw) // 4)


def reclaims(world: World, vault: bytes) -> set[bytes]:
    """Every version of the reclaim that the borrower ever showed."""
    raw = world.actors["borrower"].node.context.store.get("outgoing", vault + b"0/reclaim")
    return set() if raw is None else world.chain.offered.get(world.chain.txid(raw), set())


def stakes(world: World, vault: bytes) -> bytes:
    record = load_stakes(world.actors["borrower"].node.context, vault)
    assert record is not None
    return record.raw


def expect_back(world: World, vault: bytes, *, spent: int = 0) -> None:
    """The borrower has everything but the fees and anchors of Stakes and its reclaim, and what it `spent` otherwise."""
    (raw,) = reclaims(world, vault)
    tx = CTransaction.deserialize(raw)
    assert tx.vout[0].nValue == world.state("borrower", vault).proposal.graphs[0].bond - fee_of(raw) - ANCHOR
    fees = fee_of(stakes(world, vault)) + ANCHOR + fee_of(raw) + ANCHOR
    assert world.balance("borrower") == GIFTS * GIFT - fees - spent
    wallet = world.actors["borrower"].node.context.wallet
    assert wallet.balance().reserved == 0
    assert wallet.balance().unconfirmed == 0


async def give_up(world: World, name: str, vault: bytes) -> None:
    async def order(node) -> None:
        if node.state(vault).end is None:
            await node.order(vault.hex(), "want_abort", value=b"no more")

    await world.actors[name].ask(order)
    await world.quiet()


def all_ended(world: World, vault: bytes) -> bool:
    return all((end := world.state(name, vault).end) is not None and end[0] == "aborted" for name in ROLES)


@pytest.mark.parametrize("blocks", [0, 1, 2])
async def test_after_an_abort_the_bond_comes_back(blocks: int) -> None:
    """Stakes in the mempool, mined, or nearly buried: whoever ends the setup."""
    async with a_world() as world:
        vault = await world.propose(amounts=[900_000], slots=1)
        await world.mine(blocks)
        await give_up(world, "lender", vault)
        assert all_ended(world, vault)
        await world.mine(3)
        expect_back(world, vault)
        assert world.balance("lender") == world.balance("challenger") == GIFTS * GIFT


async def test_a_second_vault_works_with_the_coins_that_came_back() -> None:
    async with a_world() as world:
        vault = await world.propose(amounts=[900_000], slots=1)
        await world.mine(1)
        await give_up(world, "borrower", vault)
        await world.mine(3)
        expect_back(world, vault)
        second = await open_a_vault(world)
        assert second != vault


async def test_a_bond_whose_slot_was_repaid_comes_back() -> None:
    async with a_world() as world:
        vault = await open_a_vault(world)
        before = world.balance("borrower")
        await world.actors["borrower"].ask(lambda node: node.order(vault.hex(), "want_repay", 0))
        await world.until(lambda: world.phases(vault)[1] == ["closed"], 5)
        closed = world.state("borrower", vault).log[-1].height
        state = world.state("borrower", vault)
        depth = state.proposal.timelocks.depth
        assert world.chain.height < closed + depth
        assert not reclaims(world, vault), "the slot's end is not buried: a claim might still be needed"
        await world.mine(depth + 2)
        (raw,) = reclaims(world, vault)
        graph = await world.actors["borrower"].node.context.graph(state)
        repaid = graph.templates["repay/0"].outputs[0].value
        assert world.balance("borrower") == before + repaid + state.proposal.graphs[0].bond - fee_of(raw) - ANCHOR
        for name in ROLES:
            assert world.phases(vault, name) == (["disarmed"], ["closed"])
            assert [seen.name for seen in world.state(name, vault).log][-1] == "0/foreign/bond"


async def test_an_open_slot_keeps_its_bond() -> None:
    async with a_world() as world:
        vault = await open_a_vault(world)
        await world.mine(12)
        assert not reclaims(world, vault)
        assert world.phases(vault)[0] == ["armed"]


@pytest.mark.parametrize(
    "place",
    [
        "after commit of wrote jobs /stakes,wallet",
        "before broadcast of another transaction",
        "after broadcast of another transaction",
        "before commit of told 1 abort/1",
        "after commit of told 1 abort/1",
        "dispatch of told 1 abort/1",
        "before burning of the ephemeral key",
        "after burning of the ephemeral key",
        "before commit of wrote outgoing 0/reclaim",
        "after commit of wrote outgoing 0/reclaim",
        "before commit of wrote jobs /reclaimed/0",
        "after commit of wrote jobs /reclaimed/0",
    ],
)
async def test_a_crash_anywhere_on_the_way_loses_no_bond(place: str) -> None:
    fuse = Fuse()
    fuse.once(place)
    async with a_world(fuses={"borrower": fuse}) as world:
        vault = await world.propose(amounts=[900_000], slots=1)
        await give_up(world, "lender", vault)
        await world.mine(6)
        assert fuse.blown == [place]
        assert all_ended(world, vault)
        expect_back(world, vault)


@pytest.mark.parametrize("lost", [True, False], ids=["transactions lost", "transactions kept"])
async def test_a_reorg_that_removes_everything_leads_to_the_same_end(lost: bool) -> None:
    async with a_world() as world:
        vault = await world.propose(amounts=[900_000], slots=1)
        await give_up(world, "lender", vault)
        await world.mine(4)
        expect_back(world, vault)
        for depth in (1, 3, 5):
            await world.chain.forget(depth, keep_transactions=not lost)
            await world.mine(depth + 3)
            expect_back(world, vault)


async def test_a_bond_that_came_back_is_not_asked_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_world() as world:
        vault = await world.propose(amounts=[900_000], slots=1)
        await give_up(world, "lender", vault)
        await world.mine(3)
        asked = []
        real = world.chain.utxo

        async def utxo(txid: bytes, vout: int):
            asked.append(txid)
            return await real(txid, vout)

        monkeypatch.setattr(world.chain, "utxo", utxo)
        await world.mine(2)
        assert asked
        await world.mine(BOUND)
        asked.clear()
        await world.actors["borrower"].restart()
        await world.mine(3)
        assert not asked
        expect_back(world, vault)
