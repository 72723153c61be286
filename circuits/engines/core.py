"""Engine `core`: the predicate is the circuit, and FALSE frees the secret.

Promises what `circuits.engine` says, by `native._native.engine`. The claimant garbles and asserts; every challenger
holds tables; a false claim gives each of them the logarithm of its output point. Does NOT know more than that.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from circuits.engine import Digit, Engine, GarblerSide, Kept, Offer, Opened, Setup
from circuits.faults import LocalFault
from circuits.gates import Circuit
from native._native import engine as native
from native._native.garbling import Program, Progress
from native._native.keys import Secret, Seed

__all__ = ["CORE", "layout_of", "params_of", "program_of"]


@lru_cache(maxsize=4)
def program_of(circuit: Circuit) -> Program:
    """The compiled circuit. Few are in use at a time, and each is a few megabytes."""
    return Program(circuit.binary)


def layout_of(circuit: Circuit, digit_bits: int) -> native.Layout:
    """How the circuit's input is cut into digits.

    Raises:
        NativeError: not 1 to 8 bits a digit.
    """
    return native.Layout(input_bits=circuit.input_bits, digit_bits=digit_bits)


def params_of(setup: Setup) -> native.Params:
    """The setup as native code takes it.

    Raises:
        NativeError: the setup is out of range.
    """
    return native.Params(
        setup_id=setup.setup_id,
        context=setup.context,
        program=program_of(setup.circuit),
        instances=setup.profile.instances,
        kept=setup.profile.kept,
        digit_bits=setup.digit_bits,
    )


class _Garbler:
    def __init__(self, setup: Setup, digit_seed: Seed, pair_seed: Seed) -> None:
        self.native = native.Garbler(params_of(setup), digit_seed, pair_seed)

    def offer(self, progress: Progress) -> Offer:
        return Offer(
            points=self.native.digit_points(),
            polynomial=self.native.output_points(),
            commitments=self.native.commit(progress),
        )

    def open(self, kept: Sequence[int], progress: Progress) -> Opened:
        openings, artifact = self.native.open(list(kept), progress)
        return Opened(openings=openings, artifact=artifact)


class _Core:
    @property
    def name(self) -> str:
        return "core"

    def garbler(self, setup: Setup, digit_seed: Seed, pair_seed: Seed) -> GarblerSide:
        return _Garbler(setup, digit_seed, pair_seed)

    def prove_knowledge(self, setup: Setup, digit_seed: Seed, sides: Sequence[GarblerSide], context: bytes) -> bytes:
        garblers = [side.native for side in sides if isinstance(side, _Garbler)]
        if len(garblers) != len(sides):
            raise LocalFault(f"expected {len(sides)} sides of engine core, got {len(garblers)}")
        return native.prove_knowledge(layout_of(setup.circuit, setup.digit_bits), digit_seed, garblers, context)

    def check_knowledge(self, points: bytes, context: bytes, proof: bytes) -> bool:
        return native.check_knowledge(points, context, proof)

    def check(self, setup: Setup, offer: Offer, kept: Sequence[int], opened: Opened, progress: Progress) -> Kept:
        shares = native.check(
            params_of(setup),
            offer.points,
            offer.polynomial,
            offer.commitments,
            list(kept),
            opened.openings,
            opened.artifact,
            progress,
        )
        return Kept(
            points=offer.points,
            polynomial=offer.polynomial,
            kept=tuple(kept),
            shares=shares,
            artifact=opened.artifact,
        )

    def evaluate(self, setup: Setup, kept: Kept, digits: Sequence[Digit], progress: Progress) -> Secret | None:
        return native.evaluate(
            params_of(setup),
            kept.points,
            kept.polynomial,
            list(kept.kept),
            kept.shares,
            kept.artifact,
            list(digits),
            progress,
        )


CORE: Engine = _Core()
"""The engine."""
