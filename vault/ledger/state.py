"""The ledger and the only way it changes: `apply(ledger, event)`.

Promises a new ledger for an event that every rule of docs/ledger.md allows, and RuleFault with the rule's name for any
other; the old ledger never changes. Does not know who asked for an event or whether the world agrees with it (that a
coin moved, that a height is real): the keeper and the attestors see to that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, assert_never

from msgspec.structs import replace as changed

from vault.ledger import commit, money
from vault.ledger.events import (
    SLOTS,
    Accrue,
    AddCollateral,
    Close,
    Default,
    Event,
    Liquidate,
    MarkPrice,
    Open,
    PositionEvent,
    Repay,
    Tender,
    Withdraw,
    row,
)
from vault.ledger.faults import RuleFault
from vault.ledger.position import BITS, CENTS_BITS, DEFAULT, LIQUIDATE, NONCE_BITS, WITHDRAW, Globals, Position, Record
from vault.ledger.rules import SCALE, Rules
from vault.ledger.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """All there is to know: who (ids), by what rules, totals, positions. `begin` makes one, `apply` the next."""

    ledger_id: bytes
    network: bytes  # genesis block hash, internal byte order
    rules: Rules
    totals: Globals
    positions: Tree[Position]

    @property
    def root(self) -> bytes:
        """32 bytes: what checkpoints sign."""
        return commit.root(self.ledger_id, self.totals)

    def leaf(self, vault: bytes) -> int:
        """The place of a vault in the tree."""
        return commit.leaf_number(commit.vault_key(self.ledger_id, vault))

    def position(self, vault: bytes) -> Position | None:
        """The position of a vault, if it has one."""
        found = self.positions.find(self.leaf(vault))
        return found if found is not None and found.vault == vault else None

    def debt(self, position: Position) -> int:
        """Cents that a position owes now."""
        return money.debt(position.principal, self.totals.index, position.index_open)


def begin(ledger_id: bytes, network: bytes, rules: Rules, *, height: int, time: int) -> Ledger:
    """The empty ledger of a genesis; `vault.ledger.genesis` checks one."""
    positions: Tree[Position] = Tree()
    totals = Globals(
        height=height,
        time=time,
        price=0,
        price_time=0,
        marks=0,
        seq=0,
        index=SCALE,
        cash=0,
        principal=0,
        tree=positions.digest,
        log=commit.id_(ledger_id),
    )
    return Ledger(ledger_id=ledger_id, network=network, rules=rules, totals=totals, positions=positions)


def restore(empty: Ledger, totals: Globals, positions: Iterable[Position]) -> Ledger:
    """A ledger from what a store kept, `empty` being the one of its genesis; RuleFault `path` when they do not fit."""
    tree = empty.positions
    for position in positions:
        tree = tree.put(empty.leaf(position.vault), commit.position(empty.ledger_id, position), position)
    if tree.digest != totals.tree:
        raise RuleFault("path", expected=f"positions whose tree is {totals.tree.hex()}", got=tree.digest.hex())
    return replace(empty, totals=totals, positions=tree)


def apply(ledger: Ledger, event: Event) -> Ledger:
    """The ledger after an event; RuleFault names the rule that does not allow it."""
    line = row(event)
    totals, position = _advance(ledger, event)
    positions = ledger.positions
    if position is not None:
        # Debt and its total live in the position: what it grew by, or lost, the total does too.
        before = ledger.position(position.vault)
        grown = position.principal - (0 if before is None else before.principal)
        totals = changed(totals, principal=totals.principal + grown)
        positions = positions.put(ledger.leaf(position.vault), commit.position(ledger.ledger_id, position), position)
    totals = changed(totals, seq=totals.seq + 1, tree=positions.digest, log=commit.log(totals.log, line))
    for name, bits in BITS.items():
        _fits(name, getattr(totals, name), bits)
    return replace(ledger, totals=totals, positions=positions)


def advanced(ledger: Ledger, events: Iterable[Event]) -> Ledger:
    """The ledger after events; RuleFault names the rule that does not allow one."""
    for event in events:
        ledger = apply(ledger, event)
    return ledger


def _advance(ledger: Ledger, event: Event) -> tuple[Globals, Position | None]:
    """New totals (but for seq, principal, tree and log), and the position the event wrote."""
    match event:
        case Accrue():
            return _accrue(ledger, event), None
        case MarkPrice():
            return _mark_price(ledger, event), None
        case Open():
            return _open(ledger, event)
        case AddCollateral() | Tender() | Withdraw() | Repay() | Liquidate() | Default() | Close():
            position = _addressed(ledger, event)
            totals, position = _CHANGES[type(event)](ledger, position, event)
            _fits("nonce", position.nonce + 1, NONCE_BITS)
            return totals, changed(position, nonce=position.nonce + 1)
        case _:
            assert_never(event)


# ---- small checks ----------------------------------------------------------------------------------------------------
def _require(holds: object, rule: str, expected: str, got: object) -> None:
    if not holds:
        raise RuleFault(rule, expected=expected, got=str(got))


def _fits(name: str, value: int, bits: int) -> None:
    _require(0 <= value < 1 << bits, "range", f"{name} below 2^{bits}", value)


def _require_fresh(ledger: Ledger, rule: str) -> None:
    t = ledger.totals
    fresh = money.fresh(ledger.rules, t.price, t.price_time, t.time)
    got = f"price {t.price} of time {t.price_time} at time {t.time}"
    _require(fresh, rule, f"a price at most {ledger.rules.max_price_age} s old", got)


def _addressed(ledger: Ledger, event: PositionEvent) -> Position:
    found = ledger.positions.find(ledger.leaf(event.vault))
    if found is None:
        raise RuleFault("position.exists", expected="a vault that was opened", got=event.vault.hex())
    _require(found.vault == event.vault, "position.leaf", event.vault.hex(), found.vault.hex())
    _require(event.nonce == found.nonce, "position.nonce", str(found.nonce), event.nonce)
    return found


def _owed(ledger: Ledger, position: Position) -> int:
    owed = ledger.debt(position)
    _fits("debt", owed, CENTS_BITS)
    return owed


# ---- events of the world ---------------------------------------------------------------------------------------------
def _accrue(ledger: Ledger, event: Accrue) -> Globals:
    t = ledger.totals
    _require(event.height > t.height, "accrue.height", f"more than {t.height}", event.height)
    _require(event.time >= t.time, "accrue.time", f"at least {t.time}", event.time)
    index = t.index + ledger.rules.rate * (event.height - t.height)
    _require(index < 1 << BITS["index"], "accrue.index", "below 2^80", index)
    return changed(t, index=index, height=event.height, time=event.time)


def _mark_price(ledger: Ledger, event: MarkPrice) -> Globals:
    t, latest = ledger.totals, ledger.totals.time + ledger.rules.max_price_lead
    _require(event.price > 0, "mark_price.price", "more than 0", event.price)
    _require(event.price_time >= t.price_time, "mark_price.order", f"at least {t.price_time}", event.price_time)
    _require(event.price_time <= latest, "mark_price.lead", f"at most {latest}", event.price_time)
    return changed(t, price=event.price, price_time=event.price_time, marks=t.marks + 1)


# ---- events of a position: (ledger, position, event) -> (totals, position), the nonce aside --------------------------
def _open(ledger: Ledger, event: Open) -> tuple[Globals, Position]:
    t, rules = ledger.totals, ledger.rules
    vacant = ledger.positions.find(ledger.leaf(event.vault)) is None
    _require(vacant, "open.vacant", "an empty place", "a vault with the same lowest 28 bits of its key")
    used = sum(sats > 0 for sats in event.sats)
    _require(used > 0 and all(event.sats[:used]), "open.sats", "sats in the first slots, then none", event.sats)
    _require(event.cents > 0, "open.principal", "more than 0", event.cents)
    _require(event.version == rules.version, "open.version", str(rules.version), event.version)
    _require_fresh(ledger, "open.fresh")
    ltv = money.within_ltv(rules, event.cents, sum(event.sats), t.price)
    _require(ltv, "open.ltv", f"at most {rules.max_ltv} basis points of the collateral", f"{event.cents} cents")
    _require(event.maturity > t.height, "open.maturity", f"more than {t.height}", event.maturity)
    _require(event.last_record > t.height, "open.last_record", f"more than {t.height}", event.last_record)
    return t, Position(
        vault=event.vault,
        owner=event.owner,
        lender=event.lender,
        sats=event.sats + (0,) * (SLOTS - len(event.sats)),
        open=(1 << used) - 1,
        principal=event.cents,
        nonce=1,
        opened=t.height,
        maturity=event.maturity,
        last_record=event.last_record,
        version=event.version,
        index_open=t.index,
        tender_slot=0,
        tender_cents=0,
        tender_height=0,
        mark=0,
        records=(None,) * SLOTS,
    )


def _add_collateral(ledger: Ledger, position: Position, event: AddCollateral) -> tuple[Globals, Position]:
    used = position.used
    _require(position.open, "add_collateral.open", "a vault with an open slot", "none")
    _require(event.slot == used < SLOTS, "add_collateral.slot", f"{used}, below {SLOTS}", event.slot)
    _require(event.sats > 0, "add_collateral.sats", "more than 0", event.sats)
    sats = (*position.sats[:used], event.sats, *position.sats[used + 1 :])
    return ledger.totals, changed(position, sats=sats, open=position.open | 1 << used)


def _tender(ledger: Ledger, position: Position, event: Tender) -> tuple[Globals, Position]:
    t, slots, last = ledger.totals, position.open_slots, position.maturity + ledger.rules.grace
    _require(position.tender_slot == 0, "tender.none", "no pending tender", f"one of slot {position.tender_slot - 1}")
    _require(slots and event.slot == slots[-1], "tender.slot", f"the highest of open slots {slots}", event.slot)
    owed = _owed(ledger, position)
    cents = money.due(owed, position.sats[event.slot], position.collateral)
    _require(event.cents == cents, "tender.cents", str(cents), event.cents)
    _require(t.height <= last, "tender.time", f"at most height {last}", t.height)
    return changed(t, cash=t.cash + cents), changed(
        position,
        principal=owed - cents,
        index_open=t.index,
        open=position.open & ~(1 << event.slot),
        tender_slot=event.slot + 1,
        tender_cents=cents,
        tender_height=t.height,
    )


def _withdraw(ledger: Ledger, position: Position, event: Withdraw) -> tuple[Globals, Position]:
    t, cents = ledger.totals, position.tender_cents
    over = position.tender_height + ledger.rules.tender_window
    pending = position.tender_slot == event.slot + 1
    _require(pending, "withdraw.slot", f"slot {position.tender_slot - 1} of the tender (-1: none)", event.slot)
    how = event.how == 1 or (event.how == 2 and t.height >= over)
    _require(how, "withdraw.how", f"1, or 2 from height {over} on", f"{event.how} at height {t.height}")
    record = _record(
        ledger,
        position,
        event.slot,
        claimant=position.owner,
        template=event.template,
        outcome=WITHDRAW,
        continued=0,
        debt=cents,
        paid=cents,
        surplus=0,
    )
    position = changed(position, tender_slot=0, tender_cents=0, tender_height=0)
    return t, _recorded(position, event.slot, record)


def _repay(ledger: Ledger, position: Position, event: Repay) -> tuple[Globals, Position]:
    _require(position.open, "repay.open", "a vault with an open slot", "none")
    owed = _owed(ledger, position)
    _require(0 < event.cents <= owed, "repay.cents", f"1 to {owed}", event.cents)
    position = changed(position, principal=owed - event.cents, index_open=ledger.totals.index)
    return ledger.totals, position


def _liquidate(ledger: Ledger, position: Position, event: Liquidate) -> tuple[Globals, Position]:
    t, rules, collateral = ledger.totals, ledger.rules, position.collateral
    owed = _payable(ledger, position, event.slot, "liquidate")
    unhealthy = money.unhealthy(rules, collateral, t.price, owed)
    goes_on = position.mark == t.marks and money.below_target(rules, collateral, t.price, owed)
    got = f"{collateral} sat at {t.price} for {owed} cents"
    _require(unhealthy or goes_on, "liquidate.health", "unhealthy, or begun at this price and below target", got)
    _require_in_time(ledger, position, "liquidate")
    _require_price(ledger, position, event, "liquidate")
    return _seized(
        ledger,
        position,
        event,
        claimant=event.payer,
        outcome=LIQUIDATE,
        continued=int(not unhealthy),
        owed=owed,
    )


def _default(ledger: Ledger, position: Position, event: Default) -> tuple[Globals, Position]:
    t, last = ledger.totals, position.maturity + ledger.rules.grace
    owed = _payable(ledger, position, event.slot, "default")
    _require(t.height > last, "default.maturity", f"more than height {last}", t.height)
    _require_in_time(ledger, position, "default")
    _require_price(ledger, position, event, "default")
    return _seized(ledger, position, event, claimant=position.lender, outcome=DEFAULT, continued=0, owed=owed)


def _close(ledger: Ledger, position: Position, event: Close) -> tuple[Globals, Position]:
    t = ledger.totals
    record = position.records[event.slot] if event.slot < SLOTS else None
    if record is None or record.settled:
        got = f"slot {event.slot}, {'none' if record is None else 'settled'}"
        raise RuleFault("close.record", expected="a slot with a record, not settled", got=got)
    over = record.height + ledger.rules.settle_window
    how = event.how in (1, 3) or (event.how == 2 and t.height >= over)
    _require(how, "close.how", f"1, 3, or 2 from height {over} on", f"{event.how} at height {t.height}")
    settled = changed(record, settled=event.how)
    return changed(t, cash=t.cash - record.paid), _recorded(position, event.slot, settled)


_CHANGES: dict[type[PositionEvent], Callable[[Ledger, Position, Any], tuple[Globals, Position]]] = {
    AddCollateral: _add_collateral,
    Tender: _tender,
    Withdraw: _withdraw,
    Repay: _repay,
    Liquidate: _liquidate,
    Default: _default,
    Close: _close,
}


# ---- what liquidate and default share --------------------------------------------------------------------------------
def _payable(ledger: Ledger, position: Position, slot: int, kind: str) -> int:
    """The debt, when the slot is next and a fresh price can judge it."""
    slots = position.open_slots
    _require(slots and slot == slots[0], f"{kind}.slot", f"the lowest of open slots {slots}", slot)
    _require_fresh(ledger, f"{kind}.fresh")
    owed = _owed(ledger, position)
    _require(owed > 0, f"{kind}.debt", "more than 0", owed)
    return owed


def _require_in_time(ledger: Ledger, position: Position, kind: str) -> None:
    height, last = ledger.totals.height, position.last_record
    _require(height <= last, f"{kind}.last_record", f"at most height {last}", height)


def _require_price(ledger: Ledger, position: Position, event: Liquidate | Default, kind: str) -> None:
    cents = money.pay(ledger.rules, position.sats[event.slot], ledger.totals.price)
    _require(event.cents == cents, f"{kind}.cents", str(cents), event.cents)


def _seized(
    ledger: Ledger,
    position: Position,
    event: Liquidate | Default,
    *,
    claimant: bytes,
    outcome: int,
    continued: int,
    owed: int,
) -> tuple[Globals, Position]:
    t, paid = ledger.totals, event.cents
    record = _record(
        ledger,
        position,
        event.slot,
        claimant=claimant,
        template=event.template,
        outcome=outcome,
        continued=continued,
        debt=owed,
        paid=paid,
        surplus=paid - min(paid, owed),
    )
    position = changed(
        position,
        principal=owed - min(paid, owed),
        index_open=t.index,
        open=position.open & ~(1 << event.slot),
        mark=t.marks,
    )
    return changed(t, cash=t.cash + paid), _recorded(position, event.slot, record)


def _record(ledger: Ledger, position: Position, slot: int, **fields: Any) -> Record:
    t = ledger.totals
    return Record(
        settled=0,
        height=t.height,
        price_time=t.price_time,
        time=t.time,
        seq=t.seq + 1,
        sats=position.sats[slot],
        collateral=position.collateral,
        price=t.price,
        **fields,
    )


def _recorded(position: Position, slot: int, record: Record) -> Position:
    return changed(position, records=(*position.records[:slot], record, *position.records[slot + 1 :]))
