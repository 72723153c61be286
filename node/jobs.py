"""Slow work off the loop: a small pool of threads, with progress, cancelling, and results delivered to the loop.

Promises: one job a name at a time (a second `run` of it joins the first); every job ends in exactly one `Ended`, given
to the callback on the daemon's loop, whatever it raised; nothing here outlives `close`. Does NOT remember jobs across
a restart: what dispatched them does so again. The function must let go of the GIL (native code does) and look at
`Control.cancelled` now and then.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from node.faults import LocalFault
from node.limits import PRODUCT, Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The function returned this."""

    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The function raised this."""

    error: Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """It was cancelled before or while it ran."""


Ended = Done | Failed | Cancelled
OnEnd = Callable[[str, Ended], None]


class JobCancelled(Exception):
    """Raised by `Control.check` inside a job that was cancelled."""


@dataclass(slots=True)
class Control:
    """What a job's function gets first: where it tells its progress and learns that it shall stop."""

    done: int = 0
    total: int = 0
    _cancelled: threading.Event = field(default_factory=threading.Event)

    def progress(self, done: int, total: int) -> None:
        """Tell how far it is."""
        self.done, self.total = done, total

    @property
    def cancelled(self) -> bool:
        """True when the result is no longer wanted."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raise JobCancelled when the result is no longer wanted."""
        if self._cancelled.is_set():
            raise JobCancelled

    def cancel(self) -> None:
        """Ask the job to stop."""
        self._cancelled.set()


@dataclass(slots=True)
class _Job:
    control: Control
    future: Future[Any]


class Jobs:
    """A pool. Make it and use it on the daemon's loop."""

    def __init__(self, on_end: OnEnd, *, limits: Limits = PRODUCT) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_end = on_end
        self._limits = limits
        self._pool = ThreadPoolExecutor(limits.job_threads, thread_name_prefix="job")
        self._jobs: dict[str, _Job] = {}

    def run(self, name: str, function: Callable[..., Any], *args: Any) -> None:
        """Run `function(control, *args)`; a job of this name that is under way already is left alone.

        Raises:
            LocalFault: too many jobs are waiting.
        """
        if name in self._jobs:
            return
        most = self._limits.jobs_waiting
        if len(self._jobs) >= most:
            raise LocalFault(what="jobs", expected=f"at most {most} waiting", came="one more", todo="Try again later.")
        control = Control()
        future = self._pool.submit(_guarded, function, control, args)
        self._jobs[name] = _Job(control, future)
        future.add_done_callback(lambda ended: self._post(name, ended))

    def cancel(self, name: str) -> None:
        """Ask a job to stop; it ends as Cancelled when it looks. An unknown name does nothing."""
        job = self._jobs.get(name)
        if job is not None:
            job.control.cancel()
            job.future.cancel()

    def progress(self) -> dict[str, tuple[int, int]]:
        """Name -> (done, total) of every job under way."""
        return {name: (job.control.done, job.control.total) for name, job in self._jobs.items()}

    def __len__(self) -> int:
        """Jobs waiting or running."""
        return len(self._jobs)

    async def close(self) -> None:
        """Cancel everything and wait for what runs. The callback is not called any more."""
        jobs, self._jobs = self._jobs, {}
        for job in jobs.values():
            job.control.cancel()
            job.future.cancel()
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    def _post(self, name: str, future: Future[Any]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end, name, future)

    def _end(self, name: str, future: Future[Any]) -> None:
        job = self._jobs.get(name)
        if job is None or job.future is not future:
            return  # closed meanwhile
        del self._jobs[name]
        self._on_end(name, Cancelled() if future.cancelled() else future.result())


def _guarded(function: Callable[..., Any], control: Control, args: tuple[Any, ...]) -> Ended:
    try:
        control.check()
        value = function(control, *args)
    except JobCancelled:
        return Cancelled()
    except Exception as error:
        return Cancelled() if control.cancelled else Failed(error=error)
    return Cancelled() if control.cancelled else Done(value=value)
