"""TRUC (version 3) topology: one unconfirmed parent, one child, the child small, version 3 among themselves.

Promises: the verdict and the words of Bitcoin Core's policy/truc_policy.cpp (BIP431). Does NOT know fees.
"""

from __future__ import annotations

from dataclasses import dataclass

from node.sandbox.mempool import Mempool
from node.sandbox.transaction import Transaction, display

TRUC_VERSION = 3
LIMIT = 2  # ancestors and descendants, itself included
MAX_VSIZE = 10_000
CHILD_MAX_VSIZE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Why not; `sibling` is the child that a replacement may evict instead."""

    details: str
    sibling: bytes | None = None


def _name(transaction: Transaction) -> str:
    return f"tx {display(transaction.txid)} (wtxid={display(transaction.wtxid)})"


def _versions(child: Transaction, parent: Transaction) -> Violation | None:
    if child.version != TRUC_VERSION and parent.version == TRUC_VERSION:
        return Violation(details=f"non-version=3 {_name(child)} cannot spend from version=3 {_name(parent)}")
    if child.version == TRUC_VERSION and parent.version != TRUC_VERSION:
        return Violation(details=f"version=3 {_name(child)} cannot spend from non-version=3 {_name(parent)}")
    return None


def _too_big(transaction: Transaction, vsize: int) -> Violation | None:
    if vsize > MAX_VSIZE:
        return Violation(details=f"version=3 {_name(transaction)} is too big: {vsize} > {MAX_VSIZE} virtual bytes")
    return None


def _child_too_big(transaction: Transaction, vsize: int) -> Violation | None:
    if vsize > CHILD_MAX_VSIZE:
        return Violation(
            details=f"version=3 child {_name(transaction)} is too big: {vsize} > {CHILD_MAX_VSIZE} virtual bytes"
        )
    return None


def _ancestors(transaction: Transaction) -> Violation:
    return Violation(details=f"{_name(transaction)} would have too many ancestors")


def _descendants(parent: Transaction, sibling: bytes | None) -> Violation:
    return Violation(details=f"{_name(parent)} would exceed descendant count limit", sibling=sibling)


def check_single(
    pool: Mempool, transaction: Transaction, vsize: int, *, parents: list[bytes], conflicts: set[bytes]
) -> Violation | None:
    """SingleTRUCChecks: one transaction against the pool."""
    for parent in parents:
        if wrong := _versions(transaction, pool.entries[parent].transaction):
            return wrong
    if transaction.version != TRUC_VERSION:
        return None
    if wrong := _too_big(transaction, vsize):
        return wrong
    if len(parents) + 1 > LIMIT:
        return _ancestors(transaction)
    if not parents:
        return None
    if len(pool.ancestors(parents[0])) + 1 > LIMIT:
        return _ancestors(transaction)
    if wrong := _child_too_big(transaction, vsize):
        return wrong
    parent_tx = pool.entries[parents[0]].transaction
    others = pool.descendants(parents) - {parents[0]}
    if others and not others & conflicts:
        sibling = next(iter(others))
        evictable = len(others) == 1 and len(pool.ancestors(sibling)) == LIMIT
        return _descendants(parent_tx, sibling if evictable else None)
    return None


def check_package(
    pool: Mempool, transaction: Transaction, vsize: int, *, parents: list[bytes], package: list[Transaction]
) -> Violation | None:
    """PackageTRUCChecks: one transaction of a sorted package, against the pool and the package."""
    place = package.index(transaction)
    needed = {txid for txid, _ in transaction.spends}
    inside = [t for t in package[:place] if t.txid in needed]
    if transaction.version != TRUC_VERSION:
        for parent in [pool.entries[txid].transaction for txid in parents] + inside:
            if wrong := _versions(transaction, parent):
                return wrong
        return None
    if wrong := _too_big(transaction, vsize):
        return wrong
    if len(parents) + len(inside) + 1 > LIMIT:
        return _ancestors(transaction)
    if parents and len(pool.ancestors(parents[0])) + len(inside) + 1 > LIMIT:
        return _ancestors(transaction)
    if not parents and not inside:
        return None
    if wrong := _child_too_big(transaction, vsize):
        return wrong
    parent_tx = pool.entries[parents[0]].transaction if parents else inside[0]
    if wrong := _versions(transaction, parent_tx):
        return wrong
    for other in package:
        if other is transaction:
            continue
        spent = {txid for txid, _ in other.spends}
        if parent_tx.txid in spent:
            return _descendants(parent_tx, None)
        if transaction.txid in spent:
            return _ancestors(other)
    if parents and len(pool.descendants(parents)) > 1:
        return _descendants(parent_tx, None)
    return None
