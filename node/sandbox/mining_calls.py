"""The calls that make blocks, take them back, and set the clock.

Promises: the answers, error codes and messages of Bitcoin Core v31. Does NOT know HTTP.
"""
# ruff: noqa: D102 - each method is the bitcoind call of its name, with the names of its parameters

from __future__ import annotations

import asyncio
from typing import Any

from node.sandbox.faults import (
    DESERIALIZATION_ERROR,
    INVALID_ADDRESS_OR_KEY,
    INVALID_PARAMETER,
    VERIFY_ERROR,
    RpcFault,
)
from node.sandbox.ledger import Entry
from node.sandbox.parameters import (
    Parameter,
    array,
    flag,
    hash_,
    integer,
    script_of_address,
    script_of_output,
    text,
    transaction,
)
from node.sandbox.regtest import Regtest
from node.sandbox.transaction import display

MOST_TIME = 9_223_372_036  # int64 nanoseconds
MINE_SLICE = 50  # blocks mined between two looks at the event loop


class MiningCalls:
    """Blocks on demand."""

    def __init__(self, chain: Regtest) -> None:
        self.chain = chain

    def _known(self, blockhash: bytes) -> Entry:
        entry = self.chain.ledger.entries.get(blockhash)
        if entry is None:
            raise RpcFault(INVALID_ADDRESS_OR_KEY, "Block not found")
        return entry

    async def generatetoaddress(self, nblocks: int, address: bytes, maxtries: int) -> Any:
        hashes: list[bytes] = []
        while len(hashes) < nblocks and maxtries:
            hashes += self.chain.mine(address, min(MINE_SLICE, nblocks - len(hashes)))
            if len(hashes) < nblocks:
                await asyncio.sleep(0)
        return [display(one) for one in hashes]

    async def generatetodescriptor(self, num_blocks: int, descriptor: bytes, maxtries: int) -> Any:
        return await self.generatetoaddress(num_blocks, descriptor, maxtries)

    def generateblock(self, output: bytes, transactions: list[Any], submit: bool) -> Any:
        chosen = []
        for shown in transactions:
            if isinstance(shown, str) and len(shown) == 64:
                txid = hash_(shown, "txid")
                if txid not in self.chain.pool:
                    raise RpcFault(INVALID_ADDRESS_OR_KEY, f"Transaction {shown} not in mempool.")
                chosen.append(self.chain.pool.entries[txid].transaction)
            else:
                words = f"Transaction decode failed for {shown}. Make sure the tx has at least one input."
                chosen.append(transaction(shown, words))
        if not submit:
            raise RpcFault(INVALID_PARAMETER, "submit=false is not supported by the sandbox")
        raw, reason = self.chain.mine_exactly(output, chosen)
        if reason:
            raise RpcFault(VERIFY_ERROR, f"TestBlockValidity failed: {reason}")
        return {"hash": display(self.chain.block_hash(raw))}

    def submitblock(self, hexdata: str, dummy: str) -> Any:
        try:
            raw = bytes.fromhex(hexdata)
        except ValueError:
            raise RpcFault(DESERIALIZATION_ERROR, "Block decode failed") from None
        reason = self.chain.submit([raw])
        if reason.startswith("Block decode failed"):
            raise RpcFault(DESERIALIZATION_ERROR, "Block decode failed")
        return reason.split(",")[0] or None

    def invalidateblock(self, blockhash: bytes) -> None:
        entry = self._known(blockhash)
        if entry.height == 0:
            raise RpcFault(INVALID_PARAMETER, "the genesis block cannot be invalidated")
        self.chain.invalidate(entry)

    def reconsiderblock(self, blockhash: bytes) -> None:
        self.chain.reconsider(self._known(blockhash))

    def setmocktime(self, timestamp: int) -> None:
        if not 0 <= timestamp <= MOST_TIME:
            raise RpcFault(INVALID_PARAMETER, f"Mocktime must be in the range [0, {MOST_TIME}], not {timestamp}.")
        self.chain.mock_time = timestamp


P = Parameter
PARAMETERS: dict[str, tuple[Parameter, ...]] = {
    "generatetoaddress": (
        P("nblocks", integer),
        P("address", script_of_address),
        P("maxtries", integer, 1_000_000),
    ),
    "generatetodescriptor": (
        P("num_blocks", integer),
        P("descriptor", script_of_output),
        P("maxtries", integer, 1_000_000),
    ),
    "generateblock": (P("output", script_of_output), P("transactions", array), P("submit", flag, True)),
    "submitblock": (P("hexdata", text), P("dummy", text, "")),
    "invalidateblock": (P("blockhash", hash_),),
    "reconsiderblock": (P("blockhash", hash_),),
    "setmocktime": (P("timestamp", integer),),
}
