"""Disprove: the asserted digits make the predicate false, which gave a challenger the logarithm of its point lock."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.transaction import Template
from vault.plan import Plan


def disprove(plan: Plan, g: int, k: int, *, claim: Template, assert_: Template) -> Template:
    """From arena_k (W_k + point lock O_k), payout (G) -> 60 % W_k, 30 % injured party, 10 % burned. Published by W_k.

    A challenger that is itself the injured party gets two outputs: the shape, and so the fee, is that of every other.
    """
    name, scripts = f"{g}/disprove/{k}", plan.cast.payout_scripts
    values = plan.values
    reward = outputs.destination(
        role=f"{name}/challenger", value=values[f"{name}/challenger"], script_pubkey=scripts[k]
    )
    damages = outputs.destination(
        role=f"{name}/injured",
        value=values[f"{name}/injured"],
        script_pubkey=scripts[plan.proposal.other(g)],
    )
    burned = outputs.burn(role=f"{name}/burn", value=values[f"{name}/burn"], nums=plan.nums(f"{name}/burn"))
    return Template(
        name=name,
        inputs=(assert_.spend(f"{g}/arena/{k}", "disprove"), claim.spend(f"{g}/payout", "settle")),
        outputs=(reward, damages, burned, outputs.anchor()),
    )
