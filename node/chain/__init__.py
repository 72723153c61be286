"""The Chain port: Bitcoin Core's JSON-RPC, spoken to bitcoind or to the sandbox alike.

Promises: hashes and txids are 32 bytes in internal order on this side and are flipped here and nowhere else; what the
server says is read strictly and within limits; every call ends in bounded time. Does NOT know vaults or wallets, nor
what a block means.
"""

from __future__ import annotations

from node.chain.bitcoin import BitcoinRpc
from node.chain.follow import Connected, Disconnected, Follower, ReorgTooDeep
from node.chain.jsonrpc import Cookie, JsonRpc, Password
from node.chain.types import (
    Accepted,
    AlreadyKnown,
    Broadcast,
    Header,
    MempoolView,
    Rejected,
    Server,
    Tip,
    Utxo,
)

__all__ = [
    "Accepted",
    "AlreadyKnown",
    "BitcoinRpc",
    "Broadcast",
    "Connected",
    "Cookie",
    "Disconnected",
    "Follower",
    "Header",
    "JsonRpc",
    "MempoolView",
    "Password",
    "Rejected",
    "ReorgTooDeep",
    "Server",
    "Tip",
    "Utxo",
]
