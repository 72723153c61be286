"""The pictures show every transaction, every spend, every delay; they are well-formed and follow the graph."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from bitcoin_scripts.transaction import display_txid
from tests.vault_kit import kit
from vault import picture

KIT = kit()
GRAPH = KIT.graph


def test_the_text_names_transactions_amounts_timelocks_and_publishers() -> None:
    text = picture.text(GRAPH)
    for name, template in GRAPH.templates.items():
        assert f"{name}  [" in text
        assert display_txid(template.txid) in text
        for output in template.outputs:
            assert f"-> {output.role:<28} {output.value:>14,}" in text
        for spent in template.inputs:
            assert not spent.delay or f"after {spent.delay} blocks" in text
    assert "0/contest  [L or W2]" in text
    assert "0/uncontested_payout  [anyone]" in text


def test_edges_are_the_spends_of_the_graph() -> None:
    edges = picture.edges(GRAPH.templates.values())
    inner = [i for t in GRAPH.templates.values() for i in t.inputs if not re.search(r"coin|bond", i.spends.role)]
    assert len(edges) == len(inner)
    assert ("0/claim", "0/contest", "contest/any") in {(e.parent, e.child, e.path) for e in edges}
    waiting = {(e.child, e.delay) for e in edges if e.delay}
    assert ("0/contested_payout", KIT.proposal.timelocks.verdict) in waiting


def test_the_dot_file_has_a_node_a_transaction_and_an_arrow_a_spend() -> None:
    dot = picture.dot(GRAPH)
    assert dot.startswith("digraph vault {")
    assert dot.rstrip().endswith("}")
    assert len(re.findall(r'^  "[^"]+" \[label', dot, re.M)) == len(GRAPH.templates)
    assert dot.count(" -> ") == len(picture.edges(GRAPH.templates.values()))


def test_the_svg_is_well_formed_and_nothing_overlaps_or_lies_outside() -> None:
    for only in (None, 0, 1):
        root = ElementTree.fromstring(picture.svg(GRAPH, only=only))
        space = "{http://www.w3.org/2000/svg}"
        boxes = [r for r in root.iter(f"{space}rect") if r.get("class") == "box"]
        assert len(boxes) == len(picture.chosen(GRAPH, only))
        corners = [(int(b.get("x")), int(b.get("y"))) for b in boxes]
        assert len(set(corners)) == len(corners)
        for x, y in corners:
            assert 0 <= x <= int(root.get("width")) - 190
            assert 0 <= y <= int(root.get("height")) - 62
        for i, (x, y) in enumerate(corners):
            assert all(abs(x - u) >= 190 or abs(y - v) >= 62 for u, v in corners[:i])
        names = {t.text for t in root.iter(f"{space}text") if t.get("class") == "name"}
        assert names == {t.name for t in picture.chosen(GRAPH, only)}


def test_one_graph_can_be_shown_alone() -> None:
    names = {t.name for t in picture.chosen(GRAPH, 1)}
    assert "1/claim" in names
    assert "prefund" in names
    assert not any(name.startswith("0/") for name in names)
