"""The calls about blocks, coins and confirmed transactions.

Promises: the answers, error codes and messages of Bitcoin Core v31. Does NOT know HTTP, nor how a tip changes: it is
told by `moved`.
"""
# ruff: noqa: D102, ASYNC109 - each method is the bitcoind call of its name, with the names of its parameters

from __future__ import annotations

import asyncio
import time
from typing import Any

from node.sandbox import policy
from node.sandbox.faults import (
    INVALID_ADDRESS_OR_KEY,
    INVALID_PARAMETER,
    MISC_ERROR,
    RpcFault,
)
from node.sandbox.ledger import Entry
from node.sandbox.parameters import (
    Parameter,
    flag,
    hash_,
    integer,
    text,
    transaction,
    verbosity,
)
from node.sandbox.regtest import Regtest
from node.sandbox.shapes import (
    DIFFICULTY,
    TARGET,
    btc,
    show_block,
    show_header,
    show_script,
    show_transaction,
)
from node.sandbox.transaction import display

VERSION = 319900  # the engine's: the rules here are those of v31
SUBVERSION = "/Satoshi:31.99.0(sandbox)/"


class ChainCalls:
    """Reading the chain, and waiting for it."""

    def __init__(self, chain: Regtest, stopping: asyncio.Event) -> None:
        self.chain = chain
        self._stopping = stopping
        self._moved = asyncio.Event()
        chain.on_tip = self._on_tip

    def _on_tip(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def getblockchaininfo(self) -> Any:
        ledger = self.chain.ledger
        tip = ledger.tip
        return {
            "chain": "regtest",
            "blocks": tip.height,
            "headers": tip.height,
            "bestblockhash": display(tip.hash),
            "bits": "207fffff",
            "target": TARGET,
            "difficulty": DIFFICULTY,
            "time": tip.time,
            "mediantime": tip.median_time,
            "verificationprogress": 1,
            "initialblockdownload": False,
            "chainwork": f"{ledger.chain_work(tip):064x}",
            "size_on_disk": self.chain.log.path.stat().st_size,
            "pruned": False,
            "warnings": ["This is a regtest sandbox: its coins have no value"],
        }

    def getnetworkinfo(self) -> Any:
        return {
            "version": VERSION,
            "subversion": SUBVERSION,
            "protocolversion": 70016,
            "localservices": "0000000000000000",
            "localservicesnames": [],
            "localrelay": False,
            "timeoffset": 0,
            "networkactive": False,
            "connections": 0,
            "connections_in": 0,
            "connections_out": 0,
            "networks": [],
            "relayfee": btc(self.chain.relay_rate),
            "incrementalfee": btc(policy.INCREMENTAL_RATE),
            "localaddresses": [],
            "warnings": [],
        }

    def getblockcount(self) -> int:
        return self.chain.ledger.tip.height

    def getbestblockhash(self) -> str:
        return display(self.chain.ledger.tip.hash)

    def getblockhash(self, height: int) -> str:
        if not 0 <= height < len(self.chain.ledger.active):
            raise RpcFault(INVALID_PARAMETER, "Block height out of range")
        return display(self.chain.ledger.active[height])

    def _entry(self, hash_: bytes, message: str = "Block not found") -> Entry:
        entry = self.chain.ledger.entries.get(hash_)
        if entry is None:
            raise RpcFault(INVALID_ADDRESS_OR_KEY, message)
        return entry

    def getblockheader(self, blockhash: bytes, verbose: bool) -> Any:
        entry = self._entry(blockhash)
        if not verbose:
            return entry.header.hex()
        return show_header(self.chain.ledger, entry, len(self.chain.block(blockhash).transactions))

    def getblock(self, blockhash: bytes, verbosity: int) -> Any:
        entry = self._entry(blockhash)
        block = self.chain.block(blockhash)
        return block.raw.hex() if verbosity <= 0 else show_block(self.chain.ledger, entry, block, verbosity)

    def getchaintips(self) -> Any:
        ledger = self.chain.ledger
        inner = {entry.previous for entry in ledger.entries.values()}
        tips = []
        for entry in ledger.entries.values():
            if entry.hash in inner and entry.hash != ledger.tip.hash:
                continue
            fork = entry
            while not ledger.is_active(fork):
                fork = ledger.entries[fork.previous]
            bad = any(self.chain.is_invalidated(entry, known) for known in self.chain.invalidated)
            status = "active" if ledger.is_active(entry) else "invalid" if bad else "valid-fork"
            tips.append(
                {
                    "height": entry.height,
                    "hash": display(entry.hash),
                    "branchlen": entry.height - fork.height,
                    "status": status,
                }
            )
        return sorted(tips, key=lambda tip: -int(tip["height"]))

    async def _wait(self, timeout: int, done: Any) -> Any:
        if timeout < 0:
            raise RpcFault(MISC_ERROR, "Negative timeout")
        end = time.monotonic() + timeout / 1000 if timeout else None
        while not done() and not self._stopping.is_set():
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                break
            waits = [asyncio.ensure_future(e.wait()) for e in (self._moved, self._stopping)]
            try:
                await asyncio.wait(waits, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
        tip = self.chain.ledger.tip
        return {"hash": display(tip.hash), "height": tip.height}

    async def waitfornewblock(self, timeout: int, current_tip: bytes | None) -> Any:
        known = current_tip or self.chain.ledger.tip.hash
        return await self._wait(timeout, lambda: self.chain.ledger.tip.hash != known)

    async def waitforblock(self, blockhash: bytes, timeout: int) -> Any:
        return await self._wait(timeout, lambda: self.chain.ledger.tip.hash == blockhash)

    async def waitforblockheight(self, height: int, timeout: int) -> Any:
        return await self._wait(timeout, lambda: self.chain.ledger.tip.height >= height)

    def gettxout(self, txid: bytes, n: int, include_mempool: bool) -> Any:
        ledger, pool = self.chain.ledger, self.chain.pool
        height = ledger.tip.height
        if include_mempool and (txid, n) in pool.spenders:
            return None
        if include_mempool and txid in pool:
            outputs = pool.entries[txid].transaction.outputs
            if not 0 <= n < len(outputs):
                return None
            (value, script), confirmations, coinbase = outputs[n], 0, False
        else:
            coin = ledger.coins.get((txid, n))
            if coin is None:
                return None
            value, script, coinbase = coin.value, coin.script, coin.coinbase
            confirmations = height - coin.height + 1
        return {
            "bestblock": display(ledger.tip.hash),
            "confirmations": confirmations,
            "value": btc(value),
            "scriptPubKey": show_script(script),
            "coinbase": coinbase,
        }

    def getrawtransaction(self, txid: bytes, verbosity: int, blockhash: bytes | None) -> Any:
        chain = self.chain
        if txid == chain.block(chain.ledger.active[0]).transactions[0].txid:
            words = "The genesis block coinbase is not considered an ordinary transaction and cannot be retrieved"
            raise RpcFault(INVALID_ADDRESS_OR_KEY, words)
        entry: Entry | None = None
        if blockhash is None:
            found = chain.pool.entries[txid].transaction if txid in chain.pool else None
            words = (
                "No such mempool transaction. Use -txindex or provide a block hash to enable blockchain "
                "transaction queries"
            )
        else:
            entry = self._entry(blockhash, "Block hash not found")
            found = next((t for t in chain.block(blockhash).transactions if t.txid == txid), None)
            words = "No such transaction found in the provided block"
        if found is None:
            raise RpcFault(INVALID_ADDRESS_OR_KEY, words + ". Use gettransaction for wallet transactions.")
        if verbosity <= 0:
            return found.raw.hex()
        shown = show_transaction(found)
        if entry is not None:
            active = chain.ledger.is_active(entry)
            shown = (
                {"in_active_chain": active}
                | shown
                | {
                    "blockhash": display(entry.hash),
                    "confirmations": len(chain.ledger.active) - entry.height if active else 0,
                    "time": entry.time,
                    "blocktime": entry.time,
                }
            )
        return shown

    def decoderawtransaction(self, hexstring: str) -> Any:
        shown = show_transaction(transaction(hexstring, "TX decode failed. Make sure the tx has at least one input."))
        del shown["hex"]
        return shown


P = Parameter
PARAMETERS: dict[str, tuple[Parameter, ...]] = {
    "getblockchaininfo": (),
    "getnetworkinfo": (),
    "getblockcount": (),
    "getbestblockhash": (),
    "getblockhash": (P("height", integer),),
    "getblockheader": (P("blockhash", lambda value, _: hash_(value, "hash")), P("verbose", flag, True)),
    "getblock": (P("blockhash", hash_), P("verbosity", verbosity, 1)),
    "getchaintips": (),
    "waitfornewblock": (P("timeout", integer, 0), P("current_tip", hash_, None)),
    "waitforblock": (P("blockhash", hash_), P("timeout", integer, 0)),
    "waitforblockheight": (P("height", integer), P("timeout", integer, 0)),
    "gettxout": (P("txid", hash_), P("n", integer), P("include_mempool", flag, True)),
    "getrawtransaction": (P("txid", hash_), P("verbosity", verbosity, 0), P("blockhash", hash_, None)),
    "decoderawtransaction": (P("hexstring", text),),
}
