"""A long computation is made once however many ask, and again only when it failed."""

import asyncio
import threading

import pytest

from native._native.garbling import Progress
from node.work.once import MOST, Once

NAME = (b"vault", "0/assert", b"witness")


async def test_everybody_who_asks_gets_the_one_result() -> None:
    once, hold, runs = Once(), threading.Event(), []

    def make(progress: Progress) -> object:
        runs.append(progress)
        assert hold.wait(10)
        return object()

    asked = [asyncio.create_task(once.of(NAME, Progress(), make)) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert once.busy == 1
    hold.set()
    first, *others = await asyncio.gather(*asked)
    assert all(other is first for other in others)
    assert await once.of(NAME, Progress(), make) is first
    assert len(runs) == 1 and once.busy == 0
    assert await once.of((*NAME[:2], b"another"), Progress(), make) is not first


async def test_a_failure_is_told_to_who_asked_and_then_forgotten() -> None:
    once, answers = Once(), [ValueError("damaged"), 7]

    def make(progress: Progress) -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(ValueError, match="damaged"):
        await once.of(NAME, Progress(), make)
    assert await once.of(NAME, Progress(), make) == 7


async def test_who_stops_waiting_does_not_stop_the_others() -> None:
    once, hold = Once(), threading.Event()

    def make(progress: Progress) -> int:
        assert hold.wait(10)
        return 7

    gone = asyncio.create_task(once.of(NAME, Progress(), make))
    stays = asyncio.create_task(once.of(NAME, Progress(), make))
    await asyncio.sleep(0.01)
    gone.cancel()
    hold.set()
    assert await stays == 7


async def test_old_results_go_and_running_ones_stay() -> None:
    once = Once()
    for n in range(2 * MOST):
        assert await once.of((b"vault", f"{n}/assert", b""), Progress(), lambda progress, n=n: n) == n
    again: list[int] = []
    assert await once.of((b"vault", "0/assert", b""), Progress(), lambda progress: again.append(1)) is None
    assert again == [1]
    assert await once.of((b"vault", f"{2 * MOST - 1}/assert", b""), Progress(), lambda progress: None) == 2 * MOST - 1


async def test_closing_cancels_what_is_under_way() -> None:
    once, progress, begun = Once(), Progress(), threading.Event()

    def make(shared: Progress) -> None:
        begun.set()
        while not shared.cancelled:
            pass

    task = asyncio.create_task(once.of(NAME, progress, make))
    await asyncio.to_thread(begun.wait, 10)
    await once.close()
    assert progress.cancelled
    with pytest.raises(asyncio.CancelledError):
        await task
