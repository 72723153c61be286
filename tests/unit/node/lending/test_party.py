"""The party's loop at the keeper's real desk: budget on the disk before the question, no question twice, no answer believed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from challenge.facts import key
from challenge.policy import Policy as ContestPolicy
from challenge.states import VaultState
from node.faults import PeerFault, Unavailable
from node.ledger.claims import NoPosition
from node.ledger.world import Bell
from node.lending import words as w
from node.lending.agreed import check
from node.lending.charting import COLUMN
from node.lending.counter import judge
from node.lending.party import SPENT_KEY, Loans
from node.lending.policy import Policy, Spent
from node.lending.readings import reading
from node.limits import PRODUCT
from node.loop import Happened
from tests.unit.node.lending.party_scene import AUTO, FUNDED, LIVING, PREFUND, deposited
from tests.unit.node.lending.scene import CHALLENGER, LIQUIDATOR, LOW, PRICE, Scene, entry, opened
from tests.vault_kit import BORROWER, LENDER, Kit, identity, lending_kit
from vault.agreement import encode
from vault.ledger.opening import Opening, open_vault

KIT = lending_kit()
NAME = KIT.proposal.proposal_id
KEEPER = b"k" * 32


class Disk:
    """What was written, in order, beside everything else that happened."""

    def __init__(self, told: list[str]) -> None:
        self.rows: dict[tuple[str, bytes], bytes] = {}
        self.told = told

    def get(self, column: str, name: bytes) -> bytes | None:
        return self.rows.get((column, name))

    async def write(self, puts: Any) -> None:
        for column, name, value in puts:
            if name == SPENT_KEY:
                self.told.append(f"wrote {msgspec.msgpack.decode(value)['paid']}")
            if value is None:
                self.rows.pop((column, name), None)
            else:
                self.rows[column, name] = value


@dataclass
class Party:
    """One party's loop, its keeper a real desk in a scene. `answer` may break the wire before or after the desk has booked."""

    scene: Scene
    me: int
    policy: Policy = AUTO
    seen: Any = LIVING
    price: int = LOW
    told: list[str] = field(default_factory=list)
    orders: list[tuple[str, bytes]] = field(default_factory=list)
    claimed: list[int] = field(default_factory=list)
    registered: list[w.Register] = field(default_factory=list)
    final: bool = True
    before: Exception | None = None
    after: Exception | None = None
    disk: Disk = field(init=False)
    loans: Loans = field(init=False)

    def __post_init__(self) -> None:
        self.disk = Disk(self.told)
        self.start()

    def start(self) -> None:
        """A life of the node: what is not on the disk is gone."""
        state = VaultState(
            proposal=KIT.proposal, me=self.me, facts={name: b"" for name, _ in self.orders}, log=self.seen
        )
        quote = SimpleNamespace(price=self.price)

        async def quoted(_: int) -> Any:
            return quote

        async def claim(_: bytes, graph: int) -> None:
            self.claimed.append(graph)

        opened_ = SimpleNamespace(
            id=KIT.proposal.loan.ledger, genesis=SimpleNamespace(keeper=KEEPER),  # type: ignore[union-attr]
            world=SimpleNamespace(me=b"m" * 32, ask=self.ask), claims=SimpleNamespace(opening=self.opening),
            follower=SimpleNamespace(view=SimpleNamespace(seq=0), bell=Bell()),
        )  # fmt: skip
        secrets = SimpleNamespace(
            hashlock_a=lambda: SimpleNamespace(reveal=lambda: KIT.a),
            hashlock_r=lambda slot: SimpleNamespace(reveal=lambda: KIT.r(slot)),
        )
        context = SimpleNamespace(
            keys=SimpleNamespace(identity=identity(self.me)),
            store=self.disk,
            write=self.disk.write,
            prices=SimpleNamespace(quote=quoted),
            own_of=lambda _: secrets,
        )
        rules = SimpleNamespace(bound=100, policy=ContestPolicy(contest="known", known={}, release="auto"))
        self.node = SimpleNamespace(
            context=context, rules=rules, limits=PRODUCT, alarms=0, alarm=self.alarm,
            scanner=SimpleNamespace(height=self.scene.height),
            book={NAME: state}, loop=SimpleNamespace(put=self.put),
            ledgers=SimpleNamespace(open_ledgers={opened_.id: opened_}),
        )  # fmt: skip
        self.loans = Loans(node=cast(Any, self.node), policy=self.policy, poll_seconds=1.0, now=lambda: 0, claim=claim)
        self.loans.outlook._terms[NAME] = KIT.terms

    def alarm(self, reason: str, **where: str) -> None:
        self.node.alarms += 1

    async def ask(self, identity: bytes, kind: str, ledger: bytes, body: bytes) -> bytes:
        assert identity == KEEPER
        who = self.scene.who(self.me)
        if kind == "loan-read":
            return w.write(reading(self.scene.view, who, NAME, final_seq=0))
        request = w.read_request(body, most=1 << 20)
        self.told.append(f"asked {type(request).__name__}")
        if isinstance(request, w.Register):
            self.registered.append(request)
            return w.write(w.Receipt(seq=0, cents=0, text="it waits for the other one"))
        if self.before is not None:
            raise self.before
        deal = judge(self.scene.view, who, request)
        self.scene.book(deal)
        if self.after is not None:
            raise self.after
        return w.write(w.Receipt(seq=self.scene.ledger.totals.seq, cents=deal.cents, text=deal.text))

    async def opening(self, name: bytes) -> Opening:
        if not self.final or self.scene.ledger.position(name) is None:
            raise NoPosition(what="vault", expected="a position", came="none")
        self.loans.outlook._openings.clear()
        return open_vault(self.scene.ledger, name)

    async def put(self, item: Happened) -> Any:
        self.orders.append((item.event.key, item.event.value))  # type: ignore[union-attr]
        state = self.node.book[NAME]
        self.node.book[NAME] = msgspec.structs.replace(state, facts={**state.facts, item.event.key: item.event.value})  # type: ignore[union-attr]
        return SimpleNamespace(kind="applied", reason="")

    async def look(self) -> None:
        await self.loans._look(NAME, self.node.book[NAME], self.price, "")

    @property
    def kept(self) -> Spent:
        raw = self.disk.get(COLUMN, SPENT_KEY)
        return Spent(day=0) if raw is None else msgspec.msgpack.decode(raw, type=Spent)


def unhealthy() -> Scene:
    scene = opened()
    scene.marked(LOW)
    return scene


ONE_SLOT = replace(AUTO, max_slots_a_day=1)
PAYMENT = f"liquidate/{NAME.hex()[:16]}/0"


async def test_the_budget_is_on_the_disk_before_the_keeper_is_asked() -> None:
    party = Party(unhealthy(), LIQUIDATOR, policy=ONE_SLOT)
    await party.look()
    cents = 1_000_000 - party.scene.money.account(party.scene.who(LIQUIDATOR))
    assert party.told == [f"wrote {{'{PAYMENT}': {cents}}}", "asked Liquidate"]
    assert party.kept.cents == cents > 0
    await party.look()
    assert party.told[-1] == "asked Liquidate" and len(party.told) == 2, "a record stands: nothing more is asked"
    await party.loans.close()


async def test_a_payment_whose_answer_was_lost_is_counted_and_never_made_twice() -> None:
    party = Party(
        unhealthy(), LIQUIDATOR, policy=ONE_SLOT, after=Unavailable(what="peer", expected="an answer", came="none")
    )
    await party.look()
    paid = 1_000_000 - party.scene.money.account(party.scene.who(LIQUIDATOR))
    assert paid > 0 and party.kept.cents == paid
    party.after = None
    party.start()  # the power went too
    assert party.loans.spent.cents == paid
    await party.look()
    assert 1_000_000 - party.scene.money.account(party.scene.who(LIQUIDATOR)) == paid
    assert party.loans.spent.cents == paid and party.claimed in ([], [2])
    await party.loans.close()


async def test_a_refused_payment_is_given_back_and_not_asked_again_before_something_changes() -> None:
    party = Party(unhealthy(), LIQUIDATOR, before=PeerFault(what="the coin", expected="free", came="claimed"))
    await party.look()
    assert party.kept.cents == 0 and party.told.count("asked Liquidate") == 1
    assert "the coin" in party.loans.looks[NAME].came["liquidate/0"]
    await party.look()
    assert party.told.count("asked Liquidate") == 1
    party.node.scanner.height += 1
    await party.look()
    assert party.told.count("asked Liquidate") == 2, "a block is a change"
    await party.loans.close()


async def test_a_keeper_that_is_away_is_asked_again_and_costs_nothing_else() -> None:
    party = Party(unhealthy(), LIQUIDATOR, before=Unavailable(what="peer", expected="there", came="gone"))
    await party.look()
    await party.look()
    assert party.told.count("asked Liquidate") == 2
    assert party.kept.cents > 0, "nobody knows whether it was booked"
    await party.loans.close()


async def test_a_dry_run_writes_and_asks_nothing() -> None:
    party = Party(unhealthy(), LIQUIDATOR, policy=replace(AUTO, liquidate="dry-run"))
    await party.look()
    assert party.told == [] and party.scene.money.account(party.scene.who(LIQUIDATOR)) == 1_000_000


async def test_the_lender_shows_r_when_it_is_proven_and_not_before() -> None:
    scene = opened()
    scene.book(judge(scene.view, scene.who(BORROWER), w.Tender(vault=NAME, slot=1)))
    party = Party(scene, LENDER, final=False)
    await party.look()
    assert party.orders == [] and party.told == []
    party.final = True
    await party.look()
    assert [name for name, _ in party.orders] == [key("want_release", 1)] and party.told == ["asked ShowR"]
    assert scene.position.records[1] is not None and not scene.position.tender_slot


async def test_a_principal_goes_from_the_lender_to_the_borrower_and_a_to_everybody() -> None:
    scene = deposited()
    lender, borrower = Party(scene, LENDER, seen=FUNDED, price=PRICE), Party(scene, BORROWER, seen=FUNDED, price=PRICE)
    await borrower.look()
    assert borrower.told == [], "a stays here while nothing is locked"
    await lender.look()
    assert lender.told == ["asked LockLoan"]
    await borrower.look()
    assert borrower.told == ["asked TakeLoan"] and scene.money.account(scene.who(BORROWER)) == 1_100_000
    await lender.look()
    assert (key("loan_taken", LENDER), KIT.a) in lender.orders
    await borrower.look()
    assert (key("loan_taken", BORROWER), KIT.a) in borrower.orders
    assert borrower.told == ["asked TakeLoan"]


@pytest.mark.parametrize("me", [BORROWER, LENDER])
async def test_borrower_and_lender_sign_their_own_terms_again_at_every_block_until_they_are_registered(me: int) -> None:
    scene = deposited()
    honest = scene.registry.loans.pop(NAME)
    party = Party(scene, me, seen=FUNDED, price=PRICE)
    await party.look()
    await party.look()
    (request,) = party.registered
    assert request.terms == encode(KIT.terms)
    loan = KIT.proposal.loan
    assert loan is not None
    check(KIT.proposal.genesis, loan.ledger, KIT.terms, "borrower" if me == BORROWER else "lender", request.signature)
    assert party.loans.looks[NAME].came["register"] == "it waits for the other one"
    party.node.scanner.height += 1
    await party.look()
    assert len(party.registered) == 2, "a keeper may have forgotten it"
    scene.registry.loans[NAME] = honest
    party.node.scanner.height += 1
    await party.look()
    assert len(party.registered) == 2


@pytest.mark.parametrize("me", [LIQUIDATOR, CHALLENGER])
async def test_nobody_else_registers(me: int) -> None:
    scene = deposited()
    scene.registry.loans.pop(NAME)
    party = Party(scene, me, seen=FUNDED, price=PRICE)
    await party.look()
    assert party.told == [] and not party.registered


async def test_other_terms_at_the_keeper_are_an_alarm_and_no_principal_is_locked_for_them() -> None:
    scene = deposited()
    loan = scene.registry.loans[NAME]
    fake = entry(Kit(proposal=KIT.proposal, name="fake"))
    scene.registry.loans[NAME] = replace(loan, opener=fake)
    scene.spend(fake.deposit.inputs[0], fake.deposit.prefund_txid, PREFUND)
    lender = Party(scene, LENDER, seen=FUNDED, price=PRICE)
    await lender.look()
    await lender.look()
    assert "asked LockLoan" not in lender.told and lender.node.alarms == 1
    assert not scene.money.locks
    scene.registry.loans[NAME] = loan
    lender.node.scanner.height += 1
    await lender.look()
    assert lender.told[-1] == "asked LockLoan"


async def test_a_lie_is_an_alarm_once() -> None:
    scene = opened()
    scene.book(judge(scene.view, scene.who(BORROWER), w.Tender(vault=NAME, slot=1)))
    party = Party(scene, LENDER)

    async def another(name: bytes) -> Opening:
        found = open_vault(scene.ledger, name)
        return msgspec.structs.replace(found, position=msgspec.structs.replace(found.position, lender=bytes(32)))

    party.loans.outlook.opened(party.node.book[NAME]).claims.opening = another  # type: ignore[method-assign]
    await party.look()
    await party.look()
    assert party.orders == [] and party.told == [] and party.node.alarms == 1


@pytest.mark.parametrize("trouble", [Unavailable, PeerFault])
async def test_without_a_keeper_nothing_is_asked_and_the_reason_is_shown(trouble: Any) -> None:
    party = Party(opened(), BORROWER)

    async def silent(*_: Any) -> bytes:
        raise trouble(what="peer", expected="an answer", came="none")

    party.loans.outlook.opened(party.node.book[NAME]).world.ask = silent  # type: ignore[method-assign]
    await party.look()
    look = party.loans.looks[NAME]
    assert look.situation.keeper == "away" and "expected an answer" in look.situation.said
    assert party.told == [] and {wish.does for wish in look.wishes} <= {"waits", "no"}


async def test_a_reading_of_another_loan_is_none() -> None:
    party = Party(unhealthy(), LIQUIDATOR)
    honest = party.ask

    async def another(identity: bytes, kind: str, ledger: bytes, body: bytes) -> bytes:
        raw = await honest(identity, kind, ledger, body)
        if kind != "loan-read":
            return raw
        found = w.read(w.Reading, raw, most=1 << 20, what="reading")
        return w.write(msgspec.structs.replace(found, vault=bytes(32)))

    party.loans.outlook.opened(party.node.book[NAME]).world.ask = another  # type: ignore[method-assign]
    await party.look()
    look = party.loans.looks[NAME]
    assert look.situation.reading is None and "expected a reading of" in look.situation.said and party.told == []
