"""The numbers of a ledger's rules: defaults of the design, ranges, and the inequalities between them.

Promises that `check_rules` lets only numbers pass under which a liquidation heals: the bonus never outruns the collateral.
Ratios are basis points, times seconds of median time past, windows blocks. Does not know events.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec

from vault.ledger.faults import GenesisFault

ONE = 10_000  # basis points
SCALE = 10**18  # of the interest index
BLOCKS_A_YEAR = 52_560
MAX_BONUS = 1_000


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fixed for the life of a ledger; a position names `version`. Field order is the order of the rules hash."""

    version: int
    max_ltv: int  # a loan is at most this share of its collateral
    margin_call: int  # a warning above this share
    liquidation: int  # path C: assumed contested, so it absorbs about 720 blocks of price movement
    fast: int  # path B
    bonus: int  # what a payer of collateral saves
    target_health: int  # liquidation of a vault goes on below it
    grace: int  # blocks after maturity
    max_price_age: int  # seconds; an older price moves nothing
    max_price_lead: int  # seconds a price may be ahead of median time past
    rate: int  # interest a block, scaled by 10^18
    tender_window: int  # blocks in which the lender shows r
    settle_window: int  # blocks after a record in which the payer takes its coin


# Grace is a day. Median time past lags real time by about an hour, and a block may take another: a price may lead by two.
# 5 % a year. A lender has a day to show r. A contested claim takes 720 blocks: two weeks until the payer's time is over.
DEFAULT = Rules(
    version=1,
    max_ltv=5_000,
    margin_call=7_000,
    liquidation=8_300,
    fast=9_200,
    bonus=500,
    target_health=12_400,
    grace=144,
    max_price_age=3_600,
    max_price_lead=7_200,
    rate=5 * SCALE // 100 // BLOCKS_A_YEAR,  # rounded down, for the borrower
    tender_window=144,
    settle_window=2_016,
)

_BITS = {"grace": 32, "max_price_age": 32, "max_price_lead": 32, "rate": 64, "tender_window": 32, "settle_window": 32}


def check_rules(rules: Rules) -> Rules:
    """Its argument, when every number fits its field and liquidation heals; GenesisFault names the first that does not."""
    for field in Rules.__struct_fields__:
        bits = _BITS.get(field, 16)
        if not 0 <= getattr(rules, field) < 1 << bits:
            raise GenesisFault(f"rules.{field}", expected=f"0 to 2^{bits} - 1", got=str(getattr(rules, field)))
    ladder = (0, rules.max_ltv, rules.margin_call, rules.liquidation, rules.fast)
    if not all(low < high for low, high in pairwise(ladder)) or rules.fast > ONE:
        raise GenesisFault("rules", expected="0 < max_ltv < margin_call < liquidation < fast <= 10000", got=str(ladder))
    if rules.bonus > MAX_BONUS:
        raise GenesisFault("rules.bonus", expected=f"at most {MAX_BONUS}", got=str(rules.bonus))
    if rules.liquidation * (ONE + rules.bonus) >= ONE * ONE:
        # Seizing would take more value from the vault than it takes debt away.
        expected = "liquidation * (10000 + bonus) < 10^8"
        raise GenesisFault("rules.liquidation", expected=expected, got=f"{rules.liquidation}, bonus {rules.bonus}")
    if rules.target_health <= ONE:
        raise GenesisFault("rules.target_health", expected=f"more than {ONE}", got=str(rules.target_health))
    if rules.max_price_age == 0:
        raise GenesisFault("rules.max_price_age", expected="at least 1", got="0")
    return rules
