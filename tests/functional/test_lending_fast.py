"""Path B on real processes: a slot that was paid for goes to its liquidator by what attestors say of a price, undisputed.

Every test begins with a copy of the world of tests/functional/lending.py, whose loan has entries of path B for slots 0 and 1, and
ends with every wallet compared to the sat and every SIMULATED account to the cent. Where path B has to wait, the liquidator's
own policy says for what, and path C takes the coin.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.demo.loan_stage import PARTIES
from node.demo.stage import MINER
from tests.functional.lending import DEEP, DEPTH, LOAN, Ice, Scene, graph, propose, scene
from tests.functional.seen import Past, Seen

pytestmark = [pytest.mark.functional, pytest.mark.timeout(600), pytest.mark.xdist_group("lending")]

ABOVE, BELOW = DEEP + 1, 2_000_000
"""Cents per BTC."""
AT_DEEP, AT_BELOW = 22_858, 19_048
"""What a slot costs at DEEP, or a cent above it, and at BELOW: 24,000 (or 24,000.01) and 20,000 / 1.05, rounded up."""
MARGIN, BOND = 4, 40
"""Of regtest's Terms, in blocks: for whoever has to answer; from Claim until its bond comes back."""
DAY = 144
"""Blocks of a ledger's day, from its first height on."""


async def bought(play: Scene, payer: str, slot: int, cents: int) -> int:
    """A liquidator pays for a slot; the block of the record, final for everybody."""
    before = play.theatre.height
    await play.ask(payer, "loan.liquidate", slot=slot)
    row = await play.slot(slot)
    assert (row["outcome"], row["paid"], row["surplus"]) == ("liquidate", cents, 0)
    assert play.theatre.height == before, "no block was needed"
    return int(row["recorded"])


async def decision(play: Scene, name: str, about: str) -> dict[str, str] | None:
    """What a party's own policy says, and what came of it."""
    rows = (await play.loan(name))["decisions"]
    return next((row for row in rows if row["about"] == about), None)


async def came(play: Scene, name: str, about: str) -> str:
    """What became of what a party does by itself."""
    found = await decision(play, name, about)
    assert found is not None and found["does"] == "yes", found
    return found["came"]


def apart(play: Scene, **prices: int) -> None:
    """What some sources say from now on that the others do not."""
    play.watch.apart = prices
    play.watch.worth(play.watch.price)


def taken_by_b(shown: dict[str, Any], slot: int, entry: int) -> int:
    """The block in which the coin of a slot went by an entry of path B."""
    row = shown["slots"][slot]
    assert (row["phase"], row["by"]) == ("closed", f"liquidate/{entry}")
    return int(row["height"])


async def test_above_the_attested_price_a_coin_is_claimed_and_below_it_is_taken_at_once(
    ice: Ice, tmp_path: Path
) -> None:
    """One cent above DEEP no attestor says a word of slot 0. At BELOW slot 1 is its liquidator's a block after it paid."""
    async with scene(ice, tmp_path) as play:
        first, second = graph("liquidator-1", 0), graph("liquidator-2", 1)
        await play.price(ABOVE)
        await bought(play, "liquidator-1", 0, AT_DEEP)
        told = await came(play, "liquidator-1", "take_fast/0")
        assert told.startswith("0 of 2 have attested it"), told
        assert told.count(f"the ledger's price is {ABOVE}, above {DEEP}") == 3, told
        await play.until_phase(first, "paid", 40)
        await play.until_closed(0)
        assert await play.games(first) == ["claim", "uncontested_payout"]

        await play.price(BELOW)
        recorded = await bought(play, "liquidator-2", 1, AT_BELOW)
        await play.until_closed(1)
        assert taken_by_b(await play.vault(), 1, 1) == recorded + 1
        assert await play.games(second) == [], "neither bond nor proof"
        assert [name for name in await play.mined() if name.startswith("liquidate/")] == ["liquidate/1"]
        assert (await play.loan())["debt"] == LOAN - AT_DEEP - AT_BELOW
        await play.exact(lender=AT_DEEP + AT_BELOW, liquidator_1=-AT_DEEP, liquidator_2=-AT_BELOW)


async def test_one_attestor_opens_nothing_and_the_second_one_does(ice: Ice, tmp_path: Path) -> None:
    """At DEEP exactly, by the ledger and one median; two others are a cent above it until the coin is claimed by path C."""
    async with scene(ice, tmp_path) as play:
        claim = graph("liquidator-1", 0)
        await play.price(DEEP)
        apart(play, lender=ABOVE, challenger=ABOVE)
        await bought(play, "liquidator-1", 0, AT_DEEP)
        await play.until_phase(claim, "claimed", 3)
        told = await came(play, "liquidator-1", "take_fast/0")
        assert told.startswith("1 of 2 have attested it"), told
        assert told.count(f"our own median is {ABOVE}, above {DEEP}") == 2, told
        assert not any(name.startswith("liquidate/") for name in await play.mined())

        apart(play, challenger=ABOVE)
        at = play.theatre.height
        await play.until_closed(0)
        assert taken_by_b(await play.vault(), 0, 0) == at + 2, "asked at the next block, mined in the one after it"
        await play.skip(BOND)
        await play.until_phase(claim, "released", 5)
        assert await play.games(claim) == ["claim", "release_bond_contest"]
        await play.exact(lender=AT_DEEP, liquidator_1=-AT_DEEP)


async def test_a_coin_that_path_b_took_is_taken_again_when_its_block_leaves_and_whoever_dies_meanwhile(
    ice: Ice, tmp_path: Path
) -> None:
    """The chain forgets Liquidate, then its liquidator is killed; one to three blocks (depth + 1) leave after it is mined."""
    async with scene(ice, tmp_path) as play:
        past, who = Past(play, Seen(play.theatre.chain)), play.theatre["liquidator-1"]
        await play.price(BELOW)
        recorded = await bought(play, "liquidator-1", 0, AT_BELOW)
        (liquidate,) = await play.theatre.chain.call("getrawmempool")
        await past.look()
        await play.theatre.chain.kill()
        await play.theatre.chain.start()
        assert await play.theatre.chain.call("getrawmempool") == []
        await who.kill()
        await play.theatre.chain.call("generateblock", MINER, [])
        play.theatre.height += 1
        assert await play.theatre.chain.call("getrawmempool") == [], "nobody else can take it"
        await who.start()
        await play.theatre.meet()
        await play.watch.calm()
        await play.until_closed(0)
        assert taken_by_b(await play.vault(), 0, 0) == recorded + 2
        assert past.txids | {"liquidate/0": liquidate} == {
            tx["name"]: tx["txid"] for tx in (await play.vault())["transactions"]
        }
        await past.after(1, 2, DEPTH + 1)
        await play.until_closed(0)
        assert await play.games(graph("liquidator-1", 0)) == [], "neither bond nor proof"
        await play.exact(lender=AT_BELOW, liquidator_1=-AT_BELOW)
        await past.look()
        past.once()


async def test_a_lender_that_keeps_the_ticket_back_delays_a_claim_and_takes_nothing(ice: Ice, tmp_path: Path) -> None:
    async with scene(ice, tmp_path, lender='release = "manual"') as play:
        claim = graph("liquidator-1", 0)
        await play.price(BELOW)
        recorded = await bought(play, "liquidator-1", 0, AT_BELOW)
        let = await decision(play, "lender", "let/0")
        assert let is not None and (let["does"], let["why"][:24]) == ("no", "lending.release is manua"), let
        assert await decision(play, "liquidator-1", "take_fast/0") is None, "attested, and ordered"
        waits = await decision(play, "liquidator-1", f"claim/{claim}")
        assert waits is not None and waits["does"] == "waits", waits
        assert f"until block {recorded + MARGIN}: the price is attested" in waits["why"]
        await play.until_phase(claim, "paid", 40)
        await play.until_closed(0)
        claimed = next(tx for tx in (await play.vault())["transactions"] if tx["name"] == f"{claim}/claim")
        assert claimed["height"] == recorded + MARGIN + 1
        assert await play.games(claim) == ["claim", "uncontested_payout"]
        await play.exact(lender=AT_BELOW, liquidator_1=-AT_BELOW)


# ---- days --------------------------------------------------------------------------------------------------------------
SMALL, LONG = 25_000, 160
"""Cents lent against one slot; blocks until they are due: into the ledger's second day."""


async def test_an_entry_of_the_second_day_waits_for_block_144_of_the_ledger_and_a_price_of_that_day(
    ice: Ice, tmp_path: Path
) -> None:
    """Paid for in the last block of the first day, at a price that is deep enough."""
    async with scene(ice, tmp_path) as other:
        vault = await propose(
            other.watch, ice.ledger, slots=1, cents=SMALL, maturity=LONG, graphs=(("liquidator-1", "liquidate", 0),),
            fast=(("liquidator-1", 0, DEEP, 1),),
        )  # fmt: skip
        for name in PARTIES[1:]:
            await other.theatre[name].call("vault.accept", id=vault)
        play = Scene(other.theatre, other.watch, replace(ice, vault=vault))

        async def opened() -> bool:
            shown = await play.vault()
            assert not shown["end"], shown["end"]
            return bool(shown["slots"][0]["phase"] == "open" and (await play.loan())["phase"] == "open")

        await play.until(opened, "an open position, and its coin", 60)
        begins = (await play.theatre.borrower.call("ledger.show", ledger=ice.ledger))["begun_at"] + DAY
        await play.price(DEEP)
        await play.skip(begins - 1 - play.theatre.height)
        assert await bought(play, "liquidator-1", 0, AT_DEEP) == begins - 1
        told = await came(play, "liquidator-1", "take_fast/0")
        assert told.count(f"day 1 was asked, our chain is at height {begins - 1}, day 0") == 3, told

        await play.watch.mine()
        told = await came(play, "liquidator-1", "take_fast/0")
        assert told.count(f"the last final checkpoint is of height {begins - 1}, day 0, not of day 1") == 3, told
        await play.price(BELOW)
        await play.until_closed(0)
        assert taken_by_b(await play.vault(), 0, 0) > begins
        await play.skip(BOND)
        await play.until_phase(0, "released", 5)
        assert await play.games(0) == ["claim", "release_bond_contest"]
        await play.exact(other, borrower=SMALL, lender=AT_DEEP - SMALL, liquidator_1=-AT_DEEP)
