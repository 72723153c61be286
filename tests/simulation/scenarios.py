"""Scenario 3 as people play it: a vault, a claim above the sealed balance, Contest, Assert, Disprove."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from circuits.withdrawal import commitment_of
from tests.simulation.power import Crash, Fuse
from tests.simulation.toy import sealed
from tests.simulation.world import BALANCE, BOUND, ROLES, SALT, World

FALSE_AMOUNT = 900_000
TOY = sealed(commitment_of(BALANCE, SALT), BALANCE)
"""The inputs of a claim under the toy circuit; (BALANCE, SALT) under the product's."""
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


@asynccontextmanager
async def a_world(
    *,
    contest: dict[str, str] | None = None,
    fuses: dict[str, Fuse] | None = None,
    bound: int = BOUND,
    engine: str = "core",
    cast: tuple[str, ...] = ROLES,
    patience: float = 86_400.0,
) -> AsyncIterator[World]:
    """Nodes with coins, three unless said; their folders are in memory where the system has such a place."""
    with TemporaryDirectory(dir=MEMORY) as folder:
        asyncio.get_running_loop().set_exception_handler(_expected)
        world = World(Path(folder), contest if contest is not None else {"lender": "known", "challenger": "known"})
        world.bound, world.engine, world.cast, world.patience = bound, engine, cast, patience
        world.fuses |= fuses or {}
        await world.open()
        try:
            yield world
        finally:
            await world.close()


def _expected(loop: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
    """A crash is what these tests are about: nobody has to retrieve it."""
    if not isinstance(told.get("exception"), Crash):
        loop.default_exception_handler(told)


Step = Callable[[World, bytes], Awaitable[None]]


async def nothing(world: World, vault: bytes) -> None:
    """Between two steps, nothing."""


async def open_a_vault(world: World, amount: int = FALSE_AMOUNT, maturity: int = 10) -> bytes:
    """Step 1."""
    vault = await world.propose(amounts=[amount], slots=1, maturity=maturity)
    await world.until(lambda: world.open_everywhere(vault), 40)
    return vault


async def false_claim(world: World, *, claimed: tuple[int, int] = TOY, between: Step = nothing) -> bytes:
    """The whole scenario; `between` happens after every phase. Returns the vault."""
    vault = await open_a_vault(world)
    await between(world, vault)
    await world.claim(vault, 0, *claimed)
    for phase in ("claimed", "contested", "asserted", "disproved"):
        await world.until(lambda phase=phase: all(world.phases(vault, name)[0] == [phase] for name in ROLES), 40)
        await between(world, vault)
    await world.until(lambda: all(world.phases(vault, name)[0] == ["disproved"] for name in ROLES), 40)
    await world.mine(4)
    return vault
