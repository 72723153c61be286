"""A chain in memory behind the Chain port: blocks, a mempool, BIP68, and scripts judged by the consensus engine.

It has no proof of work and no fee policy; everything it takes, a real chain would take too.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field

import pbk
from bitcoin.core import CTransaction
from pbk.script import PrecomputedTransactionData

from node.chain import Accepted, AlreadyKnown, Rejected, Tip, Utxo

Outpoint = tuple[bytes, int]
GIVER = b"\x67" * 32  # gifts spend an output of nowhere: a coinbase would have to mature


def _compact(n: int) -> bytes:
    return bytes([n]) if n < 253 else b"\xfd" + n.to_bytes(2, "little")


@dataclass
class Block:
    hash: bytes
    raw: bytes
    txs: list[bytes]


@dataclass
class MemoryChain:
    """Several nodes may share one."""

    blocks: list[Block] = field(default_factory=list)
    mempool: dict[bytes, bytes] = field(default_factory=dict)
    tick: int = 0
    offered: dict[bytes, set[bytes]] = field(default_factory=dict)
    refuse: set[bytes] = field(default_factory=set)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        if not self.blocks:
            self._append([])

    @property
    def height(self) -> int:
        return len(self.blocks) - 1

    # ---- state: recomputed from the blocks; chains in tests are short --------------------------------------------

    def coins(self) -> dict[Outpoint, tuple[int, bytes, int]]:
        """Outpoint -> (value, script, height)."""
        found: dict[Outpoint, tuple[int, bytes, int]] = {}
        for height, block in enumerate(self.blocks):
            for raw in block.txs:
                self._spend(found, raw, height)
        return found

    def _spend(self, coins: dict[Outpoint, tuple[int, bytes, int]], raw: bytes, height: int) -> None:
        tx = CTransaction.deserialize(raw)
        for item in tx.vin:
            coins.pop((item.prevout.hash, item.prevout.n), None)
        for n, out in enumerate(tx.vout):
            coins[tx.GetTxid(), n] = (out.nValue, bytes(out.scriptPubKey), height)

    def judge(self, raw: bytes, coins: dict[Outpoint, tuple[int, bytes, int]], height: int) -> str:
        """Why a transaction cannot be in a block at `height`; empty when it can."""
        tx = CTransaction.deserialize(raw)
        spent = []
        for item in tx.vin:
            coin = coins.get((item.prevout.hash, item.prevout.n))
            if coin is None:
                return "bad-txns-inputs-missingorspent"
            if not item.nSequence & (1 << 31) and height - coin[2] < item.nSequence & 0xFFFF:
                return "non-BIP68-final"
            spent.append(coin)
        if sum(coin[0] for coin in spent) < sum(out.nValue for out in tx.vout):
            return "bad-txns-in-belowout"
        parsed = pbk.Transaction(raw)
        outs = [pbk.TransactionOutput(pbk.ScriptPubkey(script), value) for value, script, _ in spent]
        data = PrecomputedTransactionData(parsed, outs)
        for i, (value, script, _) in enumerate(spent):
            if not pbk.ScriptPubkey(script).verify(value, parsed, data, i, pbk.ScriptVerificationFlags.ALL):
                return f"mandatory-script-verify-flag-failed (input {i})"
        return ""

    @staticmethod
    def txid(raw: bytes) -> bytes:
        return CTransaction.deserialize(raw).GetTxid()

    # ---- mining ----------------------------------------------------------------------------------------------------

    def _append(self, txs: list[bytes]) -> None:
        previous = self.blocks[-1].hash if self.blocks else bytes(32)
        self.tick += 1
        header = (
            b"\x04\0\0\0"
            + previous
            + hashlib.sha256(b"".join(txs)).digest()
            + self.tick.to_bytes(4, "little")
            + bytes(8)
        )
        raw = header + _compact(len(txs)) + b"".join(txs)
        hash_ = hashlib.sha256(hashlib.sha256(header).digest()).digest()
        self.blocks.append(Block(hash_, raw, txs))

    async def mine(self, *gifts: tuple[bytes, int]) -> None:
        """A block with the mempool; gifts are (script, value), made from nothing."""
        coins, txs = self.coins(), []
        for script, value in gifts:
            marker = b"\x03" + (len(self.blocks)).to_bytes(3, "little") + bytes([len(txs)])
            txs.append(
                b"\x02\0\0\0\x01" + GIVER + b"\xff" * 4 + _compact(len(marker)) + marker + b"\xff" * 4
                + b"\x01" + value.to_bytes(8, "little") + _compact(len(script)) + script + bytes(4)
            )  # fmt: skip
        height = len(self.blocks)
        for raw in txs:
            self._spend(coins, raw, height)
        progress = True
        while progress:
            progress = False
            for txid, raw in list(self.mempool.items()):
                if self.judge(raw, coins, height) == "":
                    self._spend(coins, raw, height)
                    txs.append(raw)
                    del self.mempool[txid]
                    progress = True
        for txid in [
            t
            for t, raw in self.mempool.items()
            if any((i.prevout.hash, i.prevout.n) not in coins for i in CTransaction.deserialize(raw).vin)
        ]:
            del self.mempool[txid]
        self._append(txs)
        await self._tell()

    async def forget(self, depth: int, *, keep_transactions: bool) -> None:
        """The last `depth` blocks leave; their transactions return to the mempool, or are lost."""
        gone, self.blocks = self.blocks[-depth:], self.blocks[:-depth]
        if keep_transactions:
            for block in gone:
                for raw in block.txs:
                    tx = CTransaction.deserialize(raw)
                    if tx.vin[0].prevout.hash != GIVER:
                        self.mempool[tx.GetTxid()] = raw
        await self._tell()

    async def switch(self, blocks: list[Block]) -> None:
        """Another chain is the active one; what waits in the mempool stays."""
        self.blocks = list(blocks)
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # ---- the port --------------------------------------------------------------------------------------------------

    async def tip(self) -> Tip:
        return Tip(height=self.height, hash=self.blocks[-1].hash)

    async def hash_at(self, height: int) -> bytes | None:
        return self.blocks[height].hash if 0 <= height <= self.height else None

    async def block(self, hash_: bytes) -> bytes:
        return next(block.raw for block in self.blocks if block.hash == hash_)

    async def wait_for_block(self, known: bytes, seconds: float) -> Tip:
        async with self._changed:
            await self._changed.wait_for(lambda: self.blocks[-1].hash != known)
        return await self.tip()

    async def broadcast(self, raw: bytes) -> Accepted | AlreadyKnown | Rejected:
        txid = self.txid(raw)
        if txid in self.refuse:
            return Rejected(txid=txid, reason="refused by the test", missing_inputs=True)
        self.offered.setdefault(txid, set()).add(raw)
        if txid in self.mempool or any(raw in block.txs for block in self.blocks):
            return AlreadyKnown(txid=txid)
        coins = self.coins()
        for waiting in self.mempool.values():
            self._spend(coins, waiting, len(self.blocks))
        reason = self.judge(raw, coins, len(self.blocks))
        if reason:
            return Rejected(txid=txid, reason=reason, missing_inputs="missing" in reason)
        self.mempool[txid] = raw
        return Accepted(txid=txid)

    async def submit_package(self, raws: list[bytes]) -> Accepted | AlreadyKnown | Rejected:
        answer: Accepted | AlreadyKnown | Rejected = Rejected(
            txid=bytes(32), reason="empty package", missing_inputs=False
        )
        for raw in raws:
            answer = await self.broadcast(raw)
        return answer

    async def utxo(self, txid: bytes, vout: int) -> Utxo | None:
        coin = self.coins().get((txid, vout))
        if coin is None:
            return None
        return Utxo(value=coin[0], script=coin[1], confirmations=self.height - coin[2] + 1, coinbase=False)

    async def transaction(self, txid: bytes, block_hash: bytes | None) -> bytes | None:
        if block_hash is None:
            return self.mempool.get(txid)
        return next((raw for b in self.blocks if b.hash == block_hash for raw in b.txs if self.txid(raw) == txid), None)

    async def median_time(self, height: int) -> int | None:
        if not 0 <= height <= self.height:
            return None
        times = sorted(
            int.from_bytes(block.raw[68:72], "little") for block in self.blocks[max(0, height - 10) : height + 1]
        )
        return times[len(times) // 2]

    async def feerate(self) -> int:
        return 1
