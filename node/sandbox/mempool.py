"""The transactions that wait for a block: who spends what, who depends on whom, in which order they would be mined.

Promises: two entries never spend one output; an entry's unconfirmed parents are entries. Does NOT know why a
transaction may enter: that is `acceptance`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from node.sandbox.transaction import Outpoint, Transaction


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waiting:
    """One mempool entry. `weight` is adjusted for signature checks, `vsize` follows from it."""

    transaction: Transaction
    fee: int
    weight: int
    time: int
    height: int
    sequence: int

    @property
    def txid(self) -> bytes:
        """The transaction's id, internal order."""
        return self.transaction.txid

    @property
    def vsize(self) -> int:
        """Adjusted weight over four, rounded up."""
        return -(-self.weight // 4)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Transactions that are mined together, topologically ordered."""

    txids: tuple[bytes, ...]
    fee: int
    weight: int


class Mempool:
    """Waiting transactions by txid, in order of arrival."""

    def __init__(self) -> None:
        self.entries: dict[bytes, Waiting] = {}
        self.spenders: dict[Outpoint, bytes] = {}
        self.wtxids: set[bytes] = set()
        self.deltas: dict[bytes, int] = {}
        self.sequence = 1

    def __contains__(self, txid: bytes) -> bool:
        return txid in self.entries

    def modified_fee(self, entry: Waiting) -> int:
        """The fee plus what `prioritisetransaction` added."""
        return entry.fee + self.deltas.get(entry.txid, 0)

    def add(self, entry: Waiting) -> None:
        """Insert an accepted transaction; its conflicts are already removed."""
        self.entries[entry.txid] = entry
        self.wtxids.add(entry.transaction.wtxid)
        for outpoint in entry.transaction.spends:
            self.spenders[outpoint] = entry.txid
        self.sequence += 1

    def remove(self, txids: Iterable[bytes]) -> None:
        """Drop these entries. The caller sees to their descendants."""
        for txid in txids:
            entry = self.entries.pop(txid)
            self.wtxids.discard(entry.transaction.wtxid)
            for outpoint in entry.transaction.spends:
                if self.spenders.get(outpoint) == txid:
                    del self.spenders[outpoint]
            self.sequence += 1

    def parents(self, transaction: Transaction) -> list[bytes]:
        """Waiting transactions whose outputs it spends, each once, in input order."""
        return list(dict.fromkeys(txid for txid, _ in transaction.spends if txid in self.entries))

    def children(self, transaction: Transaction) -> list[bytes]:
        """Waiting transactions that spend its outputs, each once."""
        txid = transaction.txid
        found = (self.spenders.get((txid, vout)) for vout in range(len(transaction.outputs)))
        return list(dict.fromkeys(child for child in found if child is not None))

    def ancestors(self, txid: bytes) -> set[bytes]:
        """The entry and everything unconfirmed that it needs."""
        return self._closure([txid], self.parents)

    def descendants(self, txids: Iterable[bytes]) -> set[bytes]:
        """The entries and everything that needs them."""
        return self._closure(txids, self.children)

    def cluster(self, txids: Iterable[bytes]) -> set[bytes]:
        """Everything connected with the entries, either way."""
        return self._closure(txids, lambda t: self.parents(t) + self.children(t))

    def _closure(self, txids: Iterable[bytes], step: object) -> set[bytes]:
        seen: set[bytes] = set()
        todo = list(txids)
        while todo:
            txid = todo.pop()
            if txid not in seen:
                seen.add(txid)
                todo.extend(step(self.entries[txid].transaction))  # type: ignore[operator]
        return seen

    def chunks(self) -> list[Chunk]:
        """The whole pool in mining order: best feerate first."""
        parents = {txid: set(self.parents(e.transaction)) for txid, e in self.entries.items()}
        sizes = {txid: (self.modified_fee(e), e.weight) for txid, e in self.entries.items()}
        return linearise(parents, sizes)


def linearise(parents: dict[bytes, set[bytes]], sizes: dict[bytes, tuple[int, int]]) -> list[Chunk]:
    """Order a dependency graph into chunks of falling feerate.

    Greedy by best ancestor set, then adjacent chunks merge while a later one pays more. Exact for the graphs that
    TRUC allows (a parent and a child); Bitcoin Core's optimum may be better for large clusters.

    Args:
        parents: for each transaction, the transactions of the graph that it spends from.
        sizes: (fee, weight) of each.
    """
    order: list[bytes] = []
    done: set[bytes] = set()
    if not any(parents.values()):
        order = sorted(sizes, key=lambda txid: -sizes[txid][0] / sizes[txid][1])
        return _merge([Chunk((txid,), *sizes[txid]) for txid in order])
    closures: dict[bytes, set[bytes]] = {}

    def closure(txid: bytes) -> set[bytes]:
        if txid not in closures:
            found = {txid}
            todo = [txid]
            while todo:
                fresh = parents[todo.pop()] - found
                found |= fresh
                todo.extend(fresh)
            closures[txid] = found
        return closures[txid]

    rest = list(sizes)
    while rest:
        best: tuple[float, int] | None = None
        pick: set[bytes] = set()
        for txid in rest:
            group = closure(txid) - done
            fee = sum(sizes[t][0] for t in group)
            weight = sum(sizes[t][1] for t in group)
            rank = (fee / weight, -weight)
            if best is None or rank > best:
                best, pick = rank, group
        ready = sorted(pick, key=lambda t: len(closure(t)))  # an ancestor's closure is smaller
        order.extend(ready)
        done |= pick
        rest = [txid for txid in rest if txid not in done]
    return _merge([Chunk((txid,), *sizes[txid]) for txid in order])


def _merge(chunks: list[Chunk]) -> list[Chunk]:
    merged: list[Chunk] = []
    for chunk in chunks:
        merged.append(chunk)
        while len(merged) > 1 and merged[-1].fee * merged[-2].weight > merged[-2].fee * merged[-1].weight:
            last = merged.pop()
            first = merged.pop()
            merged.append(Chunk(first.txids + last.txids, first.fee + last.fee, first.weight + last.weight))
    return merged


def improves(old: list[Chunk], new: list[Chunk]) -> bool:
    """CompareChunks: the new feerate diagram is nowhere below the old one and somewhere above it."""
    before, after = _diagram(old), _diagram(new)
    ends = sorted({x for x, _ in before} | {x for x, _ in after})
    # fees times weights: exact integers, compared as fractions with the segment's weight as denominator
    above = False
    for x in ends:
        (old_fee, old_den), (new_fee, new_den) = _value(before, x), _value(after, x)
        if new_fee * old_den < old_fee * new_den:
            return False
        above = above or new_fee * old_den > old_fee * new_den
    return above


def _diagram(chunks: list[Chunk]) -> list[tuple[int, int]]:
    points = [(0, 0)]
    for chunk in chunks:
        points.append((points[-1][0] + chunk.weight, points[-1][1] + chunk.fee))
    return points


def _value(points: list[tuple[int, int]], x: int) -> tuple[int, int]:
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 <= x <= x1:
            return y0 * (x1 - x0) + (y1 - y0) * (x - x0), x1 - x0
    return points[-1][1], 1
