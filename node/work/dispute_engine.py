"""The jobs of engine core: garble and commit, draw, open, check, evaluate. Heavy work runs in Rust with progress and cancel.

Promise: an instance that is kept by one is never opened to another (the guard answers the first kept set only, under a
setup id that holds fresh bytes of both sides); what a peer's artifact holds is used only after it was checked.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass

import structlog
from blake3 import blake3

from bitcoin_scripts.transaction import CTransaction
from challenge.bodies import Commitments, Manifest, Openings, Points, decode, decode_kept, encode, encode_kept
from challenge.checks import terms_of
from challenge.facts import challengers_of, fact_id, key
from challenge.states import Job, VaultState
from circuits.cut_and_choose import PROFILES
from native import NativeError
from native._native import engine
from native._native.garbling import Program, Progress
from native._native.keys import Secret
from node.faults import PeerFault
from node.proposing import circuit_of
from node.work.context import Context, Facts
from vault.presigned import Presigned
from vault.terms import GraphTerms, encode as encode_terms

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pair:
    """Garbler and evaluator of one graph: what both sides agree on."""

    terms: GraphTerms
    params: engine.Params
    setup_id: bytes


def program_of(terms: GraphTerms) -> Program:
    """The compiled circuit of a graph."""
    return Program(circuit_of(terms.statement, terms.amount).encode())


def pair_of(state: VaultState, g: int, challenger: int, program: Program) -> Pair:
    """Setup id = H(vault id, graph, garbler, evaluator); the vault id holds 32 fresh bytes of each side."""
    terms = state.proposal.graphs[g]
    vault_id = terms_of(state.proposal, state.facts).vault_id
    record = blake3(derive_key_context="bitvm3 2026 setup id v1")
    record.update(vault_id + b"".join(i.to_bytes(4, "big") for i in (g, terms.claimant, challenger)))
    setup_id = record.digest()
    profile = PROFILES[terms.profile]
    params = engine.Params(
        setup_id=setup_id, context=vault_id + encode_terms(terms), program=program,
        instances=profile.instances, kept=profile.kept, digit_bits=terms.digit_bits,
    )  # fmt: skip
    return Pair(terms, params, setup_id)


def knowledge_context(state: VaultState, g: int) -> bytes:
    """What the proof of knowledge of a graph's points is bound to."""
    return terms_of(state.proposal, state.facts).vault_id + g.to_bytes(4, "big")


async def commit(context: Context, state: VaultState, job: Job) -> Facts:
    """Garble every instance for every challenger, state the points, and the commitments to each."""
    (g,) = job.indices
    own, progress = context.own_of(state), context.begin(state, job)

    def make() -> Facts:
        program, facts, garblers = program_of(state.proposal.graphs[g]), [], []
        challengers = challengers_of(state.proposal, g)
        for k in challengers:
            pair = pair_of(state, g, k, program)
            garbler = engine.Garbler(pair.params, own.digits(g), own.pair(g, k))
            garblers.append(garbler)
            instances = garbler.commit(progress)
            facts.append((key("commitments", g, k), encode(Commitments(polynomial=garbler.output_points(), instances=instances))))
        layout = pair_of(state, g, challengers[0], program).params.layout
        points = Points(
            digits=garblers[0].digit_points(),
            outputs=tuple((k, garbler.output_points()[:33]) for k, garbler in zip(challengers, garblers, strict=True)),
            proof=engine.prove_knowledge(layout, own.digits(g), garblers, knowledge_context(state, g)),
        )
        return ((key("points", g), encode(points)), *facts)

    return await asyncio.to_thread(make)


def points_of(context: Context, state: VaultState, g: int) -> Points:
    """The claimant's points of a graph, shape and proof of knowledge checked. Raises PeerFault naming the field."""
    name = key("points", g)
    points = decode(Points, context.blob(state.facts[name]), name)
    challengers = challengers_of(state.proposal, g)
    if tuple(k for k, _ in points.outputs) != challengers:
        raise PeerFault(what=f"{name}: O_k", expected=f"one for each of {challengers}", came=str([k for k, _ in points.outputs]))
    together = points.digits + b"".join(point for _, point in points.outputs)
    try:
        proven = engine.check_knowledge(together, knowledge_context(state, g), points.proof)
    except NativeError as error:
        raise PeerFault(what=name, expected="points and a proof", came=str(error)) from error
    if not proven:
        raise PeerFault(what=f"{name}: proof of knowledge", expected="a valid one over S and every O_k", came="an invalid one")
    return points


def commitments_of(context: Context, state: VaultState, g: int, pair: Pair) -> Commitments:
    """The garbler's F and commitments for us; exactly as many as the profile says, and F begins with O_k."""
    name = key("commitments", g, state.me)
    body = decode(Commitments, context.blob(state.facts[name]), name)
    want = (pair.params.polynomial_bytes, 32 * pair.params.instances)
    if (len(body.polynomial), len(body.instances)) != want:
        raise PeerFault(what=name, expected=f"F of {want[0]} bytes and commitments of {want[1]}", came=f"{len(body.polynomial)} and {len(body.instances)}")
    stated = dict(points_of(context, state, g).outputs)[state.me]
    if body.polynomial[:33] != stated:
        raise PeerFault(what=f"{name}: F", expected=f"F(0) = O_k = {stated.hex()}", came=body.polynomial[:33].hex())
    return body


async def draw(context: Context, state: VaultState, job: Job) -> Facts:
    """Draw the kept set from the OS generator, after every commitment of the graph has arrived and has the right shape."""
    (g,) = job.indices

    def make() -> bytes:
        pair = pair_of(state, g, state.me, program_of(state.proposal.graphs[g]))
        commitments_of(context, state, g, pair)
        return encode_kept(tuple(sorted(secrets.SystemRandom().sample(range(pair.params.instances), pair.params.kept))))

    return ((key("kept", g, state.me), await asyncio.to_thread(make)),)


async def open_instances(context: Context, state: VaultState, job: Job) -> Facts:
    """Answer the first kept set under this setup id, durably the only one: open all others, hand over the kept ones."""
    g, k = job.indices
    own, progress, raw = context.own_of(state), context.begin(state, job), state.facts[key("kept", g, k)]

    def make() -> tuple[bytes, bytes]:
        pair = pair_of(state, g, k, program_of(state.proposal.graphs[g]))
        kept = decode_kept(raw, instances=pair.params.instances, kept=pair.params.kept, name=key("kept", g, k))
        context.guard.claim("kept-set", pair.setup_id, blake3(raw).digest())
        garbler = engine.Garbler(pair.params, own.digits(g), own.pair(g, k))
        return garbler.open(list(kept), progress)

    opened, kept = await asyncio.to_thread(make)
    manifests = [Manifest(artifact=await asyncio.to_thread(context.artifacts.put, data), length=len(data)) for data in (opened, kept)]
    return ((key("openings", g, k), encode(Openings(opened=manifests[0], kept=manifests[1]))),)


async def check(context: Context, state: VaultState, job: Job) -> Facts:
    """Fetch and check the opened instances and the kept artifact; state the opened shares."""
    (g,) = job.indices
    progress = context.begin(state, job)
    name = key("openings", g, state.me)
    manifests = decode(Openings, state.facts[name], name)
    pair = await asyncio.to_thread(lambda: pair_of(state, g, state.me, program_of(state.proposal.graphs[g])))
    want = (pair.params.opening_bytes * (pair.params.instances - pair.params.kept), pair.params.kept_bytes * pair.params.kept)
    if (manifests.opened.length, manifests.kept.length) != want:
        raise PeerFault(what=name, expected=f"artifacts of {want} bytes", came=f"({manifests.opened.length}, {manifests.kept.length})")
    claimant = state.proposal.parties[state.proposal.graphs[g].claimant].identity
    for manifest in (manifests.opened, manifests.kept):
        await context.artifacts.fetch(manifest.artifact, manifest.length, peers=context.peers, peer=context.reach(claimant))

    def judge() -> bytes:
        points, body = points_of(context, state, g), commitments_of(context, state, g, pair)
        kept = decode_kept(state.facts[key("kept", g, state.me)], instances=pair.params.instances, kept=pair.params.kept, name="kept")
        opened, artifact = context.artifacts.view(manifests.opened.artifact), context.artifacts.view(manifests.kept.artifact)
        try:
            return engine.check(pair.params, points.digits, body.polynomial, body.instances, list(kept), opened, artifact, progress)
        except NativeError as error:
            raise PeerFault(what=f"garbling of graph {g}", expected="what was committed to", came=str(error)) from error

    shares = await asyncio.to_thread(judge)
    context.artifacts.drop(manifests.opened.artifact)
    return ((key("checked", g), shares),)


def learn(context: Context, state: VaultState, g: int, presigned: Presigned, raw: bytes, progress: Progress) -> Secret | None:
    """Evaluate the kept instances on the digits of an Assert: the logarithm of O_k when the claim is false, else None."""
    witness = CTransaction.deserialize(raw).wit.vtxinwit[0].scriptWitness.stack
    digits = presigned.read_assert(g, [bytes(item) for item in witness])
    pair = pair_of(state, g, state.me, program_of(state.proposal.graphs[g]))
    points, body = points_of(context, state, g), commitments_of(context, state, g, pair)
    kept = decode_kept(state.facts[key("kept", g, state.me)], instances=pair.params.instances, kept=pair.params.kept, name="kept")
    manifests = decode(Openings, state.facts[key("openings", g, state.me)], "openings")
    shares, artifact = context.blob(state.facts[key("checked", g)]), context.artifacts.view(manifests.kept.artifact)
    pairs = [(digit.value, digit.secret) for digit in digits]
    return engine.evaluate(pair.params, points.digits, body.polynomial, list(kept), shares, artifact, pairs, progress)


async def evaluate(context: Context, state: VaultState, job: Job) -> Facts:
    """Judge a mined Assert: the fact says whether its claim is false."""
    (g,) = job.indices
    progress, presigned, raw = context.begin(state, job), await context.presigned(state), context.blob(job.ref)
    secret = await asyncio.to_thread(learn, context, state, g, presigned, raw, progress)
    log.info("evaluated", graph=g, false=secret is not None)
    return ((key("verdict", g, int.from_bytes(fact_id(raw)[:8], "big")), b"\x01" if secret is not None else b"\x00"),)
