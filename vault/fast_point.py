"""What attestors announce, what they attest, and the points that a fast liquidation is locked to (path B).

An attestor announces one nonce for each (price, day) and later attests "the price was at most this, on this day" by the one
BIP340 signature that its key makes with that nonce. The signature's scalar is the logarithm of a point that everyone computes
beforehand: s * G = R + e * O, with R and O lifted to even y, exactly as BIP340 verifies. A subset of t attestors has the point
sum c_j * S_j, c_j = H(every announcement of the subset, j).
Promises: no nonce counts without a proof that its attestor knows its logarithm, bound to ledger, price, day and key, so no
attestor can choose a nonce that takes another's out of the sum; coefficients bind the whole subset.
Does NOT know Terms, vaults, or whether a price was ever reached. A day is `DAY` blocks from the ledger's first height.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import combinations
from math import comb

import msgspec
from blake3 import blake3

from native import NativeError
from native._native import signing
from vault.faults import TermsFault

DAY = 144
"""Blocks of a day: day d of a ledger are the heights from genesis height + 144 * d on. Never wall clock."""
STEP = 10_000
"""Cents between the prices that attestors announce: whole hundreds of dollars a BTC. Anyone can name the grid alone."""
HORIZON = 1_000
"""Days ahead that attestors announce."""
MAX_SUBSETS = 16
"""Presignatures of one entry: one for each t-subset of the attestors."""
MAX_DAY = (1 << 32) - 1
MAX_PRICE = (1 << 64) - 1
ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""Of the group: scalars are below it."""


class Announcement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The nonce that one attestor will attest one (price, day) with."""

    attestor: int  # index into the ledger's attestors
    key: bytes  # its BIP340 key, x-only
    price: int
    day: int
    nonce: bytes  # R, x-only: the nonce with even y
    proof: bytes  # 64: BIP340 signature under `nonce` over `proof_message`: whoever made it knows the logarithm
    signature: bytes  # 64: BIP340 signature under `key` over `announcement_message`


def event(ledger: bytes, price: int, day: int) -> bytes:
    """32 bytes: what an attestation signs, "on this ledger the price was at most `price` on day `day`"."""
    return _hash("bitvm3 2026 attested price v1", ledger, price.to_bytes(8, "little"), day.to_bytes(4, "little"))


def proof_message(ledger: bytes, a: Announcement) -> bytes:
    """32 bytes: what the nonce itself signs. Bound to ledger, price, day and key."""
    return _hash("bitvm3 2026 announced nonce v1", event(ledger, a.price, a.day), a.key)


def announcement_message(ledger: bytes, a: Announcement) -> bytes:
    """32 bytes: what the attestor's key signs, so that nobody announces in its name."""
    return _hash("bitvm3 2026 announcement v1", event(ledger, a.price, a.day), a.nonce, a.proof)


def day_of(genesis_height: int, height: int) -> int:
    """The day of a height, negative before the ledger began."""
    return (height - genesis_height) // DAY


def check_announcement(ledger: bytes, a: Announcement, at: str) -> Announcement:
    """Its argument; TermsFault, under the name `at`, when a form, the proof or the signature is wrong."""
    if not 0 <= a.attestor < 1 << 16:
        raise TermsFault(f"{at}.attestor", expected="0 to 65535", got=str(a.attestor))
    if not 1 <= a.price <= MAX_PRICE:
        raise TermsFault(f"{at}.price", expected=f"1 to {MAX_PRICE}", got=str(a.price))
    if not 0 <= a.day <= MAX_DAY:
        raise TermsFault(f"{at}.day", expected=f"0 to {MAX_DAY}", got=str(a.day))
    if not signing.verify(a.nonce, proof_message(ledger, a), a.proof):
        expected = "a proof, by the nonce, of knowledge of its logarithm, for this ledger, price, day and key"
        raise TermsFault(f"{at}.proof", expected=expected, got=a.proof.hex()[:128])
    if not signing.verify(a.key, announcement_message(ledger, a), a.signature):
        expected = f"a BIP340 signature of attestor {a.attestor}"
        raise TermsFault(f"{at}.signature", expected=expected, got=a.signature.hex()[:128])
    return a


def attested(ledger: bytes, a: Announcement, scalar: bytes) -> bool:
    """Whether these 32 bytes are the attestation of an announcement: nonce | scalar is a BIP340 signature of the event."""
    return len(scalar) == 32 and signing.verify(a.key, event(ledger, a.price, a.day), a.nonce + scalar)


def point(ledger: bytes, a: Announcement) -> bytes:
    """S = R + e * O, 33 bytes: the point of the attestation to come. TermsFault when it is none."""
    e = _challenge(a.nonce, a.key, event(ledger, a.price, a.day))
    return _combined([b"\x02" + a.nonce, b"\x02" + a.key], [1, e], f"attestation of attestor {a.attestor}")


def subsets(attestors: int, threshold: int) -> tuple[tuple[int, ...], ...]:
    """Every `threshold`-subset of the attestors in lexical order; TermsFault for more than `MAX_SUBSETS`, or none."""
    count = comb(attestors, threshold) if threshold >= 1 else 0
    if not 1 <= count <= MAX_SUBSETS:
        expected = f"1 to {MAX_SUBSETS} subsets of attestors"
        raise TermsFault("loan.threshold", expected=expected, got=f"{count}, {threshold} of {attestors}")
    return tuple(combinations(range(attestors), threshold))


def subset_point(ledger: bytes, chosen: Sequence[Announcement]) -> bytes:
    """33 bytes: the point that opens when every one of `chosen` (one price and day, ascending attestors) has attested."""
    points = [point(ledger, a) for a in chosen]
    return _combined(points, _coefficients(ledger, chosen), f"attestors {[a.attestor for a in chosen]}")


def subset_secret(ledger: bytes, chosen: Sequence[Announcement], scalars: Sequence[bytes]) -> bytes:
    """32 bytes: the logarithm of `subset_point`, of attestations (public by now) in the same order. Checks each.

    TermsFault names the attestor whose scalar is no attestation.
    """
    for a, scalar in zip(chosen, scalars, strict=True):
        if not attested(ledger, a, scalar):
            expected = f"that of price {a.price} on day {a.day}"
            raise TermsFault(f"attestation of attestor {a.attestor}", expected=expected, got=scalar.hex()[:80])
    weights = _coefficients(ledger, chosen)
    total = sum(c * int.from_bytes(s, "big") for c, s in zip(weights, scalars, strict=True))
    return (total % ORDER).to_bytes(32, "big")


def _coefficients(ledger: bytes, chosen: Sequence[Announcement]) -> list[int]:
    """c_j for every place j of the subset. A hash modulo the order: its bias is below 2^-127."""
    whole = _hash("bitvm3 2026 attestor subset v1", ledger, *(_fixed(a) for a in chosen))
    places = (j.to_bytes(4, "little") for j in range(len(chosen)))
    return [_number(_hash("bitvm3 2026 subset coefficient v1", whole, j)) for j in places]


def _fixed(a: Announcement) -> bytes:
    """All of an announcement, 206 bytes; numbers little-endian."""
    numbers = a.attestor.to_bytes(2, "little") + a.price.to_bytes(8, "little") + a.day.to_bytes(4, "little")
    return numbers + a.key + a.nonce + a.proof + a.signature


def _number(digest: bytes) -> int:
    return int.from_bytes(digest, "big") % ORDER


def _combined(points: Sequence[bytes], scalars: Sequence[int], what: str) -> bytes:
    try:
        return signing.combine(points, [scalar.to_bytes(32, "big") for scalar in scalars])
    except NativeError as error:
        raise TermsFault(f"point of {what}", expected="a sum of points that is a point", got=str(error)) from None


def _challenge(nonce: bytes, key: bytes, message: bytes) -> int:
    """BIP340's e."""
    tag = hashlib.sha256(b"BIP0340/challenge").digest()
    return _number(hashlib.sha256(tag + tag + nonce + key + message).digest())


def _hash(context: str, *parts: bytes) -> bytes:
    state = blake3(derive_key_context=context)
    for part in parts:  # all of fixed lengths, an announcement's as `check_announcement` has it
        state.update(part)
    return state.digest()
