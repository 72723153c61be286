"""An attestor's doubts: each bound is reached and exceeded by one."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from node.faults import Unavailable
from node.ledger.judgement import Tolerance, doubts
from node.ledger.recent import NEAR_SECONDS, Recent
from node.prices import Quote
from vault.ledger.events import Accrue, MarkPrice, Repay

NOW, PRICE = 100_000, 6_000_000
ALLOWED = Tolerance(price=100, price_age=900, time=600)
KEEP_SECONDS = 120


@dataclass
class Chain:
    times: dict[int, int] = field(default_factory=lambda: {7: 50_000})
    gone: bool = False

    async def median_time(self, height: int) -> int | None:
        if self.gone:
            raise Unavailable(what="chain", expected="there", came="gone")
        return self.times.get(height)


@dataclass
class Median:
    price: int = PRICE
    gone: bool = False

    async def quote(self, now: int) -> Quote:
        if self.gone:
            raise Unavailable(what="price", expected="a source", came="none")
        return Quote(price=self.price, time=now, sources=(), dropped=())


def nothing(_: int) -> list[Quote]:
    return []


@pytest.mark.parametrize(
    ("price", "age", "reason"),
    [
        (PRICE, 0, ""),
        (PRICE * 101 // 100, 0, ""),
        (PRICE * 101 // 100 + 1, 0, "100 bp from our median 6000000, 100 are allowed"),
        (PRICE * 99 // 100, 0, ""),
        (PRICE * 99 // 100 - 1, 0, "bp from our median"),
        (PRICE, 900, ""),
        (PRICE, 901, "901 s ago"),
        (PRICE, -900, ""),
        (PRICE, -901, "901 s ahead"),
    ],
)
async def test_a_price_is_compared_with_the_own_median(price: int, age: int, reason: str) -> None:
    mark = MarkPrice(price=price, price_time=NOW - age)
    found, compared = await doubts((mark,), chain=Chain(), prices=Median(), near=nothing, now=NOW, tolerance=ALLOWED)
    assert "6000000 cents per BTC" in compared
    assert [d.about for d in found] == (["price"] if reason else [])
    assert all(reason in d.reason for d in found)


async def test_every_mark_of_a_batch_is_compared() -> None:
    marks = [MarkPrice(price=p, price_time=NOW) for p in (PRICE, 2 * PRICE, PRICE)]
    found, _ = await doubts(marks, chain=Chain(), prices=Median(), near=nothing, now=NOW, tolerance=ALLOWED)
    assert len(found) == 1 and "12000000" in found[0].reason


@pytest.mark.parametrize(
    ("height", "time", "reason"),
    [
        (7, 50_000, ""),
        (7, 50_600, ""),
        (7, 49_400, ""),
        (7, 50_601, "time 50601, ours 50000, 600 s are allowed"),
        (7, 49_399, "ours 50000"),
        (8, 50_000, "our chain is shorter"),
    ],
)
async def test_a_height_is_compared_with_the_own_chain(height: int, time: int, reason: str) -> None:
    event = Accrue(height=height, time=time)
    found, compared = await doubts(
        (event,), chain=Chain(), prices=Median(gone=True), near=nothing, now=NOW, tolerance=ALLOWED
    )
    assert compared == "no new price"
    assert [d.about for d in found] == (["chain"] if reason else [])
    assert all(reason in d.reason for d in found)


async def test_silence_is_a_doubt() -> None:
    events = (Accrue(height=7, time=50_000), MarkPrice(price=PRICE, price_time=NOW))
    found, _ = await doubts(
        events, chain=Chain(gone=True), prices=Median(gone=True), near=nothing, now=NOW, tolerance=ALLOWED
    )
    assert [d.about for d in found] == ["chain", "price"]


async def test_what_names_neither_price_nor_height_is_not_compared() -> None:
    event = Repay(vault=bytes(32), nonce=1, cents=1)
    found, _ = await doubts(
        (event,), chain=Chain(gone=True), prices=Median(gone=True), near=nothing, now=NOW, tolerance=ALLOWED
    )
    assert found == ()


# ---- a market that moves on before the batch is seen ---------------------------------------------------------------------
async def remembered(*said: tuple[int, int]) -> Recent:
    """Own medians of these (unix time, price), asked for then; the last one is that of NOW."""
    median = Median()
    recent = Recent(prices=median, keep=KEEP_SECONDS)
    for at, median.price in said:
        await recent.quote(at)
    return recent


@pytest.mark.parametrize(
    ("asked", "marked", "borne_out"),
    [
        (NOW - 30, NOW - 30, True),
        (NOW - 30, NOW - 30 + NEAR_SECONDS, True),
        (NOW - 30, NOW - 30 - NEAR_SECONDS, True),
        (NOW - 30, NOW - 30 + NEAR_SECONDS + 1, False),
        (NOW - 30, NOW - 30 - NEAR_SECONDS - 1, False),
        (NOW - KEEP_SECONDS, NOW - KEEP_SECONDS, True),
        (NOW - KEEP_SECONDS - 1, NOW - KEEP_SECONDS - 1, False),
    ],
)
async def test_a_mark_is_borne_out_by_what_our_sources_said_then(asked: int, marked: int, borne_out: bool) -> None:
    recent = await remembered((asked, PRICE), (NOW, PRICE // 2))
    mark = MarkPrice(price=PRICE, price_time=marked)
    found, _ = await doubts((mark,), chain=Chain(), prices=recent, near=recent.near, now=NOW, tolerance=ALLOWED)
    assert [d.about for d in found] == ([] if borne_out else ["price"])
    if not borne_out:
        assert "10000 bp from our median 3000000" in found[0].reason, "the doubt names the median of now"


@pytest.mark.parametrize(
    ("price", "borne_out"),
    [
        (PRICE * 3 // 4, True),
        (PRICE // 2 * 99 // 100, True),
        (PRICE // 2 * 99 // 100 - 1, False),
        (PRICE * 101 // 100, True),
        (PRICE * 101 // 100 + 1, False),
    ],
)
async def test_a_price_that_fell_through_a_mark_bears_it_out(price: int, borne_out: bool) -> None:
    """Asked every few seconds, in a crash our sources never say the very price of a mark."""
    recent = await remembered((NOW - 42, PRICE), (NOW - 37, PRICE // 2), (NOW, PRICE // 3))
    mark = MarkPrice(price=price, price_time=NOW - 40)
    found, _ = await doubts((mark,), chain=Chain(), prices=recent, near=recent.near, now=NOW, tolerance=ALLOWED)
    assert [d.about for d in found] == ([] if borne_out else ["price"])


async def test_our_sources_are_asked_again_when_nobody_here_has_asked_for_five_seconds() -> None:
    assert (await remembered()).due(NOW)
    recent = await remembered((NOW - 9, PRICE), (NOW, PRICE))
    assert not recent.due(NOW + 4) and recent.due(NOW + 5)
