"""The values that a ledger commits to: its totals, one position a vault, one record a slot.

Promises nothing but their shape; `vault.ledger.state` makes them, `vault.ledger.commit` hashes them.
Ids and keys are 32 raw bytes; hashes are field elements, 32 bytes big-endian.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from vault.agreement import Sats
from vault.ledger.events import SLOTS

WITHDRAW, DEFAULT, LIQUIDATE = 1, 2, 3  # outcomes of a record
Outcome = Literal[1, 2, 3]
OUTCOMES: dict[str, int] = {"withdraw": WITHDRAW, "default": DEFAULT, "liquidate": LIQUIDATE}
OUTCOME_NAMES = {number: name for name, number in OUTCOMES.items()}

# Bits of the numbers that events write: `vault.ledger.state` refuses an event that would leave them.
BITS = {
    "height": 32,
    "time": 32,
    "price": 40,
    "price_time": 32,
    "marks": 32,
    "seq": 32,
    "index": 80,
    "cash": 64,
    "principal": 64,
}
CENTS_BITS, NONCE_BITS = 56, 32


class Globals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all positions share. With the ledger id it opens the root."""

    height: int
    time: int  # median time past
    price: int  # cents per BTC, 0 before the first mark
    price_time: int
    marks: int  # prices so far
    seq: int  # events so far
    index: int  # of interest, scaled by 10^18
    cash: int  # cents held: pending tenders and unsettled records
    principal: int  # cents, summed over positions
    tree: bytes  # root of the positions
    log: bytes  # head of the hash chain of events


class Record(msgspec.Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    """How a slot ended; `settled` is the `how` of its close, 0 before. Written without names: eight fit an opening."""

    claimant: bytes
    template: bytes
    outcome: int
    continued: int  # 1: a liquidation that went on below target, not one that began
    settled: int
    height: int
    price_time: int
    time: int
    seq: int  # of its event, after it
    sats: Sats
    collateral: Sats  # open sats before the event
    price: int
    debt: int
    paid: int
    surplus: int


class Position(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One vault's loan. `open` has bit s for slot s; `tender_slot` is slot + 1, 0 for none."""

    vault: bytes
    owner: bytes
    lender: bytes
    sats: tuple[Sats, ...]  # always 8; 0 for a slot never used
    open: int
    principal: int
    nonce: int
    opened: int
    maturity: int
    last_record: int
    version: int
    index_open: int
    tender_slot: int
    tender_cents: int
    tender_height: int
    mark: int  # `marks` of the last liquidation
    records: tuple[Record | None, ...]  # always 8

    @property
    def open_slots(self) -> tuple[int, ...]:
        """Ascending."""
        return tuple(slot for slot in range(SLOTS) if self.open >> slot & 1)

    @property
    def used(self) -> int:
        """How many slots the vault ever had."""
        return sum(sats > 0 for sats in self.sats)

    @property
    def collateral(self) -> Sats:
        """Sum of the open slots."""
        return sum(self.sats[slot] for slot in self.open_slots)
