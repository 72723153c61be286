"""A loan at the keeper's desk, on a chain, under attestors that look at the coins."""

from __future__ import annotations

from dataclasses import replace as of
from pathlib import Path

import pytest
from msgspec.structs import replace

from node.faults import LocalFault, PeerFault
from node.lending import words
from node.lending.desk import REGISTERED
from node.lending.pages import learn
from tests.simulation.desk_world import DEPTH, LIQUIDATOR, LOW, MINTED, RULES, DeskWorld, a_desk, kit_on, mined
from tests.simulation.ledger_world import ATTESTORS, KEEPER, PRICE
from tests.simulation.world import GENESIS
from tests.vault_kit import BORROWER, LENDER, Kit, identity
from vault.agreement import Loan, encode

pytestmark = pytest.mark.timeout(300)

PRINCIPAL = 100_000
LAST = 1


async def test_a_loan_from_its_deposit_to_its_last_cent(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as world:
        await world.taken()
        reading = await world.reading(BORROWER)
        assert reading.position is not None and reading.lock.state == "taken"
        assert reading.debt == PRINCIPAL + 1, "taken two blocks before Vault was buried: interest, rounded up"
        assert reading.position.principal == PRINCIPAL
        assert reading.lock.preimage == world.kit.a and reading.account == MINTED + PRINCIPAL and reading.simulated
        assert [slot.coin for slot in reading.slots] == ["open", "open"] and reading.final_seq == reading.seq
        tender = await world.ask(BORROWER, words.Tender(vault=world.name, slot=LAST))
        again = await world.ask(BORROWER, words.Tender(vault=world.name, slot=LAST))
        assert tender == again and world.account(BORROWER) == MINTED + PRINCIPAL - tender.cents
        show = words.ShowR(vault=world.name, slot=LAST, preimage=world.kit.r(LAST))
        await world.ask(LENDER, show)
        await world.publish(f"repay/{LAST}")
        assert world.account(LENDER) == MINTED - PRINCIPAL, "not buried"
        await world.mine(DEPTH - 1)
        await world.settled()
        assert world.account(LENDER) == MINTED - PRINCIPAL + tender.cents
        assert world.position.records[LAST].settled == 1  # type: ignore[union-attr]
        world.books_hold()
        for name in ATTESTORS:
            attestor = world.actors[name].room.attestor
            assert attestor is not None and attestor.signed and not attestor.pending
            assert world.name in world.actors[name].room.registry.loans
        assert (await world.reading(LENDER)).slots[LAST].template_paid


async def test_a_liquidator_s_money_is_the_lender_s_when_the_coin_is_the_liquidator_s(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as world:
        await world.taken()
        await world.says_everybody(LOW)
        await world.until_true(lambda: world.desk.keeper.posted.totals.price == LOW)
        receipt = await world.ask(LIQUIDATOR, words.Liquidate(vault=world.name, slot=0))
        await world.settled()
        graph = next(g for g, t in enumerate(world.kit.proposal.graphs) if (t.claimant, t.slot) == (LIQUIDATOR, 0))
        await world.publish(f"{graph}/claim")
        with pytest.raises(PeerFault, match="no open claim of another party"):
            await world.ask(BORROWER, words.Tender(vault=world.name, slot=0))
        await world.mine(world.kit.proposal.timelocks.contest)
        await world.publish(f"{graph}/uncontested_payout")
        await world.mine(DEPTH - 1)
        await world.settled()
        assert world.account(LENDER) == MINTED - PRINCIPAL + receipt.cents
        assert world.account(LIQUIDATOR) == MINTED - receipt.cents
        world.books_hold()


async def test_a_spend_that_a_reorg_takes_back_before_it_is_buried_moves_no_money(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as world:
        await world.taken()
        receipt = await world.ask(BORROWER, words.Tender(vault=world.name, slot=LAST))
        await world.ask(LENDER, words.ShowR(vault=world.name, slot=LAST, preimage=world.kit.r(LAST)))
        await world.settled()
        await world.publish(f"repay/{LAST}")
        assert (await world.reading(BORROWER)).slots[LAST].coin == "spent"
        await world.chain.forget(1, keep_transactions=False)
        await world.chain.mine()
        await world.mine(DEPTH)
        await world.settled()
        assert (await world.reading(BORROWER)).slots[LAST].coin == "open"
        assert world.account(LENDER) == MINTED - PRINCIPAL and world.desk.money.state.held == receipt.cents
        await world.actors[KEEPER].restart()
        await world.caught_up()
        assert (await world.reading(BORROWER)).slots[LAST].coin == "open", "gone from the disk, too"
        await world.publish(f"repay/{LAST}")
        await world.mine(DEPTH - 1)
        await world.settled()
        assert world.account(LENDER) == MINTED - PRINCIPAL + receipt.cents
        world.books_hold()


# ---- a keeper that lies ------------------------------------------------------------------------------------------------
async def lied(world: DeskWorld, says: str, *events: dict[str, object]) -> None:
    """The keeper's operator posts past the desk; nobody signs, and everybody says why."""
    before = world.seqs()[KEEPER]
    keeper = world.desk.keeper
    await keeper.post(events)
    await keeper.seal()
    await world.until_true(lambda: all(world.doubts(name) for name in ATTESTORS))
    for name in ATTESTORS:
        assert says in world.doubts(name), world.doubts(name)
    assert world.seqs()[KEEPER] == before


async def test_events_that_come_late_wait_for_the_operator_s_word(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as world:
        await world.taken()
        world.wire.cut = set(ATTESTORS)
        await world.ask(BORROWER, words.Repay(vault=world.name, cents=7))
        await world.mine()
        for name in ATTESTORS:
            attestor = world.actors[name].room.attestor
            assert attestor is not None
            attestor.world = of(attestor.world, limits=of(attestor.world.limits, loan_lag_blocks=0))
        world.wire.cut = set()
        await world.until_true(
            lambda: all("behind our chain, 0 are allowed" in world.doubts(name) for name in ATTESTORS)
        )
        for name in ATTESTORS:
            attestor = world.actors[name].room.attestor
            assert attestor is not None
            (seq,) = attestor.pending
            with pytest.raises(LocalFault, match="vouch for it"):
                await attestor.approve(seq, "checked")
            await attestor.approve(seq, "vouched")
        await world.final(seq)


async def test_a_loan_without_vault_is_not_signed(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as world:
        await world.until_true(lambda: bool(world.desk.keeper.posted.totals.price))
        await world.settled()
        borrower, lender = world.who(BORROWER).hex(), world.who(LENDER).hex()
        await lied(
            world, "on our chain, came none",
            {"kind": "open", "vault": world.name.hex(), "owner": borrower, "lender": lender,
             "sats": list(world.kit.proposal.slots), "cents": PRINCIPAL, "maturity": 500, "last_record": 600},
        )  # fmt: skip


async def test_a_loan_without_terms_is_not_signed(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as world:
        await world.until_true(lambda: bool(world.desk.keeper.posted.totals.price))
        await world.settled()
        await lied(
            world, "came none from anybody",
            {"kind": "open", "vault": "42" * 32, "owner": "11" * 32, "lender": "22" * 32, "sats": [10_000_000],
             "cents": 100, "maturity": 500, "last_record": 600},
        )  # fmt: skip


async def test_a_liquidation_while_another_claim_is_open_is_not_signed(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as world:
        await world.taken()
        graphs = world.kit.proposal.graphs
        mine = next(g for g, t in enumerate(graphs) if (t.claimant, t.slot) == (BORROWER, 0))
        await world.publish(f"{mine}/claim")
        await world.says_everybody(LOW)
        await world.until_true(lambda: world.desk.keeper.posted.totals.price == LOW)
        await world.settled()
        with pytest.raises(PeerFault, match="no open claim of another party"):
            await world.ask(LIQUIDATOR, words.Liquidate(vault=world.name, slot=0))
        theirs = next(each for each in world.desk.registry.loans[world.name].opener.deposit.claims
                      if (each.outcome, each.slot) == ("liquidate", 0))  # fmt: skip
        await world.desk.keeper.post(await accrued(world))
        await lied(
            world, "no open claim of another party",
            {"kind": "liquidate", "vault": world.name.hex(), "payer": theirs.claimant.hex(), "template": theirs.template.hex()},
        )  # fmt: skip


async def accrued(world: DeskWorld) -> list[dict[str, object]]:
    """The ledger at the tip, if it is not there."""
    behind = world.desk.keeper.posted.totals.height < world.chain.height
    return [{"kind": "accrue"}] if behind else []


async def test_money_that_goes_to_the_lender_although_the_coin_went_elsewhere_is_not_signed(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as world:
        await world.taken()
        await world.says_everybody(LOW)
        await world.until_true(lambda: world.desk.keeper.posted.totals.price == LOW)
        await world.ask(LIQUIDATOR, words.Liquidate(vault=world.name, slot=0))
        await world.settled()
        automat = world.actors[KEEPER].room.automat
        assert automat is not None
        world.actors[KEEPER].room.tasks[-1].cancel()  # its operator posts by hand from now on
        await world.publish("repay/0")  # the lender gave r away: the coin is the borrower's
        await world.mine(DEPTH)
        await world.desk.keeper.post(await accrued(world))
        await lied(
            world, "so expected 3, it pays another, came 1",
            {"kind": "close", "vault": world.name.hex(), "slot": 0, "how": 1},
        )  # fmt: skip


async def test_what_moved_money_is_not_discarded(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as world:
        await world.taken()
        world.actors[KEEPER].room.tasks[-1].cancel()  # nothing is sealed by itself
        await world.ask(BORROWER, words.Repay(vault=world.name, cents=7))
        with pytest.raises(LocalFault, match="moved no money"):
            await world.desk.keeper.discard()
        with pytest.raises(LocalFault, match="not registered with the desk"):
            world.desk.by_hand([{"kind": "repay", "vault": world.name.hex(), "cents": 7}])
        world.desk.by_hand([{"kind": "repay", "vault": "42" * 32, "cents": 7}, {"kind": "accrue"}])
        world.books_hold()


# ---- who registers what --------------------------------------------------------------------------------------------------
async def refused(world: DeskWorld, says: str, kit: Kit, **changes: bytes) -> None:
    """What the borrower registers, with a field changed, is refused."""
    request = replace(words.Register(terms=encode(kit.terms), signature=kit.signed(BORROWER)), **changes)
    with pytest.raises(PeerFault, match=says):
        await world.ask(BORROWER, request)


async def test_terms_that_are_not_of_this_ledger_or_have_no_coins_are_not_registered(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as world:
        plain = world.plain
        topup = replace(plain, vault=world.name, cents=0, timeout=0, first_slot=2)

        async def made(name: str, loan: Loan, genesis: bytes = GENESIS) -> Kit:
            found = await kit_on(world.chain, loan, slots=1, name=name, genesis=genesis)
            await world.caught_up()
            return found

        right = await kit_on(world.chain, plain, slots=1, name="right")
        await world.caught_up()
        await refused(world, "well-formed", right, terms=encode(right.terms)[:-1])
        await refused(world, r"Terms\.loan\.ledger", await made("ledger", replace(plain, ledger=bytes(32))))
        await refused(
            world, r"loan\.rules\.bonus", await made("rules", replace(plain, rules=replace(RULES, bonus=400)))
        )
        await refused(world, r"Terms\.genesis", await made("genesis", plain, genesis=bytes(32)))
        bare = Kit(proposal=right.proposal, name="right")
        await world.register(LENDER, bare)
        await refused(world, "prefund_inputs: expected coins", bare)
        await refused(world, "the next slot", await made("far", replace(topup, first_slot=3)))
        await refused(world, "registered with this ledger", await made("lost", replace(topup, vault=bytes(32))))
        await world.agree(right)


async def test_only_borrower_and_lender_register_and_only_with_a_signature_for_this_ledger(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as world:
        right = await kit_on(world.chain, world.plain, name="right")
        await world.caught_up()
        mine = encode(right.terms)
        for sender in (world.who(LIQUIDATOR), bytes(32)):
            squatter = words.write(words.Register(terms=mine, signature=identity(LIQUIDATOR).sign(bytes(32))))
            with pytest.raises(PeerFault, match="the borrower or the lender of the Terms"):
                await world.actors[KEEPER].ledgers.on_message(sender, "loan-request", world.genesis.ledger_id, squatter)
        for signature in (
            right.signed(LENDER),
            right.signed(BORROWER, ledger=bytes(32)),
            world.kit.signed(BORROWER),
            right.signed(BORROWER)[:-1] + b"\0",
        ):
            await refused(world, "signature of the borrower: expected one of", right, signature=signature)
        assert "waits for the borrower" in (await world.register(LENDER, right)).text, "nothing was kept of these"
        assert (await world.register(BORROWER, right)).text == REGISTERED
        assert (await world.register(LENDER, right)).text == REGISTERED, "asked again, the same is said"
        await refused(world, "signature of the borrower", right, signature=right.signed(LENDER))


async def test_other_keys_and_coins_of_the_same_proposal_wait_for_ever_and_the_honest_ones_get_in(
    tmp_path: Path,
) -> None:
    async with a_desk(tmp_path) as world:
        right = await kit_on(world.chain, world.plain, name="right")
        fake = await mined(world.chain, Kit(proposal=right.proposal, name="fake"))
        await world.caught_up()
        name, (ours, theirs) = right.proposal.proposal_id, (right.terms.vault_id, fake.terms.vault_id)
        assert ours != theirs and fake.proposal.proposal_id == name
        for _ in range(2):
            assert "waits for the lender" in (await world.register(BORROWER, fake)).text
        said = (await world.register(LENDER, right)).text
        assert f"you have signed vault {ours.hex()}, the borrower vault {theirs.hex()}" in said
        assert name not in world.desk.registry.loans
        forged = words.Register(terms=encode(fake.terms), signature=fake.signed(BORROWER))
        with pytest.raises(PeerFault, match="signature of the lender"):
            await world.ask(LENDER, forged)
        assert (await world.register(BORROWER, right)).text == REGISTERED
        assert world.desk.registry.loans[name].opener.terms == right.terms
        await refused(world, "those registered before", fake)
        await world.actors[KEEPER].restart()
        await world.caught_up()
        assert world.desk.registry.loans[name].opener.agreed == words.Agreed(
            terms=encode(right.terms), borrower=right.signed(BORROWER), lender=right.signed(LENDER)
        )


async def test_a_keeper_that_forgot_the_first_hears_of_it_again(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as world:
        right = await kit_on(world.chain, world.plain, name="right")
        await world.caught_up()
        await world.register(BORROWER, right)
        await world.actors[KEEPER].restart()
        await world.caught_up()
        assert "waits for the borrower" in (await world.register(LENDER, right)).text
        assert (await world.register(BORROWER, right)).text == REGISTERED


async def test_an_attestor_signs_no_open_of_terms_that_one_of_the_two_did_not_sign(tmp_path: Path) -> None:
    """The keeper shows Terms in which a signature is another's; attestors say whose, and go on when it shows what is signed."""
    async with a_desk(tmp_path) as world:
        loans = world.desk.registry.loans
        honest = loans[world.name]
        for side, party in (("borrower", BORROWER), ("lender", LENDER)):
            lie = {side: world.kit.signed(party, ledger=bytes(32))}
            loans[world.name] = of(honest, opener=of(honest.opener, **lie))
            attestor = world.actors["ann"].room
            with pytest.raises(PeerFault, match=f"signature of the {side}"):
                await learn(attestor.registry, world.name, 2)
            assert world.name not in attestor.registry.loans
        await world.says_everybody(PRICE)
        await world.until_true(lambda: bool(world.desk.keeper.posted.totals.price))
        await world.publish("prefund")
        await world.mine(DEPTH - 1)
        before = world.seqs()[KEEPER]
        await world.ask(LENDER, words.LockLoan(vault=world.name, expires=world.chain.height + 8))
        await world.ask(BORROWER, words.TakeLoan(vault=world.name, preimage=world.kit.a))
        await world.publish("vault")
        await world.mine(DEPTH - 1)
        await world.until_true(lambda: all("signature of the lender" in world.doubts(name) for name in ATTESTORS))
        assert all(world.name not in world.actors[name].room.registry.loans for name in ATTESTORS)
        opened = world.desk.keeper.posted.totals.seq
        assert before < opened and all(world.actors[name].room.attestor.seq < opened for name in ATTESTORS)  # type: ignore[union-attr]
        loans[world.name] = honest
        await world.settled()
        assert all(
            world.actors[name].room.registry.loans[world.name].opener.terms == world.kit.terms for name in ATTESTORS
        )
        world.books_hold()


async def test_a_top_up_from_before_the_loan_s_deposit_is_not_registered(tmp_path: Path) -> None:
    """Its DeadMan could come while a payment for its coin is being settled."""
    async with a_desk(tmp_path) as world:
        topup = replace(world.plain, vault=world.name, cents=0, timeout=0, first_slot=2)
        early = await kit_on(world.chain, topup, slots=1, name="early")
        late = await kit_on(world.chain, topup, slots=1, name="late")
        await world.caught_up()
        await world.register(LENDER, early)
        await refused(world, "top-up: .* came none mined", early)
        for name in ("prefund", "vault"):
            await world.publish(name, early)
        await world.taken()
        await refused(world, r"PreFund in block \d+, Vault of the top-up in \d+", early)
        await world.agree(late)


async def test_a_top_up_joins_the_position_and_one_that_was_never_funded_makes_room(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as world:
        await world.taken()
        topup = replace(world.plain, vault=world.name, cents=0, timeout=0, first_slot=2)
        dropped = await kit_on(world.chain, topup, slots=2, name="dropped")
        added = await kit_on(world.chain, topup, slots=1, name="added")
        late = await kit_on(world.chain, topup, slots=1, name="late")
        await world.caught_up()
        await world.agree(dropped)
        await world.register(LENDER, added)
        assert [slot.vault_id for slot in (await world.reading(BORROWER)).slots][2:] == [dropped.terms.vault_id] * 2
        await world.agree(added)
        assert [slot.state for slot in (await world.reading(BORROWER)).slots] == ["open", "open", "planned"]
        for name in ("prefund", "vault"):
            await world.publish(name, added)
        await refused(world, "the next slot", late)
        await world.mine(DEPTH - 1)
        await world.settled()
        reading = await world.reading(BORROWER)
        assert [slot.state for slot in reading.slots] == ["open"] * 3 and reading.slots[2].coin == "open"
        assert reading.slots[2].vault_id == added.terms.vault_id
        assert world.actors["ann"].room.registry.loans[world.name].slots == 3
        await world.actors[KEEPER].restart()
        await world.caught_up()
        assert world.desk.registry.loans[world.name].slots == 3
