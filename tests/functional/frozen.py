"""A world that is set up once, stopped, and begun again from a copy by every scenario.

Promise: `freeze` leaves a folder in which nothing runs and nothing waits; `thawed` gives a theatre of its own on a copy of it:
chain, keys, databases and artifacts as they were, other ports, further configuration as wanted. Artifacts are never changed in
place, so copies share their bytes; everything else is copied. This module does NOT know what was set up.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from node.demo.stage import Theatre

SHARED = "artifacts"
LEFT = ("process.log", "*.sock", ".cookie", "price.new")


async def freeze(theatre: Theatre) -> Path:
    """Stop everything once nothing is under way; the folder."""
    await theatre.quiet()
    waiting = await theatre.chain.call("getrawmempool")
    assert not waiting, f"{len(waiting)} transactions wait for a block: a stopped chain forgets them"
    await theatre.close()
    return theatre.folder


def copied(frozen: Path, to: Path) -> None:
    """A copy that shares the artifacts, file by file."""
    for path in frozen.iterdir():
        if path.is_dir():
            shutil.copytree(path, to / path.name, copy_function=_copy, ignore=shutil.ignore_patterns(*LEFT))


def _copy(source: str, target: str) -> str:
    if SHARED in Path(source).parts:
        os.link(source, target)
        return target
    return shutil.copy2(source, target)


@asynccontextmanager
async def thawed(frozen: Path, to: Path, stage: Callable[[Path], Theatre]) -> AsyncIterator[Theatre]:
    """The same daemons on the same chain, going on from where they were stopped. `stage` describes them, given their folder."""
    copied(frozen, to)
    theatre = stage(to)
    try:
        await theatre.chain.start()
        theatre.height = int(await theatre.chain.call("getblockcount"))
        for daemon in theatre.daemons:
            daemon.write_config()
        await asyncio.gather(*(daemon.start() for daemon in theatre.daemons))
        await theatre.meet()
        await theatre.quiet()
        yield theatre
    finally:
        await theatre.close()
