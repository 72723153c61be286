"""Every version of every transaction that a chain has shown: txid -> the wtxids seen, in the mempool or in a block; and of a loan
what must hold whatever blocks leave.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from bitcoin.core import CTransaction

from node.demo.processes import ChainProcess
from node.demo.stage import each
from node.faults import LocalFault
from tests.functional.lending import Scene


@dataclass
class Seen:
    """`look` after anything that may have shown a transaction; `watch` looks all the time."""

    chain: ChainProcess
    versions: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    blocks: set[str] = field(default_factory=set)

    async def look(self) -> None:
        """The mempool, and every block from the tip down to one that is known (also of another branch)."""
        for txid in await self.chain.call("getrawmempool"):
            try:
                raw = await self.chain.call("getrawtransaction", txid)
            except LocalFault:  # mined or replaced meanwhile
                continue
            self._add(bytes.fromhex(raw))
        at, new = await self.chain.call("getbestblockhash"), set[str]()
        while at not in self.blocks:
            block = await self.chain.call("getblock", at, 2)
            new.add(at)
            for tx in block["tx"]:
                self.versions[tx["txid"]].add(tx["hash"])
            if block["height"] == 0:
                break
            at = block["previousblockhash"]
        self.blocks |= new  # all of them or none: below a known block nothing is looked at again

    async def watch(self, pause: float = 0.25) -> None:
        """Until cancelled; a chain that is down is asked again."""
        while True:
            with contextlib.suppress(OSError, aiohttp.ClientError, LocalFault, ValueError):
                await self.look()
            await asyncio.sleep(pause)

    def _add(self, raw: bytes) -> None:
        tx = CTransaction.deserialize(raw)
        self.versions[bytes(tx.GetTxid())[::-1].hex()].add(bytes(tx.GetHash())[::-1].hex())


@dataclass(slots=True)
class Past:
    """What was seen of a loan before blocks left, and must hold after it."""

    play: Scene
    seen: Seen
    txids: dict[str, str] = field(default_factory=dict)
    records: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    seq: int = 0

    async def look(self) -> None:
        """The same transactions do the same; no record has changed; the ledger has only grown; nobody doubts it."""
        await self.seen.look()
        for tx in (await self.play.vault())["transactions"]:
            if "/foreign/" not in tx["name"]:
                assert self.txids.setdefault(tx["name"], tx["txid"]) == tx["txid"], tx["name"]
        for row in (await self.play.loan())["slots"]:
            if row["outcome"]:
                said = tuple(row[name] for name in ("outcome", "recorded", "paid", "surplus"))
                assert self.records.setdefault(row["slot"], said) == said
        theatre, ledger = self.play.theatre, self.play.ice.ledger
        views = await each(theatre.daemons, "ledger.show", ledger=ledger)
        for view in views:
            assert view["seq"] >= self.seq, "what was final is final"
            assert (view["faults_of_peers"], view["equivocations"], view["other_histories"]) == ([], [], [])
        self.seq = min(int(view["seq"]) for view in views)
        for daemon in theatre.daemons:
            if daemon.name in theatre.attestors:
                (line,) = (await daemon.call("attestor.show"))["ledgers"]
                assert not line["refused"], line

    async def after(self, *depths: int) -> None:
        """Blocks leave and come again, so many each time."""
        await self.look()
        for depth in depths:
            await self.play.reorg(depth)
            await self.look()

    def once(self) -> None:
        """No transaction was ever shown with another witness: a preimage, a signature, a secret of it is one."""
        assert {name for name, txid in self.txids.items() if len(self.seen.versions[txid]) != 1} == set()
