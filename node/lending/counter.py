"""What the desk decides about a request: who may ask, does the chain agree, do the rules allow it, which money moves.

Pure: `judge` gives a `Deal` (events and movements that belong together) or raises PeerFault saying why not, and changes nothing.
Money that is short is found by whoever books the deal (`money`). Everything that depends on a block is asked at the chain's tip,
and every deal brings the ledger up to it first, one that depends on a price up to the price of now too: attestors ask the same
of the same blocks (`checks`), and of the same seconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, assert_never

from node.faults import LocalFault, PeerFault
from node.lending import money, words
from node.lending.coins import graph_of, open_claims, paid, prefund_height, strayed, went_home
from node.lending.money import Movement
from node.lending.registry import Entry, Loan, Registry
from node.prices import Quote
from vault.agreement import Outcome
from vault.ledger import events
from vault.ledger.events import Accrue, Event, MarkPrice, Open
from vault.ledger.faults import RuleFault
from vault.ledger.money import due, pay
from vault.ledger.position import WITHDRAW, Globals, Position, Record
from vault.ledger.rules import ONE
from vault.ledger.state import Ledger, advanced
from vault.timelocks import last_record, longest_timeout

MOVED: Final = 50
"""Basis points between a median and the ledger's price that are worth a mark at once."""
PATIENCE_SECONDS: Final = 60
"""A smaller move is worth one when the ledger's price is so old."""


@dataclass(frozen=True, kw_only=True)
class View:
    """What a decision looks at: the ledger as posted, the money, the coins, the chain's tip and its median time past.

    `mark`: the price of now, when it is worth an event (`worth_marking`).
    """

    registry: Registry
    money: money.State
    ledger: Ledger
    height: int
    time: int
    mark: MarkPrice | None = None

    @property
    def accrual(self) -> tuple[Event, ...]:
        """What brings the ledger up to the tip."""
        totals = self.ledger.totals
        if totals.height >= self.height:
            return ()
        return (Accrue(height=self.height, time=max(self.time, totals.time)),)

    @cached_property
    def priced(self) -> tuple[Event, ...]:
        """What brings the ledger up to the tip and to the price of now; the price only as far as the rules take it."""
        if self.mark is None:
            return self.accrual
        try:
            advanced(self.ledger, (*self.accrual, self.mark))
        except RuleFault:
            return self.accrual
        return (*self.accrual, self.mark)

    @cached_property
    def now(self) -> Ledger:
        """The ledger at the tip and at the price of now."""
        return applied(self.ledger, self.priced)

    def position(self, loan: Loan) -> Position:
        """As posted. Raises PeerFault."""
        found = self.ledger.position(loan.name)
        if found is None:
            raise PeerFault(
                what=f"vault {loan.name.hex()[:16]}", expected="a loan that the ledger has opened", came="none yet",
                todo="It is opened when the borrower takes the loan.",
            )  # fmt: skip
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """Events and movements that happen together or not at all; `cents` and `text` are for the receipt."""

    events: tuple[Event, ...]
    movements: tuple[Movement, ...]
    cents: int
    text: str


def applied(ledger: Ledger, of: Iterable[Event]) -> Ledger:
    """The ledger after events. Raises PeerFault with the rule that does not allow one."""
    try:
        return advanced(ledger, of)
    except RuleFault as fault:
        raise PeerFault(what=fault.rule, expected=fault.expected, came=fault.got) from fault


def moved(totals: Globals, price: int) -> bool:
    """Whether a price is so far from the ledger's that everybody should know."""
    return abs(price - totals.price) * ONE > MOVED * totals.price


def worth_marking(totals: Globals, quote: Quote | None, mark_seconds: int) -> MarkPrice | None:
    """The mark of a median that moved, or when the ledger's price grew old. One older than the ledger's says nothing."""
    if quote is None:
        return None
    age, other = quote.time - totals.price_time, quote.price != totals.price
    if age < 0 or (age == 0 and not other):
        return None
    worth = moved(totals, quote.price) or (other and age >= PATIENCE_SECONDS) or age >= mark_seconds
    return MarkPrice(price=quote.price, price_time=quote.time) if worth else None


def judge(view: View, sender: bytes, request: words.Request) -> Deal:
    """What a request does. Raises PeerFault."""
    match request:
        case words.Register():
            raise LocalFault(what="register", expected="the registry", came="the counter")
        case words.LockLoan():
            return _lock(view, sender, request)
        case words.TakeLoan():
            return _take(view, sender, request)
        case words.RefundLoan():
            return _refund(view, sender, request)
        case words.Tender():
            return _tender(view, sender, request)
        case words.ShowR():
            return _show_r(view, sender, request)
        case words.Repay():
            return _repay(view, sender, request)
        case words.Liquidate():
            return _liquidate(view, sender, request)
        case words.Default():
            return _default(view, sender, request)
        case words.Transfer(to=to, cents=cents):
            moved = money.Pay(payer=sender, to=to, cents=cents)
            return Deal(events=(), movements=(moved,), cents=cents, text=f"{cents} cents transferred")
        case _:
            assert_never(request)


# ---- the loan's money ------------------------------------------------------------------------------------------------
def opening(loan: Loan, prefunded: int) -> Open:
    """The event that opens a position whose PreFund was mined at a height.

    Vault's own timelocks begin later: what counts from PreFund ends before what they allow.
    """
    entry, proposal = loan.opener, loan.opener.proposal
    return Open(
        vault=loan.name, owner=loan.borrower, lender=loan.lender, sats=proposal.slots, cents=entry.loan.cents,
        maturity=prefunded + proposal.maturity, last_record=prefunded + last_record(proposal), version=entry.loan.rules.version,
    )  # fmt: skip


def _lock(view: View, sender: bytes, request: words.LockLoan) -> Deal:
    loan = view.registry.find(request.vault)
    _sender(sender, loan.lender, "the lender")
    prefunded = _deposited(view, loan)
    if view.ledger.position(loan.name) is not None:
        raise PeerFault(what="loan", expected="one that is not opened", came="an open position")
    last = prefunded + longest_timeout(loan.opener.proposal)
    if not view.height < request.expires <= last:
        raise PeerFault(
            what="expires", expected=f"a height above {view.height}, at most {last}: later B could take both, loan and Refund",
            came=str(request.expires),
        )  # fmt: skip
    _opened(view, loan, prefunded)
    cents = loan.opener.loan.cents
    lock = money.Lock(vault=loan.name, lender=sender, cents=cents, expires=request.expires)
    return Deal(events=(), movements=(lock,), cents=cents, text=f"{cents} cents locked until height {request.expires}")


def _deposited(view: View, loan: Loan) -> int:
    """PreFund's height, when it is buried and nothing but Vault spent it. Raises PeerFault."""
    deposit = loan.opener.deposit
    prefunded = prefund_height(deposit, view.registry.spend, view.height)
    if prefunded is None or view.height - prefunded + 1 < deposit.depth:
        came = "not mined" if prefunded is None else f"{view.height - prefunded + 1} confirmations"
        raise PeerFault(what="PreFund", expected=f"{deposit.depth} confirmations", came=came)
    gone = strayed(deposit, view.registry.spend, view.height)
    if gone is not None:
        raise PeerFault(what="PreFund", expected="unspent, or spent by Vault", came=f"spent by {gone.txid[::-1].hex()}")
    return prefunded


def _opened(view: View, loan: Loan, prefunded: int) -> tuple[Event, ...]:
    """The events of a loan that is taken now: no cent moves for a position that the ledger does not take."""
    events = (*view.priced, opening(loan, prefunded))
    applied(view.ledger, events)
    return events


def _take(view: View, sender: bytes, request: words.TakeLoan) -> Deal:
    loan = view.registry.find(request.vault)
    _sender(sender, loan.borrower, "the borrower")
    lock = _locked(view, loan)
    if view.height >= lock.expires:
        raise PeerFault(what="loan lock", expected=f"a height below {lock.expires}", came=str(view.height))
    events = _opened(view, loan, _deposited(view, loan))
    keys = loan.opener.terms.keys[loan.opener.proposal.borrower]
    _shown(request.preimage, keys.hashlock_a)
    take = money.Take(vault=loan.name, borrower=sender, preimage=request.preimage)
    text = f"{lock.cents} cents taken against {sum(loan.opener.proposal.slots)} sat: the loan is open"
    return Deal(events=events, movements=(take,), cents=lock.cents, text=text)


def _refund(view: View, sender: bytes, request: words.RefundLoan) -> Deal:
    loan = view.registry.find(request.vault)
    _sender(sender, loan.lender, "the lender")
    lock = _locked(view, loan)
    if view.height < lock.expires:
        raise PeerFault(what="loan lock", expected=f"height {lock.expires} or later", came=str(view.height))
    refund = money.Refund(vault=loan.name)
    return Deal(events=(), movements=(refund,), cents=lock.cents, text=f"{lock.cents} cents back")


def _locked(view: View, loan: Loan) -> money.Locked:
    lock = view.money.locks.get(loan.name)
    if lock is None or lock.state != "locked":
        came = "none" if lock is None else f"one that was {lock.state}"
        raise PeerFault(what="loan lock", expected="one that waits", came=came)
    return lock


# ---- slots -----------------------------------------------------------------------------------------------------------
def _tender(view: View, sender: bytes, request: words.Tender) -> Deal:
    loan = view.registry.find(request.vault)
    _sender(sender, loan.borrower, "the borrower")
    position = view.position(loan)
    coin_is_free(view, loan, request.slot, sender)
    _template(loan, request.slot, "withdraw", sender)  # else nobody could ever take the coin for it
    slots = position.open_slots
    if request.slot not in slots:
        raise PeerFault(what="tender.slot", expected=f"the highest of open slots {slots}", came=str(request.slot))
    cents = due(view.now.debt(position), position.sats[request.slot], position.collateral)
    tender = events.Tender(vault=loan.name, nonce=position.nonce, slot=request.slot, cents=cents)
    return _escrowed(view, loan, sender, view.accrual, tender, f"{cents} cents tendered for slot {request.slot}")


def _show_r(view: View, sender: bytes, request: words.ShowR) -> Deal:
    loan = view.registry.find(request.vault)
    if sender not in (loan.borrower, loan.lender):
        raise PeerFault(what="sender", expected="the borrower or the lender", came=sender.hex())
    position = view.position(loan)
    entry, local = view.registry.place(loan, request.slot)
    if position.tender_slot != request.slot + 1:
        waits = f"slot {position.tender_slot - 1}" if position.tender_slot else "none"
        raise PeerFault(what="tender", expected=f"one of slot {request.slot}", came=waits)
    event = withdrawal(loan, position, how=1)
    applied(view.now, (event,))
    _shown(request.preimage, entry.terms.keys[entry.proposal.lender].hashlocks_r[local])
    return Deal(
        events=(*view.accrual, event),
        movements=(),
        cents=0,
        text=f"r of slot {request.slot} shown: it is the borrower's",
    )


def withdrawal(loan: Loan, position: Position, *, how: int) -> events.Withdraw:
    """The record of the pending tender. Raises PeerFault when the borrower has no graph to claim it by."""
    slot = position.tender_slot - 1
    template = _template(loan, slot, "withdraw", loan.borrower)
    return events.Withdraw(vault=loan.name, nonce=position.nonce, slot=slot, how=how, template=template)


def _repay(view: View, sender: bytes, request: words.Repay) -> Deal:
    loan = view.registry.find(request.vault)
    _sender(sender, loan.borrower, "the borrower")
    position = view.position(loan)
    event = events.Repay(vault=loan.name, nonce=position.nonce, cents=request.cents)
    applied(view.now, (event,))
    paid = money.Pay(payer=sender, to=loan.lender, cents=request.cents)
    text = f"{request.cents} cents of debt paid back"
    return Deal(events=(*view.accrual, event), movements=(paid,), cents=request.cents, text=text)


def _liquidate(view: View, sender: bytes, request: words.Liquidate) -> Deal:
    loan = view.registry.find(request.vault)
    template = _template(loan, request.slot, "liquidate", sender)
    position = view.position(loan)
    coin_is_free(view, loan, request.slot, sender)
    cents = pay(view.ledger.rules, position.sats[request.slot], view.now.totals.price)
    event = events.Liquidate(
        vault=loan.name, nonce=position.nonce, slot=request.slot, cents=cents, payer=sender, template=template
    )
    return _escrowed(view, loan, sender, view.priced, event, f"{cents} cents paid for slot {request.slot}, liquidated")


def _default(view: View, sender: bytes, request: words.Default) -> Deal:
    loan = view.registry.find(request.vault)
    _sender(sender, loan.lender, "the lender")
    template = _template(loan, request.slot, "default", sender)
    position = view.position(loan)
    coin_is_free(view, loan, request.slot, sender)
    cents = pay(view.ledger.rules, position.sats[request.slot], view.now.totals.price)
    event = events.Default(vault=loan.name, nonce=position.nonce, slot=request.slot, cents=cents, template=template)
    return _escrowed(view, loan, sender, view.priced, event, f"{cents} cents paid for slot {request.slot}, in default")


def _escrowed(
    view: View,
    loan: Loan,
    payer: bytes,
    first: tuple[Event, ...],
    event: events.Tender | events.Liquidate | events.Default,
    text: str,
) -> Deal:
    booked = (*first, event)
    applied(view.ledger, booked)
    held = money.Hold(slot=(loan.name, event.slot), payer=payer, cents=event.cents)
    return Deal(events=booked, movements=(held,), cents=event.cents, text=text)


def coin_is_free(view: View, loan: Loan, slot: int, me: bytes) -> None:
    """A slot's coin must be there and buried, and no claim of somebody else under way. Raises PeerFault."""
    entry, local = view.registry.place(loan, slot)
    coin = view.registry.coin(loan, slot, view.height)
    match coin.state:
        case "unfunded":
            raise PeerFault(what=f"coin of slot {slot}", expected="one on the chain", came="none: Vault is not mined")
        case "spent":
            by = coin.spend.txid[::-1].hex() if coin.spend is not None else ""
            raise PeerFault(
                what=f"coin of slot {slot}", expected="unspent", came=f"spent at height {coin.height} by {by}"
            )
        case "open":
            buried, depth = view.height - coin.height + 1, entry.deposit.depth
            if buried < depth:
                raise PeerFault(
                    what=f"coin of slot {slot}", expected=f"{depth} confirmations of Vault", came=str(buried)
                )
    for claim in open_claims(entry.deposit, local, view.registry.spend, view.height):
        if claim.claimant != me:
            raise PeerFault(
                what=f"slot {slot}", expected="no open claim of another party",
                came=f"one of {claim.claimant.hex()[:16]} ({claim.outcome})",
                todo="Money is taken for a slot only while nobody else may get its coin.",
            )  # fmt: skip


def how_closed(view: View, loan: Loan, slot: int, record: Record) -> int:
    """The `how` of a record's close by the blocks up to the tip; 0 when nothing is due yet."""
    entry, local = view.registry.place(loan, slot)
    coin = view.registry.coin(loan, slot, view.height)
    if coin.spend is not None:
        if view.height - coin.height + 1 < entry.deposit.depth:
            return 0
        home = record.outcome == WITHDRAW and went_home(entry.deposit, local, coin.spend)
        return 1 if home or paid(entry.deposit, local, coin.spend, record.template) else 3
    return 2 if view.height >= record.height + view.ledger.rules.settle_window else 0


def _template(loan: Loan, slot: int, outcome: Outcome, claimant: bytes) -> bytes:
    """Of the graph by which a party claims an outcome of a slot. Raises PeerFault."""
    found = loan.of(slot)
    graph = graph_of(found[0].deposit, found[1], outcome, claimant) if found is not None else None
    if graph is None:
        raise PeerFault(
            what=f"graph of slot {slot}", expected=f"one for {outcome} by {claimant.hex()[:16]} in its Terms", came="none"
        )  # fmt: skip
    return graph.template


# ---- small checks ----------------------------------------------------------------------------------------------------
def _sender(sender: bytes, wanted: bytes, who: str) -> None:
    if sender != wanted:
        raise PeerFault(what="sender", expected=f"{who}, {wanted.hex()[:16]}", came=sender.hex()[:16])


def _shown(preimage: bytes, lock: bytes) -> None:
    digest = hashlib.sha256(preimage).digest()
    if digest != lock:
        raise PeerFault(what="preimage", expected=f"one of {lock.hex()}", came=f"one of {digest.hex()}")


def party_of(loan: Loan, identity: bytes) -> Entry:
    """A vault of the loan that an identity is a party of. Raises PeerFault."""
    for each in loan.entries:
        if identity in each.identities:
            return each
    raise PeerFault(what="sender", expected="a party of the loan", came=identity.hex())
