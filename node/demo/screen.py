"""What the demo shows: a live view on a terminal, plain lines elsewhere, tables at the end. Draws; knows no rules."""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 120


@dataclass(slots=True)
class Screen:
    """`say` tells the story; `update` refreshes the live part, when there is one."""

    console: Console = field(
        default_factory=lambda: Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    )
    story: deque[str] = field(default_factory=lambda: deque(maxlen=12))
    live: Live | None = None

    def start(self) -> None:
        """Begin the live view, on a terminal."""
        if self.console.is_terminal:
            self.live = Live(console=self.console, refresh_per_second=8, transient=True)
            self.live.start()

    def stop(self) -> None:
        """End the live view."""
        if self.live is not None:
            self.live.stop()
            self.live = None

    def say(self, line: str) -> None:
        """One line of the story."""
        self.story.append(line)
        self.console.print(Text(line, style="bold" if not line.startswith(" ") else ""))

    def update(self, height: int, show: dict[str, Any] | None, infos: list[dict[str, Any]]) -> None:
        """Height, what each daemon does, each slot and game with its deadline, progress of long steps."""
        if self.live is None:
            return
        self.live.update(
            Group(Panel(_daemons(height, infos), title=f"height {height}"), *([_vault(show)] if show else []))
        )


def _daemons(height: int, infos: list[dict[str, Any]]) -> Table:
    table = Table.grid(padding=(0, 3))
    for info in infos:
        doing = f"outbox {info['outbox']}, jobs {info['jobs']}" if info else "stopped"
        table.add_row(info["name"] if info else "-", f"height {info['height']}" if info else "", doing)
    return table


def _vault(show: dict[str, Any]) -> Panel:
    table = Table(box=None, pad_edge=False)
    for column in ("slot", "sats", "coin", "claim", "game", "next for the borrower"):
        table.add_column(column)
    games = {graph["slot"]: (g, graph) for g, graph in enumerate(show["graphs"])}
    for s, slot in enumerate(show["slots"]):
        g, graph = games.get(s, (None, None))
        wanted = [
            item
            for item in show["agenda"]
            if item["name"].endswith(f"/{s}") or (g is not None and item["name"].startswith(f"{g}/"))
        ]
        soonest = f"{wanted[0]['name']} in {max(0, wanted[0]['since'] - show['height'])} blocks" if wanted else ""
        table.add_row(
            str(s),
            f"{slot['value']:,}",
            slot["phase"],
            f"{graph['amount']:,}" if graph else "-",
            graph["phase"] if graph else "-",
            soonest,
        )
    jobs = [f"{job['kind']} {job['indices']} {job['done']}/{job['total']}" for job in show["jobs"] if "done" in job]
    parts: list[Any] = [table, *(Text(job, style="cyan") for job in jobs)]
    return Panel(Group(*parts), title=f"vault {show['vault'][:16]} {show['stage']}")


def final_tables(console: Console, show: dict[str, Any], setups: dict[str, list[dict[str, Any]]]) -> None:
    """Every transaction, and what the setup cost each party by phase."""
    table = Table(title="Transactions", title_justify="left")
    for column, justify in (
        ("transaction", "left"),
        ("txid", "left"),
        ("vsize", "right"),
        ("fee", "right"),
        ("block", "right"),
    ):
        table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for tx in show["transactions"]:
        table.add_row(tx["name"], tx["txid"], _number(tx["vsize"]), _number(tx["fee"]), _number(tx["height"]))
    console.print(table)
    table = Table(title="Setup by phase", title_justify="left")
    for column in ("phase", "party", "seconds", "bytes received", "bytes sent"):
        table.add_column(column, justify="left" if column in ("phase", "party") else "right")
    for stage in dict.fromkeys(row["stage"] for rows in setups.values() for row in rows):
        for name, rows in setups.items():
            for row in rows:
                if row["stage"] == stage:
                    table.add_row(stage, name, f"{row['seconds']:.2f}", _number(row["received"]), _number(row["sent"]))
    console.print(table)


def balances(console: Console, rows: list[dict[str, Any]]) -> bool:
    """Rows: party, before, expected, found (sats). Returns whether every balance is what the rules say."""
    table = Table(title="Balances (sats)", title_justify="left")
    for column in ("party", "before", "by the rules", "found", ""):
        table.add_column(column, justify="left" if column in ("party", "") else "right")
    for row in rows:
        sats = [f"{row[name]:,}" for name in ("before", "expected", "found")]
        table.add_row(row["party"], *sats, "ok" if row["expected"] == row["found"] else "WRONG")
    console.print(table)
    return all(row["expected"] == row["found"] for row in rows)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
