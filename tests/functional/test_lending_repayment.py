"""Repayment on real processes: all slots of a loan, one that the lender does not want, one whose steps leave the chain; and
numbers that are exactly at the threshold. Money is SIMULATED.

Every test begins with a copy of the world of tests/functional/lending.py, and ends with every wallet compared to the sat and
every account to the cent. A small loan is a second one between the same parties, set up in the copy.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.demo.loan_stage import PARTIES
from node.demo.stage import MINER
from tests.functional.lending import DEPTH, EDGE, LOAN, SLOT, SLOTS, Graphs, Ice, Scene, graph, propose, scene
from tests.functional.seen import Past, Seen

pytestmark = [pytest.mark.functional, pytest.mark.timeout(1800), pytest.mark.xdist_group("lending")]

SHARE = LOAN // SLOTS
"""What one slot of four owes, cents: 29,050."""
MORE = 30_000
"""Cents minted for a lender that has lent nearly all it had."""
DEFAULTED = 57_143
"""What the lender pays for a slot in default: 60,000 / 1.05, rounded up."""


async def minted(play: Scene) -> None:
    """The lender has money for one more payment or loan."""
    lender = await play.watch.identity("lender")
    await play.theatre["keeper"].call("money.mint", ledger=play.ice.ledger, identity=lender, cents=MORE)


async def agreed(play: Scene, *, slots: int, cents: int, graphs: Graphs, sats: int = SLOT) -> Scene:
    """A small loan that everybody has accepted."""
    vault = await propose(play.watch, play.ice.ledger, slots=slots, cents=cents, graphs=graphs, sats=sats)
    for name in PARTIES[1:]:
        await play.theatre[name].call("vault.accept", id=vault)
    return Scene(play.theatre, play.watch, replace(play.ice, vault=vault))


async def opened(play: Scene) -> bool:
    """Whether a loan stands in the ledger; one whose setup ended never will."""
    shown = await play.vault()
    assert not shown["end"], shown["end"]
    return bool(shown["stage"] == "live" and (await play.loan())["phase"] == "open")


# ---- all of it ---------------------------------------------------------------------------------------------------------
async def test_all_four_slots_are_paid_back_and_every_bond_and_stake_comes_home(ice: Ice, tmp_path: Path) -> None:
    async with scene(ice, tmp_path) as play:
        for slot in reversed(range(SLOTS)):
            await play.ask("borrower", "loan.tender", slot=slot)
            await play.until_closed(slot)
            row = await play.slot(slot)
            assert (row["outcome"], row["paid"], row["surplus"]) == ("withdraw", SHARE, 0)
            assert (await play.loan())["debt"] == SHARE * slot
        assert (await play.loan())["phase"] == "ended"
        assert [name for name in await play.mined() if name.startswith("repay/")] == [
            f"repay/{slot}" for slot in reversed(range(SLOTS))
        ]
        await play.exact(borrower=-LOAN, lender=LOAN)
        home = {name for name in await play.mined() if "/foreign/" in name}
        for number, row in enumerate((await play.vault())["graphs"]):
            challengers = [p for p in range(len(PARTIES)) if p != row["claimant"]]
            assert {f"{number}/foreign/bond", *(f"{number}/foreign/stake/{k}" for k in challengers)} <= home
            assert not await play.games(number)


# ---- a tender that the lender does not want -----------------------------------------------------------------------------
async def test_a_slot_tendered_in_the_last_block_is_no_default_and_another_is(ice: Ice, tmp_path: Path) -> None:
    """The lender keeps r back; it gets the money of the tender, and by default only a slot that nobody tendered."""
    async with scene(ice, tmp_path, lender='release = "manual"') as play:
        mine, theirs = graph("borrower", 3), graph("lender", 0)
        ends = next(int(row["block"]) for row in (await play.loan())["deadlines"] if row["name"] == "grace ends")
        await play.skip(ends - play.theatre.height)
        await minted(play)
        await play.refused("lender", "loan.default", "default.maturity", slot=0)
        await play.ask("borrower", "loan.tender", slot=3)
        await play.skip(1)
        lowest = r"default\.slot: expected the lowest of open slots \(0, 1, 2\)"
        await play.refused("lender", "loan.default", lowest, slot=3)
        await play.refused("borrower", "loan.tender", "tender", slot=2)
        await play.ask("lender", "loan.default", slot=0)
        await play.until_record(0, "default")
        await play.until_record(3, "withdraw")
        await play.refused("lender", "loan.default", r"default\.slot", slot=3)
        rows = [await play.slot(slot) for slot in (0, 3)]
        assert [(row["paid"], row["surplus"]) for row in rows] == [(DEFAULTED, 0), (SHARE, 0)]
        await play.until_phase(mine, "paid", 40)
        await play.until_phase(theirs, "paid", 40)
        await play.until_closed(0, 3)
        assert await play.games(mine) == await play.games(theirs) == ["claim", "uncontested_payout"]
        assert "repay/3" not in await play.mined()
        assert (await play.loan())["debt"] == LOAN - SHARE - DEFAULTED
        await play.exact(borrower=-SHARE, lender=SHARE + MORE)


# ---- blocks that leave --------------------------------------------------------------------------------------------------
TWO_WAYS: Graphs = (("liquidator-1", "liquidate", 0), ("borrower", "withdraw", 1))
SMALL, FALLEN = 59_000, 3_550_000
"""Cents lent against two slots, and a price at which they are not worth it; the other loan still is."""
PAID, SURPLUS = 33_810, 4_310
"""For a slot at FALLEN, rounded up; what of it is above half of SMALL."""


async def test_a_loan_whose_every_step_leaves_the_chain_ends_as_one_whose_steps_stay(ice: Ice, tmp_path: Path) -> None:
    """From PreFund to the last payout, one to three blocks (depth + 1) leave after every step, and come again."""
    async with scene(ice, tmp_path) as other:
        await minted(other)
        play = await agreed(other, slots=2, cents=SMALL, graphs=TWO_WAYS)
        past = Past(play, Seen(play.theatre.chain))

        def mined(name: str) -> Any:
            async def there() -> bool:
                return name in await play.mined()

            return there

        await play.until(mined("prefund"), "PreFund")
        await past.after(1)  # the block after it buries it: the loan is locked and taken
        await play.until(mined("vault"), "Vault")
        assert (await play.loan())["lock"]["state"] == "taken"
        await past.after(1, DEPTH + 1)

        async def there() -> bool:
            return await opened(play)

        await play.until(there, "an open position")
        await past.after(1, DEPTH)
        await play.ask("borrower", "loan.tender", slot=1)
        await play.until(mined("repay/1"), "Repay")
        await past.after(1, DEPTH + 1)
        await play.until_closed(1)
        await play.price(FALLEN)
        await play.ask("liquidator-1", "loan.liquidate", slot=0)
        await play.until_phase(0, "claimed")
        await past.after(1, DEPTH, DEPTH + 1)
        await play.until_phase(0, "paid", 40)
        await past.after(1, DEPTH + 1)
        await play.until_closed(0, 1)
        assert await play.games(0) == ["claim", "uncontested_payout"]
        assert not await play.games(1)
        kept = {"stakes", "prefund", "vault", "repay/1", "0/claim", "0/uncontested_payout"}
        assert {name for name in past.txids if name in kept} == kept
        assert (await play.loan())["phase"] == "ended"
        await other.exact(play, borrower=SMALL // 2 + SURPLUS, lender=MORE, liquidator_1=-PAID)
        await past.look()
        past.once()


@asynccontextmanager
async def gone(play: Scene, blocks: int) -> AsyncIterator[None]:
    """The last blocks leave and empty ones come; what was mined in them waits in the mempool until the end of this."""
    chain, height = play.theatre.chain, play.theatre.height
    await chain.call("invalidateblock", await chain.call("getblockhash", height - blocks + 1))
    for _ in range(blocks + 1):
        await chain.call("generateblock", MINER, [])
    play.theatre.height = height + 1
    await play.watch.calm()
    yield
    await play.watch.mine()


async def test_money_that_followed_a_coin_stays_where_it_is_when_a_deeper_reorg_takes_the_coin_back(
    ice: Ice, tmp_path: Path
) -> None:
    """docs/lending.md, What this does not give: a close stands whatever the chain does later; Repay goes out again by itself."""
    async with scene(ice, tmp_path) as play:
        past = Past(play, Seen(play.theatre.chain))
        await play.ask("borrower", "loan.tender", slot=3)
        await play.until_closed(3)
        await past.look()
        before, row = await play.money(), await play.slot(3)
        async with gone(play, DEPTH + 3):
            assert "repay/3" not in await play.mined()
            assert (await play.slot(3))["our_chain"] == "open"
            assert await play.money() == before
            assert (await play.slot(3))["settled"] == row["settled"]
        assert "repay/3" in await play.mined()
        await past.look()
        await play.exact(borrower=-SHARE, lender=SHARE)
        past.once()


# ---- at the threshold ---------------------------------------------------------------------------------------------------
EVEN, PRICE = 83_000, 2_500_000
"""4,000,000 sat * PRICE * 8,300 == EVEN * 10^12."""
COST = 23_810
"""For a slot at PRICE: 25,000 / 1.05, rounded up."""


@pytest.mark.parametrize("more", [0, 1])
async def test_a_debt_that_equals_its_threshold_is_healthy_and_one_cent_more_is_liquidated(
    ice: Ice, tmp_path: Path, more: int
) -> None:
    repaid = LOAN - EVEN - more
    async with scene(ice, tmp_path) as play:
        await play.ask("borrower", "loan.repay", cents=repaid)
        await play.price(PRICE)
        shown = await play.loan()
        assert (shown["debt"], shown["price"], shown["health"]) == (EVEN + more, PRICE, 10_000 - more)
        if not more:
            await play.refused("liquidator-1", "loan.liquidate", r"liquidate\.health", slot=0)
            await play.exact(borrower=-repaid, lender=repaid)
            return
        await play.ask("liquidator-1", "loan.liquidate", slot=0)
        await play.until_record(0, "liquidate")
        assert (await play.slot(0))["paid"] == COST
        await play.until_phase(graph("liquidator-1", 0), "paid", 40)
        await play.until_closed(0)
        await play.exact(borrower=-repaid, lender=repaid + COST, liquidator_1=-COST)


ONE_WAY: Graphs = (("liquidator-1", "liquidate", 0),)
LEAST = 33_334
"""For 1,000,000 or 999,999 sat at EDGE: 35,000 (or 34,999.97) / 1.05, rounded up."""


async def test_of_two_slots_with_one_debt_the_one_that_is_a_sat_smaller_is_liquidated(ice: Ice, tmp_path: Path) -> None:
    """1,000,000 sat * EDGE * 8,300 == SHARE * 10^12. So is the loan of four slots, which is refused as well."""
    async with scene(ice, tmp_path) as play:
        await minted(play)
        even = await agreed(play, slots=1, cents=SHARE, graphs=ONE_WAY)
        less = await agreed(play, slots=1, cents=SHARE, graphs=ONE_WAY, sats=SLOT - 1)

        async def there() -> bool:
            return await opened(even) and await opened(less)

        await play.until(there, "both positions", 60)
        await play.price(EDGE)
        for healthy in (play, even):
            assert (await healthy.loan())["health"] == 10_000
            await healthy.refused("liquidator-1", "loan.liquidate", r"liquidate\.health", slot=0)
        assert (await less.loan())["health"] == 9_999
        await less.ask("liquidator-1", "loan.liquidate", slot=0)
        await less.until_record(0, "liquidate")
        row = await less.slot(0)
        assert (row["paid"], row["surplus"]) == (LEAST, LEAST - SHARE)
        await less.until_phase(0, "paid", 40)
        await less.until_closed(0)
        await play.exact(even, less, borrower=2 * SHARE + LEAST - SHARE, lender=MORE - SHARE, liquidator_1=-LEAST)
