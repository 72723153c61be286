"""The ceremony as data flow: the rules are complete, acyclic, and give the order of protocol.md."""

import pytest

from challenge.deadlines import stage
from challenge.events import Ordered
from challenge.facts import KINDS, NOBODY, challengers_of, key, parse_key
from challenge.machine import begin
from challenge.rules import (
    answered_by,
    claimed_by,
    contested_by,
    evaluated_by,
    garbled_by,
    live_rules,
    milestones,
    setup_rules,
    states,
)
from challenge.states import Stage
from tests.unit.challenge.ceremony import (
    BABE_PROPOSAL,
    BORROWER,
    CHALLENGER,
    KITS,
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
engines = pytest.mark.parametrize("engine", KITS)


def test_who_claims_and_who_contests():
    assert [claimed_by(PROPOSAL, me) for me in PARTIES] == [(0,), (1,), ()]
    assert [contested_by(PROPOSAL, me) for me in PARTIES] == [(1,), (0,), (0, 1)]


@engines
@everyone_
def test_stages_come_in_the_order_of_the_protocol(me, engine):
    assert [each for each, _ in milestones(KITS[engine].proposal, me)] == ORDER
    visited = list(dict.fromkeys(stage(state) for party, state in ceremony(engine).history if party == me))
    assert visited == [*ORDER, Stage.LIVE]


@engines
@everyone_
def test_every_fact_in_a_rule_is_in_the_vocabulary(me, engine):
    rules = (*setup_rules(KITS[engine].proposal, me), *live_rules(KITS[engine].proposal, me))
    for name in {name for rule in rules for name in (*rule.after, rule.yields)}:
        kind, row, indices = parse_key(KITS[engine].proposal, name)
        assert row is KINDS[kind]
        assert row.author(KITS[engine].proposal, indices) != NOBODY


@engines
@everyone_
def test_a_party_waits_only_for_what_it_hears(me, engine):
    """A rule or milestone that names a fact sent to others only would wait for ever."""
    named = {name for rule in setup_rules(KITS[engine].proposal, me) for name in rule.after}
    named |= {name for _, facts in milestones(KITS[engine].proposal, me) for name in facts}
    for name in named:
        _, row, indices = parse_key(KITS[engine].proposal, name)
        author = row.author(KITS[engine].proposal, indices)
        assert author < 0 or author == me or me in row.audience(KITS[engine].proposal, indices), name


@engines
@everyone_
def test_what_a_job_yields_is_what_it_states(me, engine):
    state = live(me, engine)
    for rule in setup_rules(KITS[engine].proposal, me):
        assert rule.yields in states(KITS[engine].proposal, me, rule)
        assert set(states(KITS[engine].proposal, me, rule)) == dict(result(state, rule.job)).keys()
    for rule in live_rules(KITS[engine].proposal, me):
        assert rule.yields in dict(result(state, rule.job))


@engines
@everyone_
def test_one_rule_a_job_and_one_a_result(me, engine):
    rules = setup_rules(KITS[engine].proposal, me)
    assert len({rule.job for rule in rules}) == len({rule.yields for rule in rules}) == len(rules)


@engines
@everyone_
def test_no_rule_waits_for_its_own_result(me, engine):
    """Run the table alone: what nobody of us states is there from the beginning; every job gets its turn."""
    rules = list(setup_rules(KITS[engine].proposal, me))
    ours = {name for rule in rules for name, _ in result(live(me, engine), rule.job)}
    known = {name for rule in rules for name in rule.after} - ours
    while rules:
        ready = [rule for rule in rules if rule.after <= known]
        assert ready, [rule.job for rule in rules]
        for rule in ready:
            rules.remove(rule)
            known |= {name for name, _ in result(live(me, engine), rule.job)}


def test_the_lender_alone_reveals():
    assert live_rules(PROPOSAL, BORROWER) == live_rules(PROPOSAL, CHALLENGER) == ()
    assert [rule.yields for rule in live_rules(PROPOSAL, LENDER)] == ["release/0", "release/1"]


def rule_of(me, kind, *indices, proposal=PROPOSAL):
    (rule,) = [rule for rule in setup_rules(proposal, me) if (rule.job.kind, rule.job.indices) == (kind, indices)]
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


# ---- engine babe: the challenger garbles, the claimant draws, checks and presigns each Reveal
def babe(me, kind, *indices):
    return rule_of(me, kind, *indices, proposal=BABE_PROPOSAL)


def test_who_garbles_evaluates_and_answers_in_either_engine():
    assert [garbled_by(PROPOSAL, me) for me in PARTIES] == [((0, 1), (0, 2)), ((1, 0), (1, 2)), ()]
    assert [evaluated_by(PROPOSAL, me) for me in PARTIES] == [((1, 0),), ((0, 1),), ((0, 2), (1, 2))]
    assert [evaluated_by(BABE_PROPOSAL, me) for me in PARTIES] == [garbled_by(PROPOSAL, me) for me in PARTIES]
    assert [garbled_by(BABE_PROPOSAL, me) for me in PARTIES] == [evaluated_by(PROPOSAL, me) for me in PARTIES]
    assert [answered_by(BABE_PROPOSAL, me) for me in PARTIES] == [garbled_by(BABE_PROPOSAL, me) for me in PARTIES]
    assert [answered_by(PROPOSAL, me) for me in PARTIES] == [()] * 3


def test_the_points_of_everyone_are_fixed_before_anyone_draws_or_derives():
    answers = {key("answers", g, k) for g in (0, 1) for k in BABE_PROPOSAL.challengers(g)}
    for me, g, k in ((BORROWER, 0, 1), (BORROWER, 0, 2), (LENDER, 1, 0)):
        assert answers | {"points/0", "points/1", key("commitments", g, k)} <= babe(me, "draw", g, k).after
    for me in PARTIES:
        assert answers | {"points/0", "points/1"} <= babe(me, "derive").after


def test_a_challenger_opens_only_what_the_claimant_did_not_choose_to_keep():
    for g, k in ((0, 1), (0, 2), (1, 0), (1, 2)):
        assert babe(k, "open", g, k).after == {key("kept", g, k), key("answers", g, k)}


def test_presignatures_of_reveal_are_made_over_what_all_agreed_on_and_held_before_ready():
    digests = {key("digest", p) for p in PARTIES}
    for g, claimant in ((0, BORROWER), (1, LENDER)):
        assert babe(claimant, "answer", g).after == digests
        for k in BABE_PROPOSAL.challengers(g):
            assert babe(k, "accept", g).after == digests | {key("presignatures", g, k)}
            assert key("answerable", g, k) in babe(k, "aggregate").after


def test_a_challenger_verifies_the_proof_it_was_shown():
    found = {me: {rule.job.indices for rule in live_rules(BABE_PROPOSAL, me)} for me in (BORROWER, CHALLENGER)}
    assert found == {BORROWER: {(1,)}, CHALLENGER: {(0,), (1,)}}
    for rule in live_rules(BABE_PROPOSAL, CHALLENGER):
        assert (rule.after, rule.yields) == ({key("proof", *rule.job.indices)}, key("proven", *rule.job.indices))


BABE_HELD = {
    "answers/0/2": Stage.POINTS,
    "commitments/1/0": Stage.POINTS,
    "kept/0/1": Stage.OPENING,
    "openings/1/2": Stage.OPENING,
    "presignatures/1/0": Stage.PARTIALS,
    "accept": Stage.PARTIALS,
}


@pytest.mark.parametrize(("held", "where"), BABE_HELD.items())
def test_a_fact_of_engine_babe_that_never_comes_keeps_its_stage_waiting(held, where):
    world = World(engine="babe").begin()
    for party in PARTIES:
        world.tell(party, Ordered(key="want_accept"))
    world.work_off(but=() if held == "accept" else (held,), until=Stage.NONCES)
    world.work_off(but=(held,))
    waiting = {stage(state) for state in world.states.values()}
    assert where in waiting
    assert Stage.LIVE not in waiting
    assert not any(key("ready", p) in world.states[p].facts for p in PARTIES if stage(world.states[p]) is where)
    world.work_off()
    assert {stage(state) for state in world.states.values()} == {Stage.LIVE}


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
