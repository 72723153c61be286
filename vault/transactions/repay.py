"""Repay: the lender showed r when it took the repayment, so the borrower takes the slot."""

from __future__ import annotations

from bitcoin_scripts.transaction import Template
from vault.plan import Plan
from vault.transactions.to_borrower import to_borrower


def repay(plan: Plan, slot: int, *, vault: Template) -> Template:
    """From vault (preimage r, B) -> B. Published by B."""
    return to_borrower(plan, f"repay/{slot}", parent=vault, role=f"vault/{slot}", path="repay")
