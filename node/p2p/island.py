"""A trio loop in a thread, called from asyncio and calling back into it.

Promises: exceptions and cancellation cross in both directions; nothing waits forever on an island that has ended
(callers get `Unavailable`). Does NOT know about peers: it carries any coroutine function.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeVar

import trio

from node.faults import Unavailable

T = TypeVar("T")


def _ended() -> Unavailable:
    return Unavailable(
        what="peer connections", expected="a running peer thread", came="it has ended", todo="Restart the daemon."
    )


class Island:
    """`async with Island() as island: await island.call(trio_function, *args)`."""

    async def __aenter__(self) -> Island:
        """Start the thread and wait until its loop runs."""
        self._loop = asyncio.get_running_loop()
        self._started: asyncio.Future[None] = self._loop.create_future()
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self._run, daemon=True, name="libp2p")
        self._thread.start()
        await self._started
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel everything on the island and wait for the thread. Errors of its tasks are raised here."""
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._stop.set)
        await asyncio.shield(self._done)
        self._thread.join()

    @property
    def ended(self) -> asyncio.Future[None]:
        """Done when the island has ended; carries the error when it fell over."""
        return self._done

    async def call(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Run a trio coroutine function there; cancelling the caller cancels the trio task.

        Raises:
            Unavailable: the island has ended, or ends during the call.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        scope = trio.CancelScope()

        async def run() -> None:
            try:
                with scope:
                    result = await function(*args)
                    self._post(_resolve, future, result)
            except trio.Cancelled:
                self._post(_fail, future, _ended())
                raise
            except Exception as error:
                self._post(_fail, future, error)

        try:
            self._token.run_sync_soon(self._begin, run, future)
        except trio.RunFinishedError:
            raise _ended() from None
        try:
            return await future
        except asyncio.CancelledError:
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(scope.cancel)
            raise

    async def ask(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        """From trio: run an asyncio coroutine function on the daemon's loop. Cancelling the trio task cancels it."""
        event, answers, running = trio.Event(), list[tuple[Any, BaseException | None]](), list[asyncio.Task[Any]]()

        def done(task: asyncio.Task[Any]) -> None:
            self._tasks.discard(task)
            error = asyncio.CancelledError() if task.cancelled() else task.exception()
            answers.append((None if error else task.result(), error))
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(event.set)

        def begin() -> None:
            async def body() -> T:
                return await function(*args)

            task = self._loop.create_task(body())
            self._tasks.add(task)
            running.append(task)
            task.add_done_callback(done)

        self._loop.call_soon_threadsafe(begin)
        try:
            await event.wait()
        except trio.Cancelled:
            self._post(lambda: [task.cancel() for task in running])
            raise
        result, error = answers[0]
        if isinstance(error, asyncio.CancelledError):
            raise _ended()
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def tell(self, function: Callable[..., object], *args: Any) -> None:
        """From trio: call a plain function on the daemon's loop, soon."""
        self._post(function, *args)

    def start_soon(self, function: Callable[..., Awaitable[object]], *args: Any) -> None:
        """From trio: run a task on the island until the island ends. Its errors end the island."""
        self._nursery.start_soon(function, *args)

    def _begin(self, run: Callable[[], Awaitable[None]], future: asyncio.Future[Any]) -> None:
        try:
            self._nursery.start_soon(run)
        except RuntimeError:  # the nursery is closed: the island is ending
            self._post(_fail, future, _ended())

    def _post(self, function: Callable[..., object], *args: Any) -> None:
        with suppress(RuntimeError):  # the daemon's loop is closed: nobody is left to hear it
            self._loop.call_soon_threadsafe(function, *args)

    def _run(self) -> None:
        try:
            trio.run(self._main)
        except BaseException as error:
            self._post(_fail, self._started, error)
            self._post(_fail, self._done, error)
        else:
            self._post(_resolve, self._done, None)

    async def _main(self) -> None:
        self._token, self._stop = trio.lowlevel.current_trio_token(), trio.Event()
        async with trio.open_nursery() as self._nursery:
            self._post(_resolve, self._started, None)
            await self._stop.wait()
            self._nursery.cancel_scope.cancel()


def _resolve(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # mark as seen: an error nobody waits for is in `ended`
