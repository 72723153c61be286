"""What the keeper of a ledger with loans posts by itself: the pure decisions, and the loop that books them.

Promises: every decision follows from the ledger as posted, the coins up to the tip and this node's own median price, by the
same rules that attestors check (`checks`); each is booked like a request, events and SIMULATED money in one write, so that a
crash between any two loses nothing: the next round finds the same thing due. A decision that a rule forbids now is said once
and does not hold up others. Acts only when loans are registered. Does NOT answer anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from node.faults import LocalFault, PeerFault, Unavailable
from node.ledger.keeper import Booked
from node.ledger.world import Keeping
from node.lending import money
from node.lending.counter import Deal, View, applied, how_closed, moved, withdrawal
from node.lending.desk import Desk, names
from node.lending.registry import Loan, funded
from vault.ledger.events import AddCollateral, Close, Event
from vault.ledger.money import settlement
from vault.ledger.position import Position, Record
from vault.ledger.state import Ledger

log = structlog.get_logger("keeper")

LOOK_SECONDS: Final = 0.1
"""Between two looks whether anything has changed; a look costs nothing."""
PRICE_SECONDS: Final = 2.0
"""Between two quotes."""


# ---- decisions: pure ---------------------------------------------------------------------------------------------------
def due(view: View, keeping: Keeping, *, rests: bool) -> Iterator[Deal]:
    """Everything that is due, the first thing first; a rule may still forbid one (`applied` says so).

    `rests`: everything that was posted is final. Heights and prices for their own sake are posted only then: a price that waits
    in a queue is one that no attestor can compare any more, and whatever needs one brings it along.
    """
    totals, mark = view.ledger.totals, view.mark
    if rests and mark is not None and moved(totals, mark.price):
        yield _posted((*view.accrual, mark), "the price moved")
    if rests and view.height >= totals.height + keeping.accrue_blocks:
        yield _posted(view.priced, "interest runs on")
    for loan in view.registry.loans.values():
        position = view.ledger.position(loan.name)
        if position is not None:
            yield from _added(view, loan, position)
            yield from _withdrawn(view, loan, position)
            yield from _closed(view, loan, position)


def _posted(events: tuple[Event, ...], text: str) -> Deal:
    return Deal(events=events, movements=(), cents=0, text=text)


def _added(view: View, loan: Loan, position: Position) -> Iterator[Deal]:
    """The Vault of a top-up is buried: its slots come one after the other."""
    for entry in loan.linked:
        if entry.deposit.first_slot != position.used or funded(view.registry, entry, view.height) is None:
            continue
        added = tuple(
            AddCollateral(vault=loan.name, nonce=position.nonce + i, slot=position.used + i, sats=sats)
            for i, sats in enumerate(entry.deposit.sats)
        )
        yield _posted((*view.accrual, *added), f"{sum(entry.deposit.sats)} sat added")


def _withdrawn(view: View, loan: Loan, position: Position) -> Iterator[Deal]:
    """The lender let the tender's window pass without showing r."""
    over = position.tender_height + view.ledger.rules.tender_window
    if position.tender_slot and view.height >= over:
        event = withdrawal(loan, position, how=2)
        yield _posted((*view.accrual, event), f"slot {event.slot} is the borrower's: its tender's window passed")


def _closed(view: View, loan: Loan, position: Position) -> Iterator[Deal]:
    for slot, record in enumerate(position.records):
        if record is not None and not record.settled:
            how = how_closed(view, loan, slot, record)
            if how:
                yield _settled(view, loan, position, slot, record, how)


def _settled(view: View, loan: Loan, position: Position, slot: int, record: Record, how: int) -> Deal:
    """Money follows the coin. It takes the ledger up to the tip only when the rule asks for a height."""
    parts = settlement(record.paid, record.debt, how)
    to = ((position.lender, parts.lender), (position.owner, parts.borrower), (record.claimant, parts.payer))
    release = money.Release(slot=(loan.name, slot), to=tuple((who, cents) for who, cents in to if cents))
    close = Close(vault=loan.name, nonce=position.nonce, slot=slot, how=how)
    text = f"slot {slot} settled: lender {parts.lender}, borrower {parts.borrower}, payer {parts.payer} cents"
    return Deal(events=(*view.accrual, close), movements=(release,), cents=record.paid, text=text)


# ---- the loop ------------------------------------------------------------------------------------------------------------
@dataclass(slots=True, repr=False)
class Automat:
    """Of one ledger. `height` is the last one that a round dealt with to the end; `blocked` what rules forbid now."""

    desk: Desk
    height: int = -1
    rounds: int = 0
    blocked: dict[str, str] = field(default_factory=dict)
    _quoted: float = 0.0
    _said: str = ""

    def __post_init__(self) -> None:
        """The desk shows how far this is, beside the money."""
        self.desk.keeping = self.lines

    async def run(self) -> None:
        """A round at every block, whenever something was posted or registered, and for the price; until cancelled."""
        if self.desk.world.keeping.automatic == "off":
            return
        seen: object = None
        while True:
            now = self._changes()
            if self.desk.registry.loans and (now != seen or self._old()):
                seen = now
                try:
                    await self.round()
                except (Unavailable, LocalFault, PeerFault) as fault:
                    seen = None
                    self._say(str(fault))
                    await asyncio.sleep(self.desk.world.limits.ledger_retry_first_seconds)
            await asyncio.sleep(LOOK_SECONDS)

    def _changes(self) -> object:
        keeper, registry = self.desk.keeper, self.desk.registry
        vaults = sum(len(loan.entries) for loan in registry.loans.values())
        unproved = sum(not batch.proof for batch in keeper.batches.values())
        seqs = keeper.posted.totals.seq, keeper.sealed.totals.seq, keeper.follower.view.seq
        return self.desk.world.tip(), seqs, vaults, unproved

    def _old(self) -> bool:
        return asyncio.get_running_loop().time() - self._quoted >= PRICE_SECONDS

    async def round(self) -> None:
        """Book all that is due, then seal. Raises what the chain or the disk says."""
        moment = await self.desk.moment()
        await self._price()
        for _ in range(self.desk.world.limits.ledger_events_queued):
            if not await self._step(moment):
                break
        await self._seal()
        self.height, self.rounds = moment[0], self.rounds + 1

    async def _price(self) -> None:
        """No price is marked that nobody can bear out: without a quorum of attestors there is none."""
        desk, world = self.desk, self.desk.world
        self._quoted = asyncio.get_running_loop().time()
        found, why = None, "fewer attestors are connected than have to sign: no new price is marked"
        if desk.keeper.attended:
            try:
                found = await world.prices.quote(world.now())
            except (Unavailable, LocalFault, PeerFault) as fault:
                why = str(fault)
        desk.quote = found
        if found is None:
            self._block("price", why)
        else:
            self.blocked.pop("price", None)

    async def _step(self, moment: tuple[int, int]) -> bool:
        """Book the first thing that is due and allowed."""
        chosen: list[Deal] = []

        def decide(ledger: Ledger) -> Booked:
            view = self.desk.view(ledger, moment)
            forbidden: dict[str, str] = {}
            for deal in due(view, self.desk.world.keeping, rests=self.desk.keeper.rests):
                try:
                    applied(ledger, deal.events)
                except PeerFault as fault:
                    forbidden[deal.text] = str(fault)
                    continue
                chosen.append(deal)
                return self.desk.booked(deal, ())
            for text in [text for text in self.blocked if text != "price" and text not in forbidden]:
                del self.blocked[text]
            for text, reason in forbidden.items():
                self._block(text, reason)
            return Booked(events=(), puts=(), done=lambda: None)

        await self.desk.keeper.book(decide)
        for deal in chosen:
            log.info(
                "decision", ledger=self.desk.registry.ledger.hex()[:16], text=f"{deal.text} (SIMULATED money)",
                events=names(deal.events), height=moment[0],
            )  # fmt: skip
        return bool(chosen)

    def _block(self, what: str, reason: str) -> None:
        if what not in self.blocked:  # said once: a reason may name numbers that change every second
            log.warning("not posted", ledger=self.desk.registry.ledger.hex()[:16], what=what, reason=reason)
        self.blocked[what] = reason

    async def _seal(self) -> None:
        """What was posted is sealed at once, unless a batch is being proved: then it gathers, and goes with the next."""
        keeper = self.desk.keeper
        await keeper.seal_full()
        if keeper.queue and all(batch.proof for batch in keeper.batches.values()):
            await keeper.seal()

    def _say(self, reason: str) -> None:
        if reason != self._said:
            self._said = reason
            log.warning("the keeper's round did not end", ledger=self.desk.registry.ledger.hex()[:16], reason=reason)

    def lines(self) -> dict[str, Any]:
        """For people: how far this has come, what waits."""
        keeper = self.desk.keeper
        unfinished = sum(len(b.events) for b in keeper.batches.values() if len(b.signatures) < keeper.genesis.threshold)
        return {
            "automatic": self.desk.world.keeping.automatic, "height": self.height, "rounds": self.rounds,
            "waiting": len(keeper.queue) + unfinished, "blocked": dict(self.blocked),
        }  # fmt: skip
