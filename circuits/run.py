"""Running one circuit file on given inputs: the pure part of `bitvm3 circuit run`.

Promises one lower-case hexadecimal line an output, zero-padded to the output's width, without a prefix; or an error
that names the input that is wrong. Inputs are hexadecimal, big-endian, one number each, and wire i of a number is bit
i of it.
Does NOT open files or print.
"""

from __future__ import annotations

import enum
import string
from collections.abc import Sequence
from typing import assert_never

from circuits.bristol import read_bristol
from circuits.faults import CircuitFault
from circuits.gates import Circuit
from native._native import garbling
from native._native.keys import Seed

__all__ = ["Mode", "read_circuit", "run", "run_file"]

_HEX = set(string.hexdigits)


class Mode(enum.Enum):
    """How a circuit is evaluated."""

    PLAIN = "plain"
    """On bits."""
    GARBLED = "garbled"
    """Garbled with fresh randomness, evaluated on labels, decoded."""


def read_circuit(data: bytes) -> Circuit:
    """Reads Bristol Fashion text, or the binary form.

    Raises:
        CircuitFault: names the line or field.
    """
    return Circuit.parse(data) if data.startswith(b"bv3circ") else read_bristol(data)


def run_file(data: bytes, inputs: Sequence[str], mode: Mode) -> list[str]:
    """One line an output of the circuit in `data` on hexadecimal inputs.

    Raises:
        CircuitFault: the file or an input is wrong.
    """
    return run(read_circuit(data), inputs, mode)


def run(circuit: Circuit, inputs: Sequence[str], mode: Mode) -> list[str]:
    """One line an output of the circuit on hexadecimal inputs.

    Raises:
        CircuitFault: an input is too wide or not hexadecimal, or there are too many or too few.
    """
    if len(inputs) != len(circuit.inputs):
        widths = ", ".join(str(width) for width in circuit.inputs)
        expected = f"{len(circuit.inputs)}, of {widths} bits"
        raise CircuitFault(field="number of inputs", expected=expected, got=len(inputs))
    pairs = enumerate(zip(inputs, circuit.inputs, strict=True), 1)
    numbers = [_number(position, text, width) for position, (text, width) in pairs]
    match mode:
        case Mode.PLAIN:
            outputs = circuit.evaluate(*numbers)
        case Mode.GARBLED:
            outputs = _evaluate_garbled(circuit, numbers)
        case _:
            assert_never(mode)
    lines = zip(outputs, circuit.outputs, strict=True)
    return [f"{number:0{(width + 3) // 4}x}" for number, width in lines]


def _number(position: int, text: str, width: int) -> int:
    field = f"input {position}"
    if not text or not _HEX.issuperset(text):
        expected = "hexadecimal digits without a prefix"
        raise CircuitFault(field=field, expected=expected, got=repr(text[:40]))
    digits = text.lstrip("0") or "0"
    bits = 4 * len(digits) - 4 + int(digits[0], 16).bit_length()
    if bits > width:
        raise CircuitFault(field=field, expected=f"a number of at most {width} bits", got=f"{bits} bits")
    return int(digits, 16)


def _evaluate_garbled(circuit: Circuit, numbers: Sequence[int]) -> tuple[int, ...]:
    program = garbling.Program(circuit.binary)
    path, progress = garbling.paths()[0], garbling.Progress()
    (garbled,) = garbling.garble(program, [Seed.generate()], path, progress)
    bits = bytes(circuit.encode(numbers))
    held = (garbled.key, garbled.s, garbled.encode(bits), garbled.table)
    (labels,), _ = garbling.evaluate(program, [held], bits, path, progress)
    return circuit.decode(garbled.decode(labels))
