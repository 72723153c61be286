"""The stablecoin of a lending ledger, SIMULATED: numbers in the keeper's books, moved by its word alone.

`Money` is the port that the desk works through; `Books` is its one implementation, a SIMULATED one. A real stablecoin would
need an escrow that the ledger's attestors release; nothing here is one.

Promises of the pure part: a movement either changes the books by exactly its cents or raises PeerFault and changes nothing;
accounts + locked principals + escrow = minted, always (`check`). A slot's escrow is held once and leaves whole. Does NOT know
who may move what, nor the chain: the desk does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, assert_never

import msgspec

from node.faults import LocalFault, PeerFault
from node.store import Put, Store
from vault.ledger import forms
from vault.ledger.faults import RuleFault

COLUMN = "ledgers"
MOST = 1 << 56
"""Cents in all: what an event of the ledger can say."""

Slot = tuple[bytes, int]
"""(vault, slot) as the ledger names them."""


# ---- what moves ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Mint:
    """Cents out of nothing: regtest, by the keeper's operator."""

    to: bytes
    cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pay:
    """From account to account."""

    payer: bytes
    to: bytes
    cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The lender's principal waits for the borrower until a height."""

    vault: bytes
    lender: bytes
    cents: int
    expires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """The borrower has shown `preimage`: the locked principal is its."""

    vault: bytes
    borrower: bytes
    preimage: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Nobody took it: back to the lender."""

    vault: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A payer's cents wait for a slot's coin to move."""

    slot: Slot
    payer: bytes
    cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What waited for a slot goes to these accounts, all of it."""

    slot: Slot
    to: tuple[tuple[bytes, int], ...]


Movement = Mint | Pay | Lock | Take | Refund | Hold | Release


# ---- the books -------------------------------------------------------------------------------------------------------
class Locked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A principal: `cents` are held while `state` is `locked` only."""

    vault: bytes
    lender: bytes
    cents: int
    expires: int
    state: Literal["locked", "taken", "refunded"]
    preimage: bytes


class Held(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The escrow of one slot."""

    vault: bytes
    slot: int
    payer: bytes
    cents: int


class _Sheet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The written form: everything ascending."""

    minted: int
    accounts: tuple[tuple[bytes, int], ...]
    locks: tuple[Locked, ...]
    escrow: tuple[Held, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Who has what. Accounts hold no zeros. Never changed: `apply` makes the next one."""

    minted: int = 0
    accounts: Mapping[bytes, int] = field(default_factory=dict)
    locks: Mapping[bytes, Locked] = field(default_factory=dict)
    escrow: Mapping[Slot, Held] = field(default_factory=dict)

    def account(self, identity: bytes) -> int:
        """Cents free to move."""
        return self.accounts.get(identity, 0)

    @property
    def held(self) -> int:
        """Cents in escrow."""
        return sum(each.cents for each in self.escrow.values())

    @property
    def locked(self) -> int:
        """Cents of principals that wait."""
        return sum(each.cents for each in self.locks.values() if each.state == "locked")


def apply(state: State, movement: Movement) -> State:
    """The books after a movement. Raises PeerFault naming what does not allow it."""
    match movement:
        case Mint(to=to, cents=cents):
            _require(state.minted + cents < MOST, "cents minted", f"below {MOST} in all", state.minted + cents)
            return _with(state, minted=state.minted + cents, accounts=_credited(state.accounts, to, cents))
        case Pay(payer=payer, to=to, cents=cents):
            return _with(state, accounts=_credited(_debited(state, payer, cents), to, cents))
        case Lock(vault=vault, lender=lender, cents=cents, expires=expires):
            before = state.locks.get(vault)
            free = before is None or before.state == "refunded"
            _require(free, "loan lock", "none, or one that was refunded", "none" if before is None else before.state)
            lock = Locked(vault=vault, lender=lender, cents=cents, expires=expires, state="locked", preimage=b"")
            return _with(state, accounts=_debited(state, lender, cents), locks={**state.locks, vault: lock})
        case Take(vault=vault, borrower=borrower, preimage=preimage):
            lock = _waiting(state, vault)
            taken = msgspec.structs.replace(lock, state="taken", preimage=preimage)
            accounts = _credited(state.accounts, borrower, lock.cents)
            return _with(state, accounts=accounts, locks={**state.locks, vault: taken})
        case Refund(vault=vault):
            lock = _waiting(state, vault)
            back = msgspec.structs.replace(lock, state="refunded")
            accounts = _credited(state.accounts, lock.lender, lock.cents)
            return _with(state, accounts=accounts, locks={**state.locks, vault: back})
        case Hold(slot=slot, payer=payer, cents=cents):
            _require(slot not in state.escrow, f"escrow of slot {slot[1]}", "none", "one that waits")
            held = Held(vault=slot[0], slot=slot[1], payer=payer, cents=cents)
            return _with(state, accounts=_debited(state, payer, cents), escrow={**state.escrow, slot: held})
        case Release(slot=slot, to=to):
            held_ = state.escrow.get(slot)
            if held_ is None:
                raise PeerFault(what=f"escrow of slot {slot[1]}", expected="one that waits", came="none")
            out = sum(cents for _, cents in to)
            _require(out == held_.cents, f"release of slot {slot[1]}", f"all of its {held_.cents} cents", out)
            credited: Mapping[bytes, int] = state.accounts
            for identity, cents in to:
                credited = _credited(credited, identity, cents)
            escrow = {key: value for key, value in state.escrow.items() if key != slot}
            return _with(state, accounts=credited, escrow=escrow)
        case _:
            assert_never(movement)


def check(state: State) -> State:
    """Its argument when nothing was lost or made. Raises LocalFault with both sides."""
    found = sum(state.accounts.values()) + state.locked + state.held
    if found != state.minted:
        raise LocalFault(
            what="SIMULATED money",
            expected=f"accounts + locks + escrow = {state.minted} cents minted",
            came=str(found),
            todo="The books of this keeper are damaged: restore the last backup.",
        )
    return state


def encode(state: State) -> bytes:
    """The canonical bytes."""
    return forms.encode(
        _Sheet(
            minted=state.minted, accounts=tuple(sorted(state.accounts.items())),
            locks=tuple(state.locks[key] for key in sorted(state.locks)),
            escrow=tuple(state.escrow[key] for key in sorted(state.escrow)),
        )
    )  # fmt: skip


def decode(raw: bytes) -> State:
    """Checked books of canonical bytes. Raises LocalFault."""
    try:
        sheet: _Sheet = forms.decode(raw, _Sheet, RuleFault, "books")
    except RuleFault as fault:
        raise LocalFault(
            what="stored SIMULATED money", expected="what this node wrote", came=str(fault)[:200],
            todo="Restore the last backup.",
        ) from fault  # fmt: skip
    return check(
        State(
            minted=sheet.minted, accounts=dict(sheet.accounts), locks={each.vault: each for each in sheet.locks},
            escrow={(each.vault, each.slot): each for each in sheet.escrow},
        )
    )  # fmt: skip


# ---- the port, and the books on a disk -------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """Movements that hold, not yet done: commit `puts` with whatever they belong to, then give it to `adopt`."""

    after: State
    puts: tuple[Put, ...]


class Money(Protocol):
    """What the desk needs of a stablecoin. The only implementation is SIMULATED (`Books`)."""

    @property
    def state(self) -> State:
        """Who has what now."""

    def book(self, movements: Sequence[Movement]) -> Booking:
        """All of them or none. Raises PeerFault."""

    def adopt(self, booking: Booking) -> None:
        """Its puts are on the disk."""


@dataclass(slots=True)
class Books:
    """SIMULATED money of one ledger in the keeper's store: one value, written whole with every event that moves cents."""

    ledger: bytes
    state: State

    @classmethod
    def load(cls, store: Store, ledger: bytes) -> Books:
        """What stands there, checked; nothing at first. Raises LocalFault."""
        raw = store.get(COLUMN, ledger + b"M")
        return cls(ledger=ledger, state=State() if raw is None else decode(raw))

    def book(self, movements: Sequence[Movement]) -> Booking:
        """All of them or none. Raises PeerFault."""
        after = self.state
        for movement in movements:
            after = apply(after, movement)
        puts = ((COLUMN, self.ledger + b"M", encode(after)),) if movements else ()
        return Booking(after=check(after), puts=puts)

    def adopt(self, booking: Booking) -> None:
        """Its puts are on the disk."""
        self.state = booking.after


# ---- small steps -----------------------------------------------------------------------------------------------------
def _with(
    state: State,
    *,
    accounts: Mapping[bytes, int],
    minted: int | None = None,
    locks: Mapping[bytes, Locked] | None = None,
    escrow: Mapping[Slot, Held] | None = None,
) -> State:
    return State(
        minted=state.minted if minted is None else minted,
        accounts=accounts,
        locks=state.locks if locks is None else locks,
        escrow=state.escrow if escrow is None else escrow,
    )


def _require(holds: bool, what: str, expected: str, came: object) -> None:
    if not holds:
        raise PeerFault(what=what, expected=expected, came=str(came))


def _credited(accounts: Mapping[bytes, int], identity: bytes, cents: int) -> dict[bytes, int]:
    _require(cents >= 0, "cents", "none below 0", cents)
    found = {**accounts, identity: accounts.get(identity, 0) + cents}
    return {key: value for key, value in found.items() if value}


def _debited(state: State, identity: bytes, cents: int) -> dict[bytes, int]:
    _require(cents >= 0, "cents", "none below 0", cents)
    have = state.account(identity)
    if have < cents:
        raise PeerFault(
            what=f"account of {identity.hex()[:16]} (SIMULATED money)",
            expected=f"at least {cents} cents",
            came=str(have),
            todo="On regtest the keeper's operator mints some: `bitvm3 money mint`.",
        )
    found = {**state.accounts, identity: have - cents}
    return {key: value for key, value in found.items() if value}


def _waiting(state: State, vault: bytes) -> Locked:
    lock = state.locks.get(vault)
    if lock is None or lock.state != "locked":
        raise PeerFault(what="loan lock", expected="one that waits", came="none" if lock is None else lock.state)
    return lock
