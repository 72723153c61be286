"""`bitvm3 vault` of engine babe as a person uses it, against three running daemons: a proposal that names a ledger, what it puts
at stake, the mistakes before a claim, the claim, a contest that is refused, and a drill. Every command is a process of its own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.demo.grounds import Game, Lent
from node.demo.scenarios import Play, wanted
from node.demo.stage import Theatre, each
from node.proving import Statement
from tests.functional.test_cli import bitvm3
from tests.proving_kit import TWO, keys

pytestmark = [pytest.mark.functional, pytest.mark.timeout(600)]

OUTCOME = Statement(name="outcome", batch=0)
GAMES = [Game(slot=5, claim="true", profile="test")]
"""Of six slots, the collateral of one loan; the highest is freed first."""


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Theatre]:
    keys(tmp_path / "proving", TWO, OUTCOME)
    theatre = Theatre(tmp_path, "sandbox", contest="known", proving=tmp_path / "proving")
    try:
        await theatre.open()
        yield theatre
    finally:
        await theatre.close()


async def test_a_claim_that_a_ledger_decides_by_hand(stage: Theatre, tmp_path: Path) -> None:
    borrower, lender, challenger = stage.daemons
    play = Play(stage, "babe", print, GAMES, slots=6)
    assert isinstance(play.grounds, Lent)
    await play.grounds.begin(stage, print)
    identities = [info["identity"] for info in await each(stage.daemons, "node.info")]

    # a file without a ledger, and a ledger on the command line by its first digits; what it puts at stake is said
    file = tmp_path / "vault.json"
    proposal = wanted(identities, play)
    ledger = proposal["graphs"][0].pop("ledger")
    file.write_text(json.dumps(proposal))
    nameless = await bitvm3(borrower, "vault", "propose", str(file))
    assert nameless.status == 1 and "ledger" in nameless.err
    unknown = await bitvm3(borrower, "vault", "propose", str(file), "--ledger", "deadbeef")
    assert unknown.status == 1 and "bitvm3 ledger open" in unknown.err
    proposed = await bitvm3(borrower, "vault", "propose", str(file), "--ledger", ledger[:8], "--json")
    play.vault, (terms,) = proposed.value["id"], proposed.value["graphs"]
    assert terms["engine"] == "babe" and terms["stake"] >= 1_000 and terms["presignatures"] == 2_048 * 3
    assert "contesting is free but for its fee" in terms["risk"] and f"{terms['stake']} sats" in terms["risk"]
    await stage.quiet()
    short = play.vault[:8]
    assert "contesting is free" in (await bitvm3(challenger, "vault", "show", short)).out, "read before it is accepted"
    early = await bitvm3(borrower, "vault", "claim", short, "0")
    assert early.status == 1 and "a vault that is live" in early.err
    for daemon in (lender, challenger):
        assert (await bitvm3(daemon, "vault", "accept", short)).status == 0
    await stage.quiet()

    async def is_open() -> bool:
        return bool((await play.show())["slots"][0]["phase"] == "open")

    await stage.mine_until(is_open, "an open vault", 40)

    # everything is here that an answer will need
    drilled, answers = await asyncio.gather(*(bitvm3(d, "vault", "drill", short, "--json") for d in (borrower, lender)))
    assert [(row["holds"], row["drill"], row["ok"]) for row in drilled.value] == [("kept instances", "ok", True)] * 2
    assert [(row["holds"], row["ok"]) for row in answers.value] == [("presignatures of Reveal", True)]
    assert "kept instances" in (await bitvm3(borrower, "vault", "drill", short)).out

    # mistakes: no position, a core claim, another's proof, another party
    proof = tmp_path / "proof.bin"
    proof.write_bytes(bytes(256))
    absent, core, none, stranger = await asyncio.gather(
        bitvm3(borrower, "vault", "claim", short, "0"),
        bitvm3(borrower, "vault", "claim", short, "0", "--balance", "5", "--salt", "00"),
        bitvm3(borrower, "vault", "claim", short, "0", "--proof", str(proof)),
        bitvm3(challenger, "vault", "claim", short, "0"),
    )
    assert absent.status == 1 and "with a position in this ledger" in absent.err
    assert core.status == 1 and "its engine is babe" in core.err
    assert none.status == 1 and "lost with its bond" in none.err
    assert stranger.status == 1 and "this node is the claimant" in stranger.err
    await play.grounds.agreed(play.vault)
    unfinished = await bitvm3(borrower, "vault", "claim", short, "0")
    assert unfinished.status == 1 and "outcome.record" in unfinished.err and "its tender waits" in unfinished.err

    # the record is there: the node proves it by itself
    await play.grounds.argument(0)
    claimed = await bitvm3(borrower, "vault", "claim", short, "0", "--json")
    assert claimed.value["outcome"] == "applied" and "under the checkpoint" in claimed.value["source"]
    again = await bitvm3(borrower, "vault", "claim", short, "0", "--json")
    assert again.value["outcome"] == "duplicate" and again.value["proof"] == claimed.value["proof"]
    await stage.quiet()
    await play.until(0, "claimed", 5)
    refused = await bitvm3(challenger, "vault", "contest", short, "0")
    assert refused.status == 1 and f"the stake of {terms['stake']} sats goes to the claimant" in refused.err
    shown = await bitvm3(challenger, "vault", "show", short)
    assert "the claimant's proof is valid" in shown.out and ledger in shown.out
    await play.until(0, "paid", 40)
    assert "the claimant's proof is valid" in (challenger.folder / "process.log").read_text(), "the log says why, too"
