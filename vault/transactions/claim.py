"""Claim: the claimant puts its bond down and opens the contest window."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.transaction import Template, coin_input
from vault.plan import Plan


def claim(plan: Plan, g: int) -> Template:
    """From the bond of c (its own key) -> contest, payout. Published by c."""
    coin, claimant, cast = plan.bonds[g], plan.claimant_key(g), plan.cast
    bond = outputs.bond(role=f"{g}/bond", value=coin.value, owner=claimant)
    contest = outputs.contest(
        role=f"{g}/contest",
        value=plan.values[f"{g}/contest"],
        nums=plan.nums(f"{g}/contest"),
        group=cast.group,
        challengers={k: cast.personal[k] for k in plan.proposal.challengers(g)},
        claimant=claimant,
        timeout=plan.times.contest,
        release=plan.times.bond_release,
    )
    payout = outputs.payout(
        role=f"{g}/payout",
        value=plan.values[f"{g}/payout"],
        nums=plan.nums(f"{g}/payout"),
        group=cast.group,
        claimant=claimant,
        release=plan.times.bond_release,
    )
    return Template(
        name=f"{g}/claim",
        inputs=(coin_input(txid=coin.txid, vout=coin.vout, spends=bond),),
        outputs=(contest, payout, outputs.anchor()),
    )
