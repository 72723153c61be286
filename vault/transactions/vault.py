"""Vault: the loan was taken (preimage a is public), so every slot of the deposit becomes a vault coin.

For each entry of path B it makes a ticket besides: the lender's word that the liquidator has paid.
"""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.transaction import Template
from vault.plan import Plan


def vault(plan: Plan, *, prefund: Template) -> Template:
    """From prefund (preimage a, G), every slot at once -> one vault output a slot, one ticket an entry.

    Published by anyone who knows a.
    """
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
    tickets = tuple(
        outputs.ticket(
            role=f"ticket/{f}",
            value=plan.values[f"ticket/{f}"],
            nums=plan.nums(f"ticket/{f}"),
            hashlock_f=cast.hashlocks_f[f],
            liquidator=cast.personal[entry.liquidator],
            borrower=cast.personal[plan.proposal.borrower],
            dead_man=plan.times.dead_man,
        )
        for f, entry in enumerate(plan.proposal.fast)
    )
    return Template(
        name="vault",
        inputs=tuple(prefund.spend(f"prefund/{slot}", "vault") for slot in slots),
        outputs=(*created, *tickets, outputs.anchor()),
    )
