"""What both dispute engines are in native code: one class, told apart by name, garbler and the statement of a setup.

Promises what `circuits.engine` says, by `native._native.engine`. Does NOT know who claims what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from circuits.engine import Digit, Encrypted, GarblerSide, Kept, Offer, Opened, Predicate, Setup
from circuits.faults import LocalFault
from native._native import engine as native
from native._native.garbling import Program, Progress
from native._native.keys import Secret, Seed

__all__ = ["PairEngine", "layout_of", "params_of", "program_of", "statement_of"]


@lru_cache(maxsize=4)
def program_of(circuit: Predicate) -> Program:
    """The compiled circuit. Few are in use at a time, and each is a few megabytes."""
    return Program(circuit.binary)


@lru_cache(maxsize=16)
def statement_of(encrypted: Encrypted) -> native.Statement:
    """The statement with its tables (0.9 MB, some milliseconds): a vault has one a graph.

    Raises:
        NativeError: no verifying key of one public input, or an input not below r.
    """
    return native.Statement(encrypted.key, encrypted.x)


def layout_of(circuit: Predicate, digit_bits: int) -> native.Layout:
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
        statement=None if setup.statement is None else statement_of(setup.statement),
        instances=setup.profile.instances,
        kept=setup.profile.kept,
        digit_bits=setup.digit_bits,
    )


class _Side:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PairEngine:
    """An engine whose work is native.

    Attributes:
        name: as in Terms.
        garbler: whose part garbling is.
    """

    name: Literal["core", "babe"]
    garbler: Literal["claimant", "challenger"]

    def side(self, setup: Setup, digit_seed: Seed, pair_seed: Seed) -> GarblerSide:
        """As `Engine.side`."""
        return _Side(setup, digit_seed, pair_seed)

    def points(self, setup: Setup, digit_seed: Seed) -> bytes:
        """As `Engine.points`."""
        return native.digit_points(layout_of(setup.circuit, setup.digit_bits), digit_seed)

    def prove_knowledge(
        self,
        setup: Setup,
        digit_seed: Seed,
        sides: Sequence[GarblerSide],
        keys: Sequence[Secret],
        context: bytes,
    ) -> bytes:
        """As `Engine.prove_knowledge`."""
        garblers = [side.native for side in sides if isinstance(side, _Side)]
        if len(garblers) != len(sides):
            raise LocalFault(f"expected {len(sides)} sides of native engines, got {len(garblers)}")
        layout = layout_of(setup.circuit, setup.digit_bits)
        return native.prove_knowledge(layout, digit_seed, garblers, list(keys), context)

    def check_knowledge(self, points: bytes, context: bytes, proof: bytes) -> bool:
        """As `Engine.check_knowledge`."""
        return native.check_knowledge(points, context, proof)

    def check(self, setup: Setup, offer: Offer, kept: Sequence[int], opened: Opened, progress: Progress) -> Kept:
        """As `Engine.check`."""
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

    def check_opened(
        self, setup: Setup, offer: Offer, kept: Sequence[int], openings: bytes | memoryview, progress: Progress
    ) -> None:
        """As `Engine.check_opened`."""
        parts = (offer.points, offer.polynomial, offer.commitments)
        native.check_opened(params_of(setup), *parts, list(kept), openings, progress)

    def make_drill(self, setup: Setup, kept: Sequence[int], opened: Opened) -> bytes:
        """As `Engine.make_drill`."""
        return native.make_drill(params_of(setup), list(kept), opened.openings)

    def run_drill(self, setup: Setup, drill: bytes | memoryview, progress: Progress) -> bool:
        """As `Engine.run_drill`."""
        return native.run_drill(params_of(setup), drill, progress)

    def evaluate(
        self, setup: Setup, kept: Kept, digits: Sequence[Digit], witness: bytes, progress: Progress
    ) -> Secret | None:
        """As `Engine.evaluate`."""
        return native.evaluate(
            params_of(setup),
            kept.points,
            kept.polynomial,
            list(kept.kept),
            kept.shares,
            kept.artifact,
            list(digits),
            witness,
            progress,
        )
