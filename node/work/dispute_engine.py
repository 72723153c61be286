"""The jobs of engine core: garble and commit, draw, open, check, evaluate. Heavy work runs in Rust with progress and cancel.

Promise: an instance that is kept by one is never opened to another (the guard answers the first kept set only, under a
setup id that holds fresh bytes of both sides); what a peer's artifact holds is used only after it was checked.
"""

from __future__ import annotations

import asyncio
import secrets

import structlog
from bitcoin.core import CTransaction
from blake3 import blake3

from challenge.bodies import Commitments, Openings, Points, decode, decode_kept, encode, encode_kept
from challenge.checks import terms_of
from challenge.facts import challengers_of, key
from challenge.states import Job, VaultState
from circuits.cut_and_choose import ENTROPY_BYTES, PROFILES, draw_kept
from circuits.engine import Engine, Kept, Offer, Opened, Setup
from circuits.engines import ENGINES
from native import NativeError
from native._native.garbling import Progress
from native._native.keys import Secret
from node.faults import PeerFault
from node.proposing import circuit_of
from node.work.context import Context, Facts
from vault.presigned import Presigned
from vault.terms import encode as encode_terms

log = structlog.get_logger()


def setup_of(state: VaultState, g: int, challenger: int) -> Setup:
    """What the pair agrees on.

    Setup id = H(vault id, graph, garbler, evaluator); the vault id holds 32 fresh bytes of each side.
    """
    terms = state.proposal.graphs[g]
    vault_id = terms_of(state.proposal, state.facts).vault_id
    place = b"".join(i.to_bytes(4, "big") for i in (g, terms.claimant, challenger))
    return Setup(
        setup_id=blake3(vault_id + place, derive_key_context="bitvm3 2026 setup id v1").digest(),
        context=vault_id + encode_terms(terms),
        circuit=circuit_of(terms.statement, terms.amount),
        statement=None,
        profile=PROFILES[terms.profile],
        digit_bits=terms.digit_bits,
    )


def _engine(state: VaultState, g: int) -> Engine:
    return ENGINES[state.proposal.graphs[g].engine]


def knowledge_context(state: VaultState, g: int) -> bytes:
    """What the proof of knowledge of a graph's points is bound to."""
    return terms_of(state.proposal, state.facts).vault_id + g.to_bytes(4, "big")


async def commit(context: Context, state: VaultState, job: Job) -> Facts:
    """Garble every instance for every challenger, state the points, and the commitments to each."""
    (g,) = job.indices
    own, engine = context.own_of(state), _engine(state, g)

    def make() -> Facts:
        sides, offers = [], {}
        for k in challengers_of(state.proposal, g):
            setup = setup_of(state, g, k)
            sides.append(engine.side(setup, own.digits(g), own.pair(g, k)))
            offers[k] = sides[-1].offer(context.begin(state, job))
        stated = Points(
            digits=offers[k].points,  # the graph's: the same towards everybody
            outputs=tuple((k, offer.output_point) for k, offer in offers.items()),
            proof=engine.prove_knowledge(setup, own.digits(g), sides, [], knowledge_context(state, g)),
        )
        commitments = [
            (
                key("commitments", g, k),
                encode(Commitments(polynomial=offer.polynomial, instances=offer.commitments)),
            )
            for k, offer in offers.items()
        ]
        return ((key("points", g), encode(stated)), *commitments)

    return await asyncio.to_thread(make)


def points_of(context: Context, state: VaultState, g: int) -> Points:
    """The claimant's points of a graph, shape and proof of knowledge checked. Raises PeerFault naming the field."""
    name = key("points", g)
    points = decode(Points, context.blob(state.facts[name]), name)
    challengers = challengers_of(state.proposal, g)
    if tuple(k for k, _ in points.outputs) != challengers:
        raise PeerFault(
            what=f"{name}: O_k", expected=f"one for each of {challengers}", came=str([k for k, _ in points.outputs])
        )
    together = points.digits + b"".join(point for _, point in points.outputs)
    try:
        proven = _engine(state, g).check_knowledge(together, knowledge_context(state, g), points.proof)
    except NativeError as error:
        raise PeerFault(what=name, expected="points and a proof", came=str(error)) from error
    if not proven:
        raise PeerFault(
            what=f"{name}: proof of knowledge", expected="a valid one over S and every O_k", came="an invalid one"
        )
    return points


def offer_of(context: Context, state: VaultState, g: int) -> Offer:
    """What the garbler committed to towards us; F has exactly N - M + 1 points and begins with O_k."""
    name, profile = key("commitments", g, state.me), PROFILES[state.proposal.graphs[g].profile]
    body = decode(Commitments, context.blob(state.facts[name]), name)
    want = (33 * (profile.instances - profile.kept + 1), 32 * profile.instances)
    came = (len(body.polynomial), len(body.instances))
    if came != want:
        raise PeerFault(
            what=name,
            expected=f"F of {want[0]} bytes and commitments of {want[1]} bytes",
            came=f"{came[0]} and {came[1]}",
        )
    points = points_of(context, state, g)
    stated = dict(points.outputs)[state.me]
    if body.polynomial[:33] != stated:
        raise PeerFault(what=f"{name}: F", expected=f"F(0) = O_k = {stated.hex()}", came=body.polynomial[:33].hex())
    return Offer(points=points.digits, polynomial=body.polynomial, commitments=body.instances)


async def draw(context: Context, state: VaultState, job: Job) -> Facts:
    """Draw the kept set from the OS generator, after every commitment of the graph has arrived and has the right shape."""
    (g,) = job.indices

    def make() -> bytes:
        offer_of(context, state, g)
        return encode_kept(draw_kept(PROFILES[state.proposal.graphs[g].profile], secrets.token_bytes(ENTROPY_BYTES)))

    return ((key("kept", g, state.me), await asyncio.to_thread(make)),)


def kept_of(state: VaultState, g: int, challenger: int) -> tuple[int, ...]:
    """The kept set a challenger has stated."""
    profile, name = PROFILES[state.proposal.graphs[g].profile], key("kept", g, challenger)
    return decode_kept(state.facts[name], instances=profile.instances, kept=profile.kept, name=name)


async def open_instances(context: Context, state: VaultState, job: Job) -> Facts:
    """Answer the first kept set under this setup id, durably the only one: open all others, hand over the kept ones."""
    g, k = job.indices
    own, progress = context.own_of(state), context.begin(state, job)

    def make() -> Openings:
        setup, kept = setup_of(state, g, k), kept_of(state, g, k)
        context.guard.claim("kept-set", setup.setup_id, blake3(encode_kept(kept)).digest())
        opened = _engine(state, g).side(setup, own.digits(g), own.pair(g, k)).open(kept, progress)
        offered = [
            context.offer(state, content, kind)
            for content, kind in ((opened.openings, "openings"), (opened.artifact, "kept"))
        ]
        return Openings(opened=offered[0].encoded, kept=offered[1].encoded)

    return ((key("openings", g, k), encode(await asyncio.to_thread(make))),)


async def check(context: Context, state: VaultState, job: Job) -> Facts:
    """Fetch and check the opened instances and the kept artifact; state the opened shares."""
    (g,) = job.indices
    name = key("openings", g, state.me)
    stated = decode(Openings, state.facts[name], name)
    claimant = state.proposal.parties[state.proposal.graphs[g].claimant].identity
    opened = await context.fetch(state, job, stated.opened, owner=claimant)
    kept = await context.fetch(state, job, stated.kept, owner=claimant)
    progress = context.begin(state, job)

    def judge() -> bytes:
        answer = Opened(openings=context.artifacts.view(opened), artifact=context.artifacts.view(kept))
        try:
            return (
                _engine(state, g)
                .check(
                    setup_of(state, g, state.me),
                    offer_of(context, state, g),
                    kept_of(state, g, state.me),
                    answer,
                    progress,
                )
                .shares
            )
        except NativeError as error:
            raise PeerFault(what=f"garbling of graph {g}", expected="what was committed to", came=str(error)) from error

    shares = await asyncio.to_thread(judge)
    context.artifacts.drop(opened)
    return ((key("checked", g), shares),)


def learn(
    context: Context, state: VaultState, g: int, presigned: Presigned, raw: bytes, progress: Progress
) -> Secret | None:
    """Evaluate the kept instances on the digits of an Assert: the logarithm of O_k when the claim is false, else None."""
    witness = CTransaction.deserialize(raw).wit.vtxinwit[0].scriptWitness.stack
    digits = presigned.read_assert(g, [bytes(item) for item in witness])
    offer = offer_of(context, state, g)
    stated = decode(Openings, state.facts[key("openings", g, state.me)], "openings")
    kept = Kept(
        points=offer.points,
        polynomial=offer.polynomial,
        kept=kept_of(state, g, state.me),
        shares=context.blob(state.facts[key("checked", g)]),
        artifact=context.artifacts.view(context.artifacts.id_of(stated.kept)),
    )
    return _engine(state, g).evaluate(
        setup_of(state, g, state.me), kept, [(d.value, d.secret) for d in digits], b"", progress
    )


async def evaluate(context: Context, state: VaultState, job: Job) -> Facts:
    """Judge a mined Assert: the fact says whether its claim is false."""
    (g,) = job.indices
    progress, presigned, raw = context.begin(state, job), await context.presigned(state), context.blob(job.ref)
    secret = await asyncio.to_thread(learn, context, state, g, presigned, raw, progress)
    log.info("evaluated", graph=g, false=secret is not None)
    return ((key("verdict", g, int.from_bytes(job.ref, "big")), b"\x01" if secret is not None else b"\x00"),)


def drop_artifacts(context: Context, state: VaultState) -> None:
    """The setup ended without a vault: what was garbled for it is of no use to anyone."""
    for name, value in state.facts.items():
        if name.startswith("openings/"):
            stated = decode(Openings, value, name)
            for manifest in (stated.opened, stated.kept):
                context.artifacts.drop(context.artifacts.id_of(manifest))
