"""A ledger with a loan in a market that never rests: what is posted for prices, by whom, and that nobody's operator is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.faults import PeerFault
from node.lending import words
from tests.simulation.desk_world import LIQUIDATOR, DeskWorld, a_desk
from tests.simulation.ledger_world import ATTESTORS, KEEPER, PRICE
from tests.vault_kit import BORROWER

pytestmark = pytest.mark.timeout(300)

HEALTHY = 602_416
"""Cents per BTC at which the debt of a loan that was just taken, 100,001 cents, is exactly covered: a cent less and it is not."""


async def minutes(world: DeskWorld, count: int, price: int) -> int:
    """A minute each: the price goes up and down by up to 3 per mille, and every fifth time a block comes. The last price."""
    for minute in range(count):
        world.chain.tick += 60
        price += (1, -1, 1, 1, -1)[minute % 5] * (minute % 4) * price // 1000
        await world.says_everybody(price)
        if minute % 5 == 4:
            await world.mine()
            await world.settled()
    return price


def nobody_waits(world: DeskWorld) -> None:
    """Every checkpoint has the signature of every attestor, and none of them needed a word of its operator."""
    for name in ATTESTORS:
        attestor = world.actors[name].room.attestor
        assert attestor is not None and not attestor.pending and attestor.seq == world.desk.keeper.sealed.totals.seq


async def test_hours_in_which_only_the_price_moves_need_no_operator_and_few_checkpoints(tmp_path: Path) -> None:
    """Batches as large as the product's: what waits until one is full is too old for every attestor."""
    async with a_desk(tmp_path, batch=16) as world:
        await world.taken()
        before = world.desk.keeper.posted.totals.seq
        price = await minutes(world, 180, PRICE)
        nobody_waits(world)
        events = world.desk.keeper.posted.totals.seq - before
        assert events < 60, "in 180 minutes of 36 blocks"
        reading = await world.reading(BORROWER)
        assert abs(reading.price - price) * 1_000 <= 5 * price, "50 bp at most are not worth a mark"
        await world.ask(BORROWER, words.Repay(vault=world.name, cents=1))
        await world.mine()
        await world.settled()
        nobody_waits(world)


async def test_a_price_is_marked_by_whoever_needs_one_and_is_seconds_old(tmp_path: Path) -> None:
    """A cent below the threshold, at a price that moved by less than 50 bp since the ledger's last one."""
    async with a_desk(tmp_path) as world:
        await world.taken()
        await world.says_everybody(HEALTHY)
        await world.until_true(lambda: world.desk.keeper.rests and world.desk.keeper.posted.totals.price == HEALTHY)
        world.chain.tick += 60
        with pytest.raises(PeerFault, match=r"liquidate\.health"):
            await world.ask(LIQUIDATOR, words.Liquidate(vault=world.name, slot=0))
        await world.says_everybody(HEALTHY - 1)
        await world.until_true(lambda: world.desk.quote is not None and world.desk.quote.price == HEALTHY - 1)
        assert (
            world.desk.keeper.posted.totals.price == HEALTHY and (await world.reading(LIQUIDATOR)).price == HEALTHY - 1
        )
        await world.ask(LIQUIDATOR, words.Liquidate(vault=world.name, slot=0))
        record = world.position.records[0]
        assert record is not None and record.price == HEALTHY - 1
        await world.mine()
        await world.settled()
        nobody_waits(world)


async def test_while_attestors_are_away_no_price_is_marked_and_what_needs_none_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hours later they are back, and sign everything: nothing in it is a price that nobody compared in time."""
    async with a_desk(tmp_path) as world:
        await world.taken()
        price = world.desk.keeper.posted.totals.price
        world.wire.cut |= {"ann", "bob"}  # two of three
        await world.until_true(lambda: world.desk.quote is None)
        for cents in (PRICE * 98 // 100, PRICE * 96 // 100, PRICE * 94 // 100):
            for _ in range(6):
                world.chain.tick += 600
                await world.says_everybody(cents)
                await world.mine()
            await world.until_true(lambda: world.actors[KEEPER].room.automat.height == world.chain.height)  # type: ignore[union-attr]
            await world.ask(BORROWER, words.Repay(vault=world.name, cents=cents // 10_000))
        assert world.desk.keeper.posted.totals.price == price and not world.desk.keeper.rests
        assert "no new price is marked" in world.desk.lines()["keeper"]["blocked"]["price"]
        assert capsys.readouterr().out.count("no new price is marked") == 1, (
            "said once, however often prices are asked for"
        )
        world.wire.cut.clear()
        await world.until_true(lambda: world.desk.keeper.posted.totals.price == PRICE * 94 // 100)
        await world.settled()
        nobody_waits(world)
