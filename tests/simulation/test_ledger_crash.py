"""Power cuts at every place that a keeper and an attestor pass: nothing is lost, and nobody signs two checkpoints for one seq."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.simulation.ledger_world import ATTESTORS, EVERYBODY, KEEPER, LedgerWorld
from tests.simulation.test_ledger import a_ledger, loan, mark

pytestmark = pytest.mark.timeout(600)

VICTIMS = (KEEPER, "ann")
END = 3


async def play(world: LedgerWorld) -> str:
    """Two batches, the second not full; returns what everybody stands on."""
    await world.post(mark(world), await world.block())
    await world.final(2)
    await world.post(loan())
    await world.final(END)
    views = {actor.room.follower.view.root.hex() for actor in world.actors.values()}
    entries = {len(list(actor.room.shelf.entries())) for actor in world.actors.values()}
    keeper = world.actors[KEEPER].room.keeper
    assert keeper is not None and not keeper.queue and not keeper.shelf.queued()
    assert keeper.final is not None and keeper.final.root == keeper.sealed.root == keeper.posted.root
    for (index, seq), digests in world.signed().items():
        assert len(digests) == 1, f"attestor {index} signed {len(digests)} checkpoints for seq {seq}"
    for name in ATTESTORS:
        attestor = world.actors[name].room.attestor
        assert attestor is not None and attestor.state.root == keeper.sealed.root
    assert len(views) == len(entries) == 1
    return str(
        msgspec.structs.replace(keeper.sealed.totals, tree=b"", log=b"")
    )  # keys, hence ids, are fresh in each run


async def places(folder: Path) -> dict[str, list[str]]:
    """Every place of the ledger's work that the victims pass, by a run without a cut; one peer stands for all."""
    async with a_ledger(folder) as world:
        before = {name: set(world.fuses[name].places) for name in VICTIMS}
        await play(world)
        found = {}
        for name in VICTIMS:
            passed = sorted(set(world.fuses[name].places) - before[name] - {"dispatch of wrote ledgers G"})
            kinds = {place.partition(" to ")[0]: place for place in passed if "connected" not in place}
            found[name] = list(kinds.values())
        return found


async def test_a_cut_at_every_place_of_keeper_and_attestor_changes_nothing(tmp_path: Path) -> None:
    found = await places(tmp_path / "calm")
    kinds = " ".join(found[KEEPER]) + " ".join(found["ann"])
    for needed in (
        "ledgers Q",
        "ledgers K",
        "ledgers L",
        "ledgers E",
        "ledgers A",
        "ledger-batch",
        "claim of checkpoint",
    ):
        assert needed in kinds, f"the scenario passes no place of {needed}"
    endings = set()
    for name in VICTIMS:
        for n, place in enumerate(found[name]):
            async with a_ledger(tmp_path / f"{name}{n}") as world:
                world.fuses[name].once(place)
                ending = await play(world)
                # gossip may not come to this place in every order of things; all else must
                assert world.fuses[name].blown or "ledger-head" in place or "ledger-entry" in place, place
                endings.add(ending)
    assert len(endings) == 1


async def test_everybody_restarted_in_the_midst_goes_on(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        keeper = world.actors[KEEPER].room.keeper
        world.wire.cut = {"ann", "bob", "cat"}
        await keeper.post([mark(world), await world.block(), loan()])
        await keeper.seal()
        for name in EVERYBODY:
            await world.actors[name].restart()
        world.wire.cut = set()
        await world.final(END)
        assert len(list(world.actors[KEEPER].room.shelf.entries())) == 2


async def test_signatures_of_several_batches_whose_answers_were_lost_are_all_gathered(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        world.wire.cut = {"bob", "cat"}  # ann signs both batches, nothing is final
        await world.post(mark(world), await world.block(), loan())
        ann = world.actors["ann"].room.attestor
        assert ann is not None
        await world.until_true(lambda: ann.seq == END)
        await world.actors[KEEPER].restart()
        keeper = world.actors[KEEPER].room.keeper
        assert keeper is not None
        for after, batch in list(keeper.batches.items()):  # the answers were on their way when the power went
            await keeper._store(msgspec.structs.replace(batch, signatures=()), ())
            assert not keeper.batches[after].signatures
        for courier in keeper.couriers.values():
            courier.at = None
        world.wire.cut = {"cat"}
        await world.final(END, KEEPER, "ann", "bob")
        assert {(0, 2), (0, END), (1, 2), (1, END)} == set(world.signed())
