"""A ledger with one loan: keeper, attestors that check coins, a follower; the loan's parties are played by a kit.

Nodes, stores, guards, proofs and transactions are real; the parties' coins exist on the chain in memory, whose scripts the
consensus engine judges, and what they ask arrives at the keeper's door as from the wire.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from node.ledger.world import Coins
from node.lending import words
from node.lending.desk import REGISTERED, Desk
from node.lending.money import check
from node.lending.words import LoanAsked, Reading, Receipt, Request
from node.limits import PRODUCT
from tests.simulation.chain import MemoryChain
from tests.simulation.ledger_world import EVERYBODY, KEEPER, PRICE, LedgerWorld
from tests.simulation.world import GENESIS
from tests.vault_kit import BORROWER, LENDER, SLOT, Kit, digest, loan, loan_graphs, make_proposal
from vault.agreement import Coin, Loan, PartyKeys, encode
from vault.ledger.position import Position
from vault.ledger.rules import DEFAULT

LIQUIDATOR = 2
RULES = msgspec.structs.replace(DEFAULT, grace=10, tender_window=4, settle_window=60)
MINTED = 1_000_000
DEPTH = 2
LOW = 550_000
"""A price at which the loan is unhealthy."""

Outpoint = tuple[bytes, int]


@dataclass(frozen=True, kw_only=True)
class MinedKit(Kit):
    """A kit whose coins are on a chain."""

    real: Mapping[Outpoint, Outpoint]

    def keys_of(self, party: int) -> PartyKeys:
        keys = super().keys_of(party)

        def own(coins: tuple[tuple[int, Coin], ...]) -> tuple[tuple[int, Coin], ...]:
            return tuple((g, self._moved(coin)) for g, coin in coins)

        return msgspec.structs.replace(
            keys, bonds=own(keys.bonds), stakes=own(keys.stakes), prefund_inputs=tuple(map(self._moved, keys.prefund_inputs))
        )  # fmt: skip

    def _moved(self, coin: Coin) -> Coin:
        txid, vout = self.real[coin.txid, coin.vout]
        return msgspec.structs.replace(coin, txid=txid, vout=vout)


async def kit_on(
    chain: MemoryChain, terms: Loan, *, slots: int = 2, name: str = "desk", genesis: bytes = GENESIS
) -> MinedKit:
    """A loan whose deposits, bonds and stakes are mined; another name is another proposal of the same parties."""
    values = (SLOT,) * slots
    graphs = loan_graphs(values, liquidators=1, statement=terms.ledger)
    proposal = make_proposal(graphs=graphs, slots=values, liquidators=1, challengers=0, loan=terms)
    proposal = msgspec.structs.replace(proposal, genesis=genesis, salt=digest(name))
    return await mined(chain, Kit(proposal=proposal, name=name))


async def mined(chain: MemoryChain, plain: Kit) -> MinedKit:
    """A kit with its coins on the chain; another name is another vault: other keys and coins for everybody."""
    coins = [
        coin
        for keys in plain.unchecked_terms.keys
        for coin in (*keys.prefund_inputs, *(own for _, own in (*keys.bonds, *keys.stakes)))
    ]
    await chain.mine(*((coin.script_pubkey, coin.value) for coin in coins))
    gifts = [(chain.txid(raw), 0) for raw in chain.blocks[-1].txs]
    real = {(coin.txid, coin.vout): gift for coin, gift in zip(coins, gifts, strict=False)}
    return MinedKit(proposal=plain.proposal, name=plain.name, real=real)


@dataclass
class DeskWorld(LedgerWorld):
    """Use `lend` after `open`."""

    batch: int = 4
    coins: Coins = "checked"
    kit: MinedKit = field(init=False)

    async def open(self, attest: dict[str, str] | None = None) -> None:
        await self.chain.mine()
        await super().open(attest)

    def genesis_file(self, **changes: Any) -> Any:
        return super().genesis_file(**{"rules": RULES, **changes})

    @property
    def plain(self) -> Loan:
        """A loan of this ledger without fast liquidation."""
        return loan(ledger=self.genesis.ledger_id, rules=RULES)

    async def lend(self, terms: Loan | None = None) -> None:
        """The loan's Terms (the plain ones), with coins on the chain, registered; everybody has money."""
        self.kit = await kit_on(self.chain, self.plain if terms is None else terms)
        await self.caught_up()
        for party in (BORROWER, LENDER, LIQUIDATOR):
            await self.actors[KEEPER].ask(lambda node, party=party: self._minted(party))
        await self.agree(self.kit)

    async def _minted(self, party: int) -> None:
        """Once, also when the power was cut after it."""
        if not self.desk.money.state.account(self.who(party)):
            await self.desk.mint(self.who(party), MINTED)

    # ---- who ---------------------------------------------------------------------------------------------------
    @property
    def name(self) -> bytes:
        return self.kit.proposal.proposal_id

    @property
    def desk(self) -> Desk:
        found = self.actors[KEEPER].room.desk
        assert found is not None
        return found

    @property
    def position(self) -> Position:
        found = self.desk.keeper.posted.position(self.name)
        assert found is not None
        return found

    def who(self, party: int) -> bytes:
        return self.kit.proposal.parties[party].identity

    def account(self, party: int) -> int:
        return self.desk.money.state.account(self.who(party))

    # ---- what parties do -----------------------------------------------------------------------------------------
    async def ask(self, party: int, request: Request) -> Receipt:
        """A request as it comes from the wire, again until a living keeper answers."""
        keeper, raw = self.actors[KEEPER], words.write(request)

        async def order(node: Any) -> Receipt:
            answer = await node.ledgers.on_message(self.who(party), "loan-request", self.genesis.ledger_id, raw)
            return words.read(Receipt, answer, most=PRODUCT.reply_frame_bytes, what="receipt")

        receipt: Receipt = await keeper.ask(order)
        return receipt

    async def register(self, party: int, kit: Kit) -> Receipt:
        """A party signs the Terms of a kit, and gives them to the keeper."""
        return await self.ask(party, words.Register(terms=encode(kit.terms), signature=kit.signed(party)))

    async def agree(self, kit: Kit) -> None:
        """Borrower and lender both do, and do it again when a keeper whose power was cut has forgotten the first of them."""
        said = ""
        while said != REGISTERED:
            for party in (BORROWER, LENDER):
                said = (await self.register(party, kit)).text

    async def reading(self, party: int) -> Reading:
        raw = words.write(LoanAsked(vault=self.name))

        async def order(node: Any) -> Reading:
            answer = await node.ledgers.on_message(self.who(party), "loan-read", self.genesis.ledger_id, raw)
            return words.read(Reading, answer, most=PRODUCT.reply_frame_bytes, what="reading")

        found: Reading = await self.actors[KEEPER].ask(order)
        return found

    async def publish(self, name: str, kit: Kit | None = None) -> None:
        """A transaction of the vault (or of another one's kit), in the next block."""
        answer = await self.chain.broadcast((kit or self.kit).finish(name))
        assert type(answer).__name__ in ("Accepted", "AlreadyKnown"), answer
        await self.mine()

    async def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            await self.chain.mine()
        await self.caught_up()

    async def caught_up(self) -> None:
        await self.until_true(
            lambda: all(a.life and a.node.scanner.block == self.chain.blocks[-1].hash for a in self.there())
        )

    async def says_everybody(self, price: int) -> None:
        for name in EVERYBODY:
            await self.actors[name].says(price)

    async def settled(self) -> None:
        """The keeper's own round has dealt with the tip, and what it posted is final everywhere."""

        def done() -> bool:
            keeper = self.actors[KEEPER]
            if keeper.life is None:
                return False
            automat, kept = keeper.room.automat, keeper.room.keeper
            assert automat is not None and kept is not None
            return automat.height == self.chain.height and kept.rests

        await self.until_true(done)
        keeper = self.actors[KEEPER].room.keeper
        assert keeper is not None
        await self.final(keeper.sealed.totals.seq)

    async def taken(self) -> None:
        """The loan is locked, taken and opened."""
        await self.says_everybody(PRICE)
        await self.until_true(lambda: bool(self.actors[KEEPER].life and self.desk.keeper.posted.totals.price))
        await self.publish("prefund")
        await self.mine(DEPTH - 1)
        await self.ask(LENDER, words.LockLoan(vault=self.name, expires=self.chain.height + 8))
        await self.ask(BORROWER, words.TakeLoan(vault=self.name, preimage=self.kit.a))
        await self.publish("vault")
        await self.mine(DEPTH - 1)
        await self.settled()

    # ---- what must hold ------------------------------------------------------------------------------------------
    def books_hold(self) -> None:
        """No cent lost; escrow is the ledger's cash."""
        state = check(self.desk.money.state)
        assert state.held == self.desk.keeper.posted.totals.cash
        assert state.minted == 3 * MINTED

    def doubts(self, name: str) -> str:
        """Why an attestor does not sign."""
        attestor = self.actors[name].room.attestor
        assert attestor is not None
        return "; ".join(doubt.reason for pending in attestor.pending.values() for doubt in pending.doubts)


@asynccontextmanager
async def a_desk(folder: Path, batch: int = 4) -> AsyncIterator[DeskWorld]:
    """A registered loan whose coins are on the chain; nothing has moved yet."""
    world = DeskWorld(folder, {}, batch=batch)
    try:
        await world.open()
        await world.lend()
        yield world
    finally:
        await world.close()
