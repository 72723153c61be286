"""Operators connect their nodes in any order: a proposal of somebody whom a party does not know yet is not lost. One that a party
cannot take is over at once, and the proposer reads why.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

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


async def test_a_proposal_that_a_party_cannot_take_ends_at_once_with_what_it_said() -> None:
    async with a_world() as world:
        picky = world.actors["challenger"]
        post = picky.node.post
        picky.node.post = replace(post, rules=replace(post.rules, minimum_depth=99))
        vault = await world.propose(amounts=[FALSE_AMOUNT], slots=1)
        state = world.actors["borrower"].node.state(vault)
        assert stage(state) is Stage.ABORTED and state.end is not None
        k = [party.identity for party in state.proposal.parties].index(picky.identity)
        said = f"party {k} (challenger {picky.identity.hex()[:16]}) does not take the proposal: "
        assert state.end[1].startswith(said) and "timelocks.depth" in state.end[1] and "at least 99" in state.end[1]
        assert picky.node.book.get(vault) is None
        there = world.actors["lender"].node.state(vault)
        assert there.end is not None and said in there.end[1], "whoever had it is told, too"
        assert not [actor.name for actor in world.actors.values() if len(actor.node.outbox)], (
            "nothing is said again and again"
        )
