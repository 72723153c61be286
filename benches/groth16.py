"""Groth16 verification on BN254 with one public input: single, folded and in batches of 64, and parsing a proof.

Baselines: arkworks called plainly (keys not prepared) on the same proof in the same run, py_ecc, and snarkjs where it is
(BITVM3_SNARKJS is the command, else PATH). Figures are milliseconds of processor time a proof ("a core"), so that other
programs on the machine do not count; the wall time of a batch on every core stands beside. Parsing a proof, with its curve and
subgroup checks, is a figure of its own. Ratio is baseline by value: how many times faster.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from py_ecc import optimized_bn128 as ec
from py_ecc.fields import optimized_bn128_FQ, optimized_bn128_FQ2

from snark.formats import Curve, Format
from snark.groth16 import Proof, PublicInputs, VerifyingKey, fold, verify, verify_batch

Figure = dict[str, float | str]
PROOFS = Path(__file__).parents[1] / "tests" / "unit" / "snark" / "proofs.json"
ROUNDS, BATCH = 25, 64


def _milliseconds(
    calls: Mapping[str, Callable[[], object]], clock: Callable[[], float], rounds: int
) -> dict[str, float]:
    """Median of each call; rounds go through all of them, so that a noisy moment hits all alike."""
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for round_ in range(rounds + 2):
        for name, call in calls.items():
            start = clock()
            call()
            if round_ >= 2:  # the first two warm caches
                spent[name].append(1e3 * (clock() - start))
    return {name: statistics.median(times) for name, times in spent.items()}


def _py_ecc(key: dict[str, Any], inputs: tuple[int, ...], proof: dict[str, Any]) -> bool:
    def one(point: list[str]) -> Any:
        return tuple(optimized_bn128_FQ(int(part)) for part in point)

    def two(point: list[list[str]]) -> Any:
        return tuple(optimized_bn128_FQ2([int(part) for part in pair]) for pair in point)

    x = one(key["IC"][0])
    for number, point in zip(inputs, key["IC"][1:], strict=True):
        x = ec.add(x, ec.multiply(one(point), number))
    product = ec.pairing(two(proof["pi_b"]), one(proof["pi_a"]), final_exponentiate=False)
    for q, p in (("vk_beta_2", one(key["vk_alpha_1"])), ("vk_gamma_2", x), ("vk_delta_2", one(proof["pi_c"]))):
        product *= ec.pairing(two(key[q]), ec.neg(p), final_exponentiate=False)
    return bool(ec.final_exponentiate(product) == ec.FQ12.one())


# The median of process.cpuUsage over calls of snarkjs.groth16.verify, as milliseconds.
_SNARKJS = """
const snarkjs = require(process.argv[1]);
const [key, inputs, proof] = JSON.parse(require("fs").readFileSync(0));
(async () => {
  const spent = [];
  for (let round = 0; round < 12; round++) {
    const start = process.cpuUsage();
    if (!await snarkjs.groth16.verify(key, inputs, proof)) process.exit(1);
    const { user, system } = process.cpuUsage(start);
    if (round >= 2) spent.push((user + system) / 1e3);
  }
  console.log(spent.sort((a, b) => a - b)[5]);
  process.exit(0);
})();
"""


def _snarkjs(key: dict[str, Any], inputs: tuple[int, ...], proof: dict[str, Any]) -> float | None:
    """Milliseconds of processor time, in a warm process; None where there is no snarkjs."""
    command = os.environ.get("BITVM3_SNARKJS") or shutil.which("snarkjs")
    node = shutil.which("node")
    if command is None or node is None:
        return None
    package = Path(shlex.split(command)[-1]).resolve().parents[1]  # of build/cli.cjs
    if not (package / "package.json").is_file():
        return None
    claim = json.dumps([key, [str(number) for number in inputs], proof])
    said = subprocess.run(
        [node, "-e", _SNARKJS, package], input=claim, capture_output=True, text=True, check=True, timeout=120
    )
    return float(said.stdout)


def _figure(value: float, unit: str, baseline: float) -> Figure:
    return {
        "value": round(value, 3),
        "unit": unit,
        "baseline": round(baseline, 3),
        "ratio": round(baseline / value, 2),
    }


def _of(curve: Curve) -> dict[str, Figure]:
    made = json.loads(PROOFS.read_text())[f"{curve.value}_1"]
    key = VerifyingKey.parse(bytes.fromhex(made["key"]), Format.ARKWORKS, curve)
    claims = [
        (
            PublicInputs.parse(bytes.fromhex(inputs), curve, Format.ARKWORKS),
            Proof.parse(bytes.fromhex(proof), curve, Format.ARKWORKS),
        )
        for inputs, proof in made["claims"]
    ]
    batch = [claims[i % len(claims)] for i in range(BATCH)]
    inputs, proof = claims[0]
    folded, nothing = fold(key, inputs), PublicInputs.of([], curve)
    raw = proof.handle.encode("arkworks-uncompressed")
    if not (verify(key, inputs, proof) and folded.verify(proof, nothing) and not verify_batch(key, batch)):
        raise RuntimeError("a valid proof was refused: these figures mean nothing")
    name = f"batch of {BATCH}"
    calls: dict[str, Callable[[], object]] = {
        "plain": lambda: key.handle.verify_plainly(inputs.handle, proof.handle),
        "verify": lambda: verify(key, inputs, proof),
        "verify, inputs folded": lambda: folded.verify(proof, nothing),
        "parse a proof": lambda: Proof.parse(raw, curve, Format.ARKWORKS),
        name: lambda: verify_batch(key, batch),
    }
    spent = _milliseconds(calls, time.process_time, ROUNDS)
    spent[name] /= BATCH
    plain = spent.pop("plain")
    figures = {f"{curve.value}, {call}": _figure(value, "ms CPU a proof", plain) for call, value in spent.items()}
    wall = _milliseconds({name: calls[name]}, time.perf_counter, 5)[name] / BATCH
    figures[f"{curve.value}, {name}, every core"] = _figure(wall, "ms wall a proof", plain)
    if curve is Curve.BN254:
        key_json, proof_json = (json.loads(part.handle.encode("snarkjs")) for part in (key, proof))
        oracle = {"py_ecc": lambda: _py_ecc(key_json, inputs.numbers, proof_json)}
        seconds = _milliseconds(oracle, time.process_time, 1)["py_ecc"]
        figures["bn254, verify, against py_ecc"] = _figure(spent["verify"], "ms CPU a proof", seconds)
        snarkjs = _snarkjs(key_json, inputs.numbers, proof_json)
        figures["bn254, verify, against snarkjs"] = (
            {"value": round(spent["verify"], 3), "unit": "ms CPU a proof", "baseline": "absent", "ratio": ""}
            if snarkjs is None
            else _figure(spent["verify"], "ms CPU a proof", snarkjs)
        )
    return figures


def run() -> dict[str, Figure]:
    """Milliseconds a proof; ratio is baseline by value."""
    return {name: figure for curve in Curve for name, figure in _of(curve).items()}
