"""`apply`: effects of every kind on money and records, purity, lookups, warnings. Refusals are in test_cases."""

from dataclasses import replace

import pytest

from tests.cases import ledger as cases
from tests.cases.ledger import LOAN, OTHER, PAYER, PRICE, SATS, TEMPLATE, TWIN, VAULT, at, run
from vault.ledger import money
from vault.ledger.events import Accrue, MarkPrice
from vault.ledger.faults import RuleFault
from vault.ledger.margin import margin_calls
from vault.ledger.position import DEFAULT, LIQUIDATE, WITHDRAW
from vault.ledger.rules import DEFAULT as RULES
from vault.ledger.rules import SCALE
from vault.ledger.state import Ledger, apply, begin, restore


def held(ledger: Ledger) -> int:
    """What the page says cash is."""
    positions = list(ledger.positions)
    unsettled = sum(r.paid for p in positions for r in p.records if r is not None and not r.settled)
    return sum(p.tender_cents for p in positions) + unsettled


def test_a_new_ledger_is_empty():
    ledger = begin(cases.LEDGER, cases.NETWORK, RULES, height=5, time=6)
    t = ledger.totals
    assert (t.height, t.time, t.index, t.seq, t.cash, t.principal, t.price, t.marks) == (5, 6, SCALE, 0, 0, 0, 0, 0)
    assert list(ledger.positions) == []


@pytest.mark.parametrize("turn", [next(group()) for group in cases.ALL], ids=lambda turn: turn.name)
def test_the_old_ledger_stays_as_it_was(turn):
    root, positions = turn.ledger.root, list(turn.ledger.positions)
    after = apply(turn.ledger, turn.event)
    assert (turn.ledger.root, list(turn.ledger.positions)) == (root, positions)
    assert after.root != root
    assert after.totals.seq == turn.ledger.totals.seq + 1
    assert apply(turn.ledger, turn.event) == after


def test_one_bit_of_any_event_is_in_the_log():
    """Two events with equal effects but another claimant lead to other roots."""
    ledger = at(cases.fallen(), price=3_499_999)
    one = apply(ledger, cases.liquidate(ledger))
    other = apply(ledger, cases.liquidate(ledger, payer=cases.OWNER))
    assert one.totals.log != other.totals.log


def test_accrue_adds_simple_interest_by_blocks():
    ledger = cases.loan()
    t = ledger.totals
    once = apply(ledger, Accrue(height=t.height + 10, time=t.time)).totals.index
    twice = run(
        ledger, Accrue(height=t.height + 3, time=t.time), Accrue(height=t.height + 10, time=t.time)
    ).totals.index
    assert once == twice == SCALE + 10 * RULES.rate


def test_open_writes_the_loan():
    ledger = apply(cases.priced(), cases.open_())
    p = ledger.position(VAULT)
    assert (p.open_slots, p.collateral, p.used, p.principal, p.nonce) == ((0, 1, 2), sum(SATS), 3, LOAN, 1)
    assert ledger.totals.principal == LOAN
    assert ledger.debt(p) == LOAN


def test_a_tender_frees_the_highest_slot_and_is_held():
    before = cases.later()
    event = cases.tender(before)
    ledger = apply(before, event)
    p, owed = ledger.position(VAULT), before.debt(before.position(VAULT))
    assert (p.open_slots, p.tender_slot, p.tender_cents) == ((0, 1), 3, event.cents)
    assert ledger.debt(p) == owed - event.cents
    assert ledger.totals.cash == event.cents == held(ledger)


def test_repaying_slot_by_slot_costs_the_debt_and_no_cent_more():
    ledger = cases.later()
    owed, paid = ledger.debt(ledger.position(VAULT)), 0
    for slot in (2, 1, 0):
        event = cases.tender(ledger, slot)
        ledger = run(ledger, event)
        ledger = run(ledger, cases.withdraw(ledger, slot=slot))
        paid += event.cents
    assert (paid, ledger.debt(ledger.position(VAULT))) == (owed, 0)
    assert [r.outcome for r in ledger.position(VAULT).records[:3]] == [WITHDRAW] * 3
    assert ledger.totals.cash == owed == held(ledger)


def test_a_withdrawal_names_owner_template_and_its_money():
    ledger = cases.later()
    ledger = run(ledger, cases.tender(ledger))
    cents = ledger.position(VAULT).tender_cents
    ledger = run(ledger, cases.withdraw(ledger))
    record, p = ledger.position(VAULT).records[2], ledger.position(VAULT)
    assert (record.outcome, record.claimant, record.template) == (WITHDRAW, cases.OWNER, TEMPLATE)
    assert (record.debt, record.paid, record.surplus, record.settled) == (cents, cents, 0, 0)
    assert (record.seq, record.sats, record.collateral) == (ledger.totals.seq, SATS[2], SATS[0] + SATS[1])
    assert (p.tender_slot, p.tender_cents, p.tender_height) == (0, 0, 0)


def test_a_liquidation_pays_debt_and_keeps_the_rest_for_later():
    before = at(cases.loan(), price=3_499_999)
    ledger = run(before, cases.liquidate(before))
    record, cents = ledger.position(VAULT).records[0], money.pay(RULES, SATS[0], 3_499_999)
    assert (record.outcome, record.claimant, record.continued) == (LIQUIDATE, PAYER, 0)
    assert (record.debt, record.paid, record.surplus, record.collateral) == (LOAN, cents, 0, sum(SATS))
    assert ledger.position(VAULT).principal == LOAN - cents
    assert ledger.totals.principal == before.totals.principal - cents
    assert ledger.totals.cash == cents == held(ledger)


def test_a_liquidation_goes_on_lowest_slot_first_until_the_target_is_reached():
    """At one cent under the threshold: the third slot would be one too many."""
    ledger = at(run(cases.priced(), cases.open_(sats=(12_500_000,) * 8)), price=3_499_999)
    share = money.seized_share(RULES, 9_999)
    taken = 0
    while True:
        try:
            ledger = run(ledger, cases.liquidate(ledger, taken))
        except RuleFault as fault:
            assert fault.rule == "liquidate.health"
            break
        taken += 1
    assert taken == -(-share * 8 // 10_000)
    assert [r.continued for r in ledger.position(VAULT).records[:taken]] == [0] + [1] * (taken - 1)


def test_a_default_gives_the_surplus_to_the_borrower():
    ledger = cases.overdue()
    owed = ledger.debt(ledger.position(VAULT))
    ledger = run(ledger, cases.repay(ledger, owed - 1))
    ledger = run(ledger, cases.default(ledger))
    record = ledger.position(VAULT).records[0]
    assert (record.outcome, record.claimant, record.debt) == (DEFAULT, cases.LENDER, 1)
    assert record.surplus == record.paid - 1
    ledger = run(ledger, cases.close(ledger))
    split = money.settlement(record.paid, record.debt, 1)
    assert (split.lender, split.borrower) == (1, record.surplus)
    assert ledger.totals.cash == 0 == held(ledger)


@pytest.mark.parametrize("how", [1, 3])
def test_closing_pays_out_what_was_held(how):
    ledger = at(cases.loan(), price=3_499_999)
    ledger = run(ledger, cases.liquidate(ledger))
    ledger = run(ledger, cases.close(ledger, how=how))
    assert ledger.position(VAULT).records[0].settled == how
    assert ledger.totals.cash == 0


def test_another_vault_of_the_same_leaf_is_not_found():
    ledger = cases.loan()
    assert ledger.leaf(VAULT) == ledger.leaf(TWIN)
    assert ledger.position(VAULT).vault == VAULT
    assert ledger.position(TWIN) is None
    assert ledger.position(cases.name("vault 3")) is None


def test_a_fault_says_rule_expectation_and_value():
    ledger = cases.later()
    with pytest.raises(RuleFault) as refused:
        apply(ledger, cases.tender(ledger, cents=1))
    fault = refused.value
    assert (fault.rule, fault.expected, fault.got) == ("tender.cents", str(cases.due(ledger, 2)), "1")


def test_what_a_store_kept_gives_the_same_ledger():
    ledger, events = cases.sixteen()
    for event in events:
        ledger = apply(ledger, event)
    empty = begin(cases.LEDGER, cases.NETWORK, RULES, height=cases.HEIGHT, time=cases.TIME)
    again = restore(empty, ledger.totals, list(ledger.positions))
    assert (again.root, list(again.positions)) == (ledger.root, list(ledger.positions))
    with pytest.raises(RuleFault, match="path"):
        restore(empty, ledger.totals, list(ledger.positions)[1:])


def test_margin_calls_warn_above_their_share():
    """One loan of LOAN on a coin: 70 % are exactly 41,500.00 a coin."""
    ledger = run(cases.priced(), cases.open_())
    assert margin_calls(at(ledger, price=4_150_000)) == ()
    [call] = margin_calls(at(ledger, price=4_149_999))
    assert (call.vault, call.debt, call.collateral) == (VAULT, LOAN, sum(SATS))
    assert call.health == money.health(RULES, sum(SATS), 4_149_999, LOAN)
    assert margin_calls(at(ledger, price=0)) == ()
    assert len(margin_calls(at(cases.loan(), price=500_000))) == 2


def test_a_price_moves_no_position():
    ledger = cases.loan()
    after = run(ledger, MarkPrice(price=PRICE // 2, price_time=ledger.totals.price_time))
    assert after.totals.tree == ledger.totals.tree
    assert after.totals.marks == ledger.totals.marks + 1
    assert replace(after, totals=ledger.totals) == ledger
    assert ledger.position(OTHER).principal == 100_000
