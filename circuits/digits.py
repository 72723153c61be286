"""Between the numbers of a statement, the bits of a circuit and the digits on chain.

Promises that digits_of and numbers_of are inverse on digits without padding bits. Digit w is input bits w*b ..
(w+1)*b, least significant first, over all inputs one after the other; bits beyond the last input are padding, written
as zero and ignored when read. Does NOT know points, secrets or signatures.
"""

from __future__ import annotations

from collections.abc import Sequence

from circuits.engine import Predicate
from circuits.faults import CircuitFault, LocalFault
from circuits.gates import Circuit, number_of

__all__ = ["digit_count", "digits_of", "numbers_of"]

_MAX_DIGIT_BITS = 8


def digit_count(circuit: Predicate, digit_bits: int) -> int:
    """Digits of a circuit's whole input.

    Raises:
        LocalFault: not 1 to 8 bits a digit.
    """
    if not 1 <= digit_bits <= _MAX_DIGIT_BITS:
        raise LocalFault(f"expected 1 to {_MAX_DIGIT_BITS} bits a digit, got {digit_bits}")
    return -(-circuit.input_bits // digit_bits)


def digits_of(circuit: Circuit, numbers: Sequence[int], digit_bits: int) -> list[int]:
    """The digits that publish these input numbers.

    Raises:
        CircuitFault: a wrong number of inputs, or one that is too wide.
        LocalFault: not 1 to 8 bits a digit.
    """
    count = digit_count(circuit, digit_bits)
    bits = circuit.encode(numbers)
    return [number_of(bits[digit * digit_bits : (digit + 1) * digit_bits]) for digit in range(count)]


def numbers_of(circuit: Circuit, digits: Sequence[int], digit_bits: int) -> tuple[int, ...]:
    """The input numbers that published digits stand for.

    Raises:
        CircuitFault: a wrong number of digits, or one out of range.
        LocalFault: not 1 to 8 bits a digit.
    """
    count = digit_count(circuit, digit_bits)
    if len(digits) != count:
        raise CircuitFault(field="digits", expected=f"{count} digits", got=f"{len(digits)} digits")
    for position, digit in enumerate(digits):
        if not 0 <= digit < 1 << digit_bits:
            raise CircuitFault(field=f"digit {position}", expected=f"a value below {1 << digit_bits}", got=digit)
    whole = sum(digit << (position * digit_bits) for position, digit in enumerate(digits))
    numbers = []
    for width in circuit.inputs:
        numbers.append(whole & ((1 << width) - 1))
        whole >>= width
    return tuple(numbers)
