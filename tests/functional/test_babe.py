"""Disputes of engine babe through real daemons, with real `outcome` proofs, on both backends: who ends up with which coin.

One vault a backend, set up once; every test has a graph of its own in it, and ends with every wallet compared to the rules,
to the sat. The slots of true claims lie above the others: a ledger frees the highest first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from node.demo.grounds import Game, Lent
from node.demo.processes import Backend, DaemonProcess, find_bitcoind
from node.demo.rules import Entry, entries, expected
from node.demo.scenarios import Play, contest, make
from node.demo.stage import Theatre, each
from node.proving import Statement
from node.rpc.client import RpcError
from tests.functional.conftest import NO_BITCOIND
from tests.proving_kit import TWO, keys

pytestmark = [pytest.mark.functional, pytest.mark.timeout(1500), pytest.mark.asyncio(loop_scope="module")]

BORROWER, LENDER, CHALLENGER = range(3)
OUTCOME = Statement(name="outcome", batch=0)
P = 0x30644E72E131A029B85045B68181585D97816A916871CA8D3C208C16D87CFD47
"""The base field of BN254."""

TRUE = ("refuted", "overtaken", "abandoned")
GRAPHS: dict[Backend, tuple[str, ...]] = {
    "sandbox": ("refuted", "overtaken", "abandoned", "two", "curve", "canonical", "padded", "silent"),
    "bitcoind": ("refuted", "overtaken", "two"),
}
"""What the graphs of each backend's vault are for, from the highest slot down."""
EVERYWHERE = pytest.mark.parametrize("hall", ["sandbox", "bitcoind"], indirect=True)
ONCE = pytest.mark.parametrize("hall", ["sandbox"], indirect=True)


@dataclass(slots=True)
class Hall:
    """A vault in which everything can be tried."""

    stage: Theatre
    play: Play
    before: list[int]
    names: tuple[str, ...]

    def graph(self, name: str) -> int:
        return self.names.index(name)

    async def mined(self, graph: int) -> list[str]:
        """The transactions of a graph, without those that took unused coins back."""
        shown = (await self.play.seen())["transactions"]
        names = [tx["name"].partition("/")[2] for tx in shown if tx["name"].startswith(f"{graph}/")]
        return [name for name in names if not name.startswith("foreign/")]

    async def game(self, graph: int) -> dict[str, Any]:
        return dict((await self.play.seen())["graphs"][graph])

    async def slot(self, graph: int) -> str:
        shown = await self.play.seen()
        return str(shown["slots"][shown["graphs"][graph]["slot"]]["phase"])

    async def claim(self, graph: int, proof: bytes | None = None) -> None:
        """The borrower claims: with the proof that its node makes, or knowingly with another."""
        more = {} if proof is None else {"proof": proof.hex(), "knowingly_false": True}
        await self.stage.order(self.stage.borrower, "vault.claim", id=self.play.vault, graph=graph, **more)
        await self.play.until(graph, "claimed", 3)

    async def contested(self, graph: int) -> None:
        """The challenger contests, whatever it knows, and the claimant asserts."""
        await contest(self.play, graph)
        await self.play.until(graph, "contested", 5)
        await self.play.until(graph, "asserted", 5)

    async def away(self, daemon: DaemonProcess) -> None:
        await daemon.kill()

    async def back(self, daemon: DaemonProcess) -> None:
        await daemon.start()
        await self.stage.meet()
        await self.stage.quiet()

    async def exact(self) -> list[Entry]:
        """Every wallet holds what the rules say, once nothing is on its way; returns what moved, graph by graph."""
        for _ in range(8):
            await self.stage.mine()
            if not await self.stage.chain.call("getrawmempool"):
                break
        shows = await each(self.stage.daemons, "vault.show", id=self.play.vault)
        found = [int(b["total"]) for b in await each(self.stage.daemons, "wallet.balance")]
        change = expected(shows)
        assert found == [self.before[p] + change[p] for p in range(3)], entries(shows)
        return entries(shows)


def won(moved: list[Entry], graph: int) -> dict[str, dict[int, int]]:
    """What the game of one graph paid: what for -> party -> sats."""
    found: dict[str, dict[int, int]] = {}
    for what, party, sats in moved:
        game, _, why = what.partition(": ")
        if game == f"graph {graph}" and sats:
            of = found.setdefault(why, {})
            of[party] = of.get(party, 0) + sats
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hall(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hall]:
    """Chain, daemons, ledger and an open vault whose true claims have their records."""
    backend: Backend = request.param
    if backend == "bitcoind" and find_bitcoind() is None:
        pytest.skip(NO_BITCOIND)
    home, names = tmp_path_factory.mktemp(f"babe-{backend}"), GRAPHS[backend]
    proving: Path = home / "proving"
    keys(proving, TWO, OUTCOME)
    stage = Theatre(home, backend, contest="never", proving=proving)
    try:
        await stage.open()
        before = [int(b["total"]) for b in await each(stage.daemons, "wallet.balance")]
        games = [
            Game(slot=len(names) - 1 - at, claim="true" if name in TRUE else "false", profile="test")
            for at, name in enumerate(names)
        ]
        play = Play(stage, "babe", print, games, slots=len(names))
        await make(play)
        for graph, game in enumerate(games):
            if game.claim == "true":
                await play.grounds.argument(graph)
        yield Hall(stage, play, before, names)
    finally:
        await stage.close()


def other_proof(hall: Hall) -> bytes:
    """A proof that is valid, for the slot that was freed last."""
    assert isinstance(hall.play.grounds, Lent)
    return bytes.fromhex(hall.play.grounds.proof)


# ---- true claims -----------------------------------------------------------------------------------------------------


@EVERYWHERE
async def test_a_true_claim_contested_wrongly_takes_the_stake_and_is_paid(hall: Hall) -> None:
    graph, play = hall.graph("refuted"), hall.play
    await hall.claim(graph)
    with pytest.raises(RpcError, match="one whose proof this node has verified"):
        await hall.stage.challenger.call("vault.contest", id=play.vault, graph=graph)
    await hall.contested(graph)
    await play.until_mined(graph, "reveal", 10)
    await play.until_mined(graph, "refute", 10)
    await play.until(graph, "paid", 40)
    assert await hall.mined(graph) == ["claim", "contest", "assert", "reveal/2", "refute/2", "contested_payout"]
    game = await hall.game(graph)
    assert (game["answers"][str(CHALLENGER)], await hall.slot(graph)) == ("refuted", "closed")
    moved = won(await hall.exact(), graph)
    refute = next(tx for tx in (await play.seen())["transactions"] if tx["name"] == f"{graph}/refute/2")
    assert moved["stake won"] == {BORROWER: game["stake"] + 330 - refute["fee"] - 240}
    assert set(moved) == {"stake won", "paid"} and set(moved["paid"]) == {BORROWER}


@EVERYWHERE
async def test_a_claimant_whose_coin_went_another_way_defends_its_bond_all_the_same(hall: Hall) -> None:
    """The slot is repaid between Contest and Assert: Assert, Reveal, Refute, and the bond by ReleaseBond."""
    graph, play = hall.graph("overtaken"), hall.play
    await hall.claim(graph)
    await contest(play, graph)
    await play.until(graph, "contested", 5)
    slot = (await hall.game(graph))["slot"]
    await hall.stage.order(hall.stage.borrower, "vault.repay", id=play.vault, slot=slot)
    await play.until(graph, "asserted", 5)
    assert await hall.slot(graph) == "closed"
    await play.until_mined(graph, "reveal", 10)
    await play.until_mined(graph, "refute", 10)
    await play.until(graph, "released", 50)
    assert await hall.mined(graph) == ["claim", "contest", "assert", "reveal/2", "refute/2", "release_bond"]
    moved = await hall.exact()
    assert set(won(moved, graph)) == {"stake won", "bond released"}
    assert [entry.party for entry in moved if entry.what == f"slot {slot}: repay"] == [BORROWER]


@ONCE
async def test_a_challenger_that_vanishes_after_its_contest_loses_nothing_and_the_claim_is_paid(hall: Hall) -> None:
    graph, play = hall.graph("abandoned"), hall.play
    await hall.claim(graph)
    await contest(play, graph)
    await play.until(graph, "contested", 5)
    await hall.away(hall.stage.challenger)
    await play.until(graph, "asserted", 5)
    await play.until(graph, "paid", 40)
    await hall.back(hall.stage.challenger)
    assert await hall.mined(graph) == ["claim", "contest", "assert", "contested_payout"]
    moved = won(await hall.exact(), graph)
    assert set(moved) == {"paid"} and set(moved["paid"]) == {BORROWER}


# ---- false claims ----------------------------------------------------------------------------------------------------


@EVERYWHERE
async def test_two_honest_challengers_one_takes_the_bond_the_other_its_stake_back(hall: Hall) -> None:
    """Both reveal; one is away when NoPayout becomes possible, and finds its stake untouched."""
    graph, play = hall.graph("two"), hall.play
    await hall.claim(graph, other_proof(hall))
    await hall.contested(graph)
    await play.until_mined(graph, "reveal", 10)
    if len([name for name in await hall.mined(graph) if name.startswith("reveal/")]) < 2:
        await hall.stage.mine()
    assert sorted(await hall.mined(graph))[-2:] == ["reveal/1", "reveal/2"]
    await hall.away(hall.stage.challenger)
    await play.until(graph, "disproved", 15)
    await hall.back(hall.stage.challenger)
    await play.until_mined(graph, "stake_back", 20)
    mined = await hall.mined(graph)
    assert mined[:3] == ["claim", "contest", "assert"]
    assert sorted(mined[3:5]) == ["reveal/1", "reveal/2"]
    assert mined[5:] == ["no_payout/1", "stake_back/2"]
    game = await hall.game(graph)
    assert game["answers"] == {str(LENDER): "killed", str(CHALLENGER): "returned"}
    assert await hall.slot(graph) == "open", "nobody takes the coin by a false claim"
    moved = won(await hall.exact(), graph)
    assert moved["stake back"][LENDER] == game["stake"]
    assert set(moved["disproved"]) == {LENDER}, "60 % as challenger and 30 % as the injured"
    assert 0 < game["stake"] - moved["stake back"][CHALLENGER] < 1_000, "less only the fee of StakeBack"


BROKEN = {
    "curve": (
        "off the curve",
        lambda proof: proof[:63] + bytes([proof[63] ^ 1]) + proof[64:],
    ),
    "canonical": (
        "the generator with x + p, below 2^254",
        lambda proof: (1 + P).to_bytes(32) + (2).to_bytes(32) + proof[64:],
    ),
    "padded": (
        "the highest bit of y set",
        lambda proof: proof[:32] + bytes([proof[32] | 0x80]) + proof[33:],
    ),
}
"""A proof of another slot whose first point is, besides, none: what the circuit must not decode."""


@ONCE
@pytest.mark.parametrize("name", BROKEN)
async def test_a_first_point_that_is_none_reveals_nothing_and_loses_the_bond(hall: Hall, name: str) -> None:
    """Of two challengers one colludes with the claimant: it contests, so that nobody else need, and is never seen again."""
    graph, play = hall.graph(name), hall.play
    proof = BROKEN[name][1](other_proof(hall))
    assert len(proof) == 256 and proof != other_proof(hall)
    await hall.claim(graph, proof)
    await contest(play, graph)
    await play.until(graph, "contested", 5)
    await hall.away(hall.stage.challenger)
    await play.until(graph, "asserted", 5)
    await play.until_mined(graph, "reveal", 10)
    await play.until(graph, "disproved", 15)
    await hall.back(hall.stage.challenger)
    assert await hall.mined(graph) == ["claim", "contest", "assert", "reveal/1", "no_payout/1"]
    game = await hall.game(graph)
    assert game["answers"][str(LENDER)] == "killed" and await hall.slot(graph) == "open"
    moved = won(await hall.exact(), graph)
    assert set(moved) == {"stake back", "disproved"} and set(moved["disproved"]) == {LENDER}


@ONCE
async def test_a_claimant_that_falls_silent_loses_its_bond_to_the_challengers(hall: Hall) -> None:
    graph, play = hall.graph("silent"), hall.play
    await hall.claim(graph, other_proof(hall))
    await hall.away(hall.stage.borrower)
    await contest(play, graph)
    await play.until(graph, "contested", 5)
    await play.until(graph, "defaulted", 20)
    await hall.back(hall.stage.borrower)
    assert await hall.mined(graph) == ["claim", "contest", "no_assert"]
    assert set(won(await hall.exact(), graph)["no assertion"]) == {LENDER, CHALLENGER}


@EVERYWHERE
async def test_in_the_end_every_unused_coin_is_back_with_its_owner(hall: Hall) -> None:
    """Bonds and stakes of finished games; what lies on chain still are slots nobody could claim, and dust."""
    await hall.stage.mine(4)
    moved = await hall.exact()
    shows = await each(hall.stage.daemons, "vault.show", id=hall.play.vault)
    for party in (LENDER, CHALLENGER):
        graphs = shows[party]["graphs"]
        revealed = {int(name.partition("/")[0]) for name in names_of(shows[party]) if f"/reveal/{party}" in name}
        taken = {int(name.partition("/")[0]) for name in names_of(shows[party]) if f"/foreign/stake/{party}" in name}
        assert revealed.isdisjoint(taken) and revealed | taken == set(range(len(graphs)))
    assert {show["end"] for show in shows} == {""}
    assert not [entry for entry in moved if entry.what.endswith("paid") and entry.party != BORROWER and entry.sats]


def names_of(show: dict[str, Any]) -> list[str]:
    return [tx["name"] for tx in show["transactions"]]
