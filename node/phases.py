"""Seconds and bytes of a vault's setup by stage: what it cost. In memory only; a restart begins a new count."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from challenge.states import Stage


@dataclass(slots=True)
class Cost:
    """One stage: seconds until the next one began, bytes of messages and artifacts in and out."""

    seconds: float = 0.0
    received: int = 0
    sent: int = 0


@dataclass(slots=True)
class Phases:
    """The costs of every vault by stage."""

    _costs: dict[bytes, dict[Stage, Cost]] = field(default_factory=dict)
    _now: dict[bytes, tuple[Stage, float]] = field(default_factory=dict)

    def reached(self, vault: bytes, stage: Stage) -> None:
        """A vault is at a stage."""
        clock = time.monotonic()
        before = self._now.get(vault)
        if before is not None and before[0] is not stage:
            self._at(vault, before[0]).seconds += clock - before[1]
        if before is None or before[0] is not stage:
            self._now[vault] = (stage, clock)

    def received(self, vault: bytes, stage: Stage, size: int) -> None:
        """Bytes came."""
        self._at(vault, stage).received += size

    def sent(self, vault: bytes, stage: Stage, size: int) -> None:
        """Bytes went."""
        self._at(vault, stage).sent += size

    def table(self, vault: bytes) -> list[dict[str, Any]]:
        """The stages of the setup in the order they happened."""
        order = list(Stage)
        costs = sorted(self._costs.get(vault, {}).items(), key=lambda item: order.index(item[0]))
        return [
            {"stage": stage.value, "seconds": round(cost.seconds, 3), "received": cost.received, "sent": cost.sent}
            for stage, cost in costs
            if stage is not Stage.LIVE
        ]

    def _at(self, vault: bytes, stage: Stage) -> Cost:
        return self._costs.setdefault(vault, {}).setdefault(stage, Cost())
