"""When an attestor attests a price: one moment at which it does, and every refusal one thing away from it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from node.faults import PeerFault
from node.ledger.attesting import Announced, Attested, Moment, PriceDay, refusal
from node.ledger.words import read, write
from node.prices import Quote
from tests.cases import outcome as cases
from vault.fast_point import DAY
from vault.ledger.checkpoint import Checkpoint

GENESIS = changed(cases.genesis(), height=1_000)
PLACE = PriceDay(price=4_000_000, day=3)
FIRST, LAST = 1_000 + 3 * DAY, 1_000 + 4 * DAY - 1
FINAL = Checkpoint(
    ledger=GENESIS.ledger_id, seq=9, root=bytes(32), price=3_950_000, price_time=500_000, height=FIRST + 2, time=500_010
)
OWN = Quote(price=3_960_000, time=500_000, sources=(), dropped=())
NOW = Moment(height=FIRST + 3, time=500_100, final=FINAL, quote=OWN)
AGE = GENESIS.rules.max_price_age


def test_it_attests_when_everything_bears_it_out() -> None:
    assert refusal(GENESIS, PLACE, NOW) == ""


@pytest.mark.parametrize(
    "now",
    [
        replace(NOW, final=changed(FINAL, price=PLACE.price)),
        replace(NOW, quote=replace(OWN, price=PLACE.price)),
        replace(NOW, height=FIRST, final=changed(FINAL, height=FIRST)),
        replace(NOW, height=LAST),
        replace(NOW, time=FINAL.price_time + AGE),
    ],
)
def test_equality_and_the_last_moment_count(now: Moment) -> None:
    assert refusal(GENESIS, PLACE, now) == ""


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (replace(NOW, final=changed(FINAL, price=PLACE.price + 1)), "the ledger's price is 4000001, above 4000000"),
        (replace(NOW, quote=replace(OWN, price=PLACE.price + 1)), "our own median is 4000001, above 4000000"),
        (replace(NOW, quote=None), "our own sources give no price"),
        (replace(NOW, final=None), "no final price yet"),
        (replace(NOW, final=changed(FINAL, price=0)), "no final price yet"),
        (replace(NOW, height=LAST + 1), "day 3 was asked, our chain is at height 1576, day 4"),
        (replace(NOW, height=FIRST - 1), "day 3 was asked, our chain is at height 1431, day 2"),
        (replace(NOW, final=changed(FINAL, height=FIRST - 1)), "day 2, not of day 3"),
        (replace(NOW, time=FINAL.price_time + AGE + 1), f"{AGE + 1} s old by our chain, {AGE} are allowed"),
    ],
)
def test_one_thing_else_and_it_says_why_not(now: Moment, why: str) -> None:
    assert why in refusal(GENESIS, PLACE, now)


@pytest.mark.parametrize("place", [PriceDay(price=3_950_000 - 1, day=3), PriceDay(price=4_000_000, day=4)])
def test_another_price_or_day_at_the_same_moment_is_refused(place: PriceDay) -> None:
    assert refusal(GENESIS, place, NOW)


WORDS = (PLACE, Announced(announcements=()), Attested(scalars=((1, bytes(32)),), waits="why"))


@pytest.mark.parametrize("word", WORDS)
def test_a_word_comes_back_from_its_bytes_and_no_other_bytes_are_taken(word: PriceDay | Announced | Attested) -> None:
    raw = write(word)
    assert read(type(word), raw, most=len(raw), what="w") == word
    for wrong in (raw + b"\0", raw[:-1], b"", b"\x80"):
        with pytest.raises(PeerFault):
            read(type(word), wrong, most=100, what="w")
    with pytest.raises(PeerFault, match="at most"):
        read(type(word), raw, most=len(raw) - 1, what="w")


@pytest.mark.parametrize("fields", [{"price": 0}, {"price": 1 << 40}, {"day": -1}, {"day": 1 << 32}])
def test_a_place_off_every_grid_is_no_word(fields: dict) -> None:
    with pytest.raises(PeerFault):
        read(PriceDay, write(changed(PLACE, **fields)), most=100, what="w")
