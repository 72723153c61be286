"""Vault: the loan was taken (preimage a is public), so every slot of the deposit becomes a vault coin."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.transaction import Template
from vault.plan import Plan


def vault(plan: Plan, *, prefund: Template) -> Template:
    """From prefund (preimage a, G), every slot at once -> one vault output a slot. Published by anyone who knows a."""
    cast, slots = plan.cast, range(len(plan.proposal.slots))
    created = tuple(
        outputs.vault(
            role=f"vault/{slot}",
            value=plan.values[f"vault/{slot}"],
            group=cast.group,
            borrower=cast.personal[plan.proposal.borrower],
            hashlock_r=cast.hashlocks_r[slot],
            dead_man=plan.times.dead_man,
        )
        for slot in slots
    )
    return Template(
        name="vault",
        inputs=tuple(prefund.spend(f"prefund/{slot}", "vault") for slot in slots),
        outputs=(*created, outputs.anchor()),
    )
