"""Every promise and every attack in docs/threats.md names tests that exist."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "threats.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
NATIVE = sorted(set(re.findall(r"`(native/crates/[\w/]+\.rs)::(\w+)`", PAGE)))
ATTACKS = range(1, 18)


@lru_cache
def functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text())
    return frozenset(n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_named_test_exists(path: str, name: str) -> None:
    assert name.startswith("test_")
    assert name in functions(ROOT / path)


@pytest.mark.parametrize(("path", "name"), NATIVE, ids=[name for _, name in NATIVE])
def test_a_named_native_test_exists(path: str, name: str) -> None:
    assert re.search(rf"#\[test\]\s+fn {name}\(\)", (ROOT / path).read_text())


def rows(first: str) -> list[list[str]]:
    """The cells of every table row whose first cell matches."""
    lines = [line.strip().strip("|").split(" | ") for line in PAGE.splitlines() if line.startswith("|")]
    return [cells for cells in lines if re.fullmatch(first, cells[0].strip())]


def test_each_of_the_ten_promises_names_a_test() -> None:
    found = rows(r"P\d+")
    assert [cells[0].strip() for cells in found] == [f"P{n}" for n in range(1, 11)]
    assert all("::test_" in cells[2] for cells in found)


def test_each_attack_names_a_test() -> None:
    found = rows(r"\d+")
    assert [int(cells[0]) for cells in found] == list(ATTACKS)
    assert all(re.search(r"`(tests|native)/[^`]+::\w+`", cells[2]) for cells in found)


def test_a_test_that_does_not_exist_would_be_noticed() -> None:
    path, name = NAMED[0]
    assert f"{name}_not" not in functions(ROOT / path)
