"""A loan whose parties go by themselves: locked, taken, opened, one slot repaid, the other liquidated and claimed with a proof.

Slow: a real setup of engine babe with six graphs. What each party decides in each phase is tested by table
(tests/unit/node/lending/test_wishes.py); here it happens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from challenge.facts import key
from node.lending import words
from node.lending.charting import rows_of
from tests.simulation import toy
from tests.simulation.loan_world import CENTS, LOW, MINTED, PARTIES, LoanWorld
from tests.simulation.scenarios import MEMORY

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(autouse=True)
def _swift(monkeypatch: pytest.MonkeyPatch) -> None:
    toy.swift(monkeypatch)


@pytest.fixture
async def world() -> AsyncIterator[LoanWorld]:
    with TemporaryDirectory(dir=MEMORY) as folder:
        made = LoanWorld(Path(folder), {})
        await made.open()
        try:
            yield made
        finally:
            await made.close()


async def test_a_loan_from_the_deposit_to_the_last_coin(world: LoanWorld) -> None:
    await world.lend(slots=2)
    borrower, lender, liquidator = (world.party(name) for name in PARTIES)

    await world.go_on(lambda: world.position is not None, 60)
    assert world.account("borrower") == MINTED + 2 * CENTS and world.account("lender") == MINTED - 2 * CENTS
    assert world.slots() == ["prefund", "prefund"], "opened with the principal, before Vault is mined"
    await world.go_on(lambda: world.slots() == ["vault", "vault"], 5)
    await world.blocks(1)  # buried: from now on somebody may pay for a slot
    assert (
        key("loan_taken", 0) in world.vault_of("lender").facts or key("loan_taken", 1) in world.vault_of("lender").facts
    )
    await world.go_on(lambda: world.look("lender").situation.proven is not None, 5)
    world.books_hold()

    # The borrower repays slot 1; the lender shows r once its own checkpoint proves the tender; the coin goes home.
    assert world.does("borrower", "tender/1") == "no", "lending.tender is manual"
    opened = borrower.loans.outlook.opened(world.vault_of("borrower"))
    receipt = await borrower.loans.outlook.ask(opened, words.Tender(vault=world.vault, slot=1))
    assert receipt.cents >= CENTS and key("release", 1) not in world.vault_of("borrower").facts
    await world.go_on(lambda: world.slots()[1] == "repay/1", 12)
    await world.go_on(lambda: world.account("lender") == MINTED - 2 * CENTS + receipt.cents, 12)
    world.books_hold()

    # The price falls: a dry run says what it would do and pays nothing, within its budget the liquidator then does it.
    await world.price(LOW)
    await world.go_on(lambda: world.does("liquidator", "liquidate/0") == "dry-run", 12)
    await world.blocks(2)
    assert world.account("liquidator") == MINTED and liquidator.loans.spent.cents == 0
    liquidator.obeys(liquidate="auto", max_slots_a_day=0)
    await world.go_on(lambda: world.does("liquidator", "liquidate/0") == "no", 3)
    assert world.account("liquidator") == MINTED
    liquidator.obeys(max_slots_a_day=1)
    await world.go_on(lambda: world.account("liquidator") < MINTED, 5)
    paid = MINTED - world.account("liquidator")
    assert liquidator.loans.spent.cents == paid and len(liquidator.loans.spent.paid) == 1

    # What was spent is on the disk; the claim follows from the record, whatever was going on when the power went.
    await liquidator.restart()
    assert liquidator.loans.spent.cents == paid
    await world.go_on(lambda: "payout" in world.slots()[0], 40)
    await world.go_on(lambda: world.account("lender") > MINTED - 2 * CENTS + receipt.cents, 12)
    world.books_hold()
    assert sum(world.account(name) for name in PARTIES) == len(PARTIES) * MINTED, "nothing is held any more"
    assert liquidator.loans.spent.cents == paid, "paid once"
    for actor in (borrower, lender, liquidator):
        assert actor.node.alarms == 0

    rows = rows_of(borrower.node.context.store, world.vault, world.chain.height)
    told = [words_ for row in rows for words_ in row.events]
    for expected in (
        "loan of 56000 cents opened",
        "slot 1 tendered",
        "margin call",
        "slot 0 liquidated",
        "repay/1 mined",
    ):
        assert expected in told, told
    assert [row.height for row in rows] == sorted({row.height for row in rows})
