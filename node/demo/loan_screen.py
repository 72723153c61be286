"""What the lending demo shows while it runs: health, debt, price, deadlines, slots, and what each party's policy says. Draws."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from node.demo.screen import COLOURS, JOBS, Look, daemons_panel, stages

SICK, WARNED = 10_000, 12_000
"""Basis points of health: below, a slot is for sale; below, the borrower should act (margin call at 70 %)."""


def view(
    height: int, looks: list[Look], shown: dict[str, Any], said: dict[str, list[dict[str, str]]]
) -> list[RenderableType]:
    """The daemons; the setup while there is one; the loan as the keeper says it is; what policies would do next.

    `said`: by party the rows {about, does, why} of its policy.
    """
    parts: list[RenderableType] = [daemons_panel(height, looks)]
    shows = [look.show for look in looks if look.show]
    if shows:
        stage = max(shows, key=lambda show: int(show["height"]))["stage"]
        working = _jobs([look for look in looks if look.show])
        under_way = [*stages(stage), *([working] if working.row_count else [])]
        if under_way:
            parts.append(Panel(Group(*under_way), title="setup", title_align="left"))
    if shown.get("phase") in ("open", "ended"):
        parts.append(Panel(Group(_figures(height, shown), _slots(shown)), title=_title(shown), title_align="left"))
    wanted = _policies(said)
    if wanted.row_count:
        parts.append(Panel(wanted, title="policies", title_align="left"))
    return parts


def _jobs(looks: list[Look]) -> Table:
    """One bar a party and kind of work: a loan of 16 games has 64 pairs to garble and check."""
    table = Table.grid(padding=(0, 2))
    for look in looks:
        kinds = dict.fromkeys(job["kind"] for job in look.show.get("jobs", []))
        for kind in kinds:
            jobs = [job for job in look.show["jobs"] if job["kind"] == kind]
            total, done = (sum(job.get(name) or 0 for job in jobs) for name in ("total", "done"))
            bar = ProgressBar(total=total or None, completed=done, width=30, pulse=not total)
            words = JOBS.get(kind, kind).partition(",")[0]
            left = f"{len(jobs)} left" if len(jobs) > 1 else ""
            table.add_row(Text(look.name, style="bold"), words, bar, f"{done}/{total}" if total else "", left)
    return table


def _title(shown: dict[str, Any]) -> str:
    return f"loan {shown['vault'][:16]}, {shown['phase']}, money SIMULATED"


def _figures(height: int, shown: dict[str, Any]) -> Table:
    health, price = shown["health"], shown["price"]
    colour = "red" if (health or 0) < SICK else "yellow" if health < WARNED else "green"
    table = Table.grid(padding=(0, 3))
    words = Text("no debt") if health is None else Text(f"{health / 10_000:.3f}", style=f"bold {colour}")
    warned = Text("margin call", style="bold red") if shown["margin_call"] else ""
    table.add_row(
        "health", words, "debt", _dollars(shown["debt"] or 0), "price", f"{_dollars(price or 0)} a BTC", warned
    )
    blocks = [f"{row['name']} in {row['block'] - height}" for row in shown["deadlines"] if row["block"] > height]
    return _stacked(table, Text("blocks until: " + ", ".join(blocks), style="dim"))


def _stacked(*parts: RenderableType) -> Table:
    table = Table.grid()
    for part in parts:
        table.add_row(part)
    return table


def _slots(shown: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("slot", "sats", "ledger", "coin", "repay for", "buy for", "paid"):
        table.add_column(column, justify="left" if column in ("ledger", "coin") else "right")
    for row in shown["slots"]:
        table.add_row(
            str(row["slot"]), f"{row['sats']:,}", row["state"], Text(row["coin"], style=COLOURS.get(row["coin"], "")),
            *(_dollars(row[name]) if row[name] else "" for name in ("frees_for", "costs", "paid")),
        )  # fmt: skip
    return table


def _policies(said: dict[str, list[dict[str, str]]]) -> Table:
    """What is done or would be done; a quiet `no` or `waits` of everybody would fill the screen."""
    table = Table.grid(padding=(0, 2))
    for name, rows in said.items():
        for row in rows:
            if row["does"] in ("yes", "dry-run"):
                table.add_row(Text(name, style="bold"), row["about"], row["does"], Text(row["why"][:90], style="dim"))
    return table


def _dollars(cents: int) -> str:
    return f"{cents / 100:,.2f} $"


def setup_summary(console: Console, setups: dict[str, list[dict[str, Any]]]) -> None:
    """What a setup cost by phase: the seconds of the slowest party, and the bytes that all of them received together."""
    table = Table(title="Setup of the loan by phase", title_justify="left")
    for column in ("phase", "seconds", "bytes"):
        table.add_column(column, justify="left" if column == "phase" else "right")
    rows = [row for party in setups.values() for row in party]
    for stage in dict.fromkeys(row["stage"] for row in rows):
        those = [row for row in rows if row["stage"] == stage]
        seconds, received = max(row["seconds"] for row in those), sum(row["received"] for row in those)
        table.add_row(stage, f"{seconds:.1f}", f"{received:,}")
    console.print(table)
