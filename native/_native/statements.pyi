"""Poseidon, attestors' signatures on Baby Jubjub, and the statements a claim proves; docs/ledger.md is the specification.

Field elements are 32 bytes big-endian below r, the order of BN254; what is not is refused, never reduced.
Does NOT know keys of provers, proofs or files.
"""

from collections.abc import Sequence

from . import NativeError as NativeError

__all__ = ["NativeError", "poseidon"]

def poseidon(inputs: Sequence[bytes]) -> bytes:
    """circomlib's `poseidon` of 1 to 16 field elements.

    Raises:
        NativeError: another number of inputs, or one that is not 32 bytes below r, named by index.
    """
