"""What the sandbox refuses, bitcoind refuses, in the same words: a table of bad transactions on both.

Each row is a valid spend with one thing wrong. The reason is compared with the expected one on each backend, and the
whole answer (testmempoolaccept, sendrawtransaction or submitpackage) between the backends, hashes masked.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from native._native import tapscript
from node.chain.jsonrpc import Refusal
from tests.functional.chain_fixture import (
    BACKENDS,
    OTHER,
    SCRIPT,
    Backend,
    coinbases,
    mine,
    output,
    spend,
    start_backend,
)
from tests.functional.chain_rows import (
    COINS,
    COPIES,
    FEE,
    ODD_SCRIPTS,
    PACKAGES,
    SEQUENCE,
    SINGLE,
    Scene,
    replaced_package,
)


def mask(value: Any) -> Any:
    """Hashes differ between two chains: mask them."""
    if isinstance(value, str):
        return re.sub(r"[0-9a-f]{64}", "<hash>", value)
    if isinstance(value, list):
        return [mask(one) for one in value]
    if isinstance(value, dict):
        kept = [(key, one) for key, one in value.items() if key not in {"txid", "wtxid", "effective-includes"}]
        if all(re.fullmatch("[0-9a-f]{64}", key) for key, _ in kept):
            return [mask(one) for _, one in kept]
        return {key: mask(one) for key, one in kept}
    return value


async def ask(backend: Backend, method: str, *params: Any) -> Any:
    try:
        return mask(await backend.call(method, *params))
    except Refusal as refusal:
        return ("error", refusal.code, mask(refusal.message))


async def scene_on(backend: Backend) -> Scene:
    chain = backend.chain()
    await mine(chain, 100 + COINS)
    coins = await coinbases(chain, range(1, COINS + 1))
    names = [name for name in ODD_SCRIPTS for _ in range(COPIES)]
    outputs = [(1_000_000, ODD_SCRIPTS[name]) for name in names]  # P2A and unknown programs are standard to create
    coin = coins.pop(0)
    odd = spend([coin], [(coin.value - 10_000 - 1_000_000 * len(outputs), SCRIPT), *outputs])
    await backend.call("sendrawtransaction", odd.hex())
    await mine(chain, 1)
    scene = Scene(coins=coins[: COINS - 1])
    for place, name in enumerate(names):
        scene.odd.setdefault(name, []).append(output(odd, place + 1))
    scene.odd["young"] = await coinbases(chain, range(100 + COINS, 101 + COINS))
    # many coins out of one: each row takes its own
    big = scene.coins.pop()
    split = spend([big], [(big.value // 200 - 100, SCRIPT)] * 199, version=2)
    await backend.call("sendrawtransaction", split.hex())
    await mine(chain, 1)
    scene.coins = [output(split, vout) for vout in range(199)]
    return scene


def reason_of(answer: Any) -> str:
    return answer[2] if isinstance(answer, tuple) else ""


async def run(kind: str, folder: Path, table: str) -> dict[str, Any]:
    backend = await start_backend(kind, folder)
    try:
        scene = await scene_on(backend)
        found: dict[str, Any] = {}
        if table == "single":
            for name, (row, _) in SINGLE.items():
                raw = row(scene)[0].hex()
                found[name] = (
                    await ask(backend, "testmempoolaccept", [raw]),
                    await ask(backend, "sendrawtransaction", raw),
                )
        elif table == "sequence":
            for name, (row, _) in SEQUENCE.items():
                *first, last = [raw.hex() for raw in row(scene)]
                answers = [await ask(backend, "sendrawtransaction", raw) for raw in first]
                assert all(answer == "<hash>" for answer in answers), (name, answers)
                found[name] = (
                    await ask(backend, "testmempoolaccept", [last]),
                    await ask(backend, "sendrawtransaction", last),
                )
        else:
            for name, (row, _) in PACKAGES.items():
                raws = [raw.hex() for raw in row(scene)]
                found[name] = (await ask(backend, "testmempoolaccept", raws), await ask(backend, "submitpackage", raws))
            for name, fee in (("package RBF", 3 * FEE), ("package RBF pays too little", FEE + 10)):
                old, new = replaced_package(scene, fee)
                first = await ask(backend, "submitpackage", [raw.hex() for raw in old])
                found[name] = (first, await ask(backend, "submitpackage", [raw.hex() for raw in new]))
        pool = await backend.call("getrawmempool", True)
        found["the mempool after"] = (sorted((e["vsize"], str(e["fees"]["base"])) for e in pool.values()),)
        await backend.call("generatetoaddress", 1, tapscript.address(OTHER, "regtest"))
        found["left after a block"] = (len(await backend.call("getrawmempool")),)
        return found
    finally:
        await backend.close()


@pytest.mark.functional
@pytest.mark.parametrize("kind", BACKENDS)
@pytest.mark.parametrize("table", ["single", "sequence", "package"])
async def test_the_reason_is_the_expected_one(kind: str, table: str, tmp_path: Path) -> None:
    found = await run(kind, tmp_path, table)
    rows = {"single": SINGLE, "sequence": SEQUENCE, "package": PACKAGES}[table]
    wrong = {}
    for name, (_, expected) in rows.items():
        tested, sent = found[name]
        if table == "package":
            told = sent["package_msg"] if isinstance(sent, dict) else sent[2]
            good = told.startswith(expected)
        elif expected == "max-fee-exceeded":
            told = tested[0]["reject-reason"]
            good = told == expected and sent == (
                "error",
                -25,
                "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)",
            )
        elif name == "burns":
            told = reason_of(sent)
            good = told.startswith("Unspendable output exceeds maximum") and tested[0]["allowed"] is True
        else:
            told = reason_of(sent)
            good = (
                told.startswith(expected)
                and (told == "") == (expected == "")
                and tested[0]["allowed"] is (expected == "")
            )
            if name == "same again":
                good = sent == "<hash>" and tested[0]["reject-reason"] in {expected, "txn-already-in-mempool"}
        if not good:
            wrong[name] = (expected, told, tested)
    assert not wrong, "\n".join(
        f"{name}: expected {want!r}, came {told!r}, {tested}" for name, (want, told, tested) in wrong.items()
    )


@pytest.mark.functional
@pytest.mark.parametrize("table", ["single", "sequence", "package"])
async def test_both_backends_answer_alike(table: str, tmp_path: Path) -> None:
    sandbox, bitcoind = await asyncio.gather(*(run(kind, tmp_path, table) for kind in BACKENDS))
    differ = {name: (sandbox[name], bitcoind[name]) for name in bitcoind if sandbox[name] != bitcoind[name]}
    assert not differ, "\n".join(f"{name}:\n  {mine}\n  {theirs}" for name, (mine, theirs) in differ.items())
