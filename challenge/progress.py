"""How far every party of a setup is, as this one hears it, and who keeps it waiting.

Promise: pure functions of the state. `awaited_from` names a party only for facts that it can state, given what must have been
stated already; of a party that itself waits for another one it says nothing. Some facts go to one party alone; whether they
were stated follows from what their author told everyone: a job states all its facts at once, a fact stands for all that its
job needed, and `drawn` and `opened` say what no other public fact says.
This module does NOT know time, connections, or whether what was stated has arrived (`node.stall`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from challenge.deadlines import stage
from challenge.facts import KINDS, claimant_of, everyone, key, parse_key
from challenge.rules import KNOWN, announcements, setup_rules, states
from challenge.states import SETUP_OVER, Stage, VaultState
from vault.pairs import garbler_of
from vault.terms import Proposal

STAGE_OF: Final[Mapping[str, Stage]] = {
    "accept": Stage.PROPOSED,
    "funded": Stage.FUNDING,
    "keys": Stage.KEYS,
    "coins": Stage.POINTS,
    "points": Stage.POINTS,
    "answers": Stage.POINTS,
    "commitments": Stage.POINTS,
    "kept": Stage.OPENING,
    "drawn": Stage.OPENING,
    "openings": Stage.OPENING,
    "opened": Stage.OPENING,
    "checked": Stage.OPENING,
    "digest": Stage.DIGEST,
    "nonces": Stage.NONCES,
    "presignatures": Stage.PARTIALS,
    "answerable": Stage.PARTIALS,
    "partials": Stage.PARTIALS,
    "presigned": Stage.PARTIALS,
    "ready": Stage.READY,
}
"""The stage at which a party is that has still to state a fact of this kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyProgress:
    """One party: the stage at which it is as far as we heard, and how many of the facts that we hear from it are here."""

    party: int
    stage: Stage
    had: int
    of: int


Fact = tuple[str, int]
"""A fact and, when it is a job's own and goes to nobody, the party whose job it is; else -1."""


@dataclass(frozen=True, slots=True)
class _Work:
    """One thing that a party does: when all of `after` is known, it states all of `told` at once."""

    after: frozenset[Fact]
    told: frozenset[Fact]


@dataclass(frozen=True, slots=True)
class _Tables:
    """What follows from the proposal, for one listener: every party's work, and the facts it states that we hear."""

    works: tuple[tuple[_Work, ...], ...]
    heard: tuple[frozenset[str], ...]


def awaited_from(state: VaultState) -> Mapping[int, tuple[str, ...]]:
    """Party -> the facts that it owes now; empty when the setup is over. Of ourselves only `accept`, our operator's."""
    if stage(state) in SETUP_OVER:
        return {}
    tables = _tables(state.proposal, state.me)
    known = _stated(state, tables)
    found: dict[int, tuple[str, ...]] = {}
    for party in everyone(state.proposal):
        owed = _owed(known, tables.works[party], tables.heard[party])
        if party == state.me:
            owed &= {key("accept", party)}
        if owed:
            found[party] = tuple(sorted(owed, key=_in_order))
    return found


def served_by(state: VaultState) -> Mapping[int, tuple[str, ...]]:
    """Party -> the facts that name an artifact of its which a job of ours may still be fetching."""
    found: dict[int, tuple[str, ...]] = {}
    for job in state.jobs:
        match job.kind, job.indices:
            case "check", (g, k):
                owner, name = garbler_of(state.proposal, g, k), key("openings", g, k)
            case "accept", (g,):
                owner, name = claimant_of(state.proposal, g), key("presignatures", g, state.me)
            case _:
                continue
        found[owner] = (*found.get(owner, ()), name)
    return found


def progress(state: VaultState) -> tuple[PartyProgress, ...]:
    """One entry a party, in their order."""
    facts, rows = _tables(state.proposal, state.me).heard, []
    order = list(Stage)
    for party, expected in enumerate(facts):
        missing = [STAGE_OF[_kind(name)] for name in expected - state.facts.keys()]
        at = min(missing, key=order.index, default=Stage.LIVE)
        rows.append(PartyProgress(party=party, stage=at, had=len(expected & state.facts.keys()), of=len(expected)))
    return tuple(rows)


def _kind(name: str) -> str:
    return name.partition("/")[0]


def _in_order(name: str) -> tuple[int, str]:
    return list(KINDS).index(_kind(name)), name


def _owed(known: set[Fact], works: tuple[_Work, ...], heard: frozenset[str]) -> set[str]:
    """What a party can state and we would have heard. What we would not hear of, it is taken to have done by itself."""
    done, owed, moved = set(known), set[str](), True
    while moved:
        moved = False
        for work in works:
            if work.told <= done or not work.after <= done:
                continue
            public = {name for name, _ in work.told - done if name in heard}
            quiet = {fact for fact in work.told - done if fact[0] not in heard}
            owed |= public
            if quiet and not public:
                done |= quiet
                moved = True
    return owed


def _stated(state: VaultState, tables: _Tables) -> set[Fact]:
    """Every fact that must have been stated, by whomever: ours, and what they stand for."""
    known = {(name, _owner(state.proposal, name, state.me)) for name in state.facts}
    every = [work for works in tables.works for work in reversed(works)]
    moved = True
    while moved:
        moved = False
        for work in every:
            more = work.told | work.after
            if not work.told.isdisjoint(known) and not more <= known:
                known |= more
                moved = True
    return known


def _owner(proposal: Proposal, name: str, party: int) -> int:
    """`party` for a fact that its job states to nobody, else -1."""
    _, row, indices = parse_key(proposal, name)
    return -1 if row.audience(proposal, indices) else party


@lru_cache(maxsize=KNOWN)
def _tables(proposal: Proposal, me: int) -> _Tables:
    alone: dict[str, bool] = {}  # the same names, and the same sets of them, come up in hundreds of rules
    works, heard = [], []
    for party in everyone(proposal):
        seen: dict[frozenset[str], frozenset[Fact]] = {}

        def mine(
            names: frozenset[str], party: int = party, seen: dict[frozenset[str], frozenset[Fact]] = seen
        ) -> frozenset[Fact]:
            if names not in seen:
                for name in names - alone.keys():
                    alone[name] = _owner(proposal, name, 0) == 0
                seen[names] = frozenset((name, party if alone[name] else -1) for name in names)
            return seen[names]

        does = (
            _Work(frozenset(), frozenset({(key("accept", party), -1)})),
            *(
                _Work(mine(rule.after), mine(frozenset(states(proposal, party, rule))))
                for rule in setup_rules(proposal, party)
            ),
            *(_Work(mine(after), frozenset({(name, -1)})) for name, after in announcements(proposal, party)),
        )
        names = {name for work in does for name, _ in work.told}
        works.append(does)
        heard.append(frozenset(name for name in names if party == me or _hears(proposal, name, me)))
    return _Tables(tuple(works), tuple(heard))


def _hears(proposal: Proposal, name: str, me: int) -> bool:
    _, row, indices = parse_key(proposal, name)
    return me in row.audience(proposal, indices)
