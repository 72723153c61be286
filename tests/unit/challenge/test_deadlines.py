"""Every entry of the agenda with its heights: not one block early, for the right party only, void when its coin is."""

from dataclasses import dataclass

import msgspec
import pytest

from challenge.answers import verdict_key
from challenge.deadlines import agenda, bound, calls_off, due, moved_away, settled, stage
from challenge.events import Done, Event, Halted, Ordered, Stalled, Told, Unmined
from challenge.facts import parse_key
from challenge.machine import step
from challenge.states import Job, Stage
from tests.unit.challenge.ceremony import (
    BORROWER,
    CHALLENGER,
    KIT,
    LENDER,
    PARTIES,
    PROPOSAL,
    after,
    at,
    block,
    done,
    live,
    seen,
)

LOCKS = PROPOSAL.timelocks
CHAIN = {
    "prefund": 100,
    "vault": 200,
    "0/claim": 300,
    "0/contest": 305,
    "0/assert": 310,
    "1/claim": 300,
    "1/contest": 305,
    "1/assert": 310,
}
PREFUNDED = ("prefund",)
OPEN = ("prefund", "vault")
CLAIMED = (*OPEN, "0/claim")
CONTESTED = (*CLAIMED, "0/contest")
ASSERTED = (*CONTESTED, "0/assert")


def mined(*names):
    return [block(CHAIN.get(name, 400 + i), name) for i, name in enumerate(names)]


def orders(*names):
    return [Ordered(key=name) for name in names]


def verdict(graph, value=b"\x01", branch=""):
    """The end of the evaluation that the machine asked for when Assert was mined."""
    assertion = seen(CHAIN[f"{graph}/assert"], f"{graph}/assert", branch)
    job = Job(kind="evaluate", indices=(graph,), ref=assertion.raw)
    return Done(job=job, facts=((verdict_key(graph, assertion), value),))


@dataclass(frozen=True, kw_only=True)
class Case:
    me: int
    events: list[Event]
    name: str
    since: int
    until: int | None = None

    def __str__(self):
        return f"party {self.me}: {self.name}"


SHOWN = Told(party=LENDER, key="release/0", value=KIT.r(0))
CASES = [
    Case(me=BORROWER, events=[], name="prefund", since=0),
    Case(
        me=BORROWER,
        events=mined(*PREFUNDED),
        name="vault",
        since=100 + LOCKS.depth + 1,  # shows a: a secret, so PreFund must be buried
        until=100 + LOCKS.refund,
    ),
    Case(
        me=BORROWER,
        events=[*orders("want_refund/1"), *mined(*PREFUNDED)],
        name="refund/1",
        since=100 + LOCKS.refund,
    ),
    Case(me=BORROWER, events=[*orders("want_repay/0"), *mined(*OPEN), SHOWN], name="repay/0", since=201),
    Case(me=BORROWER, events=[*orders("want_deadman/1"), *mined(*OPEN)], name="deadman/1", since=200 + LOCKS.dead_man),
    Case(me=BORROWER, events=[*orders("want_claim/0"), *mined(*OPEN)], name="0/claim", since=0),
    Case(me=LENDER, events=[*orders("want_claim/1"), *mined(*OPEN)], name="1/claim", since=0),
    Case(me=BORROWER, events=mined(*CLAIMED), name="0/uncontested_payout", since=300 + LOCKS.contest),
    Case(
        me=BORROWER,
        events=[*orders("want_claim/0"), *mined(*CONTESTED)],
        name="0/assert",
        since=306,
        until=305 + LOCKS.assert_,
    ),
    Case(me=BORROWER, events=mined(*ASSERTED), name="0/contested_payout", since=310 + LOCKS.verdict),
    *(
        Case(
            me=me,
            events=[*orders("want_contest/0"), *mined(*CLAIMED)],
            name="0/contest",
            since=301,
            until=300 + LOCKS.contest,
        )
        for me in (LENDER, CHALLENGER)
    ),
    *(
        Case(me=me, events=mined(*CONTESTED), name="0/no_assert", since=305 + LOCKS.assert_)
        for me in (LENDER, CHALLENGER)
    ),
    *(
        Case(
            me=me,
            events=[*mined(*ASSERTED), verdict(0)],
            name=f"0/disprove/{me}",
            since=310 + LOCKS.depth + 1,  # shows the logarithm of O_k: Assert must be buried
            until=310 + LOCKS.verdict,
        )
        for me in (LENDER, CHALLENGER)
    ),
    Case(
        me=BORROWER,
        events=mined(*CLAIMED, "foreign/vault/0"),
        name="0/release_bond_contest",
        since=300 + LOCKS.bond_release,
    ),
    Case(me=BORROWER, events=mined(*CONTESTED, "deadman/0"), name="0/release_bond", since=300 + LOCKS.bond_release),
    Case(me=BORROWER, events=mined(*ASSERTED, "repay/0"), name="0/release_bond", since=300 + LOCKS.bond_release),
    Case(
        me=BORROWER,
        events=[*orders("want_claim/0"), *mined(*CONTESTED, "foreign/vault/0")],
        name="0/assert",  # also when the vault coin is gone: else NoAssert takes the bond
        since=306,
        until=305 + LOCKS.assert_,
    ),
]
cases = pytest.mark.parametrize("case", CASES, ids=str)


def names(items):
    return [item.name for item in items]


@cases
def test_what_is_due_and_from_which_block_on(case):
    state = after(live(case.me), *case.events)
    (item,) = [item for item in agenda(state) if item.name == case.name]
    assert (item.since, item.until) == (case.since, case.until)
    assert item.why
    assert case.name not in names(due(state, case.since - 2))  # the next block would be one too early
    assert case.name in names(due(state, case.since - 1))
    assert case.name in names(due(state, case.since + 10_000))  # published until it is mined or void


@cases
def test_what_was_mined_is_not_due_any_more_until_its_block_is_gone(case):
    state = after(live(case.me), *case.events)
    height = max(case.since, 500)
    over = after(state, block(height, case.name))
    assert case.name not in names(agenda(over))
    assert case.name in names(agenda(after(over, Unmined(height=height))))


@cases
def test_nothing_is_due_to_anyone_who_cannot_publish_it(case):
    able = KIT.graph.spenders[case.name]
    assert case.me in able
    for me in set(PARTIES) - set(able):
        state = live(me)
        for event in case.events:
            if not isinstance(event, Ordered | Told | Done):
                state = after(state, event)
        assert case.name not in names(agenda(state))


@cases
def test_nothing_is_due_in_a_vault_that_stopped(case):
    state = step(after(live(case.me), *case.events), Halted(reason="a reorg beyond the bound")).state
    assert agenda(state) == ()
    assert due(state, 10**6) == ()


def test_every_transaction_of_the_vault_is_due_to_someone_at_some_time():
    kinds = {name.split("/")[0] if not name[0].isdigit() else name.split("/")[1] for name in KIT.graph.templates}
    told = {case.name.split("/")[0] if not case.name[0].isdigit() else case.name.split("/")[1] for case in CASES}
    assert told == kinds


@cases
def test_only_secrets_wait_for_burial(case):
    """A larger depth delays Vault (it shows a) and Disprove (the logarithm of O_k), and nothing else."""
    state = after(live(case.me), *case.events)
    locks = msgspec.structs.replace(LOCKS, depth=LOCKS.depth + 5)
    deeper = msgspec.structs.replace(state, proposal=msgspec.structs.replace(PROPOSAL, timelocks=locks))
    delay = 5 if case.name == "vault" or "/disprove/" in case.name else 0
    assert {i.name: i.since for i in agenda(deeper)}[case.name] == case.since + delay


def test_the_agenda_is_sorted_by_height():
    state = after(live(BORROWER), *orders("want_claim/0", "want_deadman/1"), *mined(*CLAIMED, "1/claim", "1/contest"))
    heights = [item.since for item in agenda(state)]
    assert heights == sorted(heights)
    assert len(heights) == 3


# ---- what is not due
def test_a_claim_without_an_order_is_never_due():
    for me in PARTIES:
        assert not [name for name in names(agenda(after(live(me), *mined(*OPEN)))) if "claim" in name]


def test_a_claim_is_not_due_while_the_slot_is_not_open():
    for history in ((), PREFUNDED, (*OPEN, "repay/0")):
        state = after(live(BORROWER), *orders("want_claim/0"), *mined(*history))
        assert "0/claim" not in names(agenda(state))


def test_an_unwanted_contest_is_not_due():
    assert names(agenda(after(live(CHALLENGER), *mined(*CLAIMED)))) == []


def test_a_true_claim_is_not_disproved():
    state = after(live(CHALLENGER), *mined(*ASSERTED), verdict(0, b"\x00"))
    assert names(agenda(state)) == []


def test_a_verdict_belongs_to_one_witness_of_assert():
    """After a reorg the chain may hold other digits: what the first ones evaluated to says nothing about them."""
    state = after(live(CHALLENGER), *mined(*ASSERTED), verdict(0))
    assert f"0/disprove/{CHALLENGER}" in names(agenda(state))
    other = after(state, Unmined(height=310), block(311, "0/assert", branch="other"))
    assert names(agenda(other)) == []
    assert Job(kind="evaluate", indices=(0,), ref=seen(311, "0/assert", "other").raw) in other.jobs
    back = after(other, Unmined(height=311), block(312, "0/assert"))
    (item,) = agenda(back)
    assert (item.name, item.since) == (f"0/disprove/{CHALLENGER}", 312 + LOCKS.depth + 1)


def test_two_witnesses_never_share_a_verdict():
    """Whoever grinds the name of a witness must hit all of it: half of it would be found in 2**64 tries."""
    first = seen(310, "0/assert")
    near = [
        msgspec.structs.replace(first, raw=first.raw[:at] + bytes([first.raw[at] ^ 1]) + first.raw[at + 1 :])
        for at in range(32)
    ]
    keys = {verdict_key(graph, witness) for graph in (0, 1) for witness in (first, *near)}
    assert len(keys) == 2 * 33
    for name in keys:
        assert parse_key(PROPOSAL, name)[0] == "verdict"


def test_a_payout_is_void_when_the_vault_coin_is_gone():
    for history in (CLAIMED, ASSERTED):
        state = after(live(BORROWER), *mined(*history, "foreign/vault/0"))
        assert not [name for name in names(agenda(state)) if "payout" in name]


def test_a_claim_in_another_slot_does_not_touch_this_one():
    state = after(live(LENDER), *mined(*OPEN, "1/claim", "repay/0"))
    assert names(agenda(state)) == ["1/uncontested_payout"]


def test_repay_needs_the_order_and_the_preimage():
    assert "repay/0" not in names(agenda(after(live(BORROWER), *orders("want_repay/0"), *mined(*OPEN))))
    told = after(live(BORROWER), *mined(*OPEN), SHOWN)
    assert "repay/0" not in names(agenda(told))
    assert "repay/1" not in names(agenda(after(told, *orders("want_repay/0", "want_repay/1"))))


def test_an_order_to_refund_stops_the_way_into_the_vault():
    """Publishing Vault shows a: whoever wants the deposit back must not."""
    state = after(live(BORROWER), *orders("want_refund/0"))
    assert "prefund" not in names(agenda(state))
    assert names(agenda(after(state, *mined(*PREFUNDED)))) == ["refund/0"]


def test_a_deposit_refunded_in_part_does_not_become_a_vault():
    state = after(live(BORROWER), *mined("prefund", "foreign/prefund/1"))
    assert "vault" not in names(agenda(state))


def test_nothing_is_due_before_everyone_is_ready():
    for wanted in Stage:
        if wanted in (Stage.LIVE, Stage.ABORTED, Stage.HALTED):
            continue
        for me in PARTIES:
            assert agenda(at(me, wanted)) == ()


# ---- life after `ready`
def test_prefund_on_chain_says_that_everyone_is_ready():
    state = after(at(CHALLENGER, Stage.READY), block(100, "prefund"))
    assert stage(state) is Stage.LIVE
    assert stage(after(state, Unmined(height=100))) is Stage.READY


def test_prefund_on_chain_does_not_make_up_for_presignatures():
    state = after(at(CHALLENGER, Stage.PARTIALS), block(100, "prefund"))
    assert stage(state) is Stage.PARTIALS
    assert agenda(state) == ()


def test_a_party_is_bound_by_its_own_ready_unless_it_is_the_one_who_funds():
    assert bound(live(CHALLENGER))
    assert bound(at(LENDER, Stage.READY))
    assert not bound(at(LENDER, Stage.PARTIALS))
    assert not bound(live(BORROWER))


def test_only_a_borrower_that_had_stated_its_partials_calls_prefund_off_when_its_setup_ends():
    for me in PARTIES:
        # at the beginning of PARTIALS a party has everybody's nonces, and has not signed yet
        for where in (Stage.PROPOSED, Stage.KEYS, Stage.DIGEST, Stage.NONCES, Stage.PARTIALS, Stage.READY):
            state = at(me, where)
            assert not calls_off(state), "it has not ended"
            ended = step(state, Stalled(reason="too long")).state
            assert calls_off(ended) is (me == BORROWER and where is Stage.READY), (me, where)
            assert not calls_off(step(state, Halted(reason="a deep reorg")).state)
    assert not calls_off(step(live(BORROWER), Stalled(reason="too long")).state)
    signed = after(at(BORROWER, Stage.PARTIALS), done(at(BORROWER, Stage.PARTIALS), Job(kind="sign")))
    assert stage(signed) is Stage.PARTIALS
    assert calls_off(step(signed, Stalled(reason="too long")).state)
    told = Told(party=LENDER, key="abort/1", value=b"no")
    assert calls_off(after(at(BORROWER, Stage.READY), told)), "whoever ended it"


def test_the_setup_of_a_bound_party_has_ended_while_a_block_spends_a_prefund_input_elsewhere():
    moved = block(100, "foreign/prefund_input")
    state = after(at(CHALLENGER, Stage.READY), moved)
    assert (stage(state), moved_away(state), state.end) == (Stage.ABORTED, 100, None)
    assert stage(after(state, Unmined(height=100))) is Stage.READY
    assert stage(after(state, Unmined(height=100), block(100, "prefund"))) is Stage.LIVE
    assert stage(after(at(CHALLENGER, Stage.PARTIALS), moved)) is Stage.PARTIALS, "it may end the setup itself"
    assert stage(after(at(BORROWER, Stage.READY), moved)) is Stage.READY, "it may end the setup itself"
    assert stage(after(live(CHALLENGER), moved)) is Stage.LIVE


# ---- when nothing can move any more
@pytest.mark.parametrize(
    ("history", "end"),
    [
        ((*OPEN, "repay/0", "deadman/1"), True),
        (("foreign/prefund_input",), True),
        (("prefund", "refund/0", "refund/1"), True),
        ((*OPEN, "repay/0"), False),
        (OPEN, False),
        ((*OPEN, "0/claim", "repay/0", "deadman/1"), False),
        ((*OPEN, "0/claim", "repay/0", "deadman/1", "0/release_bond_contest"), True),
        ((*OPEN, "1/claim", "repay/0", "1/uncontested_payout"), True),
    ],
)
def test_a_vault_is_settled_when_all_ends_are_buried(history, end):
    state = after(live(LENDER), *(block(400 + i, name) for i, name in enumerate(history)))
    last, limit = 400 + len(history) - 1, 20
    assert not settled(state, last + limit, limit)
    assert settled(state, last + limit + 1, limit) is end
    if end:
        assert agenda(state) == ()


def test_a_vault_nobody_funded_is_not_settled():
    assert not settled(live(LENDER), 10**6, 20)
