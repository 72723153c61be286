"""Digits publish exactly the numbers they were made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.digits import digit_count, digits_of, numbers_of
from circuits.engines.pairs import layout_of
from circuits.faults import CircuitFault, LocalFault
from circuits.gates import Builder

BUILDER = Builder([13, 8])
CIRCUIT = BUILDER.finish([[BUILDER.xor(BUILDER.input(0)[0], BUILDER.input(1)[7])]])


@given(st.integers(0, 2**13 - 1), st.integers(0, 255), st.integers(1, 8))
def test_there_and_back(first: int, second: int, digit_bits: int) -> None:
    digits = digits_of(CIRCUIT, (first, second), digit_bits)
    assert len(digits) == digit_count(CIRCUIT, digit_bits) == layout_of(CIRCUIT, digit_bits).digits
    assert sum(digit << (w * digit_bits) for w, digit in enumerate(digits)) == first | second << 13
    assert numbers_of(CIRCUIT, digits, digit_bits) == (first, second)


def test_padding_is_written_as_zero_and_ignored() -> None:
    digits = digits_of(CIRCUIT, (8191, 255), 8)
    assert digits == [255, 255, 31]
    assert numbers_of(CIRCUIT, [255, 255, 255], 8) == (8191, 255)


def test_wrong_digits_are_named() -> None:
    with pytest.raises(CircuitFault, match="digits: expected 6 digits, got 5 digits"):
        numbers_of(CIRCUIT, [0] * 5, 4)
    for digit in (16, -1):
        with pytest.raises(CircuitFault, match="digit 2: expected a value below 16"):
            numbers_of(CIRCUIT, [0, 0, digit, 0, 0, 0], 4)
    with pytest.raises(CircuitFault, match="input 1: expected at most 8 bits"):
        digits_of(CIRCUIT, (0, 256), 4)
    for digit_bits in (0, 9):
        with pytest.raises(LocalFault, match="expected 1 to 8 bits a digit"):
            digits_of(CIRCUIT, (0, 0), digit_bits)
