"""A loan over blocks: one row a block, with what happened in it, in words. Pure but for the form of its rows on the disk.

Promises rows in order of height, at most `most` of them. Every number is the keeper's word at that block (money is SIMULATED),
the vault's own transactions are those of our chain. Does NOT draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from challenge.states import VaultState
from node.lending.words import Reading, SlotReading
from node.store import Put, Store

COLUMN: Final = "loans"
_HEIGHT: Final = 4


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At a block: price in cents per BTC (0: none), health in basis points (0: no debt), debt in cents, what happened."""

    height: int
    price: int
    health: int
    debt: int
    events: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """One row for people and charts."""
        return msgspec.structs.asdict(self) | {"events": list(self.events)}


_ROW = msgspec.msgpack.Decoder(Row)  # made at import, as in vault.terms


def _prefix(vault: bytes) -> bytes:
    return b"C" + vault


def _key(vault: bytes, height: int) -> bytes:
    return _prefix(vault) + height.to_bytes(_HEIGHT, "big")


def puts_of(vault: bytes, row: Row, most: int) -> tuple[Put, ...]:
    """What keeps a row, and drops the one that is `most` blocks older."""
    old: tuple[Put, ...] = ((COLUMN, _key(vault, row.height - most), None),) if row.height >= most else ()
    return ((COLUMN, _key(vault, row.height), msgspec.msgpack.encode(row)), *old)


def row_at(store: Store, vault: bytes, height: int) -> Row | None:
    """The row of a block, if there is one."""
    raw = store.get(COLUMN, _key(vault, height))
    return None if raw is None else _ROW.decode(raw)


def rows_of(store: Store, vault: bytes, tip: int) -> list[Row]:
    """All rows up to a tip; what a reorg took away is overwritten when the chain has grown again."""
    rows = (_ROW.decode(raw) for _, raw in store.items(COLUMN, _prefix(vault)))
    return [row for row in rows if row.height <= tip]


def happened(state: VaultState, height: int, before: Reading | None, after: Reading | None) -> tuple[str, ...]:
    """What a block held of the vault, and what the ledger says since the last look, in words."""
    mined = [f"{seen.name} mined" for seen in state.log if seen.height == height]
    return (*mined, *(_changes(before, after) if before is not None and after is not None else ()))


def _changes(before: Reading, after: Reading) -> Iterator[str]:
    if before.lock.state != after.lock.state:
        yield f"principal of {after.lock.cents} cents {after.lock.state}"
    if before.position is None and after.position is not None:
        yield f"loan of {after.position.principal} cents opened"
    if not before.margin_called and after.margin_called:
        yield "margin call"
    earlier = {each.slot: each for each in before.slots}
    for slot in after.slots:
        yield from _slot(earlier.get(slot.slot), slot)
    repaid = before.position is not None and after.position is not None and not _moved(before, after)
    if repaid and after.debt < before.debt:
        yield f"{before.debt - after.debt} cents repaid"


def _slot(before: SlotReading | None, after: SlotReading) -> Iterator[str]:
    state = before.state if before is not None else "planned"
    if state == "planned" and after.state == "open" and after.slot:
        yield f"slot {after.slot} of {after.sats} sats added"
    elif state != after.state and after.state in _ENDS:
        yield f"slot {after.slot} {_ENDS[after.state]}"
    if after.settled and not (before is not None and before.settled):
        yield f"slot {after.slot} settled: {after.paid} cents {_SETTLED[after.settled]}"


_ENDS: Final = {
    "tendered": "tendered",
    "withdraw": "withdrawn by the borrower",
    "default": "defaulted to the lender",
    "liquidate": "liquidated",
}
_SETTLED: Final = {
    1: "paid, the coin went as recorded",
    2: "paid, its window passed",
    3: "back, the coin went elsewhere",
}


def _moved(before: Reading, after: Reading) -> bool:
    """Whether a slot changed hands: then the debt fell by that."""
    return tuple(_states(before.slots)) != tuple(_states(after.slots))


def _states(slots: Iterable[SlotReading]) -> Iterator[tuple[int, str]]:
    return ((each.slot, each.state) for each in slots)
