"""The setup jobs of both engines: state points, garble and commit, draw, open, check. Heavy work runs in Rust with progress.

Promise: an instance that is kept by one is never opened to another (the guard answers the first kept set only, under a
setup id that holds fresh bytes of both sides); what a peer's artifact holds is used only after it was checked.
This module does NOT know disputes (`node.work.dispute`).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from typing import assert_never

from blake3 import blake3

from challenge.bodies import Commitments, Openings, Points, decode, encode, encode_kept
from challenge.deadlines import stage
from challenge.facts import challengers_of, key
from challenge.faults import Deviation
from challenge.states import Job, Stage, VaultState
from circuits.cut_and_choose import ENTROPY_BYTES, PROFILES, draw_kept
from circuits.engine import GarblerSide, Offer, Opened
from native import NativeError
from node.faults import PeerFault
from node.work.context import Context, Facts
from node.work.pair import engine_of, kept_of, knowledge_context, offer_of, setup_of
from vault.pairs import evaluator_of, garbler_of

DRILL = "drill"


def _side(context: Context, state: VaultState, g: int, k: int) -> GarblerSide:
    own = context.own_of(state)
    return engine_of(state, g).side(setup_of(context, state, g, k), own.digits(g), own.pair(g, k))


def _commitments(g: int, k: int, offer: Offer) -> tuple[str, bytes]:
    return key("commitments", g, k), encode(Commitments(polynomial=offer.polynomial, instances=offer.commitments))


async def commit(context: Context, state: VaultState, job: Job) -> Facts:
    """The claimant's points of a graph; where it garbles, every instance for every challenger, and the commitments to each."""
    (g,) = job.indices
    own, engine, challengers = context.own_of(state), engine_of(state, g), challengers_of(state.proposal, g)

    def make() -> Facts:
        sides, keys, offers = {}, {}, {}
        match engine.garbler:
            case "claimant":
                sides = {k: _side(context, state, g, k) for k in challengers}
                offers = {k: side.offer(context.begin(state, job)) for k, side in sides.items()}
                outputs = {k: offer.output_point for k, offer in offers.items()}
            case "challenger":
                keys = {k: own.reveal_key(g, k) for k in challengers}
                outputs = {k: b"\x02" + secret.xonly() for k, secret in keys.items()}
            case _:
                assert_never(engine.garbler)
        setup = setup_of(context, state, g, challengers[0])
        proof = engine.prove_knowledge(
            setup, own.digits(g), list(sides.values()), list(keys.values()), knowledge_context(state, g)
        )
        stated = Points(digits=engine.points(setup, own.digits(g)), outputs=tuple(outputs.items()), proof=proof)
        return ((key("points", g), encode(stated)), *(_commitments(g, k, offer) for k, offer in offers.items()))

    return await asyncio.to_thread(make)


async def garble(context: Context, state: VaultState, job: Job) -> Facts:
    """A challenger's points of a graph, every instance towards the claimant, and the commitments to it."""
    (g,) = job.indices
    own, engine, me = context.own_of(state), engine_of(state, g), state.me

    def make() -> Facts:
        side = _side(context, state, g, me)
        offer = side.offer(context.begin(state, job))
        bound, setup = knowledge_context(state, g, me), setup_of(context, state, g, me)
        proof = engine.prove_knowledge(setup, own.digits(g), [side], [], bound)
        stated = Points(digits=offer.points, outputs=((me, offer.output_point),), proof=proof)
        return ((key("answers", g, me), encode(stated)), _commitments(g, me, offer))

    return await asyncio.to_thread(make)


async def draw(context: Context, state: VaultState, job: Job) -> Facts:
    """Draw the kept set from the OS generator, after every commitment of the graph has arrived and has the right shape."""
    g, k = job.indices

    def make() -> bytes:
        offer_of(context, state, g, k)
        return encode_kept(draw_kept(PROFILES[state.proposal.graphs[g].profile], secrets.token_bytes(ENTROPY_BYTES)))

    return ((key("kept", g, k), await asyncio.to_thread(make)),)


async def open_instances(context: Context, state: VaultState, job: Job) -> Facts:
    """Answer the first kept set under this setup id, durably the only one: open all others, hand over the kept ones."""
    g, k = job.indices
    progress = context.begin(state, job)

    def make() -> Openings:
        setup, kept = setup_of(context, state, g, k), kept_of(state, g, k)
        context.guard.claim("kept-set", setup.setup_id, blake3(encode_kept(kept)).digest())
        opened = _side(context, state, g, k).open(kept, progress)
        offered = [
            context.offer(state, content, kind)
            for content, kind in ((opened.openings, "openings"), (opened.artifact, "kept"))
        ]
        return Openings(opened=offered[0].encoded, kept=offered[1].encoded)

    return ((key("openings", g, k), encode(await asyncio.to_thread(make))),)


async def check(context: Context, state: VaultState, job: Job) -> Facts:
    """Fetch and check the opened instances and the kept artifact; state the opened shares, keep a drill.

    What was opened stays too: it goes into audit bundles.
    """
    g, k = job.indices
    name = key("openings", g, k)
    stated = decode(Openings, state.facts[name], name)
    garbler = state.proposal.parties[garbler_of(state.proposal, g, k)].identity
    opened = await context.fetch(state, job, stated.opened, owner=garbler)
    kept = await context.fetch(state, job, stated.kept, owner=garbler)
    progress = context.begin(state, job)

    def judge() -> tuple[bytes, bytes]:
        answer = Opened(openings=context.artifacts.view(opened), artifact=context.artifacts.view(kept))
        engine, setup, offer = engine_of(state, g), setup_of(context, state, g, k), offer_of(context, state, g, k)
        indices = kept_of(state, g, k)
        try:
            shares = engine.check(setup, offer, indices, answer, progress).shares
            return shares, engine.make_drill(setup, indices, answer)
        except NativeError as error:
            raise PeerFault(what=f"garbling of graph {g}", expected="what was committed to", came=str(error)) from error

    shares, drill = await asyncio.to_thread(judge)
    manifest = await asyncio.to_thread(context.artifacts.put, drill, kind=DRILL)
    await context.write((("jobs", drill_key(context.name(state), g, k), manifest.id),))
    return ((key("checked", g, k), shares),)


def drill_key(vault: bytes, g: int, k: int) -> bytes:
    """Where the id of a pair's drill stands in the column `jobs`."""
    return vault + DRILL.encode() + g.to_bytes(4, "big") + k.to_bytes(4, "big")


# ---- what is kept, and until when ------------------------------------------------------------------------------------
def useless(context: Context, state: VaultState, *, over: bool) -> Iterator[bytes]:
    """The artifacts of a vault that are of no use to this node any more.

    What a garbler made, once the vault is live: everybody has said `ready`, so every evaluator has its own checked copy.
    When the vault is `over` (no vault came about, or nothing of it can move): all of them.
    """
    live = stage(state) is Stage.LIVE
    for name, value in state.facts.items():
        kind, *rest = name.split("/")
        if kind == "openings":
            g, k = map(int, rest)
            try:
                stated = decode(Openings, value, name)
            except Deviation:  # a peer's words that name no artifact
                continue
            if over or (live and garbler_of(state.proposal, g, k) == state.me):
                yield from map(context.artifacts.id_of, (stated.opened, stated.kept))
            if over and evaluator_of(state.proposal, g, k) == state.me:
                drill = context.store.get("jobs", drill_key(context.name(state), g, k))
                if drill is not None:
                    yield drill
        elif kind == "presignatures" and over:
            yield context.artifacts.id_of(value)
