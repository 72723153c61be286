"""Numbers as lists of wires, least significant bit first.

Promises one AND gate a bit for adding, subtracting and comparing. Does NOT know signs: everything is unsigned, and sums
are modulo two to the width. Source of the full adder with one AND: Boyar, Damgard, Peralta, "Short non-interactive
cryptographic proofs", carry' = c ^ ((a ^ c) & (b ^ c)).
"""

from __future__ import annotations

from collections.abc import Sequence

from circuits.faults import LocalFault
from circuits.gates import FALSE, TRUE, Builder, Wire, bits_of

__all__ = ["add", "add_many", "at_least", "constant", "equals", "rotate_right", "shift_right", "subtract", "xor_words"]

Word = Sequence[Wire]


def _same_width(*words: Word) -> int:
    widths = {len(word) for word in words}
    if len(widths) != 1:
        raise LocalFault(f"expected numbers of one width, got {sorted(widths)} bits")
    return widths.pop()


def constant(number: int, width: int) -> list[Wire]:
    """The wires of a number known now."""
    return [TRUE if bit else FALSE for bit in bits_of(number, width)]


def add(builder: Builder, a: Word, b: Word) -> list[Wire]:
    """A + b modulo 2^width; width - 1 AND gates."""
    width = _same_width(a, b)
    carry, total = FALSE, []
    for i in range(width):
        left, right = builder.xor(a[i], carry), builder.xor(b[i], carry)
        total.append(builder.xor(left, b[i]))
        if i < width - 1:
            carry = builder.xor(carry, builder.and_(left, right))
    return total


def add_many(builder: Builder, words: Sequence[Word]) -> list[Wire]:
    """The sum of all modulo 2^width: carry-save, so that each number after the second costs one row of AND gates."""
    rows = [list(word) for word in words]
    width = _same_width(*rows)
    while len(rows) > 2:
        a, b, c, *rest = rows
        sums, carries = [], [FALSE]
        for i in range(width):
            left, right = builder.xor(a[i], c[i]), builder.xor(b[i], c[i])
            sums.append(builder.xor(left, b[i]))
            if i < width - 1:
                carries.append(builder.xor(c[i], builder.and_(left, right)))
        rows = [*rest, sums, carries]
    return add(builder, rows[0], rows[1]) if len(rows) == 2 else rows[0]


def subtract(builder: Builder, a: Word, b: Word) -> list[Wire]:
    """A - b modulo 2^width; width - 1 AND gates."""
    width = _same_width(a, b)
    borrow, difference = FALSE, []
    for i in range(width):
        left, right = builder.xor(builder.not_(a[i]), borrow), builder.xor(b[i], borrow)
        difference.append(builder.xor(a[i], right))
        if i < width - 1:
            borrow = builder.xor(borrow, builder.and_(left, right))
    return difference


def at_least(builder: Builder, a: Word, b: Word) -> Wire:
    """Whether a >= b: the borrow of a - b, negated; width AND gates."""
    borrow = FALSE
    for i in range(_same_width(a, b)):
        left, right = builder.xor(builder.not_(a[i]), borrow), builder.xor(b[i], borrow)
        borrow = builder.xor(borrow, builder.and_(left, right))
    return builder.not_(borrow)


def equals(builder: Builder, a: Word, b: Word) -> Wire:
    """Whether a == b; width - 1 AND gates."""
    _same_width(a, b)
    return builder.all_of(builder.not_(builder.xor(x, y)) for x, y in zip(a, b, strict=True))


def xor_words(builder: Builder, *words: Word) -> list[Wire]:
    """Bit by bit; free."""
    _same_width(*words)
    result = list(words[0])
    for word in words[1:]:
        result = [builder.xor(x, y) for x, y in zip(result, word, strict=True)]
    return result


def rotate_right(word: Word, places: int) -> list[Wire]:
    """Free."""
    return [word[(i + places) % len(word)] for i in range(len(word))]


def shift_right(word: Word, places: int) -> list[Wire]:
    """Free; zeros come in."""
    return [*word[places:], *[FALSE] * places]
