"""Following a ledger without its events: each step is a proof or a quorum, checked before the view changes.

Promises a new view only when a valid proof leads from the old root to the new one, or a quorum signed exactly the view;
FollowFault or QuorumFault otherwise, and the view stays. Pure: the caller brings the verifier and keeps the views.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

import msgspec

from vault.ledger import commit
from vault.ledger.checkpoint import FIELD_ORDER, Checkpoint, Signature, check_quorum, checkpoint_of
from vault.ledger.faults import FollowFault
from vault.ledger.genesis import Genesis
from vault.ledger.position import BITS, Globals

BATCH = 16  # events one proof covers at most
MAX_PROOF = 1024  # bytes; a Groth16 proof on BN254 has 128 or 256

Verify = Callable[[bytes, bytes, bytes], bool]  # old root, new root, proof: whether it is valid for this ledger's key


class View(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a follower knows: the root, its opening, the last final checkpoint that fit a view."""

    root: bytes
    totals: Globals
    checkpoint: Checkpoint | None

    @property
    def seq(self) -> int:
        """How many events led here."""
        return self.totals.seq


class Proven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="proven"):
    """A batch of events, by its proof alone; `totals` open the new root."""

    totals: Globals
    proof: bytes


class Signed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="signed"):
    """A final checkpoint of the view as it is."""

    checkpoint: Checkpoint
    signatures: tuple[Signature, ...]


Entry = Proven | Signed


def first_view(genesis: Genesis) -> View:
    """Where every follower begins."""
    ledger = genesis.begin()
    return View(root=ledger.root, totals=ledger.totals, checkpoint=None)


def follow(genesis: Genesis, view: View, entry: Entry, verify: Verify) -> View:
    """The view after an entry of a checked genesis' ledger."""
    match entry:
        case Proven():
            return _proven(genesis, view, entry, verify)
        case Signed():
            return _signed(genesis, view, entry)
        case _:
            assert_never(entry)


def _proven(genesis: Genesis, view: View, entry: Proven, verify: Verify) -> View:
    check_totals(entry.totals)
    if not view.seq < entry.totals.seq <= view.seq + BATCH:
        expected = f"{view.seq + 1} to {view.seq + BATCH}"
        raise FollowFault("seq", expected=expected, got=str(entry.totals.seq))
    if len(entry.proof) > MAX_PROOF:
        raise FollowFault("proof", expected=f"at most {MAX_PROOF} bytes", got=f"{len(entry.proof)} bytes")
    root = commit.root(genesis.ledger_id, entry.totals)
    if not verify(view.root, root, entry.proof):
        expected = f"a valid proof from root {view.root.hex()} to {root.hex()}"
        raise FollowFault("proof", expected=expected, got="an invalid one")
    return View(root=root, totals=entry.totals, checkpoint=view.checkpoint)


def _signed(genesis: Genesis, view: View, entry: Signed) -> View:
    if entry.checkpoint.seq != view.seq:
        raise FollowFault("checkpoint.seq", expected=str(view.seq), got=str(entry.checkpoint.seq))
    expected = checkpoint_of(genesis.ledger_id, view.root, view.totals)
    for field in Checkpoint.__struct_fields__:
        want, got = getattr(expected, field), getattr(entry.checkpoint, field)
        if want != got:
            shown = [value.hex() if isinstance(value, bytes) else str(value) for value in (want, got)]
            raise FollowFault(f"checkpoint.{field}", expected=shown[0], got=shown[1][:80])
    check_quorum(genesis, entry.checkpoint, entry.signatures)
    return View(root=view.root, totals=view.totals, checkpoint=entry.checkpoint)


def check_totals(totals: Globals) -> Globals:
    """Its argument when every number fits its field; FollowFault otherwise."""
    for field, bits in BITS.items():
        if not 0 <= getattr(totals, field) < 1 << bits:
            raise FollowFault(f"totals.{field}", expected=f"below 2^{bits}", got=str(getattr(totals, field)))
    for field in ("tree", "log"):
        _element(f"totals.{field}", getattr(totals, field))
    return totals


def _element(field: str, value: bytes) -> None:
    if len(value) != 32 or int.from_bytes(value, "big") >= FIELD_ORDER:
        raise FollowFault(field, expected="32 bytes below r", got=value.hex()[:80])
