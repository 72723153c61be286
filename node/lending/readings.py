"""What the keeper says of a loan to whoever asks: position, slots and their coins, lock, account, and what would be refused.

Pure. Promises figures of the ledger brought up to the chain's tip, as posted, not final. A refusal is what `counter.judge` says
now; one that only asks for a preimage is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from node.faults import PeerFault
from node.lending import words
from node.lending.coins import open_claims, paid, went_home
from node.lending.counter import View, judge
from node.lending.registry import Loan
from node.lending.words import LoanLock, PositionReading, Reading, Refusal, Request, SlotReading
from vault.ledger import money
from vault.ledger.position import OUTCOME_NAMES, Position, Record
from vault.ledger.state import Ledger

UNKNOWN = bytes(32)
"""Stands for a preimage that nobody has said."""


def reading(view: View, sender: bytes, name: bytes, *, final_seq: int) -> Reading:
    """Everything about one loan. Raises PeerFault when it is not registered."""
    loan = view.registry.find(name)
    now, position = view.now, view.ledger.position(name)
    totals, rules = now.totals, now.rules
    debt = now.debt(position) if position is not None else 0
    collateral = position.collateral if position is not None else 0
    priced = totals.price > 0 and debt > 0
    lock = view.money.locks.get(name)
    return Reading(
        simulated=True, vault=name, height=view.height, ledger_height=totals.height, seq=view.ledger.totals.seq,
        final_seq=final_seq, price=totals.price, price_time=totals.price_time,
        stale=not money.fresh(rules, totals.price, totals.price_time, totals.time),
        position=None if position is None else _position(now, position), debt=debt,
        health=money.health(rules, collateral, totals.price, debt) if priced else 0,
        margin_called=priced and money.margin_called(rules, collateral, totals.price, debt),
        liquidatable=_liquidatable(now, position),
        lock=LoanLock(cents=loan.opener.loan.cents, expires=0, state="none", preimage=b"") if lock is None
        else LoanLock(cents=lock.cents, expires=lock.expires, state=lock.state, preimage=lock.preimage),
        account=view.money.account(sender), slots=tuple(_slot(view, now, loan, slot) for slot in range(loan.slots)),
        refusals=tuple(_refusals(view, loan, position, sender)),
    )  # fmt: skip


def _position(now: Ledger, position: Position) -> PositionReading:
    window = now.rules.tender_window
    return PositionReading(
        owner=position.owner, lender=position.lender, principal=position.principal, nonce=position.nonce,
        opened=position.opened, maturity=position.maturity, last_record=position.last_record,
        tender_slot=position.tender_slot - 1, tender_cents=position.tender_cents, tender_height=position.tender_height,
        tender_until=position.tender_height + window if position.tender_slot else 0,
    )  # fmt: skip


def _liquidatable(now: Ledger, position: Position | None) -> tuple[int, ...]:
    """The lowest open slot, when a liquidation would be allowed by health, price and last record."""
    if position is None or not position.open_slots:
        return ()
    totals, rules, debt = now.totals, now.rules, now.debt(position)
    if debt == 0 or totals.height > position.last_record:
        return ()
    if not money.fresh(rules, totals.price, totals.price_time, totals.time):
        return ()
    goes_on = position.mark == totals.marks and money.below_target(rules, position.collateral, totals.price, debt)
    if goes_on or money.unhealthy(rules, position.collateral, totals.price, debt):
        return position.open_slots[:1]
    return ()


def _slot(view: View, now: Ledger, loan: Loan, slot: int) -> SlotReading:
    entry, local = view.registry.place(loan, slot)
    position = view.ledger.position(loan.name)
    coin = view.registry.coin(loan, slot, view.height)
    claims = open_claims(entry.deposit, local, view.registry.spend, view.height)
    record = position.records[slot] if position is not None else None
    is_open = position is not None and bool(position.open >> slot & 1)
    tendered = position is not None and position.tender_slot == slot + 1
    done = False
    if coin.spend is not None:
        home = went_home(entry.deposit, local, coin.spend)
        named = record is not None and paid(entry.deposit, local, coin.spend, record.template)
        done = named or (home and (record is None or OUTCOME_NAMES[record.outcome] == "withdraw"))
    frees = position is not None and is_open
    return SlotReading(
        slot=slot, vault_id=entry.deposit.vault_id, sats=entry.deposit.sats[local],
        state="open" if is_open else "tendered" if tendered else _ended(record), coin=coin.state, coin_height=coin.height,
        by=b"" if coin.spend is None else coin.spend.txid, template_paid=done,
        claims=tuple(dict.fromkeys(each.claimant for each in claims)),
        frees_for=money.due(now.debt(position), position.sats[slot], position.collateral)
        if position is not None and frees else 0,
        costs=money.pay(now.rules, entry.deposit.sats[local], now.totals.price) if frees and now.totals.price else 0,
        **({} if record is None else _record(record)),
    )  # fmt: skip


def _ended(record: Record | None) -> Any:
    return "planned" if record is None else OUTCOME_NAMES[record.outcome]


def _record(record: Record) -> dict[str, Any]:
    return {
        "outcome": OUTCOME_NAMES[record.outcome],
        "claimant": record.claimant,
        "template": record.template,
        "debt": record.debt,
        "paid": record.paid,
        "surplus": record.surplus,
        "recorded": record.height,
        "settled": record.settled,
    }


def _refusals(view: View, loan: Loan, position: Position | None, sender: bytes) -> Iterator[Refusal]:
    """What a party could ask for by its role, and why not now."""
    for request in _asked(view, loan, position, loan.role(sender)):
        try:
            judge(view, sender, request)
        except PeerFault as fault:
            if fault.what == "preimage":
                continue
            slot = getattr(request, "slot", -1)
            kind = str(request.__struct_config__.tag)
            yield Refusal(kind=kind, slot=slot, reason=str(fault)[: words.TEXT])


def _asked(view: View, loan: Loan, position: Position | None, role: str) -> Iterator[Request]:
    vault = loan.name
    slots = position.open_slots if position is not None else ()
    tendered = position.tender_slot - 1 if position is not None and position.tender_slot else -1
    match role:
        case "borrower":
            yield words.TakeLoan(vault=vault, preimage=UNKNOWN)
            yield words.Repay(vault=vault, cents=1)
            if slots:
                yield words.Tender(vault=vault, slot=slots[-1])
        case "lender":
            yield words.LockLoan(vault=vault, expires=view.height + 1)
            yield words.RefundLoan(vault=vault)
            if slots:
                yield words.Default(vault=vault, slot=slots[0])
        case "liquidator":
            if slots:
                yield words.Liquidate(vault=vault, slot=slots[0])
        case _:
            return
    if tendered >= 0 and role in ("borrower", "lender"):
        yield words.ShowR(vault=vault, slot=tendered, preimage=UNKNOWN)
