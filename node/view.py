"""States as JSON for people and programs. Reads, never changes; hex for bytes, txids in display order, sats and blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, assert_never

import msgspec

from bitcoin_scripts.transaction import display_txid
from challenge.bodies import Openings, decode
from challenge.checks import terms_of
from challenge.deadlines import agenda, bound, moved_away, stage
from challenge.facts import key
from challenge.faults import Deviation
from challenge.game import Answer, GraphPhase, GraphView, fold
from challenge.progress import awaited_from, progress
from challenge.rules import pairs
from challenge.states import SETUP_OVER, Stage, VaultState
from circuits.artifact import Manifest, manifest_id
from circuits.faults import PeerFault
from node.decisions import decisions
from node.faults import Unavailable
from node.in_words import Known, graph_lines, risks
from node.ledger.claims import outcome_of
from node.phases import totals
from node.precheck import PURPOSES
from node.work.reclaim import CALL_OFF, calling_off
from vault.fees import amounts_of
from vault.graph import VaultGraph
from vault.pairs import garbler_of

if TYPE_CHECKING:
    from node.app import Node


_TERMS: Final = ("claimant", "outcome", "slot", "engine", "profile", "amount", "bond", "stake")
_PROVEN: Final = {b"\x01": True, b"\x00": False}


def vault_line(vault: bytes, state: VaultState) -> dict[str, Any]:
    """One line of a list of vaults."""
    return {
        "vault": vault.hex(),
        "stage": stage(state).value,
        "role": state.proposal.parties[state.me].role,
        "sats": sum(state.proposal.slots),
        "slots": len(state.proposal.slots),
        "graphs": len(state.proposal.graphs),
        "end": _end(state),
    }


def _end(state: VaultState) -> str:
    """Why there is no vault, or nothing."""
    if state.end is not None:
        return state.end[1]
    moved = moved_away(state)
    return "" if moved is None else f"block {moved} spends an input of PreFund elsewhere: PreFund can never be mined"


def _waits(node: Node, state: VaultState) -> str:
    """What a setup that is over, or cannot be ended here, still has of this party, and until when."""
    if calling_off(node.context, state):
        return f"{PURPOSES[CALL_OFF]} ({CALL_OFF})"
    if stage(state) not in (Stage.READY, Stage.ABORTED) or not bound(state):
        return ""
    moved, depth = moved_away(state), state.proposal.timelocks.depth
    if moved is None:
        return (
            "this party has said ready: bonds and stakes stay where they are until PreFund is mined, or the borrower's node, "
            f"because the setup ended, has spent an input of PreFund {depth + 1} blocks deep"
        )
    if node.scanner.height < moved + depth:
        return f"block {moved + depth}: from then on bonds and stakes come back"
    return ""


async def show_vault(node: Node, vault: bytes) -> dict[str, Any]:
    """Everything a party sees of one vault."""
    state = node.state(vault)
    proposal, view = state.proposal, fold(state.proposal, state.log)
    live, cost = stage(state) is Stage.LIVE, node.cost(vault)
    graph = await node.context.graph(state) if live else None
    slots = [
        {"value": value, "phase": slot.phase.value, "height": slot.height, "by": slot.by}
        for value, slot in zip(proposal.slots, view.slots, strict=True)
    ]
    return {
        **vault_line(vault, state),
        "me": state.me,
        "height": node.scanner.height,
        "waits": _waits(node, state),
        "parties": parties(node, state),
        "slots": slots,
        "graphs": [_graph(state, g, game) for g, game in enumerate(view.graphs)],
        "fast": _fast(state),
        **(await asyncio.to_thread(_agreed, node, state) if stage(state) is Stage.PROPOSED else {}),
        "pairs": _pairs(state),
        "decisions": [each.as_json() for each in decisions(state)],
        "agenda": [
            {"name": item.name, "since": item.since, "until": item.until, "why": item.why} for item in agenda(state)
        ],
        "jobs": [{"kind": job.kind, "indices": list(job.indices), **node.progress(vault, job)} for job in state.jobs],
        "transactions": [*node.stakes(vault), *(_transactions(graph, state) if graph else [])],
        "progress": await asyncio.to_thread(_progress, node, state),
        "setup": cost,
        "cost": totals(cost),
    }


def _progress(node: Node, state: VaultState) -> list[dict[str, Any]]:
    """How far every party of the setup is as this one hears it, and what it owes now; empty once nobody waits for it."""
    if stage(state) in SETUP_OVER:
        return []
    owed = {**awaited_from(state), **node.stalls.debts(state)}
    return [
        {
            "party": row.party,
            "role": state.proposal.parties[row.party].role,
            "stage": row.stage.value,
            "facts": row.had,
            "of": row.of,
            "owes": ", ".join(owed.get(row.party, ())),
        }
        for row in progress(state)
    ]


def parties(node: Node, state: VaultState) -> list[dict[str, str]]:
    """Who takes part, and whether this node knows where each of them lives: to one without an address it says nothing."""
    return [
        {
            "identity": party.identity.hex(),
            "role": party.role,
            "address": "this node" if p == state.me else _address(node, party.identity),
        }
        for p, party in enumerate(state.proposal.parties)
    ]


def _address(node: Node, identity: bytes) -> str:
    try:
        node.context.reach(identity)
    except Unavailable:
        return "UNKNOWN: `bitvm3 peer connect`"
    return "known"


def _agreed(node: Node, state: VaultState) -> dict[str, Any]:
    """What a party reads before it agrees; its graphs too, since the vault's own rows say where their games stand."""
    known = Known.of(node.context)
    said = risks(state.proposal, state.me, known)
    return {"risks": {**said, "graphs": graph_lines(state.proposal, known)}}


def _graph(state: VaultState, g: int, game: GraphView) -> dict[str, Any]:
    """What a graph is about and where its game stands; `armed`: whose coin for it is where it was put."""
    terms = state.proposal.graphs[g]
    match terms.engine:
        case "core":
            about: dict[str, Any] = {"commitment": terms.statement.hex()}
        case "babe":
            about = {
                "ledger": terms.statement.hex(),
                "key": terms.key.hex(),
                "template": _template(state, g),
                "proven": _PROVEN.get(state.facts.get(key("proven", g), b"")),
            }
        case _:
            assert_never(terms.engine)
    return {
        **{name: getattr(terms, name) for name in _TERMS},
        **about,
        "phase": game.phase.value,
        "last": game.last,
        "armed": {
            "bond": game.phase is not GraphPhase.DISARMED,
            **{f"stake/{k}": answer is not Answer.DISARMED for k, answer in game.answers.items()},
        },
        "answers": {str(k): answer.value for k, answer in game.answers.items()},
    }


def _fast(state: VaultState) -> list[dict[str, Any]]:
    """Every entry of path B: who may take which slot, at what attested price of which day, and the sats of its ticket."""
    fast = state.proposal.fast
    tickets = amounts_of(state.proposal).values if fast else {}
    return [{**msgspec.structs.asdict(entry), "ticket": tickets[f"ticket/{f}"]} for f, entry in enumerate(fast)]


def _template(state: VaultState, g: int) -> str | None:
    """What a record of the ledger has to name; it follows from everybody's keys."""
    if any(key("keys", p) not in state.facts for p in range(len(state.proposal.parties))):
        return None
    return outcome_of(terms_of(state.proposal, state.facts), g).template.hex()


def _pairs(state: VaultState) -> list[dict[str, Any]]:
    """Who garbles for whom, and the bytes of what the other one keeps, as far as this party has heard of it."""
    rows = []
    for g, k in pairs(state.proposal):
        kept, answers = state.facts.get(key("openings", g, k)), state.facts.get(key("presignatures", g, k))
        rows.append(
            {
                "graph": g,
                "challenger": k,
                "garbler": garbler_of(state.proposal, g, k),
                "kept_bytes": _length(lambda raw: decode(Openings, raw, "openings").kept, kept),
                "answers_bytes": _length(lambda raw: raw, answers),
            }
        )
    return rows


def _length(manifest_of: Callable[[bytes], bytes], stated: bytes | None) -> int | None:
    """Of the content; none when it was not stated, or when what a peer stated is no manifest."""
    if stated is None:
        return None
    try:
        manifest = manifest_of(stated)
        return Manifest.parse(manifest, expected_id=manifest_id(manifest)).length
    except (Deviation, PeerFault):
        return None


def _transactions(graph: VaultGraph, state: VaultState) -> list[dict[str, Any]]:
    vsizes, fees = amounts_of(state.proposal).vsizes, amounts_of(state.proposal).fees
    prefund = graph.templates["prefund"]
    spent = sum(item.spends.value for item in prefund.inputs) - sum(output.value for output in prefund.outputs)
    rows = []
    for seen in state.log:
        own = seen.name in graph.templates
        rows.append(
            {
                "name": seen.name,
                "txid": display_txid(seen.txid),
                "height": seen.height,
                "vsize": (prefund.vsize if seen.name == "prefund" else vsizes[seen.name]) if own else None,
                "fee": (spent if seen.name == "prefund" else fees[seen.name]) if own else None,
            }
        )
    return rows
