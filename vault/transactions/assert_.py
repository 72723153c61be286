"""Assert: the claimant publishes its digits, one signature each."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.transaction import Template
from vault.plan import Plan


def assert_(plan: Plan, g: int, *, contest: Template) -> Template:
    """From assertion (digit leaf of c) -> verdict, one arena a challenger. Published by c.

    Too large for a TRUC child: it spends a confirmed assertion only.
    """
    cast, claimant = plan.cast, plan.claimant_key(g)
    verdict = outputs.verdict(
        role=f"{g}/verdict",
        value=plan.values[f"{g}/verdict"],
        nums=plan.nums(f"{g}/verdict"),
        group=cast.group,
        timeout=plan.times.verdict,
    )
    arenas = tuple(
        outputs.arena(
            role=f"{g}/arena/{k}",
            value=plan.values[f"{g}/arena/{k}"],
            nums=plan.nums(f"{g}/arena/{k}"),
            challenger=cast.personal[k],
            point_lock=plan.locks[g, k],
            claimant=claimant,
            release=plan.times.bond_release,
        )
        for k in plan.proposal.challengers(g)
    )
    return Template(
        name=f"{g}/assert",
        inputs=(contest.spend(f"{g}/assertion", "digits"),),
        outputs=(verdict, *arenas, outputs.anchor()),
    )
