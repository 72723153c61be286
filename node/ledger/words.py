"""What nodes say to each other about a ledger, and what a node keeps of one: frozen values with one byte form each.

Promises that `read` lets only bytes pass that are the canonical form of a value within the limits. Checks no signature, no
proof and no rule: whoever takes a value does.

    ledger-batch      keeper -> attestor      Batch        -> Answer
    ledger-entry      anyone -> anyone        After        -> Step, or nothing when there is none yet
    ledger-head       anyone -> anyone        Signed       -> nothing, or the other's of that seq when roots differ
    ledger-evidence   anyone -> anyone        Equivocation -> nothing
    ledger-opening    anyone -> anyone        Asked        -> Opening, or nothing when the vault has no position
    ledger-key        anyone -> anyone        nothing      -> the verifying key of transitions
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from msgspec.structs import replace

from node.faults import PeerFault
from vault.faults import VaultFault
from vault.ledger import forms
from vault.ledger.checkpoint import Checkpoint, Signature
from vault.ledger.events import Event, decode_event
from vault.ledger.follow import Proven, Signed
from vault.ledger.position import Globals

Seq = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
Bytes32 = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Events that lead from the seq `after` to `totals`, which the checkpoint's root commits to.

    `proof` is empty until it is made, `signatures` are those known, ascending by index.
    """

    after: Seq
    events: tuple[bytes, ...]
    totals: Globals
    checkpoint: Checkpoint
    proof: bytes
    signatures: tuple[Signature, ...]

    def decoded(self) -> tuple[Event, ...]:
        """The events. Raises RuleFault `range` for one of no or another form."""
        return tuple(decode_event(raw) for raw in self.events)

    @property
    def step(self) -> Step:
        """What followers take, once the signatures are a quorum."""
        proven = Proven(totals=self.totals, proof=self.proof)
        return Step(proven=proven, signed=Signed(checkpoint=self.checkpoint, signatures=self.signatures))


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of the ledger for those who follow it: a proof that leads to a root, and the quorum that signed that root."""

    proven: Proven
    signed: Signed


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An attestor's: its seq now, its signatures of the batch's checkpoint, or why it waits."""

    at: Seq
    signatures: tuple[Signature, ...] = ()
    waits: str = ""


class After(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The entry that begins at a seq is wanted."""

    seq: Seq


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The position of a vault under the last final checkpoint is wanted."""

    vault: Bytes32


class Approval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The operator has looked at this checkpoint; `price` vouched: also at its price, which our median does not bear out."""

    digest: bytes
    price: str


class Judged(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A batch that an attestor has taken, and what it has signed of it: nothing when it followed the quorum of others."""

    batch: Batch
    own: tuple[Signature, ...]


_Word = TypeVar("_Word", bound=msgspec.Struct)


def write(word: msgspec.Struct) -> bytes:
    """The canonical bytes: MessagePack maps in field order."""
    return forms.encode(word)


def read(kind: type[_Word], raw: bytes, *, most: int, what: str) -> _Word:
    """The value of hostile bytes. Raises PeerFault naming `what`."""
    if len(raw) > most:
        raise PeerFault(what=what, expected=f"at most {most} bytes", came=f"{len(raw)} bytes")
    try:
        word: _Word = forms.decode(raw, kind, VaultFault, what)
    except VaultFault as fault:
        raise PeerFault(what=what, expected=fault.expected, came=fault.got[:200]) from None
    return word


def parcel(batch: Batch, threshold: int) -> bytes:
    """What leaves for an attestor: signatures only when they are a quorum."""
    signatures = batch.signatures if len(batch.signatures) >= threshold else ()
    return write(replace(batch, signatures=signatures))
