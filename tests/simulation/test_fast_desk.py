"""Path B from announcement to the lender's money: real keeper, attestors, ledger, proofs, consensus; a kit plays the parties."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from native._native.keys import Secret
from node.lending import words
from node.lending.fast import Ask, opened, with_fast
from tests.simulation.desk_world import DEPTH, LIQUIDATOR, MINTED, DeskWorld
from tests.simulation.ledger_world import ATTESTORS, FOLLOWER, KEEPER
from tests.vault_kit import BORROWER, LENDER
from vault.agreement import Fast
from vault.fast import earned
from vault.ledger.position import Position
from vault.presigned import finish

pytestmark = pytest.mark.timeout(300)
DEEP = 500_000
ENTRY = Fast(slot=0, liquidator=LIQUIDATOR, price=DEEP, day=0)
PRINCIPAL = 100_000


def asking(world: DeskWorld) -> Ask:
    return world.actors[FOLLOWER].ledgers.asking(world.genesis.ledger_id)


def final(world: DeskWorld) -> Position | None:
    """The position at the last final checkpoint."""
    keeper = world.desk.keeper
    return keeper.final.position(world.name)


@asynccontextmanager
async def a_desk(folder: Path) -> AsyncIterator[DeskWorld]:
    world = DeskWorld(folder, {})
    try:
        await world.open()
        await world.lend(await with_fast(asking(world), world.genesis, world.plain, (ENTRY,)))
        yield world
    finally:
        await world.close()


async def test_a_paid_and_attested_liquidation_takes_the_coin_without_a_dispute(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as world:
        loan, terms = world.kit.proposal.loan, world.kit.terms
        assert loan is not None
        await world.taken()
        await world.says_everybody(DEEP)
        await world.until_true(lambda: world.desk.keeper.posted.totals.price == DEEP)
        assert not earned(terms, 0, final(world))
        receipt = await world.ask(LIQUIDATOR, words.Liquidate(vault=world.name, slot=0))
        await world.settled()
        assert earned(terms, 0, final(world))
        found = await opened(asking(world), world.genesis, loan, 0)
        assert found.secret is not None, found.waits
        began = world.chain.height
        raw = finish(
            world.kit.presigned, "liquidate/0", personal=world.kit.personal(LIQUIDATOR), preimage=world.kit.h(0),
            extra=Secret.from_revealed(found.secret),
        )  # fmt: skip
        answer = await world.chain.broadcast(raw)
        assert type(answer).__name__ == "Accepted", answer
        await world.mine()
        slot = (await world.reading(LENDER)).slots[0]
        assert (slot.coin, slot.template_paid) == ("spent", True)
        assert world.account(LENDER) == MINTED - PRINCIPAL, "not buried"
        await world.mine(DEPTH - 1)
        await world.settled()
        assert world.chain.height - began < world.kit.proposal.timelocks.contest, "no dispute window was waited for"
        assert world.account(LENDER) == MINTED - PRINCIPAL + receipt.cents
        assert world.account(LIQUIDATOR) == MINTED - receipt.cents
        assert world.account(BORROWER) == MINTED + PRINCIPAL
        record = world.position.records[0]
        assert record is not None and record.settled == 1
        assert not earned(terms, 0, world.position), "a settled record lets nothing go"
        world.books_hold()
        for name in ATTESTORS:
            attestor = world.actors[name].room.attestor
            assert attestor is not None and not attestor.pending
        assert world.actors[KEEPER].room.desk is not None
