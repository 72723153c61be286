"""One regtest chain: engine, block log, ledger and mempool kept in step.

Promises: a block is in the log, on disk, before anybody hears of it; after a crash the chain is the one that was
answered for; the transactions of disconnected blocks return to the mempool when they are still valid (at most those
of ten blocks, as Core's invalidateblock). Does NOT know JSON or HTTP.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from node.sandbox import policy
from node.sandbox.acceptance import REORG, Acceptance
from node.sandbox.blocklog import BlockLog
from node.sandbox.faults import SandboxFault
from node.sandbox.kernel import Kernel, Move
from node.sandbox.ledger import Coin, Entry, Ledger
from node.sandbox.mempool import Mempool
from node.sandbox.miner import assemble
from node.sandbox.transaction import HEADER_SIZE, MAX_BLOCK_WEIGHT, Block, Transaction, display, sha256d

RETURNED_BLOCKS = 10  # validation.cpp InvalidateBlock: only the last ten give their transactions back
BLOCK_RESERVE = 8_000  # DEFAULT_BLOCK_RESERVED_WEIGHT


class Regtest:
    """The chain in `folder`. One thread, one owner; nothing here awaits. `relay_rate`: sat/kvB that its mempool asks for."""

    def __init__(self, folder: Path, relay_rate: int = policy.MIN_RELAY_RATE) -> None:
        self.folder = folder
        self.relay_rate = relay_rate
        self.log = BlockLog(folder)
        self.pool = Mempool()
        self.ledger = Ledger()
        self.gate = Acceptance(self.pool, self.ledger, relay_rate)
        self.mock_time = 0
        self.on_tip: Callable[[], None] = lambda: None
        self._blocks: dict[bytes, Block] = {}
        self._invalid_path = folder / "invalidated"
        self.invalidated: set[bytes] = self._read_invalidated()
        self._index()
        self._kernel, moves = self._open_kernel()
        self._follow(moves)

    def _index(self) -> None:
        """Make every logged block known, also those of side branches and invalidated ones."""
        self.ledger.index(GENESIS[:HEADER_SIZE])
        for hash_ in self.log.hashes():
            try:
                self.ledger.index(self.log.read(hash_)[:HEADER_SIZE])
            except KeyError:
                raise SandboxFault(f"{self.log.path}: block {display(hash_)} comes before its parent") from None

    def close(self) -> None:
        """Stop the engine and give the folder back."""
        self._kernel.close()
        self.log.close()

    def now(self) -> int:
        """The wall clock, or the mocked one, in seconds."""
        return self.mock_time or int(time.time())

    # ---- engine ----------------------------------------------------------------------------------------------

    def _open_kernel(self) -> tuple[Kernel, list[Move]]:
        """A fresh engine that has every logged block but the invalidated branches, and how its tip moved.

        The engine cannot forget a block, hence a fresh one after each change of what is invalidated.
        """
        kernel = Kernel(self.folder / "engine")
        moves = list(kernel.drain())
        left_out = set(self.invalidated)
        for hash_ in self.log.hashes():
            raw = self.log.read(hash_)
            if hash_ in left_out or raw[4:36] in left_out:
                left_out.add(hash_)
                continue
            verdict = kernel.submit(raw)
            if verdict.reason:
                raise SandboxFault(
                    f"the engine refuses block {display(hash_)} of {self.log.path}: {verdict.reason}. "
                    "Check the clock, or delete the folder"
                )
            moves.extend(verdict.moves)
        return kernel, moves

    def _read_invalidated(self) -> set[bytes]:
        try:
            words = self._invalid_path.read_text().split()
        except FileNotFoundError:
            return set()
        return {bytes.fromhex(word) for word in words}

    def _write_invalidated(self) -> None:
        path = self._invalid_path.with_suffix(".new")
        with path.open("w") as file:
            file.write("".join(f"{hash_.hex()}\n" for hash_ in sorted(self.invalidated)))
            file.flush()
            os.fsync(file.fileno())
        path.replace(self._invalid_path)

    def block(self, hash_: bytes) -> Block:
        """A known block, parsed. KeyError when its bytes are not known."""
        if hash_ in self._blocks:
            return self._blocks[hash_]
        raw = GENESIS if hash_ == sha256d(GENESIS[:80]) else self.log.read(hash_)
        return Block.parse(raw)

    # ---- following the engine --------------------------------------------------------------------------------

    @staticmethod
    def block_hash(raw: bytes) -> bytes:
        """The hash of a raw block, internal order."""
        return sha256d(raw[:HEADER_SIZE])

    def _follow(self, moves: Sequence[Move]) -> None:
        returned: list[Block] = []
        for move in moves:
            block = self.block(move.hash)
            if move.connected:
                self.ledger.connect(block)
                self._remove_confirmed(block)
            else:
                self.ledger.disconnect(block)
                returned.append(block)
        self._return_transactions(returned)

    def _remove_confirmed(self, block: Block) -> None:
        pool = self.pool
        if pool.entries:
            for transaction in block.transactions:
                if transaction.txid in pool:
                    pool.remove([transaction.txid])
                rivals = {pool.spenders[o] for o in transaction.spends if o in pool.spenders}
                if rivals:
                    pool.remove(pool.descendants(rivals))
        if pool.deltas:
            for transaction in block.transactions:
                pool.deltas.pop(transaction.txid, None)

    def _return_transactions(self, disconnected: list[Block]) -> None:
        if not disconnected:
            return
        pool = self.pool
        kept = disconnected[:RETURNED_BLOCKS]
        for block in reversed(disconnected):
            for place, transaction in enumerate(block.transactions):
                back = place > 0 and block in kept
                if back:
                    self.gate.single(transaction, REORG, now=self.now(), test=False)
                if transaction.txid not in pool:
                    orphans = set(pool.children(transaction))
                    known = any((transaction.txid, n) in self.ledger.coins for n in range(len(transaction.outputs)))
                    if orphans and not known:
                        pool.remove(pool.descendants(orphans))
        stale = {txid for txid, entry in pool.entries.items() if not self._still_valid(entry.transaction)}
        pool.remove(pool.descendants(stale))

    def _still_valid(self, transaction: Transaction) -> bool:
        coins = []
        for txid, vout in transaction.spends:
            if txid in self.pool:
                value, script = self.pool.entries[txid].transaction.outputs[vout]
                coin: Coin | None = Coin(value=value, script=script, height=self.ledger.tip.height + 1, coinbase=False)
            else:
                coin = self.ledger.coins.get((txid, vout))
            if coin is None:
                return False
            coins.append(coin)
        tip = self.ledger.tip
        return (
            policy.is_final(transaction, tip.height + 1, tip.median_time)
            and policy.sequence_locks_met(transaction, coins, self.ledger)
            and isinstance(policy.check_inputs(transaction, coins, tip.height + 1), int)
        )

    # ---- what callers do -------------------------------------------------------------------------------------

    def submit(self, raws: list[bytes]) -> str:
        """Hand blocks to the engine, in order; the reason of the first that is refused, else nothing."""
        logged: list[bytes] = []
        reason = ""
        for raw in raws:
            reason = self._submit_one(raw)
            if reason:
                break
            logged.append(raw)
        self._publish(logged)
        return reason

    def _submit_one(self, raw: bytes) -> str:
        try:
            block = Block.parse(raw)
        except ValueError as fault:
            return f"Block decode failed: {fault}"
        if block.hash in self.ledger.entries:
            return "duplicate-invalid" if block.hash in self.invalidated else "duplicate"
        if block.previous in self.invalidated:
            return "bad-prevblk"
        if block.previous not in self.ledger.entries:
            return "inconclusive"
        self._blocks[block.hash] = block
        verdict = self._kernel.submit(raw)
        if verdict.reason:
            del self._blocks[block.hash]
        else:
            self.ledger.index(raw[:80])
        self._follow(verdict.moves)
        return verdict.reason

    def _publish(self, raws: list[bytes]) -> None:
        try:
            self.log.append(raws)
        except OSError as fault:
            raise SandboxFault(f"the block log cannot be written: {fault}") from fault
        for raw in raws:
            self._blocks.pop(sha256d(raw[:80]), None)
        if raws:
            self.on_tip()

    def mine(self, script: bytes, count: int) -> list[bytes]:
        """Mine blocks that pay to `script`, the first with what waits in the mempool; their hashes."""
        raws: list[bytes] = []
        hashes: list[bytes] = []
        try:
            for _ in range(count):
                chosen, fees = self._select()
                raw = self._assemble(script, chosen, fees)
                if reason := self._submit_one(raw):
                    raise SandboxFault(f"the engine refuses a block of this mempool: {reason}")
                raws.append(raw)
                hashes.append(sha256d(raw[:80]))
        finally:
            self._publish(raws)
        return hashes

    def mine_exactly(self, script: bytes, transactions: list[Transaction]) -> tuple[bytes, str]:
        """Mine one block with exactly these transactions: the block, and why the engine refuses it if it does.

        Fees are not claimed, as in Core's generateblock.
        """
        raw = self._assemble(script, transactions, 0)
        return raw, self.submit([raw])

    def _assemble(self, script: bytes, transactions: list[Transaction], fees: int) -> bytes:
        return assemble(
            self.ledger.tip,
            script,
            [(t.raw, t.txid, t.wtxid) for t in transactions],
            fees,
            time=self.now(),
            taken=self.invalidated,
        )

    def _select(self) -> tuple[list[Transaction], int]:
        if not self.pool.entries:
            return [], 0
        chosen: list[Transaction] = []
        fees, room = 0, MAX_BLOCK_WEIGHT - BLOCK_RESERVE
        left_out: set[bytes] = set()
        for chunk in self.pool.chunks():
            entries = [self.pool.entries[txid] for txid in chunk.txids]
            depends = any(p in left_out for e in entries for p in self.pool.parents(e.transaction))
            if chunk.weight > room or depends or chunk.fee * 4000 < chunk.weight:  # DEFAULT_BLOCK_MIN_TX_FEE
                left_out.update(chunk.txids)
                continue
            room -= chunk.weight
            chosen.extend(e.transaction for e in entries)
            fees += sum(e.fee for e in entries)
        return chosen, fees

    def invalidate(self, entry: Entry) -> None:
        """Treat the block as invalid from now on, also after a restart."""
        self.invalidated.add(entry.hash)
        self._write_invalidated()
        self._rebuild()

    def reconsider(self, entry: Entry) -> None:
        """Forget that the block, its ancestors or its descendants were invalidated."""
        related = {h for h in self.invalidated if self._related(self.ledger.entries.get(h), entry)}
        if related:
            self.invalidated -= related
            self._write_invalidated()
            self._rebuild()

    def is_invalidated(self, entry: Entry, root: bytes) -> bool:
        """Whether the block is `root` or descends from it."""
        top = self.ledger.entries.get(root)
        return top is not None and entry.height >= top.height and self._related(entry, top)

    def _related(self, one: Entry | None, other: Entry) -> bool:
        if one is None:
            return False
        high, low = (one, other) if one.height >= other.height else (other, one)
        while high.height > low.height:
            high = self.ledger.entries[high.previous]
        return high.hash == low.hash

    def _rebuild(self) -> None:
        self._kernel.close()
        self._kernel, found = self._open_kernel()
        chain: list[bytes] = []
        for move in found:
            if move.connected:
                chain.append(move.hash)
            else:
                chain.pop()
        old = self.ledger.active
        fork = 0
        while fork < min(len(old), len(chain)) and old[fork] == chain[fork]:
            fork += 1
        moves = [Move(connected=False, hash=hash_) for hash_ in reversed(old[fork:])]
        moves += [Move(connected=True, hash=hash_) for hash_ in chain[fork:]]
        self._follow(moves)
        self.on_tip()


GENESIS = bytes.fromhex(
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc8"
    "1bc3888a51323a9fb8aa4b1e5e4adae5494dffff7f20020000000101000000010000000000000000000000000000000000000000000000"
    "000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f7220"
    "6f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afd"
    "b0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c"
    "702b6bf11d5fac00000000"
)
