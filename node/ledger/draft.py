"""What an operator wrote down -> an event with every field. Pure.

Promises to fill in only what follows from the ledger's state and can have one value (nonce, next slot, the cents of a tender
or of a seized slot, the rules' version), never what somebody decides. What is given is never changed. Does NOT judge the
event: `vault.ledger.state.apply` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from node.faults import LocalFault
from vault.ledger import money
from vault.ledger.events import KINDS, Event
from vault.ledger.position import Position
from vault.ledger.state import Ledger

TYPES: dict[str, type[Event]] = {str(kind.__struct_config__.tag): kind for kind in KINDS}
ID_FIELDS = ("vault", "owner", "lender", "payer", "template")
MOST_FIELDS = 16


def kind_of(wanted: Mapping[str, Any]) -> str:
    """The kind that an operator named. Raises LocalFault."""
    kind = wanted.get("kind")
    if not isinstance(kind, str) or kind not in TYPES:
        raise LocalFault(
            what="event.kind",
            expected=f"one of {', '.join(TYPES)}",
            came=repr(kind)[:60],
            todo='Example: {"kind": "repay", "vault": "<64 hex>", "cents": 125000}',
        )
    return kind


def missing(wanted: Mapping[str, Any]) -> tuple[str, ...]:
    """Fields of the kind that nobody gave."""
    return tuple(name for name in TYPES[kind_of(wanted)].__struct_fields__ if name not in wanted)


def complete(ledger: Ledger, wanted: Mapping[str, Any]) -> Event:
    """The event, what follows from the state filled in.

    Args:
        ledger: the state that it is to follow on.
        wanted: `kind` and fields as JSON values, ids as 64 hex digits.

    Raises:
        LocalFault: names the field that is unknown, missing or of another form.
    """
    type_ = TYPES[kind_of(wanted)]
    fields = {name: value for name, value in wanted.items() if name != "kind"}
    unknown = sorted(fields.keys() - set(type_.__struct_fields__))
    if unknown or len(fields) > MOST_FIELDS:
        raise LocalFault(
            what=f"event.{unknown[0][:40] if unknown else 'fields'}",
            expected=f"a field of {wanted['kind']}: {', '.join(type_.__struct_fields__)}",
            came="another",
        )
    for name in ID_FIELDS:
        if name in fields:
            fields[name] = _id(name, fields[name])
    position = ledger.position(fields["vault"]) if "vault" in fields else None
    for name in type_.__struct_fields__:
        if name not in fields and (filled := _filled(str(wanted["kind"]), name, ledger, position, fields)) is not None:
            fields[name] = filled
    return _converted(type_, str(wanted["kind"]), fields, position)


def _filled(kind: str, name: str, ledger: Ledger, position: Position | None, fields: Mapping[str, Any]) -> int | None:
    if name == "version":
        return ledger.rules.version
    if position is None:
        return None
    if name == "nonce":
        return position.nonce
    if name == "slot":
        choose = _SLOTS.get(kind)
        return None if choose is None else choose(position)
    if name == "cents" and kind in ("tender", "liquidate", "default"):
        return _cents(kind, ledger, position, fields.get("slot"))
    return None


def _highest(position: Position) -> int | None:
    return position.open_slots[-1] if position.open_slots else None


def _lowest(position: Position) -> int | None:
    return position.open_slots[0] if position.open_slots else None


def _pending(position: Position) -> int | None:
    return position.tender_slot - 1 if position.tender_slot else None


_SLOTS: dict[str, Callable[[Position], int | None]] = {
    "add_collateral": lambda position: position.used,
    "tender": _highest,
    "withdraw": _pending,
    "liquidate": _lowest,
    "default": _lowest,
}


def _cents(kind: str, ledger: Ledger, position: Position, slot: object) -> int | None:
    if not isinstance(slot, int) or slot not in position.open_slots:
        return None
    if kind == "tender":
        return money.due(ledger.debt(position), position.sats[slot], position.collateral)
    return money.pay(ledger.rules, position.sats[slot], ledger.totals.price)


def _id(name: str, value: object) -> bytes:
    raw = b""
    if isinstance(value, str) and len(value) == 64:
        try:
            raw = bytes.fromhex(value)
        except ValueError:
            raw = b""
    if len(raw) != 32:
        raise LocalFault(what=f"event.{name}", expected="32 bytes as 64 hex digits", came=repr(value)[:80])
    return raw


def _converted(type_: type[Event], kind: str, fields: dict[str, Any], position: Position | None) -> Event:
    absent = [name for name in type_.__struct_fields__ if name not in fields]
    if absent:
        known = "" if position is not None or "vault" not in fields else "The vault has no position in this ledger. "
        raise LocalFault(
            what=f"event.{absent[0]}",
            expected=f"a value: {kind} has {', '.join(type_.__struct_fields__)}",
            came="none",
            todo=known + "What follows from the ledger's state is filled in; the rest somebody decides.",
        )
    try:
        event: Event = msgspec.convert(fields, type_)
    except (msgspec.ValidationError, OverflowError) as error:
        raise LocalFault(
            what=f"event of kind {kind}", expected="fields of their types", came=str(error)[:200]
        ) from None
    return event
