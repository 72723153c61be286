"""P3 for engine babe: power cuts in a dispute whose claim is false, from the setup to the last coin.

As `test_every_point`, with real garblings. The ordinary run cuts the power at every place that protocol.md has a reason for, and
at a sample of the others; `BITVM3_CRASH=all` gives every place but those around messages a scenario of its own.
"""

from __future__ import annotations

import os
from random import Random

import pytest

from tests.simulation import babe, toy
from tests.simulation.power import Fuse
from tests.simulation.scenarios import a_world
from tests.simulation.world import ROLES, World

pytestmark = pytest.mark.timeout(1800)

ALL = os.environ.get("BITVM3_CRASH") == "all"
SEED = int(os.environ.get("BITVM3_SEED", "3"))
SAMPLE = 24
"""Places of the ordinary run that are drawn from all."""
CONTEST = {"lender": "always", "challenger": "always"}

MUST_BE_THERE: dict[str, tuple[str, ...]] = {
    "borrower": (
        "after storing of answers",
        "after storing of drill",
        "before commit of done answer(0,)",
        "after commit of done check(0, 1)",
        "after guard claim of assert",
        "before commit of done decrypt(0, 1)",
    ),
    "challenger": (
        "after guard claim of kept-set",
        "after storing of kept",
        "before commit of done garble(0,)",
        "before commit of done accept(0,)",
        "after commit of wrote outgoing 0/reveal/2",
        "before guard claim of reveal",
        "after guard claim of reveal",
        "after broadcast of 0/reveal/2",
        "before commit of done evaluate(0,)",
    ),
}
"""Places that the reasons of protocol.md name."""

Place = tuple[str, str]


@pytest.fixture(autouse=True)
def _swift(monkeypatch: pytest.MonkeyPatch) -> None:
    toy.swift(monkeypatch)


async def play(fuses: dict[str, Fuse]) -> World:
    """The scenario to its end, every balance and version checked; returns the closed world."""
    async with a_world(contest=CONTEST, engine="babe", fuses=fuses) as world:
        vault = await babe.lost_claim(world)
        await babe.wound_up(world, vault)
        blown = {name: world.actors[name].fuse.blown for name in ROLES}
        for kind in ("assert", "reveal/1", "reveal/2"):
            assert len(world.versions(vault, 0, kind)) == 1, (kind, blown)
        log = babe.names(world, vault)
        assert log[:5] == ["prefund", "vault", "claim", "contest", "assert"], blown
        kinds = sorted(name.partition("/")[0] for name in log[5:])
        assert kinds == ["no_payout", "reveal", "reveal", "stake_back"], (log, blown)
        await babe.expect_balances(world, vault)
        for name in ROLES:
            assert world.actors[name].lives == 1 + len(blown[name])
        return world


def at(places: list[Place]) -> dict[str, Fuse]:
    """Blow once at each of these places."""
    made = {}
    for name in ROLES:
        fuse = made[name] = Fuse()
        wanted = {place for node, place in places if node == name}
        fuse.wanted = lambda place, wanted=wanted, fuse=fuse: place in wanted and place not in fuse.blown  # type: ignore[misc]
    return made


async def test_power_cuts_in_a_dispute_of_engine_babe_change_nothing() -> None:
    calm = await play(at([]))
    places = [(name, place) for name in ROLES for place in calm.actors[name].fuse.places]
    for name, wanted in MUST_BE_THERE.items():
        assert set(wanted) <= {place for node, place in places if node == name}, name
    if ALL:
        runs = [[place] for place in places if not place[1].startswith(("before sending", "after sending"))]
    else:
        named = [(name, place) for name, wanted in MUST_BE_THERE.items() for place in wanted]
        runs = [[*named, *Random(SEED).sample(places, SAMPLE)]]
    print(f"{len(places)} places in {len(runs)} runs, seed {SEED}")
    for cut in runs:
        await play(at(cut))
