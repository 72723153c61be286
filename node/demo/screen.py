"""What the demo shows: a live view on a terminal, plain lines elsewhere, tables at the end. Draws; knows no rules."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from node.demo.rules import Entry

PLAIN_WIDTH = 120
STAGES = ("proposed", "funding", "keys", "points", "opening", "digest", "nonces", "partials", "ready", "live")
JOBS = {
    "fund": "post bonds, reserve coins",
    "keys": "make keys",
    "coins": "look for everybody's coins",
    "commit": "garble, graph {0}",
    "draw": "draw the kept set, graph {0}, challenger {1}",
    "open": "open instances of graph {0} to party {1}",
    "check": "fetch and check, graph {0}, challenger {1}",
    "derive": "derive every transaction",
    "nonces": "nonces",
    "sign": "partial signatures",
    "aggregate": "check every partial, aggregate, verify",
    "reveal": "show r of slot {0}",
    "evaluate": "evaluate the assertion, graph {0}",
    "verify": "verify the proof, graph {0}",
    "decrypt": "decrypt what Reveal shows, graph {0}, party {1}",
}
COLOURS = {
    "open": "green", "paid": "green", "closed": "green", "claimed": "yellow", "contested": "yellow",
    "asserted": "yellow", "disproved": "red", "defaulted": "red", "live": "green", "revealed": "yellow",
    "refuted": "red", "killed": "green", "returned": "green",
}  # fmt: skip
ANSWERED = ("revealed", "refuted", "killed", "returned")


@dataclass(slots=True)
class Look:
    """What one daemon says at one moment: `info` empty when it does not answer, `show` when it knows no vault."""

    name: str
    presence: str
    info: dict[str, Any] = field(default_factory=dict)
    show: dict[str, Any] = field(default_factory=dict)


def _console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


@dataclass(slots=True)
class Screen:
    """`say` tells the story; `update` refreshes the live part, when there is one."""

    console: Console = field(default_factory=_console)
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
        self.console.print(Text(line, style="bold" if not line.startswith(" ") else ""))

    def update(self, height: int, looks: list[Look]) -> None:
        """Height, what each daemon does, each slot and game with everybody's next step, progress of long steps."""
        self.draw(_view(height, looks))

    def draw(self, parts: Sequence[RenderableType]) -> None:
        """Show these parts, one above the other, in place of what is shown."""
        if self.live is not None:
            self.live.update(Group(*parts))


def _view(height: int, looks: list[Look]) -> list[RenderableType]:
    parts: list[RenderableType] = [daemons_panel(height, looks)]
    shows = [look.show for look in looks if look.show]
    if shows:
        parts.append(_vault(looks, max(shows, key=lambda show: int(show["height"]))))
    return parts


def daemons_panel(height: int, looks: list[Look]) -> Panel:
    """What every daemon does, under the height of the chain."""
    return Panel(_daemons(looks), title=f"height {height}", title_align="left")


def _daemons(looks: list[Look]) -> Table:
    table = Table.grid(padding=(0, 3))
    for look in looks:
        info = look.info
        if not info:
            table.add_row(
                Text(look.name, style="bold"),
                Text(look.presence, style="red" if look.presence == "stopped" else "yellow"),
            )
            continue
        doing = [f"{info['outbox']} to deliver"] if info["outbox"] else []
        working = info["jobs"] - info["waiting"]
        doing += [f"{working} {'job' if working == 1 else 'jobs'}"] if working else []
        doing += [f"{info['waiting']} waiting for a block"] if info["waiting"] else []
        doing += ["publishing"] if info["publishing"] else []
        state = Text(", ".join(doing), style="cyan") if doing else Text("idle", style="dim")
        stage = look.show.get("stage", "")
        table.add_row(
            Text(look.name, style="bold"), f"block {info['height']}", Text(stage, style=_colour(stage)), state
        )
    return table


def _vault(looks: list[Look], show: dict[str, Any]) -> Panel:
    stage = show["stage"]
    parts = under_way(looks, stage)
    if stage == "live":
        parts.append(_slots(looks, show))
    return Panel(Group(*parts), title=f"vault {show['vault'][:16]}", title_align="left")


def under_way(looks: list[Look], stage: str) -> list[RenderableType]:
    """The stages of a setup, and a bar for every job."""
    bars = _jobs(looks)
    return [*stages(stage), *([bars] if bars.row_count else [])]


def stages(stage: str) -> list[RenderableType]:
    """How far a setup is; nothing once it is over."""
    if stage not in STAGES or stage == "live":
        return []
    at = STAGES.index(stage)
    words = [
        Text(word, style="green" if i < at else "bold reverse" if i == at else "dim") for i, word in enumerate(STAGES)
    ]
    return [Text("  ").join(words)]


def _jobs(looks: list[Look]) -> Table:
    """A line for every job that a party works on: done of total when it counts, a moving bar when it does not."""
    table = Table.grid(padding=(0, 2))
    for look in looks:
        for job in look.show.get("jobs", []):
            total = job.get("total") or 0
            bar = ProgressBar(total=total or None, completed=job.get("done", 0), width=30, pulse=not total)
            count = f"{job['done']}/{total}" if total else ""
            words = JOBS.get(job["kind"], job["kind"]).format(*job["indices"])
            table.add_row(Text(look.name, style="bold"), words, bar, count)
    return table


def _slots(looks: list[Look], show: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("slot", "sats", "coin", "claim", "game", "stake", "answers"):
        table.add_column(column, justify="right" if column in ("sats", "claim", "stake") else "left")
    for look in looks:
        table.add_column(f"next for the {look.name}", no_wrap=True)
    games = {graph["slot"]: (g, graph) for g, graph in enumerate(show["graphs"])}
    for s, slot in enumerate(show["slots"]):
        g, graph = games.get(s, (None, None))
        table.add_row(
            str(s),
            f"{slot['value']:,}",
            Text(slot["phase"], style=_colour(slot["phase"])),
            f"{graph['amount']:,}" if graph else "",
            Text(graph["phase"], style=_colour(graph["phase"])) if graph else "",
            _number(graph.get("stake") or None) if graph else "",
            _answers(looks, graph),
            *(_next(look.show, s, g) for look in looks),
        )
    return table


def _answers(looks: list[Look], graph: dict[str, Any] | None) -> Text:
    """Where each challenger's own answer to Assert stands, once it has begun (babe)."""
    told = (graph or {}).get("answers") or {}
    begun = [(looks[int(k)].name, phase) for k, phase in told.items() if phase in ANSWERED]
    return Text(", ").join(Text(f"{name} {phase}", style=_colour(phase)) for name, phase in begun)


def _next(show: dict[str, Any], slot: int, graph: int | None) -> Text:
    """The soonest thing a party waits to publish for a slot or its game, and how many blocks are left."""
    for item in show.get("agenda", []):
        game, _, name = item["name"].partition("/")
        if item["name"] == f"{game}/{slot}" and not game.isdigit():
            name = game
        elif game != str(graph):
            continue
        blocks = item["since"] - show["height"] - 1
        until = f", {item['until'] - show['height']} left" if item["until"] is not None else ""
        return Text(f"{name} now{until}" if blocks <= 0 else f"{name} in {blocks}", style="bold" if blocks <= 0 else "")
    return Text("")


def _colour(word: str) -> str:
    return COLOURS.get(word, "")


def final_tables(console: Console, show: dict[str, Any], setups: dict[str, list[dict[str, Any]]]) -> None:
    """Every transaction, and what the setup cost each party by phase."""
    transactions(console, show)
    setup_costs(console, setups)


def transactions(console: Console, show: dict[str, Any], title: str = "Transactions") -> None:
    """Every transaction of a vault."""
    table = Table(title=title, title_justify="left")
    for column in ("transaction", "txid", "vsize", "fee", "block"):
        table.add_column(column, justify="left" if column in ("transaction", "txid") else "right", no_wrap=True)
    for tx in show["transactions"]:
        table.add_row(tx["name"], tx["txid"], _number(tx["vsize"]), _number(tx["fee"]), _number(tx["height"]))
    console.print(table)


def setup_costs(console: Console, setups: dict[str, list[dict[str, Any]]]) -> None:
    """What a setup cost each party by phase."""
    table = Table(title="Setup by phase", title_justify="left")
    for column in ("phase", "party", "seconds", "bytes received", "bytes sent"):
        table.add_column(column, justify="left" if column in ("phase", "party") else "right")
    for stage in dict.fromkeys(row["stage"] for rows in setups.values() for row in rows):
        for name, rows in setups.items():
            for row in rows:
                if row["stage"] == stage:
                    table.add_row(stage, name, f"{row['seconds']:.2f}", _number(row["received"]), _number(row["sent"]))
        table.add_section()
    console.print(table)


def who_got_what(console: Console, entries: Sequence[Entry], names: Sequence[str]) -> None:
    """Every gain and loss by what it was for, and what remains."""
    table = Table(title="Who gained and lost what (sats)", title_justify="left")
    table.add_column("for")
    for name in names:
        table.add_column(name, justify="right")
    sums: dict[str, Counter[int]] = {}
    for entry in entries:
        if entry.sats:
            sums.setdefault(entry.what, Counter())[entry.party] += entry.sats
    for what, parties in sums.items():
        table.add_row(what, *(f"{parties[p]:+,}" if p in parties else "" for p in range(len(names))))
    table.add_section()
    totals = [sum(parties[p] for parties in sums.values()) for p in range(len(names))]
    table.add_row("together", *(f"{total:+,}" for total in totals))
    console.print(table)


def ledger_table(console: Console, view: dict[str, Any]) -> None:
    """What the borrower knows of the ledger, from proofs and signatures alone."""
    table = Table(title="The ledger as its follower knows it", title_justify="left", show_header=False)
    signers = ", ".join(str(member["index"]) for member in view["attestors"])
    for name, value in (
        ("ledger", view["ledger"]),
        ("root", view["root"]),
        ("events", _number(view["seq"])),
        ("proofs verified", _number(view["proofs_verified"])),
        ("attestors", f"{signers} (threshold {view['threshold']})"),
        ("price, cents per BTC", _number(view["price"])),
        ("debt, cents", _number(view["principal"])),
        ("held for records, cents", _number(view["cash"])),
    ):
        table.add_row(name, value)
    console.print(table)


def balances(console: Console, rows: list[dict[str, Any]], title: str = "Balances (sats)") -> bool:
    """Rows: party, before, expected, found. Returns whether every balance is what the rules say."""
    table = Table(title=title, title_justify="left")
    for column in ("party", "before", "by the rules", "found", ""):
        table.add_column(column, justify="left" if column in ("party", "") else "right")
    for row in rows:
        numbers = [f"{row[name]:,}" for name in ("before", "expected", "found")]
        table.add_row(row["party"], *numbers, "ok" if row["expected"] == row["found"] else "WRONG")
    console.print(table)
    return all(row["expected"] == row["found"] for row in rows)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
