"""A vault as a loan: who may open it and when, several claims of one coin, what its parties order and reserve."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest

from challenge.coins import armed_bonds, free_bonds, free_stakes
from challenge.deadlines import agenda, due, loan_preimage, settled
from challenge.events import Ordered, Told, Unmined
from challenge.facts import challengers_of, key
from challenge.game import GraphPhase, SlotPhase, fold
from challenge.machine import step
from challenge.policy import Policy, standing_orders
from challenge.reserve import forced, reserve_needed
from challenge.states import Seen, Stage
from tests.unit.challenge.ceremony import BORROWER, KIT, LENDER, LOAN_KIT, after, at, block, live
from tests.vault_kit import fast_kit
from vault.fees import CHILD_VSIZE, vsizes_of

PROPOSAL = LOAN_KIT.proposal
Q1, Q2, CHALLENGER = 2, 3, 4
PARTIES = (BORROWER, LENDER, Q1, Q2, CHALLENGER)
WITHDRAW, DEFAULT, BY_Q1, BY_Q2 = 0, 1, 2, 3
CLAIMANT = {WITHDRAW: BORROWER, DEFAULT: LENDER, BY_Q1: Q1, BY_Q2: Q2}
LOCKS = PROPOSAL.timelocks
OPEN = (block(100, "prefund"), block(200, "vault"))


def names(items):
    return {item.name for item in items}


def taken(me, by, value=LOAN_KIT.a):
    """Party `by` has seen a; `me` hears of it, or orders it itself."""
    return (
        Ordered(key=key("loan_taken", me), value=value)
        if by == me
        else Told(party=by, key=f"loan_taken/{by}", value=value)
    )


def test_the_sample_is_one_graph_a_claimant_of_one_slot():
    assert [(g.claimant, g.outcome, g.slot) for g in PROPOSAL.graphs] == [
        (BORROWER, "withdraw", 0), (LENDER, "default", 0), (Q1, "liquidate", 0), (Q2, "liquidate", 0)
    ]  # fmt: skip


# ---- opening ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("me", PARTIES)
@pytest.mark.parametrize("by", [BORROWER, LENDER, CHALLENGER])
def test_once_the_loan_is_taken_everyone_may_publish_vault(me, by):
    state = after(live(me, "loan"), block(100, "prefund"))
    assert "vault" not in names(agenda(state))
    assert loan_preimage(state) is None
    state = after(state, taken(me, by))
    assert loan_preimage(state) == LOAN_KIT.a
    (item,) = [item for item in agenda(state) if item.name == "vault"]
    assert (item.since, item.until) == (100 + LOCKS.depth + 1, 100 + LOCKS.refund)
    assert "vault" not in names(due(state, 100 + LOCKS.depth - 1))
    assert "vault" in names(due(state, 100 + LOCKS.depth))
    assert "vault" not in names(agenda(after(state, block(200, "vault"))))


def test_the_borrower_that_backs_out_opens_nothing_after_all():
    state = after(live(BORROWER, "loan"), block(100, "prefund"), taken(BORROWER, BORROWER))
    assert "vault" in names(agenda(state))
    assert "vault" not in names(agenda(after(state, Ordered(key="want_refund/0"))))


@pytest.mark.parametrize("me", [BORROWER, LENDER])
def test_a_top_up_lends_nothing_and_is_opened_by_its_borrower_as_a_plain_vault_is(me):
    loan = msgspec.structs.replace(PROPOSAL.loan, cents=0, vault=bytes(31) + b"\x01", first_slot=1, timeout=0)
    state = live(me, "loan")
    top_up = msgspec.structs.replace(state, proposal=msgspec.structs.replace(PROPOSAL, loan=loan))
    top_up = after(top_up, block(100, "prefund"))
    assert ("vault" in names(agenda(top_up))) is (me == BORROWER)
    refused = step(top_up, taken(me, me))
    assert refused.outcome.kind == "refused"
    assert "no money is lent" in refused.outcome.reason


def test_what_is_not_a_is_refused_whoever_says_it():
    state = after(live(LENDER, "loan"), block(100, "prefund"))
    for wrong in (b"", LOAN_KIT.a[:31], LOAN_KIT.a[:31] + bytes([LOAN_KIT.a[31] ^ 1]), LOAN_KIT.r(0)):
        for event in (taken(LENDER, BORROWER, wrong), taken(LENDER, LENDER, wrong)):
            assert step(state, event).outcome.kind == "refused"
    assert step(state, Ordered(key="loan_taken/0", value=LOAN_KIT.a)).outcome.kind == "refused"  # in another's name
    assert step(state, Told(party=2, key="loan_taken/0", value=LOAN_KIT.a)).outcome.kind == "refused"
    assert step(live(LENDER), taken(LENDER, LENDER, KIT.a)).outcome.kind == "refused"  # a plain vault
    assert step(at(LENDER, Stage.READY, "loan"), taken(LENDER, BORROWER)).outcome.kind == "early"


def test_it_is_told_to_everyone_once():
    first = step(live(LENDER, "loan"), taken(LENDER, LENDER))
    assert {(send.to, send.key) for send in first.actions} == {(p, "loan_taken/1") for p in PARTIES if p != LENDER}
    assert step(first.state, taken(LENDER, LENDER)).outcome.kind == "duplicate"
    heard = step(first.state, taken(LENDER, BORROWER))
    assert (heard.outcome.kind, heard.actions) == ("applied", ())


# ---- several claims of one coin --------------------------------------------------------------------------------------
CLAIMED = (*OPEN, block(300, f"{WITHDRAW}/claim", f"{BY_Q1}/claim"), block(301, f"{BY_Q2}/claim"))


@pytest.mark.parametrize("me", PARTIES)
def test_three_claims_of_one_slot_are_open_at_once_and_each_can_be_contested(me):
    state = after(live(me, "loan"), *CLAIMED)
    orders = [Ordered(key=f"want_contest/{g}") for g in (WITHDRAW, BY_Q1, BY_Q2) if CLAIMANT[g] != me]
    state = after(state, *orders)
    contests = {f"{g}/contest" for g in (WITHDRAW, BY_Q1, BY_Q2) if CLAIMANT[g] != me}
    assert names(due(state, 400)) & {f"{g}/contest" for g in range(4)} == contests
    for g, claimant in CLAIMANT.items():
        waiting = [item for item in agenda(state) if item.name == f"{g}/uncontested_payout"]
        claimed = {WITHDRAW: 300, BY_Q1: 300, BY_Q2: 301}
        assert [item.since for item in waiting] == (
            [claimed[g] + LOCKS.contest] if claimant == me and g in claimed else []
        )


ORDERS = list(permutations((WITHDRAW, BY_Q1, BY_Q2)))


@pytest.mark.parametrize("winner", [WITHDRAW, BY_Q1, BY_Q2])
@pytest.mark.parametrize("contested", [(), (WITHDRAW, BY_Q2), (BY_Q1, BY_Q2)])
def test_the_first_payout_takes_the_coin_and_the_others_release(winner, contested):
    """Uncontested or asserted, whoever was first: the losers' payouts are due no more, their bonds come by release."""
    paid = 600
    game = [block(310 + g, f"{g}/contest") for g in sorted(contested)]
    game += [block(320 + g, f"{g}/assert") for g in sorted(contested)]
    kind = "contested_payout" if winner in contested else "uncontested_payout"
    losers = [g for g in (WITHDRAW, BY_Q1, BY_Q2) if g != winner]
    for me in PARTIES:
        before = after(live(me, "loan"), *CLAIMED, *game)
        state = after(before, block(paid, f"{winner}/{kind}"))
        view = fold(PROPOSAL, state.log)
        assert (view.slots[0].phase, view.slots[0].by) == (SlotPhase.CLOSED, f"{winner}/{kind}")
        assert view.graphs[winner].phase is GraphPhase.PAID
        for g in losers:
            mine = CLAIMANT[g] == me
            waiting = {item.name: item.since for item in agenda(state) if item.name.startswith(f"{g}/")}
            release = f"{g}/release_bond" if g in contested else f"{g}/release_bond_contest"
            claimed = 301 if g == BY_Q2 else 300
            assert (waiting.get(release) == claimed + LOCKS.bond_release) is mine
            assert not any("payout" in name and "no_payout" not in name for name in waiting)
            assert any("payout" in name for name in names(agenda(before)) if name.startswith(f"{g}/")) is mine
        assert agenda(after(state, Unmined(height=paid))) == agenda(before)


def test_every_bond_and_stake_comes_home_when_the_losers_have_released():
    paid = block(600, f"{BY_Q1}/uncontested_payout")
    releases = (
        block(700, f"{WITHDRAW}/release_bond_contest"),
        block(710, f"{BY_Q2}/release_bond_contest"),
    )
    for me in PARTIES:
        state = after(live(me, "loan"), *CLAIMED, paid)
        stakes = {g for g in range(4) if CLAIMANT[g] != me}
        # the lender's bond, and every stake beside the two claims that still run
        assert armed_bonds(state) == ((DEFAULT,) if me == LENDER else ())
        buried = 600 + LOCKS.depth
        assert free_bonds(state, buried - 1) == ()
        assert free_stakes(state, buried - 1) == ()
        assert free_bonds(state, buried) == ((DEFAULT,) if me == LENDER else ())
        assert set(free_stakes(state, buried)) == stakes - {WITHDRAW, BY_Q2}
        assert not settled(state, 10_000, 100)
        state = after(state, releases[0])
        assert set(free_stakes(state, 700 + LOCKS.depth)) == stakes - {BY_Q2}
        state = after(state, releases[1])
        assert set(free_stakes(state, 710 + LOCKS.depth)) == stakes
        assert settled(state, 1_000, 100)
        for g in stakes:
            state = after(state, block(800 + g, f"{g}/foreign/stake/{me}"))
        assert free_stakes(state, 2_000) == ()


def test_a_false_claim_beside_a_paid_one_still_loses_its_bond():
    """The coin went to Q1; B had claimed too, was contested and stays silent: its bond is split, not released."""
    state = after(
        live(CHALLENGER, "loan"), *CLAIMED, block(305, f"{WITHDRAW}/contest"), block(600, f"{BY_Q1}/uncontested_payout")
    )
    assert f"{WITHDRAW}/no_assert" in names(due(state, 305 + LOCKS.assert_))
    state = after(state, block(700, f"{WITHDRAW}/no_assert"))
    assert fold(PROPOSAL, state.log).graphs[WITHDRAW].phase is GraphPhase.DEFAULTED


def test_a_fast_liquidation_closes_the_slot_of_its_entry():
    proposal = fast_kit().proposal
    for f, entry in enumerate(proposal.loan.fast):
        log = [Seen(name=name, txid=b"", height=h) for h, name in enumerate(("prefund", "vault", f"liquidate/{f}"), 1)]
        closed = [slot.phase is SlotPhase.CLOSED for slot in fold(proposal, log).slots]
        assert closed == [s == entry.slot for s in range(len(proposal.slots))]


# ---- orders and reserve ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("me", PARTIES)
def test_every_claim_of_another_is_contested_by_policy_and_r_is_shown_by_none(me):
    policy = Policy(contest="known", known={}, release="auto")
    orders = set(standing_orders(policy, PROPOSAL, me))
    assert orders == {f"want_contest/{g}" for g in range(4) if CLAIMANT[g] != me}
    state = live(me, "loan")
    for name in orders:
        assert step(state, Ordered(key=name)).outcome.kind == "applied"


def test_r_of_a_loan_is_shown_on_order_alone():
    state = after(live(LENDER, "loan"), *OPEN)
    asked = step(state, Told(party=BORROWER, key="ask_release/0", value=b""))
    assert asked.state.jobs == ()
    assert [job.kind for job in after(asked.state, Ordered(key="want_release/0")).jobs] == ["reveal"]


def test_the_reserve_is_for_every_claim_that_can_be_open_at_once():
    state = after(live(CHALLENGER, "loan"), *OPEN)
    wanted = {
        f"{g}/{kind}" for g in range(4) for kind in ("contest", f"reveal/{CHALLENGER}", f"no_payout/{CHALLENGER}")
    }
    assert set(forced(PROPOSAL, CHALLENGER, state)) == wanted
    vsizes = vsizes_of(PROPOSAL)
    rate = PROPOSAL.fee_policy.worst_rate
    assert reserve_needed(PROPOSAL, CHALLENGER, state) == rate * sum(vsizes[name] + CHILD_VSIZE for name in wanted)
    assert reserve_needed(PROPOSAL, CHALLENGER, None) >= reserve_needed(PROPOSAL, CHALLENGER, state)


def test_a_slot_that_ended_forces_nothing_but_what_was_claimed_before():
    state = after(live(CHALLENGER, "loan"), *CLAIMED, block(600, f"{BY_Q1}/uncontested_payout"))
    left = {name.partition("/")[0] for name in forced(PROPOSAL, CHALLENGER, state)}
    assert left == {str(WITHDRAW), str(BY_Q2)}


def test_a_lender_whose_loan_was_taken_must_be_able_to_publish_vault():
    assert {
        p for p in PARTIES if "vault" in set(forced(PROPOSAL, p, after(live(p, "loan"), block(100, "prefund"))))
    } == {LENDER}


@pytest.mark.parametrize("g", range(4))
def test_who_is_injured_by_a_false_claim(g):
    assert PROPOSAL.other(g) == (LENDER if PROPOSAL.graphs[g].outcome == "withdraw" else BORROWER)
    assert set(challengers_of(PROPOSAL, g)) == set(PARTIES) - {CLAIMANT[g]}
