"""A vault of many claims on one page: the ways out of every slot, and each kind of game drawn once.

Promises that every ending of every slot is on the page (slots that are alike stand together, with their numbers), and every
transaction of a game stands in the drawing of its kind; amounts, blocks and publishers are those of `vault.endings` and of
the templates. Needs no program to draw. Does not know the state of the chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from msgspec import structs

from vault import picture
from vault.agreement import GraphTerms, Proposal
from vault.endings import Ending, endings, kind_of, of_coin, place_of
from vault.endings_words import letter, said
from vault.graph import VaultGraph

_WIDTH = 1300
_MARGIN = 24
_LINE = 17
_LANE_X = _MARGIN + 14
_COLUMNS = {"way": 64, "by": 560, "from": 700, "until": 850, "pays": 1020}
"""Left edge of every column of a slot's table."""
_COLOURS = {"borrower": "#2b6cb0", "lender": "#c05621", "liquidator": "#2f855a", "challenger": "#6b46c1"}
_ANYONE = "#52606d"
_STYLE = (
    "text{font-family:sans-serif;font-size:11px;fill:#3e4c59}.title{font-weight:bold;font-size:17px;fill:#1f2933}"
    ".head{font-weight:bold;font-size:13px;fill:#1f2933}.way{font-weight:bold;fill:#1f2933}.column{fill:#7b8794}"
    ".panel{fill:#f5f7fa;stroke:#cbd2d9}.rule{stroke:#e4e7eb}.lane{stroke:#9aa5b1;stroke-width:2}"
    ".made{fill:#52606d}.spent{fill:white;stroke:#52606d}.wait{fill:#f7c948;stroke:#b44d12}"
    ".badge{font-size:10px;font-weight:bold;fill:white;text-anchor:middle}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """Slots that are alike but for a few sats: their numbers, and for every way out its row of each slot."""

    slots: tuple[int, ...]
    lines: tuple[tuple[Ending, ...], ...]


FEW = 2
"""Graphs of a vault whose every transaction fits a page."""


def page(graph: VaultGraph) -> str:
    """Every transaction of a vault of few graphs, else the overview."""
    return picture.svg(graph) if len(graph.terms.proposal.graphs) <= FEW else svg(graph)


def svg(graph: VaultGraph) -> str:
    """The overview."""
    proposal = graph.terms.proposal
    games = _games(graph)
    parts, y = _title(graph), 104
    for panel in _panels(endings(graph), proposal):
        drawn, y = _panel(panel, proposal, games, y)
        parts += drawn
    width = _WIDTH
    for number, members in enumerate(games.values()):
        drawn, across, y = _game(graph, members, _name(number), y)
        parts += drawn
        width = max(width, across)
    height = y + _MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
            f"<title>Vault {graph.terms.vault_id.hex()}</title>",
            f"<style>{_STYLE}</style>",
            f'<rect width="{width}" height="{height}" fill="white"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


# ---- the head --------------------------------------------------------------------------------------------------------
def _title(graph: VaultGraph) -> list[str]:
    proposal = graph.terms.proposal
    slots = "1 slot of" if len(proposal.slots) == 1 else f"{len(proposal.slots)} slots of together"
    total = f"{slots} {sum(proposal.slots):,} sat, {len(proposal.graphs)} claims"
    parts = [
        _text(_MARGIN, 38, f"Vault {graph.terms.vault_id.hex()[:16]} on {proposal.network}: {total}", "title"),
        _text(_MARGIN, 88, "A white mark: at once. A yellow one: only after so many blocks. Anchors are left out.", "column"),
    ]  # fmt: skip
    x = _MARGIN
    for i, party in enumerate(proposal.parties):
        name = letter(proposal, i)
        parts += [_badge(x + 13, 62, name, _COLOURS[party.role]), _text(x + 30, 66, party.role)]
        x += 46 + 7 * len(party.role)
    return parts


# ---- slots -----------------------------------------------------------------------------------------------------------
def _panels(rows: tuple[Ending, ...], proposal: Proposal) -> list[_Panel]:
    alike: dict[tuple[object, ...], list[int]] = {}
    for s, sats in enumerate(proposal.slots):
        ways = [
            said(row, proposal) | {"pays": str([paid.to for paid in row.pays])} for row in of_coin(rows, f"slot/{s}")
        ]
        alike.setdefault((sats, *(tuple(way.values()) for way in ways)), []).append(s)
    return [
        _Panel(slots=tuple(slots), lines=tuple(zip(*(of_coin(rows, f"slot/{s}") for s in slots), strict=True)))
        for slots in alike.values()
    ]


def _panel(panel: _Panel, proposal: Proposal, games: Mapping[GraphTerms, list[int]], y: int) -> tuple[list[str], int]:
    sats = proposal.slots[panel.slots[0]]
    several = "s" if len(panel.slots) > 1 else ""
    numbers = ", ".join(map(str, panel.slots))
    each = " each" if several else ""
    height = 58 + _LINE * 2 * len(panel.lines)
    parts = [
        f'<rect class="panel" x="{_MARGIN}" y="{y}" width="{_WIDTH - 2 * _MARGIN}" height="{height}" rx="8"/>',
        _text(
            _MARGIN + 14, y + 24, f"Slot{several} {numbers}: {sats:,} sat{each}, {len(panel.lines)} ways out", "head"
        ),
    ]
    parts += [_text(x, y + 44, title, "column") for title, x in _COLUMNS.items()]
    top = y + 50
    bottom = top + _LINE * 2 * len(panel.lines) - _LINE
    parts.append(f'<line class="lane" x1="{_LANE_X}" y1="{top}" x2="{_LANE_X}" y2="{bottom}"/>')
    parts.append(f'<circle class="made" cx="{_LANE_X}" cy="{top}" r="5"/>')
    for n, alike in enumerate(panel.lines):
        parts += _line(alike, proposal, games, top + _LINE * (2 * n + 1))
    return parts, y + height + 18


def _line(
    alike: tuple[Ending, ...], proposal: Proposal, games: Mapping[GraphTerms, list[int]], y: int
) -> Iterator[str]:
    row, words = alike[0], said(alike[0], proposal)
    graphs = [place_of(proposal, each.transaction).g for each in alike]
    kind = "wait" if any(wait.blocks for wait in row.earliest) else "spent"
    yield f'<rect class="{kind}" x="{_LANE_X - 5}" y="{y - 5}" width="10" height="10"/>'
    yield _text(_COLUMNS["way"], y + 4, row.title, "way")
    second = f"needs {'; '.join(need for need in row.needs if 'presignatures' not in need) or 'nothing more'}"
    if graphs[0] >= 0:
        number = list(games).index(_alike(proposal, graphs[0]))
        second = f"game {_name(number)}, {'graphs' if len(graphs) > 1 else 'graph'} {', '.join(map(str, graphs))}"
    yield _text(_COLUMNS["way"], y + 17, second, "column")
    yield from _publishers(row, proposal, y)
    yield _text(_COLUMNS["from"], y + 4, words["from"])
    yield _text(_COLUMNS["until"], y + 4, words["until"])
    x = _COLUMNS["pays"]
    for party, (least, most) in _totals(alike).items():
        name = "-" if party is None else letter(proposal, party)
        colour = _ANYONE if party is None else _COLOURS[proposal.parties[party].role]
        paid = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        yield _badge(x + 12, y, name, colour)
        yield _text(x + 28, y + 4, paid)
        x += 44 + 7 * len(paid)


def _totals(alike: tuple[Ending, ...]) -> dict[int | None, tuple[int, int]]:
    """What each gets, least and most over slots that are alike; its own bond that comes back is left out."""
    found: dict[int | None, list[int]] = {}
    for row in alike:
        sums: dict[int | None, int] = {}
        for paid in row.pays:
            if not paid.output.endswith("/bond"):
                sums[paid.to] = sums.get(paid.to, 0) + paid.sats
        for party, sats in sums.items():
            found.setdefault(party, []).append(sats)
    return {party: (min(sums), max(sums)) for party, sums in found.items()}


def _publishers(row: Ending, proposal: Proposal, y: int) -> Iterator[str]:
    if len(row.by) == len(proposal.parties):
        yield _text(_COLUMNS["by"], y + 4, "anyone")
        return
    for n, party in enumerate(row.by):
        colour = _COLOURS[proposal.parties[party].role]
        yield _badge(_COLUMNS["by"] + 12 + 30 * n, y, letter(proposal, party), colour)


# ---- games -----------------------------------------------------------------------------------------------------------
def _games(graph: VaultGraph) -> dict[GraphTerms, list[int]]:
    """Graphs whose game is the same but for who plays it and which slot it is about."""
    found: dict[GraphTerms, list[int]] = {}
    for g in range(len(graph.terms.proposal.graphs)):
        found.setdefault(_alike(graph.terms.proposal, g), []).append(g)
    return found


def _alike(proposal: Proposal, g: int) -> GraphTerms:
    terms = proposal.graphs[g]
    return structs.replace(terms, claimant=0, outcome="withdraw", slot=0, statement=bytes(32), circuit=bytes(32))


def _game(graph: VaultGraph, members: list[int], name: str, y: int) -> tuple[list[str], int, int]:
    """One game as lanes, for the first of its graphs and the first of its challengers; parts, width, next y."""
    proposal, g = graph.terms.proposal, members[0]
    terms, challengers = proposal.graphs[g], proposal.challengers(g)
    first = challengers[0]
    shown = [
        t
        for t in picture.chosen(graph, g)
        if t.name.startswith(f"{g}/") and place_of(proposal, t.name).k in (-1, first)
    ]
    stake = f", stake {terms.stake:,} sat" if terms.stake else ""
    numbers = ", ".join(map(str, members))
    head = f"Game {name}: graphs {numbers}; engine {terms.engine}, bond {terms.bond:,} sat{stake}, {len(challengers)} challengers"
    note = "c: the claimant. W_k: one challenger; each of the others has the same transactions of its own."
    labels = picture.Labels(
        name=lambda text: _general(text, g, terms.slot),
        by=lambda transaction: _by(graph, transaction),
    )
    drawn, width, height = picture.lanes(graph, shown, labels)
    parts = [
        _text(_MARGIN, y + 18, head, "head"),
        _text(_MARGIN, y + 36, note, "column"),
        f"<style>{picture.STYLE}</style>",
        f'<g transform="translate(0 {y + 40})">',
        *drawn,
        "</g>",
    ]
    return parts, width, y + 40 + height + 18


def _general(text: str, g: int, slot: int) -> str:
    """0/reveal/1 -> reveal/k, vault/0 -> vault/S."""
    if text.startswith(f"{g}/"):
        return "/".join("k" if word.isdigit() else word for word in text.split("/")[1:])
    return text.replace(f"vault/{slot}", "vault/S")


def _by(graph: VaultGraph, transaction: str) -> str:
    proposal, place = graph.terms.proposal, place_of(graph.terms.proposal, transaction)
    able = graph.spenders[transaction]
    if len(able) == len(proposal.parties):
        return "anyone"
    if able == (proposal.graphs[place.g].claimant,):
        return "c"
    return "W_k" if kind_of(transaction) != "contest" else "any challenger"


def _name(number: int) -> str:
    return chr(ord("A") + number % 26) + (str(number // 26) if number >= 26 else "")


def _badge(x: int, y: int, text: str, colour: str) -> str:
    width = 12 + 7 * len(text)
    return (
        f'<rect x="{x - width // 2}" y="{y - 8}" width="{width}" height="16" rx="8" fill="{colour}"/>'
        f'<text class="badge" x="{x}" y="{y + 4}">{escape(text)}</text>'
    )


def _text(x: int, y: int, words: str, kind: str = "") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{x}" y="{y}">{escape(words)}</text>'
