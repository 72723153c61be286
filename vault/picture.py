"""The transactions of a vault as text, as a Graphviz graph and as a self-made SVG.

Promises that names, amounts, timelocks and publishers are read off the templates: the picture cannot differ from what
was signed. Needs no program to draw. Does not know the state of the chain.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from bitcoin_scripts.transaction import Template, display_txid
from vault.agreement import Proposal
from vault.graph import VaultGraph

_LETTER = {"borrower": "B", "lender": "L"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """`child` spends output `role` of `parent`, by `path`, `delay` blocks after it was mined."""

    parent: str
    child: str
    role: str
    value: int
    path: str
    delay: int


def letter(proposal: Proposal, party: int) -> str:
    """B, L, or W with the index of the party."""
    return _LETTER.get(proposal.parties[party].role, f"W{party}")


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
_BOX = (190, 62)
_GAP = (190, 26)
_MARGIN = 24
_STYLE = (
    "text{font-family:sans-serif;font-size:11px;fill:#1f2933}.name{font-weight:bold;font-size:12px}"
    ".box{fill:#f5f7fa;stroke:#52606d}.wait{stroke:#b44d12}.edge{fill:none;stroke:#7b8794}"
    ".label{font-size:9px;fill:#52606d}"
)


def svg(graph: VaultGraph, *, only: int | None = None) -> str:
    """The same as an SVG of its own: columns by distance from PreFund and Claim, delayed spends in another colour."""
    templates = chosen(graph, only)
    links = edges(templates)
    places = _places(templates, links)
    width = _MARGIN * 2 + max(x for x, _ in places.values()) + _BOX[0]
    height = _MARGIN * 2 + max(y for _, y in places.values()) + _BOX[1]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f"<title>Vault {graph.terms.vault_id.hex()}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    shown: dict[tuple[str, str], int] = {}
    for edge in links:
        nth = shown[edge.parent, edge.child] = shown.get((edge.parent, edge.child), -1) + 1
        parts += _draw_edge(edge, places, nth)
    for template in templates:
        x, y = (offset + _MARGIN for offset in places[template.name])
        lines = (template.name, f"{template.vsize} vB, fee {template.fee} sat", who(graph, template.name))
        parts.append(f'<rect class="box" x="{x}" y="{y}" width="{_BOX[0]}" height="{_BOX[1]}" rx="6"/>')
        for row, line in enumerate(lines):
            kind = ' class="name"' if row == 0 else ""
            parts.append(f'<text{kind} x="{x + 10}" y="{y + 18 + 17 * row}">{escape(line)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _places(templates: list[Template], links: tuple[Edge, ...]) -> dict[str, tuple[int, int]]:
    columns: dict[str, int] = {}
    for template in templates:  # parents come first, so one pass finds the longest way from a root
        parents = [columns[edge.parent] for edge in links if edge.child == template.name]
        columns[template.name] = max(parents, default=-1) + 1
    rows: dict[int, int] = {}
    places = {}
    for name, column in columns.items():
        row = rows[column] = rows.get(column, -1) + 1
        places[name] = (column * (_BOX[0] + _GAP[0]), row * (_BOX[1] + _GAP[1]))
    return places


def _draw_edge(edge: Edge, places: dict[str, tuple[int, int]], nth: int) -> list[str]:
    (x1, y1), (x2, y2) = places[edge.parent], places[edge.child]
    x1, y1 = x1 + _MARGIN + _BOX[0], y1 + _MARGIN + _BOX[1] // 2 + 10 * nth
    x2, y2 = x2 + _MARGIN, y2 + _MARGIN + _BOX[1] // 2 + 10 * nth
    bend = (x2 - x1) // 2
    kind = "edge wait" if edge.delay else "edge"
    curve = f"M{x1},{y1} C{x1 + bend},{y1} {x2 - bend},{y2} {x2},{y2}"
    # Labels stand at the child's end, where lines of one parent have parted.
    label = f'<text class="label" x="{x2 - 6}" y="{y2 - 3}" text-anchor="end">{escape(_label(edge))}</text>'
    return [f'<path class="{kind}" d="{curve}"/>', label]
