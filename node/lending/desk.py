"""The keeper's desk: requests of parties in, receipts out; events and SIMULATED money in one write.

Promises: who asks is who signed the envelope; a request is booked once, and its receipt stands in the same batch as its events
and cents, so that whoever asks again, also after a crash, gets the same receipt and pays nothing more; a refusal changes
nothing and says what was expected and what came. At every start the books are checked: no cent lost or made, and for every
slot of a registered loan the escrow that the ledger says. Does NOT decide (`counter`) and posts nothing by itself (`keeping`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from blake3 import blake3

from node.faults import LocalFault, PeerFault, Unavailable
from node.ledger.keeper import Booked, Keeper
from node.ledger.world import World
from node.lending import agreed, counter, words
from node.lending.agreed import OTHER, Offer, Offers
from node.lending.counter import Deal, View, worth_marking
from node.lending.money import COLUMN, Books, Mint, Money
from node.lending.readings import reading
from node.lending.registry import Registry
from node.lending.words import Reading, Receipt, Request
from node.prices import Quote
from node.store import Put
from vault.ledger.events import Accrue, Event, MarkPrice
from vault.ledger.position import Position
from vault.ledger.state import Ledger

log = structlog.get_logger("desk")

REGISTERED = "registered: its coins are watched"


@dataclass(slots=True, repr=False)
class Desk:
    """Of one ledger that this node keeps. `quote` is its own median, as long as there is one that attestors can bear out."""

    world: World
    keeper: Keeper
    registry: Registry
    money: Money
    offers: Offers
    refused: int = 0
    keeping: Callable[[], dict[str, Any]] = dict
    quote: Quote | None = None
    _tasks: set[asyncio.Task[Receipt]] = field(default_factory=set)

    @classmethod
    def load(cls, world: World, keeper: Keeper, registry: Registry) -> Desk:
        """With the books of the store. Raises LocalFault when they are damaged, or are not those of the ledger."""
        books = Books.load(world.store, registry.ledger)
        offers = Offers(most=world.limits.loan_offers)
        desk = cls(world=world, keeper=keeper, registry=registry, money=books, offers=offers)
        desk._check()
        keeper.firm = desk.firm
        return desk

    def firm(self, event: Event) -> bool:
        """Whether money moved with an event: then it cannot be taken back."""
        return not isinstance(event, Accrue | MarkPrice) and event.vault in self.registry.loans

    def by_hand(self, wanted: Sequence[Mapping[str, Any]]) -> None:
        """What an operator may not post himself: money would not move with it. Raises LocalFault."""
        names = {name.hex() for name in self.registry.loans}
        for each in wanted:
            if str(each.get("vault", "")).lower() in names:
                raise LocalFault(
                    what=f"event {each.get('kind')}", expected="one of a vault that is not registered with the desk",
                    came=f"one of {str(each['vault'])[:16]}",
                    todo="Its parties ask at the desk, and what follows from coins is posted by itself: `bitvm3 loan show`.",
                )  # fmt: skip

    def _check(self) -> None:
        for name in self.registry.loans:
            position = self.keeper.posted.position(name)
            wanted = owed_to_slots(position) if position is not None else {}
            held = {slot: each.cents for (vault, slot), each in self.money.state.escrow.items() if vault == name}
            if wanted != held:
                raise LocalFault(
                    what=f"escrow of vault {name.hex()[:16]} (SIMULATED money)", expected=f"as the ledger says: {wanted}",
                    came=str(held), todo="The store of this keeper is damaged: restore the last backup.",
                )  # fmt: skip

    # ---- requests ------------------------------------------------------------------------------------------------
    async def ask(self, sender: bytes, request: Request) -> Receipt:
        """One request. Raises PeerFault (refused, with the reason), Unavailable (ask again later)."""
        task = asyncio.create_task(self._ask(sender, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)  # a caller that goes away must not leave disk and memory apart

    async def _ask(self, sender: bytes, request: Request) -> Receipt:
        try:
            return self._known(sender, request) or await self._booked(sender, request)
        except PeerFault as fault:
            self.refused += 1
            log.info("request refused", **self._line(sender, request), reason=str(fault))
            raise
        except LocalFault as fault:
            raise PeerFault(what=fault.what, expected=fault.expected, came=fault.came, todo=fault.todo) from fault

    async def _booked(self, sender: bytes, request: Request) -> Receipt:
        if isinstance(request, words.Register):
            text = await self._registered(sender, request)
            return Receipt(seq=self.keeper.posted.totals.seq, cents=0, text=text)
        moment = await self.moment()
        found: list[Receipt] = []

        def decide(ledger: Ledger) -> Booked:
            known = self._known(sender, request)  # asked twice at once
            if known is not None:
                found.append(known)
                return Booked(events=(), puts=(), done=lambda: None)
            deal = counter.judge(self.view(ledger, moment), sender, request)
            seq = ledger.totals.seq + len(deal.events)
            receipt = Receipt(seq=seq, cents=deal.cents, text=f"{deal.text} (SIMULATED money)")
            found.append(receipt)
            return self.booked(deal, ((COLUMN, self._key(sender, request), words.write(receipt)),))

        booked = await self.keeper.book(decide)
        log.info(
            "request booked", **self._line(sender, request), seq=found[0].seq, cents=found[0].cents, text=found[0].text,
            events=names(booked.events),
        )  # fmt: skip
        return found[0]

    async def _registered(self, sender: bytes, request: words.Register) -> str:
        """Terms count when both have signed them: until then plain words say what is waited for, and nothing is stored."""
        registry = self.registry
        terms, deposit = await registry.parsed(request.terms)
        side, name = agreed.side_of(terms.proposal, sender), terms.proposal.proposal_id
        known = registry.known(terms) is not None
        if not known:
            registry.fits(terms)
        agreed.check(self.world.genesis, registry.ledger, terms, side, request.signature)
        if known:
            return REGISTERED
        self.offers.keep(name, side, Offer(vault_id=terms.vault_id, signature=request.signature))
        other, they = OTHER[side], self.offers.of(name, OTHER[side])
        if they is None:
            return f"your signature is here: it waits for the {other}, who has not signed these Terms yet"
        if they.vault_id != terms.vault_id:
            return (
                f"not registered: you have signed vault {terms.vault_id.hex()}, the {other} vault {they.vault_id.hex()} "
                "of the same proposal"
            )
        signed = {side: request.signature, other: they.signature}
        await registry.adopt(words.Agreed(terms=request.terms, **signed), terms, deposit)
        self.offers.drop(name)
        return REGISTERED

    def booked(self, deal: Deal, more: tuple[Put, ...]) -> Booked:
        """A deal as one write. Raises PeerFault when money is short."""
        booking = self.money.book(deal.movements)
        return Booked(events=deal.events, puts=(*booking.puts, *more), done=lambda: self.money.adopt(booking))

    def _key(self, sender: bytes, request: Request) -> bytes:
        digest = blake3(sender + words.write(request), derive_key_context="bitvm3 2026 loan request v1").digest()
        return self.registry.ledger + b"R" + digest

    def _known(self, sender: bytes, request: Request) -> Receipt | None:
        raw = self.world.store.get(COLUMN, self._key(sender, request))
        return None if raw is None else words.read(Receipt, raw, most=len(raw), what="stored receipt")

    # ---- what decisions look at ----------------------------------------------------------------------------------
    async def moment(self) -> tuple[int, int]:
        """Height and median time past of the tip. Raises Unavailable."""
        height = self.world.height()
        time = await self.world.chain.median_time(height)
        if time is None:
            raise Unavailable(what="the chain", expected=f"a block at height {height}", came="a shorter one")
        return height, time

    def view(self, ledger: Ledger, moment: tuple[int, int]) -> View:
        """As of a moment, and of the last quote."""
        height, time = moment
        mark = worth_marking(ledger.totals, self.quote, self.world.keeping.mark_seconds)
        return View(registry=self.registry, money=self.money.state, ledger=ledger, height=height, time=time, mark=mark)

    async def read(self, sender: bytes, name: bytes) -> Reading:
        """What this keeper says of a loan. Raises PeerFault for one that is not registered, Unavailable."""
        view = self.view(self.keeper.posted, await self.moment())
        return reading(view, sender, name, final_seq=self.keeper.follower.view.seq)

    # ---- the operator --------------------------------------------------------------------------------------------
    async def mint(self, identity: bytes, cents: int) -> dict[str, Any]:
        """SIMULATED money out of nothing, on regtest. Raises LocalFault elsewhere."""
        if self.world.network != "regtest":
            raise LocalFault(what="network", expected="regtest: this money is SIMULATED", came=self.world.network)
        if cents <= 0:
            raise LocalFault(what="cents", expected="more than 0", came=str(cents))
        deal = Deal(events=(), movements=(Mint(to=identity, cents=cents),), cents=cents, text="minted")
        await self.keeper.book(self._minted(deal))
        log.warning("SIMULATED money minted by the operator", identity=identity.hex(), cents=cents)
        account = self.money.state.account(identity)
        return {"simulated": True, "identity": identity.hex(), "minted": cents, "account": account}

    def _minted(self, deal: Deal) -> Callable[[Ledger], Booked]:
        def decide(_: Ledger) -> Booked:
            try:
                return self.booked(deal, ())
            except PeerFault as fault:
                raise LocalFault(what=fault.what, expected=fault.expected, came=fault.came) from fault

        return decide

    def lines(self) -> dict[str, Any]:
        """All SIMULATED money, for people."""
        state = self.money.state
        return {
            "simulated": True,
            "ledger": self.registry.ledger.hex(),
            "minted": state.minted,
            "accounts": {identity.hex(): cents for identity, cents in sorted(state.accounts.items())},
            "locks": [
                {"vault": each.vault.hex(), "lender": each.lender.hex(), "cents": each.cents, "expires": each.expires,
                 "state": each.state}
                for each in state.locks.values()
            ],
            "escrow": [
                {"vault": each.vault.hex(), "slot": each.slot, "payer": each.payer.hex(), "cents": each.cents}
                for each in state.escrow.values()
            ],
            "keeper": self.keeping(),
        }  # fmt: skip

    def _line(self, sender: bytes, request: Request) -> dict[str, object]:
        vault = getattr(request, "vault", b"")
        return {
            "ledger": self.registry.ledger.hex()[:16], "sender": sender.hex()[:16],
            "request": str(request.__struct_config__.tag), "vault": vault.hex()[:16],
        }  # fmt: skip


def owed_to_slots(position: Position) -> dict[int, int]:
    """Slot -> cents that must be in escrow: the pending tender, and what was paid for records that are not settled."""
    found = {
        slot: record.paid for slot, record in enumerate(position.records) if record is not None and not record.settled
    }
    if position.tender_slot:
        found[position.tender_slot - 1] = position.tender_cents
    return found


def names(events: Sequence[Event]) -> list[str]:
    """Kinds, for a log line."""
    return [str(event.__struct_config__.tag) for event in events]
