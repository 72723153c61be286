"""P3: after a crash at any point the node reaches the state it would have reached without it.

Scenario 3 is played with a power cut at every commit (before and after), every dispatch, every message, broadcast, guard
claim, key file and artifact of every node. A place is named by what happens there, so it is the same place in every run.
The ordinary run cuts the power many times in one scenario, at each place once; `BITVM3_CRASH=all` gives every place a
scenario of its own.
"""

from __future__ import annotations

import os
from random import Random

import pytest

from tests.simulation import toy
from tests.simulation.power import Fuse
from tests.simulation.scenarios import a_world, false_claim
from tests.simulation.world import ROLES, World

Place = tuple[str, str]
"""(node, name of the place)."""

ALL = os.environ.get("BITVM3_CRASH") == "all"
CUTS_A_RUN = 40
SEED = int(os.environ.get("BITVM3_SEED", "3"))

MUST_BE_THERE: dict[str, tuple[str, ...]] = {
    "borrower": (
        "after commit of wrote jobs /stakes,wallet",
        "after guard claim of kept-set",
        "after guard claim of nonce",
        "after guard claim of assert",
        "before commit of wrote outgoing 0/assert",
        "after ephemeral key",
        "before burning of the ephemeral key",
        "after commit of wrote presigned",
        "after burning of the ephemeral key",
        "dispatch of done aggregate",
        "after broadcast of 0/assert",
        "after storing of kept",
        "before sending of ready/0 to lender",
    ),
    "lender": ("after guard claim of nonce", "after commit of done evaluate(0,)", "after storing of drill"),
    "challenger": ("after guard claim of nonce", "before fetching", "after commit of wrote outgoing 0/contest"),
}
"""Places that the reasons of protocol.md name; if one is not passed any more, the loop has lost what it is for."""


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    toy.install(monkeypatch)


async def undisturbed() -> tuple[list[str], list[Place]]:
    """The end of the scenario without a crash, and every place it passes, in order."""
    async with a_world() as world:
        vault = await false_claim(world)
        check(world, vault)
        return world.ending(vault), [(name, place) for name in ROLES for place in world.actors[name].fuse.places]


def check(world: World, vault: bytes) -> None:
    assert world.phases(vault)[0] == ["disproved"]
    assert len(world.versions(vault, 0)) == 1, "Assert was shown in more than one version"


def fuses(places: list[Place]) -> dict[str, Fuse]:
    """Blow once at each of these places."""
    made = {}
    for name in ROLES:
        fuse = made[name] = Fuse()
        at = {place for node, place in places if node == name}
        fuse.wanted = lambda place, at=at, fuse=fuse: place in at and place not in fuse.blown  # type: ignore[misc]
    return made


async def crash_at(places: list[Place], ending: list[str]) -> list[Place]:
    """Play the scenario with these power cuts; returns the places that were not passed."""
    async with a_world(fuses=fuses(places)) as world:
        vault = await false_claim(world)
        blown = {name: world.actors[name].fuse.blown for name in ROLES}
        assert world.ending(vault) == ending, f"another end after power cuts at {blown}"
        check(world, vault)
        for name in ROLES:
            assert world.actors[name].lives == 1 + len(blown[name])
        return [(name, place) for name, place in places if place not in blown[name]]


async def test_a_crash_at_every_point_leads_to_the_same_end() -> None:
    ending, places = await undisturbed()
    for name, wanted in MUST_BE_THERE.items():
        assert set(wanted) <= {place for node, place in places if node == name}
    runs = len(places) if ALL else -(-len(places) // CUTS_A_RUN)
    order = list(range(runs))
    Random(SEED).shuffle(order)
    print(f"{len(places)} places in {runs} runs, seed {SEED}")
    missed: list[Place] = []
    for run in order:
        missed += await crash_at(places[run::runs], ending)
    for place in missed:  # an earlier cut of the same run took another way round it: alone it must be passed
        assert await crash_at([place], ending) == [], f"no crash happened at {place}"


@pytest.mark.parametrize("when", ["before commit", "after commit", "dispatch"])
async def test_a_node_that_crashes_at_every_single_step_still_gets_there(when: str) -> None:
    """Not one crash but the next as soon as the node is up: hundreds in one scenario."""
    ending, _ = await undisturbed()
    made = {}
    for name in ROLES:
        fuse = made[name] = Fuse()
        fuse.wanted = lambda place, fuse=fuse: place.startswith(when) and place not in fuse.blown  # type: ignore[misc]
    async with a_world(fuses=made) as world:
        vault = await false_claim(world)
        assert world.ending(vault) == ending
        check(world, vault)
        assert all(len(made[name].blown) > 60 for name in ROLES), {name: len(made[name].blown) for name in ROLES}
