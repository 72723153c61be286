"""ReleaseBond: the vault coin went another way and nobody took the bond, so the claimant has it back."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.transaction import Template
from vault.plan import Plan


def release_bond(plan: Plan, g: int, *, claim: Template) -> Template:
    """From payout (CSV(bond_release), c) -> c, when the contest output is spent. Published by c."""
    return _release(plan, g, f"{g}/release_bond", claim, (f"{g}/payout",))


def release_bond_contest(plan: Plan, g: int, *, claim: Template) -> Template:
    """From contest and payout (both CSV(bond_release), c) -> c, when nobody contested. Published by c."""
    return _release(plan, g, f"{g}/release_bond_contest", claim, (f"{g}/contest", f"{g}/payout"))


def _release(plan: Plan, g: int, name: str, claim: Template, roles: tuple[str, ...]) -> Template:
    home = outputs.destination(
        role=f"{name}/bond",
        value=plan.values[f"{name}/bond"],
        script_pubkey=plan.cast.payout_scripts[plan.graph(g).claimant],
    )
    return Template(
        name=name,
        inputs=tuple(claim.spend(role, "release") for role in roles),
        outputs=(home, outputs.anchor()),
    )
