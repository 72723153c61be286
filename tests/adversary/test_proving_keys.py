"""Damaged, swapped and foreign files in the key folder: refused with what to run, the other keys stay, and the same key works
again once its file is right.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from native._native.proving import Progress
from node.faults import LocalFault
from node.proving import KeyLine
from node.proving.setup import single_party
from tests.proving_kit import ONE, TWO, keys

SIDECARS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "not an object": lambda said: [said],
    "another version": lambda said: said | {"version": 2},
    "an unknown key": lambda said: said | {"more": 1},
    "no digest": lambda said: {name: value for name, value in said.items() if name != "digest"},
    "a short circuit": lambda said: said | {"circuit": said["circuit"][:-2]},
    "another circuit": lambda said: said | {"circuit": "00" + said["circuit"][2:]},
    "another statement": lambda said: said | {"statement": "transition-2"},
    "an unknown statement": lambda said: said | {"statement": "withdraw"},
    "another key": lambda said: said | {"key": "00" * 32},
    "no verifying key": lambda said: said | {"verifying_key": "00" * 300},
    "an unknown origin": lambda said: said | {"origin": "somewhere"},
    "a number": lambda said: said | {"key": 7},
}


@pytest.mark.parametrize("name", SIDECARS)
def test_a_changed_description_is_refused_and_the_other_key_stays(tmp_path: Path, name: str) -> None:
    folder, (one, two) = keys(tmp_path, ONE, TWO)
    path = tmp_path / f"{one.stem}.json"
    path.write_text(json.dumps(SIDECARS[name](json.loads(path.read_bytes()))))
    assert folder.keys() == (two,)
    (fault,) = [entry for _, entry in folder.entries() if isinstance(entry, LocalFault)]
    assert "expected" in str(fault)
    with pytest.raises(LocalFault, match=r"`bitvm3 setup import STATEMENT --zkey FILE`"):
        folder.key(one.key)
    with pytest.raises(LocalFault, match=r"`bitvm3 setup run transition-1`"):
        folder.key_of(ONE)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff" * 10, b"[" * 60_000, b" " * 65_537], ids=range(5))
def test_a_damaged_description_is_refused(tmp_path: Path, raw: bytes) -> None:
    folder, (one,) = keys(tmp_path, ONE)
    (tmp_path / f"{one.stem}.json").write_bytes(raw)
    assert folder.keys() == ()
    assert [isinstance(entry, LocalFault) for _, entry in folder.entries()] == [True]


def refused(tmp_path: Path, change: Callable[[Path, KeyLine], None]) -> str:
    """What loading says after a change to a good folder; the key is good again when its file is."""
    folder, (line,) = keys(tmp_path, ONE)
    path = folder.zkey(line)
    right = path.read_bytes()
    path.chmod(0o600)
    change(path, line)
    with pytest.raises(LocalFault) as raised:
        folder.load(line)
    path.write_bytes(right)
    folder.load(line)
    return str(raised.value)


def test_a_missing_key_file_says_what_to_run(tmp_path: Path) -> None:
    said = refused(tmp_path, lambda path, _: path.unlink())
    assert "expected a file, came none" in said and "bitvm3 setup import transition-1" in said


@pytest.mark.parametrize("left", [0, 3, 100, 0.5, -1])
def test_a_truncated_key_file_is_refused(tmp_path: Path, left: float) -> None:
    def cut(path: Path, _: KeyLine) -> None:
        raw = path.read_bytes()
        path.write_bytes(raw[: left if isinstance(left, int) else int(len(raw) * left)])

    assert "setup import" in refused(tmp_path, cut)


@pytest.mark.parametrize("at", [0, 5, 40, 0.1, 0.3, 0.5, 0.7, 0.9, -1])
def test_a_flipped_bit_is_refused(tmp_path: Path, at: float) -> None:
    def flip(path: Path, _: KeyLine) -> None:
        raw = bytearray(path.read_bytes())
        raw[at if isinstance(at, int) else int(len(raw) * at)] ^= 1
        path.write_bytes(raw)

    refused(tmp_path, flip)


def test_more_bytes_at_the_end_are_refused(tmp_path: Path) -> None:
    refused(tmp_path, lambda path, _: path.write_bytes(path.read_bytes() + b"\0"))


def test_swapped_key_files_are_refused(tmp_path: Path) -> None:
    folder, (one, two) = keys(tmp_path, ONE, TWO)
    first, second = folder.zkey(one), folder.zkey(two)
    first.rename(tmp_path / "third")
    second.rename(first)
    (tmp_path / "third").rename(second)
    for line in (one, two):
        with pytest.raises(LocalFault, match="an undamaged key of this circuit"):
            folder.load(line)


def test_another_key_of_the_same_circuit_is_refused(tmp_path: Path) -> None:
    folder, (line,) = keys(tmp_path / "a", ONE)
    other, _ = keys(tmp_path / "b")
    theirs = single_party(other, ONE, Progress())
    assert theirs.circuit == line.circuit and theirs.key != line.key
    folder.zkey(line).unlink()
    shutil.copy(other.zkey(theirs), folder.zkey(line))
    with pytest.raises(LocalFault, match=line.digest.hex()):
        folder.load(line)
