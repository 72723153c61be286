"""Setups of five and eight parties in which one vanishes at every stage, or everyone is restarted at every stage.

The clocks are turned by hand: nothing here waits for real time.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from bitcoin.core import CTransaction

from challenge.progress import progress
from challenge.states import Stage
from node.chain import Rejected
from node.faults import Unavailable
from node.publish import PATIENCE as PATIENCE_BLOCKS
from node.stall import FOR_BLOCKS
from node.view import show_vault
from node.wallet import Payment
from node.wallet.spend import pay
from node.work.funding import load_stakes
from tests.simulation import toy
from tests.simulation.power import Fuse
from tests.simulation.scenarios import a_world
from tests.simulation.test_publish import children
from tests.simulation.test_reclaim import ANCHOR, fee_of
from tests.simulation.world import BOUND, GIFT, GIFTS, SLOT, World, letter_of, role_of

FIVE = ("borrower", "lender", "challenger-1", "challenger-2", "challenger-3")
EIGHT = (*FIVE, "challenger-4", "challenger-5", "challenger-6")
PATIENCE = 600.0
DEPTH_AND_MORE = 5


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    toy.install(monkeypatch)


async def propose(world: World) -> bytes:
    """A slot that the borrower may withdraw and the lender may default."""
    claims = [(0, "withdraw"), (1, "default")]
    wanted = {
        **world.wanted(amounts=[], slots=1),
        "graphs": [
            {"claimant": c, "outcome": o, "slot": 0, "profile": "test", "amount": SLOT, **world.about()}
            for c, o in claims
        ],
        "maturity": 10,
    }
    return bytes.fromhex(await world.actors["borrower"].node.propose(wanted))


def vanish(world: World, lost: str, kind: str) -> list[str]:
    """From its first letter of this kind on nobody hears from this party, and it serves nothing. Returns what it kept back."""
    held: list[str] = []

    def tamper(sender: str, to: str, raw: bytes) -> bytes | None:
        letter = letter_of(raw)
        if sender == lost and (held or letter.partition("/")[0] == kind):
            held.append(letter)
            world.wire.lives.pop(lost, None)
            return None
        return raw

    world.wire.tamper = tamper
    return held


async def settle(world: World, vault: bytes, who: tuple[str, ...], *, blocks: int = DEPTH_AND_MORE) -> None:
    """Blocks, and after each of them until nobody does anything but wait for a block or for another party."""
    for block in range(blocks + 1):
        if block:
            await world.chain.mine()
        same, before = 0, None
        while same < 50:
            await world.breathe()
            nodes = [world.actors[name].node for name in who if world.actors[name].life is not None]
            calm = len(nodes) == len(who) and all(
                node.loop.empty and node.scanner.height == world.chain.height and not works(node, vault)
                for node in nodes
            )
            now = [node.loop.turns for node in nodes]
            same = same + 1 if calm and now == before else 0
            before = now


def works(node: Any, vault: bytes) -> bool:
    state = node.book.get(vault)
    if state is None or state.end is not None:
        return False
    return any(job.kind not in FOR_BLOCKS and node.stalls._works(state, job) for job in state.jobs)


async def impatience(world: World, vault: bytes, who: tuple[str, ...]) -> None:
    """Every clock of these runs out at the same moment; shortly before it, nothing happens."""
    now = time.monotonic()
    for moment in (now, now + PATIENCE - 1):
        for name in who:
            world.actors[name].node.stalls.look(moment)
        await settle(world, vault, who, blocks=0)
        assert all(world.state(name, vault).end is None for name in who)
    for name in who:
        world.actors[name].node.stalls.look(now + PATIENCE)
    await settle(world, vault, who, blocks=0)


def expect_home(world: World, vault: bytes, name: str, *, spent: int = 0) -> None:
    """Nothing is reserved, and nothing is gone but fees and anchors of the coins that were posted and came back."""
    context = world.actors[name].node.context
    assert (context.wallet.balance().reserved, context.wallet.balance().unconfirmed) == (0, 0)
    record = load_stakes(context, vault)
    paid = fee_of(record.raw) + ANCHOR if record is not None and record.raw else 0
    returns = [raw for key, raw in context.store.items("outgoing") if key.startswith(vault) and b"reclaim" in key]
    assert len(returns) == (len(posted(world, vault, name)) if paid else 0)
    paid += sum(fee_of(raw) + ANCHOR for raw in (*returns, *called_off(world, vault, name)))
    assert world.balance(name) == GIFTS * GIFT - paid - spent


def called_off(world: World, vault: bytes, name: str) -> list[bytes]:
    """What a party made to call PreFund off: of a borrower that had stated its partials one transaction, else none."""
    raw = world.actors[name].node.context.store.get("outgoing", vault + b"call_off")
    stated = name == "borrower" and "partials/0/0" in world.state(name, vault).facts
    assert (raw is not None) == stated
    return [] if raw is None else [raw]


def posted(world: World, vault: bytes, name: str) -> list[int]:
    me = world.cast.index(name)
    return [g for g, graph in enumerate(world.state(name, vault).proposal.graphs) if graph.claimant == me]


def named(reason: str) -> list[str]:
    return [words.split(" ")[0] for words in reason.split("party ")[1:]]


CASES = [
    *((FIVE, "challenger-2", kind) for kind in ("accept", "keys", "kept", "drawn", "digest", "nonces", "partials")),
    *((FIVE, "lender", kind) for kind in ("accept", "keys", "points", "openings", "opened", "partials")),
    *((FIVE, "borrower", kind) for kind in ("keys", "points", "digest", "partials")),
    (EIGHT, "challenger-5", "keys"),
    (EIGHT, "lender", "openings"),
    (EIGHT, "challenger-3", "partials"),
]


@pytest.mark.parametrize(
    ("cast", "lost", "kind"), CASES, ids=lambda value: str(len(value)) if value in (FIVE, EIGHT) else value
)
async def test_a_party_that_vanishes_is_named_by_everyone_and_every_coin_comes_home(
    cast: tuple[str, ...], lost: str, kind: str
) -> None:
    async with a_world(cast=cast, patience=PATIENCE) as world:
        held = vanish(world, lost, kind)
        vault = await propose(world)
        others = tuple(name for name in cast if name != lost)
        await settle(world, vault, others)
        assert held
        for name in others:
            rows = progress(world.state(name, vault))
            assert rows[cast.index(lost)].had < rows[cast.index(lost)].of
            assert cast.index(lost) in world.actors[name].node.stalls.debts(world.state(name, vault))
        show = await show_vault(world.actors[others[0]].node, vault)
        assert [row["role"] for row in show["progress"]] == [role_of(name) for name in cast]
        assert [cast[row["party"]] for row in show["progress"] if row["owes"]] == [lost]
        for column in ("seconds", "received", "sent", "made", "checked"):
            assert abs(show["cost"][column] - sum(row[column] for row in show["setup"])) < 1
        assert show["cost"]["received"] > 0
        await impatience(world, vault, others)
        for name in others:
            end = world.state(name, vault).end
            assert end is not None and end[0] == Stage.ABORTED.value
            assert named(end[1]) == [str(cast.index(lost))], end
            assert f"({'challenger' if '-' in lost else lost} {world.actors[lost].identity.hex()[:16]}) owes" in end[1]
            assert world.state(name, vault).log == ()
        await settle(world, vault, others)
        for name in others:
            expect_home(world, vault, name)


async def test_a_party_that_serves_no_artifact_is_named_by_who_needs_it() -> None:
    """It says everything, and acknowledges everything; only the chunks of what it opened never come."""
    async with a_world(cast=FIVE, patience=PATIENCE) as world:

        def chunk(sender: str, to: str, artifact: bytes, index: int, raw: bytes | None) -> bytes | None:
            if to == "lender":
                raise Unavailable(what="lender", expected="a chunk", came="nothing")
            return raw

        world.wire.chunk = chunk
        vault = await propose(world)
        needing = tuple(name for name in FIVE if name != "lender")  # challengers of the lender's graph
        await settle(world, vault, FIVE)
        for name in needing:
            owed = world.actors[name].node.stalls.debts(world.state(name, vault))
            assert owed[1] == ("digest/1", f"openings/1/{FIVE.index(name)}") or owed[1] == (
                f"openings/1/{FIVE.index(name)}",
            ), owed
        await impatience(world, vault, needing)
        for name in needing:
            end = world.state(name, vault).end
            assert end is not None
            assert "1" in named(end[1])
        await settle(world, vault, FIVE)
        for name in FIVE:
            expect_home(world, vault, name)


BOUND_NOW = ("lender", "challenger-1", "challenger-3")
EVERYONE_LEFT = ("borrower", *BOUND_NOW)


async def all_but_one_ready(world: World) -> bytes:
    """The last `ready` never comes."""
    vanish(world, "challenger-2", "ready")
    vault = await propose(world)
    await settle(world, vault, EVERYONE_LEFT)
    assert {world.stage(name, vault) for name in EVERYONE_LEFT} == {Stage.READY}
    return vault


async def time_is_up(world: World, vault: bytes) -> None:
    """Everybody's clock runs out: the borrower's node ends the setup, the others cannot."""
    await impatience(world, vault, EVERYONE_LEFT)
    end = world.state("borrower", vault).end
    assert end is not None
    assert named(end[1]) == ["3"]
    assert end[1].startswith("after "), "no operator did this"
    assert all(world.state(name, vault).end is None for name in BOUND_NOW)


async def everybody_is_free(world: World, vault: bytes) -> None:
    """The borrower has called PreFund off by one version of one transaction, every coin is home, and nobody waits."""
    (raw,) = called_off(world, vault, "borrower")
    txid = world.chain.txid(raw)
    assert world.chain.offered[txid] == {raw}
    assert any(raw in block.txs for block in world.chain.blocks)
    for name in EVERYONE_LEFT:
        expect_home(world, vault, name)
        assert world.stage(name, vault) is Stage.ABORTED
        show = await show_vault(world.actors[name].node, vault)
        assert (show["stage"], show["progress"], show["agenda"]) == ("aborted", [], [])
    for name in BOUND_NOW:
        log = world.state(name, vault).log
        assert sorted(seen.name for seen in log) == ["0/foreign/bond", "1/foreign/bond", "foreign/prefund_input"]
        assert next(seen.txid for seen in log if seen.name == "foreign/prefund_input") == txid
        assert (await show_vault(world.actors[name].node, vault))["waits"] == ""


async def test_who_is_ready_raises_one_alarm_and_is_free_when_the_borrower_has_called_prefund_off() -> None:
    async with a_world(cast=FIVE, patience=PATIENCE) as world:
        vault = await all_but_one_ready(world)
        before = {name: world.actors[name].node.alarms for name in FIVE}
        await time_is_up(world, vault)
        for name in BOUND_NOW:
            assert world.actors[name].node.alarms == before[name] + 2  # its own clock, and the borrower's word
            world.actors[name].node.stalls.look(time.monotonic() + 3 * PATIENCE)
            assert world.actors[name].node.alarms == before[name] + 2
            assert "said ready" in (await show_vault(world.actors[name].node, vault))["waits"]
        wallet = world.actors["borrower"].node.context.wallet
        assert "(call_off)" in (await show_vault(world.actors["borrower"].node, vault))["waits"]
        assert len(wallet.promised(vault.hex())) == 1
        await settle(world, vault, EVERYONE_LEFT, blocks=1)
        for name in BOUND_NOW:
            assert world.stage(name, vault) is Stage.ABORTED
            show = await show_vault(world.actors[name].node, vault)
            assert (
                show["end"]
                == f"block {world.chain.height} spends an input of PreFund elsewhere: PreFund can never be mined"
            )
            assert "come back" in show["waits"]
        await settle(world, vault, EVERYONE_LEFT)
        await everybody_is_free(world, vault)


PLACES = (
    "after commit of Happened",
    "dispatch of Happened",
    "before commit of wrote outgoing call_off",
    "after commit of wrote outgoing call_off",
    "before broadcast of another transaction",
    "after broadcast of another transaction",
)


@pytest.mark.parametrize("place", PLACES)
async def test_a_crash_between_the_end_and_its_publication_leaves_nobody_bound(place: str) -> None:
    fuse = Fuse()
    async with a_world(cast=FIVE, patience=PATIENCE, fuses={"borrower": fuse}) as world:
        vault = await all_but_one_ready(world)
        fuse.once(place)
        await time_is_up(world, vault)
        await settle(world, vault, EVERYONE_LEFT, blocks=8)
        assert fuse.blown == [place]
        await everybody_is_free(world, vault)


async def test_a_borrower_that_is_stopped_after_its_end_goes_on_when_it_comes_back() -> None:
    """Its chain takes nothing at first; meanwhile the others stay bound, and nothing else gets the coin."""
    async with a_world(cast=FIVE, patience=PATIENCE) as world:
        vault = await all_but_one_ready(world)
        taking = world.chain.broadcast

        async def deaf(raw: bytes) -> Rejected:
            return Rejected(txid=world.chain.txid(raw), reason="bad-txns-in-the-test", missing_inputs=False)

        world.chain.broadcast = deaf  # type: ignore[method-assign]
        await time_is_up(world, vault)
        await settle(world, vault, EVERYONE_LEFT, blocks=1)
        (raw,) = called_off(world, vault, "borrower")
        await world.actors["borrower"].restart()
        wallet = world.actors["borrower"].node.context.wallet
        (coin,) = wallet.reserved(vault.hex())
        assert [(bytes(item.prevout.hash), item.prevout.n) for item in CTransaction.deserialize(raw).vin] == [
            coin.outpoint
        ]
        assert coin not in wallet.free()
        assert {world.stage(name, vault) for name in BOUND_NOW} == {Stage.READY}
        world.chain.broadcast = taking  # type: ignore[method-assign]
        await settle(world, vault, EVERYONE_LEFT, blocks=8)
        await everybody_is_free(world, vault)


@pytest.mark.parametrize("kept", [True, False], ids=["transactions kept", "transactions lost"])
@pytest.mark.parametrize("depth", [1, 4])
async def test_a_reorg_of_the_block_that_frees_everybody_frees_them_again(depth: int, kept: bool) -> None:
    async with a_world(cast=FIVE, patience=PATIENCE) as world:
        vault = await all_but_one_ready(world)
        await time_is_up(world, vault)
        await settle(world, vault, EVERYONE_LEFT, blocks=depth)
        assert {world.stage(name, vault) for name in BOUND_NOW} == {Stage.ABORTED}
        await world.chain.forget(depth, keep_transactions=kept)
        await settle(world, vault, EVERYONE_LEFT, blocks=0)
        assert {world.stage(name, vault) for name in BOUND_NOW} == {Stage.READY}, "PreFund could be mined again"
        await world.actors["borrower"].restart()
        await settle(world, vault, EVERYONE_LEFT, blocks=8)
        await everybody_is_free(world, vault)


async def test_what_calls_prefund_off_is_paid_for_by_a_child_when_no_block_takes_it() -> None:
    """Evicted before every block: it is offered again at each of them, after patience with a child."""
    async with a_world(cast=FIVE, patience=PATIENCE) as world:
        vault = await all_but_one_ready(world)
        await time_is_up(world, vault)
        (raw,) = called_off(world, vault, "borrower")
        txid = world.chain.txid(raw)
        for blocks in range(1, PATIENCE_BLOCKS + 2):
            assert txid in world.chain.mempool, "it is offered at every block"
            assert bool(children(world, txid)) == (blocks > PATIENCE_BLOCKS)
            for waiting in [txid, *map(world.chain.txid, children(world, txid))]:
                world.chain.mempool.pop(waiting, None)
            await settle(world, vault, EVERYONE_LEFT, blocks=1)
            assert {world.stage(name, vault) for name in BOUND_NOW} == {Stage.READY}
        assert world.chain.offered[txid] == {raw}
        await settle(world, vault, EVERYONE_LEFT, blocks=8)
        wallet = world.actors["borrower"].node.context.wallet
        assert wallet.waiting() == [] and wallet.balance().reserved == 0
        for name in BOUND_NOW:
            assert world.stage(name, vault) is Stage.ABORTED
            expect_home(world, vault, name)


async def test_what_calls_prefund_off_pays_nobody_but_the_own_wallet() -> None:
    """Bytes that take the right coin, well signed, to a stranger: they stay here, with an alarm, until they are right."""
    async with a_world(cast=FIVE, patience=PATIENCE) as world:
        vault = await all_but_one_ready(world)
        node = world.actors["borrower"].node
        wallet = node.context.wallet
        (coin,) = wallet.reserved(vault.hex())
        stranger = world.actors["lender"].node.context.wallet.new_script()
        bare = pay([], [coin], stranger, 1)
        wrong = wallet.sign(bare.raw, bare.coins)
        await node.context.write((("outgoing", vault + b"call_off", wrong),))
        before = node.alarms
        await time_is_up(world, vault)
        await settle(world, vault, EVERYONE_LEFT, blocks=2)
        assert node.alarms == before + 1
        assert world.chain.txid(wrong) not in world.chain.offered
        assert {world.stage(name, vault) for name in BOUND_NOW} == {Stage.READY}
        await node.context.write((("outgoing", vault + b"call_off", None),))
        await settle(world, vault, EVERYONE_LEFT, blocks=8)
        await everybody_is_free(world, vault)


async def test_a_coin_that_has_moved_another_way_frees_everybody_too() -> None:
    """Another wallet of the same seed spends the borrower's coins before its node can: nothing more is to be done."""
    async with a_world(cast=FIVE, patience=PATIENCE) as world:
        vault = await all_but_one_ready(world)
        wallet = world.actors["borrower"].node.context.wallet
        coins, script = wallet.reserved(vault.hex()), wallet.new_script()
        moved = pay([Payment(value=1_000_000, script=script)], coins, wallet.new_change(), 1)
        rival = wallet.sign(moved.raw, moved.coins)
        await world.chain.broadcast(rival)
        await time_is_up(world, vault)
        await settle(world, vault, EVERYONE_LEFT, blocks=8)
        spent = {seen.txid for name in BOUND_NOW for seen in world.state(name, vault).log if "prefund" in seen.name}
        assert spent == {world.chain.txid(rival)}
        for name in BOUND_NOW:
            expect_home(world, vault, name)
        (raw,) = called_off(world, vault, "borrower")
        expect_home(world, vault, "borrower", spent=fee_of(rival) + ANCHOR - fee_of(raw) - ANCHOR)
        await settle(world, vault, EVERYONE_LEFT, blocks=BOUND)
        assert wallet.promised(vault.hex()) == []
        assert await show_waits(world, vault) == ""


async def show_waits(world: World, vault: bytes) -> str:
    return str((await show_vault(world.actors["borrower"].node, vault))["waits"])


STAGES = ("accept", "keys", "points", "kept", "openings", "digest", "nonces", "partials", "ready")


@pytest.mark.parametrize(("cast", "restarted"), [(FIVE, FIVE), (EIGHT, ("borrower", "lender", "challenger-4"))])
async def test_a_setup_goes_on_after_a_restart_of_any_party_at_every_stage(
    cast: tuple[str, ...], restarted: tuple[str, ...]
) -> None:
    """Each of these parties is stopped and opened again when its first letter of every stage is on its way."""
    async with a_world(cast=cast) as world:
        due = {(name, kind) for name in restarted for kind in STAGES}
        due -= {(name, kind) for name, kind in due if kind in ("points", "openings") and name not in cast[:2]}
        due.discard(("borrower", "accept"))  # its proposal says so
        pending: list[str] = []

        def tamper(sender: str, to: str, raw: bytes) -> bytes | None:
            at = (sender, letter_of(raw).partition("/")[0])
            if at in due:
                due.remove(at)
                pending.append(sender)
                return None  # this very letter is lost with the connection
            return raw

        world.wire.tamper = tamper
        vault = await propose(world)
        for _ in range(40):
            await settle_or(world, pending)
            while pending:
                await world.actors[pending.pop(0)].restart()
            if all(world.stage(name, vault) is Stage.LIVE for name in cast if world.actors[name].node.book.get(vault)):
                break
            if not pending and all(actor.node.quiet(world.chain.height) for actor in world.actors.values()):
                await world.chain.mine()
        await world.until(lambda: everywhere(world, vault), 20)
        assert due == set()
        for name in cast:
            before = world.actors[name].node.cost(vault)
            await world.actors[name].restart()
            assert world.actors[name].node.cost(vault) == before
            made = sum(row["made"] for row in before)
            sessions = len((await world.actors[name].node.context.graph(world.state(name, vault))).signatures)
            assert made in (0, sessions)  # none when it was stopped between its partials and the vault
            assert made == sessions or name in restarted


async def settle_or(world: World, pending: list[str]) -> None:
    """Until all is quiet or somebody is to be restarted."""
    same, before = 0, None
    while not pending and same < 5:
        await world.breathe()
        now = [actor.node.loop.turns for actor in world.actors.values()]
        calm = all(actor.node.quiet(world.chain.height) for actor in world.actors.values())
        same = same + 1 if calm and now == before else 0
        before = now


def everywhere(world: World, vault: bytes) -> bool:
    return all(
        world.stage(name, vault) is Stage.LIVE and set(world.phases(vault, name)[1]) == {"open"} for name in world.cast
    )
