"""The chart of a loan, read back from its own SVG: every value stands where its axis says, gaps are gaps, nothing is left out."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chart import Event, Level, Row, svg, ticks

ROWS = (
    Row(height=100, price=6_000_000, health=None, debt=None),
    Row(height=110, price=6_000_000, health=16_000, debt=118_000),
    Row(height=120, price=3_000_000, health=8_000, debt=118_000),
    Row(height=130, price=None, health=None, debt=0),
)
EVENTS = (
    Event(height=110, words="the loan is open"),
    Event(height=120, words="the price falls"),
    Event(height=120, words="margin call"),
)
LEVELS = (Level(health=10_000, words="liquidation"), Level(health=12_400, words="target"))
SVG = "{http://www.w3.org/2000/svg}"


def drawn(
    rows: tuple[Row, ...] = ROWS, events: tuple[Event, ...] = EVENTS, title: str = "a loan"
) -> ElementTree.Element:
    return ElementTree.fromstring(svg(title=title, note="SIMULATED", rows=rows, events=events, levels=LEVELS))


def texts(root: ElementTree.Element) -> list[tuple[float, float, str]]:
    return [(float(t.get("x", "")), float(t.get("y", "")), t.text or "") for t in root.iter(f"{SVG}text")]


def curves(root: ElementTree.Element, name: str) -> list[list[tuple[float, float]]]:
    """The corners (x, y) of every piece of a line."""
    found = []
    for path in root.iter(f"{SVG}path"):
        if path.get("class") == f"curve {name}":
            numbers = [float(n) for n in re.findall(r"[\d.]+", path.get("d", ""))]
            found.append(list(zip(numbers[::2], numbers[1::2], strict=True)))
    return found


def axis(root: ElementTree.Element, above: float, below: float) -> list[tuple[float, float]]:
    """(value, y) of the tick labels left of one panel."""
    return [
        (float(word.replace(",", "")), y - 4)
        for x, y, word in texts(root)
        if x == 84 and above <= y - 4 <= below and "over" not in word
    ]


def value_at(scale: list[tuple[float, float]], y: float) -> float:
    (low, y0), (high, y1) = scale[0], scale[-1]
    return low + (high - low) * (y - y0) / (y1 - y0)


def test_every_value_stands_where_the_axis_says() -> None:
    root = drawn()
    tops = [float(r.get("y", "")) for r in root.iter(f"{SVG}rect") if r.get("class") == "panel"]
    expected = {"price": (60_000, 60_000, 30_000, 30_000), "health": (1.6, 0.8, 0.8), "debt": (1_180, 1_180, 0)}
    for top, (name, values) in zip(tops, expected.items(), strict=True):
        scale = axis(root, top - 1, top + 160)
        (piece,) = curves(root, name)
        span = max(values) - min(values)
        assert [value_at(scale, y) for _, y in piece] == pytest.approx(values, abs=span / 200)


def test_blocks_are_where_the_axis_says() -> None:
    root = drawn()
    (piece,) = curves(root, "price")
    ticks_below = [(float(word), x) for x, _, word in texts(root) if re.fullmatch("1[0-3][05]", word)]
    assert [value_at(ticks_below, x) for x, _ in piece] == pytest.approx([100, 110, 120, 130], abs=0.1)


def test_what_is_not_known_is_a_gap() -> None:
    gap = (*ROWS, Row(height=140, price=4_000_000, health=9_000, debt=1))
    assert [len(curves(drawn(gap), name)) for name in ("price", "health", "debt")] == [2, 2, 1]


def test_every_event_has_its_number_its_line_and_its_words() -> None:
    root = drawn()
    words = [word for _, _, word in texts(root)]
    assert [word for word in words if word.startswith("block ")] == [f"block {e.height}: {e.words}" for e in EVENTS]
    assert [words.count(str(n)) for n in (1, 2, 3)] == [2, 2, 2]
    lines = [float(line.get("x1", "")) for line in root.iter(f"{SVG}line") if line.get("class") == "mark"]
    (piece,) = curves(root, "price")
    assert lines == [piece[1][0], piece[2][0], piece[2][0]]


def test_numbers_of_one_block_do_not_cover_each_other() -> None:
    events = tuple(Event(height=110 + i // 3, words=f"event {i}") for i in range(12))
    circles = [(float(c.get("cx", "")), float(c.get("cy", ""))) for c in drawn(events=events).iter(f"{SVG}circle")]
    above = circles[:12]
    assert all((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 >= 18**2 for i, a in enumerate(above) for b in above[:i])


def test_health_far_above_every_level_says_so() -> None:
    rows = (Row(height=1, price=1, health=12_000, debt=1), Row(height=2, price=1, health=900_000, debt=1))
    assert any(word.startswith("over 2.") for _, _, word in texts(drawn(rows)))
    assert not any(word.startswith("over") for _, _, word in texts(drawn()))


def test_words_are_text_and_nothing_else() -> None:
    root = drawn(title="<script>&", events=(Event(height=100, words="</svg>"),))
    words = [word for _, _, word in texts(root)]
    assert "<script>&" in words and "block 100: </svg>" in words


def test_what_changes_twice_within_a_block_shows_both() -> None:
    dip = Row(height=120, price=3_000_000, health=5_000, debt=118_000)
    (piece,) = curves(drawn((*ROWS[:2], dip, *ROWS[2:])), "health")
    (without,) = curves(drawn(), "health")
    assert [x for x, _ in piece] == [without[0][0], *[without[1][0]] * 2, without[2][0]]
    assert max(y for _, y in piece) == piece[1][1] > piece[2][1]


@pytest.mark.parametrize("rows", [(), (ROWS[1], ROWS[0])])
def test_rows_without_order_are_refused(rows: tuple[Row, ...]) -> None:
    with pytest.raises(ValueError, match="ascending"):
        drawn(rows)


@given(low=st.integers(-(10**12), 10**12), span=st.integers(1, 10**12), count=st.integers(1, 12))
def test_ticks_enclose_and_are_even(low: int, span: int, count: int) -> None:
    found = ticks(low, low + span, count)
    steps = [after - before for before, after in pairwise(found)]
    assert found[0] <= low + 1e-6 * span and found[-1] >= low + span - 1e-6 * span
    assert max(steps) - min(steps) <= 1e-2 * max(steps)
    assert len(steps) <= count + 2


def test_one_row_and_no_event_are_a_picture() -> None:
    assert len(curves(drawn(ROWS[:1], ()), "price")) == 1
