"""A regtest block on top of the tip: its coinbase, commitment, time stamp and proof of work.

Promises: the block passes the engine when its transactions do. Does NOT know the mempool: the caller says which
transactions, in an order in which parents come first.
"""

from __future__ import annotations

import hashlib
import struct

from node.sandbox.ledger import Entry
from node.sandbox.transaction import sha256d

SUBSIDY = 50 * 100_000_000
HALVING = 150  # regtest
BITS = 0x207FFFFF
TARGET = 0x7FFFFF << (8 * (0x20 - 3))
VERSION = 0x20000000
COINBASE_RESERVE = bytes(32)  # the witness reserved value of BIP141
_FIRST = struct.Struct("<i32s32sII")


def subsidy(height: int) -> int:
    """New coins of the block of that height, in sats."""
    return SUBSIDY >> (height // HALVING) if height // HALVING < 64 else 0


def merkle_root(hashes: list[bytes]) -> bytes:
    """Bitcoin's merkle root of 32-byte hashes."""
    while len(hashes) > 1:
        if len(hashes) % 2:
            hashes = [*hashes, hashes[-1]]
        hashes = [sha256d(hashes[i] + hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]


def _compact(n: int) -> bytes:
    if n < 253:
        return bytes([n])
    return b"\xfd" + struct.pack("<H", n) if n < 65536 else b"\xfe" + struct.pack("<I", n)


def _push_height(height: int) -> bytes:
    """BIP34: the height as a minimal script number."""
    if height <= 16:
        return bytes([0x50 + height]) + b"\x00"  # one byte more: a coinbase script has at least two
    number = height.to_bytes((height.bit_length() + 8) // 8, "little")
    return bytes([len(number)]) + number


def assemble(
    parent: Entry,
    script: bytes,
    transactions: list[tuple[bytes, bytes, bytes]],
    fees: int,
    *,
    time: int,
    taken: set[bytes],
) -> bytes:
    """A mined block.

    Args:
        parent: the tip.
        script: where subsidy and fees go.
        transactions: (raw, txid, wtxid), parents first.
        fees: what they pay, in sats.
        time: the wall clock in seconds; the block's stamp is later than the parent's median time.
        taken: block hashes that must not come out again (invalidated blocks).
    """
    height = parent.height + 1
    witness_root = merkle_root([bytes(32), *(wtxid for _, _, wtxid in transactions)])
    commitment = b"\x6a\x24\xaa\x21\xa9\xed" + sha256d(witness_root + COINBASE_RESERVE)
    outputs = b"".join(
        struct.pack("<q", value) + _compact(len(spk)) + spk
        for value, spk in ((subsidy(height) + fees, script), (0, commitment))
    )
    script_sig = _push_height(height)
    body = (
        b"\x01" + bytes(32) + b"\xff\xff\xff\xff" + _compact(len(script_sig)) + script_sig + b"\xfe\xff\xff\xff"
        b"\x02" + outputs
    )
    lock = struct.pack("<I", height - 1)
    coinbase_txid = sha256d(b"\x02\0\0\0" + body + lock)
    coinbase = b"\x02\0\0\0" + b"\x00\x01" + body + b"\x01\x20" + COINBASE_RESERVE + lock
    root = merkle_root([coinbase_txid, *(txid for _, txid, _ in transactions)])
    stamp = max(parent.median_time + 1, time)
    start = _FIRST.pack(VERSION, parent.hash, root, stamp, BITS)
    prefix = hashlib.sha256(start)
    for nonce in range(1 << 32):
        end = struct.pack("<I", nonce)
        inner = prefix.copy()
        inner.update(end)
        hash_ = hashlib.sha256(inner.digest()).digest()
        if int.from_bytes(hash_, "little") <= TARGET and hash_ not in taken:
            raws = b"".join(raw for raw, _, _ in transactions)
            return start + end + _compact(1 + len(transactions)) + coinbase + raws
    raise AssertionError("unreachable: regtest's target takes two tries")
