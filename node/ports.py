"""The ports: what the node's core needs of the world. Adapters and the simulation's fakes have these shapes.

Hashes and txids are 32 bytes in internal byte order, amounts sats. Every method may raise Unavailable: try again later.
"""

from __future__ import annotations

from typing import Protocol

from node.chain import Broadcast, Utxo
from node.chain.follow import Blocks
from node.faults import LocalFault
from node.ledger.claims import Outcome, Proven
from vault.ledger.genesis import Genesis


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

    async def transaction(self, txid: bytes, block_hash: bytes | None) -> bytes | None:
        """A transaction of the mempool (no block), or of a block; None when it is not there."""

    async def feerate(self) -> int:
        """sat/vB that the next blocks ask for."""


class PeerPort(Protocol):
    """Streams to other nodes, by libp2p peer id (node.p2p.Peers, or a fake)."""

    async def send(self, peer_id: str, raw: bytes, timeout: float) -> bytes:  # noqa: ASYNC109
        """Deliver a message; returns when the peer has committed it."""

    async def fetch_chunk(self, peer_id: str, artifact: bytes, index: int, timeout: float) -> bytes:  # noqa: ASYNC109
        """One chunk of an artifact."""


class LedgerPort(Protocol):
    """The ledgers that this node follows, as far as vaults look at them (node.ledger.room, or a part of it)."""

    def ids(self) -> frozenset[bytes]:
        """Those that are open here."""

    def genesis(self, ledger: bytes) -> Genesis:
        """What is fixed of one. Raises LocalFault when it is not open here."""

    def price(self, ledger: bytes) -> tuple[int, int]:
        """Cents per BTC under its last final checkpoint and the unix time of that price, 0 and 0 before the first.

        Raises:
            LocalFault: it is not open here.
        """

    async def doubt(self, ledger: bytes, outcome: Outcome) -> LocalFault | None:
        """Why the record under the newest final checkpoint does not bear an outcome out; None when it does.

        Raises Unavailable when nobody shows it, LocalFault when the ledger is not open here.
        """

    async def prove(self, ledger: bytes, outcome: Outcome, key: bytes) -> Proven:
        """A proof of an outcome under this node's proving key with this id. Raises LocalFault, Unavailable."""
