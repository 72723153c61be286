"""Long pure computations, each made once: whoever asks for the same one meanwhile or later gets the same result.

Promise: only what follows from its name alone belongs here, so a result is never stale; a failed or cancelled one is forgotten
and made anew. In memory only, bounded; a restart begins again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from native._native.garbling import Progress

MOST: Final = 16
"""Results kept: the disputes of a node at one time, with room; a forgotten one costs a second."""

T = TypeVar("T")
Name = tuple[bytes, str, bytes]
"""(vault, transaction, id of its witness)."""


@dataclass(slots=True)
class Once:
    """The computations of one node."""

    _tasks: OrderedDict[Name, tuple[asyncio.Task[Any], Progress]] = field(default_factory=OrderedDict)

    async def of(self, name: Name, progress: Progress, make: Callable[[Progress], T]) -> T:
        """The result of `make`, run in a thread by the first who asks; it tells its progress to that one."""
        known = self._tasks.get(name)
        if known is None or (known[0].done() and (known[0].cancelled() or known[0].exception() is not None)):
            task = asyncio.get_running_loop().create_task(asyncio.to_thread(make, progress))
            task.add_done_callback(_seen)
            self._tasks[name] = known = (task, progress)
            while len(self._tasks) > MOST and next(iter(self._tasks.values()))[0].done():
                self._tasks.popitem(last=False)
        result: T = await asyncio.shield(known[0])
        return result

    @property
    def busy(self) -> int:
        """How many are being made."""
        return sum(not task.done() for task, _ in self._tasks.values())

    async def close(self) -> None:
        """Stop what is under way."""
        for task, progress in self._tasks.values():
            progress.cancel()
            task.cancel()
        await asyncio.gather(*(task for task, _ in self._tasks.values()), return_exceptions=True)


def _seen(task: asyncio.Task[Any]) -> None:
    """Nobody has to wait for it: its fault is told to whoever asks."""
    if not task.cancelled():
        task.exception()
