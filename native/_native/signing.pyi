"""BIP340 verification, adaptor presignatures, and batches of MuSig2 (BIP327) sessions with adaptors.

Points are 33 bytes compressed, x-only keys 32, scalars 32 big-endian. A presignature is 65 bytes: R' compressed with
its parity | s'. With T the adaptor point: s'*G + T == R' + e*P when R' is even, s'*G - T == -R' + e*P when it is odd.

Promises that every length, point and scalar is checked, that infinity is refused among all points, and that an adaptor
point is added to the aggregate nonce BEFORE the nonce coefficient is hashed. Does NOT remember which nonce was used: a
durable guard stands before `Presigning.sign`.
"""

from collections.abc import Sequence
from typing import final

from .keys import Secret, Seed

__all__ = [
    "Presigning",
    "add_points",
    "aggregate_key",
    "announce",
    "attest",
    "check_presignature",
    "combine",
    "complete",
    "equal_nonces",
    "extract",
    "is_point",
    "presign",
    "verify",
]

def verify(xonly: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a 64-byte signature is BIP340's; a wrong length of key or signature is False."""

def is_point(point: bytes) -> bool:
    """Whether the bytes are a compressed point; infinity has no such form."""

def add_points(points: Sequence[bytes]) -> bytes:
    """The sum of points.

    Raises:
        NativeError: a bad point (named by index), or the sum is infinity.
    """

def combine(points: Sequence[bytes], scalars: Sequence[bytes]) -> bytes:
    """The sum of scalar * point; scalars are public (variable time), zero allowed.

    Raises:
        NativeError: a bad point or scalar (named by index), other counts, or the sum is infinity.
    """

def aggregate_key(keys: Sequence[bytes]) -> bytes:
    """BIP327 KeyAgg of the keys in the given order, 33 bytes.

    Raises:
        NativeError: no key, a bad key (named by index), or the aggregate is infinity.
    """

def equal_nonces(presignatures: bytes, group: int) -> list[int]:
    """Indices of presignatures whose R'.x already stands earlier in the same run of `group`.

    Non-empty means: one signature would be valid for two values of one digit. Refuse the round.

    Raises:
        NativeError: not whole groups.
    """

def complete(presignature: bytes, secret: Secret) -> bytes:
    """The BIP340 signature (64 bytes) made with the logarithm of the adaptor point; not verified here.

    Raises:
        NativeError: not a presignature.
    """

def extract(presignature: bytes, signature: bytes) -> bytes:
    """The logarithm (32 bytes) that turned the presignature into the signature; compare its point with yours.

    Raises:
        NativeError: bad bytes, another nonce, or the signature shows nothing.
    """

def presign(secret: Secret, message: bytes, point: bytes, aux: bytes | None) -> bytes:
    """One signer's presignature over a 32-byte message, R' even; the nonce binds key, message, point and aux.

    `aux` is 32 bytes; None takes fresh randomness.

    Raises:
        NativeError: bad lengths or a bad point.
    """

def check_presignature(xonly: bytes, message: bytes, point: bytes, presignature: bytes) -> bool:
    """Whether a presignature under `xonly` is locked to `point`; either parity of R'.

    Raises:
        NativeError: `xonly` is no key or `point` no point.
    """

def announce(secret: Secret, seed: Seed, message: bytes) -> tuple[bytes, bytes]:
    """(nonce, proof) for a 32-byte message: the nonce R (x-only, even y) that `attest` will sign it with, and a proof.

    The nonce follows from (seed, key, message): no two messages share one. The proof is the BIP340 signature under R of
    BLAKE3 (derive_key "bitvm3 2026 announced nonce v1") of message | key: knowledge of R's logarithm.

    Raises:
        NativeError: not 32 bytes.
    """

def attest(secret: Secret, seed: Seed, message: bytes) -> bytes:
    """The BIP340 signature (64 bytes) of the message whose nonce is the announced one; the same bytes every time.

    Raises:
        NativeError: not 32 bytes.
    """

@final
class Presigning:
    """A batch of MuSig2 sessions under one group of distinct keys, in the signers' order (nothing is sorted).

    An item is (message, adaptor point | None, tweak): tweak None signs under the plain aggregate (a tapscript leaf),
    b"" under its BIP341 output key without a tree, 32 bytes under its output key with that merkle root. Every method
    takes the nonces or partials of ALL signers in key order, one bytes object a signer, sessions side by side. All of
    them release the interpreter and use every core.

    Raises:
        NativeError: a bad or repeated key, message, point or tweak, named by index.
    """

    def __new__(
        cls, keys: Sequence[bytes], items: Sequence[tuple[bytes, bytes | None, bytes | None]]
    ) -> Presigning: ...
    def __len__(self) -> int:
        """How many sessions."""

    @property
    def aggregate_key(self) -> bytes:
        """The untweaked aggregate, 33 bytes."""

    def public_nonces(self, seed: Seed, secret: Secret) -> bytes:
        """66 bytes a session: BIP327 NonceGen whose rand comes of (seed, index), recomputed exactly by the same seed.

        Raises:
            NativeError: `secret` is none of the keys.
        """

    def sign(self, seed: Seed, secret: Secret, nonces: Sequence[bytes]) -> bytes:
        """32 bytes a session. NEVER call it with one seed and two different lists of the others' nonces.

        Raises:
            NativeError: own nonces are not the seed's, a bad nonce or count, infinity; names signer and session.
        """

    def check_partials(self, signer: int, nonces: Sequence[bytes], partials: bytes) -> list[int]:
        """Sessions in which the partial signature of the `signer`-th key is wrong; empty means all are right.

        Raises:
            NativeError: no such signer, a bad nonce or length, infinity.
        """

    def aggregate(self, nonces: Sequence[bytes], partials: Sequence[bytes]) -> bytes:
        """65 bytes a session; without an adaptor point R is written even, so [1:] is the BIP340 signature.

        Verifies nothing: `check_partials` names the cheat, `check` judges the result.

        Raises:
            NativeError: a bad nonce, partial or length, infinity.
        """

    def check(self, presignatures: bytes) -> list[int]:
        """Sessions whose presignature (signature, without an adaptor point) is not valid; empty means all are.

        Raises:
            NativeError: a bad length.
        """
