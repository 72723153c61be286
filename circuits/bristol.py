"""Circuits in Bristol Fashion, as files come from strangers.

Promises that a file is read whole or refused with the line named, and that no file makes the reader allocate more than
its own length allows. Wire i of a number is bit i of it. Gates XOR, AND, INV, EQ (a constant) and EQW (a copy).
Does NOT know MAND, the old Bristol format, or what a circuit means. Source: https://nigelsmart.github.io/MPC-Circuits/
"""

from __future__ import annotations

from dataclasses import dataclass

from circuits.faults import CircuitFault
from circuits.gates import FALSE, MAX_INPUT_BITS, TRUE, Builder, Circuit, Wire

__all__ = ["read_bristol"]

_MAX_BYTES = 1 << 28  # a text of 10 million gates
_MAX_NUMBERS = 1 << 10
_MAX_DIGITS = 10  # int() of a long string of digits costs quadratic time
_INPUTS_OF = {"XOR": 2, "AND": 2, "INV": 1, "EQ": 1, "EQW": 1}


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the file that is not empty, with its number for errors."""

    number: int
    words: list[str]

    def fault(self, expected: str, got: object) -> CircuitFault:
        return CircuitFault(field=f"line {self.number}", expected=expected, got=got)

    def numbers(self, expected: str) -> list[int]:
        for word in self.words:
            if not word.isascii() or not word.isdigit() or len(word) > _MAX_DIGITS:
                raise self.fault(expected, repr(word[:40]))
        return [int(word) for word in self.words]


def read_bristol(data: bytes) -> Circuit:
    """Reads a Bristol Fashion file.

    Gates keep their order; those that no output needs are left out, negations become XOR with true.

    Raises:
        CircuitFault: names the line, what was expected and what came.
    """
    if len(data) > _MAX_BYTES:
        raise CircuitFault(field="file", expected=f"at most {_MAX_BYTES} bytes", got=len(data))
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise CircuitFault(field="file", expected="ASCII text", got=f"byte {error.start} of another kind") from None
    lines = [_Line(number, words) for number, line in enumerate(text.split("\n"), 1) if (words := line.split())]
    if len(lines) < 3:
        raise CircuitFault(field="file", expected="a header of three lines", got=f"{len(lines)} lines")
    counts, header_in, header_out, *body = lines
    match counts.numbers("numbers of gates and wires"):
        case [gate_count, wire_count]:
            pass
        case other:
            raise counts.fault("numbers of gates and wires", f"{len(other)} numbers")
    inputs, outputs = _widths(header_in, "inputs", MAX_INPUT_BITS), _widths(header_out, "outputs", _MAX_BYTES)
    if len(body) != gate_count:
        raise counts.fault(f"{len(body)} gates, as many as lines follow", gate_count)
    # every gate writes one wire of its own, so the counts leave no wire without a writer
    if wire_count != sum(inputs) + gate_count or wire_count < sum(outputs):
        raise counts.fault(f"{sum(inputs) + gate_count} wires, inputs and gates, and outputs among them", wire_count)
    builder = Builder(inputs)
    # wire number of the file -> wire of the builder; -1 while nothing has written it
    wires: list[Wire] = [wire for position in range(len(inputs)) for wire in builder.input(position)]
    wires += [-1] * (wire_count - len(wires))
    for line in body:
        _add_gate(line, builder, wires)
    last = wires[wire_count - sum(outputs) :]
    parts, start = [], 0
    for width in outputs:
        parts.append(last[start : start + width])
        start += width
    return builder.finish(parts)


def _widths(line: _Line, what: str, limit: int) -> list[int]:
    expected = f"the number of {what} and the width of each"
    numbers = line.numbers(expected)
    if len(numbers) < 2 or numbers[0] != len(numbers) - 1 or numbers[0] > _MAX_NUMBERS or 0 in numbers:
        raise line.fault(expected, " ".join(line.words)[:80])
    if sum(numbers[1:]) > limit:
        raise line.fault(f"at most {limit} bits", sum(numbers[1:]))
    return numbers[1:]


def _add_gate(line: _Line, builder: Builder, wires: list[Wire]) -> None:
    *words, name = line.words
    arity = _INPUTS_OF.get(name)
    if arity is None:
        raise line.fault(f"a gate of {', '.join(_INPUTS_OF)}", repr(name[:40]))
    expected = f"{arity} 1, {arity} input wires, 1 output wire, {name}"
    numbers = _Line(line.number, words).numbers(expected)
    if len(numbers) != arity + 3 or numbers[:2] != [arity, 1]:
        raise line.fault(expected, " ".join(line.words)[:80])
    *sources, target = numbers[2:]
    if target >= len(wires) or wires[target] != -1:
        state = "one written before" if target < len(wires) else "one out of range"
        raise line.fault("an output wire in range, written once", f"{target}, {state}")
    if name == "EQ":
        if sources[0] > 1:
            raise line.fault("a constant 0 or 1", sources[0])
        wires[target] = TRUE if sources[0] else FALSE
        return
    for source in sources:
        if source >= len(wires) or wires[source] == -1:
            raise line.fault("input wires that an input or an earlier gate wrote", source)
    match name, [wires[source] for source in sources]:
        case "XOR", [a, b]:
            wires[target] = builder.xor(a, b)
        case "AND", [a, b]:
            wires[target] = builder.and_(a, b)
        case "INV", [a]:
            wires[target] = builder.not_(a)
        case _, [a]:  # EQW
            wires[target] = a
