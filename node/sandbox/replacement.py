"""Replacing waiting transactions: who goes, whether it is paid for, and whether miners gain by it.

Promises: the verdicts and words of Bitcoin Core's policy/rbf.cpp, and the cluster limits of v31. Does NOT know why a
transaction replaces another.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from node.sandbox import policy
from node.sandbox.ledger import Coin
from node.sandbox.mempool import Chunk, Mempool, improves, linearise
from node.sandbox.policy import fee_at, money
from node.sandbox.transaction import Transaction

MAX_REPLACED_CLUSTERS = 100
CLUSTER_COUNT = 64
CLUSTER_WEIGHT = 404_000


@dataclass(slots=True, kw_only=True)
class Candidate:
    """A transaction under judgement: what it spends and pays, and whom it would replace."""

    transaction: Transaction
    coins: list[Coin] = field(default_factory=list)
    fee: int = 0
    modified: int = 0
    weight: int = 0
    conflicts: set[bytes] = field(default_factory=set)
    parents: list[bytes] = field(default_factory=list)
    sibling: bool = False

    @property
    def vsize(self) -> int:
        """Adjusted weight over four, rounded up."""
        return -(-self.weight // 4)


def too_many_clusters(pool: Mempool, conflicts: set[bytes]) -> str:
    """Why these conflicts are too many to evict, empty when they are not."""
    left, clusters = set(conflicts), 0
    while left:
        left -= pool.cluster([next(iter(left))])
        clusters += 1
    if clusters <= MAX_REPLACED_CLUSTERS:
        return ""
    return f"too many conflicting clusters ({clusters} > {MAX_REPLACED_CLUSTERS})"


def pays(pool: Mempool, evicted: set[bytes], fee: int, vsize: int, txid: str) -> str:
    """PaysForRBF: why the fee does not make up for what goes and for its own relay, empty when it does."""
    old = sum(pool.modified_fee(pool.entries[t]) for t in evicted)
    if fee < old:
        return f"rejecting replacement {txid}, less fees than conflicting txs; {money(fee)} < {money(old)}"
    needed = fee_at(policy.INCREMENTAL_RATE, vsize)
    if fee - old < needed:
        return (
            f"rejecting replacement {txid}, not enough additional fees to relay; {money(fee - old)} < {money(needed)}"
        )
    return ""


def touched(pool: Mempool, works: list[Candidate], evicted: set[bytes]) -> set[bytes]:
    """Every waiting transaction whose mining order may change."""
    roots = set(evicted)
    for work in works:
        roots.update(parent for parent in work.parents)
        roots.update(pool.children(work.transaction))
    return pool.cluster(roots)


def graph(
    pool: Mempool, works: list[Candidate], keep: set[bytes]
) -> tuple[dict[bytes, set[bytes]], dict[bytes, tuple[int, int]]]:
    """Parents and (fee, weight) of the candidates together with the entries in `keep`."""
    known = keep | {work.transaction.txid for work in works}
    members = [pool.entries[txid].transaction for txid in keep] + [work.transaction for work in works]
    parents = {t.txid: {txid for txid, _ in t.spends if txid in known} for t in members}
    sizes = {txid: (pool.modified_fee(pool.entries[txid]), pool.entries[txid].weight) for txid in keep}
    sizes |= {work.transaction.txid: (work.modified, work.weight) for work in works}
    return parents, sizes


def improves_diagram(pool: Mempool, works: list[Candidate], evicted: set[bytes]) -> bool:
    """ImprovesFeerateDiagram: miners gain by the replacement at every block size."""
    near = touched(pool, works, evicted)
    old: list[Chunk] = linearise(*graph(pool, [], near))
    new: list[Chunk] = linearise(*graph(pool, works, near - evicted))
    return improves(old, new)


def oversized(pool: Mempool, works: list[Candidate], evicted: set[bytes]) -> bool:
    """Whether a cluster would have more than 64 transactions or 101 kvB."""
    parents, sizes = graph(pool, works, touched(pool, works, evicted) - evicted)
    links: dict[bytes, set[bytes]] = {txid: set(up) for txid, up in parents.items()}
    for txid, up in parents.items():
        for parent in up:
            links[parent].add(txid)
    seen: set[bytes] = set()
    for start in links:
        group: set[bytes] = set()
        todo = [start] if start not in seen else []
        while todo:
            txid = todo.pop()
            if txid not in group:
                group.add(txid)
                todo.extend(links[txid])
        seen |= group
        if len(group) > CLUSTER_COUNT or sum(sizes[t][1] for t in group) > CLUSTER_WEIGHT:
            return True
    return False
