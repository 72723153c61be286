"""Contest: a challenger calls the claim into question; the claimant must now publish its digits."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.transaction import Template
from vault.plan import Plan


def contest(plan: Plan, g: int, *, claim: Template) -> Template:
    """From contest (G + W_k) -> assertion. Published by any challenger; one txid whoever contests.

    The fee is that of the heaviest leaf: with some numbers of challengers the leaves lie at two depths.
    """
    graph = plan.graph(g)
    assertion = outputs.assertion(
        role=f"{g}/assertion",
        value=plan.values[f"{g}/assertion"],
        nums=plan.nums(f"{g}/assertion"),
        group=plan.cast.group,
        claimant=plan.claimant_key(g),
        digits=graph.digits,
        timeout=plan.times.assert_,
    )
    leaves = [f"contest/{k}" for k in plan.proposal.challengers(g)]
    return Template(
        name=f"{g}/contest",
        inputs=(claim.spend(f"{g}/contest", *leaves),),
        outputs=(assertion, outputs.anchor()),
    )
