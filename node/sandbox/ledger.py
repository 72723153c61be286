"""The block index and the coins of the active chain, folded from the engine's moves.

Promises: after `connect` or `disconnect` the coin set is that of the tip, exactly: `disconnect` is the inverse of
`connect`. Does NOT know whether a block is valid: it follows what the engine connected.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from node.sandbox.transaction import HEADER_SIZE, Block, Outpoint, sha256d

MEDIAN_SPAN = 11  # CBlockIndex::nMedianTimeSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin:
    """An unspent output. `height` is that of its block (tip + 1 for one that waits in the mempool)."""

    value: int
    script: bytes
    height: int
    coinbase: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One block of the index, on the active chain or not."""

    hash: bytes
    previous: bytes
    height: int
    header: bytes
    median_time: int

    @property
    def time(self) -> int:
        """The header's time stamp."""
        return int.from_bytes(self.header[68:72], "little")


def is_unspendable(script: bytes) -> bool:
    """CScript::IsUnspendable: such an output never becomes a coin."""
    return script[:1] == b"\x6a" or len(script) > 10_000


class Ledger:
    """The index of every known block, the active chain and its coins."""

    def __init__(self) -> None:
        self.entries: dict[bytes, Entry] = {}
        self.active: list[bytes] = []
        self.coins: dict[Outpoint, Coin] = {}
        self._undo: list[list[tuple[Outpoint, Coin]]] = []
        self._times: dict[bytes, tuple[int, ...]] = {}

    @property
    def tip(self) -> Entry:
        """The last block of the active chain."""
        return self.entries[self.active[-1]]

    def is_active(self, entry: Entry) -> bool:
        """Whether the block is on the active chain."""
        return entry.height < len(self.active) and self.active[entry.height] == entry.hash

    def at(self, height: int) -> Entry:
        """The active block of that height."""
        return self.entries[self.active[height]]

    def index(self, header: bytes) -> Entry:
        """Make the block known. KeyError when its parent is not."""
        hash_ = sha256d(header)
        if known := self.entries.get(hash_):
            return known
        previous = header[4:36]
        parent = self.entries[previous] if any(previous) else None
        time = int.from_bytes(header[68:72], "little")
        times = ((*self._times[parent.hash], time) if parent else (time,))[-MEDIAN_SPAN:]
        entry = Entry(
            hash=hash_,
            previous=previous,
            height=parent.height + 1 if parent else 0,
            header=header[:HEADER_SIZE],
            median_time=sorted(times)[len(times) // 2],
        )
        self._times[hash_] = times
        self.entries[hash_] = entry
        return entry

    def connect(self, block: Block) -> Entry:
        """The engine connected this block on top of the tip."""
        entry = self.index(block.raw[:HEADER_SIZE])
        undo: list[tuple[Outpoint, Coin]] = []
        for place, transaction in enumerate(block.transactions):
            if place:
                undo.extend((outpoint, self.coins.pop(outpoint)) for outpoint in transaction.spends)
            if entry.height == 0:
                continue  # the genesis output is not a coin
            for vout, (value, script) in enumerate(transaction.outputs):
                if not is_unspendable(script):
                    self.coins[(transaction.txid, vout)] = Coin(
                        value=value, script=script, height=entry.height, coinbase=place == 0
                    )
        self.active.append(entry.hash)
        self._undo.append(undo)
        return entry

    def fees(self, block: Block) -> list[int] | None:
        """What each transaction of an active block pays, the coinbase aside; None for a block that is not active."""
        entry = self.entries[block.hash]
        if not self.is_active(entry):
            return None
        spent = iter(coin.value for _, coin in self._undo[entry.height])
        return [
            sum(next(spent) for _ in t.spends) - sum(value for value, _ in t.outputs) for t in block.transactions[1:]
        ]

    def disconnect(self, block: Block) -> None:
        """The engine disconnected the tip, which is this block."""
        if self.active[-1] != block.hash:
            raise ValueError("only the tip is disconnected")
        created = {(t.txid, vout) for t in block.transactions for vout in range(len(t.outputs))}
        for outpoint in created:
            self.coins.pop(outpoint, None)
        for outpoint, coin in self._undo.pop():
            if outpoint not in created:
                self.coins[outpoint] = coin
        self.active.pop()

    def chain_work(self, entry: Entry) -> int:
        """Total work up to the block: two a block at regtest's difficulty."""
        return 2 * (entry.height + 1)


def header_fields(header: bytes) -> tuple[int, bytes, bytes, int, int, int]:
    """(version, previous, merkle root, time, bits, nonce)."""
    version, previous, root, time, bits, nonce = struct.unpack("<i32s32sIII", header)
    return version, previous, root, time, bits, nonce
