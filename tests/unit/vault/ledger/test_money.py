"""Every formula at its edges; each rounding goes against the side that the page names."""

from fractions import Fraction

import pytest
from msgspec.structs import replace

from vault.ledger import money
from vault.ledger.rules import BLOCKS_A_YEAR, DEFAULT, SCALE, check_rules

BTC = 10**8


@pytest.mark.parametrize(
    ("principal", "grown", "owed"),
    [
        (100, 0, 100),
        (100, 1, 101),  # a part of a cent is a cent
        (100, SCALE // 100, 101),
        (100, SCALE // 100 + 1, 102),
        (0, SCALE, 0),
        (1, 0, 1),
    ],
)
def test_debt_rounds_up_against_the_borrower(principal, grown, owed):
    assert money.debt(principal, SCALE + grown, SCALE) == owed


@pytest.mark.parametrize(
    ("owed", "sats", "collateral", "cents"),
    [(100, 1, 2, 50), (101, 1, 2, 51), (100, 1, 3, 34), (100, 2, 3, 67), (100, 3, 3, 100), (0, 1, 2, 0), (1, 1, 3, 1)],
)
def test_due_rounds_up_against_the_borrower(owed, sats, collateral, cents):
    assert money.due(owed, sats, collateral) == cents


@pytest.mark.parametrize(
    ("sats", "price", "bonus", "cents"),
    [
        (BTC, 105, 500, 100),
        (BTC, 106, 500, 101),  # 100.95
        (BTC, 104, 500, 100),  # 99.05
        (1, 1, 500, 1),  # never for nothing
        (BTC, 6_000_000, 0, 6_000_000),
        (BTC, 6_000_000, 1_000, 5_454_546),  # 5,454,545.45
    ],
)
def test_pay_rounds_up_against_the_payer(sats, price, bonus, cents):
    assert money.pay(replace(DEFAULT, bonus=bonus), sats, price) == cents


def test_a_loan_of_exactly_half_is_within_ltv():
    assert money.within_ltv(DEFAULT, 3_000_000, BTC, 6_000_000)
    assert not money.within_ltv(DEFAULT, 3_000_001, BTC, 6_000_000)
    assert not money.within_ltv(DEFAULT, 3_000_000, BTC - 1, 6_000_000)
    assert not money.within_ltv(DEFAULT, 3_000_000, BTC, 5_999_999)


def test_health_of_exactly_one_is_healthy():
    assert not money.unhealthy(DEFAULT, BTC, 3_500_000, 83 * 35_000)
    assert money.unhealthy(DEFAULT, BTC, 3_500_000, 83 * 35_000 + 1)
    assert money.unhealthy(DEFAULT, BTC - 1, 3_500_000, 83 * 35_000)
    assert money.unhealthy(DEFAULT, BTC, 3_499_999, 83 * 35_000)
    assert money.health(DEFAULT, BTC, 3_500_000, 83 * 35_000) == 10_000


def test_exactly_on_target_is_enough():
    """1.24 of 830,000 cents over 83 % of half a coin is 24,800.00 a coin."""
    assert not money.below_target(DEFAULT, BTC // 2, 2_480_000, 830_000)
    assert money.below_target(DEFAULT, BTC // 2, 2_479_999, 830_000)
    assert money.below_target(DEFAULT, BTC // 2, 2_480_000, 830_001)


def test_a_margin_call_begins_above_its_share():
    assert not money.margin_called(DEFAULT, BTC, 1_000_000, 700_000)
    assert money.margin_called(DEFAULT, BTC, 1_000_000, 700_001)


def test_a_price_is_fresh_in_its_last_second():
    assert money.fresh(DEFAULT, 1, 1_000, 1_000 + DEFAULT.max_price_age)
    assert not money.fresh(DEFAULT, 1, 1_000, 1_001 + DEFAULT.max_price_age)
    assert money.fresh(DEFAULT, 1, 1_000, 0)
    assert not money.fresh(DEFAULT, 0, 1_000, 1_000)


@pytest.mark.parametrize(
    ("paid", "owed", "how", "split"),
    [
        (100, 60, 1, (60, 40, 0)),
        (100, 60, 2, (60, 40, 0)),
        (100, 60, 3, (0, 0, 100)),
        (60, 100, 1, (60, 0, 0)),
        (100, 100, 1, (100, 0, 0)),
    ],
)
def test_money_follows_the_coin(paid, owed, how, split):
    found = money.settlement(paid, owed, how)
    assert (found.lender, found.borrower, found.payer) == split
    assert sum(split) == paid


def test_the_golden_share_is_62_5_percent():
    """CF .78, target 1.24, bonus 10 %, health .97: the share that a published lending market gives."""
    rules = check_rules(replace(DEFAULT, liquidation=7_800, bonus=1_000))
    cf, target, bonus, health = (Fraction(n, 100) for n in (78, 124, 110, 97))
    exact = cf * (target - health) / (target - cf * bonus) * bonus / health
    assert round(float(exact), 3) == 0.625
    assert money.seized_share(rules, 9_700) == -(-exact * 10_000 // 1) == 6_252


@pytest.mark.parametrize("health", [9_999, 9_700, 9_000, 8_000])
def test_whole_slots_are_taken_until_the_share_is_reached(health):
    """Slot by slot from money alone: the first count of eight equal slots that reaches the target is the share, rounded up."""
    rules, price, slots = DEFAULT, 6_000_000, 8
    collateral = slots * BTC
    owed = collateral * price * rules.liquidation // (health * BTC)
    taken = 0
    while collateral and money.below_target(rules, collateral, price, owed):
        owed -= min(owed, money.pay(rules, BTC, price))
        collateral -= BTC
        taken += 1
    assert taken == -(-money.seized_share(rules, health) * slots // 10_000)


def test_a_known_parameter_set_is_expressible():
    """Minimal ratio 1.5, liquidation ratio 1.2, bonus 5 %, 30 days: a ratio of 1.2 is seized, 1.21 is not."""
    rules = check_rules(replace(DEFAULT, max_ltv=6_666, liquidation=8_333, bonus=500))
    assert money.within_ltv(rules, 3_999_600, BTC, 6_000_000)  # 1.5001
    assert not money.within_ltv(rules, 4_000_000, BTC, 6_000_000)  # 1.5: basis points round against the borrower
    assert money.unhealthy(rules, BTC, 4_800_000, 4_000_000)
    assert not money.unhealthy(rules, BTC, 4_840_000, 4_000_000)
    assert money.pay(rules, BTC, 4_800_000) == 4_571_429  # 4,800,000 / 1.05, up
    assert 30 * 144 == 4_320  # blocks of such a loan's maturity


def test_interest_of_a_year_is_the_rate():
    index = SCALE + DEFAULT.rate * BLOCKS_A_YEAR
    assert money.debt(1_000_000, index, SCALE) == 1_050_000
