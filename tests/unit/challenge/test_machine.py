"""The machine: what every event does, deviation by deviation, and what nobody can make it do."""

import msgspec
import pytest

from challenge.actions import Close, Run, Send
from challenge.answers import verdict_key
from challenge.deadlines import bound, due, stage
from challenge.events import Done, Failed, Halted, Mined, Ordered, Stalled, Told, Unmined
from challenge.facts import KINDS, key
from challenge.machine import WATCHING, begin, pending, step
from challenge.states import Job, Stage, VaultState
from tests.unit.challenge.ceremony import (
    BORROWER,
    CHALLENGER,
    KIT,
    LENDER,
    PARTIES,
    PROPOSAL,
    VALID,
    World,
    after,
    at,
    block,
    done,
    kept_of,
    live,
    made_up,
    seen,
)
from vault.agreement import encode

SETUP = [each for each in Stage if each not in (Stage.LIVE, Stage.ABORTED, Stage.HALTED)]


def others(me):
    return {p for p in PARTIES if p != me}


def aborted(taken, me, *words):
    """The setup ended: everyone is told, the coins go back, and the reason names what was wrong."""
    assert stage(taken.state) is Stage.ABORTED
    reason = taken.state.end[1]
    for word in words:
        assert word in reason
    assert {(action.to, action.key) for action in taken.actions if isinstance(action, Send)} == {
        (p, f"abort/{me}") for p in others(me)
    }
    assert taken.actions[-1] == Close(reason=reason)
    assert len(taken.actions) == len(others(me)) + 1
    assert taken.state.jobs == ()
    assert taken.state.facts[f"abort/{me}"] == reason.encode()
    assert taken.blobs == {}


def unchanged(state, event, kind, *words):
    taken = step(state, event)
    assert taken.outcome.kind == kind, taken.outcome
    assert taken.outcome.reason
    for word in words:
        assert word in taken.outcome.reason
    assert (taken.state, taken.actions, dict(taken.blobs)) == (state, (), {})


# ---- the beginning
def test_the_proposer_has_accepted_and_sends_the_proposal():
    first = begin(PROPOSAL, me=LENDER, proposer=LENDER)
    assert {(action.to, action.key) for action in first.actions} == {(p, "propose") for p in others(LENDER)}
    assert first.state.facts == {"accept/1": b""}
    assert begin(PROPOSAL, me=BORROWER, proposer=LENDER).actions == ()
    assert stage(first.state) is Stage.PROPOSED


def test_an_order_to_accept_tells_everyone():
    taken = step(begin(PROPOSAL, me=BORROWER, proposer=LENDER).state, Ordered(key="want_accept"))
    assert {(action.to, action.key) for action in taken.actions} == {(p, "accept/0") for p in others(BORROWER)}
    assert {"want_accept", "accept/0"} <= taken.state.facts.keys()


# ---- deviations, by name: other than what was agreed


def terms_of_someone_else():
    state = at(CHALLENGER, Stage.KEYS)
    own = done(state, Job(kind="keys"))
    state = after(state, own, Told(party=BORROWER, key="keys/0", value=encode(KIT.keys_of(BORROWER))))
    wrong = msgspec.structs.replace(KIT.keys_of(LENDER), musig=KIT.musig(BORROWER).point())
    return state, Told(party=LENDER, key="keys/1", value=encode(wrong)), ("keys/1", "keys of all parties")


def a_smaller_bond():
    (pair,) = KIT.keys_of(LENDER).bonds
    coin = msgspec.structs.replace(pair[1], value=pair[1].value - 1)
    wrong = msgspec.structs.replace(KIT.keys_of(LENDER), bonds=((pair[0], coin),))
    return at(BORROWER, Stage.KEYS), Told(party=LENDER, key="keys/1", value=encode(wrong)), ("keys/1", "bonds[1]")


def a_second_kept_set():
    state = at(BORROWER, Stage.OPENING)
    first = Told(party=CHALLENGER, key="kept/0/2", value=kept_of(0, 0))
    second = Told(party=CHALLENGER, key="kept/0/2", value=kept_of(0, 1))
    return after(state, first), second, ("kept/0/2", "party 2", "twice with different content")


def too_large_a_kept_set():
    state = at(BORROWER, Stage.OPENING)
    return state, Told(party=CHALLENGER, key="kept/0/2", value=kept_of(0) + b"\xff\xff"), ("kept/0/2", "indices")


def another_digest():
    state = at(BORROWER, Stage.DIGEST)
    state = after(state, done(state, Job(kind="derive")))
    wrong = Told(party=LENDER, key="digest/1", value=made_up("other transactions"))
    return state, wrong, ("digest", "party 1", "party 0", "they derived other transactions")


def another_ready():
    state = after(at(BORROWER, Stage.PARTIALS), Told(party=LENDER, key="ready/1", value=made_up("one")))
    wrong = Told(party=CHALLENGER, key="ready/2", value=made_up("two"))
    return state, wrong, ("ready", "party 2", "party 1", "they hold other presignatures")


def points_twice():
    state = after(at(CHALLENGER, Stage.KEYS), Told(party=BORROWER, key="points/0", value=b"first"))
    return state, Told(party=BORROWER, key="points/0", value=b"second"), ("points/0", "party 0", "twice")


def partials_twice():
    state = after(at(CHALLENGER, Stage.NONCES), Told(party=LENDER, key="partials/1/2", value=b"first"))
    return state, Told(party=LENDER, key="partials/1/2", value=b"second"), ("partials/1/2", "party 1", "twice")


DEVIATIONS = [
    terms_of_someone_else,
    a_smaller_bond,
    a_second_kept_set,
    too_large_a_kept_set,
    another_digest,
    another_ready,
    points_twice,
    partials_twice,
]


@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda each: each.__name__)
def test_a_deviation_ends_the_setup_with_the_field_named(deviation):
    state, event, words = deviation()
    assert state.end is None
    taken = step(state, event)
    assert taken.outcome.kind == "applied"
    aborted(taken, state.me, *words)


def test_the_same_again_is_a_duplicate_not_a_deviation():
    state = after(at(CHALLENGER, Stage.KEYS), Told(party=BORROWER, key="points/0", value=b"first"))
    unchanged(state, Told(party=BORROWER, key="points/0", value=b"first"), "duplicate", "points/0")


def test_a_job_that_finds_a_peer_at_fault_ends_the_setup():
    state = at(LENDER, Stage.POINTS)
    job = Job(kind="coins")
    assert job in state.jobs
    taken = step(state, Failed(job=job, whose="peer", reason="party 0: bond of graph 0: no such coin on chain"))
    aborted(taken, LENDER, "party 0: bond of graph 0")


def test_a_job_that_fails_here_ends_the_setup_with_our_name():
    state = at(LENDER, Stage.FUNDING)
    taken = step(state, Failed(job=Job(kind="fund"), whose="ours", reason="not enough money"))
    aborted(taken, LENDER, "party 1 cannot go on", "not enough money")


def test_the_operator_ends_the_setup():
    aborted(
        step(at(LENDER, Stage.NONCES), Ordered(key="want_abort", value=b"changed my mind")), LENDER, "changed my mind"
    )


def test_a_setup_that_waits_too_long_ends_and_nobodys_operator_is_said_to_have_done_it():
    reason = "after 600 seconds without a word, party 2 (challenger 0123) owes keys/2"
    taken = step(at(LENDER, Stage.KEYS), Stalled(reason=reason))
    aborted(taken, LENDER, reason)
    assert taken.state.end == ("aborted", reason)
    heard = step(at(BORROWER, Stage.KEYS), Told(party=LENDER, key="abort/1", value=taken.state.facts["abort/1"]))
    assert heard.state.end == ("aborted", f"party 1 ended the setup: {reason}")
    ordered = step(at(LENDER, Stage.KEYS), Ordered(key="want_abort", value=b"no"))
    assert ordered.state.end == ("aborted", "the operator ended the setup: no")
    unchanged(live(LENDER), Stalled(reason=reason), "refused", "live")


def test_a_peer_ends_the_setup():
    for where in SETUP:
        if where is Stage.READY:
            continue
        taken = step(at(LENDER, where), Told(party=CHALLENGER, key="abort/2", value=b"no \xff money"))
        assert taken.state.end == ("aborted", "party 2 ended the setup: no \N{REPLACEMENT CHARACTER} money")
        assert taken.actions == (Close(reason=taken.state.end[1]),)  # no answer: it knows


def test_our_own_deviation_is_not_sent_as_if_it_were_fine():
    """The other parties' digests came first: our job then finds that ours differs, and says so."""
    state = after(at(BORROWER, Stage.DIGEST), Told(party=LENDER, key="digest/1", value=made_up("other")))
    taken = step(state, done(state, Job(kind="derive")))
    aborted(taken, BORROWER, "party 0", "party 1", "they derived other transactions")
    assert "digest/0" not in taken.state.facts


# ---- nobody turns a party away from a vault that may live
def test_a_peer_cannot_end_a_living_vault():
    for me in PARTIES:
        for author in others(me):
            unchanged(live(me), Told(party=author, key=f"abort/{author}", value=b"stop"), "refused", "live")


def test_a_deviation_cannot_end_a_living_vault():
    unchanged(live(BORROWER), Told(party=LENDER, key="ready/1", value=made_up("other")), "refused", "ready/1")
    unchanged(live(BORROWER), Told(party=LENDER, key="keys/1", value=b"\xc1"), "refused", "keys/1")
    unchanged(live(BORROWER), Ordered(key="want_abort"), "refused", "live")


def waiting_for_borrower(me):
    """Party `me` said ready and misses the borrower's."""
    state = at(me, Stage.READY)
    for other in others(me) - {BORROWER}:
        told = step(state, Told(party=other, key=f"ready/{other}", value=state.facts[f"ready/{me}"]))
        state = told.state
    assert stage(state) is Stage.READY
    return state


ENDINGS = [
    Told(party=BORROWER, key="abort/0", value=b"not today"),
    Told(party=BORROWER, key="ready/0", value=made_up("other presignatures")),
    Told(party=BORROWER, key="points/0", value=b"other points"),
    Ordered(key="want_abort", value=b"not today"),
    Stalled(reason="not today"),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda event: getattr(event, "key", "stalled"))
@pytest.mark.parametrize("me", [LENDER, CHALLENGER])
def test_after_ready_an_end_of_the_setup_is_an_alarm_and_the_party_keeps_watching(me, ending):
    """The borrower may hold every `ready` and publish PreFund: who looked away could not contest its false claim."""
    state = waiting_for_borrower(me)
    assert bound(state)
    taken = step(state, ending)
    assert taken.outcome.kind == "alarm"
    assert WATCHING in taken.outcome.reason
    assert taken.state.end is None
    assert not [action for action in taken.actions if not isinstance(action, Send)]
    funded = after(taken.state, block(100, "prefund"), block(200, "vault"))
    assert stage(funded) is Stage.LIVE
    contested = after(funded, Ordered(key="want_contest/0"), block(300, "0/claim"))
    assert [item.name for item in due(contested, 300)] == ["0/contest"]


def test_a_bound_party_says_once_that_it_would_end_the_setup():
    state = waiting_for_borrower(LENDER)
    first = step(state, Ordered(key="want_abort"))
    assert {(action.to, action.key) for action in first.actions} == {(p, "abort/1") for p in others(LENDER)}
    unchanged(first.state, Ordered(key="want_abort"), "refused", WATCHING)
    unchanged(first.state, Told(party=BORROWER, key="points/0", value=b"other"), "refused", WATCHING)


def test_the_borrower_may_end_the_setup_until_it_holds_every_ready():
    """Only the borrower can publish PreFund, and it has not."""
    state = at(BORROWER, Stage.READY)
    assert not bound(state)
    aborted(step(state, Ordered(key="want_abort", value=b"no")), BORROWER)
    assert step(state, Told(party=LENDER, key="abort/1", value=b"")).state.end is not None


# ---- the end
def ended():
    return [
        step(at(LENDER, Stage.KEYS), Ordered(key="want_abort")).state,
        step(at(LENDER, Stage.KEYS), Told(party=BORROWER, key="abort/0", value=b"")).state,
        step(live(LENDER), Halted(reason="a reorg beyond the bound")).state,
        step(live(LENDER), block(100, "vault")).state,  # impossible
    ]


@pytest.mark.parametrize("state", ended(), ids=lambda state: state.end[0])
def test_an_ended_vault_refuses_everything(state):
    for event in (
        Told(party=BORROWER, key="accept/0", value=b""),
        Told(party=BORROWER, key="abort/0", value=b""),
        Ordered(key="want_abort"),
        Ordered(key="nonsense"),
        Done(job=Job(kind="fund"), facts=()),
        Failed(job=Job(kind="fund"), whose="peer", reason="x"),
        block(500, "prefund"),
        Unmined(height=0),
        Stalled(reason="again"),
        Halted(reason="again"),
    ):
        unchanged(state, event, "refused", state.end[0])


def test_an_impossible_block_halts_the_vault_with_an_alarm():
    taken = step(live(LENDER), block(100, "0/contest"))
    assert (taken.outcome.kind, taken.state.end[0]) == ("alarm", "halted")
    assert "contest cannot follow" in taken.state.end[1]
    assert taken.actions == ()


def test_a_reason_is_cut_and_can_always_be_stored():
    state = at(LENDER, Stage.FUNDING)
    for reason in ("x" * 10_000, "\N{SNOWMAN}" * 3000, "file \udcff", "\ud800" * 2000, ""):
        for event in (
            Failed(job=Job(kind="fund"), whose="ours", reason=reason),
            Stalled(reason=reason),
            Halted(reason=reason),
        ):
            taken = step(state, event)
            assert taken.state.end is not None
            raw = msgspec.msgpack.encode(taken.state)
            assert msgspec.msgpack.decode(raw, type=VaultState) == taken.state
            assert len(taken.state.facts.get("abort/1", b"")) <= KINDS["abort"].limit


def test_what_is_open_after_a_restart():
    state = at(LENDER, Stage.POINTS)
    assert pending(state) == tuple(Run(job=job) for job in state.jobs) != ()
    over = step(state, Ordered(key="want_abort")).state
    assert pending(over) == (Close(reason=over.end[1]),)  # whether it was done before the crash, nobody knows
    assert pending(step(state, Halted(reason="deep reorg")).state) == tuple(Run(job=job) for job in state.jobs)


# ---- jobs
def test_the_end_of_a_job_nobody_started_is_refused():
    state = at(LENDER, Stage.FUNDING)
    unchanged(state, Done(job=Job(kind="keys"), facts=(("keys/1", b""),)), "refused", "keys")
    unchanged(state, Failed(job=Job(kind="keys"), whose="peer", reason="x"), "refused", "keys")


def test_a_job_finishes_once():
    state = at(LENDER, Stage.FUNDING)
    event = done(state, Job(kind="fund"))
    unchanged(after(state, event), event, "refused", "fund")


def test_a_job_without_a_result_stays_open():
    unchanged(at(LENDER, Stage.FUNDING), Done(job=Job(kind="fund"), facts=()), "refused", "fund")


def test_a_result_this_node_cannot_state_ends_the_setup():
    """Else the job would be closed for ever, or open for ever, and nobody told."""
    state = at(LENDER, Stage.FUNDING)
    limit = KINDS["funded"].limit
    taken = step(state, Done(job=Job(kind="fund"), facts=(("funded", bytes(limit + 1)),)))
    aborted(taken, LENDER, "party 1 cannot go on", "fund()", str(limit + 1))


def test_a_job_that_fails_in_a_living_vault_raises_an_alarm_and_stays_open():
    state = after(live(CHALLENGER), *(block(h, n) for h, n in CONTESTED), block(310, "0/assert"))
    (job,) = state.jobs
    for whose in ("peer", "ours"):
        taken = step(state, Failed(job=job, whose=whose, reason="artifact is gone"))
        assert (taken.outcome.kind, taken.state) == ("alarm", state)
        assert "artifact is gone" in taken.outcome.reason


# ---- the chain
CONTESTED = [(100, "prefund"), (200, "vault"), (300, "0/claim"), (305, "0/contest")]


def test_every_challenger_evaluates_an_assertion_once():
    for me in PARTIES:
        state = after(live(me), *(block(h, n) for h, n in CONTESTED))
        taken = step(state, block(310, "0/assert"))
        witness = seen(310, "0/assert")
        job = Job(kind="evaluate", indices=(0,), ref=witness.raw)
        assert taken.actions == ((Run(job=job),) if me != BORROWER else ())
        again = after(taken.state, Unmined(height=310), block(311, "0/assert"))
        assert again.jobs == taken.state.jobs
        if me != BORROWER:
            closed = after(again, Done(job=job, facts=((verdict_key(0, witness), b"\x00"),)))
            assert closed.jobs == ()
            assert after(closed, Unmined(height=311), block(312, "0/assert")).jobs == ()


def test_a_known_block_is_a_duplicate_and_a_block_out_of_order_is_refused():
    state = after(live(LENDER), *(block(h, n) for h, n in CONTESTED))
    for height, name in CONTESTED:
        unchanged(state, block(height, name), "duplicate", str(height))
    unchanged(state, block(304, "1/claim"), "refused", "304", "305")
    unchanged(state, Mined(height=306, block=bytes(32), seen=(seen(305, "1/claim"),)), "refused", "another height")
    unchanged(state, Mined(height=400, block=bytes(32), seen=()), "duplicate")


def test_a_block_that_holds_several_transactions_is_taken_in_order():
    state = after(live(LENDER), block(100, "prefund"), block(200, "vault", "0/claim", "1/claim"))
    assert [item.name for item in state.log] == ["prefund", "vault", "0/claim", "1/claim"]


def test_losing_blocks_above_the_log_changes_nothing():
    state = after(live(LENDER), block(100, "prefund"))
    unchanged(state, Unmined(height=101), "duplicate", "101")
    assert step(state, Unmined(height=100)).state.log == ()


def test_the_chain_is_followed_during_setup_too():
    state = after(at(LENDER, Stage.KEYS), block(100, "foreign/prefund_input"), block(101, "foreign/prefund_input"))
    assert stage(state) is Stage.KEYS
    assert len(state.log) == 2


# ---- repaying
def test_the_lender_shows_r_when_asked_and_willing():
    world = World()
    world.states = {p: live(p) for p in PARTIES}
    asked = world.tell(BORROWER, Ordered(key="want_repay/0"))
    assert [action for action in asked.actions if isinstance(action, Send)] == [Send(to=LENDER, key="ask_release/0")]
    world.work_off()
    assert "release/0" not in world.states[LENDER].facts
    started = world.tell(LENDER, Ordered(key="want_release/0"))
    assert started.actions == (Run(job=Job(kind="reveal", indices=(0,))),)
    world.work_off()
    assert world.states[BORROWER].facts["release/0"] == KIT.r(0)
    assert "release/0" not in world.states[CHALLENGER].facts


def test_a_wrong_preimage_is_refused_and_the_right_one_still_taken():
    state = live(BORROWER)
    unchanged(state, Told(party=LENDER, key="release/0", value=KIT.r(1)), "refused", "release/0")
    shown = after(state, Told(party=LENDER, key="release/0", value=KIT.r(0)))
    unchanged(shown, Told(party=LENDER, key="release/0", value=KIT.r(1)), "refused", "other content")
    assert key("release", 0) in shown.facts


# ---- claims of engine babe
def test_a_claim_shows_its_proof_to_every_challenger_who_then_verifies_it():
    world = World(engine="babe")
    world.states = {p: live(p, "babe") for p in PARTIES}
    claimed = world.tell(BORROWER, Ordered(key="want_claim/0", value=VALID))
    assert claimed.actions == tuple(Send(to=p, key="proof/0") for p in (LENDER, CHALLENGER))
    assert claimed.state.facts["proof/0"] == claimed.state.facts["want_claim/0"] == VALID
    world.work_off()
    for p in (LENDER, CHALLENGER):
        assert world.states[p].facts["proven/0"] == b"\x01"
        assert world.states[p].jobs == ()
    assert "proven/0" not in world.states[BORROWER].facts


def test_a_proof_that_is_not_valid_is_known_as_such():
    world = World(engine="babe")
    world.states = {p: live(p, "babe") for p in PARTIES}
    world.tell(BORROWER, Ordered(key="want_claim/0", value=bytes(256)))
    world.work_off()
    assert world.states[CHALLENGER].facts["proven/0"] == b"\x00"


def test_a_claim_without_a_proof_is_refused_and_changes_nothing():
    state = live(BORROWER, "babe")
    unchanged(state, Ordered(key="want_claim/0", value=bytes(255)), "refused", "256 bytes", "255 came")
    unchanged(live(CHALLENGER, "babe"), Told(party=BORROWER, key="proof/0", value=bytes(255)), "refused", "255 came")


def test_a_claimant_shows_one_proof_only():
    state = after(live(CHALLENGER, "babe"), Told(party=BORROWER, key="proof/0", value=bytes(256)))
    unchanged(state, Told(party=BORROWER, key="proof/0", value=VALID), "refused", "other content")
    unchanged(state, Told(party=LENDER, key="proof/0", value=VALID), "refused", "not its author")


def test_a_claim_of_engine_core_shows_nothing():
    taken = step(live(BORROWER), Ordered(key="want_claim/0", value=bytes(12)))
    assert (taken.outcome.kind, taken.actions) == ("applied", ())
    assert "proof/0" not in taken.state.facts


def test_a_late_proof_of_a_claim_on_chain_is_still_verified():
    state = after(live(CHALLENGER, "babe"), *(block(h, n) for h, n in CONTESTED), block(310, "0/assert"))
    taken = step(state, Told(party=BORROWER, key="proof/0", value=VALID))
    assert taken.actions == (Run(job=Job(kind="verify", indices=(0,))),)
