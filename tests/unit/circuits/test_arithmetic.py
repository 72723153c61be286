"""Gadgets compute what integers do, and cost the AND gates they promise."""

import operator
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.arithmetic import (
    add,
    add_many,
    at_least,
    constant,
    equals,
    rotate_right,
    shift_right,
    subtract,
    xor_words,
)
from circuits.faults import CircuitFault, LocalFault
from circuits.gates import Builder, Circuit, Wire

WIDTHS = [1, 2, 7, 32, 64]


def binary(gadget: Callable[[Builder, Sequence[Wire], Sequence[Wire]], list[Wire] | Wire], width: int) -> Circuit:
    builder = Builder([width, width])
    result = gadget(builder, builder.input(0), builder.input(1))
    return builder.finish([result if isinstance(result, list) else [result]])


MODELS: dict[str, tuple[Callable[..., list[Wire] | Wire], Callable[[int, int, int], int], Callable[[int], int]]] = {
    "add": (add, lambda a, b, w: (a + b) % (1 << w), lambda w: w - 1),
    "subtract": (subtract, lambda a, b, w: (a - b) % (1 << w), lambda w: w - 1),
    "at_least": (at_least, lambda a, b, _: int(a >= b), lambda w: w),
    "equals": (equals, lambda a, b, _: int(a == b), lambda w: w - 1),
    "xor": (xor_words, lambda a, b, _: a ^ b, lambda _: 0),
}
CIRCUITS = {(name, width): binary(MODELS[name][0], width) for name in MODELS for width in WIDTHS}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", MODELS)
def test_costs_no_more_than_promised(name: str, width: int) -> None:
    assert CIRCUITS[name, width].and_count == MODELS[name][2](width)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_agrees_with_integers(name: str, data: st.DataObject) -> None:
    width = data.draw(st.sampled_from(WIDTHS))
    number = st.integers(0, (1 << width) - 1)
    cases = data.draw(st.lists(st.tuples(number, number), min_size=1, max_size=40))
    cases += [(a, a) for a, _ in cases] + [(0, (1 << width) - 1), ((1 << width) - 1, 0)]
    model = MODELS[name][1]
    assert CIRCUITS[name, width].evaluate_many(cases) == [(model(a, b, width),) for a, b in cases]


@pytest.mark.parametrize("name", MODELS)
def test_small_numbers_exhaustively(name: str) -> None:
    circuit, model = binary(MODELS[name][0], 4), MODELS[name][1]
    cases = [(a, b) for a in range(16) for b in range(16)]
    assert circuit.evaluate_many(cases) == [(model(a, b, 4),) for a, b in cases]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 7), st.data())
def test_sums_of_many(count: int, data: st.DataObject) -> None:
    builder = Builder([32] * count)
    circuit = builder.finish([add_many(builder, [builder.input(position) for position in range(count)])])
    number = st.integers(0, 2**32 - 1)
    cases = data.draw(st.lists(st.tuples(*[number] * count), min_size=1, max_size=20))
    assert circuit.evaluate_many(cases) == [(sum(case) % 2**32,) for case in cases]
    assert circuit.and_count <= 31 * (count - 1)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_adding_a_constant_costs_less(number: int, addend: int) -> None:
    builder = Builder([32])
    circuit = builder.finish([add(builder, builder.input(0), constant(addend, 32))])
    assert circuit.evaluate(number) == ((number + addend) % 2**32,)
    assert circuit.and_count <= 31


@pytest.mark.parametrize("places", [0, 1, 7, 31])
def test_rotations_and_shifts(places: int) -> None:
    builder = Builder([32])
    word = builder.input(0)
    circuit = builder.finish([rotate_right(word, places), shift_right(word, places)])
    number = 0x8123_4567
    rotated = (number >> places | number << (32 - places)) & 0xFFFF_FFFF
    assert circuit.evaluate(number) == (rotated, number >> places)
    assert circuit.gate_count == 0


def test_numbers_of_different_widths_are_refused() -> None:
    builder = Builder([4, 5])
    for gadget in (add, subtract, at_least, equals):
        with pytest.raises(LocalFault, match=r"expected numbers of one width, got \[4, 5\] bits"):
            gadget(builder, builder.input(0), builder.input(1))


def test_a_constant_that_does_not_fit_is_refused() -> None:
    assert operator.itemgetter(0, 3)(constant(9, 4)) == (1, 1)
    for number in (16, -1):
        with pytest.raises(CircuitFault, match="at most 4 bits"):
            constant(number, 4)
