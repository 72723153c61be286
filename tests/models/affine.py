"""Addition of affine points on y^2 = x^3 + b over a prime field, slow and short; None is infinity."""

from __future__ import annotations

Point = tuple[int, int] | None


def add(a: Point, b: Point, prime: int) -> Point:
    """A + b; the constant b of the curve does not enter."""
    if a is None or b is None:
        return b if a is None else a
    if a[0] == b[0]:
        if (a[1] + b[1]) % prime == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, prime) % prime
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, prime) % prime
    x = (slope * slope - a[0] - b[0]) % prime
    return x, (slope * (a[0] - x) - a[1]) % prime
