"""Delivery of what the machine has to say: every entry is sent until the peer has committed it.

Promise: an entry leaves the outbox only when the peer answered (it is on its disk) or refused it for good: that is logged, and
`refused` hears the reason. Everything else is tried again, with a growing pause. Order does not matter: facts are facts.
This module does NOT know what a fact means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from node.book import Sending
from node.faults import LocalFault, PeerFault, Unavailable

log = structlog.get_logger()

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 5.0
AT_ONCE: Final = 8


class Outbox:
    """Entries under way. `transmit` returns once the peer has committed; it raises PeerFault (refused) or Unavailable."""

    def __init__(
        self, *, transmit: Callable[[Sending], Awaitable[None]], delivered: Callable[[Sending], None],
        refused: Callable[[Sending, str], None],
    ) -> None:  # fmt: skip
        self._transmit, self._delivered, self._refused = transmit, delivered, refused
        self._tasks: dict[Sending, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    def __len__(self) -> int:
        return len(self._tasks)

    def add(self, sending: Sending) -> None:
        """Start delivering an entry; one that is under way already is left alone."""
        if sending in self._tasks:
            return
        task = asyncio.get_running_loop().create_task(self._deliver(sending))
        self._tasks[sending] = task
        task.add_done_callback(lambda _: self._tasks.pop(sending, None))

    def waiting_for(self, vault: bytes) -> set[int]:
        """The parties of a vault that have not taken a message yet."""
        return {sending.to for sending in self._tasks if sending.vault == vault}

    def drop(self, vault: bytes, *, but: str) -> None:
        """Nothing more has to be said about this vault but facts of one kind: who has not heard the rest need not."""
        for sending, task in list(self._tasks.items()):
            if sending.vault == vault and sending.key.partition("/")[0] != but:
                task.cancel()
                self._delivered(sending)

    async def close(self) -> None:
        """Stop; what was not delivered is still on disk."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver(self, sending: Sending) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                async with self._slots:
                    await self._transmit(sending)
                break
            except PeerFault as fault:
                log.warning(
                    "peer refuses a message",
                    vault=sending.vault.hex()[:16],
                    to=sending.to,
                    key=sending.key,
                    reason=fault.came,
                )
                self._refused(sending, fault.came)
                break
            except Unavailable as fault:
                log.debug("peer not ready for a message", key=sending.key, to=sending.to, reason=str(fault))
            except LocalFault as fault:
                log.error("cannot send a message", key=sending.key, to=sending.to, reason=str(fault))
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        self._delivered(sending)
