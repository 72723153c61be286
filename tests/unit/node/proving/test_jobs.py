"""The queue: one proof at a time, every one verified; a job that fails, is cancelled or has a bad key leaves it working."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.faults import LocalFault, Unavailable
from node.limits import PRODUCT
from node.proving import Proved, Proving
from snark.formats import Curve
from snark.groth16 import Proof, PublicInputs, VerifyingKey, verify
from tests.proving_kit import ONE, TWO, keys, true_witness

WITNESS = true_witness(ONE)
LIMITS = replace(PRODUCT, proofs_waiting=3, proofs_remembered=2, proving_keys_loaded=1, witness_bytes=40_000)


class Heard(list[dict[str, Any]]):
    """Events of the live view."""

    def __call__(self, event: str, value: dict[str, Any]) -> None:
        assert event == "proof"
        self.append(value)

    def states(self, job: int) -> list[str]:
        said = [value["state"] for value in self if value["job"] == job]
        return [state for n, state in enumerate(said) if n == 0 or said[n - 1] != state]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def proving(tmp_path: Path, heard: Heard) -> AsyncIterator[Proving]:
    folder, _ = keys(tmp_path, ONE, TWO)
    made = Proving(folder, tell=heard, limits=LIMITS)
    yield made
    proved = await made.prove(made.key_of("transition-1").key, WITNESS, "whatever happened")
    assert valid(made, proved)
    await made.close()


def valid(proving: Proving, proved: Proved) -> bool:
    key = VerifyingKey.parse(proving.key(proved.key).verifying_key)
    inputs = PublicInputs.of([int.from_bytes(proved.x)], Curve.BN254)
    return verify(key, inputs, Proof.parse(proved.proof, Curve.BN254))


async def ended(proving: Proving, number: int) -> dict[str, Any]:
    async with asyncio.timeout(120):
        while proving.job(number).state in ("waiting", "running"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return proving.job(number).shown()


async def test_a_proof_is_made_beside_the_loop(proving: Proving, heard: Heard) -> None:
    line = proving.key_of("transition-1")
    proof = asyncio.create_task(proving.prove(line.key, WITNESS, "batch 7"))
    stages, turns = set(), 0
    while not proof.done():
        await asyncio.sleep(0.001)
        turns += 1
        stages |= {job.shown()["stage"] for job in proving.jobs()}
    proved = await proof
    assert proved.key == line.key and proved.x == ONE.assign(WITNESS)[1] and valid(proving, proved)
    assert turns > 5 and len(stages) > 1  # the loop turned while the thread worked
    shown = proving.job(1).shown()
    assert (shown["state"], shown["purpose"], shown["proof"]) == ("done", "batch 7", proved.proof.hex())
    assert heard.states(1) == ["waiting", "running", "done"]


async def test_proofs_of_two_statements_come_in_order(proving: Proving, heard: Heard) -> None:
    one, two = proving.key_of("transition-1"), proving.key_of("transition-2")
    asked = [(one, WITNESS), (two, true_witness(TWO)), (one, WITNESS)]
    proofs = await asyncio.gather(*(proving.prove(line.key, raw, "order") for line, raw in asked))
    assert [proved.key for proved in proofs] == [one.key, two.key, one.key]
    assert all(valid(proving, proved) for proved in proofs) and proofs[0].proof != proofs[2].proof  # r and s are fresh
    running = [value["job"] for value in heard if value["state"] == "running"]
    assert running == sorted(running)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda said: said["steps"][0]["event"].update(price=0), "mark_price.price"),
        (lambda said: said["steps"][0]["event"].update(price_time=2**32 - 1), "mark_price.lead"),
        (lambda said: said.update(more=1), "more"),
        (lambda said: said.pop("globals"), "globals"),
        (lambda said: said.update(network="ff" * 31), "network"),
    ],
    ids=["no price", "a price of the future", "unknown field", "missing field", "short id"],
)
async def test_a_witness_that_breaks_a_rule_is_named(proving: Proving, change: Any, named: str) -> None:
    said = json.loads(WITNESS)
    change(said)
    with pytest.raises(LocalFault) as raised:
        await proving.prove(proving.key_of("transition-1").key, json.dumps(said).encode(), "wrong")
    assert named in raised.value.came
    assert proving.job(1).shown()["state"] == "failed" and named in proving.job(1).shown()["fault"]


async def test_a_witness_that_is_none_is_refused(proving: Proving) -> None:
    for raw in (b"", b"{", b"null", b"[]", b"\xff", b"[" * 30_000, b'{"steps": NaN}'):
        with pytest.raises(LocalFault, match="witness of transition-1"):
            await proving.prove(proving.key_of("transition-1").key, raw, "wrong")


async def test_a_witness_of_the_limit_is_read_and_one_above_is_not(proving: Proving) -> None:
    line = proving.key_of("transition-1")
    padded = WITNESS + b" " * (LIMITS.witness_bytes - len(WITNESS))
    assert valid(proving, await proving.prove(line.key, padded, "largest"))
    with pytest.raises(LocalFault, match="at most 40000 bytes"):
        proving.submit(line, padded + b" ", "too large")


async def test_a_waiting_and_a_running_job_are_cancelled(proving: Proving, heard: Heard) -> None:
    line = proving.key_of("transition-1")
    first, second = (proving.submit(line, WITNESS, "cancel me") for _ in range(2))
    while first.state == "waiting":  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert proving.cancel(second.id) is second
    assert (await ended(proving, second.id))["state"] == "cancelled"
    proving.cancel(first.id)
    assert (await ended(proving, first.id))["state"] == "cancelled"
    assert heard.states(second.id) == ["waiting", "cancelled"]
    proving.cancel(first.id)  # ended: stays as it is
    assert proving.job(first.id).state == "cancelled" and "cancelled" in proving.job(first.id).shown()["fault"]


async def test_who_stops_waiting_cancels_the_proof(proving: Proving) -> None:
    task = asyncio.create_task(proving.prove(proving.key_of("transition-1").key, WITNESS, "given up"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await ended(proving, 1))["state"] == "cancelled"


async def test_the_queue_has_an_end_and_so_has_its_memory(proving: Proving) -> None:
    line = proving.key_of("transition-1")
    jobs = [proving.submit(line, WITNESS, "fill") for _ in range(LIMITS.proofs_waiting)]
    with pytest.raises(Unavailable, match="fewer than 3"):
        proving.submit(line, WITNESS, "one too many")
    for job in jobs:
        proving.cancel(job.id)
        await ended(proving, job.id)
    last = proving.submit(line, WITNESS, "room again")
    assert [job.id for job in proving.jobs()] == [*[job.id for job in jobs[-LIMITS.proofs_remembered :]], last.id]
    with pytest.raises(LocalFault, match="proof job 1"):
        proving.job(jobs[0].id)
    await ended(proving, last.id)


async def test_a_bad_key_fails_its_job_only(proving: Proving, tmp_path: Path) -> None:
    one, two = proving.key_of("transition-1"), proving.key_of("transition-2")
    path = proving.folder.zkey(one)
    right = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(right[:-1])
    with pytest.raises(LocalFault, match="bitvm3 setup import transition-1"):
        await proving.prove(one.key, WITNESS, "damaged")
    assert valid(proving, await proving.prove(two.key, true_witness(TWO), "not damaged"))
    path.write_bytes(right)


async def test_an_unknown_key_is_refused_at_once(proving: Proving) -> None:
    with pytest.raises(LocalFault, match="bitvm3 setup import"):
        await proving.prove(bytes(32), WITNESS, "nobody's")
    assert proving.jobs() == []


async def test_closing_cancels_what_is_open(tmp_path: Path) -> None:
    folder, (line,) = keys(tmp_path, ONE)
    made = Proving(folder)
    waiting = [asyncio.create_task(made.prove(line.key, WITNESS, "too late")) for _ in range(3)]
    await asyncio.sleep(0)
    await made.close()
    said = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(fault, Unavailable) for fault in said), said
