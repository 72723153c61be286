"""`bitvm3` as a person uses it, against three running daemons: a vault from its proposal to its payout, and the errors
people make on the way. Every command is a process of its own; what it prints and its exit status are the test.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.demo.grounds import BALANCE, salt
from node.demo.processes import DaemonProcess
from node.demo.scenarios import Play, wanted
from node.demo.stage import Theatre
from tests.functional.chain_fixture import ROOT
from tests.functional.plays import KNOWN, TRUE_CLAIM

pytestmark = [pytest.mark.functional, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Said:
    """One command's end."""

    status: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        assert self.status == 0, self.err
        return json.loads(self.out)


async def bitvm3(daemon: DaemonProcess, *arguments: str) -> Said:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "node.cli", "--datadir", str(daemon.folder), *arguments,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(90):
        out, err = await process.communicate()
    said = Said(process.returncode or 0, out.decode(), err.decode())
    assert "Traceback" not in said.err, said.err
    return said


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Theatre]:
    theatre = Theatre(tmp_path, "sandbox", known=KNOWN)
    try:
        await theatre.open()
        yield theatre
    finally:
        await theatre.close()


async def test_a_vault_by_hand(stage: Theatre, tmp_path: Path) -> None:
    borrower, lender, challenger = stage.daemons
    infos = [said.value for said in await asyncio.gather(*(bitvm3(d, "info", "--json") for d in stage.daemons))]
    assert {info["network"] for info in infos} == {"regtest"}
    assert len({info["identity"] for info in infos}) == 3

    # the wallet and the peers, for people
    told, address, coins, peers = await asyncio.gather(
        bitvm3(borrower, "wallet", "balance"),
        bitvm3(borrower, "wallet", "address"),
        bitvm3(borrower, "wallet", "coins", "--json"),
        bitvm3(borrower, "peer", "list"),
    )
    assert "15000000000" in told.out.replace(",", "")
    assert "bcrt1p" in address.out
    assert sum(coin["value"] for coin in coins.value) == 15_000_000_000
    assert all(info["identity"] in peers.out for info in infos[1:])

    # a proposal in a file; first with what people get wrong
    play = Play(stage, "core", print, (TRUE_CLAIM,), slots=1)
    proposal = wanted([info["identity"] for info in infos], play)
    right = tmp_path / "vault.json"
    right.write_text(json.dumps(proposal))
    decimals = tmp_path / "decimals.json"
    decimals.write_text(json.dumps({**proposal, "slots": [0.01]}))
    greedy = tmp_path / "greedy.json"
    greedy.write_text(json.dumps({**proposal, "graphs": [{**proposal["graphs"][0], "amount": 2_000_000}]}))
    absent, fraction, much = await asyncio.gather(
        bitvm3(borrower, "vault", "propose", str(tmp_path / "no.json")),
        bitvm3(borrower, "vault", "propose", str(decimals)),
        bitvm3(borrower, "vault", "propose", str(greedy)),
    )
    assert absent.status == 1 and "no.json" in absent.err
    assert fraction.status in (1, 2) and "slots" in fraction.err and "int" in fraction.err
    assert much.status in (1, 2) and "amount" in much.err and "2000000" in much.err
    assert (await bitvm3(borrower, "vault", "list")).out.strip() == "none"

    play.vault = (await bitvm3(borrower, "vault", "propose", str(right), "--json")).value["id"]
    await stage.quiet()
    short = play.vault[:8]
    for said in await asyncio.gather(*(bitvm3(d, "vault", "accept", short) for d in (lender, challenger))):
        assert said.status == 0, said.err
    await stage.quiet()

    # too early, or by the wrong party, or of no vault
    early, stranger, graph, unknown, few, not_mine = await asyncio.gather(
        bitvm3(borrower, "vault", "claim", short, "0", "--balance", str(BALANCE), "--salt", f"{salt(0):x}"),
        bitvm3(challenger, "vault", "claim", short, "0", "--balance", str(BALANCE), "--salt", f"{salt(0):x}"),
        bitvm3(borrower, "vault", "graph", short),
        bitvm3(borrower, "vault", "show", "deadbeefdeadbeef"),
        bitvm3(borrower, "vault", "show", "dead"),
        bitvm3(borrower, "vault", "contest", short, "0"),
    )
    assert early.status == 1 and "claim: expected possible now" in early.err
    assert stranger.status == 1 and "in which this node is the claimant" in stranger.err
    assert graph.status == 1 and "Wait for the setup" in graph.err
    assert unknown.status == 1 and "bitvm3 vault list" in unknown.err
    assert few.status == 2 and "8 or more of its first digits" in few.err
    assert not_mine.status == 1

    async def is_open() -> bool:
        return bool((await play.show())["slots"][0]["phase"] == "open")

    await stage.mine_until(is_open, "an open vault", 40)

    # what the vault is made of
    drawing = tmp_path / "vault.svg"
    text, svg, dot, shown, fractions, word = await asyncio.gather(
        bitvm3(borrower, "vault", "graph", short),
        bitvm3(borrower, "vault", "graph", short, "--svg", str(drawing)),
        bitvm3(borrower, "vault", "graph", short, "--dot"),
        bitvm3(lender, "vault", "show", short),
        bitvm3(borrower, "vault", "claim", short, "0", "--balance", "0.006", "--salt", "1"),
        bitvm3(borrower, "vault", "claim", short, "zero", "--balance", "1", "--salt", "1"),
    )
    assert "contested_payout" in text.out and "prefund" in text.out
    assert svg.status == 0 and drawing.read_text().startswith(("<svg", "<?xml"))
    assert dot.out.startswith("digraph")
    assert "live" in shown.out and "open" in shown.out
    assert fractions.status == 2 and "--balance" in fractions.err
    assert word.status == 2 and "GRAPH" in word.err

    # a graph that is not there, a salt that is no number, a salt that was never sealed: nothing is claimed
    wrong, salty, other = await asyncio.gather(
        bitvm3(borrower, "vault", "claim", short, "7", "--balance", str(BALANCE), "--salt", f"{salt(0):x}"),
        bitvm3(borrower, "vault", "claim", short, "0", "--balance", str(BALANCE), "--salt", "xyz"),
        bitvm3(borrower, "vault", "claim", short, "0", "--balance", str(BALANCE), "--salt", f"{salt(1):x}"),
    )
    assert wrong.status == 1 and "came 7" in wrong.err
    assert salty.status in (1, 2) and "salt" in salty.err

    assert other.status == 1 and "the commitment" in other.err and "lost with its bond" in other.err

    claim = ("vault", "claim", short, "0", "--balance", str(BALANCE), "--salt", f"{salt(0):x}")
    assert (await bitvm3(borrower, *claim)).status == 0
    assert (await bitvm3(borrower, *claim, "--json")).value["outcome"] == "duplicate"
    await stage.quiet()
    await play.until(0, "paid", 30)
    assert "paid" in (await bitvm3(challenger, "vault", "show", short)).out

    # and goodbye
    assert (await bitvm3(challenger, "stop")).status == 0
    assert challenger.process is not None
    async with asyncio.timeout(15):
        assert await challenger.process.wait() == 0
    gone = await bitvm3(challenger, "info")
    assert gone.status == 3 and "Start it with `bitvm3d --config" in gone.err
