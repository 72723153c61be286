"""The claimant's presignatures of every Reveal of a graph (engine babe): made, handed over, checked.

Promise: K_k signs nothing but these presignatures, over transactions whose digest everybody has stated; the same bytes after
any restart. A challenger accepts them only when every one is valid and no two of a digit share a nonce.
"""

from __future__ import annotations

import asyncio

from blake3 import blake3

from challenge.facts import challengers_of, claimant_of, key
from challenge.states import Job, VaultState
from native._native import engine
from node.faults import PeerFault
from node.work.context import Context, Facts
from vault.answers import check_answers
from vault.graph import VaultGraph

KIND = "answers"
DIGEST_CONTEXT = "bitvm3 2026 answers accepted v1"


async def answer(context: Context, state: VaultState, job: Job) -> Facts:
    """Presign every value of every digit of every Reveal of a graph, each challenger's as an artifact."""
    (g,) = job.indices
    graph, challengers = await context.graph(state), challengers_of(state.proposal, g)
    steps = context.count(state, job, len(challengers))

    def make() -> Facts:
        facts = []
        for k in challengers:
            manifest = context.offer(state, presign(context, state, graph, g, k), KIND)
            facts.append((key("presignatures", g, k), manifest.encoded))
            steps.advance()
        return tuple(facts)

    facts = await asyncio.to_thread(make)
    terms = state.proposal.graphs[g]
    context.signed(state, made=len(challengers) * (terms.digits << terms.digit_bits))
    return facts


def presign(context: Context, state: VaultState, graph: VaultGraph, g: int, k: int) -> bytes:
    """The claimant's presignatures of one Reveal; they follow from its seed and the graph."""
    own = context.own_of(state)
    messages, points = graph.reveal_messages(g, k)
    return engine.presign_digits(own.reveal_key(g, k), own.presigning(g, k), messages, points)


async def accept(context: Context, state: VaultState, job: Job) -> Facts:
    """Fetch and check the presignatures of this challenger's Reveal."""
    (g,) = job.indices
    name, me = key("presignatures", g, state.me), state.me
    claimant = state.proposal.parties[claimant_of(state.proposal, g)].identity
    artifact = await context.fetch(state, job, state.facts[name], owner=claimant)
    graph = await context.graph(state)

    def judge() -> bytes:
        raw = bytes(context.artifacts.view(artifact))
        wrong = check_answers(graph, g, me, raw)
        if wrong:
            width = 1 << state.proposal.graphs[g].digit_bits
            digit, value = divmod(wrong[0], width)
            raise PeerFault(
                what=name, expected="valid presignatures, every one under a nonce of its own",
                came=f"{len(wrong)} wrong, the first for value {value} of digit {digit}",
            )  # fmt: skip
        return blake3(raw, derive_key_context=DIGEST_CONTEXT).digest()

    digest = await asyncio.to_thread(judge)
    terms = state.proposal.graphs[g]
    context.signed(state, checked=terms.digits << terms.digit_bits)
    return ((key("answerable", g, me), digest),)


def presignatures(context: Context, state: VaultState, g: int, k: int) -> bytes:
    """The presignatures of one Reveal as stored. Raises LocalFault when the disk lost them."""
    return bytes(context.artifacts.view(context.artifacts.id_of(state.facts[key("presignatures", g, k)])))
