"""What the chain tells: plain values. Hashes and txids are 32 bytes in internal order, amounts are sats."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """The last block of the active chain."""

    height: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A block of the server's index. `previous` is 32 zero bytes for the genesis block."""

    hash: bytes
    height: int
    previous: bytes
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Utxo:
    """An output that no block has spent. `confirmations` is at least 1."""

    value: int
    script: bytes
    confirmations: int
    coinbase: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MempoolView:
    """The txids that wait, and a number that grows with every change."""

    txids: frozenset[bytes]
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Who answers."""

    version: int
    subversion: str
    network: str
    genesis: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """It waits in the mempool now (of a package: all of it; the txid is the last one's)."""

    txid: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyKnown:
    """A block has it, or the mempool had it before this call."""

    txid: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """It was refused: `reason` in Bitcoin Core's words, first the reason and after a comma the details.

    `missing_inputs`: an input is unknown or spent. That is also what a transaction looks like that a block has
    had and whose outputs are all spent since.
    """

    txid: bytes
    reason: str
    missing_inputs: bool


Broadcast = Accepted | AlreadyKnown | Rejected
