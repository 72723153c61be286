"""Liquidate (path B): the price was attested and the lender was paid, so the slot goes to the liquidator at once."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.transaction import Template
from vault.agreement import Fast
from vault.plan import Plan


def liquidate(plan: Plan, f: int, entry: Fast, *, vault: Template) -> Template:
    """From vault (key path G, adaptor under the attestors' point), ticket (preimage of h_f, Q) -> Q. Published by Q.

    It pays what path C of (Q, liquidate, slot) pays, so one record of the ledger stands for both.
    """
    name = f"liquidate/{f}"
    home = outputs.destination(
        role=name, value=plan.values[name], script_pubkey=plan.cast.payout_scripts[entry.liquidator]
    )
    return Template(
        name=name,
        inputs=(vault.spend(f"vault/{entry.slot}", outputs.KEY_PATH), vault.spend(f"ticket/{f}", "use")),
        outputs=(home, outputs.anchor()),
    )
