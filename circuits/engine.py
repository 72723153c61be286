"""What a dispute engine is: the one interface behind which `core` and `babe` stand.

An engine turns a claim about published digits into a secret scalar that decides a dispute. The garbler makes
everything from two seeds, the evaluator draws a kept set and checks, and later evaluates on digits read from the
chain. Who garbles differs: in `core` the claimant, whose false claim frees the secret; in `babe` each challenger, whose
secret a valid proof frees. All of it is pure and reproducible: nothing here reads a clock, a file or a generator. Long
calls take a `Progress`, which another thread may read and cancel; run them off the loop.

The caller's duties: draw the kept set from its own generator after the commitments arrived; store the first kept set it
is asked for under a setup id and never answer another; store what `check` returns; let no label leave twice.
Does NOT know transactions, messages or storage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from circuits.cut_and_choose import Profile
from native._native.garbling import Progress
from native._native.keys import Secret, Seed

__all__ = ["Digit", "Encrypted", "Engine", "GarblerSide", "Kept", "Offer", "Opened", "Predicate", "Setup"]

Digit = tuple[int, bytes]
"""A published digit: its value, and the 32-byte secret that publishing it showed."""


class Predicate(Protocol):
    """What is garbled, by its binary form; a `circuits.gates.Circuit` is one. Equal ones have equal ids."""

    @property
    def id(self) -> bytes:
        """BLAKE3 of the binary form, 32 bytes."""

    @property
    def binary(self) -> bytes:
        """The stable binary form."""

    @property
    def input_bits(self) -> int:
        """Bits of all inputs together."""

    def __hash__(self) -> int:
        """Equal ones have equal hashes: compiled circuits are kept by them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encrypted:
    """The statement to which shares are encrypted: who holds a valid proof of it opens them.

    Attributes:
        key: its verifying key, Groth16 on BN254 with one public input, in arkworks' compressed form.
        x: the public input, 32 bytes big-endian below r.
    """

    key: bytes = field(repr=False)
    x: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a pair agrees on before anything is garbled.

    Attributes:
        setup_id: 32 bytes, H(vault id, graph, garbler, evaluator, fresh bytes of both sides).
        context: what the commitments are bound to besides: graph, statement, profile.
        circuit: core: the predicate, one output bit; babe: `circuits.engines.babe.CIRCUIT`.
        statement: core: None; babe: what a proof must prove.
        profile: how many instances, how many kept.
        digit_bits: bits of a digit, 1 to 8.
    """

    setup_id: bytes
    context: bytes
    circuit: Predicate
    statement: Encrypted | None
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
    def name(self) -> Literal["core", "babe"]:
        """As in Terms."""

    @property
    def garbler(self) -> Literal["claimant", "challenger"]:
        """Whose part in a graph garbling is; the other one evaluates."""

    def side(self, setup: Setup, digit_seed: Seed, pair_seed: Seed) -> GarblerSide:
        """The garbler's side. The digit seed is its own of this graph, the pair seed this evaluator's.

        Raises:
            NativeError: the setup is out of range.
        """

    def points(self, setup: Setup, digit_seed: Seed) -> bytes:
        """The digit points of a seed, 33 bytes each: for who publishes digits and garbles nothing.

        Raises:
            NativeError: not 1 to 8 bits a digit.
        """

    def prove_knowledge(
        self,
        setup: Setup,
        digit_seed: Seed,
        sides: Sequence[GarblerSide],
        keys: Sequence[Secret],
        context: bytes,
    ) -> bytes:
        """A proof, bound to `context`, that its maker knows these logarithms: digit points, output points, keys.

        In this order: the digit points of the seed; the output point of each side, in the order in which they are stated;
        the point of each key as 02 and its x.

        Raises:
            LocalFault: a side of something else.
            NativeError: not 1 to 8 bits a digit.
        """

    def check_knowledge(self, points: bytes, context: bytes, proof: bytes) -> bool:
        """Whether that proof is valid for all these points in that order, 33 bytes a point.

        Raises:
            NativeError: a length or a point that is wrong.
        """

    def check(self, setup: Setup, offer: Offer, kept: Sequence[int], opened: Opened, progress: Progress) -> Kept:
        """Regenerates what was opened, recomputes what is kept.

        Raises:
            NativeError: names exactly what is wrong.
        """

    def check_opened(
        self, setup: Setup, offer: Offer, kept: Sequence[int], openings: bytes | memoryview, progress: Progress
    ) -> None:
        """The part of `check` that needs no kept instance: for who judges a setup later and elsewhere.

        Raises:
            NativeError: names exactly what is wrong.
        """

    def make_drill(self, setup: Setup, kept: Sequence[int], opened: Opened) -> bytes:
        """A drill from the lowest opened instance, which `check` must have accepted: it stands for those that are kept.

        Raises:
            NativeError: a wrong length, or an opening that is none.
        """

    def run_drill(self, setup: Setup, drill: bytes | memoryview, progress: Progress) -> bool:
        """Evaluates a drill end to end on digits that nobody publishes; whether it gave the answer it must give.

        Raises:
            NativeError: bytes that cannot be a drill of this pair.
        """

    def evaluate(
        self, setup: Setup, kept: Kept, digits: Sequence[Digit], witness: bytes, progress: Progress
    ) -> Secret | None:
        """The logarithm of O, if the published digits free it; None if they do not.

        core: `witness` is empty, and a false predicate frees it. babe: `witness` is the proof, 256 bytes in the form of
        EIP-197; None when it is not valid for the statement, or its first point is not what the digits say.

        Raises:
            NativeError: wrong secrets, or stored bytes that were damaged; or the digits free it and no kept instance holds
                a share, which cut-and-choose allows a cheat with chance 1 / C(N, M).
        """
