"""What an operator orders and asks in engine babe: each usual mistake in words, then a claim, a contest, a drill."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from challenge.facts import key
from node.faults import LocalFault
from node.in_words import Known, graph_lines
from node.metrics import exposition
from node.rpc.drill import drill
from node.rpc.table import ClaimParams, ContestParams
from node.rpc.vault import NOTHING, claim, contest
from node.view import show_vault
from tests.simulation import toy
from tests.simulation.babe import open_vault, phase
from tests.simulation.registry import proof_of_something_else
from tests.simulation.scenarios import a_world
from tests.simulation.world import World


@pytest.fixture(autouse=True)
def _swift(monkeypatch: pytest.MonkeyPatch) -> None:
    toy.swift(monkeypatch)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world(contest={}, engine="babe") as world:
        yield world


async def show(world: World, name: str, vault: bytes) -> Any:
    return await world.actors[name].ask(lambda node: show_vault(node, vault))


async def refused(world: World, name: str, words: str, order: Any) -> LocalFault:
    with pytest.raises(LocalFault, match=words) as caught:
        await world.actors[name].ask(order)
    return caught.value


async def test_a_claim_is_proved_from_the_ledger_and_mistakes_are_named(world: World) -> None:
    vault = await open_vault(world)
    name, registry = vault.hex(), world.registry

    def claimed(**more: Any) -> Any:
        return lambda node: claim(node, ClaimParams(id=name, graph=more.pop("graph", 0), **more))

    # nothing is ordered by any of these
    await refused(world, "borrower", "expected a position, came none", claimed())
    await refused(world, "borrower", "its engine is babe", claimed(balance=5, salt="00"))
    await refused(world, "borrower", "this node is the claimant", claimed(graph=7))
    await refused(world, "challenger", "this node is the claimant", claimed())
    await refused(world, "borrower", "another statement, or for none", claimed(proof=proof_of_something_else().hex()))
    await refused(world, "borrower", "another statement, or for none", claimed(proof="00" * 256))
    ledger, registry.file = registry.file, type(registry)(network=bytes(32)).file
    await refused(world, "borrower", "ledger", claimed())
    registry.file = ledger
    assert key("want_claim", 0) not in world.state("borrower", vault).facts

    before = (await show(world, "borrower", vault))["graphs"][0]
    assert before["ledger"] == ledger.ledger_id.hex() and before["armed"] == {
        "bond": True,
        "stake/1": True,
        "stake/2": True,
    }
    registry.withdraw(world.state("borrower", vault), 0)
    answer = await world.actors["borrower"].ask(claimed())
    assert answer["outcome"] == "applied" and "under the checkpoint" in answer["source"]
    assert (await world.actors["borrower"].ask(claimed()))["proof"] == answer["proof"], "made once"
    await world.quiet()
    await phase(world, vault, "claimed")
    fault = await refused(
        world,
        "challenger",
        "one whose proof this node has verified",
        lambda n: contest(n, ContestParams(id=name, graph=0)),
    )
    assert f"{before['stake']} sats" in fault.todo and "--insist" in fault.todo
    (decision,) = (await show(world, "challenger", vault))["decisions"]
    assert decision["about"] == "contest" and decision["does"] == "no" and "proof is valid" in decision["why"]
    daemon = SimpleNamespace(node=world.actors["challenger"].node, peers=SimpleNamespace(list=list))
    assert b'bitvm3_decisions{about="contest",does="no"} 1.0' in exposition(cast("Any", daemon))
    insisted = await world.actors["challenger"].ask(lambda n: contest(n, ContestParams(id=name, graph=0, insist=True)))
    assert f"{before['stake']} sats" in insisted["risk"]
    await phase(world, vault, "asserted")
    await world.until(lambda: "0/refute/2" in {seen.name for seen in world.state("borrower", vault).log}, 20)
    after = (await show(world, "borrower", vault))["graphs"][0]
    assert after["answers"] == {"1": "silent", "2": "refuted"}


async def test_a_claim_known_to_be_false_needs_its_word_and_loses_its_bond(world: World) -> None:
    vault = await open_vault(world)
    name = vault.hex()
    answer = await world.actors["borrower"].ask(lambda n: claim(n, ClaimParams(id=name, graph=0, knowingly_false=True)))
    assert answer["proof"] == NOTHING.hex() and answer["source"] == "no proof at all"
    await world.quiet()
    contested = await world.actors["challenger"].ask(lambda n: contest(n, ContestParams(id=name, graph=0)))
    assert "until Reveal puts the stake" in contested["risk"]
    await phase(world, vault, "disproved")
    shown = await show(world, "challenger", vault)
    assert "killed" in shown["graphs"][0]["answers"].values() and shown["graphs"][0]["proven"] is False
    decided = {row["about"]: (row["does"], row["why"]) for row in shown["decisions"]}
    assert not decided, "the game is over: nothing is asked any more"


async def test_a_drill_reads_everything_and_notices_one_changed_byte(world: World) -> None:
    vault = await open_vault(world)
    shown = await show(world, "borrower", vault)
    sizes = {row["challenger"]: row["kept_bytes"] for row in shown["pairs"]}
    known = Known.of(world.actors["borrower"].node.context)
    (said,) = graph_lines(world.state("borrower", vault).proposal, known)
    assert said["kept_mib"] == round(sizes[1] / 2**20, 1) and said["presignatures"] == 2048 * 3
    assert f"its stake of {said['stake']} sats" in said["risk"]
    rows = await world.actors["borrower"].ask(lambda node: drill(node, vault.hex()))
    assert [(row["holds"], row["drill"], row["ok"], row["damaged"]) for row in rows] == [
        ("kept instances", "ok", True, [])
    ] * 2
    assert [row["bytes"] for row in rows] == [sizes[1], sizes[2]] and all(row["ms"] >= 0 for row in rows)
    (answers,) = await world.actors["challenger"].ask(lambda node: drill(node, vault.hex()))
    assert (answers["holds"], answers["drill"], answers["ok"]) == ("presignatures of Reveal", "-", True)

    node = world.actors["borrower"].node
    folder = node.context.artifacts._folder
    largest = sorted(folder.glob("*.content"), key=lambda path: path.stat().st_size)[-1]
    at = (1 << 20) + 5  # in the second chunk
    with largest.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))
    rows = await world.actors["borrower"].ask(lambda node: drill(node, vault.hex()))
    assert sorted((row["ok"], tuple(row["damaged"])) for row in rows) == [(False, (1,)), (True, ())]
    for path in folder.glob("*.content"):
        if path != largest and path.stat().st_size < largest.stat().st_size // 2:  # the drills
            path.unlink()
    rows = await world.actors["borrower"].ask(lambda node: drill(node, vault.hex()))
    assert [row["ok"] for row in rows] == [False, False] and all(row["drill"].startswith("failed") for row in rows)
