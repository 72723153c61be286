"""The transactions of a vault as text, as a Graphviz graph and as a self-made SVG.

Promises that names, amounts, timelocks and publishers are read off the templates: the picture cannot differ from what
was signed. Needs no program to draw. Does not know the state of the chain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape

from bitcoin_scripts.outputs import AnyOutput
from bitcoin_scripts.transaction import Template, display_txid
from vault.endings_words import letter
from vault.graph import VaultGraph


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """`child` spends output `role` of `parent`, by `path`, `delay` blocks after it was mined."""

    parent: str
    child: str
    role: str
    value: int
    path: str
    delay: int


def edges(templates: Iterable[Template]) -> tuple[Edge, ...]:
    """Every spend of one template's output by another; coins from outside have no edge."""
    chosen = list(templates)
    names = {template.txid: template.name for template in chosen}
    return tuple(
        Edge(
            parent=names[spent.txid],
            child=template.name,
            role=spent.spends.role,
            value=spent.spends.value,
            path=_path(spent.paths),
            delay=spent.delay,
        )
        for template in chosen
        for spent in template.inputs
        if spent.txid in names
    )


def _path(paths: tuple[str, ...]) -> str:
    return paths[0] if len(paths) == 1 else paths[0].partition("/")[0] + "/any"


def chosen(graph: VaultGraph, only: int | None = None) -> list[Template]:
    """All templates, or the vault's own and those of graph `only`."""
    wanted = {"", str(only)}
    heads = {name: name.partition("/")[0] if name[0].isdigit() else "" for name in graph.templates}
    return [t for name, t in graph.templates.items() if only is None or heads[name] in wanted]


def who(graph: VaultGraph, name: str) -> str:
    """The parties that can publish a transaction, or "anyone" of them."""
    parties, proposal = graph.spenders[name], graph.terms.proposal
    if len(parties) == len(proposal.parties):
        return "anyone"
    return " or ".join(letter(proposal, party) for party in parties)


def text(graph: VaultGraph, *, only: int | None = None) -> str:
    """One paragraph a transaction: what it spends and when, what it creates, who can publish it."""
    lines = []
    for template in chosen(graph, only):
        size = f"{template.vsize} vB, fee {template.fee} sat"
        lines.append(f"{template.name}  [{who(graph, template.name)}]  {size}  {display_txid(template.txid)}")
        for spent in template.inputs:
            delay = f", after {spent.delay} blocks" if spent.delay else ""
            lines.append(f"    <- {spent.spends.role:<28} {spent.spends.value:>14,}  {_path(spent.paths)}{delay}")
        lines += [f"    -> {output.role:<28} {output.value:>14,}" for output in template.outputs]
        lines.append("")
    return "\n".join(lines)


def dot(graph: VaultGraph, *, only: int | None = None) -> str:
    """The same as a Graphviz digraph: a box a transaction, an arrow a spent output."""
    templates = chosen(graph, only)
    lines = ["digraph vault {", "  rankdir=LR;", '  node [shape=box, fontname="sans-serif"];']
    for template in templates:
        label = f"{template.name}\\n{template.vsize} vB, {template.fee} sat\\n{who(graph, template.name)}"
        lines.append(f'  "{template.name}" [label="{label}"];')
    for edge in edges(templates):
        lines.append(f'  "{edge.parent}" -> "{edge.child}" [label="{_label(edge)}"];')
    return "\n".join([*lines, "}", ""])


def _label(edge: Edge) -> str:
    delay = f" +{edge.delay}" if edge.delay else ""
    return f"{edge.role} {edge.value:,}{delay}"


# ---- SVG -------------------------------------------------------------------------------------------------------------
# A row a transaction, parents above, with the coins it brings in; a vertical lane an output that another transaction
# spends: a dot where it is created, a mark with path and delay wherever it may be spent. What leaves the vault stands at
# the right.
_BOX = 210
_LANE = 132
_LINE = 14
_MARGIN = 24
STYLE = (
    "text{font-family:sans-serif;font-size:10px;fill:#3e4c59}.name{font-weight:bold;font-size:12px;fill:#1f2933}"
    ".box{fill:#f5f7fa;stroke:#52606d}.lane{stroke:#9aa5b1;stroke-width:2}.row{stroke:#e4e7eb}"
    ".made{fill:#52606d}.spent{fill:white;stroke:#52606d}.wait{fill:#f7c948;stroke:#b44d12}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    top: int
    height: int

    @property
    def middle(self) -> int:
        return self.top + self.height // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """How transactions and outputs are called, and who is said to publish one."""

    name: Callable[[str], str]
    by: Callable[[str], str]


def svg(graph: VaultGraph, *, only: int | None = None) -> str:
    """The same as an SVG of its own; a delayed spend is marked in another colour."""
    drawn, width, height = lanes(graph, chosen(graph, only), Labels(name=str, by=lambda name: who(graph, name)))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f"<title>Vault {graph.terms.vault_id.hex()}</title>",
        f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    return "\n".join([*parts, *drawn, "</svg>", ""])


def lanes(graph: VaultGraph, templates: list[Template], labels: Labels) -> tuple[list[str], int, int]:
    """These transactions as rows with their coins as lanes: elements of an SVG, width and height."""
    links = edges(templates)
    rows = _rows(templates, links)
    places = _lanes(templates, links)
    right = _MARGIN + _BOX + _LANE * (1 + max(places.values())) + _LANE // 2
    width, height = right + 260, max(row.top + row.height for row in rows.values()) + _MARGIN
    parts = []
    for row in rows.values():
        y = row.top + row.height + 4
        parts.append(f'<line class="row" x1="{_MARGIN}" y1="{y}" x2="{width - _MARGIN}" y2="{y}"/>')
    parts += _draw_lanes(links, rows, places, labels)
    for template in templates:
        publisher = f"by {labels.by(template.name)}{_brought(template, templates, labels)}"
        parts += _draw_box(template, labels.name(template.name), publisher, rows[template.name])
        parts += _draw_paid(template, links, rows[template.name], right, labels)
    return parts, width, height


def _rows(templates: list[Template], links: tuple[Edge, ...]) -> dict[str, _Row]:
    rows, top = {}, _MARGIN
    for template in templates:
        paid = len(_unspent(template, links))
        rows[template.name] = _Row(top=top, height=max(56, _LINE * paid + 8))
        top += rows[template.name].height + 8
    return rows


def _lanes(templates: list[Template], links: tuple[Edge, ...]) -> dict[str, int]:
    """Output role -> lane; a lane is taken again below the last spend of its output."""
    order = {template.name: row for row, template in enumerate(templates)}
    lanes: dict[str, int] = {}
    ends: list[int] = []
    for edge in sorted(links, key=lambda e: order[e.parent]):
        if edge.role in lanes:
            continue
        begin = order[edge.parent]
        last = max(order[other.child] for other in links if other.role == edge.role)
        free = next((lane for lane, end in enumerate(ends) if end < begin), len(ends))
        ends[free : free + 1] = [last]
        lanes[edge.role] = free
    return lanes


def _draw_lanes(links: tuple[Edge, ...], rows: dict[str, _Row], lanes: dict[str, int], labels_of: Labels) -> list[str]:
    parts, labels = [], []
    for role, lane in lanes.items():
        x = _MARGIN + _BOX + _LANE // 2 + _LANE * lane
        spends = [edge for edge in links if edge.role == role]
        start, end = rows[spends[0].parent].middle, max(rows[edge.child].middle for edge in spends)
        parts.append(f'<line class="lane" x1="{x}" y1="{start}" x2="{x}" y2="{end}"/>')
        labels.append(f'<circle class="made" cx="{x}" cy="{start}" r="5"/>')
        labels.append(f'<text x="{x + 9}" y="{start - 1}">{escape(labels_of.name(role))}</text>')
        labels.append(f'<text x="{x + 9}" y="{start + 11}">{spends[0].value:,}</text>')
        for edge in spends:
            y, delay = rows[edge.child].middle, f" +{edge.delay}" if edge.delay else ""
            kind = "wait" if edge.delay else "spent"
            labels.append(f'<rect class="{kind}" x="{x - 5}" y="{y - 5}" width="10" height="10"/>')
            labels.append(f'<text x="{x + 9}" y="{y + 4}">{escape(edge.path + delay)}</text>')
    return parts + labels


def _brought(template: Template, templates: list[Template], labels: Labels) -> str:
    """The coins from outside the picture that a transaction spends: a bond, a stake, wallet coins."""
    inner = {other.txid for other in templates}
    coins = [spent.spends for spent in template.inputs if spent.txid not in inner]
    if not coins:
        return ""
    name = labels.name(coins[0].role) if len(coins) == 1 else f"{len(coins)} coins"
    return f", with {name} {sum(coin.value for coin in coins):,}"


def _draw_box(template: Template, name: str, publisher: str, row: _Row) -> list[str]:
    lines = (name, f"{template.vsize:,} vB, fee {template.fee:,} sat", publisher)
    y = row.middle - 28
    parts = [f'<rect class="box" x="{_MARGIN}" y="{y}" width="{_BOX}" height="56" rx="6"/>']
    for n, line in enumerate(lines):
        kind = ' class="name"' if n == 0 else ""
        parts.append(f'<text{kind} x="{_MARGIN + 10}" y="{y + 17 + 16 * n}">{escape(line)}</text>')
    return parts


def _draw_paid(template: Template, links: tuple[Edge, ...], row: _Row, x: int, labels: Labels) -> list[str]:
    paid = _paid(template, links, labels)
    first = row.middle - _LINE * (len(paid) - 1) // 2 + 4
    return [f'<text x="{x}" y="{first + _LINE * n}">{escape(line)}</text>' for n, line in enumerate(paid)]


def _paid(template: Template, links: tuple[Edge, ...], labels: Labels) -> list[str]:
    """Name and value of what leaves; what is called alike and worth as much stands once, with its number."""
    lines = Counter(f"{labels.name(output.role)}  {output.value:,}" for output in _unspent(template, links))
    return [line if count == 1 else f"{line} x {count}" for line, count in lines.items()]


def _unspent(template: Template, links: tuple[Edge, ...]) -> list[AnyOutput]:
    """Outputs that no transaction of the picture spends, but the anchor."""
    inner = {edge.role for edge in links}
    return [output for output in template.outputs if output.role not in inner and output.role != "anchor"]
