"""A loan over blocks as a self-made SVG: price, health and debt under one axis of blocks, events as numbered lines.

Promises that every row and event given is drawn, that a value which is not known leaves a gap, and that the picture is legible
at 1,000 pixels on light and dark pages. Needs no program to draw. Does not know rules, nodes or where its rows come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import ceil, floor, log10
from textwrap import wrap

BASIS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What held from block `height` on: price in cents per BTC, health in basis points (10,000: liquidation), debt in cents.

    None: not known then, or without meaning (the health of no debt).
    """

    height: int
    price: int | None
    health: int | None
    debt: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in block `height`, in words."""

    height: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A line across the panel of health, basis points, with its name."""

    health: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """`ceiling`: values above it are drawn at the upper edge, which then says so; 0 for none."""

    name: str
    line: str
    value: Callable[[Row], int | None]
    unit: int
    show: Callable[[float], str]
    levels: tuple[Level, ...] = ()
    ceiling: int = 0


_WIDTH = 1000
_LEFT, _RIGHT = 92, 150
_PANEL, _GAP = 152, 36
_TICKS = 4
_DISC = 9
_LINE = 17
_COLUMNS, _LETTERS = 2, 66
_STYLE = (
    "text{font-family:sans-serif;font-size:12px;fill:#3e4c59}.title{font-size:17px;font-weight:bold;fill:#1f2933}"
    ".name{font-weight:bold;fill:#1f2933}.page{fill:#ffffff}.panel{fill:#f5f7fa}.grid{stroke:#dde2e8}.mark{stroke:#9aa5b1;"
    "stroke-dasharray:2 3}.disc{fill:#52606d}.number{fill:#ffffff;font-size:10px;font-weight:bold}.level{stroke:#b44d12;"
    "stroke-dasharray:6 4}.levelname{fill:#b44d12}.price{stroke:#1666ba}.health{stroke:#0c7a55}.debt{stroke:#7b3fb5}"
    ".curve{fill:none;stroke-width:2.2;stroke-linejoin:round}"
    "@media (prefers-color-scheme:dark){text{fill:#b8c2cc}.title,.name{fill:#e8edf2}.page{fill:#14181d}.panel{fill:#1d232a}"
    ".grid{stroke:#323b45}.mark{stroke:#67727e}.disc{fill:#9aa5b1}.number{fill:#14181d}.level{stroke:#f0a060}"
    ".levelname{fill:#f0a060}.price{stroke:#6cb2f5}.health{stroke:#5fd0a5}.debt{stroke:#c79bf0}}"
)


def svg(*, title: str, note: str, rows: Sequence[Row], events: Sequence[Event], levels: Sequence[Level]) -> str:
    """The chart. `rows` ascending by height (several of one block in their order), at least one; `note` stands under the title.

    Raises ValueError without a row, or out of order.
    """
    if not rows or any(before.height > after.height for before, after in pairwise(rows)):
        raise ValueError(f"rows of a chart: expected ascending heights, came {[row.height for row in rows][:20]}")
    panels = _panels(tuple(levels))
    heights = [*(row.height for row in rows), *(event.height for event in events)]
    across = _Scale(low=min(heights), high=max(max(heights), min(heights) + 1), start=_LEFT, end=_WIDTH - _RIGHT)
    marks = sorted(events, key=lambda event: event.height)
    discs = _discs([across(event.height) for event in marks])
    top = 62 + (_DISC * 2 + 3) * (1 + max((row for _, row in discs), default=-1)) + 24
    bottom = top + len(panels) * (_PANEL + _GAP) - _GAP
    legend, end = _legend(marks, bottom + 62)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{end}" viewBox="0 0 {_WIDTH} {end}">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<rect class="page" width="{_WIDTH}" height="{end}"/>',
        _text(_LEFT, 28, title, "title"),
        _text(_LEFT, 48, note),
    ]
    tops = [top + i * (_PANEL + _GAP) for i in range(len(panels))]
    parts += [
        f'<rect class="panel" x="{_LEFT}" y="{y}" width="{_WIDTH - _LEFT - _RIGHT}" height="{_PANEL}"/>' for y in tops
    ]
    for n, (x, row) in enumerate(discs):
        y = 62 + _DISC + row * (_DISC * 2 + 3)
        parts.append(f'<line class="mark" x1="{x:.1f}" y1="{y + _DISC}" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(_disc(x, y, n))
    for panel, y in zip(panels, tops, strict=True):
        parts += _draw(panel, rows, across, y)
    parts += _blocks(across, bottom)
    return "\n".join([*parts, *legend, "</svg>", ""])


def _panels(levels: tuple[Level, ...]) -> tuple[_Panel, ...]:
    ceiling = 2 * max((level.health for level in levels), default=BASIS)
    return (
        _Panel(name="price, $ a BTC", line="price", value=lambda row: row.price, unit=100, show=_plain),
        _Panel(name="health", line="health", value=lambda row: row.health, unit=BASIS, show=lambda value: f"{value:.2f}",
               levels=levels, ceiling=ceiling),
        _Panel(name="debt, $", line="debt", value=lambda row: row.debt, unit=100, show=_plain),
    )  # fmt: skip


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """A value from low..high to a pixel from start..end."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low)


def ticks(low: float, high: float, count: int) -> list[float]:
    """Round numbers (1, 2, 2.5 or 5 times a power of ten apart) that enclose low..high, about `count` steps of them."""
    if high <= low:
        high = low + (abs(low) or 1)
    rough = (high - low) / count
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


def _draw(panel: _Panel, rows: Sequence[Row], across: _Scale, top: float) -> list[str]:
    """One panel: its name, grid, levels, and a step line that breaks where nothing is known."""
    values = [value / panel.unit for row in rows if (value := panel.value(row)) is not None]
    ceiling = panel.ceiling / panel.unit
    over = ceiling and any(value > ceiling for value in values)
    span = [min(value, ceiling or value) for value in values] + [level.health / panel.unit for level in panel.levels]
    scale = ticks(min(span, default=0), max(span, default=1), _TICKS)
    up = _Scale(low=scale[0], high=scale[-1], start=top + _PANEL, end=top)
    parts = [_text(_LEFT, top - 8, panel.name, "name")]
    for tick in scale:
        words = ("over " if over and tick == scale[-1] else "") + panel.show(tick)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" y1="{up(tick):.1f}" x2="{_WIDTH - _RIGHT}" y2="{up(tick):.1f}"/>'
        )
        parts.append(_text(_LEFT - 8, up(tick) + 4, words, anchor="end"))
    names = _apart([up(level.health / panel.unit) for level in panel.levels])
    for level, y in zip(panel.levels, names, strict=True):
        at = up(level.health / panel.unit)
        parts.append(f'<line class="level" x1="{_LEFT}" y1="{at:.1f}" x2="{_WIDTH - _RIGHT}" y2="{at:.1f}"/>')
        words = f"{panel.show(level.health / panel.unit)} {level.words}"
        parts.append(_text(_WIDTH - _RIGHT + 8, y + 4, words, "levelname"))
    for piece in _pieces(rows, panel):
        points = [(across(height), up(min(value, scale[-1]))) for height, value in piece]
        (x, y), *others = points
        steps = "".join(f"H{x:.1f}V{y:.1f}" for x, y in others or [(x + 3, y)])
        path = f"M{points[0][0]:.1f},{points[0][1]:.1f}{steps}"
        parts.append(f'<path class="curve {panel.line}" d="{path}"/>')
    return parts


def _pieces(rows: Sequence[Row], panel: _Panel) -> list[list[tuple[int, float]]]:
    """(height, value) without a gap; a piece goes on to the row that ends it."""
    pieces: list[list[tuple[int, float]]] = []
    known: float | None = None
    for row in rows:
        value = panel.value(row)
        if known is not None and value is None:
            pieces[-1].append((row.height, known))
        if value is not None:
            if known is None:
                pieces.append([])
            pieces[-1].append((row.height, value / panel.unit))
        known = None if value is None else value / panel.unit
    return pieces


def _apart(wanted: Sequence[float], distance: float = 14) -> list[float]:
    """Places near the wanted ones, none nearer than `distance` to another; in the order of `wanted`."""
    found = dict.fromkeys(range(len(wanted)), 0.0)
    last = None
    for i in sorted(found, key=lambda i: -wanted[i]):  # from below: the lowest stays where it is
        found[i] = wanted[i] if last is None else min(wanted[i], last - distance)
        last = found[i]
    return list(found.values())


def _discs(places: Iterable[float]) -> list[tuple[float, int]]:
    """(x, row) of every number: in the first row where it does not touch the one before."""
    rows: list[float] = []
    found = []
    for x in places:
        row = next((i for i, last in enumerate(rows) if x - last >= _DISC * 2 + 1), len(rows))
        rows[row : row + 1] = [x]
        found.append((x, row))
    return found


def _blocks(across: _Scale, bottom: float) -> list[str]:
    """The axis that all panels share."""
    parts = []
    for tick in ticks(across.low, across.high, 8):
        if tick == round(tick) and across.low <= tick <= across.high:
            x = across(tick)
            parts.append(f'<line class="grid" x1="{x:.1f}" y1="{bottom}" x2="{x:.1f}" y2="{bottom + 5}"/>')
            parts.append(_text(x, bottom + 19, f"{tick:,.0f}", anchor="middle"))
    return [*parts, _text((_LEFT + _WIDTH - _RIGHT) / 2, bottom + 37, "block", anchor="middle")]


def _legend(marks: Sequence[Event], top: float) -> tuple[list[str], int]:
    """Every number's words, filling one column after the other; and where the picture ends."""
    told = [wrap(f"block {event.height}: {event.words}", _LETTERS) for event in marks]
    half = ceil(sum(map(len, told)) / _COLUMNS)
    parts, line, column, lowest = [], 0, 0, 0
    for n, words in enumerate(told):
        if column < _COLUMNS - 1 and line >= half:
            line, column = 0, column + 1
        x = _LEFT - 60 + column * (_WIDTH - _LEFT) / _COLUMNS
        parts.append(_disc(x, top + line * _LINE - 4, n))
        for more in words:
            parts.append(_text(x + 16, top + line * _LINE, more))
            line += 1
        lowest = max(lowest, line)
    return parts, round(top + lowest * _LINE + 8)


def _disc(x: float, y: float, n: int) -> str:
    return f'<circle class="disc" cx="{x:.1f}" cy="{y:.1f}" r="{_DISC}"/>' + _text(
        x, y + 3.5, str(n + 1), "number", "middle"
    )


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    about = f' class="{kind}"' if kind else ""
    return f'<text{about} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
