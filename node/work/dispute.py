"""The jobs of a dispute: judge a claim (evaluate), verify the proof a claimant shows, decrypt with the labels of a Reveal.

Promise: what decides a dispute is computed from the witness that the chain holds; a computation begun when the witness was
only in the mempool is the same one (`Context.once`), and changes nothing but when it ends.
This module does NOT publish: `node.work.finishing` builds what follows from a verdict or an answer.
"""

from __future__ import annotations

import asyncio
from typing import Final, assert_never

import structlog
from bitcoin.core import CTransaction

from challenge.bodies import Openings, decode
from challenge.checks import terms_of
from challenge.facts import fact_id, key
from challenge.game import fold, split
from challenge.states import Job, VaultState
from circuits.engine import Encrypted, Kept
from native._native.garbling import Progress
from native._native.keys import Secret
from node.faults import LocalFault, Unavailable
from node.ledger.claims import outcome_of
from node.work.answers import presignatures
from node.work.context import Context, Facts
from node.work.pair import engine_of, kept_of, offer_of, setup_of, statement_of
from snark.faults import MalformedFault
from snark.formats import Curve, Format
from snark.groth16 import Proof, VerifyingKey
from snark.statements import verify_outcome
from vault.answers import read_reveal
from vault.presigned import AssertedDigit, Presigned

log = structlog.get_logger()

TRIES: Final = 3
PAUSE: Final = 1.0
"""Seconds. A ledger whose keeper and attestors do not answer is asked so often before a claim counts as unproven."""


# ---- engine core: the kept instances judge the digits of Assert ------------------------------------------------------
async def evaluate(context: Context, state: VaultState, job: Job) -> Facts:
    """Judge a claim whose Assert is mined. core: is it false? babe: does nothing prove it?"""
    (g,) = job.indices
    engine = state.proposal.graphs[g].engine
    match engine:
        case "core":
            progress, raw = context.begin(state, job), context.blob(job.ref)
            false = await learned(context, state, f"{g}/assert", raw, progress) is not None
        case "babe":
            false = not await _borne_out(context, state, g)
        case _:
            assert_never(engine)
    log.info("evaluated", graph=g, false=false)
    return ((key("verdict", g, int.from_bytes(job.ref, "big")), b"\x01" if false else b"\x00"),)


async def decrypt(context: Context, state: VaultState, job: Job) -> Facts:
    """Decrypt with the labels that a mined Reveal shows: the fact says whether the logarithm of F_k came out."""
    (g, k), progress = job.indices, context.begin(state, job)
    secret = await learned(context, state, f"{g}/reveal/{k}", context.blob(job.ref), progress)
    log.info("decrypted", graph=g, challenger=k, opened=secret is not None)
    return ((key("answer", g, k, int.from_bytes(job.ref, "big")), b"\x01" if secret is not None else b"\x00"),)


async def learned(context: Context, state: VaultState, name: str, raw: bytes, progress: Progress) -> Secret | None:
    """The secret that a transaction's digits free with the kept instances of its pair: computed once for each witness."""
    at = (context.name(state), name, fact_id(raw))
    presigned = await context.presigned(state)
    return await context.once.of(at, progress, lambda shared: _learn(context, state, presigned, name, raw, shared))


def _learn(
    context: Context, state: VaultState, presigned: Presigned, name: str, raw: bytes, progress: Progress
) -> Secret | None:
    graph, kind, challenger = split(name)
    g, witness = graph or 0, witness_of(raw)
    match kind:
        case "assert":
            k, digits = state.me, presigned.read_assert(g, witness)
        case "reveal":
            k = challenger or 0
            stored, asserted = presignatures(context, state, g, k), asserted_digits(context, state, presigned, g)
            digits = read_reveal(presigned.graph, g, k, stored, witness, asserted)
        case _:
            raise LocalFault(what=name, expected="Assert or Reveal", came=kind)
    offer, opening = offer_of(context, state, g, k), key("openings", g, k)
    kept = Kept(
        points=offer.points,
        polynomial=offer.polynomial,
        kept=kept_of(state, g, k),
        shares=context.blob(state.facts[key("checked", g, k)]),
        artifact=context.artifacts.view(context.artifacts.id_of(decode(Openings, state.facts[opening], opening).kept)),
    )
    proof = state.facts[key("want_claim", g)] if kind == "reveal" else b""
    return engine_of(state, g).evaluate(
        setup_of(context, state, g, k), kept, [(d.value, d.secret) for d in digits], proof, progress
    )


def witness_of(raw: bytes) -> list[bytes]:
    """The witness of a transaction's first input, bottom of the stack first."""
    return [bytes(item) for item in CTransaction.deserialize(raw).wit.vtxinwit[0].scriptWitness.stack]


def asserted_digits(context: Context, state: VaultState, presigned: Presigned, g: int) -> tuple[AssertedDigit, ...]:
    """The digits and secrets of the Assert that the chain holds."""
    asserted = fold(state.proposal, state.log).graphs[g].mined["assert"]
    return presigned.read_assert(g, witness_of(context.blob(asserted.raw)))


# ---- engine babe: proofs and ledgers ---------------------------------------------------------------------------------
async def verify_proof(context: Context, state: VaultState, job: Job) -> Facts:
    """Whether the proof that the claimant has sent proves its claim."""
    (g,) = job.indices
    valid = await asyncio.to_thread(_proves, context, state, g)
    log.info("proof verified", graph=g, valid=valid)
    return ((key("proven", g), b"\x01" if valid else b"\x00"),)


def _proves(context: Context, state: VaultState, g: int) -> bool:
    statement = statement_of(context, state, g)
    proof = state.facts.get(key("proof", g))
    return statement is not None and proof is not None and proves(statement, proof)


def proves(statement: Encrypted, proof: bytes) -> bool:
    """Whether 256 bytes are a valid proof of a statement; bytes that are no proof prove nothing."""
    verifying = VerifyingKey.parse(statement.key, Format.ARKWORKS, Curve.BN254)
    try:
        parsed = Proof.parse(proof, Curve.BN254, Format.EIP197)
    except MalformedFault:
        return False
    return verify_outcome(verifying, statement.x, parsed)


async def _borne_out(context: Context, state: VaultState, g: int) -> bool:
    """Whether the claim is known to be true: by the proof that the claimant sent, or by the ledger's own record."""
    if await asyncio.to_thread(_proves, context, state, g):
        return True
    ledger, outcome = state.proposal.graphs[g].statement, outcome_of(terms_of(state.proposal, state.facts), g)
    for _ in range(TRIES):
        try:
            doubt = await context.ledgers.doubt(ledger, outcome)
        except Unavailable as fault:
            log.warning("the ledger does not answer", graph=g, reason=str(fault))
            await asyncio.sleep(PAUSE)
            continue
        if doubt is not None:
            log.info("the ledger does not bear the claim out", graph=g, reason=str(doubt))
        return doubt is None
    return False
