"""Path B's attestors as real nodes: announcements for a loan, a price that falls, attestations, and who lies or is away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from node.faults import PeerFault, Unavailable
from node.ledger.attesting import ANNOUNCEMENT, ATTESTATION, Announced, Attested, PriceDay
from node.ledger.words import read, write
from node.lending.fast import Ask, Opened, opened, with_fast
from tests.simulation.ledger_world import ATTESTORS, EVERYBODY, FOLLOWER, KEEPER, PRICE, LedgerWorld
from tests.vault_kit import loan as a_loan
from vault.agreement import Fast, Loan
from vault.fast import entry_points, opens
from vault.fast_point import DAY, announcement_message, check_announcement

pytestmark = pytest.mark.timeout(120)
DEEP = 4_000_000
ENTRY = Fast(slot=0, liquidator=2, price=DEEP, day=0)


@asynccontextmanager
async def a_ledger(folder: Path) -> AsyncIterator[LedgerWorld]:
    world = LedgerWorld(folder, {})
    try:
        await world.open()
        yield world
    finally:
        await world.close()


def asking(world: LedgerWorld, name: str = FOLLOWER) -> Ask:
    return world.actors[name].ledgers.asking(world.genesis.ledger_id)


async def with_entry(world: LedgerWorld) -> Loan:
    return await with_fast(asking(world), world.genesis, a_loan(ledger=world.genesis.ledger_id), (ENTRY,))


async def price(world: LedgerWorld, cents: int) -> None:
    """Every own median is this, and then the ledger's final price."""
    for name in EVERYBODY:
        await world.actors[name].says(cents)
    seq = world.actors[KEEPER].room.follower.view.seq
    await world.post({"kind": "mark_price", "price": cents, "price_time": world.now() - 1}, await world.block())
    await world.final(seq + 2)


async def asked(world: LedgerWorld, loan: Loan) -> Opened:
    return await opened(asking(world), world.genesis, loan, 0)


async def test_a_fallen_price_opens_the_entry_and_the_word_stands_when_it_rises_again(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        loan = await with_entry(world)
        assert [a.attestor for a in loan.announcements] == [0, 1, 2]
        assert loan.threshold == world.genesis.threshold == 2
        early = await asked(world, loan)
        assert early.secret is None
        assert all("no final price yet" in why for why in early.waits.values())
        await price(world, PRICE)
        high = await asked(world, loan)
        assert (high.secret, high.attested) == (None, ())
        assert all(f"the ledger's price is {PRICE}, above {DEEP}" in why for why in high.waits.values())
        await price(world, DEEP)
        found = await asked(world, loan)
        assert found.attested == (0, 1, 2)
        assert found.secret is not None and opens(loan, 0, found.secret)
        await price(world, PRICE)
        again = await asked(world, loan)
        assert again == found
        deeper = await with_fast(asking(world), world.genesis, loan, (replace(ENTRY, price=DEEP - 10_000),))
        assert (await opened(asking(world), world.genesis, deeper, 0)).secret is None


async def test_announcements_are_the_same_every_time_and_after_a_restart(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        first = await with_entry(world)
        await world.actors["ann"].close()
        await world.actors["ann"].open()
        assert await with_entry(world) == first
        other = await with_fast(asking(world), world.genesis, first, (replace(ENTRY, day=1),))
        nonces = [a.nonce for loan in (first, other) for a in loan.announcements]
        assert len(set(nonces)) == 6


async def test_attestations_survive_a_restart(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        loan = await with_entry(world)
        await price(world, DEEP)
        found = await asked(world, loan)
        await price(world, PRICE)
        await world.actors["bob"].close()
        await world.actors["bob"].open()
        await world.actors["bob"].says(PRICE)
        assert await asked(world, loan) == found


async def test_one_short_of_the_threshold_there_is_no_secret(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        loan = await with_entry(world)
        await price(world, DEEP)
        world.wire.cut = {"ann", "bob"}
        short = await asked(world, loan)
        assert (short.secret, short.attested) == (None, (2,))
        assert set(short.waits) == {0, 1}
        world.wire.cut = {"ann"}
        enough = await asked(world, loan)
        assert enough.attested == (1, 2)
        assert enough.secret is not None and opens(loan, 0, enough.secret)


async def test_an_attestor_whose_own_median_is_higher_keeps_quiet(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        loan = await with_entry(world)
        await price(world, DEEP)
        await world.actors["ann"].says(DEEP + 1)
        found = await asked(world, loan)
        assert found.attested == (1, 2)
        assert found.waits == {0: f"our own median is {DEEP + 1}, above {DEEP}"}


async def test_the_day_is_over_by_blocks_alone(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        loan = await with_entry(world)
        await price(world, DEEP)
        while world.chain.height < DAY:
            await world.block()
        late = await asked(world, loan)
        assert (late.secret, late.attested) == (None, ())
        assert all(f"our chain is at height {DAY}, day 1" in why for why in late.waits.values())
        with pytest.raises(Unavailable, match="today is day 1"):
            await with_entry(world)


async def test_lies_are_named_and_count_for_nothing(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        loan = await with_entry(world)
        await price(world, DEEP)
        forged: dict[str, Any] = {"ann": bytes(32)}

        def reply(_: str, answers: str, kind: str, raw: bytes) -> bytes:
            if kind != ATTESTATION or answers not in forged:
                return raw
            told = read(Attested, raw, most=len(raw), what=kind)
            return write(replace(told, scalars=tuple((index, forged[answers]) for index, _ in told.scalars)))

        world.wire.reply = reply
        found = await asked(world, loan)
        assert found.attested == (1, 2)
        assert found.waits == {0: "its answer is no attestation"}
        forged["bob"] = bytes(31)
        assert (await asked(world, loan)).secret is None


async def test_a_rogue_announcement_without_knowledge_of_its_nonce_stops_the_proposal(tmp_path: Path) -> None:
    """The nonce is another's: the rogue signs for it with its own key, but cannot prove that it knows its logarithm."""
    async with a_ledger(tmp_path) as world:
        honest = await with_entry(world)
        rogue, key = "cat", world.actors["cat"].room.attestor.keys[2].bip340  # type: ignore[union-attr]

        def reply(_: str, answers: str, kind: str, raw: bytes) -> bytes:
            if kind != ANNOUNCEMENT or answers != rogue:
                return raw
            (own,) = read(Announced, raw, most=len(raw), what=kind).announcements
            bare = replace(own, nonce=honest.announcements[0].nonce, proof=honest.announcements[0].proof)
            signed = replace(bare, signature=key.sign(announcement_message(world.genesis.ledger_id, bare)))
            return write(Announced(announcements=(signed,)))

        world.wire.reply = reply
        with pytest.raises(Unavailable, match=r"attestor 2.*a proof, by the nonce, of knowledge"):
            await with_entry(world)


async def test_only_attestors_announce_and_only_on_the_grid(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        ask = asking(world)
        ann = world.actors[ATTESTORS[0]].identity
        for place, expected in (
            (PriceDay(price=DEEP + 1, day=0), "a multiple of 10000"),
            (PriceDay(price=DEEP, day=1_001), "0 to 1000"),
        ):
            with pytest.raises(PeerFault, match=expected):
                await ask(ann, ANNOUNCEMENT, write(place))
        with pytest.raises(PeerFault, match="an attestor of the ledger"):
            await ask(world.actors[KEEPER].identity, ANNOUNCEMENT, write(PriceDay(price=DEEP, day=0)))
        own = await asking(world, "ann")(ann, ANNOUNCEMENT, write(PriceDay(price=DEEP, day=0)))
        (told,) = read(Announced, own, most=len(own), what="own").announcements
        check_announcement(world.genesis.ledger_id, told, "own")
        assert len(entry_points(await with_entry(world), 0)) == 3
