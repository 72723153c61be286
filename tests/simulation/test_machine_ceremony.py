"""Three parties set up a vault over a network that reorders, delays and repeats, with restarts in between.

Whatever the order, everyone reaches a living vault with the same facts, and at no moment did anyone show what it should
not have shown yet.
"""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from challenge.deadlines import agenda, stage
from challenge.events import Failed, Ordered, Told
from challenge.facts import key, parts
from challenge.machine import pending
from challenge.rules import answered_by, evaluated_by, garbled_by, pairs, points_of
from challenge.states import Stage, VaultState
from tests.unit.challenge.ceremony import (
    BORROWER,
    KITS,
    LENDER,
    PARTIES,
    World,
    block,
    ceremony,
    digest,
    done,
    made_up,
    shared,
)

ENGINES = st.sampled_from(sorted(KITS))


def drive(world: World, random: Random, *, repeats: int = 40, restarts: int = 20) -> World:
    """Anything that can happen next happens next, in an order the seed decides."""
    undecided = list(PARTIES)
    while undecided or world.mail or world.work:
        choices = [("letter", i) for i in range(len(world.mail))] + [("job", i) for i in range(len(world.work))]
        choices += [("order", i) for i in range(len(undecided))]
        what, at = random.choice(choices)
        if what == "order":
            world.tell(undecided.pop(at), Ordered(key="want_accept"))
        elif what == "job":
            party, job = world.work.pop(at)
            expect_taken(world.tell(party, done(world.states[party], job)))
        else:
            to, told = world.mail[at]
            if repeats and random.random() < 0.3:
                repeats -= 1  # the acknowledgement was lost: the letter comes again
            else:
                world.mail.pop(at)
            expect_taken(world.tell(to, told), again=True)
        if restarts and random.random() < 0.1:
            restarts -= 1
            restart(world, random.choice(PARTIES))
        for party in PARTIES:
            never_too_early(world.states[party])
    return world


def expect_taken(taken, *, again: bool = False) -> None:
    assert taken.outcome.kind in (("applied", "duplicate") if again else ("applied",)), taken.outcome


def restart(world: World, party: int) -> None:
    """The state comes back from disk; what was running is started again."""
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(world.states[party]), type=VaultState)
    assert state == world.states[party]
    world.states[party] = state
    running = sorted((job for p, job in world.work if p == party), key=repr)
    assert sorted((action.job for action in pending(state)), key=repr) == running


def never_too_early(state: VaultState) -> None:
    """What protocol.md says must come before what, on every state anyone was ever in."""
    known, me, proposal = state.facts, state.me, state.proposal
    everyone = PARTIES

    def all_of(*names: str) -> bool:
        return set(names) <= known.keys()

    if "funded" in known:
        assert all_of(*(key("accept", p) for p in everyone))
    for g, k in evaluated_by(proposal, me):
        if key("kept", g, k) in known:
            assert all_of(*points_of(proposal), key("commitments", g, k))
    for g, k in garbled_by(proposal, me):
        if key("openings", g, k) in known:
            assert all_of(key("kept", g, k))
    for g, k in pairs(proposal):
        if proposal.graphs[g].claimant == me and key("presignatures", g, k) in known:
            assert len({known[key("digest", p)] for p in everyone}) == 1
    if key("nonces", me, 0) in known:
        assert len({known[key("digest", p)] for p in everyone}) == 1
        assert all_of(*(key("checked", *pair) for pair in evaluated_by(proposal, me)), "coins")
    if key("partials", me, 0) in known:
        assert all_of(*(key("nonces", p, i) for p in everyone for i in range(parts(proposal))))
    if key("ready", me) in known:
        assert all_of("presigned", *(key("answerable", *pair) for pair in answered_by(proposal, me)))
    if "prefund" in {item.name for item in agenda(state)}:
        assert len({known[key("ready", p)] for p in everyone}) == 1


@settings(max_examples=60, deadline=None)
@given(engine=ENGINES, seed=st.integers(0, 2**32), proposer=st.sampled_from(PARTIES))
def test_every_order_of_events_leads_to_the_same_living_vault(engine, seed, proposer):
    world = drive(World(engine=engine).begin(proposer), Random(seed))
    assert {stage(state) for state in world.states.values()} == {Stage.LIVE}
    assert all(state.jobs == () for state in world.states.values())
    assert world.closed == {}
    facts = [shared(state.facts) for state in world.states.values()]
    assert facts[0] == facts[1] == facts[2]
    expected = {p: digest(state) for p, state in ceremony(engine).states.items()}
    assert {p: digest(state) for p, state in world.states.items()} == expected


@settings(max_examples=30, deadline=None)
@given(engine=ENGINES, seed=st.integers(0, 2**32), data=st.data())
def test_a_deviation_anywhere_leaves_nobody_living_and_no_order_outstanding(engine, seed, data):
    """One party states another digest: everyone who hears it ends, in whatever order the letters come."""
    world, random = World(engine=engine).begin(), Random(seed)
    for party in PARTIES:
        world.tell(party, Ordered(key="want_accept"))
    liar = data.draw(st.sampled_from(PARTIES))
    while world.mail or world.work:
        pool = [("mail", i) for i in range(len(world.mail))] + [("work", i) for i in range(len(world.work))]
        what, at = random.choice(pool)
        if what == "work":
            party, job = world.work.pop(at)
            if world.states[party].end is None:
                world.tell(party, done(world.states[party], job))
            continue
        to, told = world.mail.pop(at)
        if told.key == key("digest", liar):
            told = Told(party=liar, key=told.key, value=made_up("lie"))
        world.tell(to, told)
    assert all(state.end is not None and state.end[0] == "aborted" for state in world.states.values())
    assert set(world.closed) == set(PARTIES)
    assert all("digest" in reason for reason in world.closed.values())


@settings(max_examples=30, deadline=None)
@given(engine=ENGINES, seed=st.integers(0, 2**32))
def test_whoever_ends_the_setup_nobody_is_left_with_a_vault_it_does_not_watch(engine, seed):
    """At a random moment a random party gives up. If the borrower can publish PreFund, then everyone still watches."""
    world, random = World(engine=engine).begin(), Random(seed)
    for party in PARTIES:
        world.tell(party, Ordered(key="want_accept"))
    moment = random.randrange(150)
    while world.mail or world.work:
        moment -= 1
        if moment == 0:
            quitter = random.choice(PARTIES)
            jobs = world.states[quitter].jobs
            gives_up = Ordered(key="want_abort", value=b"enough")
            if jobs and random.random() < 0.5:
                gives_up = Failed(job=random.choice(jobs), whose="ours", reason="disk full")
            world.tell(quitter, gives_up)
        pool = [("mail", i) for i in range(len(world.mail))] + [("work", i) for i in range(len(world.work))]
        what, at = random.choice(pool)
        if what == "work":
            party, job = world.work.pop(at)
            if job in world.states[party].jobs:
                world.tell(party, done(world.states[party], job))
        else:
            to, told = world.mail.pop(at)
            world.tell(to, told)
    borrower = world.states[BORROWER]
    funds = any(item.name == "prefund" for item in agenda(borrower))
    for party in PARTIES:
        state = world.states[party]
        assert state.end is None or party in world.closed
        if funds:
            assert state.end is None
            world.tell(party, block(100, "prefund"))
            assert stage(world.states[party]) is Stage.LIVE


@pytest.mark.parametrize("engine", sorted(KITS))
@pytest.mark.parametrize("me", [LENDER])
def test_a_party_that_was_away_catches_up(me, engine):
    """Every letter to one party waits until the others can do nothing more, then comes in the reverse order."""
    world = World(engine=engine).begin().accept()
    while True:
        waiting = [item for item in world.mail if item[0] == me]
        world.mail = [item for item in world.mail if item[0] != me]
        if not (world.mail or world.work):
            if not waiting:
                break
            for to, told in reversed(waiting):
                world.tell(to, told)
            continue
        world.work_off()
        world.mail += waiting
    assert {stage(state) for state in world.states.values()} == {Stage.LIVE}
    assert {p: digest(state) for p, state in world.states.items()} == {
        p: digest(state) for p, state in ceremony(engine).states.items()
    }
