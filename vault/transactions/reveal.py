"""Reveal: a challenger publishes the labels of exactly the digits that were asserted, and risks its stake."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.transaction import Template, coin_input
from vault.plan import Plan


def reveal(plan: Plan, g: int, k: int, *, assert_: Template) -> Template:
    """From arena_k (digit leaf of W_k under K_k), stake of W_k (its own key) -> refute_k. Published by W_k.

    Too large for a TRUC child, and it shows secrets: it spends a buried arena only.
    """
    coin, challenger, times = plan.stakes[g, k], plan.cast.personal[k], plan.times
    refute = outputs.refute(
        role=f"{g}/refute/{k}",
        value=plan.values[f"{g}/refute/{k}"],
        nums=plan.nums(f"{g}/refute/{k}"),
        claimant=plan.claimant_key(g),
        point_lock=plan.locks[g, k],
        group=plan.cast.group,
        challenger=challenger,
        timeout=times.refute,
        last=times.refute + times.margin,
    )
    stake = outputs.bond(role=f"{g}/stake/{k}", value=coin.value, owner=challenger)
    return Template(
        name=f"{g}/reveal/{k}",
        inputs=(
            assert_.spend(f"{g}/arena/{k}", "digits"),
            coin_input(txid=coin.txid, vout=coin.vout, spends=stake),
        ),
        outputs=(refute, outputs.anchor()),
    )
