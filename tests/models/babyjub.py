"""Baby Jubjub (EIP-2494) and circomlib's EdDSAPoseidon in affine coordinates and plain integers; slow and obvious, test only."""

from __future__ import annotations

from tests.models.poseidon import R, poseidon

A, D = 168700, 168696
L = 2736030358979909402780800718157159386076813972158567259200215660948447373041
B8 = (
    5299619240641551281634865583518297030282874472190772894086521144482721001553,
    16950150798460657717958625567821834550301663161624707787222815936182638968203,
)
NEUTRAL = (0, 1)
Point = tuple[int, int]


def on_curve(p: Point) -> bool:
    xx, yy = p[0] ** 2, p[1] ** 2
    return (A * xx + yy - 1 - D * xx * yy) % R == 0


def add(p: Point, q: Point) -> Point:
    (x1, y1), (x2, y2) = p, q
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + y1 * x2) * pow(1 + product, -1, R) % R
    return x, (y1 * y2 - A * x1 * x2) * pow(1 - product, -1, R) % R


def mul(k: int, p: Point = B8) -> Point:
    total = NEUTRAL
    while k:
        if k & 1:
            total = add(total, p)
        p, k = add(p, p), k >> 1
    return total


def sign(secret: int, nonce: int, digest: int) -> tuple[Point, int]:
    """(R8, S)."""
    key, r8 = mul(secret), mul(nonce)
    h = poseidon([*r8, *key, digest])
    return r8, (nonce + 8 * h * secret) % L


def verify(key: Point, digest: int, r8: Point, s: int) -> bool:
    h = poseidon([*r8, *key, digest])
    return on_curve(r8) and 0 <= s < L and mul(s) == add(r8, mul(8 * h, key))


def encode(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(32) for number in numbers)


def decode(raw: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(raw[i : i + 32]) for i in range(0, len(raw), 32))
