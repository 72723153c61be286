"""The key folder: labels, what a setup leaves, whose keys serve where. What it refuses: tests/adversary/test_proving_keys.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from native._native.proving import Progress
from node.faults import LocalFault
from node.proving import Statement
from node.proving.setup import import_key, single_party
from snark.formats import Curve
from snark.groth16 import PublicInputs, verify
from tests.proving_kit import ONE, keys, true_witness


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("outcome", "outcome"),
        ("transition", "transition-16"),
        ("transition-1", "transition-1"),
        ("transition-64", None),
    ],
)
def test_labels(text: str, label: str | None) -> None:
    assert Statement.parse(text).label == (label or text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Outcome",
        "outcome-1",
        "transition-0",
        "transition-01",
        "transition-65",
        "transition-100",
        "transition-",
        "../outcome",
        "x",
    ],
)
def test_what_is_no_statement(text: str) -> None:
    with pytest.raises(LocalFault, match="expected outcome, transition"):
        Statement.parse(text)


def test_a_setup_leaves_a_key_that_proves(tmp_path: Path) -> None:
    folder, (line,) = keys(tmp_path, ONE)
    assert folder.keys() == (line,) and folder.key(line.key) == folder.key_of(ONE) == line
    assert (line.origin, line.statement) == ("single-party, regtest", ONE)
    assert {path.name for path in tmp_path.iterdir()} == {f"{line.stem}.zkey", f"{line.stem}.json"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())
    key = folder.load(line)
    assignment, x = ONE.assign(true_witness(ONE))
    proof = key.prove(assignment, Progress())
    assert verify(key.verifying, PublicInputs.of([int.from_bytes(x)], Curve.BN254), proof)
    wrong = PublicInputs.of([int.from_bytes(x) ^ 1], Curve.BN254)
    assert not verify(key.verifying, wrong, proof)


def test_a_key_of_another_version_of_the_circuit_is_named(tmp_path: Path) -> None:
    folder, (line,) = keys(tmp_path, ONE)
    path = tmp_path / f"{line.stem}.json"
    old = "ab" * 32
    said = json.loads(path.read_bytes()) | {"circuit": old}
    folder.zkey(line).rename(tmp_path / f"transition-1-{old[:16]}.zkey")
    path.unlink()
    (tmp_path / f"transition-1-{old[:16]}.json").write_text(json.dumps(said))
    (found,) = folder.keys()
    with pytest.raises(LocalFault, match="It belongs to another version"):
        folder.load(found)


def test_a_single_partys_key_serves_regtest_only(tmp_path: Path) -> None:
    _, (line,) = keys(tmp_path, ONE)
    folder, _ = keys(tmp_path, network="signet")
    ((_, entry),) = folder.entries()
    assert isinstance(entry, LocalFault) and "can forge every proof" in str(entry)
    assert folder.keys() == ()
    with pytest.raises(LocalFault, match="that a single party made: it can forge every proof"):
        folder.key(line.key)  # a vault or ledger names it: what is wrong with the one that is here is said
    with pytest.raises(LocalFault) as raised:
        single_party(keys(tmp_path / "new", network="signet")[0], ONE, Progress())
    assert "regtest" in str(raised.value) and "forge" in str(raised.value) and "ceremony" in str(raised.value)
    assert list((tmp_path / "new").iterdir()) == []
    with pytest.raises(LocalFault, match="single party"):
        import_key(keys(tmp_path / "new", network="signet")[0], ONE, tmp_path / f"{line.stem}.zkey", Progress())
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"lock"}
