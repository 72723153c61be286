"""Refund: the deposit goes home when the vault did not come about."""

from __future__ import annotations

from bitcoin_scripts.transaction import Template
from vault.plan import Plan
from vault.transactions.to_borrower import to_borrower


def refund(plan: Plan, slot: int, *, prefund: Template) -> Template:
    """From prefund (CSV(refund), B) -> B. Published by B."""
    return to_borrower(plan, f"refund/{slot}", parent=prefund, role=f"prefund/{slot}", path="refund")
