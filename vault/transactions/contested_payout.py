"""ContestedPayout: the claimant asserted and nobody disproved in time, so the claim is paid."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.transaction import Template
from vault.plan import Plan
from vault.transactions.outcome import outcome


def contested_payout(plan: Plan, g: int, *, vault: Template, claim: Template, assert_: Template) -> Template:
    """From vault (G), payout (G), verdict (G, CSV(verdict)) -> the outcome, bond back to c. Published by anyone."""
    name = f"{g}/contested_payout"
    return Template(
        name=name,
        inputs=(
            vault.spend(f"vault/{plan.graph(g).slot}", outputs.KEY_PATH),
            claim.spend(f"{g}/payout", "settle"),
            assert_.spend(f"{g}/verdict", "timeout"),
        ),
        outputs=(*outcome(plan, g, transaction=name), outputs.anchor()),
    )
