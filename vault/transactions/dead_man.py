"""DeadMan: everyone else has vanished for very long, so the borrower takes the slot."""

from __future__ import annotations

from bitcoin_scripts.transaction import Template
from vault.plan import Plan
from vault.transactions.to_borrower import to_borrower


def dead_man(plan: Plan, slot: int, *, vault: Template) -> Template:
    """From vault (CSV(dead_man), B) -> B. Published by B."""
    return to_borrower(plan, f"deadman/{slot}", parent=vault, role=f"vault/{slot}", path="dead_man")
