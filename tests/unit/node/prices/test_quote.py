"""The decision over readings: every rule at its edge and one step beyond it; the whole is deterministic."""

import random
from dataclasses import replace

import pytest

from node.faults import Unavailable
from node.prices import Dropped, Reading, Rule, decide
from node.prices.quote import median

NOW = 1_700_000_000
RULE = Rule(minimum=2, fresh_seconds=600, lead_seconds=60, spread=200)


def readings(*prices: int, age: int = 0) -> list[Reading]:
    return [Reading(source=f"s{n}", price=price, time=NOW - age) for n, price in enumerate(prices)]


@pytest.mark.parametrize(
    ("prices", "middle"), [((5,), 5), ((5, 7), 5), ((9, 5, 7), 7), ((9, 5, 7, 6), 6), ((4, 4, 9, 9), 4)]
)
def test_the_median_of_an_even_count_is_the_lower(prices: tuple[int, ...], middle: int) -> None:
    assert median(prices) == middle


def test_a_quote_names_its_readings_and_is_as_old_as_the_oldest() -> None:
    said = [*readings(100_00, 101_00), Reading(source="old", price=100_50, time=NOW - 600)]
    quote = decide(said, [Dropped(source="gone", why="no answer")], now=NOW, rule=RULE)
    assert (quote.price, quote.time) == (100_50, NOW - 600)
    assert [each.source for each in quote.sources] == ["s0", "s1", "old"]
    assert "gone: no answer" in quote.explain() and "old (10050 at" in quote.explain()


@pytest.mark.parametrize(
    ("age", "counts"), [(600, True), (601, False), (0, True), (-60, True), (-61, False), (NOW, False)]
)
def test_a_reading_is_fresh_up_to_the_limit_and_little_ahead(age: int, counts: bool) -> None:
    said = [*readings(100_00, 100_00), Reading(source="edge", price=100_00, time=NOW - age)]
    quote = decide(said, [], now=NOW, rule=RULE)
    assert ("edge" in {each.source for each in quote.sources}) is counts
    assert ("edge" in {each.source for each in quote.dropped}) is not counts


@pytest.mark.parametrize(("price", "counts"), [(102_00, True), (102_01, False), (98_00, True), (97_99, False)])
def test_a_reading_agrees_up_to_the_spread(price: int, counts: bool) -> None:
    said = [*readings(100_00, 100_00), Reading(source="edge", price=price, time=NOW)]
    quote = decide(said, [], now=NOW, rule=RULE)
    assert ("edge" in {each.source for each in quote.sources}) is counts
    assert quote.price == 100_00


def test_too_few_that_agree_make_no_price_and_every_source_is_named() -> None:
    said = [*readings(100_00), Reading(source="far", price=200_00, time=NOW), *readings(100_00, age=601)]
    with pytest.raises(Unavailable) as raised:
        decide(said, [Dropped(source="gone", why="no answer")], now=NOW, rule=RULE)
    text = str(raised.value)
    assert (
        "s0 (10000" in text and "far: 20000 is 10000 bp" in text and "601 s old" in text and "gone: no answer" in text
    )


def test_one_of_two_that_disagree_is_no_price_even_where_one_would_do() -> None:
    one = replace(RULE, minimum=1)
    assert decide(readings(100_00), [], now=NOW, rule=one).price == 100_00
    with pytest.raises(Unavailable, match="more than half"):
        decide(readings(100_00, 200_00), [], now=NOW, rule=one)


def test_nothing_fresh_is_no_price() -> None:
    for said in ([], readings(100_00, 100_00, age=601)):
        with pytest.raises(Unavailable, match="came none"):
            decide(said, [], now=NOW, rule=RULE)


def test_a_minority_that_lies_moves_the_price_no_further_than_the_honest_are_apart() -> None:
    chance = random.Random(20261122)
    quoted = 0
    for _ in range(2000):
        liars = chance.randint(0, 3)
        honest = [100_000 + chance.randint(-500, 500) for _ in range(liars + chance.randint(1, 3))]
        lies = [chance.choice([1, 10**9, 100_000 + chance.randint(-4000, 4000)]) for _ in range(liars)]
        said = readings(*honest, *lies)
        chance.shuffle(said)
        rule = replace(RULE, minimum=len(said) // 2 + 1)
        try:
            quote = decide(said, [], now=NOW, rule=rule)
        except Unavailable:
            continue
        quoted += 1
        assert min(honest) <= quote.price <= max(honest)
    assert quoted > 1500


def test_the_order_of_the_readings_does_not_matter() -> None:
    said = readings(100_00, 101_00, 99_50, 150_00, 100_20)
    found = {decide(random.Random(n).sample(said, 5), [], now=NOW, rule=RULE).price for n in range(50)}
    assert found == {100_00}
