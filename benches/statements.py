"""The two statements: constraints, coefficients and wires of each, and processor time to synthesize one.

Baseline of the constraints is the evaluation domain, the power of two that a prover transforms: ratio is how much of it is
left. Baseline of an event of a batch of 16 is a batch of one. Ratio is baseline by value.
"""

from __future__ import annotations

import statistics
import time

from native._native.statements import statement

Figure = dict[str, float | str]
STATEMENTS = {"outcome": ("outcome", 0), "transition of 1": ("transition", 1), "transition of 16": ("transition", 16)}
ROUNDS = 3


def run() -> dict[str, Figure]:
    """Counts, and seconds of processor time."""
    figures: dict[str, Figure] = {}
    constraints = {}
    for label, (name, batch) in STATEMENTS.items():
        seconds = []
        for _ in range(ROUNDS):
            start = time.process_time()
            circuit = statement(name, batch)
            seconds.append(time.process_time() - start)
        constraints[label] = circuit.constraints
        domain = 1 << (circuit.constraints + circuit.public).bit_length()
        figures[f"{label}, constraints"] = _figure(circuit.constraints, "constraints", domain)
        figures[f"{label}, coefficients"] = _figure(circuit.nonzeros, "nonzeros", "-")
        figures[f"{label}, wires"] = _figure(circuit.wires, "wires", "-")
        figures[f"{label}, synthesis"] = _figure(round(statistics.median(seconds), 3), "s CPU", "-")
    event = round(constraints["transition of 16"] / 16)
    figures["transition, an event"] = _figure(event, "constraints", constraints["transition of 1"])
    return figures


def _figure(value: float, unit: str, baseline: float | str) -> Figure:
    ratio = round(baseline / value, 2) if isinstance(baseline, int | float) else "-"
    return {"value": value, "unit": unit, "baseline": baseline, "ratio": ratio}
