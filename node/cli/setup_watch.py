"""A setup, watched: how far every party is, who is waited for and what it has cost, until the vault lives or the setup ends.

Promises that what is shown is what the daemon answered last; without a terminal a line is printed whenever the stage changes, or
who is waited for. Does NOT decide who is waited for.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Final

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from node.cli.show import rows, visible
from node.rpc.client import RpcClient

__all__ = ["attend", "line"]

ENDS: Final = ("live", "aborted", "halted")
LOOK_SECONDS: Final = 0.5
"""Between two looks at the daemon."""


def attend(context: typer.Context, vault_id: str) -> dict[str, Any]:
    """What `vault.show` says once the setup is over. Raises RpcError, Unavailable, LocalFault."""
    folder, _ = context.obj
    console = Console(stderr=True)

    async def whole() -> dict[str, Any]:
        async with RpcClient.from_datadir(folder) as client:
            with Live(console=console, transient=True, auto_refresh=False) as live:
                said = ""
                while True:
                    show: dict[str, Any] = await client.call("vault.show", {"id": vault_id})
                    if console.is_terminal:
                        live.update(_tables(show), refresh=True)
                    elif line(show) != said:
                        said = line(show)
                        print(said, file=sys.stderr, flush=True)
                    if show["stage"] in ENDS:
                        return show
                    await asyncio.sleep(LOOK_SECONDS)

    return asyncio.run(whole())


def line(show: dict[str, Any]) -> str:
    """The stage and who is waited for, in one line."""
    owing = [f"party {row['party']} ({row['role']}) for {row['owes']}" for row in show["progress"] if row["owes"]]
    if show["stage"] in ENDS:
        return visible(f"{show['stage']} {show['end']}".rstrip())
    held = f" ({show['waits']})" if show["waits"] else ""
    return visible(f"{show['stage']}: waits for {'; '.join(owing) or 'this node'}{held}")


def _tables(show: dict[str, Any]) -> Group:
    jobs = [
        {
            "job": job["kind"],
            "of": "/".join(map(str, job["indices"])),
            "done": job.get("done"),
            "total": job.get("total"),
        }
        for job in show["jobs"]
    ]
    parts = [Text(line(show), style="bold")]
    tables = [rows(found) for found in (show["progress"], jobs, show["setup"]) if found]
    return Group(*parts, *tables)
