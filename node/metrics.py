"""Counters and gauges for Prometheus, in a registry of their own.

Promises: names and labels are fixed here; no label carries a value that a peer or client chooses. Does NOT serve them:
`text` gives the exposition format to whoever does.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """The node's figures. One per daemon, so that several nodes fit into one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        registry = self._registry
        self.height = Gauge("bitvm3_height", "Height of the last block processed.", registry=registry)
        self.vaults = Gauge("bitvm3_vaults", "Vaults by stage.", ["stage"], registry=registry)
        self.outbox = Gauge("bitvm3_outbox", "Messages not yet acknowledged.", registry=registry)
        self.jobs = Gauge("bitvm3_jobs", "Jobs waiting or running.", registry=registry)
        self.peers = Gauge("bitvm3_peers_connected", "Connected peers.", registry=registry)
        self.turns = Counter("bitvm3_turns", "Turns of the loop, each one commit.", registry=registry)
        self.commit = Histogram(
            "bitvm3_commit_seconds",
            "Time of one synced batch.",
            buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5),
            registry=registry,
        )
        self.faults = Counter("bitvm3_faults", "Faults by whose they are.", ["whose"], registry=registry)
        self.alarms = Counter("bitvm3_alarms", "Alarms that need an operator.", registry=registry)

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)
