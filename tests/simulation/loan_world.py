"""A loan with everybody in it: keeper, attestors, and a borrower, a lender and a liquidator whose own loops play their parts.

Nodes, stores, guards, wallets, garblings, presignatures, scripts and proofs of outcomes are real; chain and wire are in memory,
transitions of the ledger are proved by the forger. Money is SIMULATED, as everywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from challenge.game import fold
from challenge.policy import Policy as ContestPolicy
from challenge.states import VaultState
from node.ledger.port import OpenLedgers
from node.ledger.room import Ledgers
from node.lending.desk import Desk
from node.lending.money import check
from node.lending.party import Loans, Look
from node.lending.policy import Policy
from node.rpc.table import ClaimParams
from node.rpc.vault import claim
from tests.simulation.ledger_world import EVERYBODY, KEEPER, PRICE, LedgerActor, LedgerWorld
from tests.simulation.power import Fuse
from tests.simulation.world import GIFT, SLOT, Life
from vault.ledger.position import Position
from vault.ledger.rules import DEFAULT

PARTIES = ("borrower", "lender", "liquidator")
RULES = msgspec.structs.replace(DEFAULT, grace=10, tender_window=4, settle_window=60)
CENTS = 28_000
"""Of a slot: 60,000 cents of collateral at PRICE."""
LOW = 3_200_000
"""A price at which a slot of a loan of CENTS is unhealthy and still worth more than it costs."""
MINTED = 1_000_000
PATIENCE = 900.0
AUTO = Policy(
    lend="auto", take="auto", default="auto", liquidate="dry-run", tender="manual", release="auto", dead_man="auto",
    max_cents_a_day=10_000_000, max_slots_a_day=8, margin=100, contests_a_day=10,
)  # fmt: skip


@dataclass
class PartyActor(LedgerActor):
    """A party's node, with its loop."""

    lending: Policy = AUTO

    def _wire_up(self) -> Life:
        life = super()._wire_up()
        node, world = life.node, self.world
        assert node.ledgers is not None and isinstance(world, LedgerWorld)
        node.ledgers = Ledgers.load(replace(node.ledgers.world, proving=node.context.proving))
        node.context.ledgers = OpenLedgers(lambda: node.ledgers)
        node.loans = Loans(
            node=node, policy=self.lending, poll_seconds=0.05, now=world.now,
            claim=lambda vault, graph: claim(node, ClaimParams(id=vault.hex(), graph=graph)),
        )  # fmt: skip
        return life

    @property
    def loans(self) -> Loans:
        found = self.node.loans
        assert found is not None
        return found

    def obeys(self, **changes: Any) -> None:
        """Another policy, from now on and after a restart."""
        self.lending = self.loans.policy = replace(self.lending, **changes)
        self.loans.ring()


@dataclass
class LoanWorld(LedgerWorld):
    """Use `lend` after `open`."""

    batch: int = 4
    coins: Any = "checked"
    engine: str = "babe"
    vault: bytes = b""
    fuses: dict[str, Fuse] = field(default_factory=lambda: {name: Fuse() for name in (*EVERYBODY, *PARTIES)})

    async def open(self, attest: dict[str, str] | None = None) -> None:
        await super().open(attest)
        assert self.file is not None
        for name in PARTIES:
            contest = ContestPolicy(contest="known", known={}, release="manual")
            actor = PartyActor(name, self.folder / name, self, contest, self.fuses[name], coins=self.coins)
            self.actors[name] = actor
            await actor.open()
            await actor.says(PRICE)
            await actor.ledgers.open(self.file.as_json())
        scripts = [self.actors[name].node.context.wallet.new_script() for name in PARTIES for _ in range(6)]
        await self.chain.mine(*((script, GIFT) for script in scripts))
        for name in PARTIES:
            await self.desk.mint(self.actors[name].identity, MINTED)

    def genesis_file(self, **changes: Any) -> Any:
        return super().genesis_file(**{"rules": RULES, **changes})

    def party(self, name: str) -> PartyActor:
        actor = self.actors[name]
        assert isinstance(actor, PartyActor)
        return actor

    # ---- what is there ---------------------------------------------------------------------------------------------
    @property
    def desk(self) -> Desk:
        found = self.actors[KEEPER].room.desk
        assert found is not None
        return found

    @property
    def position(self) -> Position | None:
        return self.desk.keeper.posted.position(self.vault)

    def account(self, name: str) -> int:
        return self.desk.money.state.account(self.actors[name].identity)

    def books_hold(self) -> None:
        state = check(self.desk.money.state)
        assert state.minted == len(PARTIES) * MINTED and state.held == self.desk.keeper.posted.totals.cash

    def vault_of(self, name: str) -> VaultState:
        state = self.actors[name].node.book.get(self.vault)
        assert state is not None
        return state

    def look(self, name: str) -> Look:
        return self.party(name).loans.looks[self.vault]

    def does(self, name: str, about: str) -> str:
        """`yes`, `no`, `waits`, `dry-run`; empty when the question is not asked."""
        return next((wish.does for wish in self.look(name).wishes if wish.about == about), "")

    def slots(self, name: str = "borrower") -> list[str]:
        """What every slot came to: its phase, or what closed it."""
        state = self.vault_of(name)
        return [slot.by or slot.phase.value for slot in fold(state.proposal, state.log).slots]

    # ---- what happens ----------------------------------------------------------------------------------------------
    async def lend(self, slots: int, **loan: Any) -> None:
        """Propose a loan and go on until it is open in the ledger: everybody's own loop does the rest."""
        wanted = {
            "parties": [{"identity": self.actors[name].identity.hex(), "role": name} for name in PARTIES],
            "slots": [SLOT] * slots, "maturity": 60,
            "loan": {"ledger": self.genesis.ledger_id.hex(), "cents": CENTS * slots, **loan},
        }  # fmt: skip
        await self.blocks(1)
        self.vault = bytes.fromhex(await self.party("borrower").ask(lambda node: node.propose(wanted)))

    async def blocks(self, count: int = 1) -> None:
        """Mine, and wait each time until everybody has done what can be done without another block."""
        for _ in range(count):
            await self.chain.mine()
            await self.still()

    async def still(self) -> None:
        """Nobody moves any more without a block, and everything that the keeper posted is final."""
        same, before = 0, None
        while same < 3:
            await self.until_true(self._calm)
            now = (self.desk.keeper.posted.totals.seq, *(a.node.loop.turns for a in self.actors.values()))
            same, before = same + 1 if now == before else 0, now
            await self.breathe()

    async def until_true(self, done: Callable[[], bool]) -> None:
        """With the patience that a setup of engine babe needs on a busy machine."""
        async with asyncio.timeout(PATIENCE):
            while not done():
                await self.breathe()

    def _calm(self) -> bool:
        keeper, height = self.actors[KEEPER].room, self.chain.height
        automat, kept = keeper.automat, keeper.keeper
        assert automat is not None and kept is not None
        there = all(actor.life is not None and actor.node.scanner.height == height for actor in self.actors.values())
        final = min(self.seqs().values()) >= kept.sealed.totals.seq
        quiet = all(self.actors[name].node.quiet(height) for name in PARTIES)
        dealt = automat.height == height or not self.desk.registry.loans
        return there and quiet and dealt and not kept.queue and final

    async def go_on(self, done: Callable[[], bool], limit: int) -> None:
        """Blocks until something holds."""
        for _ in range(limit):
            if done():
                return
            await self.blocks()
        assert done(), f"not within {limit} blocks: {self.told()}"

    async def price(self, cents: int) -> None:
        """Everybody's sources say so."""
        for actor in self.actors.values():
            assert isinstance(actor, LedgerActor)
            await actor.says(cents)

    def told(self) -> dict[str, list[str]]:
        """What every party's loop says."""
        return {
            name: [f"{wish.about}: {wish.does}: {wish.why} -> {look.came.get(wish.about, '')}" for wish in look.wishes]
            for name in PARTIES
            if (look := self.party(name).loans.looks.get(self.vault)) is not None
        }
