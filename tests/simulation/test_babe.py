"""Disputes of engine babe from setup to the last coin: who answers what, who loses what to the sat, what reorgs may change."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
import structlog

from native._native import engine
from node.faults import Unavailable
from node.proving import KeyFolder
from node.rpc.drill import drill
from node.work import dispute
from node.work.dispute_engine import drill_key
from node.work.pair import engine_of
from tests.simulation import babe, toy
from tests.simulation.babe import expect_balances, names, open_vault, phase, wound_up
from tests.simulation.registry import proof_of_something_else
from tests.simulation.scenarios import a_world
from tests.simulation.world import ROLES, World
from vault.presigned import finish

ALWAYS = {"challenger": "always"}
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(autouse=True)
def _swift(monkeypatch: pytest.MonkeyPatch) -> None:
    toy.swift(monkeypatch)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world(contest=ALWAYS, engine="babe") as world:
        yield world


SETUP = ["prefund", "vault"]
ASSERTED = [*SETUP, "claim", "contest", "assert"]


def free(*challengers: int) -> list[str]:
    """Stakes that were not needed and went home."""
    return [f"foreign/stake/{k}" for k in challengers]


async def test_a_vault_of_engine_babe_goes_live_with_artifacts_presignatures_and_drills(world: World) -> None:
    vault = await open_vault(world)
    for name, garbled in (("borrower", 0), ("lender", 1), ("challenger", 1)):
        node = world.actors[name].node
        facts = node.state(vault).facts
        for k in (1, 2) if name == "borrower" else ():
            assert f"checked/0/{k}" in facts
            drill = node.context.store.get("jobs", drill_key(vault, 0, k))
            assert drill is not None and node.context.artifacts.complete(drill)
        assert (f"answerable/0/{ROLES.index(name)}" in facts) == bool(garbled)
    assert world.actors["borrower"].node.alarms == 0


async def test_a_false_claim_loses_its_bond_to_a_reveal_that_nobody_refutes(world: World) -> None:
    """One honest challenger is enough: the lender, the claimant's friend, keeps still."""
    vault = await open_vault(world)
    await babe.still(world, vault, "lender")
    await babe.false_claim(world, vault)
    await phase(world, vault, "disproved")
    await wound_up(world, vault)
    assert names(world, vault) == [*ASSERTED, "reveal/2", "no_payout/2", *free(1)]
    played = await expect_balances(world, vault)
    assert world.balance("challenger") > world.balance("borrower") and set(played.reclaims) == {1}
    assert world.phases(vault)[1] == ["open"], "the slot stays the borrower's and the lender's to settle"
    for kind in ("assert", "reveal/2"):
        assert len(world.versions(vault, 0, kind)) == 1


async def test_who_contests_a_true_claim_against_all_evidence_loses_its_stake(world: World) -> None:
    """Nobody needs the files of the key any more: what a claim has to prove was stored at setup."""
    vault = await open_vault(world)
    for actor in world.actors.values():
        actor.node.context.proving.folder = KeyFolder(path=actor.folder / "moved away", network="regtest")
    await babe.insist(world, vault, "challenger")
    await babe.true_claim(world, vault)
    for name in ("lender", "challenger"):
        assert world.state(name, vault).facts["proven/0"] == b"\x01"
    await phase(world, vault, "paid")
    await wound_up(world, vault)
    assert names(world, vault) == [*ASSERTED, "reveal/2", "refute/2", "contested_payout", *free(1)]
    await expect_balances(world, vault)


@pytest.mark.skipif(
    "BITVM3_LONG" not in os.environ, reason="16,384 sessions for each of three nodes: BITVM3_LONG=1 runs it"
)
async def test_the_same_with_eight_bit_digits(world: World) -> None:
    """Presigning travels in two parts a graph; the digits are bytes of p1."""
    world.digit_bits = 8
    vault = await open_vault(world)
    assert len((await world.actors["borrower"].node.context.graph(world.state("borrower", vault))).parts) == 3
    await babe.insist(world, vault, "challenger")
    await babe.true_claim(world, vault)
    await phase(world, vault, "paid")
    await wound_up(world, vault)
    assert names(world, vault) == [*ASSERTED, "reveal/2", "refute/2", "contested_payout", *free(1)]
    await expect_balances(world, vault)


async def test_a_true_claim_is_not_contested_once_its_proof_is_seen(world: World) -> None:
    vault = await open_vault(world)
    await babe.true_claim(world, vault)
    await phase(world, vault, "paid")
    assert names(world, vault)[:4] == [*SETUP, "claim", "uncontested_payout"]


async def test_a_challenger_that_never_saw_the_proof_finds_the_record_in_the_ledger_and_keeps_its_stake(
    world: World,
) -> None:
    vault = await open_vault(world)
    world.wire.tamper = lambda sender, to, raw: None if babe.letter_of(raw) == "proof/0" else raw
    state = world.state("borrower", vault)
    world.registry.withdraw(state, 0)
    proof = await world.registry.proof(state, 0)
    await world.actors["borrower"].ask(lambda node: node.order(vault.hex(), "want_claim", 0, value=proof))
    await world.mine_without_waiting(40, until=lambda: world.phases(vault, "challenger")[0] == ["paid"])
    assert world.registry.asked == 2, "both challengers have asked the ledger"
    world.wire.tamper = lambda sender, to, raw: raw
    await wound_up(world, vault)
    assert sorted(names(world, vault)) == sorted([*ASSERTED, "contested_payout", *free(1, 2)])
    await expect_balances(world, vault)


async def test_a_ledger_that_is_silent_is_asked_again_and_then_counts_for_nothing(world: World) -> None:
    vault = await open_vault(world)
    world.registry.cut = Unavailable(what="ledger", expected="an answer", came="none")
    await babe.still(world, vault, "lender")
    await babe.false_claim(world, vault)
    await phase(world, vault, "asserted")
    assert world.registry.asked == 2 * dispute.TRIES, "both challengers have asked"
    await phase(world, vault, "disproved")


async def test_two_honest_challengers_both_get_their_stakes_back(world: World) -> None:
    vault = await babe.lost_claim(world)
    await wound_up(world, vault)
    log = names(world, vault)
    assert sorted(log[5:7]) == ["reveal/1", "reveal/2"] and log[:5] == ASSERTED
    (killer,) = [name[-1] for name in log if name.startswith("no_payout")]
    other = {"1": "2", "2": "1"}[killer]
    assert log[7:] == [f"no_payout/{killer}", f"stake_back/{other}"]
    await expect_balances(world, vault)


async def test_a_point_that_is_none_is_lost_like_any_false_claim(world: World) -> None:
    """p1 off the curve, and p1 with a coordinate of 2^256 - 1: the circuit takes the generator for both."""
    vault = await open_vault(world)
    await babe.still(world, vault, "lender")
    proof = proof_of_something_else()
    await world.claim_with(vault, 0, b"\xff" * 32 + proof[32:])
    await phase(world, vault, "disproved")
    assert world.state("challenger", vault).facts["proven/0"] == b"\x00"
    assert names(world, vault) == [*ASSERTED, "reveal/2", "no_payout/2"]


async def test_two_different_asserts_around_a_reorg_meet_one_reveal(world: World) -> None:
    """The claimant shows another Assert after a reorg: the challenger answers with the bytes it has shown before."""
    vault = await open_vault(world)
    await babe.still(world, vault, "lender")
    first = await babe.false_claim(world, vault)
    await phase(world, vault, "asserted")
    asserted = world.state("challenger", vault).log[-1]
    rival = await other_assert(world, vault, b"\x00" * 31 + b"\x07" + first[32:])
    await world.until(lambda: names(world, vault, "challenger")[-1] == "reveal/2", 10)
    await world.sleep("borrower")
    depth = world.chain.height - asserted.height + 1
    await world.chain.forget(depth, keep_transactions=False)
    world.chain.mempool.clear()
    await world.chain.broadcast(rival)
    await phase(world, vault, "disproved")
    log = {seen.name: seen for seen in world.state("challenger", vault).log}
    assert log["0/assert"].txid == asserted.txid and log["0/assert"].raw != asserted.raw
    assert len(world.versions(vault, 0, "assert")) == 2
    assert len(world.versions(vault, 0, "reveal/2")) == 1
    await world.wake("borrower")
    await wound_up(world, vault)
    await expect_balances(world, vault)


async def other_assert(world: World, vault: bytes, proof: bytes) -> bytes:
    """An Assert of other digits, signed with everything that the claimant has; its guard knows nothing of it."""
    context, state = world.actors["borrower"].node.context, world.state("borrower", vault)
    presigned, own, terms = await context.presigned(state), context.own_of(state), state.proposal.graphs[0]
    first, last = presigned.graph.digit(0, 0).start, presigned.graph.digit(0, terms.digits - 1).stop
    layout = engine.Layout(input_bits=512, digit_bits=terms.digit_bits)
    values = babe.digits_of_proof(proof, terms.digit_bits)
    shown = engine.complete_digits(presigned.signatures[65 * first : 65 * last], layout, own.digits(0), values)
    return finish(presigned, "0/assert", personal=own.personal, digits=list(shown))


@pytest.mark.parametrize("kept", [True, False], ids=["transactions kept", "transactions lost"])
async def test_blocks_leave_after_every_step_and_the_end_is_the_same(kept: bool) -> None:
    async def reorg(world: World, vault: bytes) -> None:
        await world.chain.forget(2, keep_transactions=kept)
        await world.quiet()

    async with a_world(contest=ALWAYS, engine="babe") as world:
        vault = await babe.lost_claim(world, between=reorg)
        await wound_up(world, vault)
        for kind in ("assert", "reveal/1", "reveal/2"):
            assert len(world.versions(vault, 0, kind)) == 1
        await expect_balances(world, vault)


async def test_decryption_begins_when_the_reveal_is_in_the_mempool_and_happens_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[str] = []
    real = dispute._learn

    def counted(context, state, presigned, name, raw, progress):
        runs.append(name)
        return real(context, state, presigned, name, raw, progress)

    monkeypatch.setattr(dispute, "_learn", counted)
    vault = await open_vault(world)
    await babe.insist(world, vault, "challenger")
    await babe.true_claim(world, vault)
    await phase(world, vault, "asserted")
    graph = await world.actors["borrower"].node.context.graph(world.state("borrower", vault))
    txid = graph.templates["0/reveal/2"].txid
    await world.until(lambda: txid in world.chain.mempool, 10)
    async with asyncio.timeout(20):
        while not runs or world.actors["borrower"].node.context.once.busy:
            await world.breathe()
    assert "0/reveal/2" not in [seen.name for seen in world.state("borrower", vault).log]
    assert not [key for key in world.state("borrower", vault).facts if key.startswith("answer/")]
    await phase(world, vault, "paid")
    assert runs == ["0/reveal/2"], "the job and Refute took what the mempool's look had made"


async def test_what_nobody_needs_any_more_leaves_the_disk() -> None:
    async with a_world(contest=ALWAYS, engine="babe", bound=6) as world:
        vault = await open_vault(world)
        assert [stored(world, name) for name in ROLES] == [
            ["answers", "answers", "drill", "drill", "kept", "kept", "openings", "openings"],
            ["answers"],
            ["answers"],
        ]
        await babe.true_claim(world, vault)
        await phase(world, vault, "paid")
        await wound_up(world, vault)
        await world.mine(world.bound + 2)
        assert [stored(world, name) for name in ROLES] == [[], [], []]
        assert await world.actors["borrower"].ask(lambda node: drill(node, vault.hex())) == [], (
            "nothing is left to drill"
        )


def stored(world: World, name: str) -> list[str]:
    folder = world.actors[name].folder / "artifacts"
    return sorted(path.read_bytes()[10:26].rstrip(b"\0").decode() for path in folder.glob("*.manifest"))


async def test_every_word_of_the_log_is_calm_in_an_honest_dispute() -> None:
    with structlog.testing.capture_logs() as logs:
        async with a_world(contest=ALWAYS, engine="babe") as world:
            vault = await open_vault(world)
            await babe.insist(world, vault, "challenger")
            await babe.true_claim(world, vault)
            await phase(world, vault, "paid")
            assert engine_of(world.state("borrower", vault), 0).name == "babe"
    assert not [line for line in logs if line["log_level"] in ("warning", "error", "critical")]
