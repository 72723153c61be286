"""States as JSON for people and programs. Reads, never changes; hex for bytes, txids in display order, sats and blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bitcoin_scripts.transaction import display_txid
from challenge.deadlines import agenda, stage
from challenge.game import fold
from challenge.states import Stage, VaultState
from vault.fees import amounts_of
from vault.graph import VaultGraph

if TYPE_CHECKING:
    from node.app import Node


def vault_line(vault: bytes, state: VaultState) -> dict[str, Any]:
    """One line of a list of vaults."""
    return {
        "vault": vault.hex(),
        "stage": stage(state).value,
        "role": state.proposal.parties[state.me].role,
        "sats": sum(state.proposal.slots),
        "slots": len(state.proposal.slots),
        "graphs": len(state.proposal.graphs),
        "end": state.end[1] if state.end else "",
    }


async def show_vault(node: Node, vault: bytes) -> dict[str, Any]:
    """Everything a party sees of one vault."""
    state = node.state(vault)
    proposal, view = state.proposal, fold(state.proposal, state.log)
    live = stage(state) is Stage.LIVE
    graph = await node.context.graph(state) if live else None
    slots = [
        {"value": value, "phase": slot.phase.value, "height": slot.height, "by": slot.by}
        for value, slot in zip(proposal.slots, view.slots, strict=True)
    ]
    graphs = [
        {
            **{name: getattr(terms, name) for name in ("claimant", "outcome", "slot", "engine", "profile", "amount", "bond")},
            "commitment": terms.statement.hex(),
            "phase": game.phase.value,
            "last": game.last,
        }
        for terms, game in zip(proposal.graphs, view.graphs, strict=True)
    ]  # fmt: skip
    return {
        **vault_line(vault, state),
        "me": state.me,
        "height": node.scanner.height,
        "parties": [{"identity": party.identity.hex(), "role": party.role} for party in proposal.parties],
        "slots": slots,
        "graphs": graphs,
        "agenda": [
            {"name": item.name, "since": item.since, "until": item.until, "why": item.why} for item in agenda(state)
        ],
        "jobs": [{"kind": job.kind, "indices": list(job.indices), **node.progress(vault, job)} for job in state.jobs],
        "transactions": [*node.stakes(vault), *(_transactions(graph, state) if graph else [])],
        "setup": node.context.phases.table(vault),
    }


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
