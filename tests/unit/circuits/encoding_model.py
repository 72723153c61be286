"""Engine babe's encoding as plain integers: digits of r, and the coordinates that an evaluator gets of rho + d * p1.

Independent of the native code. A second writing of `babe_reference.py` as far as attacks need it: no labels, no masks, only
what comes out of them. Points are affine pairs.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.models import affine

P = 0x30644E72E131A029B85045B68181585D97816A916871CA8D3C208C16D87CFD47
ORDER = 0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000001
GENERATOR = (1, 2)
TERMS = 91

Point = tuple[int, int]
Digit = tuple[int, int] | None
"""Sign and k: sign * lambda^k; None is 0."""
View = tuple[int, int, int]
"""Coordinates of one term: (l^2 X, l^3 Y, l Z), for a random l."""

UNITS: tuple[Digit, ...] = ((1, 0), (-1, 0), (1, 1), (-1, 1), (1, 2), (-1, 2))
PAIRS = {
    None: (0, 0),
    (1, 0): (1, 0),
    (-1, 0): (-1, 0),
    (1, 1): (0, 1),
    (-1, 1): (0, -1),
    (1, 2): (-1, -1),
    (-1, 2): (1, 1),
}


def add(a: Point | None, b: Point | None) -> Point | None:
    return affine.add(a, b, P)


def multiply(scalar: int, point: Point = GENERATOR) -> Point:
    result, power = None, point
    for bit in bin(scalar % ORDER)[:1:-1]:
        if bit == "1":
            result = add(result, power)
        power = add(power, power)
    assert result is not None
    return result


def _cube_root(modulus: int) -> int:
    base = next(g for g in range(2, modulus) if pow(g, (modulus - 1) // 3, modulus) != 1)
    return pow(base, (modulus - 1) // 3, modulus)


W = _cube_root(P)
LAMBDA = next(
    root for root in (_cube_root(ORDER), _cube_root(ORDER) ** 2 % ORDER) if multiply(root) == (W * GENERATOR[0] % P, 2)
)
T = (2 - LAMBDA) % ORDER


def _short_pair(scalar: int) -> tuple[int, int]:
    """(a, b) with a + b * lambda = scalar modulo the order, both of half its length."""
    rows, (s0, s1), (r0, r1) = [], (0, 1), (ORDER, LAMBDA)
    while r1:
        rows.append((r1, -s1))
        quotient = r0 // r1
        (r0, r1), (s0, s1) = (r1, r0 - quotient * r1), (s1, s0 - quotient * s1)
    first = next(i for i, (a, _) in enumerate(rows) if a * a < ORDER)
    (a1, b1), (a2, b2) = rows[first], min((rows[first - 1], rows[first + 1]), key=lambda row: row[0] ** 2 + row[1] ** 2)
    det = a1 * b2 - a2 * b1
    c1, c2 = ((2 * above + det) // (2 * det) for above in (scalar * b2, -scalar * b1))
    return scalar - c1 * a1 - c2 * a2, -c1 * b1 - c2 * b2


def digits(scalar: int) -> list[Digit]:
    """The digits of a scalar in base t = 2 - lambda, padded with zeros."""
    a, b = _short_pair(scalar)
    found: list[Digit] = []
    while (a, b) != (0, 0):
        for digit, (da, db) in PAIRS.items():
            u, v = 3 * (a - da) - (b - db), (a - da) + 2 * (b - db)
            if u % 7 == 0 and v % 7 == 0:
                (a, b) = u // 7, v // 7
                found.append(digit)
                break
    return found + [None] * (TERMS - len(found))


def scalar_of(found: Sequence[Digit]) -> int:
    """The scalar of digits."""
    units = [0 if digit is None else digit[0] * pow(LAMBDA, digit[1], ORDER) for digit in found]
    return sum(unit * pow(T, place, ORDER) for place, unit in enumerate(units)) % ORDER


def is_point(point: Point) -> bool:
    x, y = point
    return x < P and y < P and (y * y - x**3 - 3) % P == 0


@dataclass(frozen=True, kw_only=True)
class Term:
    """What a garbler draws for one term: a digit of r, a random point, a random scale."""

    digit: Digit
    rho: Point
    scale: int

    def view(self, p1: Point) -> View:
        """What the labels of p1's features give: affine in (x, y, x^2, y^2, xy), whether p1 is a point or not."""
        (x, y), (x0, y0) = p1, self.rho
        if self.digit is None:
            found = x0, y0, 1
        else:
            s, k = self.digit
            b1, b2 = pow(W, k, P), pow(W, 2 * k, P)
            found = (
                6 + x0 * x0 * b1 * x - 2 * y0 * s * y + x0 * b2 * x * x,
                9 * y0 - s * (y0 * y0 + 9) * y + 3 * x0 * y0 * b2 * x * x + y0 * y * y - 3 * s * x0 * x0 * b1 * x * y,
                b1 * x - x0,
            )
        return (
            found[0] * self.scale**2 % P,
            found[1] * self.scale**3 % P,
            found[2] * self.scale % P,
        )


def terms_of(scalar: int, rng: random.Random) -> list[Term]:
    """A garbler's terms for r. The rho need not cancel here: what one evaluation shows of digits does not depend on it."""
    return [Term(digit=digit, rho=random_point(rng), scale=rng.randrange(1, P)) for digit in digits(scalar)]


def random_point(rng: random.Random) -> Point:
    while True:
        x = rng.randrange(P)
        y = pow(x**3 + 3, (P + 1) // 4, P)
        if is_point((x, y)):
            return x, y


# ---- what an evaluator can tell from one view ------------------------------------------------------------------------
Polynomial = list[int]
"""Coefficients modulo P, lowest first, the last one not zero."""


def _trimmed(a: Polynomial) -> Polynomial:
    while a and a[-1] % P == 0:
        a.pop()
    return [c % P for c in a]


def _sum(*terms: Polynomial) -> Polynomial:
    total = [0] * max(map(len, terms))
    for term in terms:
        for power, c in enumerate(term):
            total[power] += c
    return _trimmed(total)


def _product(*factors: Polynomial) -> Polynomial:
    result = [1]
    for factor in factors:
        product = [0] * (len(result) + len(factor))
        for i, a in enumerate(result):
            for j, b in enumerate(factor):
                product[i + j] += a * b
        result = _trimmed(product)
    return result


def _common(a: Polynomial, b: Polynomial) -> Polynomial:
    while b:
        while len(a) >= len(b):
            factor, shift = a[-1] * pow(b[-1], -1, P), len(a) - len(b)
            a = _trimmed([c - factor * (b[i - shift] if i >= shift else 0) for i, c in enumerate(a)])
        a, b = b, a
    return a


def fits(digit: Digit, p1: Point, view: View) -> bool:
    """Whether some rho on the curve and some scale give this view of this digit: solved for m = 1 / scale."""
    big_x, big_y, big_z = view
    if digit is None:
        return (big_y**2 - big_x**3 - 3 * big_z**6) % P == 0
    (x, y), (s, k) = p1, digit
    b1, b2 = pow(W, k, P), pow(W, 2 * k, P)
    x0 = _trimmed([b1 * x, -big_z])
    half = pow(2 * s * y, -1, P)
    numerator = _sum([6], _product(x0, x0, [b1 * x]), _product(x0, [b2 * x * x]), [0, 0, -big_x])
    y0 = _product(numerator, [half])
    on_curve = _sum(_product(y0, y0), _product([-1], x0, x0, x0), [-3])
    second = _sum(
        _product([9 + y * y], y0),
        _product([-s * y], _sum(_product(y0, y0), [9])),
        _product([3 * b2 * x * x], x0, y0),
        _product([-3 * s * b1 * x * y], x0, x0),
        [0, 0, 0, -big_y],
    )
    return len(_common(on_curve, second)) > 1
