"""What a dispute engine is: the one interface behind which `core` stands, and `babe` will.

An engine turns a claim about published digits into a secret scalar that decides a dispute. The garbler makes
everything from two seeds, the evaluator draws a kept set and checks, and later evaluates on digits read from the
chain. All of it is pure and reproducible: nothing here reads a clock, a file or a generator. Long calls take a
`Progress`, which another thread may read and cancel; run them off the loop.

The caller's duties: draw the kept set from its own generator after the commitments arrived; store the first kept set it
is asked for under a setup id and never answer another; store what `check` returns; let no label leave twice.
Does NOT know transactions, messages or storage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from circuits.cut_and_choose import Profile
from circuits.gates import Circuit
from native._native.garbling import Progress
from native._native.keys import Secret, Seed

__all__ = ["Digit", "Engine", "GarblerSide", "Kept", "Offer", "Opened", "Setup"]

Digit = tuple[int, bytes]
"""A published digit: its value, and the 32-byte secret that publishing it showed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a pair agrees on before anything is garbled.

    Attributes:
        setup_id: 32 bytes, H(vault id, graph, garbler, evaluator, fresh bytes of both sides).
        context: what the commitments are bound to besides: graph, statement, profile.
        circuit: the predicate, one output bit.
        profile: how many instances, how many kept.
        digit_bits: bits of a digit, 1 to 8.
    """

    setup_id: bytes
    context: bytes
    circuit: Circuit
    profile: Profile
    digit_bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the garbler publishes first.

    Attributes:
        points: S, 33 bytes a point; for each digit c, d_0 .. d_(b-1).
        polynomial: F, 33 bytes a coefficient; the first is the output point O.
        commitments: 32 bytes an instance.
    """

    points: bytes = field(repr=False)
    polynomial: bytes = field(repr=False)
    commitments: bytes = field(repr=False)

    @property
    def output_point(self) -> bytes:
        """O, whose logarithm decides: 33 bytes."""
        return self.polynomial[:33]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The garbler's answer to a kept set.

    Attributes:
        openings: a record for each instance that is not kept, ascending.
        artifact: a record for each kept instance, ascending.
    """

    openings: bytes | memoryview = field(repr=False)
    artifact: bytes | memoryview = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What an evaluator stores to evaluate later; all of it checked.

    Attributes:
        points: S.
        polynomial: F.
        kept: the kept indices, ascending.
        shares: 32 bytes for each opened instance, ascending.
        artifact: the kept instances.
    """

    points: bytes = field(repr=False)
    polynomial: bytes = field(repr=False)
    kept: tuple[int, ...]
    shares: bytes = field(repr=False)
    artifact: bytes | memoryview = field(repr=False)


class GarblerSide(Protocol):
    """One garbler towards one evaluator under one setup id; follows from the setup and two seeds."""

    def offer(self, progress: Progress) -> Offer:
        """Points and commitments; garbles every instance once and keeps none."""

    def open(self, kept: Sequence[int], progress: Progress) -> Opened:
        """Answers a kept set. ONE under a setup id, ever: two show f(0).

        Raises:
            NativeError: not M distinct indices in range, ascending; or cancelled.
        """


class Engine(Protocol):
    """A dispute engine."""

    @property
    def name(self) -> str:
        """As in Terms."""

    def garbler(self, setup: Setup, digit_seed: Seed, pair_seed: Seed) -> GarblerSide:
        """The garbler's side. The digit seed is the graph's, the pair seed this evaluator's.

        Raises:
            NativeError: the setup is out of range.
        """

    def prove_knowledge(self, setup: Setup, digit_seed: Seed, sides: Sequence[GarblerSide], context: bytes) -> bytes:
        """A proof, bound to `context`, that whoever garbles knows the logarithms of S and of every side's output point.

        `sides` are this engine's, of one graph, in the order in which their output points are stated.

        Raises:
            LocalFault: a side of another engine.
        """

    def check_knowledge(self, points: bytes, context: bytes, proof: bytes) -> bool:
        """Whether that proof is valid for S followed by the output points, 33 bytes a point.

        Raises:
            NativeError: a length or a point that is wrong.
        """

    def check(self, setup: Setup, offer: Offer, kept: Sequence[int], opened: Opened, progress: Progress) -> Kept:
        """Regenerates what was opened, recomputes what is kept.

        Raises:
            NativeError: names exactly what is wrong.
        """

    def evaluate(self, setup: Setup, kept: Kept, digits: Sequence[Digit], progress: Progress) -> Secret | None:
        """The logarithm of O, if the published digits free it; None if they do not.

        Raises:
            NativeError: wrong secrets, or stored bytes that were damaged.
        """
