"""Operators connect their nodes in any order: a proposal of somebody whom a party does not know yet is not lost."""

from __future__ import annotations

import asyncio

import pytest

from challenge.deadlines import stage
from challenge.states import Stage
from node.faults import Unavailable
from tests.simulation import toy
from tests.simulation.scenarios import FALSE_AMOUNT, a_world
from tests.simulation.world import World


@pytest.fixture(autouse=True)
def _swift(monkeypatch: pytest.MonkeyPatch) -> None:
    toy.swift(monkeypatch)


async def test_a_proposal_waits_until_the_proposer_is_known_and_is_taken_then(monkeypatch: pytest.MonkeyPatch) -> None:
    known, asked, everybody = False, 0, World.reach

    def reach(world: World, identity: bytes) -> str:
        nonlocal asked
        if identity == world.actors["borrower"].identity and not known:
            asked += 1
            raise Unavailable(what="peer", expected="a known address", came="none")
        return everybody(world, identity)

    monkeypatch.setattr(World, "reach", reach)
    async with a_world() as world:
        others = [world.actors[name].node for name in ("lender", "challenger")]
        vault = await world.propose_without_waiting(amounts=[FALSE_AMOUNT], slots=1)
        async with asyncio.timeout(60):
            while asked < 2 * len(others):  # refused for now, and asked again
                await world.breathe()
        assert all(node.book.get(vault) is None for node in others)
        known = True
        await world.quiet()
        for node in others:
            state = node.book.get(vault)
            assert state is not None and stage(state) is not Stage.PROPOSED, "taken, and accepted as its policy says"
