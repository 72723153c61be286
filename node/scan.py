"""Blocks in, events of vaults and coins of the wallet out.

Promise: one pass over a block; everything a block changes (wallet, chain position, vault events) comes back as data for one
batch. In memory are the vaults' outpoints and whose they are; what the transactions are called is read when one of them is
spent. This module does NOT follow the chain (node/chain does) and does NOT decide what a transaction means (challenge).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bitcoin.core import CTransaction

from challenge.classify import Index, Outpoint, classify
from challenge.events import Event, Mined
from challenge.facts import fact_id
from challenge.game import split
from challenge.states import Seen
from native._native.tapscript import Watch
from node.lending.spends import Spends
from node.store import Put, Store
from node.wallet import Wallet
from node.watches import watches

TIP = b"tip"
EVIDENCE = frozenset({"assert", "reveal"})
"""The transactions whose witness tells something: it is stored and named in the log."""


@dataclass(slots=True)
class Found:
    """What a block holds for us."""

    puts: list[Put] = field(default_factory=list)
    events: list[tuple[bytes, Event]] = field(default_factory=list)


class Scanner:
    """Knows every outpoint and script worth watching; `height` and `block` are the tip it has seen."""

    def __init__(
        self, *, wallet: Wallet, keep: int, height: int, block: bytes, index: Callable[[bytes], Index]
    ) -> None:
        """`keep`: how many block hashes stay on disk (the reorg bound). `index`: what a watched vault's coins are called."""
        self._wallet, self._keep, self._index = wallet, keep, index
        self._watch = Watch()
        self._scripts = 0
        self._owners: dict[int, tuple[bytes, ...]] = {}
        self._recent: dict[int, bytes] = {}
        self.height, self.block = height, block
        self.spends = Spends()

    @classmethod
    def load(cls, *, wallet: Wallet, keep: int, store: Store) -> Scanner:
        """Continue where the last batch stopped; height -1 when nothing was seen yet."""
        tip = store.get("meta", TIP)
        height, block = (-1, bytes(32)) if tip is None else (int.from_bytes(tip[:8], "big"), tip[8:])
        scanner = cls(wallet=wallet, keep=keep, height=height, block=block, index=watches(store))
        scanner.spends = Spends.load(store)
        scanner._recent = {int.from_bytes(height, "big"): block for height, block in store.items("chain")}
        return scanner

    def recent(self) -> list[tuple[int, bytes]]:
        """(height, hash) of the blocks seen last, ascending: where the follower finds the fork point."""
        return sorted(self._recent.items())

    def watch(self, vault: bytes, coins: Iterable[Outpoint]) -> None:
        """From the next block on, look for what spends these coins of a vault: every transaction of a graph spends one."""
        alone = (vault,)
        for outpoint in coins:
            self._watch.watch_outpoint(*outpoint)
            at = _place(outpoint)
            owners = self._owners.setdefault(at, alone)
            if vault not in owners:
                self._owners[at] = (*owners, vault)

    def connect(self, height: int, block: bytes, raw: bytes) -> Found:
        """Take a block; raises NativeError when it is malformed."""
        scripts = self._wallet.scripts()  # grows only
        for script in scripts[self._scripts :]:
            self._watch.watch_script(script)
        self._scripts = len(scripts)
        for txid, vout in self._wallet.outpoints():
            self._watch.watch_outpoint(txid, vout)
        _, _, transactions = self._watch.scan(raw)
        found = Found()
        seen: dict[bytes, list[Seen]] = {}
        for _, tx in transactions:
            for vault, item, evidence in self._named(height, tx):
                seen.setdefault(vault, []).append(item)
                if evidence:
                    found.puts.append(("blobs", item.raw, tx))
        found.events = [(vault, Mined(height=height, block=block, seen=tuple(items))) for vault, items in seen.items()]
        self._wallet.connect(height, [tx for _, tx in transactions])
        found.puts += self._wallet.puts()
        found.puts += self.spends.connect(height, raw)
        found.puts += self._position(height, block)
        if self._recent.pop(height - self._keep, None) is not None:
            found.puts.append(("chain", (height - self._keep).to_bytes(8, "big"), None))
        return found

    def disconnect(self, height: int, block: bytes) -> list[Put]:
        """Forget a block."""
        self._wallet.disconnect(height)
        self._recent.pop(height, None)
        previous = self._recent.get(height - 1, bytes(32))
        spends = self.spends.disconnect(height)
        return [
            *self._wallet.puts(),
            *spends,
            ("chain", height.to_bytes(8, "big"), None),
            *self._position(height - 1, previous),
        ]

    def _position(self, height: int, block: bytes) -> list[Put]:
        self.height, self.block = height, block
        self._recent[height] = block
        return [("chain", height.to_bytes(8, "big"), block), ("meta", TIP, height.to_bytes(8, "big") + block)]

    def _named(self, height: int, raw: bytes) -> list[tuple[bytes, Seen, bool]]:
        tx = CTransaction.deserialize(raw)
        txid = tx.GetTxid()
        spent = [(vin.prevout.hash, vin.prevout.n) for vin in tx.vin]
        owners = dict.fromkeys(vault for outpoint in spent for vault in self._owners.get(_place(outpoint), ()))
        items = []
        for vault in owners:
            for name in classify(self._index(vault), txid, spent):
                evidence = split(name)[1] in EVIDENCE
                items.append(
                    (vault, Seen(name=name, txid=txid, height=height, raw=fact_id(raw) if evidence else b""), evidence)
                )
        return items


def _place(outpoint: Outpoint) -> int:
    """Eight bytes that stand for an outpoint; two that share them only mean that a second vault is looked at."""
    txid, vout = outpoint
    return int.from_bytes(txid[:8], "big") ^ vout
