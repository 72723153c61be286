"""A whole loan in a market that never stands still, while daemons die and blocks leave: nobody's operator is asked for anything.

Liquidation and repayment follow from policies and prices alone. What everybody has in the end is compared, to the sat
and to the SIMULATED cent, with what the mined transactions and the ledger's records say. The moments come from a seed, printed at
the start: BITVM3_UNREST_SEED sets it, BITVM3_UNREST_BLOCKS for how many blocks the unrest lasts.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from node.demo.loan_stage import PARTIES
from node.demo.stage import each
from node.ledger.recent import SAMPLE_SECONDS
from tests.functional.lending import EDGE, FIRST, SLOTS, Ice, Scene, scene
from tests.functional.reaper import Reaper, beside, stubborn
from tests.functional.seen import Past, Seen

pytestmark = [pytest.mark.functional, pytest.mark.timeout(1800), pytest.mark.xdist_group("lending")]

BLOCKS = int(os.environ.get("BITVM3_UNREST_BLOCKS", "30"))
KILLS, OFTEN = 12, 0.4
"""Times at most that a daemon dies, and how likely it is that one does after a block."""
BOTTOM = EDGE * 98 // 100
"""Cents per BTC: one slot is liquidated, or two, before the loan is healthy again. Then the price goes back to where it was."""
POLICIES = {
    "borrower": 'tender = "auto-at-maturity"',
    "lender": 'release = "auto"',
    "liquidator_1": 'liquidate = "auto"',
    "liquidator_2": 'liquidate = "auto"',
}


@dataclass
class Market:
    """Three times a second up or down, by 6 per mille and a little on its way to somewhere, by a little when it is there."""

    play: Scene
    chance: random.Random
    towards: int = FIRST

    async def run(self) -> None:
        """Until cancelled."""
        watch = self.play.watch
        while True:
            way = max(-0.006, min(0.006, self.towards / watch.price - 1))
            watch.worth(round(watch.price * (1 + way + self.chance.gauss(0, 0.0005))))
            await asyncio.sleep(0.3)


async def liquidated(play: Scene) -> bool:
    """Whether somebody has paid for the first slot."""
    return bool((await play.slot(0))["outcome"] == "liquidate")


async def owed(play: Scene) -> Counter[str]:
    """By party the cents that the ledger's records moved since the loan was taken."""
    shown, found = await play.loan(), Counter[str]()
    for row in shown["slots"]:
        if not row["outcome"]:
            continue
        payer = "borrower" if row["outcome"] == "withdraw" else await play.watch.name_of(row["claimant"])
        found[payer] -= row["paid"]
        if row["settled"] in (1, 2):
            found["lender"] += row["paid"] - row["surplus"]
            found["borrower"] += row["surplus"]
        else:
            found[payer] += row["paid"]
    return found


async def test_a_loan_lives_and_ends_while_prices_move_daemons_die_and_blocks_leave(ice: Ice, tmp_path: Path) -> None:
    seed = int(os.environ.get("BITVM3_UNREST_SEED") or random.SystemRandom().getrandbits(32))
    print(f"BITVM3_UNREST_SEED={seed}")
    chance = random.Random(seed)
    async with scene(ice, tmp_path, **POLICIES) as play:
        past, reaper = Past(play, Seen(play.theatre.chain)), Reaper(play.theatre, chance, KILLS)
        market = Market(play, chance)
        await asyncio.sleep(SAMPLE_SECONDS + 1)  # attestors have heard a price since they are up
        async with beside(market.run()):
            for _ in range(BLOCKS):
                falls = not await stubborn(lambda: liquidated(play))
                market.towards = BOTTOM if falls else FIRST
                await asyncio.sleep(chance.uniform(0, 6 if falls else 1))
                await play.branch(chance.choice((0, 0, 0, 0, 1, 2)))
                await reaper.during(stubborn(play.watch.calm), 0.7, 0, int(chance.random() < OFTEN))
                await stubborn(past.look)
        print("killed:", " ".join(reaper.strikes))
        await play.until_closed(*range(SLOTS), limit=150)
        for daemon in play.theatre.daemons:
            assert "Traceback" not in (daemon.folder / "process.log").read_text(), daemon.name
        for line in await each([play.theatre[name] for name in play.theatre.attestors], "attestor.show"):
            assert line["waiting"] == [], line
        cents = await owed(play)
        await play.exact(**{name.replace("-", "_"): cents[name] for name in PARTIES})
        shown = await play.loan()
        first, second, *others = [row["outcome"] for row in shown["slots"]]
        assert (first, second in ("liquidate", "withdraw"), others) == ("liquidate", True, ["withdraw"] * 2)
        assert (shown["debt"], sum(cents.values())) == (0, 0)
        await past.look()
        past.once()
