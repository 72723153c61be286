"""What a party and the keeper of a lending ledger say to each other about a loan: frozen values with one byte form each.

Promises that `read` lets only bytes pass that are the canonical form of a value within the limits. Checks neither money, nor
chain, nor rule: the desk does. The sender of a request is whoever signed its envelope; no word names it.

    loan-request   party -> keeper     Request    -> Receipt
    loan-read      anyone -> keeper    LoanAsked  -> Reading
    loan-terms     anyone -> anyone    LoanAsked  -> Page: the agreed Terms of a vault and of those linked to it, piece by piece

Money is SIMULATED: cents are numbers in the keeper's books. A vault is called what the ledger calls it (the proposal id of the
vault that opened the position), a slot has its number in the ledger. Cents are integers, heights blocks, prices cents per BTC,
times seconds (median time past), ratios basis points; ids and keys are 32 raw bytes, txids in internal byte order.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, cast

import msgspec

from node.faults import PeerFault
from node.ledger.words import read as read
from node.ledger.words import write as write

TERMS_BYTES: Final = (1 << 20) - 4096
"""Of Terms that are registered: with its envelope a request stays a message."""
PAGE_BYTES: Final = 12 << 10
"""Of one piece of Terms: a reply has 16 KiB."""
TEXT: Final = 400
"""Characters of what is said to people in a receipt or reading."""

Bytes32 = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Signature = Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]
TermsBytes = Annotated[bytes, msgspec.Meta(min_length=1, max_length=TERMS_BYTES)]
Cents = Annotated[int, msgspec.Meta(ge=0, lt=1 << 56)]
Positive = Annotated[int, msgspec.Meta(gt=0, lt=1 << 56)]
Height = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
Slot = Annotated[int, msgspec.Meta(ge=0, lt=8)]
Number = Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)]
Text = Annotated[str, msgspec.Meta(max_length=TEXT)]


# ---- what is asked for -----------------------------------------------------------------------------------------------
class _Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """The same request of the same sender is one request: asked again, it has the same receipt and books nothing."""


class Register(_Request, frozen=True, kw_only=True, tag="register"):
    """These Terms (canonical bytes) are a vault of this ledger: watch its coins once borrower and lender have both said so.

    By either of the two, after `ready`. `signature` is BIP340 by the sender's identity key over `node.lending.agreed.digest`.
    """

    terms: TermsBytes
    signature: Signature


class LockLoan(_Request, frozen=True, kw_only=True, tag="lock_loan"):
    """L puts the principal under hashlock_a until height `expires`."""

    vault: Bytes32
    expires: Height


class TakeLoan(_Request, frozen=True, kw_only=True, tag="take_loan"):
    """B shows a before the lock expires, and has the principal."""

    vault: Bytes32
    preimage: Bytes32


class RefundLoan(_Request, frozen=True, kw_only=True, tag="refund_loan"):
    """L has a principal back that nobody took, from the lock's height on."""

    vault: Bytes32


class Tender(_Request, frozen=True, kw_only=True, tag="tender"):
    """B pays what the slot (the highest open one) owes, into escrow."""

    vault: Bytes32
    slot: Slot


class ShowR(_Request, frozen=True, kw_only=True, tag="show_r"):
    """B or L shows r of the tendered slot."""

    vault: Bytes32
    slot: Slot
    preimage: Bytes32


class Repay(_Request, frozen=True, kw_only=True, tag="repay"):
    """B pays debt back, to L at once; no slot is free by it. Whoever means a second payment gives another number."""

    vault: Bytes32
    cents: Positive
    number: Number = 0


class Liquidate(_Request, frozen=True, kw_only=True, tag="liquidate"):
    """A liquidator pays by rule for the lowest open slot, into escrow."""

    vault: Bytes32
    slot: Slot


class Default(_Request, frozen=True, kw_only=True, tag="default"):
    """L pays by rule for the lowest open slot of a loan that is over, into escrow."""

    vault: Bytes32
    slot: Slot


class Transfer(_Request, frozen=True, kw_only=True, tag="transfer"):
    """Cents to another account. Whoever means a second transfer of the same cents gives another number."""

    to: Bytes32
    cents: Positive
    number: Number = 0


Request = (
    Register | LockLoan | TakeLoan | RefundLoan | Tender | ShowR | Repay | Liquidate | Default | Transfer
)  # fmt: skip


class LoanAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vault is asked about; `first` is the byte that a page of Terms begins with."""

    vault: Bytes32
    first: Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)] = 0


# ---- what is answered ------------------------------------------------------------------------------------------------
class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request was booked, or had been: seq of the last event posted for it (as posted), cents that moved, plain words."""

    seq: Height
    cents: Cents
    text: Text


class Agreed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Terms (canonical bytes) and what their borrower and lender signed: see `Register`. On the disk it has the same bytes."""

    terms: TermsBytes
    borrower: Signature
    lender: Signature


class Page(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A piece of `bundle` of what is agreed, of `total` bytes in all; nothing when the vault is not registered there."""

    total: Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
    part: Annotated[bytes, msgspec.Meta(max_length=PAGE_BYTES)]


class LoanLock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lender's principal; `preimage` is a once the borrower took it, else empty."""

    cents: Cents
    expires: Height
    state: Literal["none", "locked", "taken", "refunded"]
    preimage: bytes


class SlotReading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One slot: what the ledger says of it as posted, and what the keeper's chain says of its coin.

    Attributes:
        slot: number in the ledger.
        vault_id: of the Terms (the opener's, or a linked vault's) whose coin it is.
        sats: value of the coin.
        state: `planned` until the ledger has it.
        coin: `unfunded` until Vault is mined.
        coin_height: of Vault, or of the spend; 0 when unfunded.
        by: txid of the transaction that spent it, empty else.
        template_paid: whether the spend pays what the slot's record says (or, with no record or for a tendered slot, the
            borrower); False while unspent.
        claims: identities whose bond of a graph of this slot is spent while the coin is not.
        frees_for: cents of a tender now, 0 when it is not open.
        costs: cents of a liquidation or default now, 0 without price or when it is not open.
        outcome, claimant, template, debt, paid, surplus, recorded, settled: of the slot's record; outcome is empty without.
    """

    slot: Slot
    vault_id: Bytes32
    sats: int
    state: Literal["planned", "open", "tendered", "withdraw", "default", "liquidate"]
    coin: Literal["unfunded", "open", "spent"]
    coin_height: Height
    by: bytes
    template_paid: bool
    claims: tuple[Bytes32, ...]
    frees_for: Cents = 0
    costs: Cents = 0
    outcome: Literal["", "withdraw", "default", "liquidate"] = ""
    claimant: bytes = b""
    template: bytes = b""
    debt: Cents = 0
    paid: Cents = 0
    surplus: Cents = 0
    recorded: Height = 0
    settled: Annotated[int, msgspec.Meta(ge=0, le=3)] = 0


class PositionReading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The position as posted: not final, not proven."""

    owner: Bytes32
    lender: Bytes32
    principal: Cents
    nonce: Height
    opened: Height
    maturity: Height
    last_record: Height
    tender_slot: Annotated[int, msgspec.Meta(ge=-1, lt=8)]  # -1: none
    tender_cents: Cents
    tender_height: Height
    tender_until: Height  # height from which the withdrawal is recorded without r


class Refusal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request of this kind would meet now, from whoever asked."""

    kind: Text
    slot: Annotated[int, msgspec.Meta(ge=-1, lt=8)]  # -1: of no slot
    reason: Text


class Reading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the keeper says of a loan: its word, to act on only where Terms, the own chain and the final ledger agree.

    Attributes:
        simulated: the money is; always True.
        height: the keeper's chain tip.
        ledger_height: up to which interest has run.
        seq: events posted, final or not; `final_seq` those that are final.
        price, price_time, stale: of the ledger as posted; price 0 before the first.
        position: None until it is opened.
        debt: cents now.
        health: basis points, below 10,000 it may be liquidated; 0 without price or debt.
        margin_called: the borrower should act.
        liquidatable: slots that a liquidator may pay for now, in order: at most one.
        lock: the lender's principal.
        account: cents of whoever asked.
        slots: of the opener and all linked vaults.
        refusals: what whoever asked could not do now, and why.
    """

    simulated: bool
    vault: Bytes32
    height: Height
    ledger_height: Height
    seq: Height
    final_seq: Height
    price: Cents
    price_time: Height
    stale: bool
    position: PositionReading | None
    debt: Cents
    health: int
    margin_called: bool
    liquidatable: tuple[Slot, ...]
    lock: LoanLock
    account: Cents
    slots: tuple[SlotReading, ...]
    refusals: tuple[Refusal, ...]


def read_request(raw: bytes, *, most: int) -> Request:
    """A request of hostile bytes. Raises PeerFault."""
    return read(cast("type[Request]", Request), raw, most=most, what="loan-request")


def bundle(agreed: tuple[Agreed, ...]) -> bytes:
    """One after the other, each with its length (4 bytes, big-endian): what pages are cut from."""
    parts = [write(each) for each in agreed]
    return b"".join(len(raw).to_bytes(4, "big") + raw for raw in parts)


def unbundle(raw: bytes) -> tuple[Agreed, ...]:
    """The other way. Raises PeerFault."""
    found, at = list[Agreed](), 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 4], "big")
        part = raw[at + 4 : at + 4 + size]
        if not part or len(part) != size:
            raise PeerFault(what="loan-terms", expected="whole Terms", came=f"{len(part)} of {size} bytes")
        found.append(read(Agreed, part, most=len(part), what="loan-terms"))
        at += 4 + size
    return tuple(found)
