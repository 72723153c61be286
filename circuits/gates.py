"""Boolean circuits: a builder, the stable binary form, and plain evaluation.

Promises: two kinds of gates, XOR and AND, over two constant wires; NOT x is x XOR true; constants are folded while
building and gates nobody needs are left out of the finished circuit. The binary form is the one `native` reads, and a
circuit's id is its BLAKE3. Does NOT know numbers, labels, or what a circuit is for.

Wires: 0 is constant false, 1 constant true, then the input bits (bit i of a number is its i-th wire, least significant
first), then one wire for each gate. A gate reads earlier wires only.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import blake3

from circuits.faults import CircuitFault, LocalFault

__all__ = ["FALSE", "MAX_INPUT_BITS", "TRUE", "Builder", "Circuit", "Wire", "bits_of", "number_of"]

Wire = int
FALSE: Wire = 0
TRUE: Wire = 1

MAX_INPUT_BITS = 1 << 20
"""Input bits of a circuit at most: a few bytes of a header name them, and each costs memory."""
_MAGIC = b"bv3circ1"
_AND = 1 << 31
_CONSTANTS = 2
_MAX_NUMBERS = 1 << 16  # bounds what a hostile header can make a reader allocate
_MAX_WIRES = 1 << 30  # bit 31 of a word is taken, bit 30 is spare


def bits_of(number: int, width: int) -> list[int]:
    """The bits of a number, least significant first.

    Raises:
        CircuitFault: the number is negative or has more than `width` bits.
    """
    if number < 0 or number >> width:
        raise CircuitFault(field="number", expected=f"at most {width} bits", got=f"{number.bit_length()} bits")
    return [number >> i & 1 for i in range(width)]


def number_of(bits: Sequence[int]) -> int:
    """The number whose bits these are, least significant first."""
    return sum(bit << i for i, bit in enumerate(bits))


@dataclass(frozen=True, kw_only=True)
class Circuit:
    """A finished circuit.

    Attributes:
        inputs: bits of each input number.
        outputs: bits of each output number.
        gates: two words a gate: left wire (bit 31 set for AND), right wire.
        output_wires: the wire of each output bit, number after number.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    gates: array[int] = field(repr=False)
    output_wires: tuple[Wire, ...] = field(repr=False)

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def input_bits(self) -> int:
        """Bits of all inputs together."""
        return sum(self.inputs)

    @property
    def gate_count(self) -> int:
        """Number of gates."""
        return len(self.gates) // 2

    @cached_property
    def and_count(self) -> int:
        """Number of AND gates: what garbling costs."""
        return sum(word >> 31 for word in self.gates[::2])

    @cached_property
    def binary(self) -> bytes:
        """The stable binary form: magic, input widths, output widths, gates, output wires; words little-endian."""
        header = [len(self.inputs), *self.inputs, len(self.outputs), *self.outputs, self.gate_count]
        gates = self.gates
        if sys.byteorder == "big":
            gates = array("I", gates)
            gates.byteswap()
        return (
            _MAGIC
            + struct.pack(f"<{len(header)}I", *header)
            + gates.tobytes()
            + struct.pack(f"<{len(self.output_wires)}I", *self.output_wires)
        )

    @cached_property
    def id(self) -> bytes:
        """BLAKE3 of the binary form, 32 bytes."""
        return blake3.blake3(self.binary).digest()

    @classmethod
    def parse(cls, data: bytes) -> Circuit:
        """Reads the binary form; refuses anything but exactly one circuit.

        Raises:
            CircuitFault: truncated, too long, or a wire out of range.
        """
        reader = _Reader(data)
        if data[: len(_MAGIC)] != _MAGIC:
            raise CircuitFault(field="circuit", expected=f"the magic {_MAGIC!r}", got=data[: len(_MAGIC)])
        reader.offset = len(_MAGIC)
        inputs = reader.widths("input widths", MAX_INPUT_BITS)
        outputs = reader.widths("output widths", _MAX_WIRES)
        (count,) = reader.words("gate count", 1)
        first = _CONSTANTS + sum(inputs)
        if first + count > _MAX_WIRES:
            raise CircuitFault(field="gate count", expected="at most 2^30 wires", got=first + count)
        gates = reader.words("gates", 2 * count)
        for index in range(count):
            left, right = gates[2 * index] & ~_AND, gates[2 * index + 1]
            if left >= first + index or right >= first + index:
                raise CircuitFault(field=f"gate {index}", expected=f"wires below {first + index}", got=(left, right))
        wires = reader.words("output wires", sum(outputs))
        for wire in wires:
            if wire >= first + count:
                raise CircuitFault(field="output wires", expected=f"wires below {first + count}", got=wire)
        if reader.offset != len(data):
            raise CircuitFault(field="circuit", expected="its end", got=f"{len(data) - reader.offset} more bytes")
        return cls(inputs=tuple(inputs), outputs=tuple(outputs), gates=gates, output_wires=tuple(wires))

    def evaluate(self, *numbers: int) -> tuple[int, ...]:
        """The output numbers of the input numbers.

        Raises:
            CircuitFault: a wrong number of inputs, or one that is too wide.
        """
        return self.evaluate_many([numbers])[0]

    def evaluate_many(self, cases: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
        """Many inputs in one walk: bit j of every wire's integer belongs to case j.

        Raises:
            CircuitFault: as `evaluate`.
        """
        lanes = [self.encode(case) for case in cases]
        every = (1 << len(cases)) - 1
        wires = [0, every]
        wires += [sum(lane[i] << j for j, lane in enumerate(lanes)) for i in range(self.input_bits)]
        gates = self.gates
        for index in range(0, len(gates), 2):
            left, right = gates[index], gates[index + 1]
            if left & _AND:
                wires.append(wires[left ^ _AND] & wires[right])
            else:
                wires.append(wires[left] ^ wires[right])
        return [self.decode([wires[wire] >> j & 1 for wire in self.output_wires]) for j in range(len(cases))]

    def encode(self, numbers: Sequence[int]) -> list[int]:
        """The input bits of the input numbers.

        Raises:
            CircuitFault: a wrong number of inputs, or one that is too wide.
        """
        if len(numbers) != len(self.inputs):
            raise CircuitFault(field="inputs", expected=f"{len(self.inputs)} numbers", got=f"{len(numbers)} numbers")
        bits: list[int] = []
        for position, (number, width) in enumerate(zip(numbers, self.inputs, strict=True)):
            try:
                bits += bits_of(number, width)
            except CircuitFault as fault:
                raise CircuitFault(field=f"input {position}", expected=fault.expected, got=fault.got) from None
        return bits

    def decode(self, bits: Sequence[int]) -> tuple[int, ...]:
        """The output numbers of the output bits."""
        numbers, start = [], 0
        for width in self.outputs:
            numbers.append(number_of(bits[start : start + width]))
            start += width
        return tuple(numbers)


class _Reader:
    """Little-endian words off a byte string, with a name for what is missing."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0

    def words(self, what: str, count: int) -> array[int]:
        end = self.offset + 4 * count
        if end > len(self.data):
            raise CircuitFault(field=what, expected=f"{4 * count} bytes", got=f"{len(self.data) - self.offset} bytes")
        words = array("I", self.data[self.offset : end])
        if sys.byteorder == "big":
            words.byteswap()
        self.offset = end
        return words

    def widths(self, what: str, limit: int) -> array[int]:
        (count,) = self.words(what, 1)
        if not 1 <= count <= _MAX_NUMBERS:
            raise CircuitFault(field=what, expected=f"1 to {_MAX_NUMBERS} numbers", got=count)
        widths = self.words(what, count)
        if not all(widths) or sum(widths) > limit:
            raise CircuitFault(field=what, expected=f"widths of 1 or more, {limit} in all", got=list(widths[:8]))
        return widths


class Builder:
    """Makes a circuit gate by gate; every method gives back the wire (or wires) of its result."""

    def __init__(self, inputs: Sequence[int]) -> None:
        """Starts with input numbers of these widths.

        Raises:
            LocalFault: no input, a width below one, or more than `MAX_INPUT_BITS` in all.
        """
        if not inputs or min(inputs) < 1 or sum(inputs) > MAX_INPUT_BITS:
            raise LocalFault(f"expected inputs of 1 bit or more, {MAX_INPUT_BITS} in all, got widths {list(inputs)}")
        self._inputs = tuple(inputs)
        self._first = _CONSTANTS + sum(inputs)
        self._gates: list[tuple[int, Wire, Wire]] = []
        self._known: dict[tuple[int, Wire, Wire], Wire] = {}

    def input(self, position: int) -> list[Wire]:
        """The wires of an input number, least significant first."""
        start = _CONSTANTS + sum(self._inputs[:position])
        return list(range(start, start + self._inputs[position]))

    def xor(self, a: Wire, b: Wire) -> Wire:
        """A ^ b."""
        if a == b:
            return FALSE
        if a == FALSE:
            return b
        if b == FALSE:
            return a
        return self._gate(0, a, b)

    def and_(self, a: Wire, b: Wire) -> Wire:
        """A & b."""
        if FALSE in (a, b):
            return FALSE
        if a in (TRUE, b):
            return b
        if b == TRUE:
            return a
        if self._is_not(a, b):
            return FALSE
        return self._gate(_AND, a, b)

    def not_(self, a: Wire) -> Wire:
        """Not a; the negation of a negation is the wire itself."""
        if a >= self._first:
            op, left, right = self._gates[a - self._first]
            if op == 0 and TRUE in (left, right):
                return left if right == TRUE else right
        return self.xor(a, TRUE)

    def or_(self, a: Wire, b: Wire) -> Wire:
        """A | b, one AND."""
        return self.not_(self.and_(self.not_(a), self.not_(b)))

    def mux(self, choice: Wire, a: Wire, b: Wire) -> Wire:
        """A where choice is true, else b; one AND."""
        return self.xor(b, self.and_(choice, self.xor(a, b)))

    def all_of(self, wires: Iterable[Wire]) -> Wire:
        """Whether all are true; one AND less than there are wires."""
        result = TRUE
        for wire in wires:
            result = self.and_(result, wire)
        return result

    def finish(self, outputs: Sequence[Sequence[Wire]]) -> Circuit:
        """The circuit of these output numbers, without the gates that none of them needs.

        Raises:
            LocalFault: no output or an empty one.
        """
        if not outputs or not all(outputs):
            raise LocalFault("expected one output or more, each of one bit or more")
        flat = [wire for output in outputs for wire in output]
        needed = bytearray(len(self._gates))
        for wire in flat:
            if wire >= self._first:
                needed[wire - self._first] = 1
        for index in range(len(self._gates) - 1, -1, -1):
            if needed[index]:
                for wire in self._gates[index][1:]:
                    if wire >= self._first:
                        needed[wire - self._first] = 1
        place = list(range(self._first))
        gates = array("I")
        for index, (op, a, b) in enumerate(self._gates):
            place.append(self._first + len(gates) // 2)
            if needed[index]:
                gates.append(place[a] | op)
                gates.append(place[b])
        return Circuit(
            inputs=self._inputs,
            outputs=tuple(len(output) for output in outputs),
            gates=gates,
            output_wires=tuple(place[wire] for wire in flat),
        )

    def _is_not(self, a: Wire, b: Wire) -> bool:
        low, high = sorted((a, b))
        return high >= self._first and self._gates[high - self._first] == (0, TRUE, low)

    def _gate(self, op: int, a: Wire, b: Wire) -> Wire:
        if a > b:
            a, b = b, a
        key = (op, a, b)
        known = self._known.get(key)
        if known is None:
            known = self._first + len(self._gates)
            self._gates.append(key)
            self._known[key] = known
        return known
