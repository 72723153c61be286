"""StakeBack: nobody refuted and payout is spent already, so the challenger has its stake back."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.transaction import Template
from vault.plan import Plan


def stake_back(plan: Plan, g: int, k: int, *, reveal: Template) -> Template:
    """From refute_k (CSV(refute + margin), W_k) -> W_k. Published by W_k."""
    name = f"{g}/stake_back/{k}"
    home = outputs.destination(
        role=f"{name}/stake",
        value=plan.values[f"{name}/stake"],
        script_pubkey=plan.cast.payout_scripts[k],
    )
    return Template(
        name=name,
        inputs=(reveal.spend(f"{g}/refute/{k}", "return"),),
        outputs=(home, outputs.anchor()),
    )
