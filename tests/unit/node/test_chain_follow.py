"""The follower's events, folded, are always the active chain, whatever the chain does between two answers."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.chain import Connected, Disconnected, Follower, ReorgTooDeep, Tip
from node.faults import LocalFault, Unavailable


class Moving:
    """A chain behind the port that reorganises, fails and grows whenever it is asked something."""

    def __init__(self, seed: int, *, depth: int, failures: float) -> None:
        self.random = random.Random(seed)
        self.depth, self.failures = depth, failures
        self.blocks: list[bytes] = []
        self.raws: dict[bytes, bytes] = {}
        self.moving = True
        for _ in range(12):
            self.grow()

    def grow(self) -> None:
        previous = self.blocks[-1] if self.blocks else bytes(32)
        hash_ = self.random.randbytes(32)
        self.raws[hash_] = bytes(4) + previous + hash_
        self.blocks.append(hash_)

    def move(self) -> None:
        if not self.moving:
            return
        chance = self.random.random()
        if chance < self.failures:
            raise Unavailable(what="chain", expected="an answer", came="none")
        if chance < 0.5:
            self.grow()
        elif chance < 0.7:
            lost = self.random.randint(1, self.depth)
            del self.blocks[-min(lost, len(self.blocks) - 1) :]
            for _ in range(self.random.randint(0, lost + 1)):
                self.grow()

    async def tip(self) -> Tip:
        self.move()
        return Tip(height=len(self.blocks) - 1, hash=self.blocks[-1])

    async def hash_at(self, height: int) -> bytes | None:
        self.move()
        return self.blocks[height] if height < len(self.blocks) else None

    async def block(self, hash_: bytes) -> bytes:
        self.move()
        return self.raws[hash_]

    async def wait_for_block(self, known: bytes, seconds: float) -> Tip:
        await asyncio.sleep(0)
        if not self.moving and known in (self.blocks[-1], bytes(32)):  # followed to its end, or shorter than its start
            raise StillError
        return await self.tip()


class StillError(Exception):
    """Nothing more will come."""


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    depth=st.integers(1, 3),
    failures=st.sampled_from([0.0, 0.05]),
    start=st.integers(0, 11),
    steps=st.integers(0, 60),
)
def test_events_fold_to_the_active_chain(seed: int, depth: int, failures: float, start: int, steps: int) -> None:
    async def run() -> None:
        chain = Moving(seed, depth=depth, failures=failures)
        # a reorg may overtake the follower while it follows: the bound is far above what this chain does meanwhile
        follower = Follower(chain, recent=[], start=start, bound=10_000, on_unavailable=lambda _: None)
        folded: list[tuple[int, bytes]] = []
        taken = 0
        try:
            async for event in follower.events():
                match event:
                    case Connected(height=height, hash=hash_, raw=raw):
                        assert height == (folded[-1][0] + 1 if folded else start)
                        assert not folded or raw[4:36] == folded[-1][1]
                        assert raw == chain.raws[hash_]
                        folded.append((height, hash_))
                    case Disconnected(height=height, hash=hash_):
                        assert folded.pop() == (height, hash_)
                taken += 1
                if taken >= steps:
                    chain.moving = False
        except StillError:
            pass
        assert folded == list(enumerate(chain.blocks))[start:]

    random.seed(seed)
    import node.chain.follow as module

    first, module.RETRY_FIRST = module.RETRY_FIRST, 0.0
    try:
        asyncio.run(asyncio.wait_for(run(), 20))
    finally:
        module.RETRY_FIRST = first


def make(recent: list[tuple[int, bytes]], bound: int) -> Follower:
    chain = Moving(1, depth=1, failures=0.0)
    chain.moving = False
    return Follower(chain, recent=recent, start=0, bound=bound, on_unavailable=lambda _: None)


async def test_blocks_of_another_chain_are_a_deep_reorg() -> None:
    follower = make([(5, b"\1" * 32), (6, b"\2" * 32)], 6)
    with pytest.raises(ReorgTooDeep, match="a reorg below height 5"):
        await anext(follower.events())


@pytest.mark.parametrize(
    ("recent", "bound", "words"),
    [
        ([(5, b""), (7, b"")], 6, "ascending heights without a gap"),
        ([(7, b""), (6, b"")], 6, "ascending heights without a gap"),
        ([], 0, "at least 1 block"),
    ],
)
def test_a_follower_that_cannot_follow_is_refused(recent: list[tuple[int, bytes]], bound: int, words: str) -> None:
    with pytest.raises(LocalFault, match=words):
        make(recent, bound)
