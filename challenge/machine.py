"""The machine of one vault: step(state, event) -> Step. Start reading here.

A vault is an agreed proposal, a set of facts, and a log of transactions. Four things change it:

* a fact is stated (Told by a peer, Ordered by the operator, Done by a job). Facts never change: the same again is a
  duplicate, another value under the same key is a deviation, which during setup ends the setup with the field named.
* a block holds transactions of the vault, or leaves the chain (Mined, Unmined): the log grows or shrinks.
* a job fails (Failed): the setup ends; in a living vault the job stays open and the operator is told.
* the node gives up: a setup that waits too long for somebody, or whose proposal is refused (Stalled), a vault it cannot
  follow (Halted).

After each of them the table of `rules` says which jobs may start; `deadlines.due` says what to publish. No clock, no
randomness, no I/O: the same events give the same state on every machine. A step never refuses silently: its `outcome`
says applied, duplicate, early (try again later), refused or alarm, with the reason. An ended vault refuses everything.

The setup ends only while nobody can be hurt by it. A party that said `ready` keeps its presignatures and watches: the
borrower may hold every `ready` and publish PreFund. What would have ended the setup raises an alarm instead. It is free when
a PreFund input is spent elsewhere: a borrower whose setup ends sees to that (`deadlines.calls_off`).
"""

from collections.abc import Mapping
from typing import Literal, assert_never

import msgspec

from challenge.actions import Action, Close, Run, Send
from challenge.answers import decryptions, evaluations
from challenge.checks import check_fact
from challenge.deadlines import bound, stage
from challenge.events import Done, Event, Failed, Halted, Mined, Ordered, Stalled, Told, Unmined
from challenge.facts import (
    JOB,
    KINDS,
    NOBODY,
    OPERATOR,
    SPOKEN,
    Kind,
    When,
    claimant_of,
    everyone,
    fact_id,
    has,
    key,
    parse_key,
)
from challenge.faults import Deviation, Early, Refused
from challenge.game import Impossible, fold, forget
from challenge.rules import announcements, live_rules, setup_rules
from challenge.states import Job, Stage, VaultState
from vault.terms import Proposal


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the event. `reason` is for a person: whose fault, what was expected, what came."""

    kind: Literal["applied", "duplicate", "early", "refused", "alarm"]
    reason: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """The next state, what to do, and the bulk values to store beside the state (by `facts.fact_id`)."""

    state: VaultState
    actions: tuple[Action, ...]
    blobs: Mapping[bytes, bytes]
    outcome: Outcome


DERIVED = {"want_accept": "accept", "want_repay": "ask_release", "want_claim": "proof"}
"""An order of the operator that makes this node state a fact of its own, with the same content, to its peers."""
FROM_CHAIN = frozenset({"evaluate", "decrypt"})
"""Jobs about a witness that the chain holds: open only while it does."""
REASON = KINDS["abort"].limit
WATCHING = (
    "this party has said ready, so it keeps the presignatures and watches until a PreFund input is spent elsewhere"
)


def begin(proposal: Proposal, *, me: int, proposer: int) -> Step:
    """A new vault as party `me` sees it. The proposer has thereby accepted; it sends the proposal to everyone else."""
    state = VaultState(proposal=proposal, me=me, facts={key("accept", proposer): b""})
    sends = [Send(to=p, key="propose") for p in everyone(proposal) if p != me] if me == proposer else []
    return Step(state=state, actions=tuple(sends), blobs={}, outcome=Outcome(kind="applied"))


def step(state: VaultState, event: Event) -> Step:
    """Apply one event. Never raises on what a peer, the operator or the chain may send."""
    if state.end is not None:
        return _unchanged(state, Outcome(kind="refused", reason=f"this vault is {state.end[0]}: {state.end[1]}"))
    try:
        match event:
            case Told(party=party, key=name, value=value):
                return _told(state, party, name, value)
            case Ordered(key=name, value=value):
                return _stated(state, OPERATOR, ((name, value),))
            case Done(job=job, facts=facts):
                return _done(state, job, facts)
            case Failed(job=job, whose=whose, reason=reason):
                return _failed(state, job, whose, reason)
            case Mined():
                return _mined(state, event)
            case Unmined(height=height):
                return _unmined(state, height)
            case Stalled(reason=reason):
                return _abort(state, reason)
            case Halted(reason=reason):
                return _halted(state, reason)
            case _:
                assert_never(event)
    except Early as early:
        return _unchanged(state, Outcome(kind="early", reason=early.reason))
    except Refused as refusal:
        return _unchanged(state, Outcome(kind="refused", reason=refusal.reason))
    except Deviation as deviation:
        return _abort(state, deviation.reason)


def pending(state: VaultState) -> tuple[Action, ...]:
    """The open actions of a state that was read back from disk; what was to be sent is in the outbox."""
    if state.end is not None and state.end[0] == Stage.ABORTED.value:
        return (Close(reason=state.end[1]),)
    return tuple(Run(job=job) for job in state.jobs)


def _unchanged(state: VaultState, outcome: Outcome) -> Step:
    return Step(state=state, actions=(), blobs={}, outcome=outcome)


def _told(state: VaultState, party: int, name: str, value: bytes) -> Step:
    kind, row, indices = parse_key(state.proposal, name)
    author = row.author(state.proposal, indices)
    if author in (NOBODY, state.me) or author != party:
        raise Refused(f"{name}: party {party} is not its author")
    if state.me not in row.audience(state.proposal, indices):
        raise Refused(f"{name}: not for party {state.me}")
    if kind != "abort":
        return _stated(state, party, ((name, value),))
    reason = f"party {party} ended the setup: {value.decode(errors='replace')[:500]}"
    learned = _stated(state, party, ((name, value),))
    if learned.outcome.kind != "applied":
        return learned
    if bound(state):
        return msgspec.structs.replace(learned, outcome=Outcome(kind="alarm", reason=f"{reason}: {WATCHING}"))
    return _ended(learned.state, reason, ())


def _stated(state: VaultState, author: int, facts: tuple[tuple[str, bytes], ...]) -> Step:
    """Learn facts, then let the rules run. Facts of our own are sent to their audience."""
    known, blobs, sends, news = dict(state.facts), {}, [], False
    queue = [(author, name, value) for name, value in facts]
    while queue or (queue := _announced(state, known)):
        author, name, value = queue.pop(0)
        kind, row, indices = parse_key(state.proposal, name)
        _entitled(state, author, kind, name, row, indices)
        if len(value) > row.limit:
            raise Refused(f"{name}: {len(value)} bytes, at most {row.limit}")
        stored = fact_id(value) if row.bulk else value
        if name in known:
            if known[name] != stored:
                _contradicted(state, author, name)
            continue
        _in_time(state, name, row.when)
        check_fact(state.proposal, known, kind, indices, value)
        known[name], news = stored, True
        if row.bulk:
            blobs[stored] = value
        if author in (JOB, OPERATOR, state.me):
            sends += [Send(to=p, key=name) for p in row.audience(state.proposal, indices) if p != state.me]
        if kind == "want_abort":
            return _abort(state, f"the operator ended the setup: {value.decode(errors='replace')}")
        if kind in DERIVED and (row.indices != "g" or has(state.proposal, indices[0], DERIVED[kind])):
            queue.append((state.me, key(DERIVED[kind], *(indices or (state.me,))), value))
    if not news:
        return _unchanged(state, Outcome(kind="duplicate", reason=f"{facts[0][0]} is known"))
    after = msgspec.structs.replace(state, facts=known)
    return _progress(after, tuple(sends), blobs)


def _announced(state: VaultState, known: Mapping[str, bytes]) -> list[tuple[int, str, bytes]]:
    """What this party tells everyone now, because it has stated all that it is about."""
    if stage(state) is Stage.LIVE:
        return []
    told = announcements(state.proposal, state.me)
    return [(state.me, name, b"") for name, after in told if name not in known and after <= known.keys()]


def _entitled(state: VaultState, author: int, kind: str, name: str, row: Kind, indices: tuple[int, ...]) -> None:
    rightful = row.author(state.proposal, indices)
    in_our_name = author == JOB or (author == OPERATOR and kind in SPOKEN)
    if rightful != author and not (in_our_name and rightful == state.me):
        who = {JOB: "a job", OPERATOR: "the operator"}.get(rightful, f"party {rightful}")
        raise Refused(f"{name}: only {who} states it")
    if row.of is not None and state.me not in row.of(state.proposal, indices):
        raise Refused(f"{name}: party {state.me} cannot do that in this vault")


def _contradicted(state: VaultState, author: int, name: str) -> None:
    if author >= 0 and stage(state) is not Stage.LIVE:
        raise Deviation(f"{name}: party {author} stated it twice with different content")
    raise Refused(f"{name} is known with other content")


def _in_time(state: VaultState, name: str, when: When) -> None:
    live = stage(state) is Stage.LIVE
    if when is When.SETUP and live:
        raise Refused(f"{name} belongs to the setup; this vault is live")
    if when is When.LIVE and not live:
        raise Early(f"{name} belongs to a live vault; this one is at {stage(state).value}")


def _done(state: VaultState, job: Job, facts: tuple[tuple[str, bytes], ...]) -> Step:
    if job not in state.jobs:
        raise Refused(f"no job {job.kind}{job.indices} is open")
    if not facts:
        raise Refused(f"job {job.kind}{job.indices} ended without a result")
    closed = msgspec.structs.replace(state, jobs=tuple(j for j in state.jobs if j != job))
    try:
        return _stated(closed, JOB, facts)
    except Refused as refusal:
        if stage(state) is Stage.LIVE:
            raise
        # Nobody will ever send a result that this node itself refuses: better to end than to wait for it.
        return _abort(state, f"party {state.me} cannot go on: {job.kind}{job.indices}: {refusal.reason}")


def _failed(state: VaultState, job: Job, whose: str, reason: str) -> Step:
    if job not in state.jobs:
        raise Refused(f"no job {job.kind}{job.indices} is open")
    if stage(state) is Stage.LIVE:
        return _unchanged(state, Outcome(kind="alarm", reason=f"{job.kind}{job.indices}: {reason}"))
    if whose == "peer":
        raise Deviation(reason)
    return _abort(state, f"party {state.me} cannot go on: {reason}")


def _mined(state: VaultState, event: Mined) -> Step:
    fresh = tuple(seen for seen in event.seen if seen not in state.log)
    if not fresh:
        return _unchanged(state, Outcome(kind="duplicate", reason=f"block {event.height} is known"))
    if state.log and event.height < state.log[-1].height:
        raise Refused(f"block {event.height} comes after block {state.log[-1].height}")
    if any(seen.height != event.height for seen in fresh):
        raise Refused(f"block {event.height} holds a transaction of another height")
    log = state.log + fresh
    try:
        fold(state.proposal, log)
    except Impossible as impossible:
        return _halted(state, str(impossible))
    return _progress(msgspec.structs.replace(state, log=log), (), {})


def _unmined(state: VaultState, height: int) -> Step:
    log = forget(state.log, height)
    if log == state.log:
        return _unchanged(
            state, Outcome(kind="duplicate", reason=f"nothing of this vault was at height {height} or above")
        )
    return _progress(msgspec.structs.replace(state, log=log), (), {})


def _progress(state: VaultState, sends: tuple[Send, ...], blobs: Mapping[bytes, bytes]) -> Step:
    """Start every job whose turn has come."""
    live = stage(state) is Stage.LIVE
    rules = live_rules(state.proposal, state.me) if live else setup_rules(state.proposal, state.me)
    known = state.facts.keys()
    wanted = [rule.job for rule in rules if rule.after <= known and rule.yields not in known]
    wanted += _from_chain(state) if live else []
    # An Assert that left the chain is not evaluated any more: the open jobs too follow from facts and chain alone.
    kept = tuple(job for job in state.jobs if job.kind not in FROM_CHAIN or job in wanted)
    fresh = tuple(job for job in wanted if job not in kept)
    after = msgspec.structs.replace(state, jobs=kept + fresh) if fresh or kept != state.jobs else state
    return Step(
        state=after, actions=(*sends, *(Run(job=job) for job in fresh)), blobs=blobs, outcome=Outcome(kind="applied")
    )


def _from_chain(state: VaultState) -> list[Job]:
    """A challenger evaluates every asserted graph, the claimant decrypts with every Reveal."""
    jobs: list[Job] = []
    for g, game in enumerate(fold(state.proposal, state.log).graphs):
        own = claimant_of(state.proposal, g) == state.me
        jobs += (decryptions if own else evaluations)(state, game, g)
    return jobs


def _halted(state: VaultState, reason: str) -> Step:
    reason = _writable(reason)
    ended = msgspec.structs.replace(state, end=(Stage.HALTED.value, reason))
    return Step(state=ended, actions=(), blobs={}, outcome=Outcome(kind="alarm", reason=reason))


def _writable(reason: str) -> str:
    """A reason may quote a file name or a peer: only what can be written to disk and read back stays in it."""
    return reason.encode(errors="replace")[:REASON].decode(errors="replace")


def _abort(state: VaultState, reason: str) -> Step:
    """End the setup, tell everyone why. A living vault cannot be aborted: the event is refused instead."""
    if stage(state) is Stage.LIVE:
        return _unchanged(state, Outcome(kind="refused", reason=f"the vault is live: {reason}"))
    own = key("abort", state.me)
    if bound(state) and own in state.facts:
        return _unchanged(state, Outcome(kind="refused", reason=f"{reason}: {WATCHING}"))
    reason = _writable(reason)
    told = msgspec.structs.replace(state, facts={**state.facts, own: reason.encode()[:REASON]})
    sends = tuple(Send(to=p, key=own) for p in everyone(state.proposal) if p != state.me)
    if bound(state):
        return Step(state=told, actions=sends, blobs={}, outcome=Outcome(kind="alarm", reason=f"{reason}: {WATCHING}"))
    return _ended(told, reason, sends)


def _ended(state: VaultState, reason: str, sends: tuple[Send, ...]) -> Step:
    reason = _writable(reason)
    ended = msgspec.structs.replace(state, jobs=(), end=(Stage.ABORTED.value, reason))
    return Step(
        state=ended, actions=(*sends, Close(reason=reason)), blobs={}, outcome=Outcome(kind="applied", reason=reason)
    )
