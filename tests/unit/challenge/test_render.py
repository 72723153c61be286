"""docs/machine.md is what the tables say today, and the tables say all of it."""

import subprocess
import sys
from pathlib import Path

from challenge import render
from challenge.facts import KINDS
from challenge.game import GRAPH_TABLE, SLOT_TABLE
from challenge.render import Named, page
from challenge.states import Stage
from tests.unit.challenge.ceremony import KIT

ROOT = Path(__file__).parents[3]


def test_the_committed_page_is_the_rendered_one():
    committed = (ROOT / "docs" / "machine.md").read_text()
    assert committed == page(), "run: python -m challenge.render > docs/machine.md"


def test_the_module_prints_the_page():
    printed = subprocess.run([sys.executable, "-m", "challenge.render"], cwd=ROOT, capture_output=True, check=True)
    assert printed.stdout.decode() == page()


def test_every_row_of_every_table_is_on_the_page():
    text = page()
    for kind, row in KINDS.items():
        assert f"`{'/'.join((kind, *row.indices))}`" in text
        assert row.means in text
    for table in (GRAPH_TABLE, SLOT_TABLE):
        for (before, kind), after in table.items():
            lines = [line for line in text.splitlines() if line.startswith(f"    {before.value} --> {after.value}: ")]
            assert len(lines) == 1
            assert kind in lines[0].split(": ")[1].split(", ")
    for each in Stage:
        assert each.value in text


def test_every_transaction_has_its_place_on_the_agenda():
    agenda = page().split("## The agenda")[1]
    for kind in {name.split("/")[1] if name[0].isdigit() else name.split("/")[0] for name in KIT.graph.templates}:
        assert f"\n| `{kind}` |" in agenda


def test_a_named_number_is_the_number():
    depth = Named(6, "depth")
    total = Named(100, "prefund") + depth + 1
    assert total == 107
    assert total.name == "prefund + depth + 1"
    assert sorted([total, 5]) == [5, 107]


def test_a_change_of_a_rule_changes_the_page(monkeypatch):
    before = page()
    (first, *rest) = GRAPH_TABLE
    monkeypatch.setattr(render, "GRAPH_TABLE", {key: GRAPH_TABLE[key] for key in rest})
    assert page() != before
    assert first not in rest
