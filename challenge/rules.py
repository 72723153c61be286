"""Which job runs once which facts are known: the whole ceremony as a table of data flow.

Promise: the order of protocol.md follows from the `after` column alone. A job starts when everything it needs has been
stated and its result has not; so a restart, a late message or an early one need no special case.
This module does NOT know how a job is done (node/work) nor how facts travel.
"""

from dataclasses import dataclass

from challenge.facts import challengers_of, claimant_of, everyone, key, parts, party_with
from challenge.states import Job, Stage
from vault.terms import Proposal


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


def milestones(proposal: Proposal, me: int) -> tuple[tuple[Stage, frozenset[str]], ...]:
    """For each stage of the setup, in order, the facts that end it for party `me`."""
    everybody = everyone(proposal)
    graphs = range(len(proposal.graphs))
    mine, others = claimed_by(proposal, me), contested_by(proposal, me)
    opened = {key("openings", g, k) for g in mine for k in challengers_of(proposal, g)}

    def of_all(kind: str) -> set[str]:
        return {key(kind, p) for p in everybody}

    def of_all_parts(kind: str) -> set[str]:
        return {key(kind, p, i) for p in everybody for i in range(parts(proposal))}

    ends: tuple[tuple[Stage, set[str]], ...] = (
        (Stage.PROPOSED, of_all("accept")),
        (Stage.FUNDING, {"funded"}),
        (Stage.KEYS, of_all("keys")),
        (Stage.POINTS, {key("points", g) for g in graphs} | {key("commitments", g, me) for g in others} | {"coins"}),
        (Stage.OPENING, {key("checked", g) for g in others} | opened),
        (Stage.DIGEST, of_all("digest")),
        (Stage.NONCES, of_all_parts("nonces")),
        (Stage.PARTIALS, of_all_parts("partials") | {"presigned"}),
        (Stage.READY, of_all("ready")),
    )
    return tuple((stage, frozenset(facts)) for stage, facts in ends)


def setup_rules(proposal: Proposal, me: int) -> tuple[Rule, ...]:
    """The ceremony of party `me`, in the order of protocol.md."""
    ends = dict(milestones(proposal, me))
    mine, others = claimed_by(proposal, me), contested_by(proposal, me)
    all_partials = frozenset(k for k in ends[Stage.PARTIALS] if k != "presigned")
    return (
        Rule(Job(kind="fund"), ends[Stage.PROPOSED], "funded"),
        Rule(Job(kind="keys"), ends[Stage.PROPOSED] | {"funded"}, key("keys", me)),
        Rule(Job(kind="coins"), ends[Stage.KEYS], "coins"),
        *(Rule(Job(kind="commit", indices=(g,)), ends[Stage.KEYS] | {"funded"}, key("points", g)) for g in mine),
        *(Rule(Job(kind="draw", indices=(g,)), ends[Stage.POINTS], key("kept", g, me)) for g in others),
        *(
            Rule(
                Job(kind="open", indices=(g, k)),
                frozenset({key("kept", g, k), key("points", g)}),
                key("openings", g, k),
            )
            for g in mine
            for k in challengers_of(proposal, g)
        ),
        *(
            Rule(
                Job(kind="check", indices=(g,)),
                frozenset({key("openings", g, me), key("kept", g, me)}),
                key("checked", g),
            )
            for g in others
        ),
        Rule(Job(kind="derive"), ends[Stage.POINTS] | ends[Stage.OPENING], key("digest", me)),
        Rule(Job(kind="nonces"), ends[Stage.DIGEST], key("nonces", me, 0)),
        Rule(Job(kind="sign"), ends[Stage.NONCES], key("partials", me, 0)),
        Rule(Job(kind="aggregate"), all_partials, "presigned"),
    )


def live_rules(proposal: Proposal, me: int) -> tuple[Rule, ...]:
    """Jobs of a living vault that follow from facts (evaluation follows from the chain: see `machine`)."""
    if party_with(proposal, "lender") != me:
        return ()
    return tuple(
        Rule(
            Job(kind="reveal", indices=(s,)),
            frozenset({key("want_release", s), key("ask_release", s)}),
            key("release", s),
        )
        for s in range(len(proposal.slots))
    )
