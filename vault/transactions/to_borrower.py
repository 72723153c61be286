"""What Refund, Repay and DeadMan have in common: one output of the deposit goes home to B."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.transaction import Template
from vault.plan import Plan


def to_borrower(plan: Plan, name: str, *, parent: Template, role: str, path: str) -> Template:
    """Spend `role` of `parent` by `path` to B's payout script; the output is called like the transaction."""
    home = outputs.destination(
        role=name,
        value=plan.values[name],
        script_pubkey=plan.cast.payout_scripts[plan.proposal.borrower],
    )
    return Template(name=name, inputs=(parent.spend(role, path),), outputs=(home, outputs.anchor()))
