"""Groth16 proofs on BN254: constraints, setup, opening and proof of both statements and of 2^16 squarings.

Baseline: arkworks called plainly on the same circuit in the same run (the example `prove` of crate groth16, built by cargo; none
for the transition, whose arkworks setup takes minutes). Ratios are of processor seconds, so that neither other programs nor the
number of cores count; "wall" is on every core of this machine. Witnesses are those of the tests' cases.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path

from native._native import statements

Figure = dict[str, float | str]
ROOT = Path(__file__).parents[1]
CASES = ROOT / "tests" / "cases"
BATCH = 16
ROUNDS = "3"
STAGES = ("setup", "open", "check_points", "prove")


def _measured(*arguments: str) -> dict[str, tuple[float, float]]:
    """{stage: (wall, processor) seconds} of the example."""
    build = ["cargo", "run", "--quiet", "--release", "--manifest-path", str(ROOT / "native" / "Cargo.toml")]
    command = [*build, "--package", "groth16", "--example", "prove", "--", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, tuple[float, float]] = json.loads(done.stdout)
    return found


def _figures(name: str, measured: dict[str, tuple[float, float]]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for stage in STAGES:
        wall, processor = measured[stage]
        figures[f"{name}: {stage}"] = {"value": wall, "unit": "s wall", "baseline": "", "ratio": ""}
        if baseline := measured.get(f"ark_{stage}"):
            figures[f"{name}: {stage}, processor"] = {
                "value": processor,
                "unit": "s",
                "baseline": baseline[1],
                "ratio": round(baseline[1] / processor, 2),
            }
    return figures


def _count(value: float, unit: str) -> Figure:
    return {"value": value, "unit": unit, "baseline": "", "ratio": ""}


def _statement(name: str, batch: int, witness: bytes, mode: str, folder: Path) -> dict[str, Figure]:
    start = time.perf_counter()
    circuit = statements.statement(name, batch)
    made = time.perf_counter()
    assignment, _ = statements.witness(name, batch, witness)
    assigned = time.perf_counter()
    figures = {
        f"{name}: constraints": _count(circuit.constraints, "constraints"),
        f"{name}: coefficients": _count(circuit.nonzeros, "coefficients"),
        f"{name}: circuit": _count(round(made - start, 3), "s wall"),
        f"{name}: witness": _count(round(assigned - made, 3), "s wall"),
    }
    circuit.write_r1cs(folder / f"{name}.r1cs")
    assignment.write_wtns(folder / f"{name}.wtns")
    measured = _measured(mode, str(folder / f"{name}.r1cs"), str(folder / f"{name}.wtns"), ROUNDS)
    return figures | _figures(name, measured)


def run() -> dict[str, Figure]:
    """Every figure."""
    [batch] = json.loads((CASES / "ledger.json").read_text())["batches"]
    claims = json.loads((CASES / "outcome.json").read_text())["cases"]
    claim = next(case["witness"] for case in claims if "x" in case.get("verdict", {}) and "witness" in case)
    figures = _figures("2^16 squarings", _measured("chain", "16", ROUNDS))
    with tempfile.TemporaryDirectory() as folder:
        for name, size, witness, mode in (
            ("outcome", 0, claim, "files"),
            ("transition", BATCH, batch["witness"], "alone"),
        ):
            figures |= _statement(name, size, json.dumps(witness).encode(), mode, Path(folder))
    return figures
