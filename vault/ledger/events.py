"""What can happen to a ledger, one frozen struct a kind, and the uniform row that is hashed and proved.

Promises one row for one event: a field its kind does not use is 0. Does not judge an event; `vault.ledger.state` does.
Amounts are sats and cents, heights blocks, times seconds; ids and keys are 32 raw bytes (keys x-only).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from vault.agreement import Sats
from vault.ledger import forms
from vault.ledger.faults import RuleFault

SLOTS = 8
ID_SIZE = 32


class _Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    pass


class Accrue(_Event, frozen=True, kw_only=True, tag="accrue"):
    """A block: interest runs to `height`; `time` is its median time past."""

    height: int
    time: int


class MarkPrice(_Event, frozen=True, kw_only=True, tag="mark_price"):
    """Cents per BTC, and when it was seen."""

    price: int
    price_time: int


class Open(_Event, frozen=True, kw_only=True, tag="open"):
    """A vault takes a loan of `cents` against its slots; `last_record` is the last height of a default or liquidation."""

    vault: bytes
    owner: bytes
    lender: bytes
    sats: tuple[Sats, ...]
    cents: int
    maturity: int
    last_record: int
    version: int


class AddCollateral(_Event, frozen=True, kw_only=True, tag="add_collateral"):
    """A new slot, linked to the vault."""

    vault: bytes
    nonce: int
    slot: int
    sats: Sats


class Tender(_Event, frozen=True, kw_only=True, tag="tender"):
    """The borrower locks what the highest open slot owes, before maturity + grace."""

    vault: bytes
    nonce: int
    slot: int
    cents: int


class Withdraw(_Event, frozen=True, kw_only=True, tag="withdraw"):
    """The tendered slot is the borrower's: how = 1 the lender showed r, how = 2 its window passed."""

    vault: bytes
    nonce: int
    slot: int
    how: int
    template: bytes


class Repay(_Event, frozen=True, kw_only=True, tag="repay"):
    """Money to the lender at once; frees no slot."""

    vault: bytes
    nonce: int
    cents: int


class Liquidate(_Event, frozen=True, kw_only=True, tag="liquidate"):
    """`payer` pays for the lowest open slot of an unhealthy vault."""

    vault: bytes
    nonce: int
    slot: int
    cents: int
    payer: bytes
    template: bytes


class Default(_Event, frozen=True, kw_only=True, tag="default"):
    """The lender pays for the lowest open slot of a loan that is over."""

    vault: bytes
    nonce: int
    slot: int
    cents: int
    template: bytes


class Close(_Event, frozen=True, kw_only=True, tag="close"):
    """The coin of a record moved (how = 1: to the template, 3: elsewhere), or the payer let its window pass (2)."""

    vault: bytes
    nonce: int
    slot: int
    how: int


Event = Accrue | MarkPrice | Open | AddCollateral | Tender | Withdraw | Repay | Liquidate | Default | Close
PositionEvent = AddCollateral | Tender | Withdraw | Repay | Liquidate | Default | Close

KINDS: tuple[type[Event], ...] = (
    Accrue,
    MarkPrice,
    Open,
    AddCollateral,
    Tender,
    Withdraw,
    Repay,
    Liquidate,
    Default,
    Close,
)  # in the order of docs/ledger.md, whose numbers begin with padding: accrue is 1


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Every field of every kind; the names and the order of e1..e4 in docs/ledger.md. An id is None when not used."""

    kind: int
    slot: int = 0
    how: int = 0
    nonce: int = 0
    height: int = 0
    time: int = 0
    price: int = 0
    price_time: int = 0
    cents: int = 0
    maturity: int = 0
    last_record: int = 0
    version: int = 0
    sats: tuple[Sats, ...] = (0,) * SLOTS
    vault: bytes | None = None
    party: bytes | None = None
    lender: bytes | None = None
    template: bytes | None = None


PACKED: tuple[tuple[tuple[str, int], ...], ...] = (
    (
        ("kind", 4),
        ("slot", 4),
        ("how", 4),
        ("nonce", 32),
        ("height", 32),
        ("time", 32),
        ("price", 40),
        ("price_time", 32),
    ),
    (("cents", 56), ("maturity", 32), ("last_record", 32), ("version", 16)),
)  # e1, e2: field, bits
SATS_BITS = 51


def row(event: Event) -> Row:
    """The uniform form; RuleFault `range` when a number or an id does not fit its field."""
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    match event:
        case Open():
            fields["party"] = fields.pop("owner")
            fields["sats"] = event.sats + (0,) * (SLOTS - len(event.sats))
        case AddCollateral():
            fields["sats"] = (event.sats,) + (0,) * (SLOTS - 1)
        case Liquidate():
            fields["party"] = fields.pop("payer")
        case _:
            pass
    found = Row(kind=1 + KINDS.index(type(event)), **fields)
    for name, value, bits in _numbers(found):
        if not 0 <= value < 1 << bits:
            raise RuleFault("range", expected=f"{name} of 0 to 2^{bits} - 1", got=str(value))
    for name in ("vault", "party", "lender", "template"):
        value = getattr(found, name)
        if value is not None and len(value) != ID_SIZE:
            raise RuleFault("range", expected=f"{name} of {ID_SIZE} bytes", got=f"{len(value)} bytes")
    if len(found.sats) != SLOTS:
        raise RuleFault("range", expected=f"at most {SLOTS} slots", got=str(len(found.sats)))
    return found


def _numbers(found: Row) -> Iterator[tuple[str, int, int]]:
    for fields in PACKED:
        for name, bits in fields:
            yield name, getattr(found, name), bits
    for i, sats in enumerate(found.sats):
        yield f"s{i}", sats, SATS_BITS


def encode_event(event: Event) -> bytes:
    """The canonical bytes of an event, for logs and peers."""
    return forms.encode(event)


def decode_event(raw: bytes) -> Event:
    """The event of canonical bytes; RuleFault `range` otherwise."""
    return _ranged(forms.decode(raw, Event, RuleFault, "range"))


def event_from_json(value: object) -> Event:
    """The event of the form that `forms.to_json` writes; RuleFault `range` otherwise."""
    return _ranged(forms.from_json(value, Event, RuleFault, "range"))


def _ranged(event: Event) -> Event:
    row(event)
    return event
