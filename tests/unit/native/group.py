"""A group of signers, the round they play through the product, and the arithmetic that attacks and oracles need.

Scalars and points here are Python integers and coincurve's points: a second implementation, not constant time.
"""

from dataclasses import dataclass
from hashlib import sha256

from coincurve import PrivateKey, PublicKey

from native._native.keys import SealingKey, Secret, Seed
from native._native.signing import Presigning

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

Item = tuple[bytes, bytes | None, bytes | None]


def tagged(tag: str, data: bytes) -> bytes:
    """BIP340's tagged hash."""
    start = sha256(tag.encode()).digest()
    return sha256(start + start + data).digest()


def scalar(*parts: object) -> int:
    """A scalar that anybody can repeat from its name."""
    return int.from_bytes(sha256(repr(parts).encode()).digest(), "big") % ORDER


def b32(number: int) -> bytes:
    return (number % ORDER).to_bytes(32, "big")


def point(number: int) -> PublicKey:
    return PrivateKey(b32(number)).public_key


def add(*points: PublicKey) -> PublicKey:
    return PublicKey.combine_keys(list(points))


def negated(data: bytes) -> bytes:
    """The compressed point with the other y."""
    return bytes([data[0] ^ 1]) + data[1:]


def challenge(nonce_x: bytes, key_x: bytes, message: bytes) -> int:
    """BIP340's challenge."""
    return int.from_bytes(tagged("BIP0340/challenge", nonce_x + key_x + message), "big") % ORDER


def secret(*parts: object) -> Secret:
    return Secret.from_revealed(b32(scalar(*parts)))


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A batch and what everyone sent."""

    batch: Presigning
    seeds: list[Seed]
    secrets: list[Secret]
    nonces: list[bytes]
    partials: list[bytes]
    presignatures: list[bytes]

    @property
    def key(self) -> bytes:
        """The x-only aggregate."""
        return self.batch.aggregate_key[1:]


def play(secrets: list[Secret], items: list[Item]) -> Round:
    """One whole round of the product, everything checked on the way as parties do."""
    batch = Presigning([own.point() for own in secrets], items)
    seeds = [Seed.generate() for _ in secrets]
    nonces = [batch.public_nonces(seed, own) for seed, own in zip(seeds, secrets, strict=True)]
    partials = [batch.sign(seed, own, nonces) for seed, own in zip(seeds, secrets, strict=True)]
    for signer, theirs in enumerate(partials):
        assert batch.check_partials(signer, nonces, theirs) == []
    presignatures = batch.aggregate(nonces, partials)
    assert batch.check(presignatures) == []
    return Round(
        batch=batch,
        seeds=seeds,
        secrets=secrets,
        nonces=nonces,
        partials=partials,
        presignatures=cut(presignatures, 65),
    )


def sealing_key(passphrase: bytes) -> SealingKey:
    """The cheapest key there is."""
    return SealingKey(passphrase, b"sixteen bytes of", memory_kib=8, iterations=1)
