"""Taproot outputs, sighashes, transactions as bytes, addresses of test networks, and the watch over blocks.

Promises that bytes are parsed whole (nothing may follow) and that a list of leaves has one tree. Txids and block hashes
are 32 bytes in internal byte order. Does NOT judge: no script is run, no block or transaction validated.
"""

from collections.abc import Sequence
from typing import final

__all__ = ["Watch", "address", "nums_key", "script", "sighashes", "strip_witness", "taproot", "txid", "weight"]

def taproot(internal_key: bytes, leaves: Sequence[bytes]) -> tuple[bytes, bytes, list[bytes]]:
    """(x-only output key, merkle root or b"", control block of each leaf) of a BIP341 output.

    One leaf has depth 0; more are split into halves, the first of which gets the odd one, recursively. Leaves have
    version 0xc0.

    Raises:
        NativeError: the internal key is none, or a leaf is repeated.
    """

def sighashes(
    tx: bytes, prevouts: Sequence[tuple[int, bytes]], index: int, leaf: bytes | None, positions: Sequence[int]
) -> list[bytes]:
    """SIGHASH_DEFAULT sighashes (32 bytes) of an input, one for each code separator position.

    `prevouts` are (value, scriptPubKey) of ALL inputs. `leaf` None is the key path. A position is the opcode index of
    the last executed OP_CODESEPARATOR (BIP342; a push counts as one), 0xffffffff when none was.

    Raises:
        NativeError: malformed transaction, other counts, no such input, a position on a key path.
    """

def nums_key(tag: bytes) -> bytes:
    """BIP341's H + BLAKE3 derive_key("bitvm3 2026 nums key v1", tag)*G, x-only: nobody knows its logarithm."""

def txid(raw: bytes) -> bytes:
    """The txid.

    Raises:
        NativeError: malformed transaction.
    """

def strip_witness(raw: bytes) -> bytes:
    """The transaction without witnesses.

    Raises:
        NativeError: malformed transaction.
    """

def weight(raw: bytes) -> int:
    """The weight in weight units (BIP141).

    Raises:
        NativeError: malformed transaction.
    """

def address(script: bytes, network: str) -> str:
    """The address of a scriptPubKey on regtest, signet, testnet or testnet4.

    Raises:
        NativeError: another network, or a script that has no address.
    """

def script(address: str, network: str) -> bytes:
    """The scriptPubKey of an address of that network.

    Raises:
        NativeError: another network's address, or none.
    """

@final
class Watch:
    """Outpoints and scripts to look for in every block."""

    def __new__(cls) -> Watch: ...
    def watch_outpoint(self, txid: bytes, vout: int) -> None:
        """Look for spends of an outpoint.

        Raises:
            NativeError: a txid that is not 32 bytes.
        """

    def forget_outpoint(self, txid: bytes, vout: int) -> None:
        """Look no more; an outpoint that was not watched is no error."""

    def watch_script(self, script: bytes) -> None:
        """Look for payments to a scriptPubKey."""

    def scan(self, raw_block: bytes) -> tuple[bytes, bytes, list[tuple[int, bytes]]]:
        """(block hash, previous hash, [(place in block, raw transaction)] of those that spend or pay what is watched).

        An output found here is watched only when the caller says so: scan again for spends in the same block.

        Raises:
            NativeError: malformed block, or bytes after it.
        """
