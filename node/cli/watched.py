"""A call for which the daemon makes a proof first: a line says how far it is; who does not wait long enough asks again.

Promises that the answer is the method's own, however long the proof takes. Knows no method.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from node.faults import LocalFault, Unavailable
from node.rpc.client import RpcClient, RpcError
from node.rpc.wire import TOO_SLOW

__all__ = ["watch", "watched"]


def watched(context: typer.Context, what: str, method: str, **params: Any) -> Any:
    """Call a method of the data folder's daemon. Raises RpcError, Unavailable, LocalFault."""
    folder, _ = context.obj
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )

    async def whole() -> Any:
        async with RpcClient.from_datadir(folder) as client:
            with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
                task = bar.add_task(what, total=1.0, visible=False)
                watching = asyncio.create_task(watch(client, bar, task, what))
                try:
                    return await _patiently(client, method, params)
                finally:
                    watching.cancel()
                    await asyncio.gather(watching, return_exceptions=True)

    return asyncio.run(whole())


async def _patiently(client: RpcClient, method: str, params: dict[str, Any]) -> Any:
    """The daemon gives up an answer after a while, not the work: asked again, it goes on from there."""
    while True:
        try:
            return await client.call(method, params)
        except RpcError as error:
            if error.code != TOO_SLOW:
                raise


async def watch(client: RpcClient, bar: Progress, task: TaskID, what: str) -> None:
    """The proof that runs meanwhile; without the daemon's events there is no line, and nothing else is lost."""
    with suppress(LocalFault, Unavailable):
        async for event, value in client.events():
            if event == "proof" and value["state"] == "running":
                bar.update(task, visible=True, description=f"{what}: {value['stage']}", completed=value["done"])
