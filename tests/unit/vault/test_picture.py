"""The pictures show every transaction, every spend, every delay; they are well-formed and follow the graph."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from bitcoin_scripts.transaction import display_txid
from tests.vault_kit import BABE, SLOT, Kit, fast_kit, graph_terms, kit, lending_kit, make_proposal, two_graphs
from vault import overview, picture
from vault.endings import endings, kind_of, of_coin

KIT, BABE_KIT = kit(), kit(engine="babe")
KITS = {"core": KIT, "babe": BABE_KIT}
GRAPH = KIT.graph


@pytest.mark.parametrize("engine", KITS)
def test_the_text_names_transactions_amounts_timelocks_and_publishers(engine: str) -> None:
    graph = KITS[engine].graph
    text = picture.text(graph)
    for name, template in graph.templates.items():
        assert f"{name}  [" in text
        assert display_txid(template.txid) in text
        for output in template.outputs:
            assert f"-> {output.role:<28} {output.value:>14,}" in text
        for spent in template.inputs:
            assert f"<- {spent.spends.role:<28} {spent.spends.value:>14,}" in text
            assert not spent.delay or f"after {spent.delay} blocks" in text
    assert "0/contest  [L or W2]" in text
    assert "0/uncontested_payout  [anyone]" in text
    assert engine == "core" or "0/refute/2  [B]" in text


@pytest.mark.parametrize("engine", KITS)
def test_edges_are_the_spends_of_the_graph(engine: str) -> None:
    vault = KITS[engine]
    edges = picture.edges(vault.graph.templates.values())
    outside = re.compile(r"coin|/bond|/stake/")
    inner = [i for t in vault.graph.templates.values() for i in t.inputs if not outside.search(i.spends.role)]
    assert len(edges) == len(inner)
    assert ("0/claim", "0/contest", "contest/any") in {(e.parent, e.child, e.path) for e in edges}
    waiting = {(e.child, e.delay) for e in edges if e.delay}
    times = vault.proposal.timelocks
    assert ("0/contested_payout", times.verdict) in waiting
    if engine == "babe":
        assert {("0/no_payout/1", times.refute), ("0/stake_back/1", times.refute + times.margin)} <= waiting


@pytest.mark.parametrize("engine", KITS)
def test_the_dot_file_has_a_node_a_transaction_and_an_arrow_a_spend(engine: str) -> None:
    graph = KITS[engine].graph
    dot = picture.dot(graph)
    assert dot.startswith("digraph vault {")
    assert dot.rstrip().endswith("}")
    assert len(re.findall(r'^  "[^"]+" \[label', dot, re.M)) == len(graph.templates)
    assert dot.count(" -> ") == len(picture.edges(graph.templates.values()))


SPACE = "{http://www.w3.org/2000/svg}"
DRAWN = [(engine, only) for engine in KITS for only in (None, 0, 1)]


@pytest.mark.parametrize(("engine", "only"), DRAWN)
def test_the_svg_is_well_formed_and_shows_every_transaction_spend_and_payment(engine: str, only: int | None) -> None:
    graph = KITS[engine].graph
    root = ElementTree.fromstring(picture.svg(graph, only=only))
    shown = picture.chosen(graph, only)
    boxes = [r for r in root.iter(f"{SPACE}rect") if r.get("class") == "box"]
    marks = [r.get("class") for r in root.iter(f"{SPACE}rect") if r.get("class") in ("spent", "wait")]
    edges = picture.edges(shown)
    assert len(boxes) == len(shown)
    assert sorted(marks) == sorted("wait" if edge.delay else "spent" for edge in edges)
    words = {t.text for t in root.iter(f"{SPACE}text")}
    names = {t.text for t in root.iter(f"{SPACE}text") if t.get("class") == "name"}
    assert names == {t.name for t in shown}
    for template in shown:
        for output in template.outputs:
            label = {f"{output.role}  {output.value:,}", output.role}
            assert output.role == "anchor" or label & words
        brought = [i.spends for i in template.inputs if re.search(r"coin|/bond|/stake/", i.spends.role)]
        if len(brought) == 1:  # several coins stand as their number and sum
            coin = f"with {brought[0].role} {brought[0].value:,}"
            assert any(word.endswith(coin) for word in words), template.name
        elif brought:
            assert any(word.endswith(f"{len(brought)} coins {sum(c.value for c in brought):,}") for word in words)


@pytest.mark.parametrize(("engine", "only"), DRAWN)
def test_in_the_svg_nothing_overlaps_or_lies_outside(engine: str, only: int | None) -> None:
    root = ElementTree.fromstring(picture.svg(KITS[engine].graph, only=only))
    width, height = int(root.get("width")), int(root.get("height"))
    tops = sorted(int(r.get("y")) for r in root.iter(f"{SPACE}rect") if r.get("class") == "box")
    assert all(below - above >= 56 for above, below in pairwise(tops))
    assert tops[0] >= 0
    assert tops[-1] + 56 <= height
    lanes = [l for l in root.iter(f"{SPACE}line") if l.get("class") == "lane"]
    spans = [(int(l.get("x1")), int(l.get("y1")), int(l.get("y2"))) for l in lanes]
    assert all(0 < x < width and 0 <= low < high <= height for x, low, high in spans)
    for i, (x, low, high) in enumerate(spans):
        assert all(x != u or high < below or above < low for u, below, above in spans[:i])


# ---- a vault of many claims ------------------------------------------------------------------------------------------
LOANS = {"a loan": lending_kit(slots=4), "path B": fast_kit()}


def _words(root: ElementTree.Element) -> list[str]:
    return [t.text or "" for t in root.iter(f"{SPACE}text")]


@pytest.mark.parametrize("name", LOANS)
def test_the_overview_has_every_way_out_of_every_slot_and_every_game(name: str) -> None:
    vault = LOANS[name]
    root = ElementTree.fromstring(overview.page(vault.graph))
    words, rows = _words(root), endings(vault.graph)
    heads = [word for word in words if re.match(r"Slots? \d", word)]
    slots = [int(s) for head in heads for s in re.findall(r"\d+", head.partition(":")[0])]
    assert sorted(slots) == list(range(len(vault.proposal.slots)))
    assert len(heads) == 1  # all are worth the same
    ways = of_coin(rows, "slot/0")
    assert [w for w in words if w in {row.title for row in rows}] == [row.title for row in ways]
    shown = {int(g) for word in words if word.startswith("Game ") for g in re.findall(r"\d+", word.partition(";")[0])}
    assert shown == set(range(len(vault.proposal.graphs)))
    one = {kind_of(t) for t in vault.graph.templates if t[0] == "0"}
    assert {word.partition("/")[0] for word in words} >= one
    assert any(word == "10,000,000" for word in words)


@pytest.mark.parametrize("name", LOANS)
def test_in_the_overview_no_text_runs_into_another_or_out_of_the_page(name: str) -> None:
    root = ElementTree.fromstring(overview.page(LOANS[name].graph))
    width, height = int(root.get("width")), int(root.get("height"))
    panels = [t for t in root.iter(f"{SPACE}text") if t.get("class") != "badge"]
    spans: dict[int, list[tuple[float, float]]] = {}
    for t in [t for t in panels if t in list(root)]:
        x, size = float(t.get("x")), {"title": 10.2, "head": 7.8, "way": 6.6}.get(t.get("class") or "", 6.0)
        spans.setdefault(int(t.get("y")), []).append((x, x + size * len(t.text or "")))
    for y, line in spans.items():
        assert 0 < y < height
        assert all(a[1] <= b[0] for a, b in pairwise(sorted(line))), (y, line)
        assert max(end for _, end in line) < width


def test_a_vault_of_few_graphs_is_drawn_whole_and_slots_that_differ_stand_apart() -> None:
    assert overview.page(GRAPH) == picture.svg(GRAPH)
    uneven = make_proposal(graphs=(*two_graphs(**BABE), graph_terms(**BABE, slot=1)), slots=(SLOT, SLOT))
    words = _words(ElementTree.fromstring(overview.page(Kit(proposal=uneven, name="uneven").graph)))
    assert [w.partition(":")[0] for w in words if w.startswith("Slot")] == ["Slot 0", "Slot 1"]
    assert len([w for w in words if w.startswith("Game ")]) == 2  # with a rest, and without


def test_one_graph_can_be_shown_alone() -> None:
    names = {t.name for t in picture.chosen(GRAPH, 1)}
    assert "1/claim" in names
    assert "prefund" in names
    assert not any(name.startswith("0/") for name in names)
