"""One call of the daemon's RPC from a command, and its result as the options ask. Knows no method."""

from __future__ import annotations

import asyncio
from typing import Any

import typer

from node.rpc.client import RpcClient

__all__ = ["call", "say"]


def call(context: typer.Context, method: str, **params: Any) -> Any:
    """Call a method of the data folder's daemon. Raises RpcError, Unavailable, LocalFault."""
    folder, _ = context.obj

    async def once() -> Any:
        async with RpcClient.from_datadir(folder) as client:
            return await client.call(method, params)

    return asyncio.run(once())


def say(context: typer.Context, value: Any) -> None:
    """Print a result for people, or with --json for programs."""
    _, printer = context.obj
    printer(value)
