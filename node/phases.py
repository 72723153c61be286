"""What a vault's setup cost, by stage: seconds, bytes, signatures.

Counted in memory, so that a restart in the middle begins a new count; what was counted when the vault became live is stored
(`cost_key`). Does NOT know what any of it was spent on.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from challenge.states import SETUP_OVER, Stage


@dataclass(slots=True)
class Cost:
    """One stage: seconds until the next one began, bytes of messages and artifacts in and out, signatures of any kind.

    `made` and `checked` count partial signatures and presignatures, each as often as it was made or checked.
    """

    seconds: float = 0.0
    received: int = 0
    sent: int = 0
    made: int = 0
    checked: int = 0


def cost_key(vault: bytes) -> bytes:
    """Where the table of a setup that is over stands in the column `jobs`, as MessagePack."""
    return vault + b"/cost"


def totals(table: list[dict[str, Any]]) -> dict[str, Any]:
    """The sums of a table."""
    return {name.name: round(sum(row[name.name] for row in table), 3) for name in fields(Cost)}


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

    def made(self, vault: bytes, stage: Stage, count: int) -> None:
        """Signatures were made."""
        self._at(vault, stage).made += count

    def checked(self, vault: bytes, stage: Stage, count: int) -> None:
        """Signatures of others were checked."""
        self._at(vault, stage).checked += count

    def came(self, vault: bytes) -> int:
        """Bytes received for a vault so far."""
        return sum(cost.received for cost in self._costs.get(vault, {}).values())

    def table(self, vault: bytes) -> list[dict[str, Any]]:
        """The stages of the setup in the order they happened; the present one with the seconds it has taken so far."""
        order, now = list(Stage), self._now.get(vault)
        costs = dict(self._costs.get(vault, {}))
        if now is not None:
            cost = costs.get(now[0], Cost())
            costs[now[0]] = replace(cost, seconds=cost.seconds + time.monotonic() - now[1])
        return [
            {"stage": stage.value, **asdict(cost), "seconds": round(cost.seconds, 3)}
            for stage, cost in sorted(costs.items(), key=lambda item: order.index(item[0]))
            if stage not in SETUP_OVER
        ]

    def _at(self, vault: bytes, stage: Stage) -> Cost:
        return self._costs.setdefault(vault, {}).setdefault(stage, Cost())
