"""Which job runs once which facts are known: the whole ceremony as a table of data flow.

Promise: the order of protocol.md follows from the `after` column alone. A job starts when everything it needs has been
stated and its result has not; so a restart, a late message or an early one need no special case.
This module does NOT know how a job is done (node/work) nor how facts travel.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from challenge.facts import (
    challengers_of,
    claimant_of,
    everyone,
    has,
    key,
    parts,
    party_with,
)
from challenge.states import Job, Stage
from vault.pairs import evaluator_of, garbler_of
from vault.terms import Proposal

KNOWN = 256
"""Vaults whose tables are kept: they follow from the proposal alone, and every event asks for them several times."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`job` runs when every fact in `after` is known and `yields` is not."""

    job: Job
    after: frozenset[str]
    yields: str


def claimed_by(proposal: Proposal, me: int) -> tuple[int, ...]:
    """The graphs in which party `me` is the claimant."""
    return tuple(g for g in range(len(proposal.graphs)) if claimant_of(proposal, g) == me)


def contested_by(proposal: Proposal, me: int) -> tuple[int, ...]:
    """The graphs that party `me` may challenge."""
    return tuple(g for g in range(len(proposal.graphs)) if claimant_of(proposal, g) != me)


def pairs(proposal: Proposal) -> tuple[tuple[int, int], ...]:
    """Every (graph, challenger): between the claimant and each challenger one garbles and the other evaluates."""
    return tuple((g, k) for g in range(len(proposal.graphs)) for k in challengers_of(proposal, g))


def garbled_by(proposal: Proposal, me: int) -> tuple[tuple[int, int], ...]:
    """The pairs for which party `me` garbles."""
    return tuple(pair for pair in pairs(proposal) if garbler_of(proposal, *pair) == me)


def evaluated_by(proposal: Proposal, me: int) -> tuple[tuple[int, int], ...]:
    """The pairs for which party `me` checks, keeps and evaluates."""
    return tuple(pair for pair in pairs(proposal) if evaluator_of(proposal, *pair) == me)


def answered_by(proposal: Proposal, me: int) -> tuple[tuple[int, int], ...]:
    """The pairs whose challenger is party `me` and answers with digits of its own (engine babe)."""
    return tuple((g, k) for g, k in pairs(proposal) if k == me and has(proposal, g, "answers"))


def points_of(proposal: Proposal) -> set[str]:
    """The facts from which the engine points of every graph follow."""
    claimed = {key("points", g) for g in range(len(proposal.graphs))}
    return claimed | {key("answers", g, k) for g, k in pairs(proposal) if has(proposal, g, "answers")}


@lru_cache(maxsize=KNOWN)
def milestones(proposal: Proposal, me: int) -> tuple[tuple[Stage, frozenset[str]], ...]:
    """For each stage of the setup, in order, the facts that end it for party `me`."""
    everybody = everyone(proposal)
    garbled = {key("openings", *pair) for pair in garbled_by(proposal, me)}
    evaluated = evaluated_by(proposal, me)

    def of_all(kind: str) -> set[str]:
        return {key(kind, p) for p in everybody}

    def of_all_parts(kind: str) -> set[str]:
        return {key(kind, p, i) for p in everybody for i in range(parts(proposal))}

    ends: tuple[tuple[Stage, set[str]], ...] = (
        (Stage.PROPOSED, of_all("accept")),
        (Stage.FUNDING, {"funded"}),
        (Stage.KEYS, of_all("keys")),
        (Stage.POINTS, points_of(proposal) | {key("commitments", *pair) for pair in evaluated} | {"coins"}),
        (Stage.OPENING, {key("checked", *pair) for pair in evaluated} | garbled),
        (Stage.DIGEST, of_all("digest")),
        (Stage.NONCES, of_all_parts("nonces")),
        (
            Stage.PARTIALS,
            of_all_parts("partials") | {key("answerable", *pair) for pair in answered_by(proposal, me)} | {"presigned"},
        ),
        (Stage.READY, of_all("ready")),
    )
    return tuple((stage, frozenset(facts)) for stage, facts in ends)


@lru_cache(maxsize=KNOWN)
def setup_rules(proposal: Proposal, me: int) -> tuple[Rule, ...]:
    """The ceremony of party `me`, in the order of protocol.md."""
    ends = dict(milestones(proposal, me))
    return (
        Rule(Job(kind="fund"), ends[Stage.PROPOSED], "funded"),
        Rule(Job(kind="keys"), ends[Stage.PROPOSED] | {"funded"}, key("keys", me)),
        Rule(Job(kind="coins"), ends[Stage.KEYS], "coins"),
        *_garbling(proposal, me, ends),
        Rule(Job(kind="derive"), ends[Stage.POINTS] | ends[Stage.OPENING], key("digest", me)),
        *_answering(proposal, me, ends[Stage.DIGEST]),
        Rule(Job(kind="nonces"), ends[Stage.DIGEST], key("nonces", me, 0)),
        Rule(Job(kind="sign"), ends[Stage.NONCES], key("partials", me, 0)),
        Rule(Job(kind="aggregate"), ends[Stage.PARTIALS] - {"presigned"}, "presigned"),
    )


def states(proposal: Proposal, me: int, rule: Rule) -> tuple[str, ...]:
    """Every fact that the job of a rule of the setup states, all at once; `rule.yields` is one of them."""
    match rule.job.kind, rule.job.indices:
        case "commit", (g,):
            towards = (pair for pair in garbled_by(proposal, me) if pair[0] == g)
            return (rule.yields, *(key("commitments", *pair) for pair in towards))
        case "garble", (g,):
            return (rule.yields, key("commitments", g, me))
        case "answer", (g,):
            return tuple(key("presignatures", g, k) for k in challengers_of(proposal, g))
        case "nonces", ():
            return tuple(key("nonces", me, i) for i in range(parts(proposal)))
        case "sign", ():
            return tuple(key("partials", me, i) for i in range(parts(proposal)))
        case "aggregate", ():
            return rule.yields, key("ready", me)
        case _:
            return (rule.yields,)


def _garbling(proposal: Proposal, me: int, ends: Mapping[Stage, frozenset[str]]) -> Iterator[Rule]:
    """Points and commitments, kept sets after all commitments, openings, checks."""
    start = ends[Stage.KEYS] | {"funded"}
    for g in claimed_by(proposal, me):
        yield Rule(Job(kind="commit", indices=(g,)), start, key("points", g))
    for g, k in answered_by(proposal, me):
        yield Rule(Job(kind="garble", indices=(g,)), start, key("answers", g, k))
    for pair in evaluated_by(proposal, me):
        yield Rule(Job(kind="draw", indices=pair), ends[Stage.POINTS], key("kept", *pair))
    for g, k in garbled_by(proposal, me):
        own = key("answers", g, k) if k == me else key("points", g)
        yield Rule(Job(kind="open", indices=(g, k)), frozenset({key("kept", g, k), own}), key("openings", g, k))
    for pair in evaluated_by(proposal, me):
        needed = frozenset({key("openings", *pair), key("kept", *pair)})
        yield Rule(Job(kind="check", indices=pair), needed, key("checked", *pair))


def _answering(proposal: Proposal, me: int, agreed: frozenset[str]) -> Iterator[Rule]:
    """What lets a challenger reveal: the claimant's presignatures over transactions that all have agreed upon."""
    for g in claimed_by(proposal, me):
        if has(proposal, g, "presignatures"):
            first = challengers_of(proposal, g)[0]
            yield Rule(Job(kind="answer", indices=(g,)), agreed, key("presignatures", g, first))
    for g, k in answered_by(proposal, me):
        needed = agreed | {key("presignatures", g, k)}
        yield Rule(Job(kind="accept", indices=(g,)), needed, key("answerable", g, k))


@lru_cache(maxsize=KNOWN)
def announcements(proposal: Proposal, me: int) -> tuple[tuple[str, frozenset[str]], ...]:
    """What party `me` tells everyone as soon as it has stated all of this: who waits for whom is plain to all then."""
    told = (
        (key("drawn", me), frozenset(key("kept", *pair) for pair in evaluated_by(proposal, me))),
        (key("opened", me), frozenset(key("openings", *pair) for pair in garbled_by(proposal, me))),
    )
    return tuple((name, after) for name, after in told if after)


@lru_cache(maxsize=KNOWN)
def live_rules(proposal: Proposal, me: int) -> tuple[Rule, ...]:
    """Jobs of a living vault that follow from facts (what follows from the chain: see `machine`)."""
    verified = tuple(
        Rule(Job(kind="verify", indices=(g,)), frozenset({key("proof", g)}), key("proven", g))
        for g, _ in answered_by(proposal, me)
    )
    if party_with(proposal, "lender") != me:
        return verified
    repaid = tuple(
        Rule(
            Job(kind="reveal", indices=(s,)),
            frozenset({key("want_release", s), key("ask_release", s)}),
            key("release", s),
        )
        for s in range(len(proposal.slots))
    )
    paid = tuple(
        Rule(Job(kind="let", indices=(f,)), frozenset({key("want_fast_release", f)}), key("fast_release", f))
        for f in range(len(proposal.fast))
    )
    return verified + repaid + paid
