"""A result for people: nested JSON values as tables. Knows no method; whole ids are never cut.

Promises: every value of the result is shown; on a terminal words are broken only when one is longer than a line has room for,
and a table with more columns than fit is shown row by row instead.
Does NOT know widths of a terminal it is not on (wide, unwrapped lines).
"""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

_WIDE = 4000
_WORD = 16
"""Characters: a longer word, an id in most cases, may be broken."""
_GAP = 2


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
            _show_rows(target, value)
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
        if isinstance(block, list):
            _show_rows(target, block)
        else:
            target.print(_lines(block))


def _lines(value: dict[str, Any]) -> Table:
    grid = Table(box=None, show_header=False, pad_edge=False)
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, item in value.items():
        grid.add_row(escape(visible(name)), escape(_text(item)))
    return grid


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _show_rows(target: Console, values: list[dict[str, Any]]) -> None:
    """A table, or, on a terminal that is too narrow for one, a block of lines for each row."""
    names = list(dict.fromkeys(name for row in values for name in row))
    found = widths(values, names, target.width)
    if found is not None:
        target.print(rows(values, found))
        return
    for number, row in enumerate(values):
        if number:
            target.print()
        target.print(_lines({name: row.get(name) for name in names}))


def rows(values: list[dict[str, Any]], found: list[int] | None = None) -> Table:
    """Objects as a table, one a row, under the names of their fields, in columns of these `widths`, else as wide as they are."""
    names = list(dict.fromkeys(name for row in values for name in row))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, name in enumerate(names):
        width = None if found is None else found[column]
        numeric = all(isinstance(row.get(name), int | float | None) for row in values)
        table.add_column(escape(visible(name)), justify="right" if numeric else "left", overflow="fold", width=width)
    for row in values:
        table.add_row(*(escape(_text(row.get(name))) for name in names))
    return table


def widths(values: list[dict[str, Any]], names: list[str], room: int) -> list[int] | None:
    """Characters a column, the widest giving way first; None when words of usual length do not fit beside one another."""
    columns = [[visible(name), *(_text(row.get(name)) for row in values)] for name in names]
    found = [min(room, max(cell_len(line) for text in texts for line in text.split("\n"))) for texts in columns]
    least = [
        min(_WORD, max((cell_len(word) for text in texts for word in text.split()), default=1)) for texts in columns
    ]
    left = room - _GAP * (len(names) - 1)
    if sum(least) > left:
        return None
    while sum(found) > left:
        widest = max((column for column in range(len(found)) if found[column] > least[column]), key=found.__getitem__)
        found[widest] -= 1
    return found


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
