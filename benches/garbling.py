"""Garbling and evaluation on one thread: how many AND gates a second at K instances in lockstep, against a naive loop.

The circuit is the withdrawal predicate; garbling includes the BLAKE3 of the table. The baseline is the straightforward walk
over the gate list, one instance, one block cipher call a hash, in the same language on the same machine in the same run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

from circuits.withdrawal import commitment_of, withdrawal
from native._native import garbling as native
from native._native.garbling import Program, Progress
from native._native.keys import Seed

Figure = dict[str, float | str]
ROUNDS = 15
WIDTHS = (1, 4, 8)


def _interleaved(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median seconds of each call; rounds go through all of them, so that a noisy moment hits all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for round_ in range(ROUNDS + 2):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if round_ >= 2:  # the first two warm caches
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def run() -> dict[str, Figure]:
    """Rates in millions of AND gates a second over all lanes; ratio is rate by baseline."""
    circuit = withdrawal(commitment=commitment_of(1_000, 7), amount=500)
    program, path = Program(circuit.binary), native.paths()[0]
    seeds = [Seed.generate() for _ in range(max(WIDTHS))]
    bits = bytes(circuit.encode((1_000, 7)))
    garbled = native.garble(program, seeds, path, Progress())
    held = [(one.key, one.s, one.encode(bits), one.table) for one in garbled]
    garble: dict[str, Callable[[], object]] = {"naive": lambda: native.naive_garble_root(program, seeds[0])}
    evaluate: dict[str, Callable[[], object]] = {"naive": lambda: native.naive_evaluate(program, held[0], bits)}
    for width in WIDTHS:
        garble[f"K={width}"] = partial(native.garble_root, program, seeds[:width], path, Progress())
        evaluate[f"K={width}"] = partial(native.evaluate, program, held[:width], bits, path, Progress())
    figures: dict[str, Figure] = {}
    for verb, calls in (("garble", garble), ("evaluate", evaluate)):
        seconds = _interleaved(calls)
        baseline = program.ands / seconds["naive"] / 1e6
        for width in WIDTHS:
            rate = width * program.ands / seconds[f"K={width}"] / 1e6
            figures[f"{verb}, K={width}, {path}"] = {
                "value": round(rate, 1),
                "unit": "M AND/s",
                "baseline": round(baseline, 1),
                "ratio": round(rate / baseline, 2),
            }
    return figures
