"""Loans on real processes: daemons of five parties and a keeper, real proofs, garblings and blocks; money is SIMULATED.

Every test begins with a copy of one world (tests/functional/lending.py) in which a loan of four slots is open, and ends with
every wallet compared to the sat and every account to the cent. What a party does by itself is its policy; orders are an
operator's.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from node.demo.loan_stage import PARTIES
from node.demo.stage import MINER
from tests.functional.lending import (
    EDGE,
    FIRST,
    GRACE,
    LOAN,
    MATURITY,
    SLOTS,
    Ice,
    Scene,
    graph,
    scene,
)
from tests.simulation.registry import proof_of_something_else

pytestmark = [pytest.mark.functional, pytest.mark.timeout(1800), pytest.mark.xdist_group("lending")]

SHARE = LOAN // SLOTS
"""What one slot of four owes, cents: 29,050."""
MORE = 30_000
"""Cents minted for a lender that has lent nearly all it had."""
HOUR, MEDIAN = 3_600, 12
"""Seconds after which a price is stale; blocks after which the median time past is past a jump of the clock."""
PAID = 33_334
"""What a liquidator pays for a slot one cent a BTC below EDGE: 34,999.99 / 1.05, rounded up."""


async def repaid(play: Scene, slot: int) -> None:
    """Tender, r, Repay."""
    await play.ask("borrower", "loan.tender", slot=slot)
    await play.until_closed(slot)
    assert f"repay/{slot}" in await play.mined()


async def bought(play: Scene, payer: str, slot: int) -> None:
    """A liquidator pays for a slot."""
    await play.ask(payer, "loan.liquidate", slot=slot)
    await play.until_record(slot, "liquidate")
    row = await play.slot(slot)
    assert (row["paid"], row["surplus"]) == (PAID, 0)


async def false_claim(play: Scene, number: int) -> None:
    """The borrower claims a slot with a proof of something else."""
    proof = proof_of_something_else().hex()
    await play.ask("borrower", "vault.claim", graph=number, proof=proof, knowingly_false=True)
    await play.until_phase(number, "claimed", 3)


# ---- repayment ---------------------------------------------------------------------------------------------------------
async def test_part_of_a_loan_is_paid_back_and_a_slot_is_free_for_its_share_of_the_rest(
    ice: Ice, tmp_path: Path
) -> None:
    async with scene(ice, tmp_path) as play:
        await play.ask("borrower", "loan.repay", cents=LOAN - 100_000)
        assert (await play.money())["held"] == 0, "it is the lender's at once"
        await repaid(play, 3)
        assert (await play.loan())["debt"] == 75_000
        await play.exact(borrower=-LOAN + 75_000, lender=LOAN - 75_000)
        assert not any(name.endswith("/claim") for name in await play.mined())


async def test_a_lender_that_refuses_the_money_gets_it_and_no_coin(ice: Ice, tmp_path: Path) -> None:
    """The secret r never comes: the window passes, the ledger says withdraw, and the borrower claims with the proof of that."""
    async with scene(ice, tmp_path, lender='release = "manual"') as play:
        claim = graph("borrower", 3)
        await play.ask("borrower", "loan.tender", slot=3)
        assert (await play.money())["held"] == SHARE
        await play.until_record(3, "withdraw")
        await play.refused("lender", "loan.default", "slot", slot=3)
        await play.until_phase(claim, "paid", 40)
        await play.until_closed(3)
        assert await play.games(claim) == ["claim", "uncontested_payout"]
        assert "repay/3" not in await play.mined()
        await play.exact(borrower=-SHARE, lender=SHARE)


# ---- liquidation -------------------------------------------------------------------------------------------------------
async def test_two_of_four_slots_are_liquidated_below_the_threshold_and_none_at_it(ice: Ice, tmp_path: Path) -> None:
    """The first claim is contested against better knowledge: the challenger's stake is its claimant's."""
    async with scene(ice, tmp_path) as play:
        first, second = graph("liquidator-1", 0), graph("liquidator-2", 1)
        await play.price(EDGE)
        shown = await play.loan()
        assert (shown["price"], shown["health"]) == (EDGE, 10_000)
        await play.refused("liquidator-1", "loan.liquidate", "health", slot=0)
        await play.price(FIRST)
        await play.price(EDGE - 1)
        assert (await play.loan())["health"] == 9_999
        await bought(play, "liquidator-1", 0)
        await bought(play, "liquidator-2", 1)
        shown = await play.loan()
        assert (shown["debt"], shown["health"]) == (LOAN - 2 * PAID, 11_729), (
            "above the target of 10,600: no third slot"
        )
        await play.until_phase(first, "claimed", 5)
        await play.theatre.order(play.theatre.challenger, "vault.contest", id=ice.vault, graph=first, insist=True)
        await play.until_phase(second, "paid", 40)
        await play.until_phase(first, "paid", 90)
        await play.until_closed(0, 1)
        assert await play.games(second) == ["claim", "uncontested_payout"]
        k = PARTIES.index("challenger")
        assert await play.games(first) == [
            "claim", "contest", "assert", f"reveal/{k}", f"refute/{k}", "contested_payout",
        ]  # fmt: skip
        await play.exact(lender=2 * PAID, liquidator_1=-PAID, liquidator_2=-PAID)


async def test_after_a_repaid_slot_the_rest_still_liquidates(ice: Ice, tmp_path: Path) -> None:
    """The liquidator's own policy buys and claims."""
    async with scene(ice, tmp_path, liquidator_1='liquidate = "auto"') as play:
        await repaid(play, 3)
        await play.price(EDGE - 1)
        await play.until_record(0, "liquidate")
        await play.until_phase(graph("liquidator-1", 0), "paid", 40)
        await play.until_closed(0, 3)
        await play.exact(borrower=-SHARE, lender=SHARE + PAID, liquidator_1=-PAID)


async def test_of_two_claims_of_one_coin_the_true_one_takes_it(ice: Ice, tmp_path: Path) -> None:
    """The borrower claims a withdrawal of the slot that a liquidator has paid for: it loses its bond and the coin."""
    async with scene(ice, tmp_path) as play:
        mine, false = graph("liquidator-1", 0), graph("borrower", 0)
        await play.price(EDGE - 1)
        await bought(play, "liquidator-1", 0)
        await false_claim(play, false)
        await play.until_phase(mine, "paid", 40)
        await play.until_phase(false, "disproved", 60)
        await play.until_closed(0)
        assert await play.games(mine) == ["claim", "uncontested_payout"]
        await play.exact(lender=PAID, liquidator_1=-PAID)


async def test_with_a_stale_price_nothing_is_liquidated_and_repayment_goes_on(ice: Ice, tmp_path: Path) -> None:
    """The sources fall silent while the loan is unhealthy; an hour and a half later nobody may act on the last price."""
    async with scene(ice, tmp_path) as play:
        await play.price(EDGE - 1)
        assert (await play.loan())["health"] == 9_999
        play.watch.worth(0)  # no source has a price to tell
        await play.theatre.chain.call("setmocktime", int(time.time()) + 3 * HOUR // 2)
        await play.skip(MEDIAN)
        assert (await play.loan())["price_is_stale"]
        await play.refused("liquidator-1", "loan.liquidate", "at most 3600 s old", slot=0)
        await repaid(play, 3)
        await play.exact(borrower=-SHARE, lender=SHARE)


# ---- false claims ------------------------------------------------------------------------------------------------------
async def test_a_false_withdrawal_loses_its_bond_whatever_blocks_leave_the_chain(ice: Ice, tmp_path: Path) -> None:
    """After every step of the dispute one, two or three blocks (depth + 1) leave, and come again."""
    async with scene(ice, tmp_path) as play:
        claim = graph("borrower", 3)
        await false_claim(play, claim)
        for depth, phase in ((1, "claimed"), (2, "contested"), (3, "asserted"), (1, "disproved"), (3, "disproved")):
            await play.until_phase(claim, phase, 60)
            await play.reorg(depth)
        await play.until_phase(claim, "disproved", 60)
        assert (await play.vault())["slots"][3]["phase"] == "open"
        await play.exact()


# ---- the end -----------------------------------------------------------------------------------------------------------
async def test_after_maturity_and_grace_the_lender_takes_a_coin_by_its_record(ice: Ice, tmp_path: Path) -> None:
    """It pays 57,143 for a coin worth 60,000 to itself, all of it debt, and must have them first."""
    async with scene(ice, tmp_path) as play:
        claim = graph("lender", 0)
        await play.refused("lender", "loan.default", "maturity", slot=0)
        await play.skip(MATURITY + GRACE)
        await play.refused("lender", "loan.default", "33800", slot=0)
        await play.theatre["keeper"].call(
            "money.mint", ledger=ice.ledger, identity=await play.watch.identity("lender"), cents=MORE
        )
        await play.ask("lender", "loan.default", slot=0)
        await play.until_record(0, "default")
        row = await play.slot(0)
        assert (row["paid"], row["surplus"], (await play.loan())["debt"]) == (57_143, 0, LOAN - 57_143)
        await play.until_phase(claim, "paid", 40)
        await play.until_closed(0)
        assert await play.games(claim) == ["claim", "uncontested_payout"]
        await play.exact(lender=MORE)


async def alone(play: Scene) -> None:
    """Blocks until the borrower has every coin; nobody waits for its messages, which nobody takes."""
    borrower, chain = play.theatre.borrower, play.theatre.chain
    for _ in range(10):
        await chain.call("generatetoaddress", 1, MINER)
        play.theatre.height += 1
        for _ in range(100):
            shown = await borrower.call("vault.show", id=play.ice.vault)
            if all(slot["phase"] == "closed" for slot in shown["slots"]):
                return
            if shown["height"] == play.theatre.height and await chain.call("getrawmempool"):
                break
            await asyncio.sleep(0.1)
    raise AssertionError(await play.mined())


async def test_when_everyone_stays_away_the_borrower_has_its_coins_by_the_dead_man(ice: Ice, tmp_path: Path) -> None:
    """Keeper and attestors are silent from before maturity on, and so is everybody else."""
    async with scene(ice, tmp_path, borrower='dead_man = "auto"') as play:
        others = [daemon for daemon in play.theatre.daemons if daemon.name != "borrower"]
        until = next(int(row["block"]) for row in (await play.loan())["deadlines"] if "dead man" in row["name"])
        for daemon in others:
            await daemon.stop()
        await play.theatre.chain.call("generatetoaddress", until - play.theatre.height - 2, MINER)
        play.theatre.height = until - 2
        await alone(play)
        for daemon in others:
            await daemon.start()
        await play.theatre.meet()
        await play.watch.calm()
        await play.until_closed(*range(SLOTS))
        assert [name for name in await play.mined() if name.startswith("deadman/")] == [
            f"deadman/{s}" for s in range(SLOTS)
        ]
        await play.exact()
