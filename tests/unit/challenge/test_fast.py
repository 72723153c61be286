"""Path B in the machine: who states its facts, what they must be, and when Liquidate is on the agenda.

The vault is a loan of two slots with two liquidators; entry f is liquidator 2 + f % 2 on slot f // 2. Every refusal is a fact
that was taken with one thing changed.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from challenge.checks import check_fact
from challenge.deadlines import agenda
from challenge.events import Ordered, Told
from challenge.facts import KINDS, OPERATOR, key, parse_key
from challenge.faults import Refused
from challenge.game import SlotPhase, fold
from challenge.machine import step
from challenge.rules import live_rules, milestones
from challenge.states import Job, Seen, VaultState
from tests.vault_kit import FAST_PRICE, announcement, attested_secret, digest, fast_kit, lending_kit
from vault.terms import encode

KIT = fast_kit()
PROPOSAL = KIT.proposal
BORROWER, LENDER, FIRST, SECOND, CHALLENGER = range(5)
KEYS = {key("keys", p): encode(KIT.keys_of(p)) for p in range(5)}
SECRET = attested_secret(PROPOSAL.loan, 0, (0, 2))


def seen(name: str, height: int) -> Seen:
    return Seen(name=name, txid=digest(name), height=height)


def live(me: int, *names: str) -> VaultState:
    """A vault whose setup is done, with transactions at heights 100, 110, ..."""
    facts = {name: b"" for _, ends in milestones(PROPOSAL, me) for name in ends} | KEYS
    log = tuple(seen(name, 100 + 10 * i) for i, name in enumerate(("prefund", "vault", *names)))
    return VaultState(proposal=PROPOSAL, me=me, facts=facts, log=log)


def told(state: VaultState, **facts: bytes) -> VaultState:
    return replace(state, facts={**state.facts, **{name.replace("__", "/"): value for name, value in facts.items()}})


def liquidations(state: VaultState) -> list[tuple[str, int]]:
    return [(item.name, item.since) for item in agenda(state) if item.name.startswith("liquidate/")]


def test_who_states_and_hears_what() -> None:
    for f, entry in enumerate(PROPOSAL.fast):
        _, row, indices = parse_key(PROPOSAL, f"fast_release/{f}")
        assert (row.author(PROPOSAL, indices), row.audience(PROPOSAL, indices)) == (LENDER, (entry.liquidator,))
        for order, able in (("want_fast", entry.liquidator), ("want_fast_release", LENDER)):
            _, row, indices = parse_key(PROPOSAL, f"{order}/{f}")
            assert row.author(PROPOSAL, indices) == OPERATOR
            assert row.of(PROPOSAL, indices) == (able,)


def test_a_loan_without_entries_has_no_such_facts() -> None:
    plain = lending_kit().proposal
    for kind in ("fast_release", "want_fast", "want_fast_release"):
        assert "f" in KINDS[kind].indices
        with pytest.raises(Refused, match="not a number below 0"):
            parse_key(plain, f"{kind}/0")
        parse_key(PROPOSAL, f"{kind}/3")
        with pytest.raises(Refused, match="not a number below 4"):
            parse_key(PROPOSAL, f"{kind}/4")
    assert not [rule for rule in live_rules(plain, LENDER) if rule.job.kind == "let"]


def test_only_the_preimage_of_the_entrys_ticket_is_a_release() -> None:
    check_fact(PROPOSAL, KEYS, "fast_release", (1,), KIT.h(1))
    for wrong in (KIT.h(0), KIT.r(1), KIT.h(1)[:31], KIT.h(1) + b"\0", b""):
        with pytest.raises(Refused, match="fast_release/1"):
            check_fact(PROPOSAL, KEYS, "fast_release", (1,), wrong)


def test_only_what_enough_attestors_attested_is_an_order() -> None:
    for chosen in ((0, 1), (0, 2), (1, 2)):
        check_fact(PROPOSAL, KEYS, "want_fast", (0,), attested_secret(PROPOSAL.loan, 0, chosen))
    one_short = attested_secret(PROPOSAL.loan, 0, (0,))
    for wrong in (one_short, attested_secret(PROPOSAL.loan, 0, (0, 1, 2)), SECRET[:31], bytes(32), b"\xff" * 32):
        with pytest.raises(Refused, match="want_fast/0"):
            check_fact(PROPOSAL, KEYS, "want_fast", (0,), wrong)


def test_the_lender_shows_a_preimage_only_on_order() -> None:
    state = live(LENDER)
    assert step(state, Ordered(key="want_fast_release/1")).state.jobs == (Job(kind="let", indices=(1,)),)
    assert step(state, Ordered(key="want_release/1")).state.jobs == ()
    for other in (BORROWER, FIRST, CHALLENGER):
        assert step(live(other), Ordered(key="want_fast_release/1")).outcome.kind == "refused"


def test_a_preimage_from_anyone_but_the_lender_is_refused() -> None:
    state = live(SECOND)
    shown = step(state, Told(party=LENDER, key="fast_release/1", value=KIT.h(1)))
    assert shown.state.facts["fast_release/1"] == KIT.h(1)
    assert step(state, Told(party=BORROWER, key="fast_release/1", value=KIT.h(1))).outcome.kind == "refused"
    assert step(live(FIRST), Told(party=LENDER, key="fast_release/1", value=KIT.h(1))).outcome.kind == "refused"


def test_liquidate_is_due_when_both_are_known_and_the_slot_is_open() -> None:
    ready = told(live(FIRST), want_fast__0=SECRET, fast_release__0=KIT.h(0))
    assert liquidations(ready) == [("liquidate/0", 111)]
    assert liquidations(told(live(FIRST), want_fast__0=SECRET)) == []
    assert liquidations(told(live(FIRST), fast_release__0=KIT.h(0))) == []
    assert liquidations(told(live(FIRST), want_fast__0=SECRET, fast_release__2=KIT.h(2))) == []
    for other in (BORROWER, LENDER, SECOND, CHALLENGER):
        assert liquidations(told(live(other), want_fast__0=SECRET, fast_release__0=KIT.h(0))) == []


@pytest.mark.parametrize("end", ["repay/0", "deadman/0", "liquidate/0", "liquidate/1", "foreign/vault/0"])
def test_nothing_is_due_once_the_slot_went(end: str) -> None:
    ready = told(live(FIRST, end), want_fast__0=SECRET, fast_release__0=KIT.h(0))
    assert liquidations(ready) == []
    again = told(ready, want_fast__2=SECRET, fast_release__2=KIT.h(2))  # slot 1
    assert [name for name, _ in liquidations(again)] == ["liquidate/2"]


def test_a_liquidation_closes_the_slot_of_its_entry_alone() -> None:
    for f, entry in enumerate(PROPOSAL.fast):
        view = fold(PROPOSAL, live(FIRST, f"liquidate/{f}").log)
        assert [slot.phase is SlotPhase.CLOSED for slot in view.slots] == [s == entry.slot for s in range(2)]
        assert view.slots[entry.slot].by == f"liquidate/{f}"


def test_the_kit_attests_what_the_entries_say() -> None:
    assert {(e.price, e.day) for e in PROPOSAL.fast} == {(a.price, a.day) for a in PROPOSAL.loan.announcements}
    assert announcement(PROPOSAL.loan.ledger, 0, FAST_PRICE, 3) == PROPOSAL.loan.announcements[0]
