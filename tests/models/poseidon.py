"""Poseidon over the scalar field of BN254, plainly: parameters by the Grain LFSR of the reference script of ePrint 2019/458.

`poseidon([a, b, ...])` as circomlib's: x^5, 8 full rounds, the first state word 0, the first word of the last state out.
Slow and obvious; test only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

R = 21888242871839275222246405745257275088548364400416034343698204186575808495617
BITS, FULL = 254, 8
PARTIAL = (56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68)  # for 1 to 16 inputs


def grain(t: int, partial: int) -> Iterator[int]:
    """The self-shrinking generator's bits: prime field, x^alpha, n, t, R_F, R_P, then thirty ones."""
    fields = ((1, 2), (0, 4), (BITS, 12), (t, 12), (FULL, 10), (partial, 10), (2**30 - 1, 30))
    state = [int(bit) for value, width in fields for bit in f"{value:0{width}b}"]

    def step() -> int:
        bit = state[62] ^ state[51] ^ state[38] ^ state[23] ^ state[13] ^ state[0]
        state.append(bit)
        del state[0]
        return bit

    for _ in range(160):
        step()
    while True:
        keep, bit = step(), step()
        if keep:
            yield bit


def number(bits: Iterator[int]) -> int:
    value = 0
    for _ in range(BITS):
        value = 2 * value + next(bits)
    return value


@cache
def parameters(t: int) -> tuple[list[list[int]], list[list[int]]]:
    """Constants by round, and the Cauchy matrix 1 / (x_i + y_j)."""
    partial = PARTIAL[t - 2]
    bits = grain(t, partial)
    below = (value for value in iter(lambda: number(bits), None) if value < R)
    constants = [[next(below) for _ in range(t)] for _ in range(FULL + partial)]
    points = [number(bits) % R for _ in range(2 * t)]
    assert len(set(points)) == 2 * t
    return constants, [[pow(x + y, -1, R) for y in points[t:]] for x in points[:t]]


def poseidon(inputs: Sequence[int]) -> int:
    state = [0, *inputs]
    t = len(state)
    assert 2 <= t <= 17 and all(0 <= word < R for word in state)
    constants, matrix = parameters(t)
    last = len(constants) - FULL // 2
    for number_, row in enumerate(constants):
        state = [(word + constant) % R for word, constant in zip(state, row, strict=True)]
        boxes = t if number_ < FULL // 2 or number_ >= last else 1
        state = [pow(word, 5, R) for word in state[:boxes]] + state[boxes:]
        state = [sum(m * word for m, word in zip(line, state, strict=True)) % R for line in matrix]
    return state[0]
