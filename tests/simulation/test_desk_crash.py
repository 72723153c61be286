"""Power cuts at every place that the keeper's desk passes: no cent is lost, made or paid twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.lending import words
from tests.simulation.desk_world import DEPTH, MINTED, DeskWorld, a_desk
from tests.simulation.ledger_world import KEEPER
from tests.simulation.test_desk import LAST, PRINCIPAL
from tests.vault_kit import BORROWER, LENDER

pytestmark = pytest.mark.timeout(600)


async def play(world: DeskWorld) -> tuple[int, ...]:
    """A loan, a part of it paid back, one slot repaid and swept; what everybody has."""
    await world.taken()
    for _ in range(2):  # whoever heard nothing asks again
        await world.ask(BORROWER, words.Repay(vault=world.name, cents=7))
    await world.ask(BORROWER, words.Tender(vault=world.name, slot=LAST))
    await world.ask(LENDER, words.ShowR(vault=world.name, slot=LAST, preimage=world.kit.r(LAST)))
    await world.publish(f"repay/{LAST}")
    await world.mine(DEPTH - 1)
    await world.settled()
    world.books_hold()
    return tuple(world.account(party) for party in (BORROWER, LENDER))


async def places(folder: Path) -> tuple[list[str], tuple[int, ...]]:
    """Every kind of write of the desk in a run without a cut, and how that run ends."""
    async with a_desk(folder) as world:
        before = set(world.fuses[KEEPER].places)
        ending = await play(world)
        passed = set(world.fuses[KEEPER].places) - before
    return sorted(place for place in passed if "ledgers M" in place or "ledgers R" in place), ending


async def test_a_cut_at_every_write_of_the_desk_changes_nothing(tmp_path: Path) -> None:
    found, ending = await places(tmp_path / "calm")
    writes = " ".join(found)
    for needed in (
        "ledgers M,ledgers R",
        "ledgers M,ledgers Q,ledgers R",
        "ledgers M,ledgers Q",
        "ledgers Q,ledgers R",
    ):
        assert needed in writes, f"the scenario passes no write of {needed}"
    assert ending == (MINTED + PRINCIPAL - 7 - 49_997, MINTED - PRINCIPAL + 7 + 49_997)
    for n, place in enumerate(found):
        async with a_desk(tmp_path / str(n)) as world:
            world.fuses[KEEPER].once(place)
            assert await play(world) == ending, place
            assert world.fuses[KEEPER].blown, place
