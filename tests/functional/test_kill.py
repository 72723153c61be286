"""kill -9 of real processes, and a reorg that removes Assert: the same end, and one version only of Assert.

The moments come from a seed, printed at the start; BITVM3_KILL_SEED sets it.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from node.demo.processes import Backend, DaemonProcess
from node.demo.rules import expected
from node.demo.scenarios import Play, make, wanted
from node.demo.stage import MINER, Theatre, each
from node.faults import LocalFault, Unavailable
from node.rpc.client import RpcError
from tests.functional.plays import FALSE_CLAIM, KNOWN
from tests.functional.reaper import Reaper, beside, stubborn
from tests.functional.seen import Seen

pytestmark = [pytest.mark.functional, pytest.mark.timeout(400)]

KILLS = 20
SETUP_KILLS = 12
"""At most so many before the vault is open: the rest is for the dispute."""


def false_claim_only(stage: Theatre) -> Play:
    """A vault of one slot whose one graph is a false claim: 900,000 sat of a sealed 600,000."""
    return Play(stage, "core", print, (FALSE_CLAIM,), slots=1)


async def quiet(stage: Theatre) -> None:
    """Everybody is up and quiet."""

    async def once() -> None:
        if not all(daemon.running and daemon.client for daemon in stage.daemons):
            raise LocalFault(what="a daemon", expected="running", came="dead")
        await stage.quiet()

    await stubborn(once)


async def block(stage: Theatre) -> None:
    await stage.chain.call("generatetoaddress", 1, MINER)
    stage.height += 1


async def money(stage: Theatre) -> list[int]:
    return [int(b["total"]) for b in await each(stage.daemons, "wallet.balance")]


async def end(stage: Theatre, play: Play, before: list[int], seen: Seen) -> None:
    """The end that an undisturbed scenario 3 has, for everybody, to the sat; and what was seen on the way."""
    await stage.mine(3)
    shows = await each(stage.daemons, "vault.show", id=play.vault)
    for show in shows:
        assert [graph["phase"] for graph in show["graphs"]] == ["disproved"], show["me"]
        assert [slot["phase"] for slot in show["slots"]] == ["open"], show["me"]
        assert show["end"] == "", show["me"]
        assert not show["jobs"], show["me"]
    names = [tx["name"] for tx in shows[0]["transactions"]]
    assert [name.partition("/disprove")[0] for name in names] == [
        "stakes", "prefund", "vault", "0/claim", "0/contest", "0/assert", "0",
    ]  # fmt: skip
    change = expected(shows)
    assert await money(stage) == [before[party] + change[party] for party in range(3)]
    await seen.look()
    for tx in shows[0]["transactions"]:
        if tx["name"] in ("0/assert", "0/claim", "prefund", "vault"):
            assert len(seen.versions[tx["txid"]]) == 1, tx["name"]


async def phase(play: Play) -> str:
    show = await stubborn(lambda: play.theatre.challenger.call("vault.show", id=play.vault))
    return str(show["graphs"][0]["phase"])


async def slots_open(play: Play) -> bool:
    show = await stubborn(play.show)
    assert show["end"] == "", show["end"]
    return all(slot["phase"] == "open" for slot in show["slots"])


async def propose(stage: Theatre, play: Play) -> str:
    """Propose once, however often the daemon dies meanwhile."""
    identities = [info["identity"] for info in await each(stage.daemons, "node.info")]
    proposal = wanted(identities, play)

    async def once() -> str:
        listed = await stage.borrower.call("vault.list")
        if listed:
            return str(listed[0]["vault"])
        return str((await stage.borrower.call("vault.propose", proposal=proposal))["id"])

    return str(await stubborn(once))


async def accept(stage: Theatre, play: Play) -> None:
    for daemon in (stage.lender, stage.challenger):

        async def once(daemon: DaemonProcess = daemon) -> None:
            try:
                await daemon.call("vault.accept", id=play.vault)
            except RpcError as error:
                raise Unavailable(what="accept", expected="the proposal", came=error.message) from error

        await stubborn(once)


async def claim(stage: Theatre, play: Play) -> None:
    await stubborn(lambda: play.claim(0))


async def test_kill_9_of_daemons_at_20_random_moments(tmp_path: Path) -> None:
    """From the proposal to the disproved claim: at every step somebody dies and comes back."""
    seed = int(os.environ.get("BITVM3_KILL_SEED") or random.SystemRandom().getrandbits(32))
    print(f"BITVM3_KILL_SEED={seed}")
    stage = Theatre(tmp_path, "sandbox", known=KNOWN)
    try:
        await stage.open()
        before = await money(stage)
        play, reaper, seen = false_claim_only(stage), Reaper(stage, random.Random(seed), KILLS), Seen(stage.chain)
        async with beside(seen.watch()):
            play.vault = await reaper.during(propose(stage, play), 0.3, 1, 2)
            await reaper.during(accept(stage, play), 0.3, 1, 2)
            await quiet(stage)
            while not await slots_open(play):
                await block(stage)
                await reaper.during(quiet(stage), 1.0, 0, SETUP_KILLS - len(reaper.strikes))
                assert stage.height < 180
            await reaper.during(claim(stage, play), 0.3, 1, 2)
            await quiet(stage)
            while await phase(play) != "disproved":
                await block(stage)
                await reaper.during(quiet(stage), 0.3, 1, 3)
                assert stage.height < 220
            await reaper.during(quiet(stage), 0.3, KILLS, KILLS)
            print("killed:", " ".join(reaper.strikes))
            assert len(reaper.strikes) == KILLS
            assert set(reaper.strikes) == {"borrower", "lender", "challenger"}
            await end(stage, play, before, seen)
    finally:
        await stage.close()


async def test_a_reorg_that_removes_assert(theatre: Theatre) -> None:
    """Assert is mined, its block is made invalid, another branch wins: the same Assert is mined again, and loses again."""
    before = await money(theatre)
    play, seen = false_claim_only(theatre), Seen(theatre.chain)
    async with beside(seen.watch()):
        await make(play)
        await play.claim(0)
        await play.until(0, "asserted", 6)
        asserted = next(tx for tx in (await play.show())["transactions"] if tx["name"] == "0/assert")
        tip = await theatre.chain.call("getbestblockhash")
        assert asserted["txid"] in (await theatre.chain.call("getblock", tip))["tx"]
        await theatre.mine()  # evaluated, about to be buried
        bad = await theatre.chain.call("getblockhash", asserted["height"])
        await theatre.chain.call("invalidateblock", bad)
        # the other branch: first a block without any transaction, then more than there were
        await theatre.chain.call("generateblock", MINER, [])
        theatre.height = int(await theatre.chain.call("getblockcount"))
        await theatre.quiet()
        assert await phase(play) == "contested"
        await play.until(0, "asserted", 6)
        again = next(tx for tx in (await play.show())["transactions"] if tx["name"] == "0/assert")
        assert again["txid"] == asserted["txid"]
        assert again["height"] > asserted["height"]
        await play.until(0, "disproved", 20)
        await end(theatre, play, before, seen)


async def test_kill_9_of_the_chain_process(theatre: Theatre, chain_kind: Backend) -> None:
    """The chain dies with Claim in its mempool, again with Contest; daemons wait, offer again, and go on."""
    before = await money(theatre)
    play = false_claim_only(theatre)
    await make(play)
    await play.claim(0)
    await kill_chain(theatre)
    await play.until(0, "claimed", 6)
    await kill_chain(theatre)
    await play.until(0, "disproved", 20)
    await end(theatre, play, before, Seen(theatre.chain))


async def kill_chain(stage: Theatre) -> None:
    """Kill -9; what follows is a chain without its mempool. bitcoind also loses its index and reads its blocks again."""
    await stage.chain.kill()
    stage.chain.options = ("-reindex",) if stage.backend == "bitcoind" else ()
    await stage.chain.start()
    async with asyncio.timeout(60):
        while int(await stage.chain.call("getblockcount")) < stage.height:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await stage.quiet()
