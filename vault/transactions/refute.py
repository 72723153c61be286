"""Refute: the claimant's proof is valid, so what Reveal showed gave it the logarithm of the point lock."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.transaction import Template
from vault.plan import Plan


def refute(plan: Plan, g: int, k: int, *, reveal: Template) -> Template:
    """From refute_k (c + point lock F_k) -> the stake of W_k to c. Published by c."""
    role = f"{g}/refute/{k}/stake"
    taken = outputs.destination(
        role=role,
        value=plan.values[role],
        script_pubkey=plan.cast.payout_scripts[plan.graph(g).claimant],
    )
    return Template(
        name=f"{g}/refute/{k}",
        inputs=(reveal.spend(f"{g}/refute/{k}", "refute"),),
        outputs=(taken, outputs.anchor()),
    )
