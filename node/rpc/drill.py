"""A drill: is everything still here that this node will need to answer with, and does it work?

Promises that what a dispute would use is only read and hashed, never evaluated: labels of a kept instance never come to be. What
is evaluated is an instance that was opened at setup and kept for this, in the form of the others. Changes nothing.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from challenge.bodies import Openings, decode
from challenge.deadlines import settled
from challenge.facts import key
from challenge.rules import answered_by, evaluated_by
from challenge.states import VaultState
from circuits.artifact import Manifest, manifest_id
from circuits.faults import PeerFault
from native import NativeError
from native._native.garbling import Progress
from node.artifacts import Artifacts
from node.faults import LocalFault
from node.work.dispute_engine import drill_key
from node.work.pair import engine_of, setup_of

if TYPE_CHECKING:
    from node.app import Node

__all__ = ["drill"]

log = structlog.get_logger("drill")

NONE = "-"
KEPT, ANSWERS = "kept instances", "presignatures of Reveal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One artifact of a pair: what it is for and its manifest."""

    graph: int
    challenger: int
    what: str
    manifest: bytes


async def drill(node: Node, vault: str) -> list[dict[str, Any]]:
    """One row an artifact that this node answers with; none before the setup has come so far, or when the vault is over."""
    state = node.state(node.find(vault))
    if state.end is not None or settled(state, node.scanner.height, node.rules.bound):
        return []
    rows = [await asyncio.to_thread(_row, node, state, held) for held in _held(node, state)]
    for row in rows:
        (log.info if row["ok"] else log.error)("drill", vault=vault[:16], **row)
    return rows


def _held(node: Node, state: VaultState) -> list[Held]:
    found = []
    for g, k in evaluated_by(state.proposal, state.me):
        name = key("openings", g, k)
        if name in state.facts:
            manifest = decode(Openings, state.facts[name], name).kept
            found.append(Held(graph=g, challenger=k, what=KEPT, manifest=manifest))
    for g, k in answered_by(state.proposal, state.me):
        name = key("presignatures", g, k)
        if name in state.facts:
            found.append(Held(graph=g, challenger=k, what=ANSWERS, manifest=state.facts[name]))
    return found


def _row(node: Node, state: VaultState, held: Held) -> dict[str, Any]:
    begun = time.monotonic()
    size, chunks, damaged = _chunks(node.context.artifacts, held.manifest)
    claimant = state.proposal.graphs[held.graph].claimant
    drilled = _drilled(node, state, held)
    return {
        "graph": held.graph,
        "pair": f"claimant {claimant}, challenger {held.challenger}",
        "engine": state.proposal.graphs[held.graph].engine,
        "holds": held.what,
        "bytes": size,
        "chunks": f"{chunks - len(damaged)} of {chunks}",
        "damaged": damaged,
        "drill": drilled,
        "ms": round(1000 * (time.monotonic() - begun)),
        "ok": not damaged and drilled in ("ok", NONE),
    }


def _drilled(node: Node, state: VaultState, held: Held) -> str:
    """What the evaluation of an opened instance said."""
    g, k, context = held.graph, held.challenger, node.context
    if held.what != KEPT:
        return NONE
    artifact = context.store.get("jobs", drill_key(context.name(state), g, k))
    if artifact is None:
        return NONE
    try:
        right = engine_of(state, g).run_drill(
            setup_of(context, state, g, k), context.artifacts.view(artifact), Progress()
        )
    except (LocalFault, NativeError) as fault:
        return f"failed: {fault}"
    return "ok" if right else "wrong result"


def _chunks(artifacts: Artifacts, manifest: bytes) -> tuple[int, int, list[int]]:
    """Bytes, chunks, and the chunks that are not here as they were agreed on."""
    artifact = manifest_id(manifest)
    said = Manifest.parse(manifest, expected_id=artifact)
    damaged = []
    for index in range(len(said.chunks)):
        chunk = artifacts.read(artifact, index)
        try:
            said.check_chunk(index, chunk or b"")
        except PeerFault:
            damaged.append(index)
    return said.length, len(said.chunks), damaged
