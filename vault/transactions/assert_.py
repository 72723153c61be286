"""Assert: the claimant publishes its digits, one signature each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bitcoin_scripts import outputs
from bitcoin_scripts.outputs import Output
from bitcoin_scripts.transaction import Template
from vault.agreement import Engine
from vault.plan import Plan


def assert_(plan: Plan, g: int, *, contest: Template) -> Template:
    """From assertion (digit leaf of c) -> verdict, one arena a challenger. Published by c.

    Too large for a TRUC child: it spends a confirmed assertion only.
    """
    verdict = outputs.verdict(
        role=f"{g}/verdict",
        value=plan.values[f"{g}/verdict"],
        nums=plan.nums(f"{g}/verdict"),
        group=plan.cast.group,
        timeout=plan.times.verdict,
    )
    arenas = tuple(_ARENAS[plan.graph(g).engine](plan, g, k) for k in plan.proposal.challengers(g))
    return Template(
        name=f"{g}/assert",
        inputs=(contest.spend(f"{g}/assertion", "digits"),),
        outputs=(verdict, *arenas, outputs.anchor()),
    )


def _arena(plan: Plan, g: int, k: int) -> Output:
    role = f"{g}/arena/{k}"
    return outputs.arena(
        role=role,
        value=plan.values[role],
        nums=plan.nums(role),
        challenger=plan.cast.personal[k],
        point_lock=plan.locks[g, k],
        claimant=plan.claimant_key(g),
        release=plan.times.bond_release,
    )


def _reveal_arena(plan: Plan, g: int, k: int) -> Output:
    role = f"{g}/arena/{k}"
    return outputs.reveal_arena(
        role=role,
        value=plan.values[role],
        nums=plan.nums(role),
        challenger=plan.cast.personal[k],
        digit_key=plan.reveals[g, k],
        digits=plan.graph(g).digits,
        claimant=plan.claimant_key(g),
        release=plan.times.bond_release,
    )


_ARENAS: Mapping[Engine, Callable[[Plan, int, int], Output]] = MappingProxyType({"core": _arena, "babe": _reveal_arena})
