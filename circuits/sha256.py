"""SHA-256 as gates.

Promises about 22.6 thousand AND gates a block whose bits are all unknown. A string of bytes is a list of bits in the
order in which SHA-256 reads it: first byte first, most significant bit of it first. Does NOT know what is hashed.
Source: FIPS 180-4; choose and majority with one AND each (x ^ ((x ^ y) & (x ^ z)) and its kin).
"""

from __future__ import annotations

from collections.abc import Sequence

from circuits.arithmetic import add, add_many, constant, rotate_right, shift_right, xor_words
from circuits.faults import LocalFault
from circuits.gates import FALSE, TRUE, Builder, Wire

__all__ = ["INITIAL", "compress", "sha256", "words_of"]


def _roots(count: int, power: int) -> tuple[int, ...]:
    """First 32 bits of the fractional parts of the square (2) or cube (3) roots of the first primes."""
    primes: list[int] = []
    candidate = 2
    while len(primes) < count:
        if all(candidate % prime for prime in primes):
            primes.append(candidate)
        candidate += 1
    return tuple(_integer_root(prime << 32 * power, power) & 0xFFFFFFFF for prime in primes)


def _integer_root(number: int, power: int) -> int:
    low, high = 0, 1 << (number.bit_length() // power + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**power <= number else (low, middle - 1)
    return low


INITIAL = _roots(8, 2)
_ROUND = _roots(64, 3)

Word = list[Wire]


def words_of(bits: Sequence[Wire]) -> list[Word]:
    """32-bit words, least significant bit first, of bits in SHA-256's order."""
    return [list(reversed(bits[start : start + 32])) for start in range(0, len(bits), 32)]


def compress(builder: Builder, state: Sequence[Word], block: Sequence[Word]) -> list[Word]:
    """One application of the compression function: eight words and sixteen words in, eight words out."""
    schedule = [list(word) for word in block]
    for t in range(16, 64):
        w15, w2 = schedule[t - 15], schedule[t - 2]
        low = xor_words(builder, rotate_right(w15, 7), rotate_right(w15, 18), shift_right(w15, 3))
        high = xor_words(builder, rotate_right(w2, 17), rotate_right(w2, 19), shift_right(w2, 10))
        schedule.append(add_many(builder, [schedule[t - 16], low, schedule[t - 7], high]))
    a, b, c, d, e, f, g, h = (list(word) for word in state)
    for t in range(64):
        high = xor_words(builder, rotate_right(e, 6), rotate_right(e, 11), rotate_right(e, 25))
        low = xor_words(builder, rotate_right(a, 2), rotate_right(a, 13), rotate_right(a, 22))
        choice = [builder.mux(x, y, z) for x, y, z in zip(e, f, g, strict=True)]
        majority = [
            builder.xor(x, builder.and_(builder.xor(x, y), builder.xor(x, z))) for x, y, z in zip(a, b, c, strict=True)
        ]
        first = add_many(builder, [constant(_ROUND[t], 32), schedule[t], h, choice, high])
        a, b, c, d, e, f, g, h = add_many(builder, [first, low, majority]), a, b, c, add(builder, d, first), e, f, g
    return [add(builder, old, new) for old, new in zip(state, (a, b, c, d, e, f, g, h), strict=True)]


def sha256(builder: Builder, message: Sequence[Wire]) -> list[Wire]:
    """The 256 bits of the hash, in SHA-256's order, of a message of whole bytes.

    Raises:
        LocalFault: the message is no whole number of bytes.
    """
    if len(message) % 8:
        raise LocalFault(f"expected a message of whole bytes, got {len(message)} bits")
    zeros = -(len(message) + 65) % 512
    length = [TRUE if len(message) >> i & 1 else FALSE for i in range(63, -1, -1)]
    padded = [*message, TRUE, *[FALSE] * zeros, *length]
    state = [constant(word, 32) for word in INITIAL]
    for start in range(0, len(padded), 512):
        state = compress(builder, state, words_of(padded[start : start + 512]))
    return [wire for word in state for wire in reversed(word)]
