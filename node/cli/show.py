"""A result for people: nested JSON values as tables. Knows no method; whole ids are never cut.

Promises: every value of the result is shown. Does NOT know widths of a terminal it is not on (wide, unwrapped lines).
"""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_WIDE = 4000


def console() -> Console:
    """Standard output; on something else than a terminal lines are never wrapped or coloured."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_WIDE, no_color=True)


def show(value: Any) -> None:
    """Print a result."""
    target = console()
    match value:
        case dict():
            _show_object(target, value)
        case list() if value and all(isinstance(item, dict) for item in value):
            target.print(rows(value))
        case list():
            for item in value:
                target.print(escape(_text(item)))
            if not value:
                target.print("none")
        case _:
            target.print(escape(_text(value)))


def complain(line: str) -> None:
    """One line on standard error."""
    print(f"bitvm3: {visible(line)}", file=sys.stderr)


def visible(text: str) -> str:
    """Text, some of it a stranger's: what would move a terminal's cursor or change its colours is shown as an escape."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def show_json(value: Any) -> None:
    """Print a result for programs: JSON, two spaces, ASCII."""
    print(json.dumps(value, indent=2))


def _show_object(target: Console, value: dict[str, Any]) -> None:
    blocks = {name: item for name, item in value.items() if _is_rows(item) or (isinstance(item, dict) and item)}
    target.print(_lines({name: item for name, item in value.items() if name not in blocks}))
    for name, block in blocks.items():
        target.print(f"\n[bold]{escape(visible(name))}[/bold]")
        target.print(rows(block) if isinstance(block, list) else _lines(block))


def _lines(value: dict[str, Any]) -> Table:
    grid = Table(box=None, show_header=False, pad_edge=False)
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, item in value.items():
        grid.add_row(escape(visible(name)), escape(_text(item)))
    return grid


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def rows(values: list[dict[str, Any]]) -> Table:
    """Objects as a table, one a row, under the names of their fields."""
    names = list(dict.fromkeys(name for row in values for name in row))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        numeric = all(isinstance(row.get(name), int | float | None) for row in values)
        table.add_column(escape(visible(name)), justify="right" if numeric else "left", overflow="fold")
    for row in values:
        table.add_row(*(escape(_text(row.get(name))) for name in names))
    return table


def _text(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case str():
            return visible(value)
        case dict() if not value:
            return "-"
        case list() if all(not isinstance(item, dict | list) for item in value):
            return ", ".join(_text(item) for item in value) or "-"
        case dict() | list():
            return json.dumps(value)
        case _:
            return str(value)
