"""Any sequence of events: money adds up, nothing happens twice, and an independent model agrees on every verdict.

Each step offers an event that is mostly right, sometimes wrong in one number; the ledger and the model take or refuse it alike,
by the same rule. After each, the books must balance to the cent; at the end the roots must be equal.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from msgspec.structs import replace as changed

from tests.cases.ledger import LEDGER, NETWORK, name
from tests.models import ledger as model
from vault.ledger import commit, money
from vault.ledger.events import (
    Accrue,
    AddCollateral,
    Close,
    Default,
    Event,
    Liquidate,
    MarkPrice,
    Open,
    Repay,
    Tender,
    Withdraw,
    row,
)
from vault.ledger.faults import RuleFault
from vault.ledger.position import Position
from vault.ledger.rules import DEFAULT, SCALE
from vault.ledger.state import apply, begin
from vault.ledger.witness import event_json, globals_json, rules_json, transition_witness

RULES = changed(DEFAULT, rate=SCALE // 10_000, tender_window=3, settle_window=5, grace=4)  # a basis point a block
PARTIES = tuple(name(who) for who in ("owner", "lender", "payer", "other payer"))
VAULTS = tuple(name(f"vault {i}") for i in range(3))


CHANGES = ("liquidate", "default", "close", "tender", "withdraw", "repay", "add")


def begun():
    return begin(LEDGER, NETWORK, RULES, height=1_000, time=1_700_000_000)


def plain(event: Event) -> dict:
    """An event as the model reads it."""
    return event_json(row(event))


class Books(RuleBasedStateMachine):
    """The product's ledger and the model's books, side by side; `paid_in` and `paid_out` are the test's own."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = begun()
        self.book = globals_json(self.ledger.totals)
        self.positions: dict[bytes, dict] = {}
        self.records: dict[tuple[bytes, int], dict] = {}
        self.rules = rules_json(RULES)
        self.held_in = self.held_out = 0
        self.said: set[tuple[bytes, int]] = set()

    # ---- one event, both ways --------------------------------------------------------------------------------------
    def offer(self, event: Event) -> None:
        vault, slot = getattr(event, "vault", None), getattr(event, "slot", 0)
        position, old = self.positions.get(vault), self.records.get((vault, slot))
        try:
            book, after, record = model.step(self.rules, self.book, position, old, plain(event))
            theirs = None
        except model.Broken as broken:
            theirs = broken.rule
        before = self.ledger
        try:
            self.ledger = apply(before, event)
            ours = None
        except RuleFault as fault:
            ours = fault.rule
        assert ours == theirs, event
        if ours is None:
            self.count(before.position(vault) if vault else None, event)
            self.book = {**book, "log": f"{model.hash_log(int(self.book['log'], 16), plain(event)):064x}"}
            if vault is not None:
                self.positions[vault] = after
                if record is not None:
                    self.records[vault, slot] = record

    def count(self, before: Position | None, event: Event) -> None:
        """Cents into the pool and out of it, from the events alone; no slot ends twice."""
        match event:
            case Tender(cents=cents) | Liquidate(cents=cents) | Default(cents=cents):
                self.held_in += cents
            case Close(slot=slot, how=how):
                record = before.records[slot]
                split = money.settlement(record.paid, record.debt, how)
                self.held_out += split.lender + split.borrower + split.payer
            case _:
                pass
        if isinstance(event, Withdraw | Liquidate | Default):
            assert (event.vault, event.slot) not in self.said
            assert before.records[event.slot] is None
            self.said.add((event.vault, event.slot))
        match event:  # nobody chooses the slot
            case Liquidate(slot=slot) | Default(slot=slot):
                assert slot == min(before.open_slots)
            case Tender(slot=slot):
                assert slot == max(before.open_slots)
            case _:
                pass

    def wrong(self, data: st.DataObject, event: Event) -> Event:
        """Mostly the event itself, sometimes with one number changed."""
        if data.draw(st.integers(0, 9)) < 8:
            return event
        fields = [field for field in event.__struct_fields__ if type(getattr(event, field)) is int]
        field = data.draw(st.sampled_from(fields))
        value = getattr(event, field)
        return changed(event, **{field: data.draw(st.sampled_from([max(0, value - 1), value + 1, 0, 9]))})

    # ---- the world -------------------------------------------------------------------------------------------------
    @rule(data=st.data(), blocks=st.sampled_from([1, 3, 20]))
    def accrue(self, data: st.DataObject, blocks: int) -> None:
        t = self.ledger.totals
        self.offer(self.wrong(data, Accrue(height=t.height + blocks, time=t.time + 600 * blocks)))

    @rule(data=st.data(), price=st.sampled_from([6_000_000, 3_400_000, 3_000_000, 2_500_000, 1_000_001]))
    def mark(self, data: st.DataObject, price: int) -> None:
        self.offer(self.wrong(data, MarkPrice(price=price, price_time=self.ledger.totals.time)))
        self.several(data)

    # ---- positions -------------------------------------------------------------------------------------------------
    @rule(
        data=st.data(),
        vault=st.sampled_from(VAULTS),
        sats=st.lists(st.sampled_from([10**8, 3 * 10**7, 10**6 + 1, 1]), min_size=1, max_size=8),
        share=st.sampled_from([5_000, 4_900, 4_000, 1]),
    )
    def open(self, data: st.DataObject, vault: bytes, sats: list[int], share: int) -> None:
        t = self.ledger.totals
        if vault in self.positions:
            self.several(data)
            return
        self.offer(MarkPrice(price=6_000_000, price_time=max(t.time, t.price_time)))
        cents = max(1, sum(sats) * self.ledger.totals.price * share // 10**12)
        event = Open(
            vault=vault,
            owner=PARTIES[0],
            lender=PARTIES[1],
            sats=tuple(sats),
            cents=cents,
            maturity=t.height + data.draw(st.integers(1, 12)),
            last_record=t.height + data.draw(st.sampled_from([1, 20, 1_000])),
            version=1,
        )
        self.offer(self.wrong(data, event))

    @rule(data=st.data())
    def several(self, data: st.DataObject) -> None:
        """Up to six events of one position."""
        known = list(self.ledger.positions)
        if known:
            vault = data.draw(st.sampled_from(known)).vault
            for kind in data.draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=6)):
                self.offer(self.wrong(data, self.fitting(data, self.ledger.position(vault), kind)))

    def fitting(self, data: st.DataObject, p: Position, kind: str) -> Event:
        owed, lowest, highest = self.ledger.debt(p), min(p.open_slots, default=0), max(p.open_slots, default=0)
        address = {"vault": p.vault, "nonce": p.nonce}
        how = data.draw(st.integers(1, 3))
        pay = money.pay(RULES, p.sats[lowest], self.ledger.totals.price)
        match kind:
            case "add":
                return AddCollateral(**address, slot=p.used, sats=data.draw(st.integers(1, 10**8)))
            case "tender":
                cents = money.due(owed, p.sats[highest], p.collateral) if p.open else 0
                return Tender(**address, slot=highest, cents=cents)
            case "withdraw":
                return Withdraw(**address, slot=max(0, p.tender_slot - 1), how=how, template=name("template"))
            case "repay":
                return Repay(**address, cents=data.draw(st.integers(1, max(1, owed))))
            case "liquidate":
                who = data.draw(st.sampled_from(PARTIES[2:]))
                return Liquidate(**address, slot=lowest, cents=pay, payer=who, template=name("template"))
            case "default":
                return Default(**address, slot=lowest, cents=pay, template=name("template"))
            case _:
                waiting = [s for s, r in enumerate(p.records) if r is not None and not r.settled]
                return Close(**address, slot=data.draw(st.sampled_from(waiting or [0])), how=how)

    # ---- what always holds -----------------------------------------------------------------------------------------
    @invariant()
    def cash_is_what_came_in_and_did_not_leave(self) -> None:
        assert self.ledger.totals.cash == self.held_in - self.held_out

    @invariant()
    def cash_is_pending_tenders_and_unsettled_records(self) -> None:
        positions = list(self.ledger.positions)
        unsettled = sum(r.paid for p in positions for r in p.records if r is not None and not r.settled)
        assert self.ledger.totals.cash == sum(p.tender_cents for p in positions) + unsettled

    @invariant()
    def the_total_is_the_sum_of_principals(self) -> None:
        assert self.ledger.totals.principal == sum(p.principal for p in self.ledger.positions)

    @invariant()
    def every_used_slot_is_in_exactly_one_state(self) -> None:
        for p in self.ledger.positions:
            for slot in range(8):
                states = [p.open >> slot & 1, p.tender_slot == slot + 1, p.records[slot] is not None]
                assert sum(states) == (p.sats[slot] > 0)

    @invariant()
    def every_record_splits_to_the_cent(self) -> None:
        for p in self.ledger.positions:
            for record in p.records:
                if record is not None:
                    split = money.settlement(record.paid, record.debt, 1)
                    assert split.lender + split.borrower == record.paid
                    assert split.borrower == record.surplus

    @invariant()
    def the_model_has_the_same_books(self) -> None:
        mine = globals_json(self.ledger.totals)
        for field in (*model.TOTALS_BITS, "log"):
            assert str(mine[field]) == str(self.book[field]), field
        assert {p.vault for p in self.ledger.positions} == set(self.positions)

    def teardown(self) -> None:
        """The independent root of the model's books is the ledger's."""
        leaves = {}
        for vault, position in self.positions.items():
            key = model.vault_key(LEDGER.hex(), vault.hex())
            records = [model.hash_record(self.records.get((vault, slot))) for slot in range(8)]
            leaves[key % 2**28] = model.hash_position(key, position, records)
        book = {**self.book, "tree": f"{model.tree_root(leaves):064x}"}
        assert model.hash_root(LEDGER.hex(), book) == int.from_bytes(self.ledger.root, "big")


def test_any_sequence_of_events_balances_and_agrees_with_the_model():
    quiet = settings(max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Books, settings=quiet)


# ---- monotonicity ----------------------------------------------------------------------------------------------------
cents = st.integers(1, 2**40)
sats = st.integers(1, 2**45)
prices = st.integers(1, 2**36)
indices = st.integers(SCALE, 4 * SCALE)


@given(principal=cents, index=indices, blocks=st.integers(1, 10_000), more=st.integers(0, 10_000))
def test_debt_never_falls_with_the_height(principal, index, blocks, more):
    first = money.debt(principal, index + blocks * RULES.rate, index)
    assert principal <= first <= money.debt(principal, index + (blocks + more) * RULES.rate, index)


@given(collateral=sats, price=prices, owed=cents, less=st.integers(0, 2**20))
def test_health_never_rises_when_the_price_falls(collateral, price, owed, less):
    lower = max(0, price - less)
    assert money.health(DEFAULT, collateral, lower, owed) <= money.health(DEFAULT, collateral, price, owed)
    for warned in (money.unhealthy, money.below_target, money.margin_called):
        assert warned(DEFAULT, collateral, price, owed) <= warned(DEFAULT, collateral, lower, owed)


@given(collateral=sats, price=prices, owed=cents)
def test_each_line_is_crossed_in_its_order(collateral, price, owed):
    """Loan, margin call, liquidation: nobody is liquidated who was not warned, no new loan is warned at once."""
    unhealthy = money.unhealthy(DEFAULT, collateral, price, owed)
    warned = money.margin_called(DEFAULT, collateral, price, owed)
    assert unhealthy <= warned
    assert not (warned and money.within_ltv(DEFAULT, owed, collateral, price))
    assert unhealthy <= money.below_target(DEFAULT, collateral, price, owed)


@given(owed=cents, parts=st.lists(sats, min_size=1, max_size=8))
def test_freeing_slots_one_by_one_pays_the_debt_exactly(owed, parts):
    left, paid = owed, 0
    while parts:
        share = money.due(left, parts[-1], sum(parts))
        left, paid = left - share, paid + share
        parts.pop()
    assert (left, paid) == (0, owed)


@given(part=sats, price=prices, bonus=st.integers(0, 1_000))
def test_a_payer_never_pays_less_than_the_discounted_value(part, price, bonus):
    exact = Fraction(part * price * 10_000, (10_000 + bonus) * 10**8)
    paid = money.pay(changed(DEFAULT, bonus=bonus), part, price)
    assert exact <= paid < exact + 1


@given(collateral=st.integers(10**6, 2**45), price=st.integers(10**6, 2**36), share=st.integers(8_301, 9_523))
def test_a_liquidation_heals_when_it_begins_in_time(collateral, price, share):
    """From the threshold up to what the bonus leaves, each slot taken leaves less debt for each sat."""
    owed = collateral * price * share // 10**12
    slot = collateral // 2
    rest = owed - min(owed, money.pay(DEFAULT, slot, price))
    assert Fraction(rest, collateral - slot) <= Fraction(owed, collateral)


# ---- a batch is its events -------------------------------------------------------------------------------------------
def test_a_batch_refuses_at_its_first_bad_event_and_changes_nothing():
    ledger = begun()
    good, bad = MarkPrice(price=5, price_time=0), MarkPrice(price=0, price_time=0)
    with pytest.raises(RuleFault, match=r"mark_price\.price"):
        transition_witness(ledger, [good, bad])
    raw, after = transition_witness(ledger, [good, good])
    assert after.root == apply(apply(ledger, good), good).root
    assert replace(after, totals=ledger.totals) == ledger
    assert raw


@settings(max_examples=20, deadline=None)
@given(word=st.binary(min_size=32, max_size=32))
def test_ids_take_every_bit_of_a_word(word):
    flipped = bytes([word[0] ^ 0x80, *word[1:]])
    assert commit.id_(word) != commit.id_(flipped)
    assert int.from_bytes(commit.id_(word), "big") == model.ident(word.hex())
