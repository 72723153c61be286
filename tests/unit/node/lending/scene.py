"""A loan at a desk without nodes: Terms of a kit, a ledger, coins that blocks spent as the test says, money.

Everything is the product's own but the ports of `World`, of which the registry asks three here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from node.lending import money
from node.lending.coins import ClaimPoint, Deposit, Outpoint, Spend, deposit_of, graph_of
from node.lending.counter import Deal, View, applied, opening
from node.lending.money import Movement
from node.lending.registry import Entry, Loan, Registry
from node.lending.spends import Spends
from node.limits import PRODUCT
from tests.vault_kit import BORROWER, GENESIS, LENDER, Kit, lending_kit
from vault.ledger.events import Accrue, Event, MarkPrice
from vault.ledger.position import Position
from vault.ledger.state import Ledger, apply, begin

LIQUIDATOR, CHALLENGER = 2, 4
PREFUNDED, BORN, TIP = 90, 95, 100
PRICE, LOW, TIME = 6_000_000, 550_000, 1_000
STRANGER = b"\x99" * 32
ELSEWHERE = ((1_000, b"\x51\x20" + b"\x77" * 32),)


def entry(kit: Kit) -> Entry:
    """A kit's vault, registered by borrower and lender."""
    return Entry(
        number=1, terms=kit.terms, deposit=deposit_of(kit.terms), borrower=kit.signed(BORROWER), lender=kit.signed(LENDER)
    )  # fmt: skip


@dataclass
class Scene:
    """`height` is the tip. The default: Vault is buried, the loan is taken and opened, nobody has done anything else."""

    kit: Kit = field(default_factory=lending_kit)
    height: int = TIP
    spends: Spends = field(default_factory=Spends)
    money: money.State = field(default_factory=money.State)
    ledger: Ledger = field(init=False)
    registry: Registry = field(init=False)

    def __post_init__(self) -> None:
        terms = self.kit.terms
        loan = terms.proposal.loan
        assert loan is not None
        world = SimpleNamespace(spends=self.spends, tip=lambda: (self.height, bytes(32)), limits=PRODUCT)
        genesis = SimpleNamespace(rules=loan.rules, height=0)
        self.registry = Registry(world=cast(Any, world), genesis=cast(Any, genesis), ledger=loan.ledger)
        self.registry.loans[self.name] = Loan(opener=entry(self.kit))
        self.ledger = begin(loan.ledger, GENESIS, loan.rules, height=0, time=TIME)
        self.post(Accrue(height=self.height, time=TIME), MarkPrice(price=PRICE, price_time=TIME))

    # ---- what is there ---------------------------------------------------------------------------------------------
    @property
    def name(self) -> bytes:
        return self.kit.proposal.proposal_id

    @property
    def loan(self) -> Loan:
        return self.registry.loans[self.name]

    @property
    def deposit(self) -> Deposit:
        return self.loan.opener.deposit

    @property
    def position(self) -> Position:
        found = self.ledger.position(self.name)
        assert found is not None
        return found

    @property
    def view(self) -> View:
        return View(registry=self.registry, money=self.money, ledger=self.ledger, height=self.height, time=TIME)

    def who(self, party: int) -> bytes:
        return self.kit.proposal.parties[party].identity

    def graph(self, party: int, slot: int) -> ClaimPoint:
        outcome = {BORROWER: "withdraw", LENDER: "default"}.get(party, "liquidate")
        found = graph_of(self.deposit, slot, outcome, self.who(party))  # type: ignore[arg-type]
        assert found is not None
        return found

    # ---- what happens ----------------------------------------------------------------------------------------------
    def post(self, *events: Event) -> None:
        for event in events:
            self.ledger = apply(self.ledger, event)

    def move(self, *movements: Movement) -> None:
        for movement in movements:
            self.money = money.check(money.apply(self.money, movement))

    def book(self, deal: Deal) -> None:
        self.ledger = applied(self.ledger, deal.events)
        self.move(*deal.movements)

    def spend(self, outpoint: Outpoint, txid: bytes, height: int, outputs: Sequence[tuple[int, bytes]] = ()) -> None:
        self.spends.add([(outpoint, Spend(height=height, txid=txid, outputs=tuple(outputs)))])

    def prefunded(self, height: int = PREFUNDED) -> None:
        self.spend(self.deposit.inputs[0], self.deposit.prefund_txid, height)

    def born(self, height: int = BORN) -> None:
        for outpoint in self.deposit.prefunds:
            self.spend(outpoint, self.deposit.vault_txid, height)

    def claimed(self, party: int, slot: int, height: int) -> None:
        graph = self.graph(party, slot)
        self.spend(graph.bond, graph.txid, height)

    def marked(self, price: int) -> None:
        self.post(MarkPrice(price=price, price_time=max(TIME, self.ledger.totals.price_time)))

    def to(self, height: int) -> None:
        """The chain is that long; the ledger hears of it when something is posted."""
        self.height = height


def funded() -> Scene:
    """PreFund is buried; everybody has money; nothing is locked."""
    scene = Scene()
    for party in (BORROWER, LENDER, LIQUIDATOR, LIQUIDATOR + 1):
        scene.move(money.Mint(to=scene.who(party), cents=1_000_000))
    scene.prefunded()
    return scene


def opened() -> Scene:
    """The loan is taken and opened."""
    scene = funded()
    cents = scene.loan.opener.loan.cents
    scene.move(
        money.Lock(vault=scene.name, lender=scene.who(LENDER), cents=cents, expires=TIP + 1),
        money.Take(vault=scene.name, borrower=scene.who(BORROWER), preimage=scene.kit.a),
    )
    scene.post(opening(scene.loan, PREFUNDED))
    scene.born()
    return scene
