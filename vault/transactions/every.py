"""The whole set of transactions of a vault, in an order in which parents come first."""

from __future__ import annotations

from bitcoin_scripts.transaction import Template
from vault.plan import Plan
from vault.transactions.answers import ANSWERS
from vault.transactions.assert_ import assert_
from vault.transactions.claim import claim
from vault.transactions.contest import contest
from vault.transactions.contested_payout import contested_payout
from vault.transactions.dead_man import dead_man
from vault.transactions.liquidate import liquidate
from vault.transactions.no_assert import no_assert
from vault.transactions.prefund import prefund
from vault.transactions.refund import refund
from vault.transactions.release_bond import release_bond, release_bond_contest
from vault.transactions.repay import repay
from vault.transactions.uncontested_payout import uncontested_payout
from vault.transactions.vault import vault


def every_transaction(plan: Plan) -> dict[str, Template]:
    """Name -> template."""
    slots = range(len(plan.proposal.slots))
    deposit = prefund(plan)
    coin = vault(plan, prefund=deposit)
    templates = [deposit, *(refund(plan, slot, prefund=deposit) for slot in slots), coin]
    for slot in slots:
        templates += [repay(plan, slot, vault=coin), dead_man(plan, slot, vault=coin)]
    templates += [liquidate(plan, f, entry, vault=coin) for f, entry in enumerate(plan.proposal.fast)]
    for g in range(len(plan.proposal.graphs)):
        opened = claim(plan, g)
        contested = contest(plan, g, claim=opened)
        asserted = assert_(plan, g, contest=contested)
        templates += [
            opened,
            contested,
            uncontested_payout(plan, g, vault=coin, claim=opened),
            no_assert(plan, g, claim=opened, contest=contested),
            asserted,
            *(
                template
                for k in plan.proposal.challengers(g)
                for template in ANSWERS[plan.graph(g).engine](plan, g, k, opened, asserted)
            ),
            contested_payout(plan, g, vault=coin, claim=opened, assert_=asserted),
            release_bond(plan, g, claim=opened),
            release_bond_contest(plan, g, claim=opened),
        ]
    return {template.name: template for template in templates}
