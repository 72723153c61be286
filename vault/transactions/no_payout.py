"""NoPayout: the claimant could not refute in time, so its bond is lost and the stake comes back."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.transaction import Template
from vault.plan import Plan
from vault.transactions.split import split


def no_payout(plan: Plan, g: int, k: int, *, claim: Template, reveal: Template) -> Template:
    """From refute_k (G, CSV(refute)), payout (G) -> the stake and 60 % of the rest to W_k, 30 % injured party, 10 % burned.

    Published by anyone.
    """
    name = f"{g}/no_payout/{k}"
    return Template(
        name=name,
        inputs=(reveal.spend(f"{g}/refute/{k}", "timeout"), claim.spend(f"{g}/payout", "settle")),
        outputs=(*split(plan, g, k, transaction=name), outputs.anchor()),
    )
