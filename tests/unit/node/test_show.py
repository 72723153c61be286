"""Tables on a terminal: nothing is lost, words stay whole, and what has no room beside one another stands below one another."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from node.cli import show as module
from node.cli.show import show, widths

ID = "ab" * 32
GRAPH = {
    "graphs": "0", "claim": "withdraw by B", "slots": "0", "engine": "babe", "cheating": "1 in 2^5.8",
    "kept_instances": "3 of 8 a challenger", "stake": 134400, "presignatures": 10240, "kept_mib": 26.6,
    "risk": "the claimant (B) risks its bond of 709039 sats when it claims; contesting is free but for its fee",
}  # fmt: skip


def on_terminal(value: Any, width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    written = io.StringIO()
    target = Console(file=written, width=width, force_terminal=True, no_color=True, highlight=False)
    monkeypatch.setattr(module, "console", lambda: target)
    show(value)
    return written.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "")


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_no_word_of_a_table_is_broken_and_no_line_too_long(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = on_terminal({"graphs": [GRAPH, {**GRAPH, "graphs": "1"}]}, width, monkeypatch)
    assert max(map(len, shown.splitlines())) <= width
    words = shown.split()
    for name, value in GRAPH.items():
        assert name in words
        assert set(str(value).split()) <= set(words)


def test_a_table_that_fits_is_one_and_one_that_does_not_is_rows_of_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    wide, narrow = (on_terminal([GRAPH, GRAPH], width, monkeypatch) for width in (130, 90))
    assert wide.count("kept_instances") == 1
    assert narrow.count("kept_instances") == 2 and "\n\n" in narrow.replace(" ", "")


def test_an_id_gives_way_before_words_do(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = on_terminal(
        [{"identity": ID, "role": "liquidator", "address": "UNKNOWN: `bitvm3 peer connect`"}], 80, monkeypatch
    )
    assert "liquidator" in shown and "connect`" in shown
    assert "".join(part for part in shown.split() if set(part) <= {"a", "b"}) == ID


@pytest.mark.parametrize("room", [10, 30, 31, 40, 1_000])
def test_widths_fit_or_there_are_none(room: int) -> None:
    values: list[dict[str, Any]] = [{"a": "x" * 40, "b": "one two three", "c": 5}, {"a": None, "b": "", "c": 123}]
    found = widths(values, ["a", "b", "c"], room)
    least = 16 + len("three") + 3 + 2 * 2
    assert (found is None) is (room < least)
    if found is not None:
        assert sum(found) + 4 <= room and found[0] >= 16 and found[1] >= 5 and found[2] == 3
        assert room < 1_000 or found == [40, 13, 3]
