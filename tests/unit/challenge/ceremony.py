"""Several parties of one vault as pure machines in memory. Jobs are answered with well-formed, made-up data.

What a job would compute from facts is here a hash of the same facts, so two parties agree exactly when they know the
same; keys are real, because the machine checks them itself. Nothing here knows chains, files or time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256

import msgspec

from challenge.actions import Action, Close, Run, Send
from challenge.bodies import Commitments, Funded, Openings, Points, encode, encode_kept
from challenge.checks import PROOF_BYTES
from challenge.deadlines import stage
from challenge.events import Done, Event, Mined, Ordered, Told
from challenge.facts import KINDS, challengers_of, everyone, key, parts
from challenge.machine import Step, begin, step
from challenge.rules import garbled_by
from challenge.states import Job, Seen, Stage, VaultState
from circuits.cut_and_choose import PROFILES
from tests.vault_kit import Kit, kit, lending_kit
from vault.agreement import encode as encode_word
from vault.terms import Proposal

KIT: Kit = kit()
BABE_KIT: Kit = kit(engine="babe")
LOAN_KIT: Kit = lending_kit(slots=1)
KITS = {"core": KIT, "babe": BABE_KIT}
EVERY_KIT = {**KITS, "loan": LOAN_KIT}  # a loan has five parties: two liquidators, and a challenger of every graph
PROPOSAL: Proposal = KIT.proposal
BABE_PROPOSAL: Proposal = BABE_KIT.proposal
BORROWER, LENDER, CHALLENGER = 0, 1, 2
PARTIES = everyone(PROPOSAL)
VALID = b"\x01" * PROOF_BYTES  # the only proof that the made-up job `verify` finds valid
WITHDRAW, DEFAULT = 0, 1  # graph 0: the borrower withdraws slot 0; graph 1: the lender claims default of slot 1


def made_up(*words: object) -> bytes:
    """32 bytes that depend on every word."""
    return sha256(repr(words).encode()).digest()


def kept_of(graph: int, shift: int = 0) -> bytes:
    """A valid kept set; another `shift` is another one."""
    profile = PROFILES[PROPOSAL.graphs[0].profile]  # the same for every graph here
    return encode_kept(tuple(sorted((i + shift) % profile.instances for i in range(profile.kept))))


def _agreed(state: VaultState, *kinds: str) -> bytes:
    """A hash of all facts of these kinds that every party hears."""
    return made_up(sorted((name, value) for name, value in state.facts.items() if name.split("/")[0] in kinds))


def result(state: VaultState, job: Job) -> tuple[tuple[str, bytes], ...]:
    """What the job states."""
    me, proposal = state.me, state.proposal
    kit = next(kit for kit in EVERY_KIT.values() if kit.proposal == proposal)
    all_parts = range(parts(proposal))
    match job.kind, job.indices:
        case "fund", ():
            keys = kit.keys_of(me)
            funded = Funded(nonce=keys.nonce, bonds=keys.bonds, prefund_inputs=keys.prefund_inputs, stakes=keys.stakes)
            return (("funded", encode(funded)),)
        case "keys", ():
            return ((key("keys", me), encode_word(kit.keys_of(me))),)
        case "coins", ():
            return (("coins", b""),)
        case "commit", (g,):
            points = Points(
                digits=made_up("digits", g), outputs=((0, made_up("output", g)),), proof=made_up("proof", g)
            )
            towards = (pair for pair in garbled_by(proposal, me) if pair[0] == g)
            return ((key("points", g), encode(points)), *(committed(*pair) for pair in towards))
        case "garble", (g,):
            points = Points(
                digits=made_up("answers", g, me), outputs=((me, made_up("F", g, me)),), proof=made_up("proof", g, me)
            )
            return ((key("answers", g, me), encode(points)), committed(g, me))
        case "draw", (g, k):
            return ((key("kept", g, k), kept_of(g, me)),)
        case "open", (g, k):
            manifest = made_up("manifest", g, k)
            return ((key("openings", g, k), encode(Openings(opened=manifest, kept=manifest))),)
        case "check", (g, k):
            return ((key("checked", g, k), b"checked"),)
        case "derive", ():
            return ((key("digest", me), _agreed(state, "keys", "points", "answers")),)
        case "answer", (g,):
            return tuple(
                (key("presignatures", g, k), made_up("presignatures", g, k)) for k in challengers_of(proposal, g)
            )
        case "accept", (g,):
            return ((key("answerable", g, me), b""),)
        case "nonces", ():
            return tuple((key("nonces", me, i), made_up("nonce", me, i)) for i in all_parts)
        case "sign", ():
            return tuple((key("partials", me, i), made_up("partial", me, i)) for i in all_parts)
        case "aggregate", ():
            digest = _agreed(state, "partials")
            return (("presigned", digest), (key("ready", me), digest))
        case "reveal", (s,):
            return ((key("release", s), kit.r(s)),)
        case "verify", (g,):
            return ((key("proven", g), b"\x01" if state.facts.get(key("proof", g)) == VALID else b"\x00"),)
        case "evaluate", (g,):
            return ((key("verdict", g, int.from_bytes(job.ref, "big")), b"\x01"),)
        case "decrypt", (g, k):
            return ((key("answer", g, k, int.from_bytes(job.ref, "big")), b"\x01"),)
    raise AssertionError(f"no such job: {job}")


def committed(g: int, k: int) -> tuple[str, bytes]:
    """What the garbler of a pair commits to."""
    commitments = Commitments(polynomial=made_up("F", g, k), instances=made_up("instances", g, k))
    return key("commitments", g, k), encode(commitments)


def done(state: VaultState, job: Job) -> Done:
    """The job finished."""
    return Done(job=job, facts=result(state, job))


@dataclass(slots=True)
class World:
    """All parties. `mail` holds (to, event), `work` holds (party, job): whoever drives the world picks the order."""

    engine: str = "core"
    states: dict[int, VaultState] = field(default_factory=dict)
    blobs: dict[int, dict[bytes, bytes]] = field(default_factory=lambda: defaultdict(dict))
    mail: list[tuple[int, Told]] = field(default_factory=list)
    work: list[tuple[int, Job]] = field(default_factory=list)
    closed: dict[int, str] = field(default_factory=dict)
    history: list[tuple[int, VaultState]] = field(default_factory=list)

    def begin(self, proposer: int = BORROWER) -> World:
        for party in self.parties:
            self._take(party, begin(EVERY_KIT[self.engine].proposal, me=party, proposer=proposer))
        return self

    @property
    def parties(self) -> tuple[int, ...]:
        return everyone(EVERY_KIT[self.engine].proposal)

    def tell(self, party: int, event: Event) -> Step:
        """Apply an event at one party."""
        return self._take(party, step(self.states[party], event))

    def value(self, party: int, name: str) -> bytes:
        """The content of a fact as its author would send it."""
        stored = self.states[party].facts[name]
        return self.blobs[party][stored] if KINDS[name.split("/")[0]].bulk else stored

    def _take(self, party: int, done: Step) -> Step:
        self.states[party] = done.state
        self.history.append((party, done.state))
        self.blobs[party].update(done.blobs)
        for action in done.actions:
            self._act(party, action)
        return done

    def _act(self, party: int, action: Action) -> None:
        match action:
            case Send(to=to, key=name) if name != "propose":
                self.mail.append((to, Told(party=party, key=name, value=self.value(party, name))))
            case Run(job=job):
                self.work.append((party, job))
            case Close(reason=reason):
                self.closed[party] = reason

    def work_off(self, *, but: Iterable[str] = (), until: Stage | None = None) -> World:
        """Deliver everything in order, jobs first, until nothing is left; facts and jobs named in `but` stay."""
        held = set(but)
        while True:
            jobs = [i for i, (_, job) in enumerate(self.work) if job.kind not in held]
            letters = [i for i, (_, told) in enumerate(self.mail) if not {told.key, told.key.split("/")[0]} & held]
            if until is not None and all(stage(state) is until for state in self.states.values()):
                return self
            if jobs:
                party, job = self.work.pop(jobs[0])
                self.tell(party, done(self.states[party], job))
            elif letters:
                party, told = self.mail.pop(letters[0])
                self.tell(party, told)
            else:
                return self

    def accept(self) -> World:
        for party in self.parties:
            self.tell(party, Ordered(key="want_accept"))
        return self

    def mined(self, height: int, *names: str) -> World:
        """A block with these transactions, seen by everyone who has not ended."""
        for party in self.parties:
            self.tell(party, block(height, *names))
        return self


def block(height: int, *names: str, branch: str = "") -> Mined:
    """A block with transactions of the vault; `branch` makes other witnesses and another block of the same height."""
    items = tuple(seen(height, name, branch) for name in names)
    return Mined(height=height, block=made_up("block", height, branch, names), seen=items)


def seen(height: int, name: str, branch: str = "") -> Seen:
    """A transaction in a block. Only Assert and Reveal have a witness that tells something."""
    raw = made_up("witness", name, branch) if name.split("/")[1:2] in (["assert"], ["reveal"]) else b""
    return Seen(name=name, txid=made_up("txid", name), height=height, raw=raw)


@cache
def ceremony(engine: str = "core") -> World:
    """A whole setup without any trouble; read its history, do not drive it on."""
    return World(engine=engine).begin().accept().work_off()


def live(me: int, engine: str = "core") -> VaultState:
    """The state of party `me` when everyone is ready."""
    state = ceremony(engine).states[me]
    assert stage(state) is Stage.LIVE
    return state


def at(me: int, wanted: Stage, engine: str = "core") -> VaultState:
    """The first state of party `me` at this stage of the setup."""
    return next(state for party, state in ceremony(engine).history if party == me and stage(state) is wanted)


def after(state: VaultState, *events: Event) -> VaultState:
    """The state after these events, each of which must be applied."""
    for event in events:
        taken = step(state, event)
        assert taken.outcome.kind == "applied", taken.outcome
        state = taken.state
    return state


def digest(state: VaultState) -> bytes:
    """A hash of everything in a state, whatever order facts were learned in."""
    return sha256(msgspec.msgpack.encode(state, order="deterministic")).digest()


def shared(facts: Mapping[str, bytes]) -> dict[str, bytes]:
    """The facts that every party hears."""
    common = {"accept", "keys", "points", "answers", "drawn", "opened", "digest", "nonces", "partials", "ready"}
    return {name: value for name, value in facts.items() if name.split("/")[0] in common}
