"""The simulated money against single cents: any movements in any order, the same books and the same refusals."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.faults import LocalFault, PeerFault
from node.lending.money import (
    Hold,
    Lock,
    Mint,
    Movement,
    Pay,
    Refund,
    Release,
    State,
    Take,
    apply,
    check,
    decode,
    encode,
)
from tests.models.money import Heap, No

WHO = st.sampled_from([b"b" * 32, b"l" * 32, b"q" * 32])
VAULT = st.sampled_from([b"v" * 32, b"w" * 32])
CENTS = st.integers(1, 12)
SLOT = st.tuples(VAULT, st.integers(0, 1))

MOVEMENTS: st.SearchStrategy[list[Movement]] = st.lists(
    st.one_of(
        st.builds(Mint, to=WHO, cents=CENTS),
        st.builds(Pay, payer=WHO, to=WHO, cents=CENTS),
        st.builds(Lock, vault=VAULT, lender=WHO, cents=CENTS, expires=st.just(9)),
        st.builds(Take, vault=VAULT, borrower=WHO, preimage=st.just(b"a" * 32)),
        st.builds(Refund, vault=VAULT),
        st.builds(Hold, slot=SLOT, payer=WHO, cents=CENTS),
        st.builds(Release, slot=SLOT, to=st.lists(st.tuples(WHO, CENTS), min_size=1, max_size=2).map(tuple)),
    ),
    max_size=40,
)


def move(heap: Heap, movement: Movement) -> None:
    match movement:
        case Mint(to=to, cents=cents):
            heap.mint(to, cents)
        case Pay(payer=payer, to=to, cents=cents):
            heap.pay(payer, to, cents)
        case Lock(vault=vault, lender=lender, cents=cents):
            heap.lock(vault, lender, cents)
        case Take(vault=vault, borrower=borrower):
            heap.unlock(vault, borrower)
        case Refund(vault=vault):
            heap.unlock(vault, None)
        case Hold(slot=(vault, slot), payer=payer, cents=cents):
            heap.hold(vault, slot, payer, cents)
        case Release(slot=(vault, slot), to=to):
            heap.release(vault, slot, list(to))


@settings(deadline=None)
@given(MOVEMENTS)
def test_the_books_are_those_of_single_cents(movements: list[Movement]) -> None:
    state, heap = State(), Heap()
    for movement in movements:
        try:
            move(heap, movement)
        except No:
            with pytest.raises(PeerFault):
                apply(state, movement)
            continue
        state = check(apply(state, movement))
        assert state.minted == len(heap.places)
        assert dict(state.accounts) == {who: heap.at("account", who) for who in state.accounts}
        assert sum(state.accounts.values()) == sum(place[0] == "account" for place in heap.places)
        assert {v: (lock.state, lock.lender) for v, lock in state.locks.items()} == heap.ever
        assert state.locked == sum(place[0] == "lock" for place in heap.places)
        assert {key: each.cents for key, each in state.escrow.items()} == {
            key: heap.at("escrow", *key) for key in state.escrow
        }
        assert state.held == sum(place[0] == "escrow" for place in heap.places)
    assert decode(encode(state)) == state


@settings(deadline=None)
@given(MOVEMENTS, st.sampled_from([-1, 1]))
def test_a_cent_too_many_or_too_few_in_the_store_is_found(movements: list[Movement], change: int) -> None:
    state = State()
    for movement in movements:
        try:
            state = apply(state, movement)
        except PeerFault:
            continue
    wrong = State(minted=state.minted + change, accounts=state.accounts, locks=state.locks, escrow=state.escrow)
    if wrong.minted < 0:
        return
    with pytest.raises(LocalFault, match="accounts"):
        decode(encode(wrong))


def test_what_a_refusal_says_names_account_need_and_holdings() -> None:
    state = apply(State(), Mint(to=b"b" * 32, cents=5))
    with pytest.raises(PeerFault, match="at least 6 cents, came 5"):
        apply(state, Pay(payer=b"b" * 32, to=b"l" * 32, cents=6))
