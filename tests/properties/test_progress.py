"""Who keeps a setup waiting, in setups where some parties stop at any moment: everyone left names only those, and always one.

And who is left bound: nobody that a borrower does not free.
"""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from challenge.deadlines import bound, calls_off, stage
from challenge.events import Ordered, Stalled
from challenge.facts import KINDS, everyone, parse_key
from challenge.machine import step
from challenge.progress import STAGE_OF, awaited_from, progress
from challenge.rules import announcements, setup_rules, states
from challenge.states import Stage, VaultState
from tests.unit.challenge.ceremony import EVERY_KIT, World, ceremony, done


def run(world: World, random: Random, stops: dict[int, int], silent: set[int]) -> World:
    """Everything happens in some order until nothing can: `stops` says after how many steps a party does nothing more.

    What a stopped party had stated still arrives (its outbox was full of it, or it had left); it hears and does nothing.
    The operators of `silent` parties never accept.
    """
    undecided = [party for party in world.parties if party not in silent]
    steps = 0
    while True:
        gone = {party for party, at in stops.items() if steps >= at}
        world.work = [item for item in world.work if item[0] not in gone]
        world.mail = [item for item in world.mail if item[0] not in gone]
        undecided = [party for party in undecided if party not in gone]
        choices = [("letter", i) for i in range(len(world.mail))] + [("job", i) for i in range(len(world.work))]
        choices += [("order", i) for i in range(len(undecided))]
        if not choices:
            return world
        steps += 1
        what, at = random.choice(choices)
        if what == "order":
            party = undecided.pop(at)
            world.tell(party, Ordered(key="want_accept"))
        elif what == "job":
            party, job = world.work.pop(at)
            world.tell(party, done(world.states[party], job))
        else:
            party, told = world.mail.pop(at)
            world.tell(party, told)
        plausible(world.states[party])


def plausible(state: VaultState) -> None:
    """What is named is a fact of that party, that this one would hear and has not."""
    for party, owed in awaited_from(state).items():
        assert owed
        for name in owed:
            _, row, indices = parse_key(state.proposal, name)
            assert name not in state.facts
            assert row.author(state.proposal, indices) == party
            assert state.me == party or state.me in row.audience(state.proposal, indices)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), engine=st.sampled_from(["core", "babe", "babe", "loan"]), seed=st.integers(0, 2**32))
def test_in_every_unfinished_setup_those_who_stopped_are_named_and_nobody_else(data, engine, seed):
    parties = everyone(EVERY_KIT[engine].proposal)
    most = len(ceremony(engine).history)
    stopping = data.draw(st.sets(st.sampled_from(parties), max_size=len(parties) - 1))
    stops = {party: data.draw(st.integers(0, most)) for party in sorted(stopping)}
    silent = data.draw(st.sets(st.sampled_from(parties[1:]), max_size=1))  # the proposer has accepted by proposing
    world = run(World(engine=engine).begin(), Random(seed), stops, silent)
    owing = set(stops) | silent
    for party in parties:
        state = world.states[party]
        if party in stops or stage(state) is Stage.LIVE:
            continue
        named = awaited_from(state)
        assert named, "nobody is owed by anybody"
        assert set(named) <= owing
        assert state.jobs == ()


@settings(max_examples=25, deadline=None)
@given(data=st.data(), engine=st.sampled_from(["core", "babe", "loan"]), seed=st.integers(0, 2**32))
def test_one_party_that_stops_is_named_by_everyone_who_is_not_through(data, engine, seed):
    parties = everyone(EVERY_KIT[engine].proposal)
    lost = data.draw(st.sampled_from(parties))
    at = data.draw(st.integers(0, len(ceremony(engine).history)))
    world = run(World(engine=engine).begin(), Random(seed), {lost: at}, set())
    for party in parties:
        state = world.states[party]
        if party != lost and stage(state) is not Stage.LIVE:
            assert set(awaited_from(state)) == {lost}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), engine=st.sampled_from(["core", "babe", "loan"]), seed=st.integers(0, 2**32))
def test_whoever_is_bound_when_the_borrower_ends_the_setup_is_freed_by_it(data, engine, seed):
    """The borrower stops at any moment; the others go on with what it had stated until nothing more can happen."""
    most = len(ceremony(engine).history)
    stops = {0: data.draw(st.integers(0, most))}
    if data.draw(st.booleans()):
        stops[data.draw(st.sampled_from(everyone(EVERY_KIT[engine].proposal)[1:]))] = data.draw(st.integers(0, most))
    world = run(World(engine=engine).begin(), Random(seed), stops, set())
    ended = step(world.states.pop(0), Stalled(reason="too long")).state
    if any(bound(state) for state in world.states.values()):
        assert calls_off(ended) or stage(ended) is Stage.LIVE


def test_what_everyone_tells_is_counted_for_everyone_who_hears_it():
    """The counts of a whole setup, from the vocabulary alone: a second writing of `heard`."""
    for kit in EVERY_KIT.values():
        proposal = kit.proposal
        for me in everyone(proposal):
            rows = progress(VaultState(proposal=proposal, me=me, facts={}))
            for party, row in enumerate(rows):
                names = {name for rule in setup_rules(proposal, party) for name in states(proposal, party, rule)}
                names |= {name for name, _ in announcements(proposal, party)} | {f"accept/{party}"}
                heard = 0
                for name in names:
                    _, kind, indices = parse_key(proposal, name)
                    heard += me == party or me in kind.audience(proposal, indices)
                assert (row.party, row.stage, row.had, row.of) == (party, Stage.PROPOSED, 0, heard)


def test_every_fact_of_the_setup_has_its_stage():
    kinds = {
        name.partition("/")[0]
        for kit in EVERY_KIT.values()
        for party in everyone(kit.proposal)
        for rule in setup_rules(kit.proposal, party)
        for name in states(kit.proposal, party, rule)
    }
    assert kinds | {"accept", "drawn", "opened"} == STAGE_OF.keys()
    assert STAGE_OF.keys() <= KINDS.keys()


def test_progress_ends_with_everybody_live_and_never_goes_back():
    for engine in EVERY_KIT:
        order, before = list(Stage), {}
        for party, state in ceremony(engine).history:
            rows = [(order.index(row.stage), row.had) for row in progress(state)]
            for one, then in zip(rows, before.get(party, rows), strict=True):
                assert one >= then
            before[party] = rows
        for state in ceremony(engine).states.values():
            assert all(row.stage is Stage.LIVE and row.had == row.of for row in progress(state))
