"""What attestors announce and attest, and the points of a fast liquidation, a second time. Imports nothing of the product.

Secrets are plain numbers, points affine. `a` is an announcement as a dict with the names of the protocol.
"""

from __future__ import annotations

from blake3 import blake3

from tests.models.bitcoin_tx import tagged
from tests.models.secp256k1 import G, N, Point, add, lift, mul, verify


def hashed(context: str, *parts: bytes) -> bytes:
    return blake3(b"".join(parts), derive_key_context="bitvm3 2026 " + context).digest()


def event(ledger: bytes, price: int, day: int) -> bytes:
    return hashed("attested price v1", ledger, price.to_bytes(8, "little"), day.to_bytes(4, "little"))


def even(secret: int) -> int:
    """The logarithm of the point with even y, of the two that share an x."""
    point = mul(secret)
    return secret if point[1] % 2 == 0 else N - secret


def x(secret: int) -> bytes:
    return mul(secret)[0].to_bytes(32, "big")


def challenge(nonce: bytes, key: bytes, message: bytes) -> int:
    return int.from_bytes(tagged("BIP0340/challenge", nonce + key + message), "big") % N


def sign(secret: int, nonce: int, message: bytes) -> bytes:
    """BIP340 with a nonce of the caller's."""
    e = challenge(x(nonce), x(secret), message)
    return x(nonce) + ((even(nonce) + e * even(secret)) % N).to_bytes(32, "big")


def announce(ledger: bytes, attestor: int, price: int, day: int, secret: int, nonce: int) -> dict:
    """An honest announcement; the nonces of its two signatures need only be other ones."""
    said = event(ledger, price, day)
    proof = sign(nonce, 1 + nonce % 1_000_003, hashed("announced nonce v1", said, x(secret)))
    signature = sign(secret, 2 + nonce % 1_000_003, hashed("announcement v1", said, x(nonce), proof))
    return {
        "attestor": attestor, "key": x(secret), "price": price, "day": day, "nonce": x(nonce), "proof": proof,
        "signature": signature,
    }  # fmt: skip


def sound(ledger: bytes, a: dict) -> bool:
    said = event(ledger, a["price"], a["day"])
    proven = verify(a["nonce"], hashed("announced nonce v1", said, a["key"]), a["proof"])
    return proven and verify(a["key"], hashed("announcement v1", said, a["nonce"], a["proof"]), a["signature"])


def point(ledger: bytes, a: dict) -> Point:
    e = challenge(a["nonce"], a["key"], event(ledger, a["price"], a["day"]))
    return add(lift(a["nonce"]), mul(e, lift(a["key"])))


def scalar(ledger: bytes, a: dict, secret: int, nonce: int) -> int:
    """The attestation: the logarithm of `point`."""
    s = int.from_bytes(sign(secret, nonce, event(ledger, a["price"], a["day"]))[32:], "big")
    assert mul(s, G) == point(ledger, a)
    return s


def weights(ledger: bytes, chosen: list[dict]) -> list[int]:
    def flat(a: dict) -> bytes:
        numbers = (
            a["attestor"].to_bytes(2, "little") + a["price"].to_bytes(8, "little") + a["day"].to_bytes(4, "little")
        )
        return numbers + a["key"] + a["nonce"] + a["proof"] + a["signature"]

    whole = hashed("attestor subset v1", ledger, *map(flat, chosen))
    digests = [hashed("subset coefficient v1", whole, j.to_bytes(4, "little")) for j in range(len(chosen))]
    return [int.from_bytes(digest, "big") % N for digest in digests]


def subset_point(ledger: bytes, chosen: list[dict]) -> Point:
    total: Point = None
    for weight, a in zip(weights(ledger, chosen), chosen, strict=True):
        total = add(total, mul(weight, point(ledger, a)))
    return total


def subset_secret(ledger: bytes, chosen: list[dict], scalars: list[int]) -> int:
    return sum(w * s for w, s in zip(weights(ledger, chosen), scalars, strict=True)) % N
