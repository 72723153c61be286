"""Every version of every transaction that a chain has shown: txid -> the wtxids seen, in the mempool or in a block."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from dataclasses import dataclass, field

import aiohttp
from bitcoin.core import CTransaction

from node.demo.processes import ChainProcess
from node.faults import LocalFault


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
