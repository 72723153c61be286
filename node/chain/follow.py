"""Follows the active chain from the last block that was seen, across reorgs, block by block.

Promises: events come in order and without a gap: every `Connected` block's parent is the block before, every
`Disconnected` block is the last one connected; a reorg deeper than the bound raises `ReorgTooDeep` before any event
of it; an unreachable server is asked again for ever. Does NOT know what a block means, nor stores where it is: the
caller gives the recent blocks it has kept and keeps the new ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from bitcoin_scripts.transaction import display_txid as shown
from node.chain.types import Tip
from node.faults import LocalFault, Unavailable

WAIT_SECONDS: Final = 60.0
RETRY_FIRST: Final = 0.2
RETRY_MOST: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """A block joined the active chain."""

    height: int
    hash: bytes
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected:
    """The last block left the active chain."""

    height: int
    hash: bytes


class ReorgTooDeep(LocalFault):
    """More blocks left the chain than this node is configured to follow: a human has to look."""


class Blocks(Protocol):
    """What following needs of the Chain port."""

    async def tip(self) -> Tip:
        """The last block."""

    async def hash_at(self, height: int) -> bytes | None:
        """The active block of a height, None when the chain is shorter."""

    async def block(self, hash_: bytes) -> bytes:
        """The raw block."""

    async def wait_for_block(self, known: bytes, seconds: float) -> Tip:
        """Return when the tip is another than `known`, or after `seconds`."""


class Follower:
    """`recent` are (height, hash) of the blocks seen last, ascending and without a gap; none: from `start` on."""

    def __init__(
        self,
        chain: Blocks,
        *,
        recent: Sequence[tuple[int, bytes]],
        start: int,
        bound: int,
        on_unavailable: Callable[[Unavailable], None],
    ) -> None:
        if bound < 1:
            raise LocalFault(what="reorg bound", expected="at least 1 block", came=str(bound))
        heights = [height for height, _ in recent]
        if heights != list(range(heights[0], heights[0] + len(heights)) if heights else []):
            raise LocalFault(what="recent blocks", expected="ascending heights without a gap", came=str(heights[:20]))
        self._chain = chain
        self._known = list(recent[-(bound + 1) :])
        self._start = start
        self._bound = bound
        self._on_unavailable = on_unavailable

    async def events(self) -> AsyncIterator[Connected | Disconnected]:
        """Every change, for ever.

        Raises:
            ReorgTooDeep: see the class.
            LocalFault, PeerFault: the server is not usable as it is.
        """
        pause = RETRY_FIRST
        while True:
            try:
                async for event in self._catch_up():
                    pause = RETRY_FIRST
                    yield event
                await self._chain.wait_for_block(self._known[-1][1] if self._known else bytes(32), WAIT_SECONDS)
            except Unavailable as fault:
                self._on_unavailable(fault)
                await asyncio.sleep(pause)
                pause = min(2 * pause, RETRY_MOST)
            else:
                if not self._known:
                    await asyncio.sleep(pause)  # the chain has not reached `start` yet

    async def _catch_up(self) -> AsyncIterator[Connected | Disconnected]:
        while True:
            height = self._known[-1][0] + 1 if self._known else self._start
            hash_next = await self._chain.hash_at(height)
            if hash_next is not None:
                raw = await self._chain.block(hash_next)
                if not self._known or raw[4:36] == self._known[-1][1]:
                    self._known.append((height, hash_next))
                    del self._known[: -(self._bound + 1)]
                    yield Connected(height=height, hash=hash_next, raw=raw)
                    continue
            # the end of the chain, or our last block is not on it any more (also when it changed between two answers)
            depth = await self._depth()
            if depth == 0 and hash_next is None:
                return
            for _ in range(depth):
                height, hash_ = self._known.pop()
                yield Disconnected(height=height, hash=hash_)

    async def _depth(self) -> int:
        """How many of the known blocks are not on the active chain."""
        for depth in range(len(self._known)):
            height, hash_ = self._known[-1 - depth]
            if await self._chain.hash_at(height) == hash_:
                return depth
        if not self._known or (self._known[0][0] == self._start and len(self._known) <= self._bound):
            return len(self._known)  # nothing older was ever seen: begin again
        first, last = self._known[0], self._known[-1]
        if await self._chain.hash_at(first[0]) is None:  # no other block there: behind, not reorganised
            raise Unavailable(
                what="the chain server",
                expected=f"a chain of {first[0]} blocks at least, which this node has seen",
                came="a shorter one",
                todo="Wait when it is syncing or reindexing; else give the node its old server.",
            )
        raise ReorgTooDeep(
            what=f"a reorg below height {first[0]}",
            expected=f"at most {self._bound} blocks to leave the chain; {shown(first[1])} is known at that height",
            came=f"none of the {len(self._known)} last known blocks, up to {last[0]}, is on the active chain",
            todo="Check the chain server. If the reorg is real, re-scan from before it; no vault moves until then.",
        )
