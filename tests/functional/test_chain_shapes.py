"""The objects the sandbox answers have bitcoind's fields and, where both chains have the same content, its values."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from node.chain.bitcoin import txid_of
from tests.functional.chain_fixture import (
    ADDRESS,
    OTHER,
    P2A,
    SCRIPT,
    coinbases,
    mine,
    output,
    spend,
    start_backend,
)

pytestmark = pytest.mark.functional

LEFT_OUT = {"asm", "desc"}
"""Of scripts: nothing here reads them."""
OF_THE_CHAIN = {
    "hash", "bestblockhash", "bestblock", "blockhash", "merkleroot", "time", "blocktime", "mediantime", "nonce",
    "previousblockhash", "nextblockhash", "txid", "wtxid", "hex", "coinbase", "size", "weight", "vsize", "strippedsize",
    "txids", "transactionid", "depends", "spentby", "spendingtxid", "verificationprogress", "initialblockdownload",
    "size_on_disk", "warnings", "usage", "subversion", "localservices", "localservicesnames", "networks",
    "networkactive", "localrelay", "mempool_sequence", "unbroadcastcount", "txinwitness",
}  # fmt: skip
"""Values that differ because the blocks do (their coinbase and time), or that say who answers."""


def shape(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {k: shape(v, k) for k, v in sorted(value.items()) if k not in LEFT_OUT}
    if key in OF_THE_CHAIN:
        return type(value).__name__
    if key == "tx" and isinstance(value[0], str):
        return len(value)
    if isinstance(value, list):
        return [shape(one, key) for one in value]
    return value


async def objects(kind: str, folder: Path) -> dict[str, Any]:
    server = await start_backend(kind, folder)
    try:
        chain = server.chain()
        await mine(chain, 110)
        a, b = await coinbases(chain, range(1, 3))
        mined = spend([a], [(a.value - 1_000, OTHER), (0, b"\x6a\x01\x07")], version=2)
        await chain.broadcast(mined)
        (block,) = await mine(chain, 1)
        parent = spend([b], [(b.value - 1_240, SCRIPT), (240, P2A)])
        child = spend([output(parent, 0)], [(b.value - 9_000, OTHER)])
        await chain.broadcast(parent)
        await chain.broadcast(child)
        tip, first = block[::-1].hex(), (await chain.block_hash(5))[::-1].hex()
        ids = {name: txid_of(raw)[::-1].hex() for name, raw in (("mined", mined), ("parent", parent), ("child", child))}
        calls: dict[str, tuple[Any, ...]] = {
            "info": ("getblockchaininfo",),
            "network": ("getnetworkinfo",),
            "pool info": ("getmempoolinfo",),
            "header": ("getblockheader", tip),
            "header of an old block": ("getblockheader", first),
            "block": ("getblock", tip, 1),
            "block with transactions": ("getblock", tip, 2),
            "genesis": ("getblock", (await chain.genesis())[::-1].hex(), 2),
            "transaction of a block": ("getrawtransaction", ids["mined"], 1, tip),
            "waiting transaction": ("getrawtransaction", ids["parent"], True),
            "coin": ("gettxout", ids["mined"], 0),
            "waiting coin": ("gettxout", ids["child"], 0),
            "spent in the mempool": ("gettxout", ids["parent"], 0),
            "spent in the mempool, seen from the chain": ("gettxout", ids["parent"], 0, False),
            "parent": ("getmempoolentry", ids["parent"]),
            "child": ("getmempoolentry", ids["child"]),
            "pool with sequence": ("getrawmempool", False, True),
            "spender": (
                "gettxspendingprevout",
                [{"txid": ids["parent"], "vout": 0}, {"txid": ids["parent"], "vout": 1}],
            ),
            "tips": ("getchaintips",),
            "fee": ("estimatesmartfee", 2),
            "wait": ("waitforblockheight", 1, 1000),
            "prioritised": ("prioritisetransaction", ids["child"], 0, 500),
            "child after": ("getmempoolentry", ids["child"]),
            "mined elsewhere": ("generatetodescriptor", 0, f"addr({ADDRESS})"),
        }
        return {name: shape(await server.call(*call)) for name, call in calls.items()}
    finally:
        await server.close()


async def test_objects_have_the_same_fields_and_values(tmp_path: Path) -> None:
    sandbox, bitcoind = await asyncio.gather(objects("sandbox", tmp_path), objects("bitcoind", tmp_path))
    differ = {name: (sandbox[name], bitcoind[name]) for name in bitcoind if sandbox[name] != bitcoind[name]}
    assert not differ, "\n".join(f"{name}:\n  {mine_}\n  {theirs}" for name, (mine_, theirs) in differ.items())
