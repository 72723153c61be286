"""One vault of engine babe, set up once; each copy of its world goes a way of its own, and no copy knows of another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from node.demo.grounds import Game
from node.demo.rules import expected
from node.demo.scenarios import Play, make
from node.demo.stage import Theatre, each
from node.proving import Statement
from tests.functional.frozen import freeze, thawed
from tests.proving_kit import TWO, keys

pytestmark = [pytest.mark.functional, pytest.mark.timeout(600)]

OUTCOME = Statement(name="outcome", batch=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ice:
    """Where it lies, what was agreed, and what everybody had before."""

    folder: Path
    vault: str
    before: list[int]
    stage: Callable[[Path], Theatre]


@pytest.fixture(scope="module")
def ice(tmp_path_factory: pytest.TempPathFactory) -> Ice:
    """An open vault of one slot, stopped."""
    home = tmp_path_factory.mktemp("frozen")
    proving = home / "proving"
    keys(proving, TWO, OUTCOME)

    def stage(folder: Path) -> Theatre:
        return Theatre(folder, "sandbox", contest="never", proving=proving)

    async def build() -> Ice:
        theatre = stage(home / "world")
        try:
            await theatre.open()
            before = [int(b["total"]) for b in await each(theatre.daemons, "wallet.balance")]
            play = Play(theatre, "babe", print, [Game(slot=0, claim="false", profile="test")], slots=1)
            await make(play)
            while await theatre.chain.call("getrawmempool"):
                await theatre.mine()
            return Ice(folder=await freeze(theatre), vault=play.vault, before=before, stage=stage)
        finally:
            await theatre.close()

    return asyncio.run(build())


async def ended(theatre: Theatre, ice: Ice) -> str:
    """Mine until the slot is closed and everything is back; by what it was closed. Every wallet is right to the sat."""

    async def closed() -> bool:
        shown = await theatre.borrower.call("vault.show", id=ice.vault)
        return bool(shown["slots"][0]["phase"] == "closed")

    await theatre.mine_until(closed, "the slot", 200)
    await theatre.mine(6)
    shows = await each(theatre.daemons, "vault.show", id=ice.vault)
    found = [int(b["total"]) for b in await each(theatre.daemons, "wallet.balance")]
    change = expected(shows)
    assert found == [sats + change[p] for p, sats in enumerate(ice.before)]
    return str(shows[0]["slots"][0]["by"])


async def test_one_copy_repays(ice: Ice, tmp_path: Path) -> None:
    async with thawed(ice.folder, tmp_path, ice.stage) as theatre:
        await theatre.order(theatre.borrower, "vault.repay", id=ice.vault, slot=0)
        assert await ended(theatre, ice) == "repay/0"


async def test_another_copy_never_heard_of_it_and_waits_for_the_dead_man(ice: Ice, tmp_path: Path) -> None:
    async with thawed(ice.folder, tmp_path, ice.stage) as theatre:
        shown = await theatre.borrower.call("vault.show", id=ice.vault)
        assert shown["slots"][0]["phase"] == "open" and "repay" not in str(shown["transactions"])
        for daemon in (theatre.lender, theatre.challenger):
            await daemon.stop()
        await theatre.order(theatre.borrower, "vault.deadman", id=ice.vault, slot=0)
        await theatre.mine(100)
        for daemon in (theatre.lender, theatre.challenger):
            await daemon.start()
        await theatre.meet()
        assert await ended(theatre, ice) == "deadman/0"
