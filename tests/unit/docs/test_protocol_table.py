"""What docs/ repeats from the code is what the code says: every table between markers, and the picture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.docs import tables

PAGES = sorted(tables.DOCS.glob("*.md"))
AGAIN = "run: python -m tests.unit.docs.tables"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_table_of_a_page_is_what_the_code_says(page: Path) -> None:
    for name, body in tables.found(page.read_text()).items():
        assert body == tables.BLOCKS[name](), f"{page.name}, {name}: {AGAIN}"


def test_every_table_stands_on_some_page() -> None:
    standing = [name for page in PAGES for name in tables.found(page.read_text())]
    assert sorted(standing) == sorted(tables.BLOCKS)


def test_a_changed_figure_is_noticed_and_written_again() -> None:
    text = (tables.DOCS / "protocol.md").read_text()
    wrong = re.sub(r"(\| `g/claim` .* )167( \|)", r"\g<1>166\2", text)
    assert wrong != text
    assert tables.found(wrong)["transactions"] != tables.transactions()
    assert tables.filled(wrong) == text


@pytest.mark.parametrize("name", tables.drawings())
def test_each_picture_is_drawn_from_the_graph_and_stands_on_a_page(name: str) -> None:
    assert (tables.DOCS / name).read_text() == tables.drawings()[name], AGAIN
    assert any(f"]({name})" in page.read_text() for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_named_in_code_signs_exists(page: Path) -> None:
    root = tables.DOCS.parent
    for target in re.findall(
        r"`((?:node|challenge|vault|bitcoin_scripts|circuits|native|tests)/[\w/-]*(?:\.\w+|/))`", page.read_text()
    ):
        assert (root / target).exists(), f"{page.name}: {target}"
