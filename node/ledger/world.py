"""What the ledgers of a node need of the rest of it: its disk, keys, chain, prices, prover, peers and clock.

Promises nothing but shapes; `node.daemon` fills it in, the simulation too. Does NOT know the ledgers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from native._native.keys import Secret, Seed
from node.chain import Utxo
from node.guard import Guard
from node.ledger.judgement import Times, Tolerance
from node.ledger.recent import Recent
from node.lending.spends import Spends
from node.limits import Limits
from node.store import Put, Store

Policy = Literal["manual", "auto"]
Coins = Literal["checked", "unlinked"]
"""Whether an attestor compares the events of a position with the coins behind it, or takes the keeper's word for them."""


class Proved(Protocol):
    """A proof and what it is of."""

    @property
    def proof(self) -> bytes:
        """Arkworks compressed."""

    @property
    def x(self) -> bytes:
        """The public input, 32 bytes big-endian."""


class Statement(Protocol):
    """What a key proves."""

    @property
    def name(self) -> str:
        """`transition` or `outcome`."""

    @property
    def batch(self) -> int:
        """Events of a transition, 0 for another statement."""


class KeyLine(Protocol):
    """A proving key of this node."""

    @property
    def statement(self) -> Statement:
        """What it proves."""

    @property
    def key(self) -> bytes:
        """The id of its verifying key."""

    @property
    def verifying_key(self) -> bytes:
        """The verifying key, arkworks compressed."""


class Proving(Protocol):
    """The queue of proofs (node.proving)."""

    async def prove(self, key: bytes, witness: bytes, purpose: str) -> Proved:
        """A proof under the key with this id. Raises LocalFault, Unavailable."""

    def key(self, key: bytes) -> KeyLine:
        """A key by the id of its verifying key. Raises LocalFault."""

    def keys(self) -> Sequence[KeyLine]:
        """All keys of this node."""


class Chain(Times, Protocol):
    """The chain port, as far as ledgers look at it. Every method may raise Unavailable."""

    async def hash_at(self, height: int) -> bytes | None:
        """The active block of a height, None when the chain is shorter."""

    async def block(self, hash_: bytes) -> bytes:
        """The raw block."""

    async def utxo(self, txid: bytes, vout: int) -> Utxo | None:
        """A confirmed coin that nobody has spent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What a keeper posts by itself: `automatic` off posts nothing; blocks between two accruals; seconds after which a price that
    has not moved is marked again with what is posted.
    """

    automatic: Literal["on", "off"]
    accrue_blocks: int
    mark_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class World:
    """The ports. `ask` sends a signed message (identity, kind, ledger id, body) and gives the reply; this node answers itself.

    `write` commits puts through the loop and returns when they are on the disk; `turn` does so with what is computed in the
    loop's turn (False when that was None: nothing was written); `tip` is (height, hash) of the last block seen, `spends` what
    it and those before spent; `known` are the identities whose address this node has; `now` is the unix time; `alarm` tells
    the operator something that needs one; `present` are the identities whose nodes are connected.
    """

    network: str
    genesis: bytes
    identity: Secret
    attestor_seed: Callable[[int], Seed]
    store: Store
    guard: Guard
    chain: Chain
    prices: Recent
    proving: Proving
    write: Callable[[tuple[Put, ...]], Awaitable[object]]
    ask: Callable[[bytes, str, bytes, bytes], Awaitable[bytes]]
    known: Callable[[], Sequence[bytes]]
    present: Callable[[], Collection[bytes]]
    now: Callable[[], int]
    turn: Callable[[Callable[[], Sequence[Put] | None]], Awaitable[bool]]
    spends: Spends
    height: Callable[[], int]
    tip: Callable[[], tuple[int, bytes]]
    tell: Callable[[str, Any], None]
    alarm: Callable[[str], None]
    policy: Policy
    tolerance: Tolerance
    coins: Coins
    keeping: Keeping
    trusted_keys: frozenset[bytes]
    limits: Limits

    @property
    def me(self) -> bytes:
        """This node's identity, x-only."""
        return self.identity.xonly()


@dataclass(slots=True)
class Bell:
    """Wakes everybody who waits that something has changed; who looks first and then waits misses nothing."""

    _event: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        """Something has changed."""
        self._event.set()
        self._event = asyncio.Event()

    async def heard(self) -> None:
        """Return at the next ring."""
        await self._event.wait()
