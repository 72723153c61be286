"""Engine babe after Assert: who reveals, refutes, kills, takes its stake back, in which block, and what a reorg changes."""

from dataclasses import dataclass

import pytest

from challenge.answers import answer_key, is_doubted, is_proven, learned_from, verdict_key
from challenge.coins import armed, armed_stakes, free_stakes
from challenge.deadlines import agenda, awaited, due, settled
from challenge.events import Done, Ordered, Told, Unmined
from challenge.game import Answer, GraphPhase, fold
from challenge.machine import step
from challenge.rules import milestones
from challenge.states import Job, Stage, VaultState
from tests.unit.challenge.ceremony import (
    BABE_KIT,
    BABE_PROPOSAL,
    BORROWER,
    CHALLENGER,
    LENDER,
    PARTIES,
    VALID,
    after,
    at,
    block,
    live,
    seen,
)
from tests.vault_kit import kit

LOCKS = BABE_PROPOSAL.timelocks
CLAIM, CONTEST, ASSERT = 300, 305, 310
BURIED = ASSERT + LOCKS.depth + 1
REVEAL = 320
OPEN = ((100, "prefund"), (200, "vault"))
CLAIMED = (*OPEN, (CLAIM, "0/claim"))
CONTESTED = (*CLAIMED, (CONTEST, "0/contest"))
ASSERTED = (*CONTESTED, (ASSERT, "0/assert"))
MINE, THEIRS = f"0/reveal/{CHALLENGER}", f"0/reveal/{LENDER}"
REVEALED = (*ASSERTED, (REVEAL, MINE))
KILLABLE = REVEAL + LOCKS.refute
BACK = KILLABLE + LOCKS.margin


def mined(*blocks):
    return [block(height, name) for height, name in blocks]


def verdict(value=b"\x01", height=ASSERT, branch=""):
    assertion = seen(height, "0/assert", branch)
    job = Job(kind="evaluate", indices=(0,), ref=assertion.raw)
    return Done(job=job, facts=((verdict_key(0, assertion), value),))


def answer(value=b"\x01", name=MINE, branch=""):
    k, shown = int(name[-1]), seen(REVEAL, name, branch)
    job = Job(kind="decrypt", indices=(0, k), ref=shown.raw)
    return Done(job=job, facts=((answer_key(0, k, shown), value),))


def proven(value=b"\x01"):
    """The claimant's proof came, and the job that verifies it has ended."""
    return [
        Told(party=BORROWER, key="proof/0", value=VALID),
        Done(job=Job(kind="verify", indices=(0,)), facts=(("proven/0", value),)),
    ]


def play(me, *events):
    return after(live(me, "babe"), *events)


def names(state):
    return {item.name for item in agenda(state)}


def item(state, name):
    (found,) = [each for each in agenda(state) if each.name == name]
    return found.since, found.until


@dataclass(frozen=True, kw_only=True)
class Case:
    me: int
    events: list
    name: str
    since: int
    until: int | None = None

    def __str__(self):
        return f"party {self.me}: {self.name}"


CASES = [
    Case(
        me=CHALLENGER,
        events=[*mined(*ASSERTED), verdict()],
        name=MINE,
        since=BURIED,  # shows labels: Assert must be buried
        until=ASSERT + LOCKS.verdict,
    ),
    Case(
        me=LENDER,
        events=[Ordered(key="want_reveal/0"), *proven(), *mined(*ASSERTED)],
        name=THEIRS,
        since=BURIED,
        until=ASSERT + LOCKS.verdict,
    ),
    Case(
        me=LENDER,
        events=[Ordered(key="want_reveal/0"), *proven(), *mined(*CLAIMED)],
        name="0/contest",
        since=CLAIM + 1,
        until=CLAIM + LOCKS.contest,
    ),
    Case(
        me=BORROWER,
        events=[*mined(*REVEALED), answer()],
        name=f"0/refute/{CHALLENGER}",
        since=REVEAL + 1,
        until=KILLABLE,
    ),
    Case(
        me=BORROWER,  # else NoPayout takes the bond
        events=[*mined(*REVEALED, (321, "repay/0")), answer()],
        name=f"0/refute/{CHALLENGER}",
        since=REVEAL + 1,
        until=KILLABLE,
    ),
    Case(me=CHALLENGER, events=mined(*REVEALED), name=f"0/no_payout/{CHALLENGER}", since=KILLABLE),
    Case(me=LENDER, events=mined(*REVEALED), name=f"0/no_payout/{CHALLENGER}", since=KILLABLE),
    Case(
        me=CHALLENGER,
        events=mined(*REVEALED, (321, THEIRS), (340, f"0/no_payout/{LENDER}")),
        name=f"0/stake_back/{CHALLENGER}",
        since=BACK,
    ),
    Case(
        me=CHALLENGER,
        events=mined(*REVEALED, (340, "0/contested_payout")),
        name=f"0/stake_back/{CHALLENGER}",
        since=BACK,
    ),
    Case(
        me=CHALLENGER,
        events=mined(*REVEALED, (321, "repay/0"), (340, "0/release_bond")),
        name=f"0/stake_back/{CHALLENGER}",
        since=BACK,
    ),
]
cases = pytest.mark.parametrize("case", CASES, ids=str)


@cases
def test_what_is_due_and_from_which_block_on(case):
    state = play(case.me, *case.events)
    assert item(state, case.name) == (case.since, case.until)
    assert case.name not in {each.name for each in due(state, case.since - 2)}
    assert case.name in {each.name for each in due(state, case.since - 1)}
    over = after(state, block(max(case.since, 500), case.name))
    assert case.name not in names(over)
    assert case.name in names(after(over, Unmined(height=max(case.since, 500))))


@cases
def test_it_can_be_published_by_whom_it_is_due_to(case):
    assert case.me in BABE_KIT.graph.spenders[case.name]


def test_every_answer_is_due_to_someone_at_some_time():
    told = {case.name.split("/")[1] for case in CASES}
    assert told == {"contest", "reveal", "refute", "no_payout", "stake_back"}


# ---- what keeps a stake at home
def test_a_claim_that_is_known_to_be_proven_is_neither_contested_nor_revealed_against():
    wanting = [Ordered(key="want_contest/0"), *proven()]
    assert names(play(CHALLENGER, *wanting, *mined(*CLAIMED))) == set()
    assert names(play(CHALLENGER, *wanting, *mined(*ASSERTED), verdict())) == set()


def test_a_proof_that_is_not_valid_changes_nothing():
    wanting = [Ordered(key="want_contest/0"), *proven(b"\x00")]
    assert names(play(CHALLENGER, *wanting, *mined(*CLAIMED))) == {"0/contest"}
    assert names(play(CHALLENGER, *wanting, *mined(*ASSERTED), verdict())) == {MINE}


def test_without_a_verdict_nothing_is_revealed():
    assert names(play(CHALLENGER, *mined(*ASSERTED))) == set()
    assert names(play(CHALLENGER, *mined(*ASSERTED), verdict(b"\x00"))) == set()


def test_a_proof_that_comes_between_verdict_and_reveal_stops_it():
    state = play(CHALLENGER, *mined(*ASSERTED), verdict())
    assert MINE in names(state)
    assert MINE not in names(after(state, *proven()))


def test_a_proof_that_comes_after_reveal_takes_nothing_back():
    """The stake is out: NoPayout if the claimant does not answer, and nobody else helps any more."""
    told = proven()
    state = play(CHALLENGER, *mined(*ASSERTED), verdict(), block(REVEAL, MINE), *told)
    assert names(state) == {f"0/no_payout/{CHALLENGER}"}
    assert names(play(LENDER, *mined(*REVEALED), *told)) == set()


def test_a_challenger_without_its_stake_reveals_nothing_and_says_so():
    gone = [block(150, f"0/foreign/stake/{CHALLENGER}")]
    state = play(CHALLENGER, block(100, "prefund"), *gone, *mined(*ASSERTED[1:]), verdict())
    assert names(state) == set()
    assert [each.challengers for each in armed(state)] == [(LENDER,), (BORROWER, CHALLENGER)]
    assert armed_stakes(state) == (1,)
    assert names(after(state, block(REVEAL, THEIRS))) == {f"0/no_payout/{LENDER}"}  # it can still help another


def test_an_arena_that_is_gone_takes_no_reveal_but_the_stake_is_free():
    state = play(CHALLENGER, *mined(*ASSERTED), verdict(), block(400, f"0/foreign/arena/{CHALLENGER}"))
    assert names(state) == set()
    assert armed_stakes(state) == (0, 1)


# ---- several challengers
def test_one_no_payout_wins_and_the_other_stake_comes_back():
    both = [*mined(*REVEALED), block(321, THEIRS)]
    for me, other in ((CHALLENGER, LENDER), (LENDER, CHALLENGER)):
        state = play(me, *both)
        assert names(state) == {f"0/no_payout/{me}"}  # its own: another's would race it for nothing
        beaten = after(state, block(340, f"0/no_payout/{other}"))
        assert names(beaten) == {f"0/stake_back/{me}"}
        assert not settled(beaten, 10_000, 6)
        game = fold(BABE_PROPOSAL, after(beaten, block(350, f"0/stake_back/{me}")).log).graphs[0]
        assert game.phase is GraphPhase.DISPROVED
        assert game.answers == {me: Answer.RETURNED, other: Answer.KILLED}


def test_of_several_reveals_the_earliest_is_helped():
    """Two NoPayouts of one node would race each other for payout."""
    proposal = kit(challengers=2, engine="babe").proposal
    facts = {name: b"" for _, stated in milestones(proposal, LENDER) for name in stated}
    begun = (*ASSERTED, (REVEAL, "0/reveal/3"), (REVEAL + 1, "0/reveal/2"))
    log = tuple(seen(height, name) for height, name in begun)
    state = VaultState(proposal=proposal, me=LENDER, facts=facts, log=log)
    assert names(state) == {"0/no_payout/3"}
    assert names(after(state, block(REVEAL + 2, "0/refute/3"))) == {"0/no_payout/2"}


def test_who_has_a_reveal_of_its_own_helps_nobody():
    first, second = block(REVEAL, f"1/reveal/{CHALLENGER}"), block(REVEAL + 1, f"1/reveal/{BORROWER}")
    begun = mined(*OPEN, (CLAIM, "1/claim"), (CONTEST, "1/contest"), (ASSERT, "1/assert"))
    refuted = block(REVEAL + 2, f"1/refute/{CHALLENGER}")
    state = play(BORROWER, *begun, first, second)
    assert {each for each in names(state) if "no_payout" in each} == {f"1/no_payout/{BORROWER}"}
    other = play(BORROWER, *begun, first)
    assert {each for each in names(other) if "no_payout" in each} == {f"1/no_payout/{CHALLENGER}"}
    assert not {each for each in names(after(other, refuted)) if "no_payout" in each}


def test_a_colluder_that_reveals_and_is_refuted_does_not_stop_an_honest_challenger():
    """It knows the logarithm of its own F_k and hands it to the claimant."""
    state = play(CHALLENGER, *mined(*ASSERTED), verdict(), block(318, THEIRS))
    assert MINE in names(state)
    state = after(state, block(319, f"0/refute/{LENDER}"))
    assert item(state, MINE) == (BURIED, ASSERT + LOCKS.verdict)
    assert names(after(state, block(REVEAL, MINE))) == {f"0/no_payout/{CHALLENGER}"}


def test_a_claimant_that_stays_silent_loses_the_bond_without_any_stake():
    state = play(CHALLENGER, *mined(*CONTESTED))
    assert names(state) == {"0/no_assert"}
    over = after(state, block(320, "0/no_assert"))
    assert names(over) == set()
    assert free_stakes(over, 320 + LOCKS.depth - 1) == ()
    assert free_stakes(over, 320 + LOCKS.depth) == (0,)


def test_challengers_that_stay_silent_after_contest_leave_the_payout():
    state = play(BORROWER, *mined(*ASSERTED))
    assert item(state, "0/contested_payout") == (ASSERT + LOCKS.verdict, None)


def test_a_late_refute_races_no_payout_and_one_of_them_is_in_the_block():
    """From the boundary block on both may be mined; each side goes on until one is, whatever the block says."""
    claimant, challenger = play(BORROWER, *mined(*REVEALED), answer()), play(CHALLENGER, *mined(*REVEALED))
    refute, kill = f"0/refute/{CHALLENGER}", f"0/no_payout/{CHALLENGER}"
    assert refute in {each.name for each in due(claimant, KILLABLE)}
    assert kill not in {each.name for each in due(challenger, KILLABLE - 2)}
    assert kill in {each.name for each in due(challenger, KILLABLE - 1)}
    for name, phase, stands in ((refute, GraphPhase.ASSERTED, "refuted"), (kill, GraphPhase.DISPROVED, "killed")):
        for state in (claimant, challenger):
            after_ = after(state, block(KILLABLE, name))
            game = fold(BABE_PROPOSAL, after_.log).graphs[0]
            assert (game.phase, game.answers[CHALLENGER].value) == (phase, stands)
            assert not names(after_) & {refute, kill}
            assert step(after_, block(KILLABLE + 1, kill if name == refute else refute)).outcome.kind == "alarm"


def test_the_vault_coin_taken_in_the_middle_changes_nothing_for_the_answer():
    state = play(CHALLENGER, *mined(*ASSERTED), verdict(), block(312, "repay/0"))
    assert item(state, MINE) == (BURIED, ASSERT + LOCKS.verdict)
    assert names(after(state, block(REVEAL, MINE))) == {f"0/no_payout/{CHALLENGER}"}


def test_another_outcome_that_takes_the_coin_leaves_both_stakes_their_way():
    both = mined(*OPEN, (CLAIM, "0/claim"), (CONTEST, "0/contest"), (ASSERT, "0/assert"), (REVEAL, MINE))
    state = play(CHALLENGER, *both, block(322, "foreign/vault/0"), block(400, "0/release_bond"))
    assert item(state, f"0/stake_back/{CHALLENGER}") == (BACK, None)


# ---- work
def test_the_claimant_decrypts_with_every_reveal_once():
    state = play(BORROWER, *mined(*REVEALED))
    job = Job(kind="decrypt", indices=(0, CHALLENGER), ref=seen(REVEAL, MINE).raw)
    assert state.jobs == (job,)
    assert play(CHALLENGER, *mined(*ASSERTED), verdict(), block(REVEAL, MINE)).jobs == ()
    assert after(state, Unmined(height=REVEAL)).jobs == ()
    again = after(state, Unmined(height=REVEAL), block(REVEAL + 3, MINE))
    assert again.jobs == (job,)
    assert after(again, answer(b"\x00")).jobs == ()
    assert not {each for each in names(after(again, answer(b"\x00"))) if "refute" in each}


def test_the_logarithm_once_learned_refutes_whatever_reveal_the_chain_holds():
    """F_k is the graph's: its logarithm does not change with a reorg that brings another signature of the same party."""
    state = play(BORROWER, *mined(*REVEALED), answer(), Unmined(height=REVEAL), block(REVEAL + 1, MINE, branch="other"))
    assert state.jobs == ()
    assert learned_from(state, 0, CHALLENGER) == seen(REVEAL, MINE).raw
    assert item(state, f"0/refute/{CHALLENGER}") == (REVEAL + 2, REVEAL + 1 + LOCKS.refute)
    unlike = play(
        BORROWER, *mined(*REVEALED), answer(b"\x00"), Unmined(height=REVEAL), block(321, MINE, branch="other")
    )
    assert unlike.jobs == (Job(kind="decrypt", indices=(0, CHALLENGER), ref=seen(321, MINE, "other").raw),)


def test_a_witness_is_read_before_a_block_holds_it():
    assert awaited(play(CHALLENGER, *mined(*CLAIMED))) == ()
    assert awaited(play(CHALLENGER, *mined(*CONTESTED))) == ("0/assert",)
    assert awaited(play(BORROWER, *mined(*CONTESTED))) == ()
    assert awaited(play(BORROWER, *mined(*ASSERTED))) == (THEIRS, MINE)
    assert awaited(play(BORROWER, *mined(*REVEALED))) == (THEIRS,)
    assert awaited(after(live(CHALLENGER), *mined(*CONTESTED))) == ("0/assert",)  # engine core
    assert awaited(after(live(BORROWER), *mined(*ASSERTED))) == ()
    assert awaited(at(CHALLENGER, Stage.READY, "babe")) == ()


# ---- reorgs between different Asserts
def test_a_verdict_of_engine_babe_is_about_the_claim_not_about_the_digits():
    """Revealed against one Assert, mined, lost in a reorg: the same Reveal goes out again over another Assert."""
    state = play(CHALLENGER, *mined(*ASSERTED), verdict(), block(REVEAL, MINE))
    other = after(state, Unmined(height=ASSERT), block(ASSERT + 1, "0/assert", branch="other"))
    assert item(other, MINE) == (BURIED + 1, ASSERT + 1 + LOCKS.verdict)
    assert other.jobs == (Job(kind="evaluate", indices=(0,), ref=seen(311, "0/assert", "other").raw),)
    judged = after(other, verdict(branch="other"))
    assert item(judged, MINE) == item(other, MINE)
    back = after(judged, Unmined(height=ASSERT + 1), block(ASSERT + 2, "0/assert"))
    assert item(back, MINE) == (BURIED + 2, ASSERT + 2 + LOCKS.verdict)


def test_what_was_proven_once_is_proven_over_every_assert():
    state = play(CHALLENGER, *mined(*ASSERTED), verdict())
    other = after(state, Unmined(height=ASSERT), block(ASSERT + 1, "0/assert", branch="other"))
    assert is_doubted(other, 0)
    known = after(other, verdict(b"\x00", branch="other"))
    assert is_proven(known, 0)
    assert names(known) == set()
    back = after(known, Unmined(height=ASSERT + 1), block(ASSERT + 2, "0/assert"))
    assert names(back) == set()


def test_a_reveal_that_is_mined_over_another_assert_is_answered_like_any():
    """Reveal out, then Assert replaced, then Reveal mined: the labels are those of the first Assert's digits."""
    reveal = seen(REVEAL, MINE)
    for me in PARTIES:
        state = play(me, *mined(*ASSERTED))
        other = after(state, Unmined(height=ASSERT), block(ASSERT + 1, "0/assert", branch="other"), block(REVEAL, MINE))
        game = fold(BABE_PROPOSAL, other.log).graphs[0]
        assert (game.phase, game.answers[CHALLENGER]) == (GraphPhase.ASSERTED, Answer.REVEALED)
        expected = {
            BORROWER: {"0/contested_payout"},
            LENDER: {f"0/no_payout/{CHALLENGER}"},
            CHALLENGER: {f"0/no_payout/{CHALLENGER}"},
        }[me]
        assert names(other) == expected
        decrypts = tuple(job for job in other.jobs if job.kind == "decrypt")
        assert decrypts == ((Job(kind="decrypt", indices=(0, CHALLENGER), ref=reveal.raw),) if me == BORROWER else ())


def test_one_verdict_says_nothing_of_another_graph():
    state = play(CHALLENGER, *mined(*ASSERTED, (312, "1/claim"), (313, "1/contest"), (314, "1/assert")), verdict())
    assert names(state) == {MINE}
    assert not is_doubted(state, 1)


# ---- coins and the end
def test_a_stake_stays_while_its_claim_runs_also_when_the_slot_has_ended():
    closed = block(201, "repay/0")
    state = play(CHALLENGER, *mined(*OPEN), closed)
    assert free_stakes(state, 201 + LOCKS.depth - 1) == ()
    assert free_stakes(state, 201 + LOCKS.depth) == (0,)
    claimed = after(state, block(CLAIM, "0/claim"))
    assert free_stakes(claimed, 10_000) == ()
    assert free_stakes(after(claimed, block(400, "0/release_bond_contest")), 400 + LOCKS.depth) == (0,)


def test_a_stake_of_a_setup_that_ended_is_free_and_of_a_halted_vault_is_not():
    aborted = step(at(CHALLENGER, Stage.KEYS, "babe"), Ordered(key="want_abort")).state
    assert free_stakes(aborted, 0) == (0, 1)
    assert armed_stakes(aborted) == ()
    halted = step(live(CHALLENGER, "babe"), block(100, "vault")).state
    assert free_stakes(halted, 10_000) == ()


def test_a_stake_that_is_out_is_not_free():
    state = play(CHALLENGER, *mined(*REVEALED, (340, "0/contested_payout")))
    assert 0 not in free_stakes(state, 10_000)
    assert 0 not in armed_stakes(state)


def test_a_vault_of_engine_core_has_no_stakes():
    state = after(live(CHALLENGER), *mined(*ASSERTED))
    assert armed_stakes(state) == free_stakes(state, 10_000) == ()
    assert [each.challengers for each in armed(state)] == [(1, 2), (0, 2)]
    assert [each.bond for each in armed(state)] == [False, True]


def test_a_vault_is_settled_when_no_stake_can_come_to_this_party_any_more():
    ended = [*mined(*REVEALED, (340, "0/contested_payout")), block(341, "repay/1")]
    waiting = {me: not settled(play(me, *ended), 10_000, 6) for me in PARTIES}
    # the challenger fetches its stake; the claimant may learn the logarithm that gives it the stake; the lender has none
    assert waiting == {BORROWER: True, LENDER: False, CHALLENGER: True}
    assert settled(after(play(BORROWER, *ended), answer(b"\x00")), 10_000, 6)
    assert not settled(after(play(BORROWER, *ended), answer()), 10_000, 6)
    for last in (f"0/stake_back/{CHALLENGER}", f"0/refute/{CHALLENGER}", f"0/foreign/refute/{CHALLENGER}"):
        for me in PARTIES:
            assert settled(after(play(me, *ended), block(400, last)), 10_000, 6)
