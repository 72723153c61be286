"""A circuit computes what its builder was told, has one binary form, and refuses any other bytes."""

import random
from collections.abc import Callable

import blake3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.faults import CircuitFault, LocalFault
from circuits.gates import FALSE, TRUE, Builder, Circuit, bits_of, number_of
from native import NativeError
from native._native.garbling import Program
from tests.unit.circuits.dispute import CIRCUIT


def test_every_gate_computes_its_table() -> None:
    builder = Builder([1, 1, 1])
    a, b, c = (builder.input(position)[0] for position in range(3))
    outputs = [
        builder.xor(a, b),
        builder.and_(a, b),
        builder.not_(a),
        builder.or_(a, b),
        builder.mux(c, a, b),
        builder.all_of([a, b, c]),
    ]
    circuit = builder.finish([[wire] for wire in outputs])
    for x in range(2):
        for y in range(2):
            for z in range(2):
                assert circuit.evaluate(x, y, z) == (x ^ y, x & y, 1 - x, x | y, x if z else y, x & y & z)


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda b, x: b.xor(x, x), "false"),
        (lambda b, x: b.xor(x, FALSE), "x"),
        (lambda b, x: b.xor(FALSE, x), "x"),
        (lambda b, x: b.and_(x, x), "x"),
        (lambda b, x: b.and_(x, FALSE), "false"),
        (lambda b, x: b.and_(TRUE, x), "x"),
        (lambda b, x: b.and_(x, TRUE), "x"),
        (lambda b, x: b.and_(x, b.not_(x)), "false"),
        (lambda b, x: b.and_(b.not_(x), x), "false"),
        (lambda b, x: b.not_(b.not_(x)), "x"),
        (lambda b, x: b.or_(x, TRUE), "true"),
        (lambda b, x: b.mux(x, TRUE, FALSE), "x"),
    ],
)
def test_constants_fold_without_a_gate(build: Callable[[Builder, int], int], expected: str) -> None:
    builder = Builder([1])
    (x,) = builder.input(0)
    assert build(builder, x) == {"false": FALSE, "true": TRUE, "x": x}[expected]


def test_equal_gates_are_one_and_gates_nobody_needs_are_left_out() -> None:
    builder = Builder([2])
    a, b = builder.input(0)
    assert builder.and_(a, b) == builder.and_(b, a)
    builder.and_(builder.xor(a, b), a)
    circuit = builder.finish([[builder.and_(a, b)]])
    assert (circuit.gate_count, circuit.and_count) == (1, 1)


def test_outputs_may_be_inputs_and_constants() -> None:
    builder = Builder([2])
    circuit = builder.finish([[*builder.input(0), TRUE, FALSE], [TRUE]])
    assert circuit.evaluate(2) == (0b0110, 1)
    assert Circuit.parse(circuit.binary) == circuit


def test_the_binary_form_is_stable() -> None:
    builder = Builder([1, 1])
    circuit = builder.finish([[builder.and_(builder.input(0)[0], builder.not_(builder.input(1)[0]))]])
    words = [2, 1, 1, 1, 1, 2, 1, 3, 2 | 1 << 31, 4, 5]
    expected = b"bv3circ1" + b"".join(word.to_bytes(4, "little") for word in words)
    assert circuit.binary == expected
    assert circuit.id == blake3.blake3(expected).digest() == Program(expected).circuit_id
    assert Circuit.parse(expected) == circuit
    assert hash(Circuit.parse(expected)) == hash(circuit)


def test_many_cases_in_one_walk_are_each_case_alone() -> None:
    rng = random.Random(1)
    cases = [(rng.getrandbits(8), rng.getrandbits(8)) for _ in range(50)]
    assert CIRCUIT.evaluate_many(cases) == [CIRCUIT.evaluate(*case) for case in cases]
    assert CIRCUIT.evaluate_many(cases) == [(int(a >= b),) for a, b in cases]
    assert CIRCUIT.evaluate_many([]) == []


@given(st.integers(0, 2**70 - 1))
def test_bits_and_numbers_are_inverse(number: int) -> None:
    assert number_of(bits_of(number, 70)) == number


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ((1,), "inputs: expected 2 numbers, got 1 numbers"),
        ((1, 2, 3), "inputs: expected 2 numbers, got 3 numbers"),
        ((256, 0), "input 0: expected at most 8 bits, got 9 bits"),
        ((0, -1), "input 1: expected at most 8 bits"),
    ],
)
def test_wrong_inputs_are_named(numbers: tuple[int, ...], reason: str) -> None:
    with pytest.raises(CircuitFault, match=reason):
        CIRCUIT.evaluate(*numbers)


def test_a_builder_refuses_empty_shapes() -> None:
    for widths in ([], [0], [3, 0], [1 << 20, 1]):
        with pytest.raises(LocalFault):
            Builder(widths)
    for outputs in ([], [[]], [[TRUE], []]):
        with pytest.raises(LocalFault):
            Builder([1]).finish(outputs)


def test_every_truncation_of_the_binary_form_is_refused() -> None:
    whole = CIRCUIT.binary
    for length in range(len(whole)):
        with pytest.raises(CircuitFault):
            Circuit.parse(whole[:length])
    with pytest.raises(CircuitFault, match="expected its end, got 1 more bytes"):
        Circuit.parse(whole + b"\0")


def word_at(index: int, value: int) -> bytes:
    changed = bytearray(CIRCUIT.binary)
    changed[8 + 4 * index : 12 + 4 * index] = value.to_bytes(4, "little")
    return bytes(changed)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"bv3circ2" + CIRCUIT.binary[8:], "circuit: expected the magic"),
        (word_at(0, 0), "input widths: expected 1 to 65536 numbers, got 0"),
        (word_at(0, 1 << 31), "input widths: expected 1 to 65536 numbers"),
        (word_at(1, 0), "input widths: expected widths of 1 or more"),
        (word_at(1, 1 << 31), "input widths: expected widths of 1 or more, 1048576 in all"),
        (word_at(1, (1 << 20) + 1), "input widths: expected widths of 1 or more, 1048576 in all"),
        (word_at(4, 1 << 31), "output widths: expected widths of 1 or more, 1073741824 in all"),
        (word_at(5, 1 << 30), "gate count: expected at most 2.30 wires"),
        (word_at(5, CIRCUIT.gate_count + 1), "gates: expected|gate 45|output wires"),
        (word_at(6, 500), "gate 0: expected wires below 18"),
        (word_at(7, 18), "gate 0: expected wires below 18"),
    ],
)
def test_hostile_binary_forms_name_the_field(data: bytes, field: str) -> None:
    with pytest.raises(CircuitFault, match=field):
        Circuit.parse(data)
    with pytest.raises(NativeError, match="circuit, byte"):
        Program(data)


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    for candidate in (data, CIRCUIT.binary[:8] + data):
        try:
            circuit = Circuit.parse(candidate)
        except CircuitFault:
            continue
        assert circuit.binary == candidate
