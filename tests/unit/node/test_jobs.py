"""Jobs: each ends exactly once on the loop, progress shows, cancelling works, and the pool is bounded."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from node.faults import LocalFault
from node.jobs import Cancelled, Control, Done, Ended, Failed, Jobs
from node.limits import PRODUCT


class Ends:
    """Collects ends and lets a test wait for a number of them."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Ended]] = []
        self.thread: set[int] = set()
        self._more = asyncio.Event()

    def __call__(self, name: str, ended: Ended) -> None:
        self.seen.append((name, ended))
        self.thread.add(threading.get_ident())
        self._more.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.seen) < count:
                self._more.clear()
                await self._more.wait()


@pytest.fixture
async def ends() -> Ends:
    return Ends()


@pytest.fixture
async def jobs(ends: Ends) -> AsyncIterator[Jobs]:
    made = Jobs(ends, limits=replace(PRODUCT, jobs_waiting=4))
    yield made
    await made.close()


async def test_a_result_and_an_error_arrive_on_the_loop(jobs: Jobs, ends: Ends) -> None:
    error = ZeroDivisionError("x")

    def fail(control: Control) -> None:
        raise error

    jobs.run("good", lambda control, a, b: a + b, 2, 3)
    await ends.until(1)
    jobs.run("bad", fail)
    await ends.until(2)
    assert ends.seen == [("good", Done(value=5)), ("bad", Failed(error=error))]
    assert ends.thread == {threading.get_ident()} and len(jobs) == 0


async def test_progress_shows_and_a_second_run_of_a_name_joins_the_first(jobs: Jobs, ends: Ends) -> None:
    told, release, runs = threading.Event(), threading.Event(), []

    def work(control: Control) -> str:
        runs.append(1)
        control.progress(3, 7)
        told.set()
        release.wait(20)
        return "done"

    jobs.run("a", work)
    await asyncio.to_thread(told.wait, 20)
    jobs.run("a", work)
    assert jobs.progress() == {"a": (3, 7)} and len(jobs) == 1
    release.set()
    await ends.until(1)
    assert ends.seen == [("a", Done(value="done"))] and len(runs) == 1
    jobs.run("a", lambda control: "again")  # what has ended may run again, as after a restart
    await ends.until(2)
    assert ends.seen[1] == ("a", Done(value="again"))


async def test_cancelling_ends_a_running_job_and_a_waiting_one(jobs: Jobs, ends: Ends) -> None:
    started = [threading.Event() for _ in range(2)]

    def work(control: Control, event: threading.Event) -> None:
        event.set()
        while True:
            control.check()

    for number, event in enumerate(started):
        jobs.run(f"running {number}", work, event)
        await asyncio.to_thread(event.wait, 20)
    jobs.run("waiting", work, threading.Event())
    for name in ("waiting", "running 0", "running 1", "unknown"):
        jobs.cancel(name)
    await ends.until(3)
    assert {name for name, _ in ends.seen} == {"waiting", "running 0", "running 1"}
    assert all(ended == Cancelled() for _, ended in ends.seen)


async def test_what_a_cancelled_job_returns_or_raises_is_not_delivered_as_its_result(jobs: Jobs, ends: Ends) -> None:
    for name, raises in (("returns", False), ("raises", True)):
        entered, release = threading.Event(), threading.Event()

        def work(control: Control, entered: threading.Event, release: threading.Event, raises: bool) -> int:
            entered.set()
            release.wait(20)
            return 1 // (0 if raises else 1)

        jobs.run(name, work, entered, release, raises)
        await asyncio.to_thread(entered.wait, 20)
        jobs.cancel(name)
        release.set()
    await ends.until(2)
    assert all(ended == Cancelled() for _, ended in ends.seen)


async def test_the_limit_of_waiting_jobs_is_reached_but_not_exceeded(jobs: Jobs, ends: Ends) -> None:
    release = threading.Event()
    for number in range(4):
        jobs.run(str(number), lambda control: release.wait(20))
    with pytest.raises(LocalFault, match="at most 4 waiting"):
        jobs.run("one more", lambda control: None)
    release.set()
    await ends.until(4)
    jobs.run("one more", lambda control: None)
    await ends.until(5)


async def test_never_more_threads_than_the_limit(ends: Ends) -> None:
    jobs = Jobs(ends, limits=PRODUCT)
    lock, running, most = threading.Lock(), [0], [0]
    both = threading.Barrier(PRODUCT.job_threads)

    def work(control: Control) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        both.wait(20)
        with lock:
            running[0] -= 1

    for number in range(2 * PRODUCT.job_threads):
        jobs.run(str(number), work)
    await ends.until(2 * PRODUCT.job_threads)
    assert most[0] == PRODUCT.job_threads and all(isinstance(ended, Done) for _, ended in ends.seen)
    await jobs.close()


async def test_closing_stops_everything_and_delivers_nothing_more(ends: Ends) -> None:
    jobs = Jobs(ends)
    entered = threading.Event()

    def work(control: Control) -> None:
        entered.set()
        while not control.cancelled:
            pass

    jobs.run("a", work)
    await asyncio.to_thread(entered.wait, 20)
    await jobs.close()
    assert ends.seen == [] and len(jobs) == 0
