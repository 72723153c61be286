"""The open jobs of every vault, each a task beside the loop: run until the machine has taken its end.

Promise: one task a job; what is unavailable is waited for, a fault of ours in a living vault is tried again at each block; a
cancelled job's native work is told to stop. Does NOT know what a job does (`node.work`) nor when it may start (`challenge`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from challenge.events import Done, Event, Failed
from challenge.faults import Deviation
from challenge.machine import Outcome
from challenge.states import Job, VaultState
from native import NativeError
from node.faults import LocalFault, PeerFault, Unavailable
from node.work import WORK
from node.work.context import Context
from vault.faults import VaultFault

log = structlog.get_logger()

RETRY = 1.0
"""Seconds before what was unavailable is tried again."""


@dataclass(slots=True, kw_only=True)
class Jobs:
    """`state` gives a vault's present state, `told` puts a job's end through the loop, `derived` hears of a derived graph."""

    context: Context
    state: Callable[[bytes], VaultState]
    told: Callable[[bytes, Event], Awaitable[Outcome]]
    derived: Callable[[bytes, VaultState], Awaitable[None]]
    tasks: dict[tuple[bytes, Job], asyncio.Task[None]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.tasks)

    def run(self, vault: bytes, job: Job) -> None:
        """Start a job; one that runs is left alone."""
        at = (vault, job)
        if at in self.tasks:
            return
        task = asyncio.get_running_loop().create_task(self._work(vault, job))
        self.tasks[at] = task
        task.add_done_callback(lambda ended: self._ended(at, ended))

    def cancel(self, vault: bytes) -> None:
        """Stop all jobs of a vault."""
        for (owner, _), task in list(self.tasks.items()):
            if owner == vault:
                task.cancel()

    async def close(self) -> None:
        """Stop all jobs; they are on disk and run again."""
        tasks = list(self.tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, at: tuple[bytes, Job], ended: asyncio.Task[None]) -> None:
        """A cancelled job's native work is told to stop: its thread would go on otherwise."""
        if self.tasks.get(at) is ended:
            del self.tasks[at]
        progress = self.context.progress.pop(at, None)
        if progress is not None and ended.cancelled():
            progress.cancel()

    async def _work(self, vault: bytes, job: Job) -> None:
        while True:
            outcome = await self.told(vault, await self._attempt(vault, job))
            if outcome.kind in ("applied", "duplicate"):
                return
            log.error("job ended badly", job=job.kind, outcome=outcome.kind, reason=outcome.reason)
            if job not in self.state(vault).jobs:
                # From here on a block that opens the job again (an Assert that left the chain and came back) starts it.
                self.tasks.pop((vault, job), None)
                return
            await self.context.next_block()

    async def _attempt(self, vault: bytes, job: Job) -> Event:
        """One job, once; what is unavailable is waited for."""
        while True:
            state = self.state(vault)
            try:
                facts = await WORK[job.kind](self.context, state, job)
                if job.kind == "derive":
                    await self.derived(vault, state)
                return Done(job=job, facts=facts)
            except Unavailable as fault:
                log.info("job waits", job=job.kind, reason=str(fault))
                await asyncio.sleep(RETRY)
            except (PeerFault, VaultFault, Deviation) as fault:
                return Failed(job=job, whose="peer", reason=str(fault))
            except (LocalFault, NativeError, OSError) as fault:
                return Failed(job=job, whose="ours", reason=str(fault))
            except Exception as error:
                log.exception("job failed", job=job.kind)
                return Failed(job=job, whose="ours", reason=f"{type(error).__name__}: {error}")
