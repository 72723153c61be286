"""The node's figures in Prometheus' text format, taken when somebody asks. No label carries a value that a peer chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, generate_latest

if TYPE_CHECKING:
    from node.app import Node
    from node.daemon import Daemon


def exposition(daemon: Daemon) -> bytes:
    """All figures as of now."""
    node, registry = daemon.node, CollectorRegistry()
    reserve = node.reserve.sats()
    single = {
        "height": ("Height of the last block processed.", node.scanner.height),
        "turns": ("Turns of the loop since the start, each one commit.", node.loop.turns),
        "outbox": ("Messages that a peer has not acknowledged.", len(node.outbox)),
        "jobs": ("Jobs under way.", node.under_way()["jobs"]),
        "peers_connected": ("Connected peers.", sum(peer.presence == "up" for peer in daemon.peers.list())),
        "fee_reserve_needed_sats": ("What could be forced on the node at the worst fee rate.", reserve["needed"]),
        "fee_reserve_free_sats": ("Free confirmed coins that could pay it.", reserve["free"]),
        "alarms": ("Alarms since the start: each needs an operator.", node.alarms),
    }
    for name, (text, value) in single.items():
        Gauge(f"bitvm3_{name}", text, registry=registry).set(value)
    vaults = Gauge("bitvm3_vaults", "Vaults by stage.", ["stage"], registry=registry)
    stages, answers = node.decisions.tally(node.book.items())
    for name, count in stages.items():
        vaults.labels(stage=name).set(count)
    decided = Gauge(
        "bitvm3_decisions",
        "What this node does, does not, or still finds out, by question.",
        ["about", "does"],
        registry=registry,
    )
    for (about, does), count in answers.items():
        decided.labels(about=about, does=does).set(count)
    _ledgers(node, registry)
    return generate_latest(registry)


def _ledgers(node: Node, registry: CollectorRegistry) -> None:
    """By ledger: the operator has opened each."""
    figures = {
        "seq": "Events up to the last final checkpoint.",
        "proofs_verified": "Transition proofs verified since the start.",
        "entries_refused": "Entries, batches and events refused since the start.",
        "checkpoints_signed": "Checkpoints signed here since the start.",
        "equivocations": "Attestors proved to have signed two roots for one seq.",
    }
    gauges = {
        name: Gauge(f"bitvm3_ledger_{name}", text, ["ledger"], registry=registry) for name, text in figures.items()
    }
    for opened in node.ledgers.open_ledgers.values() if node.ledgers is not None else ():
        for name, value in opened.figures().items():
            gauges[name].labels(ledger=opened.id.hex()[:16]).set(value)
