"""Transactions and blocks as bytes and fields; the parse is strict and total.

Promises: what `Transaction.parse` returns serialises back to the bytes it read; txid and wtxid are in internal
order (as hashed). Does NOT know whether a transaction is valid. The fields are btclib's, an implementation that is
independent of the rest of this product.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO

from btclib import var_int
from btclib.exceptions import BTClibException
from btclib.tx.tx import Tx

HEADER_SIZE = 80
MAX_BLOCK_WEIGHT = 4_000_000
MAX_SEQUENCE = 0xFFFFFFFF

Outpoint = tuple[bytes, int]


def sha256d(data: bytes) -> bytes:
    """Bitcoin's double SHA-256."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def display(hash_: bytes) -> str:
    """The hex form that JSON-RPC shows: the bytes reversed."""
    return hash_[::-1].hex()


@dataclass(frozen=True, slots=True, eq=False)
class Transaction:
    """A parsed transaction; `spends` are (txid, vout) in input order, `outputs` are (value, script)."""

    raw: bytes
    tx: Tx
    txid: bytes
    wtxid: bytes
    weight: int
    stripped_size: int
    spends: tuple[Outpoint, ...]
    outputs: tuple[tuple[int, bytes], ...]

    @staticmethod
    def parse(raw: bytes) -> Transaction:
        """Read exactly one transaction.

        Raises:
            ValueError: the bytes are not one well-formed transaction, or are followed by others.
        """
        stream = BytesIO(raw)
        transaction = Transaction.read(stream)
        if stream.tell() != len(raw):
            raise ValueError(f"{len(raw) - stream.tell()} bytes after the transaction")
        return transaction

    @staticmethod
    def read(stream: BytesIO) -> Transaction:
        """Read the next transaction of a block."""
        start = stream.tell()
        try:
            tx = Tx.parse(stream, check_validity=False)
        except (BTClibException, ValueError, IndexError, OverflowError) as fault:
            raise ValueError(f"not a transaction: {fault}") from fault
        if not tx.vin:
            raise ValueError("a transaction without inputs")
        raw = stream.getbuffer()[start : stream.tell()].tobytes()
        stripped = tx.serialize(include_witness=False, check_validity=False)
        return Transaction(
            raw=raw,
            tx=tx,
            txid=sha256d(stripped),
            wtxid=sha256d(raw),
            weight=3 * len(stripped) + len(raw),
            stripped_size=len(stripped),
            spends=tuple((i.prev_out.tx_id[::-1], i.prev_out.vout) for i in tx.vin),
            outputs=tuple((o.value, o.script_pub_key.script) for o in tx.vout),
        )

    @property
    def version(self) -> int:
        """Core's unsigned version."""
        return self.tx.version & 0xFFFFFFFF

    @property
    def vsize(self) -> int:
        """Weight over four, rounded up; the sigop-adjusted size is the mempool entry's."""
        return -(-self.weight // 4)

    @property
    def is_coinbase(self) -> bool:
        """One input, spending nothing."""
        return self.tx.is_coinbase


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A parsed block; hashes in internal order."""

    raw: bytes
    hash: bytes
    previous: bytes
    transactions: tuple[Transaction, ...]

    @staticmethod
    def parse(raw: bytes) -> Block:
        """Read exactly one block.

        Raises:
            ValueError: the bytes are not one well-formed block.
        """
        if len(raw) <= HEADER_SIZE or len(raw) > MAX_BLOCK_WEIGHT:
            raise ValueError(f"a block of {len(raw)} bytes")
        stream = BytesIO(raw)
        stream.seek(HEADER_SIZE)
        try:
            count = var_int.parse(stream)
        except BTClibException as fault:
            raise ValueError(f"not a transaction count: {fault}") from fault
        if count > len(raw) // 60:  # the smallest transaction has 60 bytes
            raise ValueError(f"{count} transactions in {len(raw)} bytes")
        transactions = tuple(Transaction.read(stream) for _ in range(count))
        if stream.tell() != len(raw) or not transactions:
            raise ValueError("bytes after the block, or no transaction in it")
        return Block(raw=raw, hash=sha256d(raw[:HEADER_SIZE]), previous=raw[4:36], transactions=transactions)
