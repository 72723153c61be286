"""UncontestedPayout: nobody contested in time, so the claim is paid."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.transaction import Template
from vault.plan import Plan
from vault.transactions.outcome import outcome


def uncontested_payout(plan: Plan, g: int, *, vault: Template, claim: Template) -> Template:
    """From vault (G), contest (G, CSV(contest)), payout (G) -> the outcome, bond back to c. Published by anyone."""
    name = f"{g}/uncontested_payout"
    return Template(
        name=name,
        inputs=(
            vault.spend(f"vault/{plan.graph(g).slot}", outputs.KEY_PATH),
            claim.spend(f"{g}/contest", "timeout"),
            claim.spend(f"{g}/payout", "settle"),
        ),
        outputs=(*outcome(plan, g, transaction=name), outputs.anchor()),
    )
