"""Random events, right and wrong, one after another: the constraints take what the ledger takes, to the same root.

Names of rules are compared in test_constraints.py; here an event may break several, and each judge names its first.
"""

import json
import random

import pytest

from native import NativeError
from native._native import statements
from snark.statements import transition_public
from tests.cases import ledger as cases
from vault.ledger import commit, money
from vault.ledger.events import (
    SLOTS,
    Accrue,
    AddCollateral,
    Close,
    Default,
    Liquidate,
    MarkPrice,
    Repay,
    Tender,
    Withdraw,
)
from vault.ledger.faults import RuleFault
from vault.ledger.state import apply
from vault.ledger.witness import transition_head, transition_step

STEPS = 30
BEGINNINGS = (cases.loan, cases.later, cases.overdue, cases.seized)
VAULTS = (cases.VAULT, cases.VAULT, cases.OTHER, cases.TWIN)


def events(ledger, rnd):
    """One event of each kind, mostly the right one."""
    totals, vault = ledger.totals, rnd.choice(VAULTS)
    position = ledger.position(vault) or ledger.position(cases.VAULT)
    debt, collateral = ledger.debt(position), position.collateral

    def near(value):
        return max(0, value + rnd.choice([0, 0, 0, 0, 0, 1, -1]))

    low, high = min(position.open_slots, default=0), max(position.open_slots, default=0)
    pay = near(money.pay(ledger.rules, position.sats[low], totals.price))
    due = near(money.due(debt, position.sats[high], collateral) if collateral else 0)
    on = {"vault": vault, "nonce": near(position.nonce)}
    pending = max(position.tender_slot - 1, 0)
    named = {"template": cases.TEMPLATE, **on}
    yield Accrue(height=totals.height + rnd.choice([0, 1, 144, 400]), time=totals.time + rnd.choice([-1, 0, 600]))
    yield MarkPrice(price=rnd.randrange(2 * cases.PRICE), price_time=totals.time + rnd.choice([-1, 0, 7_200, 7_201]))
    yield cases.open_(
        vault, maturity=totals.height + rnd.choice([0, 1]), last_record=totals.height + rnd.choice([0, 9])
    )
    yield AddCollateral(slot=near(position.used), sats=rnd.choice([0, 1, 10**7]), **on)
    yield Tender(slot=near(high), cents=due, **on)
    yield Withdraw(slot=near(pending), how=rnd.choice([0, 1, 2]), **named)
    yield Repay(cents=rnd.choice([0, debt // 2, debt, debt + 1]), **on)
    yield Liquidate(slot=near(low), cents=pay, payer=cases.PAYER, **named)
    yield Default(slot=near(low), cents=pay, **named)
    yield Close(slot=rnd.randrange(SLOTS), how=rnd.choice([0, 1, 2, 3]), **on)


def proved(ledger, event):
    """The public input when the constraints take the event, else None."""
    witness = {**transition_head(ledger), "steps": [transition_step(ledger, event)]}
    try:
        return statements.witness("transition", 1, json.dumps(witness).encode())[1]
    except NativeError:
        return None


def applied(ledger, event):
    """The ledger after the event and the public input of the step, or the same ledger and None."""
    try:
        after = apply(ledger, event)
    except RuleFault:
        return ledger, None
    rules = commit.rules_hash(ledger.rules)
    roots = {"old_root": ledger.root, "new_root": after.root}
    return after, transition_public(ledger.network, ledger.ledger_id, rules=rules, **roots)


@pytest.mark.parametrize("seed", range(len(BEGINNINGS)))
def test_the_ledger_and_the_constraints_take_the_same_events(seed):
    rnd, taken = random.Random(seed), 0
    ledger = BEGINNINGS[seed]()
    for _ in range(STEPS):
        event = rnd.choice(list(events(ledger, rnd)))
        after, x = applied(ledger, event)
        assert proved(ledger, event) == x, event
        taken += after is not ledger
        ledger = after
    assert 0 < taken < STEPS
