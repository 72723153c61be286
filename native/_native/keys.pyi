"""Secrets are made, derived, sealed, used and wiped in Rust; Python holds handles that show nothing.

Promises that no handle can be printed, pickled or copied. Does NOT know which secret may be shown when: `reveal` is for
values meant to be published and for libp2p's own key only. Integers outside 32 bits raise OverflowError.
"""

from typing import NoReturn, SupportsIndex, final

from . import NativeError as NativeError

__all__ = ["NativeError", "SealingKey", "Secret", "Seed", "WalletKeys"]

@final
class SealingKey:
    """A key stretched from a passphrase by Argon2id (RFC 9106, one lane); salt and costs are the caller's to keep.

    Raises:
        NativeError: empty passphrase, salt under 16 bytes, under 8 KiB of memory, no iteration.
    """

    def __new__(cls, passphrase: bytes, salt: bytes, *, memory_kib: int, iterations: int) -> SealingKey: ...
    def __reduce_ex__(self, _protocol: SupportsIndex, /) -> NoReturn: ...

@final
class Seed:
    """32 secret bytes, wiped when the handle goes."""

    @staticmethod
    def generate() -> Seed:
        """A fresh seed from the operating system's generator."""

    @staticmethod
    def unseal(sealed: bytes, key: SealingKey, context: bytes) -> Seed:
        """The seed that `seal` closed.

        Raises:
            NativeError: another key, another context or changed bytes.
        """

    def seal(self, key: SealingKey, context: bytes) -> bytes:
        """73 bytes: version, nonce, XChaCha20-Poly1305 of the seed bound to `context`."""

    def derive(self, path: bytes) -> Seed:
        """The child seed of a path (keyed BLAKE3)."""

    def secret(self, path: bytes) -> Secret:
        """The secret scalar of a path (keyed BLAKE3, never zero)."""

    def reveal(self) -> bytes:
        """The 32 bytes, ONLY for values meant to be published (hashlock preimage, setup nonce) and libp2p's key."""

    def __reduce_ex__(self, _protocol: SupportsIndex, /) -> NoReturn: ...

@final
class Secret:
    """A nonzero scalar of secp256k1, wiped when the handle goes."""

    @staticmethod
    def from_revealed(scalar: bytes) -> Secret:
        """A scalar that is public already (32 bytes big-endian), such as one learned from the chain.

        Raises:
            NativeError: not 32 bytes, zero, or not below the group order.
        """

    def point(self) -> bytes:
        """The point, 33 bytes compressed."""

    def xonly(self) -> bytes:
        """The BIP340 key, 32 bytes."""

    def sign(self, message: bytes, aux: bytes | None = None) -> bytes:
        """A BIP340 signature (64 bytes) under `xonly()`; without `aux` (32 bytes), fresh randomness."""

    def sign_key_path(self, message: bytes, merkle_root: bytes | None, aux: bytes | None = None) -> bytes:
        """A BIP340 signature under the BIP341 output key of this key and root; None: BIP86, no script path."""

    def __reduce_ex__(self, _protocol: SupportsIndex, /) -> NoReturn: ...

@final
class WalletKeys:
    """BIP86 keys m/86'/coin_type'/0' whose BIP32 seed is the 32 bytes of a Seed.

    Raises:
        NativeError: coin type not below 2^31.
    """

    def __new__(cls, seed: Seed, *, coin_type: int) -> WalletKeys: ...
    def output_key(self, change: int, index: int) -> bytes:
        """The x-only output key (32 bytes) of change (0 or 1) / index (below 2^31).

        Raises:
            NativeError: a path outside these.
        """

    def sign(self, change: int, index: int, sighash: bytes) -> bytes:
        """A BIP340 signature (64 bytes) over a 32-byte sighash under that output key."""

    def descriptor(self) -> str:
        """The public descriptor tr([origin]xpub/<0;1>/*), without checksum."""

    def __reduce_ex__(self, _protocol: SupportsIndex, /) -> NoReturn: ...
