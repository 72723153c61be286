"""What `make demo ARGS=...` understands."""

from __future__ import annotations

import pytest

from node.demo.__main__ import arguments
from node.demo.lending import LIQUIDATION, LOAN, MATURITY, PRICES, RULES, SLOT, SLOTS
from node.demo.loan_rules import BITCOIN, unhealthy
from vault.ledger.rules import DEFAULT, check_rules
from vault.ledger.rules import Rules as LedgerRules


def test_without_words_it_is_the_seven_scenarios() -> None:
    options = arguments([])
    assert (options.play, options.engine, options.profile, options.only) == (None, "babe", "default", None)


def test_lending_beside_what_it_shares() -> None:
    options = arguments(["lending", "--bitcoind", "--chart", "a.svg"])
    assert (options.play, options.bitcoind, str(options.chart)) == ("lending", True, "a.svg")


@pytest.mark.parametrize(
    "words", [["lending", "--engine", "core"], ["lending", "--only", "vault"], ["lending", "--profile", "fast"],
              ["--chart", "a.svg"], ["borrowing"]],
)  # fmt: skip
def test_what_means_nothing_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(words)


def test_the_prices_tell_the_story() -> None:
    """The loan opens within its limit; the first fall is a margin call and no more; the second liquidates two of five slots."""
    rules = LedgerRules(**{**{name: getattr(DEFAULT, name) for name in LedgerRules.__struct_fields__}, **RULES})
    check_rules(rules)
    worth = {name: SLOT * price / BITCOIN for name, price in PRICES.items()}
    grown = LOAN * (1 + MATURITY * RULES["rate"] / 10**18)
    assert grown < worth["first"] * SLOTS * rules.max_ltv / 10_000 * 1.02 and worth["first"] * SLOTS / 2 >= LOAN
    assert worth["margin call"] * SLOTS * rules.margin_call / 10_000 < LOAN
    assert not unhealthy(SLOT * SLOTS, PRICES["margin call"], round(grown), LIQUIDATION)
    debt, healths = float(LOAN), []
    for slots in range(SLOTS + 1, 2, -1):
        healths.append(worth["liquidation"] * slots * float(LIQUIDATION) / debt)
        debt -= worth["liquidation"] / 1.05
    target = RULES["target_health"] / 10_000
    assert healths[0] < 1 and healths[1] < target and healths[2] > target * 1.01
