"""P4: a vault's state is a function of Terms, chain and messages, whatever way the chain came about."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import structlog

from challenge.deadlines import agenda
from challenge.events import Done, Mined
from challenge.machine import Outcome
from challenge.states import Job, VaultState
from node.faults import LocalFault
from node.loop import Happened, Item
from node.work import WORK
from node.work.context import Context, Facts
from tests.simulation import toy
from tests.simulation.chain import Block, MemoryChain
from tests.simulation.power import Fuse
from tests.simulation.scenarios import MEMORY, TOY, a_world, false_claim, open_a_vault
from tests.simulation.world import ROLES, Actor, World


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    toy.install(monkeypatch)


ENDINGS: list[list[str]] = []


async def ending() -> list[str]:
    """The end of the scenario without a reorg; played once."""
    if not ENDINGS:
        async with a_world() as world:
            ENDINGS.append(world.ending(await false_claim(world)))
    return ENDINGS[0]


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("kept", [True, False], ids=["transactions kept", "transactions lost"])
async def test_blocks_leave_after_every_step_and_the_end_is_the_same(depth: int, kept: bool) -> None:
    """After `asserted` the reorg removes Assert; nobody ever sees a second version of it."""
    removed: set[str] = set()

    async def reorg(world: World, vault: bytes) -> None:
        before = {seen.name for seen in world.state("challenger", vault).log}
        await world.chain.forget(min(depth, world.chain.height - 1), keep_transactions=kept)
        await world.quiet()
        removed.update(before - {seen.name for seen in world.state("challenger", vault).log})

    async with a_world() as world:
        vault = await false_claim(world, between=reorg)
        assert world.ending(vault) == await ending()
        assert len(world.versions(vault, 0)) == 1
        assert {"0/claim", "0/contest", "0/assert"} <= {name.replace("/2", "").replace("/1", "") for name in removed}


@pytest.mark.parametrize("kept", [True, False], ids=["transactions kept", "transactions lost"])
async def test_a_reorg_removes_everything_the_vault_has_on_chain(kept: bool) -> None:
    """Stakes, PreFund, Vault and the game up to Assert leave at once: everything is published again."""
    async with a_world() as world:
        vault = await open_a_vault(world)
        await world.claim(vault, 0, *TOY)
        await world.until(lambda: world.phases(vault)[0] == ["asserted"], 10)
        await world.chain.forget(world.chain.height - 1, keep_transactions=kept)
        await world.quiet()
        assert world.phases(vault) == (["armed"], ["unfunded"])
        assert not world.state("challenger", vault).log
        for phase in ("asserted", "disproved"):
            await world.until(lambda phase=phase: all(world.phases(vault, name)[0] == [phase] for name in ROLES), 40)
        await world.mine(4)
        assert world.ending(vault) == await ending()
        assert len(world.versions(vault, 0)) == 1


@pytest.mark.parametrize("place", ["disconnected 11", "connected 11", "done evaluate(0,)", "wrote outgoing 0/assert"])
@pytest.mark.parametrize("when", ["before commit of", "after commit of"])
async def test_crashes_during_the_reorg_that_removes_assert(when: str, place: str) -> None:
    fuses = {name: Fuse() for name in ROLES}
    for fuse in fuses.values():
        fuse.once(f"{when} {place}")

    async def reorg(world: World, vault: bytes) -> None:
        if world.phases(vault)[0] == ["asserted"]:
            await world.chain.forget(3, keep_transactions=False)
            await world.quiet()

    async with a_world(fuses=fuses) as world:
        vault = await false_claim(world, between=reorg)
        assert any(fuse.blown for fuse in fuses.values())
        assert world.ending(vault) == await ending()
        assert len(world.versions(vault, 0)) == 1


# ---- the same chain in eight ways --------------------------------------------------------------------------------------


class Alone(World):
    """One node without its peers, on a chain that the test hands out."""

    async def let_in(self, folder: Path, like: Actor) -> Actor:
        shutil.copytree(like.folder, folder)
        actor = Actor(like.name, folder, self, like.policy, Fuse())
        self.actors[like.name] = actor
        await actor.open()
        return actor

    async def give(self, blocks: list[Block]) -> None:
        await self.chain.switch(blocks)
        await self.quiet(who=tuple(self.actors))

    def seen(self, vault: bytes) -> list[object]:
        """Everything that the chain decides: log with heights and txids, facts, agenda, coins."""
        (actor,) = self.actors.values()
        state = self.state(actor.name, vault)
        wallet, recent = actor.node.context.wallet, actor.node.scanner.recent()
        facts = {
            key: value for key, value in state.facts.items() if not key.startswith("verdict")
        }  # of a job, in time or not
        return [state.log, facts, state.jobs, state.end, agenda(state), wallet.coins(), wallet.height, recent]


Way = Callable[[Alone, list[Block], int], Awaitable[None]]
"""Deliver a chain; the first `known` blocks are known already."""


async def one_by_one(world: Alone, final: list[Block], known: int) -> None:
    for end in range(known + 1, len(final) + 1):
        await world.give(final[:end])


async def all_at_once(world: Alone, final: list[Block], known: int) -> None:
    await world.give(final)


async def with_restarts(world: Alone, final: list[Block], known: int) -> None:
    for end in range(known + 1, len(final) + 1):
        await world.give(final[:end])
        for actor in world.actors.values():
            await actor.restart()


async def with_crashes(world: Alone, final: list[Block], known: int) -> None:
    for actor in world.actors.values():
        fuse = actor.fuse
        fuse.wanted = lambda place, fuse=fuse: "connected" in place and place not in fuse.blown
    await one_by_one(world, final, known)
    assert all(len(actor.fuse.blown) >= 2 * (len(final) - known) for actor in world.actors.values())


async def each_block_twice(world: Alone, final: list[Block], known: int) -> None:
    for end in range(known + 1, len(final) + 1):
        await world.give(final[:end])
        await world.give(final[: end - 1])
        await world.give(final[:end])


async def after_an_empty_branch(world: Alone, final: list[Block], known: int) -> None:
    other = MemoryChain(blocks=list(final[:known]), tick=10_000)
    for _ in range(len(final) - known + 2):
        other._append([])
    await world.give(other.blocks)
    await world.give(final)


async def twice_from_the_beginning(world: Alone, final: list[Block], known: int) -> None:
    await world.give(final)
    await world.give(final[:known])
    await one_by_one(world, final, known)


async def two_steps_forward_one_back(world: Alone, final: list[Block], known: int) -> None:
    end = known
    while end < len(final):
        end = min(end + 4, len(final))
        await world.give(final[:end])
        await world.give(final[: max(known, end - 2)])
    await world.give(final)


WAYS: tuple[Way, ...] = (
    one_by_one,
    all_at_once,
    with_restarts,
    with_crashes,
    each_block_twice,
    after_an_empty_branch,
    twice_from_the_beginning,
    two_steps_forward_one_back,
)


@pytest.mark.parametrize("role", ROLES)
async def test_eight_ways_of_delivering_the_same_chain_end_in_the_same_state(role: str) -> None:
    with TemporaryDirectory(dir=MEMORY) as folder:
        await deliver_in_eight_ways(role, Path(folder))


async def deliver_in_eight_ways(role: str, tmp_path: Path) -> None:
    async with a_world() as world:
        vault = await open_a_vault(world)
        await world.claim(vault, 0, *TOY)
        known = world.chain.height + 1
        like = world.actors[role]
        await like.close()
        shutil.copytree(like.folder, tmp_path / role)
        like.folder = tmp_path / role
        asleep = Actor(like.name, world.folder / role, world, like.policy, Fuse())
        world.actors[role] = asleep
        await asleep.open()
        await world.until(lambda: world.phases(vault)[0] == ["disproved"], 40)
        await world.mine(4)
        final = list(world.chain.blocks)
        identities = {name: actor.identity for name, actor in world.actors.items()}

    seen: dict[str, list[object]] = {}
    for number, way in enumerate(WAYS):
        alone = Alone(tmp_path / str(number), {}, bound=world.bound)
        alone.reach = lambda identity: next(n for n, known in identities.items() if known == identity)  # type: ignore[method-assign]
        alone.chain.blocks = list(final[:known])
        await alone.let_in(tmp_path / f"{number}-{role}", like)
        try:
            await alone.quiet(who=(role,))
            await way(alone, final, known)
            assert alone.phases(vault, role)[0] == ["disproved"]
            seen[way.__name__] = alone.seen(vault)
        finally:
            await alone.close()
    for name, what in seen.items():
        assert what == seen["one_by_one"], name


# ---- too deep ----------------------------------------------------------------------------------------------------------


async def test_a_reorg_beyond_the_bound_halts_the_vault_and_nothing_is_published_any_more() -> None:
    with structlog.testing.capture_logs() as logs:
        async with a_world(bound=6) as world:
            vault = await open_a_vault(world)
            await world.claim(vault, 0, *TOY)
            await world.until(lambda: world.phases(vault)[0] == ["contested"], 10)
            await world.chain.forget(8, keep_transactions=True)
            for _ in range(9):
                await world.chain.mine()
            async with asyncio.timeout(30):
                while not all(world.state(name, vault).end for name in ROLES):
                    await world.breathe()
            for name in ROLES:
                how, why = world.state(name, vault).end or ("", "")
                assert how == "halted"
                assert "at most 6 blocks to leave the chain" in why
                assert agenda(world.state(name, vault)) == ()
            offered = {txid: set(raws) for txid, raws in world.chain.offered.items()}
            for name in ROLES:
                await world.actors[name].restart()
            for _ in range(12):
                await world.chain.mine()
                for _ in range(5):
                    await world.breathe()
            assert world.chain.offered == offered, "something was published by a halted vault"
            for name in ROLES:
                with pytest.raises(LocalFault, match="halted"):
                    await world.actors[name].node.order(vault.hex(), "want_repay", 0)
    assert {"alarm", "reorg beyond the bound: every living vault is halted"} <= {
        line["event"] for line in logs if line["log_level"] == "critical"
    }


async def test_an_evaluation_that_a_block_drops_and_another_opens_again_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Assert leaves and is back before the loop has told the job that nobody wants its result."""
    real, hold, begun = WORK["evaluate"], asyncio.Event(), asyncio.Event()

    async def slowly(context: Context, state: VaultState, job: Job) -> Facts:
        if context is world.actors["lender"].node.context:
            begun.set()
            await hold.wait()
        return await real(context, state, job)

    monkeypatch.setitem(WORK, "evaluate", slowly)
    async with a_world() as world:
        vault = await open_a_vault(world)
        await world.claim(vault, 0, *TOY)
        lender = world.actors["lender"].node
        while not begun.is_set():
            await world.mine_without_waiting(1, until=lambda: True)
        asserted = world.state("lender", vault).log[-1]
        assert asserted.name == "0/assert"
        above = world.chain.height - asserted.height + 1
        await world.chain.forget(above, keep_transactions=True)
        while world.state("lender", vault).log[-1] == asserted:
            await world.breathe()
        assert world.state("lender", vault).jobs == ()
        put = lender.loop.put

        def at_once(item: Item) -> asyncio.Future[Outcome]:
            answer = put(item)
            if isinstance(item, Happened) and isinstance(item.event, Done):
                again = Mined(height=asserted.height, block=bytes(32), seen=(asserted,))
                put(Happened(vault=vault, event=again))
            return answer

        monkeypatch.setattr(lender.loop, "put", at_once)
        hold.set()
        while world.state("lender", vault).log[-1] != asserted:
            await world.breathe()
        monkeypatch.setattr(lender.loop, "put", put)
        await world.quiet()
        await world.until(lambda: world.phases(vault)[0] == ["disproved"], 20)
        assert any(name.startswith("verdict/0/") for name in world.state("lender", vault).facts)
