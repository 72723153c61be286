"""Scenario 3 in full size, and on the toy circuit: the same transactions in the same order, every sat accounted for."""

from __future__ import annotations

import pytest
import structlog

from tests.simulation import toy
from tests.simulation.power import Fuse
from tests.simulation.scenarios import TOY, a_world, false_claim
from tests.simulation.world import BALANCE, GIFT, GIFTS, ROLES, SALT, World
from vault.fees import amounts_of

NAMES = ["prefund", "vault", "0/claim", "0/contest", "0/assert", "0/disprove"]
ANCHOR = 240


async def expect_the_rules(world: World, vault: bytes) -> None:
    """The slot stays the borrower's and the lender's to settle; the bond is split 60, 30, 10 per cent (burned)."""
    state = world.state("borrower", vault)
    log = [seen.name.replace("/disprove/1", "/disprove").replace("/disprove/2", "/disprove") for seen in state.log]
    assert log == NAMES
    by = int(state.log[-1].name.rpartition("/")[2])
    graph = await world.actors["borrower"].node.context.graph(state)
    outputs = [output.value for output in graph.templates[f"0/disprove/{by}"].outputs]
    fees = amounts_of(state.proposal).fees
    pot = (
        sum(item.spends.value for item in graph.templates[f"0/disprove/{by}"].inputs)
        - fees[f"0/disprove/{by}"]
        - ANCHOR
    )
    shares = {by: pot * 60 // 100, 1: pot * 30 // 100}
    if by == 1:
        shares = {1: pot * 60 // 100 + pot * 30 // 100}
    for party in (1, 2):
        assert world.balance(ROLES[party]) == GIFTS * GIFT + shares.get(party, 0)
    assert sum(outputs) == pot + ANCHOR
    posted = state.proposal.graphs[0].bond + sum(state.proposal.slots)
    assert world.balance("borrower") < GIFTS * GIFT - posted


async def test_scenario_3_in_full_size(monkeypatch: pytest.MonkeyPatch) -> None:
    toy.swift(monkeypatch)
    with structlog.testing.capture_logs() as logs:
        async with a_world() as world:
            vault = await false_claim(world, claimed=(BALANCE, SALT))
            await expect_the_rules(world, vault)
            assert len(world.versions(vault, 0)) == 1
    published = [line["name"] for line in logs if line["event"] == "published"]
    assert [name.partition("/disprove")[0] + ("/disprove" if "disprove" in name else "") for name in published] == NAMES
    assert [line["false"] for line in logs if line["event"] == "evaluated"] == [True, True]
    assert not [line for line in logs if line["log_level"] in ("warning", "error", "critical")]


async def test_scenario_3_in_full_size_with_crashes_in_the_long_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the toy circuit is too quick to be cut in the middle: artifacts of many kilobytes, thousands of sessions."""
    toy.swift(monkeypatch)
    cuts = {
        "borrower": {"after storing of openings", "after guard claim of nonce", "after guard claim of assert"},
        "lender": {"after storing of drill", "before burning of the ephemeral key"},
        "challenger": {"after fetching", "before commit of done aggregate", "before commit of done evaluate(0,)"},
    }
    fuses = {}
    for name in ROLES:
        fuse = fuses[name] = Fuse()
        fuse.wanted = lambda place, fuse=fuse, at=cuts[name]: place in at and place not in fuse.blown
    async with a_world(fuses=fuses) as world:
        vault = await false_claim(world, claimed=(BALANCE, SALT))
        await expect_the_rules(world, vault)
        assert len(world.versions(vault, 0)) == 1
    assert {name: set(fuse.blown) for name, fuse in fuses.items()} == cuts


async def test_scenario_3_on_the_toy_circuit(monkeypatch: pytest.MonkeyPatch) -> None:
    toy.install(monkeypatch)
    async with a_world() as world:
        vault = await false_claim(world, claimed=TOY)
        await expect_the_rules(world, vault)
