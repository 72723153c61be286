"""The written form of cases: one a line, most of them as what they change in another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any

LONGEST = 2_000  # characters of changes; above, a witness is written whole
RECENT = 6  # whole witnesses that a case may be a change of


def compact(found: Iterable[tuple[str, dict[str, Any], dict[str, str]]]) -> list[dict[str, Any]]:
    """(name, witness, verdict) as {name, witness, verdict} or {name, of, set, verdict}; names without ":" stay whole."""
    cases: list[dict[str, Any]] = []
    bases: list[tuple[str, dict[str, Any]]] = []
    for name, made, verdict in found:
        patches = [(title, dict(differences(base, made))) for title, base in bases[-RECENT:]]
        of, changes = min(patches, key=lambda patch: len(json.dumps(patch[1])), default=("", {}))
        if ":" in name and patches and len(json.dumps(changes)) < LONGEST:
            cases.append({"name": name, "of": of, "set": changes, "verdict": verdict})
        else:
            bases.append((name, made))
            cases.append({"name": name, "witness": made, "verdict": verdict})
    return cases


def expand(content: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
    """(name, witness, verdict) of every case of a file's content."""
    bases = {case["name"]: case["witness"] for case in content["cases"] if "witness" in case}
    for case in content["cases"]:
        made = deepcopy(case["witness"] if "witness" in case else bases[case["of"]])
        for pointer, value in case.get("set", {}).items():
            put(made, pointer, value)
        yield case["name"], made, case["verdict"]


def put(tree: Any, pointer: str, value: Any) -> None:
    """Replace what a JSON pointer names."""
    *way, last = pointer.split("/")[1:]
    for part in way:
        tree = tree[int(part)] if isinstance(tree, list) else tree[part]
    assert not isinstance(tree, dict) or last in tree, pointer
    tree[int(last) if isinstance(tree, list) else last] = value


def differences(old: Any, new: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """JSON pointers and values that turn `old` into `new`."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in new:
            yield from differences(old[key], new[key], f"{at}/{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, f"{at}/{i}")
    elif old != new:
        yield at, new


def text(content: dict[str, Any]) -> str:
    """One case a line."""
    lists = (
        f'"{key}":[\n' + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]"
        for key, cases in content.items()
    )
    return "{" + ",\n".join(lists) + "}\n"
