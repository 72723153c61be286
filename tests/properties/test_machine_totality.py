"""Every State x Event pair is handled: no step raises, none is random, none is silent, and an end is an end.

States: every state the three parties pass through in a setup of either engine, ended ones, and living ones for every pair
of phases that two graphs can be in on chain, with challengers of engine babe wherever they can stand. Events: every
type; facts of every kind, by every author, with good, bad and hostile content.
"""

from functools import cache
from itertools import product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from challenge.actions import Close, Run, Send
from challenge.coins import armed, armed_stakes, free_stakes
from challenge.deadlines import agenda, awaited, due, settled, stage
from challenge.events import Done, Event, Failed, Halted, Mined, Ordered, Stalled, Told, Unmined
from challenge.facts import KINDS, everyone, fact_id, key, parts
from challenge.game import Answer, GraphPhase, SlotPhase, fold
from challenge.machine import Step, pending, step
from challenge.rules import live_rules, setup_rules
from challenge.states import Job, Seen, Stage, VaultState
from tests.unit.challenge.ceremony import (
    KIT,
    KITS,
    PARTIES,
    PROPOSAL,
    block,
    ceremony,
    done,
    kept_of,
    live,
    made_up,
    seen,
)
from vault.agreement import encode

OPEN = ("prefund", "vault")
GAMES = (
    (),
    ("{g}/claim",),
    ("{g}/claim", "{g}/contest"),
    ("{g}/claim", "{g}/contest", "{g}/assert"),
    ("{g}/claim", "{g}/contest", "{g}/assert", "{g}/disprove/2"),
    ("{g}/claim", "{g}/contest", "{g}/assert", "{g}/contested_payout"),
    ("{g}/claim", "{g}/contest", "{g}/no_assert"),
    ("{g}/claim", "{g}/uncontested_payout"),
    ("{g}/claim", "{g}/foreign/payout"),
    ("{g}/foreign/bond",),
)
ANSWERS = (
    ("{g}/reveal/2",),
    ("{g}/reveal/2", "{g}/refute/2"),
    ("{g}/reveal/2", "{g}/foreign/refute/2"),
    ("{g}/reveal/2", "{g}/no_payout/2"),
    ("{g}/reveal/2", "{g}/contested_payout", "{g}/stake_back/2"),
    ("{g}/foreign/stake/2",),
    ("{g}/foreign/arena/2",),
)
ASSERTED = ("{g}/claim", "{g}/contest", "{g}/assert")
BABE_GAMES = tuple(tuple(name.replace("disprove/2", "reveal/2") for name in game) for game in GAMES)
KILLED = (*ASSERTED, "{g}/reveal/2", "{g}/no_payout/2")


def plays(games, *alone) -> tuple[tuple[str, ...], ...]:
    """What a chain can hold: of the setup, every pair of games, and some beside a graph that nobody claims."""
    pairs = [*product(games, games), *((game, ()) for game in alone)]
    return (*ENDS, *((*OPEN, *(n.format(g=0) for n in a), *(n.format(g=1) for n in b)) for a, b in pairs))


ENDS = (
    (),
    ("prefund",),
    ("prefund", "refund/0"),
    ("foreign/prefund_input",),
    OPEN,
    (*OPEN, "repay/0", "foreign/vault/1"),
)
PLAYS = {"core": plays(GAMES), "babe": plays((*BABE_GAMES, KILLED), *((*ASSERTED, *answer) for answer in ANSWERS))}


def log_of(names) -> tuple[Seen, ...]:
    return tuple(seen(100 + i, name) for i, name in enumerate(names))


@cache
def states() -> tuple[VaultState, ...]:
    """Of every party: all of a setup, all combinations of phases, and every kind of end."""
    found = [state for engine in KITS for _, state in ceremony(engine).history]
    for engine, chains in PLAYS.items():
        for me in PARTIES:
            found += [msgspec.structs.replace(live(me, engine), log=log_of(names)) for names in chains]
    some = found[:: max(1, len(found) // 40)]
    found += [step(state, Halted(reason="stop")).state for state in some]
    found += [step(state, Ordered(key="want_abort", value=b"stop")).state for state in some]
    return tuple(found)


ALL = states()
ENDED = tuple(state for state in ALL if state.end is not None)
JOBS = (
    *dict.fromkeys(
        rule.job
        for kit in KITS.values()
        for me in PARTIES
        for rule in (*setup_rules(kit.proposal, me), *live_rules(kit.proposal, me))
    ),
    *(Job(kind="evaluate", indices=(g,), ref=seen(1, f"{g}/assert").raw) for g in (0, 1)),
    *(Job(kind="decrypt", indices=(g, 2), ref=seen(1, f"{g}/reveal/2").raw) for g in (0, 1)),
)
GOOD = {key("keys", p): encode(KIT.keys_of(p)) for p in PARTIES} | {
    key("release", s): KIT.r(s) for s in range(len(PROPOSAL.slots))
}


def test_the_states_are_every_stage_and_every_phase():
    assert {stage(state) for state in ALL} == set(Stage)
    views = [fold(state.proposal, state.log) for state in ALL]
    for engine in KITS:
        pairs = {
            tuple(game.phase for game in view.graphs)
            for state, view in zip(ALL, views, strict=True)
            if state.proposal is KITS[engine].proposal
        }
        assert pairs == {(a, b) for a in GraphPhase for b in GraphPhase}
    assert {answer for view in views for game in view.graphs for answer in game.answers.values()} == set(Answer)
    assert {slot.phase for view in views for slot in view.slots} == set(SlotPhase)


def keys_of(name: str) -> st.SearchStrategy[str]:
    bounds = {"p": len(PARTIES), "k": len(PARTIES), "g": 2, "s": 2, "i": parts(PROPOSAL), "x": 2, "f": 2}
    return st.tuples(*(st.integers(0, bounds[letter] - 1) for letter in KINDS[name].indices)).map(
        lambda indices: key(name, *indices)
    )


def values(name: str) -> st.SearchStrategy[bytes]:
    """What the ceremony said, what another could say, and rubbish."""
    said = SAID.get(name, set())
    limit = KINDS[name.split("/")[0]].limit if name.split("/")[0] in KINDS else 0
    good = {GOOD[name]} if name in GOOD else set()
    kept = {kept_of(0), kept_of(0, 1)} if name.startswith("kept/") else set()
    fixed = {b"", b"\x00", b"\x01", bytes(32), b"\xc1" * 33, made_up(name), bytes(limit + 1)} | said | good | kept
    return st.sampled_from(sorted(fixed)) | st.binary(max_size=64)


SAID: dict[str, set[bytes]] = {}
for _state in ALL:
    for _name, _value in _state.facts.items():
        SAID.setdefault(_name, set()).add(_value)
KEYS = st.sampled_from(sorted(KINDS)).flatmap(keys_of)
HOSTILE = st.text(max_size=40) | st.sampled_from(
    ["keys/9", "nonces/0/99", "points/-1", "kept/0/0", "/", "accept/\ud800"]
)
STATED = (KEYS | HOSTILE).flatmap(lambda name: st.tuples(st.just(name), values(name)))
AUTHORS = st.integers(-3, len(PARTIES))
NAMES = st.sampled_from(
    sorted(
        {
            *(name for kit in KITS.values() for name in kit.graph.templates),
            *(name for chains in PLAYS.values() for play in chains for name in play),
            "foreign/prefund/1",
            "0/foreign/arena/1",
        }
    )
) | st.sampled_from(["7/claim", "refund/9", "nonsense", "0/nonsense", "", "0", "0/1"])
HEIGHTS = st.integers(0, 130)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(lambda party, fact: Told(party=party, key=fact[0], value=fact[1]), AUTHORS, STATED),
    st.builds(lambda fact: Ordered(key=fact[0], value=fact[1]), STATED),
    st.builds(
        lambda job, facts: Done(job=job, facts=facts), st.sampled_from(JOBS), st.lists(STATED, max_size=3).map(tuple)
    ),
    st.builds(Failed, job=st.sampled_from(JOBS), whose=st.sampled_from(["peer", "ours"]), reason=st.text(max_size=20)),
    st.builds(lambda height, names: block(height, *names), HEIGHTS, st.lists(NAMES, max_size=3)),
    st.builds(Unmined, height=HEIGHTS),
    st.builds(Stalled, reason=st.text(min_size=1, max_size=20)),
    st.builds(Halted, reason=st.text(min_size=1, max_size=20)),
)


def fitting(state: VaultState) -> st.SearchStrategy[Event]:
    """Events that have a chance: ends of open jobs, facts by their author."""
    ends = [done(state, job) for job in state.jobs]
    fails = [Failed(job=job, whose=whose, reason="x") for job in state.jobs for whose in ("peer", "ours")]
    letters = [
        Told(party=party, key=name, value=other.facts[name])
        for other in (ceremony(state.proposal.graphs[0].engine).states[p] for p in PARTIES)
        for name in other.facts
        for party in PARTIES
        if not KINDS[name.split("/")[0]].bulk
    ]
    return st.sampled_from([*ends, *fails, *letters])


def check_total(state: VaultState, event: Event) -> Step:
    before = msgspec.msgpack.encode(state)
    first, second = step(state, event), step(state, event)
    assert first == second  # deterministic
    assert msgspec.msgpack.encode(state) == before  # and pure
    outcome = first.outcome
    if outcome.kind in ("refused", "duplicate", "early", "alarm"):
        assert outcome.reason
    if outcome.kind == "applied":
        assert first.state != state  # no silent acceptance
    if outcome.kind in ("refused", "early"):
        assert (first.state, first.actions, dict(first.blobs)) == (state, (), {})
    if state.end is not None:
        assert outcome.kind == "refused"
    check_step(first)
    return first


def check_step(taken: Step) -> None:
    after = taken.state
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(after), type=VaultState) == after
    assert all(fact_id(value) == name for name, value in taken.blobs.items())
    assert len(set(after.jobs)) == len(after.jobs)
    for action in taken.actions:
        match action:
            case Send(to=to, key=name):
                assert to in everyone(PROPOSAL)
                assert to != after.me
                assert name in after.facts
            case Run(job=job):
                assert job in after.jobs
            case Close(reason=reason):
                assert after.end == ("aborted", reason)
    for action in pending(after):
        assert isinstance(action, Run) or after.end is not None
    agenda(after), due(after, 10**6), awaited(after), armed(after), armed_stakes(after), free_stakes(after, 10**6)
    if after.log:
        settled(after, 10**6, 10)


@settings(max_examples=1500, deadline=None)
@given(state=st.sampled_from(ALL), event=EVENTS)
def test_no_event_in_no_state_raises_is_random_or_silent(state, event):
    check_total(state, event)


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_neither_does_an_event_that_fits(data):
    state = data.draw(st.sampled_from(ALL))
    check_total(state, data.draw(fitting(state)))


@settings(max_examples=150, deadline=None)
@given(state=st.sampled_from(ALL), events=st.lists(EVENTS, max_size=12))
def test_nor_any_run_of_events(state, events):
    for event in events:
        state = check_total(state, event).state


@settings(max_examples=300, deadline=None)
@given(state=st.sampled_from(ENDED), event=EVENTS)
def test_an_ended_vault_refuses_everything_and_does_not_change(state, event):
    taken = step(state, event)
    assert taken.outcome.kind == "refused"
    assert (taken.state, taken.actions) == (state, ())


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_kind_of_fact_by_every_author_at_every_stage(name):
    """Exhaustive where the random tests sample: kinds x authors x indices x stages, with empty and 32-byte content."""
    places = {(state.proposal.proposal_id, state.me, stage(state)): state for state in reversed(ALL)}.values()
    bounds = {"p": 3, "k": 3, "g": 2, "s": 2, "i": 3, "x": 1, "f": 1}
    texts = [name]
    for letter in KINDS[name].indices:
        texts = [f"{text}/{i}" for text in texts for i in range(bounds[letter])]
    for state in places:
        for text in texts:
            for value in (b"", bytes(32)):
                for party in range(-3, 4):
                    check_total(state, Told(party=party, key=text, value=value))
                check_total(state, Ordered(key=text, value=value))


def test_every_state_reads_back_exactly():
    for state in ALL:
        raw = msgspec.msgpack.encode(state)
        back = msgspec.msgpack.decode(raw, type=VaultState)
        assert back == state
        assert msgspec.msgpack.encode(back) == raw


def test_every_event_of_a_block_in_every_combination_of_phases():
    """Exhaustive: every transaction of the vault and of strangers, in every state of the chain."""
    names = {
        engine: sorted({*kit.graph.templates, *(name for play in PLAYS[engine] for name in play)})
        for engine, kit in KITS.items()
    }
    for state in (each for each in ALL if each.me == 1 and stage(each) is Stage.LIVE):
        height = state.log[-1].height if state.log else 100
        for name in names[state.proposal.graphs[0].engine]:
            taken = check_total(state, Mined(height=height + 1, block=bytes(32), seen=(seen(height + 1, name),)))
            assert taken.outcome.kind in ("applied", "alarm")
