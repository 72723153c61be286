"""NoAssert: the claimant stayed silent, so its bond goes to the challengers."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.transaction import Template
from vault.plan import Plan


def no_assert(plan: Plan, g: int, *, claim: Template, contest: Template) -> Template:
    """From assertion (G, CSV(assert)), payout (G) -> the bond split among the challengers. Published by anyone."""
    shares = tuple(
        outputs.destination(
            role=f"{g}/no_assert/{k}",
            value=plan.values[f"{g}/no_assert/{k}"],
            script_pubkey=plan.cast.payout_scripts[k],
        )
        for k in plan.proposal.challengers(g)
    )
    return Template(
        name=f"{g}/no_assert",
        inputs=(contest.spend(f"{g}/assertion", "timeout"), claim.spend(f"{g}/payout", "settle")),
        outputs=(*shares, outputs.anchor()),
    )
