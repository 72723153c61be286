"""A long native call with somebody watching: a bar on a terminal, Ctrl-C asks it to end. Knows no such call."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from snark.proving import Progress

__all__ = ["attended"]

T = TypeVar("T")

_LOOK_SECONDS = 0.1


def attended(what: str, work: Callable[[Progress], T]) -> T:
    """What `work` returns or raises; it runs in a thread and is handed the progress that it reports and is cancelled by."""
    progress, console = Progress(), Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with (
        ThreadPoolExecutor(1) as threads,
        Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar,
    ):
        task = bar.add_task(what, total=1.0)
        ended = threads.submit(work, progress)
        while not ended.done():
            try:
                wait([ended], timeout=_LOOK_SECONDS)
                bar.update(task, description=f"{what}: {progress.stage}", completed=progress.done)
            except KeyboardInterrupt:
                progress.cancel()
        return ended.result()
