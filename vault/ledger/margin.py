"""Which borrowers to warn: a derived view of a ledger, no event of it.

Promises a call for every position whose debt is above the margin call's share of its collateral at the last price, stale or
not; none before the first price. Does not know how anyone is told.
"""

from __future__ import annotations

from dataclasses import dataclass

from vault.agreement import Sats
from vault.ledger import money
from vault.ledger.state import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginCall:
    """What to tell a borrower."""

    vault: bytes
    debt: int  # cents
    collateral: Sats  # open slots
    health: int  # basis points; liquidation begins below 10,000


def margin_calls(ledger: Ledger) -> tuple[MarginCall, ...]:
    """The vaults to warn, in the order of the tree."""
    price, calls = ledger.totals.price, []
    for position in ledger.positions:
        owed, collateral = ledger.debt(position), position.collateral
        if price and collateral and money.margin_called(ledger.rules, collateral, price, owed):
            health = money.health(ledger.rules, collateral, price, owed)
            calls.append(MarginCall(vault=position.vault, debt=owed, collateral=collateral, health=health))
    return tuple(calls)
