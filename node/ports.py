"""The ports: what the node's core needs of the world. Adapters and the simulation's fakes have these shapes.

Hashes and txids are 32 bytes in internal byte order, amounts sats. Every method may raise Unavailable: try again later.
"""

from __future__ import annotations

from typing import Protocol

from node.chain import Broadcast, Utxo
from node.chain.follow import Blocks


class Chain(Blocks, Protocol):
    """The chain as one node sees it (node.chain.BitcoinRpc, or a fake); following it needs `Blocks`."""

    async def broadcast(self, raw: bytes) -> Broadcast:
        """Offer a transaction."""

    async def submit_package(self, raws: list[bytes]) -> Broadcast:
        """Offer a parent with its child."""

    async def utxo(self, txid: bytes, vout: int) -> Utxo | None:
        """A confirmed coin that nobody has spent."""

    async def median_time(self, height: int) -> int | None:
        """Median time past of the active block of a height, None when the chain is shorter."""

    async def feerate(self) -> int:
        """sat/vB that the next blocks ask for."""


class PeerPort(Protocol):
    """Streams to other nodes, by libp2p peer id (node.p2p.Peers, or a fake)."""

    async def send(self, peer_id: str, raw: bytes, timeout: float) -> bytes:  # noqa: ASYNC109
        """Deliver a message; returns when the peer has committed it."""

    async def fetch_chunk(self, peer_id: str, artifact: bytes, index: int, timeout: float) -> bytes:  # noqa: ASYNC109
        """One chunk of an artifact."""
