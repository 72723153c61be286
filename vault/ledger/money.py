"""The ledger's arithmetic: every formula once, the side each rounding is against beside its division.

Plain integers: sats, cents, cents per BTC, basis points. Does not know events or commitments.
"""

from __future__ import annotations

from dataclasses import dataclass

from vault.agreement import Sats
from vault.ledger.rules import ONE, Rules

COIN = 10**8
VALUE = COIN * ONE  # sats * price * basis points = cents * VALUE


def debt(principal: int, index: int, index_open: int) -> int:
    """Cents owed at `index` on a principal of `index_open`."""
    return -(-principal * index // index_open)  # up: against the borrower


def due(owed: int, sats: Sats, collateral: Sats) -> int:
    """Cents that free a slot of `sats` out of `collateral` open sats."""
    return -(-owed * sats // collateral)  # up: against the borrower


def pay(rules: Rules, sats: Sats, price: int) -> int:
    """Cents that a liquidator, or the lender after default, pays for a slot."""
    return -(-sats * price * ONE // ((ONE + rules.bonus) * COIN))  # up: against the payer


def within_ltv(rules: Rules, cents: int, sats: Sats, price: int) -> bool:
    """Whether a loan is small enough to be opened; equality is."""
    return cents * VALUE <= sats * price * rules.max_ltv


def unhealthy(rules: Rules, collateral: Sats, price: int, owed: int) -> bool:
    """Whether a vault may be liquidated; equality is healthy."""
    return collateral * price * rules.liquidation < owed * VALUE


def below_target(rules: Rules, collateral: Sats, price: int, owed: int) -> bool:
    """Whether a liquidation that has begun goes on; equality is enough health."""
    return collateral * price * rules.liquidation * ONE < rules.target_health * owed * VALUE


def margin_called(rules: Rules, collateral: Sats, price: int, owed: int) -> bool:
    """Whether the borrower is warned."""
    return owed * VALUE > collateral * price * rules.margin_call


def fresh(rules: Rules, price: int, price_time: int, time: int) -> bool:
    """Whether a price may move anything; its last second counts."""
    return price > 0 and time <= price_time + rules.max_price_age


def health(rules: Rules, collateral: Sats, price: int, owed: int) -> int:
    """Collateral * price * liquidation / debt in basis points, to show; `unhealthy` decides."""
    return collateral * price * rules.liquidation // (owed * COIN)  # down: against the borrower


def seized_share(rules: Rules, health_before: int) -> int:
    """The share of the collateral (basis points) that brings a vault of this health back to its target, to show.

    CF * (THF - HF) / (THF - CF * LB) * LB / HF with CF the liquidation threshold, LB 1 + bonus; slots come whole, so
    what is taken is the next whole slot.
    """
    bonus = ONE + rules.bonus
    top = rules.liquidation * (rules.target_health - health_before) * bonus * ONE
    bottom = (rules.target_health * ONE - rules.liquidation * bonus) * health_before
    return max(0, min(ONE, -(-top // bottom)))  # up: against the borrower


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Cents that leave the ledger when a record is closed; `payer` is its claimant."""

    lender: int
    borrower: int
    payer: int


def settlement(paid: int, owed: int, how: int) -> Settlement:
    """Money follows the coin: how = 1 or 2 to lender and borrower, how = 3 back to the payer."""
    if how == 3:
        return Settlement(lender=0, borrower=0, payer=paid)
    return Settlement(lender=min(paid, owed), borrower=paid - min(paid, owed), payer=0)
