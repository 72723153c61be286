"""Poseidon, attestors' signatures on Baby Jubjub, and the statements a claim proves; docs/ledger.md is the specification.

Field elements are 32 bytes big-endian below r, the order of BN254; what is not is refused, never reduced.
Does NOT know keys of provers, proofs or files.
"""

from collections.abc import Sequence
from typing import final

from typing_extensions import Buffer

from . import NativeError as NativeError
from .keys import Seed
from .proving import Assignment, Circuit

__all__ = ["AttestorKey", "NativeError", "attestor_key_fault", "eddsa_verify", "poseidon", "statement", "witness"]

def poseidon(inputs: Sequence[bytes]) -> bytes:
    """The `poseidon` of circomlib for 1 to 16 field elements.

    Raises:
        NativeError: another number of inputs, or one that is not 32 bytes below r, named by index.
    """

@final
class AttestorKey:
    """An attestor's signing key on Baby Jubjub; the secret never leaves it and is wiped with it.

    Derived from the child of `seed` at `path`; the same one each time.
    """

    def __new__(cls, seed: Seed, path: bytes) -> AttestorKey: ...
    def public(self) -> bytes:
        """64 bytes: x and y, big-endian."""

    def sign(self, digest: bytes) -> bytes:
        """96 bytes over a digest of 32: R8.x, R8.y, S, big-endian; circomlib's EdDSAPoseidon with a deterministic nonce.

        Raises:
            NativeError: the digest is not 32 bytes below r.
        """

def attestor_key_fault(public: bytes) -> None:
    """Refuses what is no attestor's key.

    Raises:
        NativeError: not 64 bytes, a coordinate not below r, off the curve, the neutral element, or outside the subgroup of
            prime order.
    """

def eddsa_verify(public: bytes, digest: bytes, signature: bytes) -> bool:
    """Whether the signature is valid for the digest under the key.

    Raises:
        NativeError: what `attestor_key_fault` refuses; a digest not below r; R8 not canonical or off the curve; S not below
            the order of the subgroup.
    """

def statement(name: str, batch: int) -> Circuit:
    """The constraints of "outcome" (batch 0) or of "transition" (`batch` events, 1 to 64; 16 in the product).

    Raises:
        NativeError: no such statement or batch.
    """

def witness(name: str, batch: int, json: Buffer) -> tuple[Assignment, bytes]:
    """The assignment of a witness, and the public input x of 32 bytes.

    Raises:
        NativeError: the JSON is malformed (names the field), or the witness breaks a rule: the text begins "RULE: ", the name
            in docs/ledger.md of the first one broken.
    """
