"""Which transactions may enter the mempool: one alone, a child with its parents, and what they replace.

Promises: the verdicts and words of MemPoolAccept in Bitcoin Core v31 (validation.cpp), default options: full RBF with
the feerate diagram rule, TRUC with sibling eviction, ephemeral dust, package feerates and 1-parent-1-child package
RBF. Nothing enters unless the whole step is accepted. Does NOT know RPC. Left out: eviction at 300 MB of mempool.
"""

from __future__ import annotations

from dataclasses import dataclass

from node.sandbox import policy, replacement, truc
from node.sandbox.ledger import Coin, Ledger
from node.sandbox.mempool import Mempool, Waiting
from node.sandbox.policy import Kind, Refusal, fee_at
from node.sandbox.replacement import Candidate
from node.sandbox.transaction import Transaction, display

MAX_PACKAGE_COUNT = 25
MAX_PACKAGE_WEIGHT = 404_000

TOO_LARGE = Refusal(reason="too-large-cluster")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the caller allows (ATMPArgs)."""

    replace: bool = True
    evict_sibling: bool = True
    package_feerate: bool = False
    limits: bool = True
    max_rate: int | None = None  # sat/kvB


ALONE = Rules()
REORG = Rules(limits=False)
TEST_PACKAGE = Rules(replace=False, evict_sibling=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The transaction passes; `rate` is the effective (fee, vsize), `includes` the wtxids it covers."""

    vsize: int
    fee: int
    rate: tuple[int, int]
    includes: tuple[bytes, ...]
    replaced: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyIn:
    """It is in the mempool; `other` is the waiting wtxid when its witness differs."""

    vsize: int
    fee: int
    other: bytes | None = None


Result = Accepted | AlreadyIn | Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageResult:
    """Per wtxid results and, when the package as a whole fails, why (`policy` errors have no results)."""

    results: dict[bytes, Result]
    refusal: Refusal | None = None
    of_policy: bool = False


class Acceptance:
    """The gate of one mempool over one ledger. `now` is the time stamp of what enters."""

    def __init__(self, pool: Mempool, ledger: Ledger, relay_rate: int) -> None:
        """`relay_rate`: sat/kvB that a transaction must pay, or a package together."""
        self._pool = pool
        self._ledger = ledger
        self._relay_rate = relay_rate

    # ---- one transaction -------------------------------------------------------------------------------------

    def single(self, transaction: Transaction, rules: Rules, *, now: int, test: bool) -> Accepted | Refusal:
        """AcceptSingleTransaction: judge it and, unless it is a test, let it in."""
        work = self._prechecks(transaction, rules, {})
        if isinstance(work, Refusal):
            return work
        evicted: set[bytes] = set()
        if work.conflicts:
            replaced = self._replacement(work)
            if isinstance(replaced, Refusal):
                return replaced
            evicted = replaced
        if replacement.oversized(self._pool, [work], evicted):
            return TOO_LARGE
        for parent in work.parents:
            if bad := self._pool.ancestors(parent) & work.conflicts:
                return Refusal(
                    reason="bad-txns-spends-conflicting-tx",
                    details=f"{display(transaction.txid)} spends conflicting transaction {display(min(bad))}",
                )
        if self._too_expensive(work, rules):
            return Refusal(reason="max feerate exceeded")
        if rules.limits and (refusal := self._ephemeral([transaction])):
            return refusal[1]
        if refused := policy.check_scripts(transaction, work.coins):
            return refused
        if not test:
            self._finalise([work], evicted, now)
        return Accepted(
            vsize=work.vsize,
            fee=work.fee,
            rate=(work.modified, work.vsize),
            includes=(transaction.wtxid,),
            replaced=tuple(sorted(evicted)),
        )

    def _prechecks(
        self, transaction: Transaction, rules: Rules, package: dict[bytes, Transaction]
    ) -> Candidate | Refusal:
        pool, ledger = self._pool, self._ledger
        height = ledger.tip.height + 1
        if refusal := policy.check_alone(transaction):
            return refusal
        if not policy.is_final(transaction, height, ledger.tip.median_time):
            return Refusal(reason="non-final")
        if transaction.wtxid in pool.wtxids:
            return Refusal(reason="txn-already-in-mempool")
        if transaction.txid in pool:
            return Refusal(reason="txn-same-nonwitness-data-in-mempool")
        work = Candidate(transaction=transaction)
        for outpoint in transaction.spends:
            if (spender := pool.spenders.get(outpoint)) is not None:
                if not rules.replace:
                    return Refusal(reason="bip125-replacement-disallowed")
                work.conflicts.add(spender)
        for outpoint in transaction.spends:
            coin = self._coin(outpoint, package)
            if coin is None:
                if any((transaction.txid, vout) in ledger.coins for vout in range(len(transaction.outputs))):
                    return Refusal(reason="txn-already-known")
                return Refusal(reason="bad-txns-inputs-missingorspent", kind=Kind.MISSING)
            work.coins.append(coin)
        if not policy.sequence_locks_met(transaction, work.coins, ledger):
            return Refusal(reason="non-BIP68-final")
        fee = policy.check_inputs(transaction, work.coins, height)
        if isinstance(fee, Refusal):
            return fee
        sigops = policy.check_witnesses(transaction, work.coins)
        if isinstance(sigops, Refusal):
            return sigops
        work.fee = fee
        work.modified = fee + pool.deltas.get(transaction.txid, 0)
        work.weight = max(transaction.weight, sigops * policy.BYTES_PER_SIGOP)
        if (work.fee or work.modified) and policy.has_dust(transaction):
            return Refusal(reason="dust", details="tx with dust output must be 0-fee")
        if refusal := policy.check_sigops(sigops):
            return refusal
        if (
            rules.limits
            and not rules.package_feerate
            and (low := _too_cheap(self._relay_rate, work.vsize, work.modified))
        ):
            return low
        work.parents = pool.parents(transaction)
        if rules.limits:
            violation = truc.check_single(pool, transaction, work.vsize, parents=work.parents, conflicts=work.conflicts)
            if violation:
                if not rules.evict_sibling or violation.sibling is None:
                    return Refusal(reason="TRUC-violation", details=violation.details)
                work.conflicts.add(violation.sibling)
                work.sibling = True
        return work

    def _coin(self, outpoint: tuple[bytes, int], package: dict[bytes, Transaction]) -> Coin | None:
        txid, vout = outpoint
        parent = package.get(txid) or (self._pool.entries[txid].transaction if txid in self._pool else None)
        if parent is None:
            return self._ledger.coins.get(outpoint)
        if vout >= len(parent.outputs):
            return None
        value, script = parent.outputs[vout]
        return Coin(value=value, script=script, height=self._ledger.tip.height + 1, coinbase=False)

    def _too_expensive(self, work: Candidate, rules: Rules) -> bool:
        # no difference is made between 0 and "no limit" here: the RPC layer maps 0 to None
        return rules.max_rate is not None and work.modified * 1000 > rules.max_rate * work.vsize

    # ---- replacement -----------------------------------------------------------------------------------------

    def _replacement(self, work: Candidate) -> set[bytes] | Refusal:
        suffix = " (including sibling eviction)" if work.sibling else ""
        txid = display(work.transaction.txid)
        if words := replacement.too_many_clusters(self._pool, work.conflicts):
            return Refusal(
                reason=f"too many potential replacements{suffix}", details=f"rejecting replacement {txid}; {words}"
            )
        evicted = self._pool.descendants(work.conflicts)
        if words := replacement.pays(self._pool, evicted, work.modified, work.vsize, txid):
            return Refusal(reason=f"insufficient fee{suffix}", details=words, kind=Kind.RECONSIDERABLE)
        if replacement.oversized(self._pool, [work], evicted):
            return TOO_LARGE
        if not replacement.improves_diagram(self._pool, [work], evicted):
            return Refusal(
                reason="replacement-failed",
                details="insufficient feerate: does not improve feerate diagram",
                kind=Kind.RECONSIDERABLE,
            )
        return evicted

    def _ephemeral(self, package: list[Transaction]) -> tuple[Transaction, Refusal] | None:
        # CheckEphemeralSpends: a child spends every dust output of its unconfirmed parents
        inside = {t.txid: t for t in package}
        for child in package:
            dust: set[tuple[bytes, int]] = set()
            for txid in {txid for txid, _ in child.spends}:
                parent = inside.get(txid)
                if parent is None and txid in self._pool:
                    parent = self._pool.entries[txid].transaction
                if parent is not None:
                    dust.update((txid, vout) for vout in policy.has_dust(parent))
            if dust - set(child.spends):
                return child, Refusal(
                    reason="missing-ephemeral-spends",
                    details=(
                        f"tx {display(child.txid)} (wtxid={display(child.wtxid)}) did not spend parent's ephemeral dust"
                    ),
                )
        return None

    def _finalise(self, works: list[Candidate], evicted: set[bytes], now: int) -> None:
        self._pool.remove(evicted)
        for work in works:
            self._pool.add(
                Waiting(
                    transaction=work.transaction,
                    fee=work.fee,
                    weight=work.weight,
                    time=now,
                    height=self._ledger.tip.height,
                    sequence=self._pool.sequence,
                )
            )

    # ---- packages --------------------------------------------------------------------------------------------

    def multiple(self, package: list[Transaction], rules: Rules, *, now: int, test: bool) -> PackageResult:
        """AcceptMultipleTransactions: all of them or none."""
        if wrong := well_formed(package):
            return PackageResult(results={}, refusal=wrong, of_policy=True)
        failed = Refusal(reason="transaction failed")
        works: list[Candidate] = []
        inside: dict[bytes, Transaction] = {}
        for transaction in package:
            work = self._prechecks(transaction, rules, inside)
            if isinstance(work, Candidate) and self._too_expensive(work, rules):
                work = Refusal(reason="max feerate exceeded")
            if isinstance(work, Refusal):
                return PackageResult(results={transaction.wtxid: work}, refusal=failed)
            works.append(work)
            inside[transaction.txid] = transaction
        for work in works:
            violation = truc.check_package(
                self._pool, work.transaction, work.vsize, parents=work.parents, package=package
            )
            if violation:
                wrong = Refusal(reason="TRUC-violation", details=violation.details)
                return PackageResult(results={}, refusal=wrong, of_policy=True)
        vsize, fee = sum(w.vsize for w in works), sum(w.modified for w in works)
        if rules.package_feerate and (low := _too_cheap(self._relay_rate, vsize, fee)):
            return PackageResult(results={package[-1].wtxid: low}, refusal=failed)
        evicted: set[bytes] = set()
        if any(work.conflicts for work in works):
            replaced = self._package_replacement(works, vsize, fee)
            if isinstance(replaced, Refusal):
                return PackageResult(results={}, refusal=replaced, of_policy=True)
            evicted = replaced
        if replacement.oversized(self._pool, works, evicted):
            return PackageResult(results={}, refusal=TOO_LARGE, of_policy=True)
        if unspent := self._ephemeral(package):
            return PackageResult(results={unspent[0].wtxid: unspent[1]}, refusal=Refusal(reason="unspent-dust"))
        results: dict[bytes, Result] = {}
        for work in works:
            if refused := policy.check_scripts(work.transaction, work.coins):
                told = results if test else {}  # Core reports the earlier ones in a test only
                return PackageResult(results=told | {work.transaction.wtxid: refused}, refusal=failed)
            whole = rules.package_feerate
            results[work.transaction.wtxid] = Accepted(
                vsize=work.vsize,
                fee=work.fee,
                rate=(fee, vsize) if whole else (work.modified, work.vsize),
                includes=tuple(t.wtxid for t in package) if whole else (work.transaction.wtxid,),
                replaced=tuple(sorted(evicted)) if work is works[0] else (),
            )
        if not test:
            self._finalise(works, evicted, now)
        return PackageResult(results=results)

    def _package_replacement(self, works: list[Candidate], vsize: int, fee: int) -> set[bytes] | Refusal:
        def failed(words: str, details: str = "") -> Refusal:
            return Refusal(reason=f"package RBF failed: {words}", details=details)

        if len(works) != 2 or not is_child_with_parents([w.transaction for w in works]):
            return failed("package must be 1-parent-1-child")
        if any(work.parents for work in works):
            return failed("new transaction cannot have mempool ancestors")
        conflicts = works[0].conflicts | works[1].conflicts
        child = display(works[1].transaction.txid)
        if words := replacement.too_many_clusters(self._pool, conflicts):
            return failed("too many potential replacements", f"rejecting replacement {child}; {words}")
        evicted = self._pool.descendants(conflicts)
        if words := replacement.pays(self._pool, evicted, fee, vsize, child):
            return failed("insufficient anti-DoS fees", words)
        parent = works[0]
        if fee * parent.vsize <= parent.modified * vsize:
            return failed(
                "package feerate is less than or equal to parent feerate",
                f"package feerate {rate_words(fee, vsize)} <= "
                f"parent feerate is {rate_words(parent.modified, parent.vsize)}",
            )
        if replacement.oversized(self._pool, works, evicted):
            return TOO_LARGE
        if not replacement.improves_diagram(self._pool, works, evicted):
            return failed("insufficient feerate: does not improve feerate diagram")
        return evicted

    def package(self, package: list[Transaction], rules: Rules, *, now: int) -> PackageResult:
        """AcceptPackage: each alone first, then what failed for fees together."""
        if wrong := well_formed(package):
            return PackageResult(results={}, refusal=wrong, of_policy=True)
        if len(package) > 1 and not is_child_with_parents(package):
            wrong = Refusal(reason="package-not-child-with-parents")
            return PackageResult(results={}, refusal=wrong, of_policy=True)
        final: dict[bytes, Result] = {}
        alone: dict[bytes, Result] = {}
        together: list[Transaction] = []
        refusal: Refusal | None = None
        for transaction in package:
            if transaction.txid in self._pool:
                entry = self._pool.entries[transaction.txid]
                same = entry.transaction.wtxid == transaction.wtxid
                other = None if same else entry.transaction.wtxid
                final[transaction.wtxid] = AlreadyIn(vsize=entry.vsize, fee=entry.fee, other=other)
                continue
            single = self.single(transaction, Rules(max_rate=rules.max_rate), now=now, test=False)
            if isinstance(single, Accepted):
                final[transaction.wtxid] = single
                continue
            alone[transaction.wtxid] = single
            if len(package) == 1 or single.kind is Kind.FINAL:
                refusal = Refusal(reason="transaction failed")
            else:
                together.append(transaction)
        of_policy = False
        if refusal is None and together:
            several = self._subpackage(together, rules, now)
            refusal, of_policy = several.refusal, several.of_policy
            final |= several.results
        return PackageResult(results=alone | final, refusal=refusal, of_policy=of_policy)

    def _subpackage(self, together: list[Transaction], rules: Rules, now: int) -> PackageResult:
        if len(together) > 1:
            return self.multiple(together, rules, now=now, test=False)
        single = self.single(together[0], Rules(max_rate=rules.max_rate), now=now, test=False)
        refusal = Refusal(reason="transaction failed") if isinstance(single, Refusal) else None
        return PackageResult(results={together[0].wtxid: single}, refusal=refusal)


def package_rules(max_rate: int | None) -> Rules:
    """PackageChildWithParents."""
    return Rules(evict_sibling=False, package_feerate=True, max_rate=max_rate)


def _too_cheap(rate: int, vsize: int, fee: int) -> Refusal | None:
    needed = fee_at(rate, vsize)
    if fee < needed:
        return Refusal(reason="min relay fee not met", details=f"{fee} < {needed}", kind=Kind.RECONSIDERABLE)
    return None


def rate_words(fee: int, vsize: int) -> str:
    """CFeeRate::ToString: BTC/kvB with eight decimals."""
    per_kvb = fee * 1000 // vsize
    return f"{per_kvb // policy.COIN}.{per_kvb % policy.COIN:08d} BTC/kvB"


def well_formed(package: list[Transaction]) -> Refusal | None:
    """IsWellFormedPackage: count, weight, no duplicates, sorted, no conflicts inside."""
    if len(package) > MAX_PACKAGE_COUNT:
        return Refusal(reason="package-too-many-transactions")
    if len(package) > 1 and sum(t.weight for t in package) > MAX_PACKAGE_WEIGHT:
        return Refusal(reason="package-too-large")
    later = {t.txid for t in package}
    if len(later) != len(package):
        return Refusal(reason="package-contains-duplicates")
    for transaction in package:
        if any(txid in later for txid, _ in transaction.spends):
            return Refusal(reason="package-not-sorted")
        later.discard(transaction.txid)
    seen: set[tuple[bytes, int]] = set()
    for transaction in package:
        if seen.intersection(transaction.spends):
            return Refusal(reason="conflict-in-package")
        seen.update(transaction.spends)
    return None


def is_child_with_parents(package: list[Transaction]) -> bool:
    """Every transaction but the last is spent by the last."""
    spent = {txid for txid, _ in package[-1].spends}
    return len(package) > 1 and all(t.txid in spent for t in package[:-1])


def is_tree(package: list[Transaction]) -> bool:
    """IsChildWithParentsTree: and no parent spends another."""
    parents = {t.txid for t in package[:-1]}
    return is_child_with_parents(package) and not any(txid in parents for t in package[:-1] for txid, _ in t.spends)
