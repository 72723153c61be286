"""Disprove: the asserted digits make the predicate false, which gave a challenger the logarithm of its point lock."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.transaction import Template
from vault.plan import Plan
from vault.transactions.split import split


def disprove(plan: Plan, g: int, k: int, *, claim: Template, assert_: Template) -> Template:
    """From arena_k (W_k + point lock O_k), payout (G) -> 60 % W_k, 30 % injured party, 10 % burned. Published by W_k."""
    name = f"{g}/disprove/{k}"
    return Template(
        name=name,
        inputs=(assert_.spend(f"{g}/arena/{k}", "disprove"), claim.spend(f"{g}/payout", "settle")),
        outputs=(*split(plan, g, k, transaction=name), outputs.anchor()),
    )
