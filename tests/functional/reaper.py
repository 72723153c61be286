"""Kill -9 at random, callers that go on as a person would whose daemon has just died, and work that goes on beside."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from node.demo.processes import DaemonProcess
from node.demo.stage import Theatre
from node.faults import LocalFault, Unavailable

DOWN = (OSError, aiohttp.ClientError, LocalFault, Unavailable, TimeoutError)
"""What a caller meets when the process it talks to has just been killed."""


@dataclass
class Reaper:
    """Kills daemons at random, `most` times in all, and starts them again."""

    stage: Theatre
    chance: random.Random
    most: int
    strikes: list[str] = field(default_factory=list)

    async def strike(self) -> None:
        """Kill one daemon without warning; it comes back on the same folder and ports."""
        victim: DaemonProcess = self.chance.choice(self.stage.daemons)
        await victim.kill()
        self.strikes.append(victim.name)
        await victim.start()

    async def during(self, work: Awaitable[Any], pause: float, least: int, most: int) -> Any:
        """Strike again and again, after up to `pause` seconds each, while something goes on; then let it finish."""
        task = asyncio.ensure_future(work)
        for strike in range(min(most, self.most - len(self.strikes))):
            await asyncio.wait({task}, timeout=self.chance.uniform(0, pause))
            if task.done() and strike >= least:
                break
            await self.strike()
        return await task


async def stubborn(do: Callable[[], Awaitable[Any]]) -> Any:
    """Ask again as a person would whose daemon has just died."""
    async with asyncio.timeout(120):
        while True:
            try:
                return await do()
            except DOWN:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Something that goes on until the end of this; when it has ended by itself, with what it raised, that is no pass."""
    task = asyncio.create_task(work)
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
