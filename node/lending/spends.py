"""Who spent the coins that this node watches for its ledgers: durable, block by block, undone by a reorg.

Promises that what `spend` answers is what the blocks up to the chain position on disk hold: a block's spends stand in the same
batch as the position, and leave in the batch that leaves the block. Of an outpoint watched late, earlier blocks are looked
through first (`search`), so that a spend is never missed by asking after it. Does NOT know what a coin means.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from bitcoin.core import CTransaction

from native._native.tapscript import Watch
from node.faults import LocalFault
from node.lending.coins import Outpoint, Spend
from node.store import Put, Store

COLUMN = "spends"
_DECODER = msgspec.msgpack.Decoder(Spend)


class Spends:
    """Make one with `load`. `connect` and `disconnect` change it at once; their puts belong into the block's batch."""

    def __init__(self) -> None:
        """Nothing watched, nothing spent."""
        self._watched: set[Outpoint] = set()
        self._watch = Watch()
        self._seen: dict[Outpoint, Spend] = {}

    @classmethod
    def load(cls, store: Store) -> Spends:
        """What was seen before; what to watch is for whoever asks. Raises LocalFault for a damaged disk."""
        spends = cls()
        for key, raw in store.items(COLUMN):
            try:
                spends._seen[_outpoint(key)] = _DECODER.decode(raw)
            except (msgspec.DecodeError, ValueError) as error:
                raise LocalFault(
                    what="stored spend",
                    expected="what this node wrote",
                    came=str(error)[:200],
                    todo="Restore the last backup.",
                ) from error
        return spends

    def spend(self, outpoint: Outpoint) -> Spend | None:
        """What spent a coin, in the blocks seen."""
        return self._seen.get(outpoint)

    def watch(self, outpoints: Iterable[Outpoint]) -> None:
        """From the next block on."""
        for outpoint in outpoints:
            self._watched.add(outpoint)
            self._watch.watch_outpoint(*outpoint)

    def connect(self, height: int, raw: bytes) -> list[Put]:
        """Take a block; raises NativeError when it is malformed."""
        return self.add(_found(self._watch, self._watched, height, raw)) if self._watched else []

    def disconnect(self, height: int) -> list[Put]:
        """Forget a block, and whatever stands above it."""
        gone = [outpoint for outpoint, spend in self._seen.items() if spend.height >= height]
        for outpoint in gone:
            del self._seen[outpoint]
        return [(COLUMN, _key(outpoint), None) for outpoint in gone]

    def add(self, found: Iterable[tuple[Outpoint, Spend]]) -> list[Put]:
        """Spends of blocks that this node has behind it."""
        puts: list[Put] = []
        for outpoint, spend in found:
            self._seen[outpoint] = spend
            puts.append((COLUMN, _key(outpoint), msgspec.msgpack.encode(spend)))
        return puts


def search(outpoints: Sequence[Outpoint], height: int, raw: bytes) -> list[tuple[Outpoint, Spend]]:
    """The spends of these in one raw block."""
    watch = Watch()
    for outpoint in outpoints:
        watch.watch_outpoint(*outpoint)
    return _found(watch, frozenset(outpoints), height, raw)


def _found(
    watch: Watch, watched: set[Outpoint] | frozenset[Outpoint], height: int, raw: bytes
) -> list[tuple[Outpoint, Spend]]:
    found = []
    for _, tx in watch.scan(raw)[2]:
        parsed = CTransaction.deserialize(tx)
        outputs = tuple((out.nValue, bytes(out.scriptPubKey)) for out in parsed.vout)
        spend = Spend(height=height, txid=parsed.GetTxid(), outputs=outputs)
        spent = ((vin.prevout.hash, vin.prevout.n) for vin in parsed.vin)
        found += [(outpoint, spend) for outpoint in spent if outpoint in watched]
    return found


def _key(outpoint: Outpoint) -> bytes:
    return outpoint[0] + outpoint[1].to_bytes(4, "big")


def _outpoint(key: bytes) -> Outpoint:
    return key[:32], int.from_bytes(key[32:], "big")
