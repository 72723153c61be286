"""Setup of engine core between one garbler and one evaluator, by phase, and one evaluation; all cores, both sides.

The circuit is the withdrawal predicate with four-bit digits. The baseline of a phase is what the curve library would
take for the phase's point multiplications alone, one call each, spread over the same cores, measured in the same run:
480 products a garbled instance (commit, open), 960 weighted points an opened one (check), 96 a kept one (evaluate).
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from circuits.cut_and_choose import PROFILES, draw_kept
from circuits.digits import digits_of
from circuits.engine import Setup
from circuits.engines.core import CORE
from circuits.engines.pairs import layout_of
from circuits.gates import Circuit
from circuits.withdrawal import commitment_of, withdrawal
from native._native import engine as native
from native._native.garbling import Progress
from native._native.keys import Seed
from native._native.signing import combine, presign

Figure = dict[str, float | str]
Result = TypeVar("Result")
PROFILE_ROUNDS = {"test": 5, "default": 3}
DIGIT_BITS = 4
BALANCE, SALT, AMOUNT = 1_000, 7, 1_001


def _timed(call: Callable[[], Result]) -> tuple[float, Result]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def _library_multiplication() -> float:
    """Median seconds of one multiplication by the curve library."""
    point = native.hash_to_curve(b"bench", [b""])
    scalars = [bytes([i % 250 + 1]) * 32 for i in range(500)]
    return statistics.median(_timed(partial(combine, [point], [scalar]))[0] for scalar in scalars)


def _digits(circuit: Circuit, digit_seed: Seed, points: bytes) -> list[tuple[int, bytes]]:
    """The published digits of a false claim."""
    layout = layout_of(circuit, DIGIT_BITS)
    values = digits_of(circuit, (BALANCE, SALT), DIGIT_BITS)
    group, all_points = Seed.generate().secret(b"group"), native.value_points(layout, points)
    presignatures = b"".join(
        presign(group, bytes([number // layout.values]) * 32, all_points[33 * number : 33 * number + 33], None)
        for number in range(layout.digits * layout.values)
    )
    signatures = native.complete_digits(presignatures, layout, digit_seed, values)
    return native.extract_digits(presignatures, layout, signatures, points)


def run() -> dict[str, Figure]:
    """Seconds of each phase; ratio is baseline by value."""
    circuit = withdrawal(commitment=commitment_of(BALANCE, SALT), amount=AMOUNT)
    figures: dict[str, Figure] = {}
    for name, rounds in PROFILE_ROUNDS.items():
        profile = PROFILES[name]
        phases: dict[str, list[float]] = {"commit": [], "open": [], "check": [], "evaluate": []}
        for _ in range(rounds):
            setup_id = Seed.generate().reveal()
            setup = Setup(
                setup_id=setup_id,
                context=b"bench",
                circuit=circuit,
                statement=None,
                profile=profile,
                digit_bits=DIGIT_BITS,
            )
            digit_seed = Seed.generate()
            side = CORE.side(setup, digit_seed, Seed.generate())
            commit, offer = _timed(partial(side.offer, Progress()))
            kept_set = draw_kept(profile, Seed.generate().reveal())
            opening, opened = _timed(partial(side.open, kept_set, Progress()))
            check, kept = _timed(partial(CORE.check, setup, offer, kept_set, opened, Progress()))
            digits = _digits(circuit, digit_seed, offer.points)
            evaluation, secret = _timed(partial(CORE.evaluate, setup, kept, digits, b"", Progress()))
            if secret is None or secret.point() != offer.output_point:
                raise AssertionError("a false claim freed no secret")
            for phase, seconds in zip(phases, (commit, opening, check, evaluation), strict=True):
                phases[phase].append(seconds)
        medians = {phase: statistics.median(times) for phase, times in phases.items()}
        layout, opened_count = layout_of(circuit, DIGIT_BITS), profile.instances - profile.kept
        products = {
            "commit": profile.instances * layout.points,
            "open": profile.instances * layout.points,
            "check": opened_count * 2 * layout.points,
            "evaluate": profile.kept * layout.digits,
        }
        setup_phases = ("commit", "open", "check")
        medians["whole setup"] = sum(medians[phase] for phase in setup_phases)
        products["whole setup"] = sum(products[phase] for phase in setup_phases)
        for phase, seconds in medians.items():
            baseline = products[phase] * _library_multiplication() / (os.cpu_count() or 1)
            figures[f"{name} ({profile.instances}, {profile.kept}): {phase}"] = {
                "value": round(seconds, 4),
                "unit": "s",
                "baseline": round(baseline, 4),
                "ratio": round(baseline / seconds, 2),
            }
    return figures
