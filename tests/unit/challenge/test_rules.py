"""The ceremony as data flow: the rules are complete, acyclic, and give the order of protocol.md."""

import pytest

from challenge.deadlines import stage
from challenge.facts import KINDS, NOBODY, challengers_of, key, parse_key
from challenge.machine import begin
from challenge.rules import claimed_by, contested_by, live_rules, milestones, setup_rules
from challenge.states import Stage
from tests.unit.challenge.ceremony import (
    BORROWER,
    CHALLENGER,
    LENDER,
    PARTIES,
    PROPOSAL,
    World,
    ceremony,
    live,
    result,
)

ORDER = list(Stage)[: list(Stage).index(Stage.LIVE)]
everyone_ = pytest.mark.parametrize("me", PARTIES)


def test_who_claims_and_who_contests():
    assert [claimed_by(PROPOSAL, me) for me in PARTIES] == [(0,), (1,), ()]
    assert [contested_by(PROPOSAL, me) for me in PARTIES] == [(1,), (0,), (0, 1)]


@everyone_
def test_stages_come_in_the_order_of_the_protocol(me):
    assert [each for each, _ in milestones(PROPOSAL, me)] == ORDER
    visited = list(dict.fromkeys(stage(state) for party, state in ceremony().history if party == me))
    assert visited == [*ORDER, Stage.LIVE]


@everyone_
def test_every_fact_in_a_rule_is_in_the_vocabulary(me):
    rules = (*setup_rules(PROPOSAL, me), *live_rules(PROPOSAL, me))
    for name in {name for rule in rules for name in (*rule.after, rule.yields)}:
        kind, row, indices = parse_key(PROPOSAL, name)
        assert row is KINDS[kind]
        assert row.author(PROPOSAL, indices) != NOBODY


@everyone_
def test_a_party_waits_only_for_what_it_hears(me):
    """A rule or milestone that names a fact sent to others only would wait for ever."""
    named = {name for rule in setup_rules(PROPOSAL, me) for name in rule.after}
    named |= {name for _, facts in milestones(PROPOSAL, me) for name in facts}
    for name in named:
        _, row, indices = parse_key(PROPOSAL, name)
        author = row.author(PROPOSAL, indices)
        assert author < 0 or author == me or me in row.audience(PROPOSAL, indices), name


@everyone_
def test_what_a_job_yields_is_what_it_states(me):
    state = live(me)
    for rule in (*setup_rules(PROPOSAL, me), *live_rules(PROPOSAL, me)):
        assert rule.yields in dict(result(state, rule.job))


@everyone_
def test_one_rule_a_job_and_one_a_result(me):
    rules = setup_rules(PROPOSAL, me)
    assert len({rule.job for rule in rules}) == len({rule.yields for rule in rules}) == len(rules)


@everyone_
def test_no_rule_waits_for_its_own_result(me):
    """Run the table alone: what nobody of us states is there from the beginning; every job gets its turn."""
    rules = list(setup_rules(PROPOSAL, me))
    ours = {name for rule in rules for name, _ in result(live(me), rule.job)}
    known = {name for rule in rules for name in rule.after} - ours
    while rules:
        ready = [rule for rule in rules if rule.after <= known]
        assert ready, [rule.job for rule in rules]
        for rule in ready:
            rules.remove(rule)
            known |= {name for name, _ in result(live(me), rule.job)}


def test_the_lender_alone_reveals():
    assert live_rules(PROPOSAL, BORROWER) == live_rules(PROPOSAL, CHALLENGER) == ()
    assert [rule.yields for rule in live_rules(PROPOSAL, LENDER)] == ["release/0", "release/1"]


def rule_of(me, kind, *indices):
    (rule,) = [rule for rule in setup_rules(PROPOSAL, me) if (rule.job.kind, rule.job.indices) == (kind, indices)]
    return rule


@everyone_
def test_a_kept_set_is_drawn_only_after_the_commitments_it_is_to_test(me):
    for g in contested_by(PROPOSAL, me):
        after = rule_of(me, "draw", g, me).after
        assert {key("points", g), key("commitments", g, me)} <= after


@everyone_
def test_nothing_is_opened_before_it_was_chosen(me):
    for g in claimed_by(PROPOSAL, me):
        for k in challengers_of(PROPOSAL, g):
            assert key("kept", g, k) in rule_of(me, "open", g, k).after


@everyone_
def test_nobody_signs_before_all_points_are_fixed_and_all_digests_agree(me):
    """All adaptor points before the first nonce, one digest from everyone before it, all nonces before a partial."""
    digests = {key("digest", p) for p in PARTIES}
    assert digests <= rule_of(me, "nonces").after
    assert {key("points", g) for g in range(len(PROPOSAL.graphs))} <= rule_of(me, "derive").after
    assert {key("checked", g, me) for g in contested_by(PROPOSAL, me)} <= rule_of(me, "derive").after
    parts = range(1 + len(PROPOSAL.graphs))
    assert {key("nonces", p, i) for p in PARTIES for i in parts} == rule_of(me, "sign").after
    assert {key("partials", p, i) for p in PARTIES for i in parts} == rule_of(me, "aggregate").after


def test_keys_are_made_only_when_everyone_accepted():
    for me in PARTIES:
        assert {key("accept", p) for p in PARTIES} <= rule_of(me, "fund").after
        assert {key("accept", p) for p in PARTIES} | {"funded"} <= rule_of(me, "keys").after


HELD = {
    "accept/2": Stage.PROPOSED,
    "keys/1": Stage.KEYS,
    "points/0": Stage.POINTS,
    "kept/0/2": Stage.OPENING,
    "openings/1/0": Stage.OPENING,
    "digest/2": Stage.DIGEST,
    "nonces/0/1": Stage.NONCES,
    "partials/2/2": Stage.PARTIALS,
    "ready/2": Stage.READY,
}


@pytest.mark.parametrize(("held", "where"), HELD.items())
def test_a_fact_that_never_comes_keeps_its_stage_waiting(held, where):
    world = World().begin().accept().work_off(but=(held,))
    waiting = {stage(state) for state in world.states.values()}
    assert where in waiting
    assert all(ORDER.index(each) >= ORDER.index(where) for each in waiting - {Stage.LIVE})
    assert Stage.LIVE not in waiting or held == "ready/2"
    assert stage(world.states[BORROWER]) is not Stage.LIVE
    world.work_off()
    assert {stage(state) for state in world.states.values()} == {Stage.LIVE}


def test_a_vault_that_nobody_accepts_starts_no_job():
    for me in PARTIES:
        assert begin(PROPOSAL, me=me, proposer=LENDER).state.jobs == ()
