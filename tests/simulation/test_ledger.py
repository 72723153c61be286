"""A ledger kept, attested and followed: what happens when somebody is away, waits, disagrees or lies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.faults import LocalFault
from node.ledger.attestor import keypair
from tests.simulation.ledger_world import (
    ATTESTORS,
    EVERYBODY,
    FOLLOWER,
    KEEPER,
    LENDER,
    OWNER,
    PAYER,
    PRICE,
    TEMPLATE,
    VAULT,
    LedgerWorld,
)
from vault.ledger.genesis import Attestor

pytestmark = pytest.mark.timeout(120)


@asynccontextmanager
async def a_ledger(folder: Path, **attest: str) -> AsyncIterator[LedgerWorld]:
    world = LedgerWorld(folder, {})
    try:
        await world.open(attest)
        yield world
    finally:
        await world.close()


def mark(world: LedgerWorld, price: int = PRICE) -> dict[str, Any]:
    return {"kind": "mark_price", "price": price, "price_time": world.now() - 1}


def loan(cents: int = 28_000) -> dict[str, Any]:
    """30,000 cents would be half of two slots of 500,000 sat at 60,000 dollars."""
    return {
        "kind": "open", "vault": VAULT.hex(), "owner": OWNER.hex(), "lender": LENDER.hex(), "sats": [500_000, 500_000],
        "cents": cents, "maturity": 1_000, "last_record": 2_000,
    }  # fmt: skip


async def a_loan(world: LedgerWorld) -> None:
    """Price, block, loan: two batches of two events, final everywhere."""
    await world.post(mark(world), await world.block(), loan())
    await world.final(3)


async def test_five_proven_transitions_are_followed_by_proofs_alone(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        await a_loan(world)
        for _ in range(3):
            goal = world.seqs()[KEEPER] + 1
            await world.post(await world.block())
            await world.final(goal)
        fay, kim = world.actors[FOLLOWER].room, world.actors[KEEPER].room
        assert fay.roles == ["follower"] and kim.roles == ["keeper"]
        assert fay.follower.view == kim.follower.view and fay.follower.view.totals.principal == 28_000
        assert fay.follower.proofs == 5 and fay.follower.refused == 0
        assert len(list(fay.shelf.entries())) == 5 and not list(fay.shelf.sealed())
        assert all(len(digests) == 1 for digests in world.signed().values())


async def test_an_attestor_that_was_away_follows_the_quorum_and_signs_only_what_it_has_checked(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        world.wire.cut = {"cat"}
        await world.post(mark(world), await world.block())
        await world.final(2, KEEPER, "ann", "bob", FOLLOWER)
        assert (2, 2) not in world.signed() and world.actors["cat"].room.attestor.seq == 0
        world.wire.cut = set()
        await world.until_true(lambda: world.actors["cat"].room.attestor.seq == 2)
        assert (2, 2) not in world.signed(), "a quorum of others is followed, not signed"
        world.wire.cut = {"ann"}
        await world.post(loan())
        await world.final(3, KEEPER, "bob", "cat")
        assert (2, 3) in world.signed() and (0, 3) not in world.signed()


async def test_below_the_threshold_nothing_is_final(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        world.wire.cut = {"ann", "bob"}
        await world.post(mark(world), await world.block())
        keeper = world.actors[KEEPER].room.keeper
        await world.until_true(lambda: len(keeper.batches[0].signatures) == 1)
        for _ in range(50):
            await world.breathe()
        assert set(world.seqs().values()) == {0}
        world.wire.cut = {"bob"}
        await world.final(2, KEEPER, "ann", "cat", FOLLOWER)


async def test_a_manual_attestor_waits_for_its_operator_also_across_a_restart(tmp_path: Path) -> None:
    async with a_ledger(tmp_path, ann="manual", bob="manual", cat="manual") as world:
        await world.post(mark(world), await world.block())
        ann, bob = world.actors["ann"], world.actors["bob"]
        await world.until_true(lambda: bool(ann.room.attestor.pending) and bool(bob.room.attestor.pending))
        keeper = world.actors[KEEPER].room.keeper
        await world.until_true(lambda: all("bitvm3 attestor approve" in c.says for c in keeper.couriers.values()))
        assert world.seqs()[KEEPER] == 0 and not world.signed()
        with pytest.raises(LocalFault, match=r"waits for this attestor \(2\)"):
            await ann.room.attestor.approve(3, "checked")
        world.wire.cut = {"ann"}  # it approves, and restarts before the batch comes again
        await ann.room.attestor.approve(2, "checked")
        await ann.restart()
        world.wire.cut = set()
        await bob.room.attestor.approve(2, "checked")
        await world.final(2)
        assert set(world.signed()) == {(0, 2), (1, 2)}


async def test_a_price_that_our_sources_do_not_bear_out_is_signed_only_when_vouched_for(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        for name in ("ann", "bob"):
            await world.actors[name].says(PRICE * 99 // 100 - 1)  # 101 bp below the mark
        await world.actors["cat"].says(PRICE * 100 // 101 + 1)  # 100 bp: just allowed
        await world.post(mark(world), await world.block())
        await world.until_true(lambda: all(world.actors[n].room.attestor.pending for n in ("ann", "bob")))
        await world.until_true(lambda: (2, 2) in world.signed())
        attestor = world.actors["ann"].room.attestor
        (doubt,) = attestor.pending[2].doubts
        assert doubt.about == "price" and "bp from our median" in doubt.reason and "100 are allowed" in doubt.reason
        with pytest.raises(LocalFault, match="vouch for it"):
            await attestor.approve(2, "checked")
        assert set(world.signed()) == {(2, 2)}
        await attestor.approve(2, "vouched")
        await world.final(2)
        assert set(world.signed()) == {(0, 2), (2, 2)}


async def test_a_price_that_fell_before_its_batch_was_seen_is_signed_by_whoever_asked_then(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        world.wire.cut = set(ATTESTORS)
        await world.post(mark(world), await world.block())
        for name in ("ann", "bob"):
            await world.actors[name].room.attestor.world.prices.quote(
                world.now()
            )  # as every few seconds while there are loans
        for name in ATTESTORS:
            await world.actors[name].says(PRICE // 2)
        world.wire.cut = {"ann", "bob"}
        await world.until_true(lambda: bool(world.actors["cat"].room.attestor.pending))
        (doubt,) = world.actors["cat"].room.attestor.pending[2].doubts
        assert doubt.about == "price", "it was not there to ask then"
        world.wire.cut = set()
        await world.final(2)
        assert set(world.signed()) == {(0, 2), (1, 2)}


async def test_a_price_that_was_borne_out_once_stays_so_while_its_batch_waits(tmp_path: Path) -> None:
    async with a_ledger(tmp_path, ann="manual", bob="manual", cat="manual") as world:
        await world.post(mark(world), await world.block())
        manual = [world.actors[name].room.attestor for name in ("ann", "bob")]
        await world.until_true(lambda: all(each.pending for each in manual))
        for name in ATTESTORS:
            await world.actors[name].says(PRICE // 2)
        for each in manual:
            each.world.prices._asked.clear()
            await each.approve(2, "checked")
        await world.final(2)
        assert set(world.signed()) == {(0, 2), (1, 2)}


async def test_a_price_without_a_source_of_our_own_waits_and_goes_on_by_itself(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        for name in ("ann", "bob"):
            (tmp_path / name / "price.json").unlink()
        await world.post(mark(world), await world.block())
        await world.until_true(lambda: all(world.actors[n].room.attestor.pending for n in ("ann", "bob")))
        assert "no price of our own" in world.actors["ann"].room.attestor.pending[2].doubts[0].reason
        await world.actors["ann"].says(PRICE)
        await world.final(2)


async def test_a_height_that_an_attestor_has_not_seen_waits_and_a_wrong_time_is_never_signed(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        keeper = world.actors[KEEPER].room.keeper
        await world.block()
        height = world.chain.height
        with pytest.raises(LocalFault, match=r"event\.height.*one of our chain"):
            await keeper.post([{"kind": "accrue", "height": height + 1}])
        with pytest.raises(LocalFault, match=r"event\.time.*median time past"):
            await keeper.post([{"kind": "accrue", "height": height, "time": 100_000}])
        assert keeper.posted.totals.seq == 0
        keeper.world = replace(
            keeper.world, tolerance=replace(keeper.world.tolerance, time=10**9)
        )  # a keeper that lies
        await world.post({"kind": "accrue", "height": height, "time": 100_000})
        await world.until_true(lambda: all(world.actors[n].room.attestor.pending for n in ATTESTORS))
        attestor = world.actors["ann"].room.attestor
        assert "600 s are allowed" in attestor.pending[1].doubts[0].reason
        await attestor.approve(1, "vouched")  # a vouched price does not vouch for the chain
        for _ in range(50):
            await world.breathe()
        assert not world.signed() and set(world.seqs().values()) == {0}


async def test_every_kind_of_event_is_posted_with_what_follows_from_the_state_left_out(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        await a_loan(world)
        vault = {"vault": VAULT.hex()}
        await world.post({"kind": "add_collateral", **vault, "sats": 400_000}, {"kind": "tender", **vault})
        await world.final(5)
        await world.post(
            {"kind": "withdraw", **vault, "how": 1, "template": TEMPLATE.hex()},
            {"kind": "close", **vault, "slot": 2, "how": 1},
            {"kind": "repay", **vault, "cents": 100},
            mark(world, 2_300_000),
        )
        for name in ATTESTORS:
            await world.actors[name].says(2_300_000)
        seized = {**vault, "payer": PAYER.hex(), "template": TEMPLATE.hex()}
        await world.post({"kind": "liquidate", **seized}, {"kind": "liquidate", **seized})
        await world.final(11)
        keeper = world.actors[KEEPER].room.keeper
        position = keeper.final.position(VAULT)
        assert [record and record.outcome for record in position.records[:3]] == [3, 3, 1] and position.open == 0
        with pytest.raises(LocalFault, match=r"repay\.open"):
            await keeper.post([{"kind": "repay", **vault, "cents": 1}])


async def test_an_event_that_breaks_a_rule_is_refused_with_its_name_and_numbers_and_nothing_is_queued(
    tmp_path: Path,
) -> None:
    async with a_ledger(tmp_path) as world:
        await a_loan(world)
        keeper = world.actors[KEEPER].room.keeper
        vault = {"vault": VAULT.hex()}
        wrong: list[tuple[dict[str, Any], str]] = [
            (
                {"kind": "repay", **vault, "cents": 28_001 + 10_000},
                r"repay\.cents \(event 2 of 2\): expected 1 to 27999, came 38001",
            ),
            ({"kind": "liquidate", **vault, "payer": PAYER.hex(), "template": TEMPLATE.hex()}, r"liquidate\.health"),
            ({"kind": "repay", **vault}, r"event\.cents: expected a value"),
            ({"kind": "repay", "vault": "ab", "cents": 1}, r"event\.vault: expected 32 bytes as 64 hex digits"),
            ({"kind": "repay", "vault": "ab" * 32, "cents": 1}, r"event\.nonce.*no position in this ledger"),
            ({"kind": "repay", **vault, "cents": "1"}, r"event of kind repay"),
            ({"kind": "repay", **vault, "cents": 1, "sats": 1}, r"event\.sats: expected a field of repay"),
            ({"kind": "repaid", **vault}, r"event\.kind: expected one of accrue, mark_price"),
            ({"kind": "mark_price", "price": 0, "price_time": world.now()}, r"mark_price\.price"),
            (loan(), r"open\.vacant"),
        ]
        for event, message in wrong:
            with pytest.raises(LocalFault, match=message):
                await keeper.post([{"kind": "repay", **vault, "cents": 1}, event])
        assert keeper.posted.totals.seq == 3 and not keeper.queue


async def test_what_nobody_has_seen_can_be_discarded_and_what_has_left_cannot(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        await a_loan(world)
        keeper = world.actors[KEEPER].room.keeper
        await keeper.post([{"kind": "repay", "vault": VAULT.hex(), "cents": 1}])
        assert await keeper.discard() == 1 and keeper.posted is keeper.sealed
        await world.post({"kind": "repay", "vault": VAULT.hex(), "cents": 2})
        await world.final(4)
        assert keeper.final.position(VAULT).principal < 28_010


async def test_a_follower_shows_a_position_that_it_has_checked_itself(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        await a_loan(world)
        opening = await world.actors[FOLLOWER].room.claims.opening(VAULT)
        assert opening.position == world.actors[KEEPER].room.keeper.final.position(VAULT)
        with pytest.raises(LocalFault, match="with a position in this ledger at seq 3"):
            await world.actors[FOLLOWER].room.claims.opening(PAYER)


async def test_a_node_that_opens_the_ledger_later_catches_up(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        await a_loan(world)
        fay = world.actors[FOLLOWER]
        await fay.close()
        await world.post(await world.block_without(FOLLOWER), mark(world))
        await world.final(5, *(name for name in EVERYBODY if name != FOLLOWER))
        await fay.open()
        await world.final(5)
        assert fay.room.follower.proofs == 1, "what was judged before a restart is not judged again"


async def test_a_keeper_may_attest_itself(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        kim = world.actors[KEEPER].ledgers
        eddsa, bip340 = keypair(kim.world, 3).public  # any of a node's keys serves
        member = Attestor(identity=kim.world.me, eddsa=eddsa, bip340=bip340)
        file = world.genesis_file(attestors=(member,), threshold=1)
        kept, followed = await kim.open(file.as_json()), await world.actors[FOLLOWER].ledgers.open(file.as_json())
        assert kept.roles == ["keeper", "attestor"] and kept.keeper is not None
        await kept.keeper.post([mark(world), await world.block(), {"kind": "mark_price"}])
        assert len(await kept.keeper.seal()) == 2
        await world.until_true(lambda: followed.follower.view.seq == 3)
        assert world.actors[KEEPER].node.alarms == 0


async def test_a_keeper_that_withholds_entries_from_one_node_does_not_keep_it_behind(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        world.wire.reply = lambda asked, answers, kind, honest: (
            b"" if answers == KEEPER and asked == FOLLOWER and kind == "ledger-entry" else honest
        )
        await a_loan(world)
        assert not world.actors[FOLLOWER].room.follower.faults


async def test_a_file_without_its_key_is_completed_by_the_keeper(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        file = world.genesis_file(salt=bytes([1]) * 32)
        bare = {"genesis": file.as_json()["genesis"]}
        fay = world.actors[FOLLOWER].ledgers
        world.forger.line, line = replace(world.forger.line, key=bytes(32)), world.forger.line  # not in our key folder
        with pytest.raises(LocalFault, match="genesis file, in our key folder, or from the keeper"):
            await fay.open(bare)
        kim = world.actors[KEEPER].ledgers
        await kim.open(file.as_json())
        opened = await fay.open(bare)
        assert opened.file == file and await fay.open(bare) is opened
        stranger = world.genesis_file(salt=bytes([2]) * 32, transition_key=bytes(32))
        kim.open_ledgers[stranger.genesis.ledger_id] = kim.open_ledgers[opened.id]  # a keeper that gives another key
        with pytest.raises(LocalFault, match="which the genesis names"):
            world.forger.line = replace(line, key=bytes([9]) * 32)
            await fay.open({"genesis": stranger.as_json()["genesis"]})
