"""One ledger's part of the store: what stands under which key.

Promises typed reads of what this node wrote, and puts for the loop to commit; a value that cannot be read back is a damaged
disk and stops the ledger. Does NOT write by itself and judges nothing.

    ledger id (32) | G                 the genesis file
                   | E seq             final entry that begins at seq            everybody
                   | K seq             sealed batch                              keeper
                   | L seq             the batch has left this node              keeper
                   | Q number          event that waits to be sealed             keeper
                   | A seq             batch taken, own signatures               attestor
                   | P seq             the operator approved                     attestor
                   | X index           an attestor signed two roots for one seq
                   | C digest          a proof for a claim
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from node.faults import LocalFault, PeerFault
from node.ledger.words import Approval, Batch, Judged, Step, read, write
from node.store import Put, Store
from vault.ledger.checkpoint import Equivocation
from vault.ledger.events import Event, decode_event, encode_event
from vault.ledger.faults import RuleFault

COLUMN = "ledgers"
_MOST = 1 << 24
_T = TypeVar("_T", Batch, Approval, Judged, Step, Equivocation)


def ledgers(store: Store) -> list[tuple[bytes, bytes]]:
    """(ledger id, genesis file) of every ledger opened here."""
    return [(key[:32], value) for key, value in store.items(COLUMN) if key[32:] == b"G"]


@dataclass(frozen=True, slots=True)
class Shelf:
    """Of one ledger."""

    store: Store
    ledger: bytes

    def _key(self, tag: bytes, number: int) -> bytes:
        return self.ledger + tag + number.to_bytes(8, "big")

    def _all(self, tag: bytes, kind: type[_T]) -> Iterator[tuple[int, _T]]:
        for key, raw in self.store.items(COLUMN, self.ledger + tag):
            yield int.from_bytes(key[33:], "big"), self._own(kind, raw)

    def _own(self, kind: type[_T], raw: bytes) -> _T:
        try:
            return read(kind, raw, most=_MOST, what=kind.__name__)
        except PeerFault as fault:
            raise _damaged(self.ledger, str(fault)) from fault

    # ---- what stands there ----------------------------------------------------------------------------------------
    def genesis(self) -> bytes | None:
        """The genesis file."""
        return self.store.get(COLUMN, self.ledger + b"G")

    def entry(self, after: int) -> Step | None:
        """The final entry that begins at a seq."""
        raw = self.store.get(COLUMN, self._key(b"E", after))
        return None if raw is None else self._own(Step, raw)

    def entries(self) -> Iterator[tuple[int, Step]]:
        """All final entries with the seq they begin at, ascending."""
        return self._all(b"E", Step)

    def sealed(self) -> Iterator[tuple[int, Batch]]:
        """The keeper's batches, ascending."""
        return self._all(b"K", Batch)

    def sealed_at(self, after: int) -> Batch | None:
        """The keeper's batch that begins at a seq."""
        raw = self.store.get(COLUMN, self._key(b"K", after))
        return None if raw is None else self._own(Batch, raw)

    def left(self, after: int) -> bool:
        """Whether a sealed batch may have been seen by somebody."""
        return self.store.get(COLUMN, self._key(b"L", after)) is not None

    def queued(self) -> list[tuple[int, Event]]:
        """Events that wait, ascending."""
        found = []
        for key, raw in self.store.items(COLUMN, self.ledger + b"Q"):
            try:
                found.append((int.from_bytes(key[33:], "big"), decode_event(raw)))
            except RuleFault as fault:
                raise _damaged(self.ledger, str(fault)) from fault
        return found

    def judged(self) -> Iterator[tuple[int, Judged]]:
        """The attestor's batches, ascending."""
        return self._all(b"A", Judged)

    def judged_at(self, after: int) -> Judged | None:
        """The attestor's batch that begins at a seq."""
        raw = self.store.get(COLUMN, self._key(b"A", after))
        return None if raw is None else self._own(Judged, raw)

    def approval(self, seq: int) -> Approval | None:
        """What the operator approved for a seq."""
        raw = self.store.get(COLUMN, self._key(b"P", seq))
        return None if raw is None else self._own(Approval, raw)

    def evidence(self) -> dict[int, Equivocation]:
        """By attestor index."""
        return dict(self._all(b"X", Equivocation))

    def claim(self, digest: bytes) -> bytes | None:
        """A claim's proof made before."""
        return self.store.get(COLUMN, self.ledger + b"C" + digest)

    # ---- puts -----------------------------------------------------------------------------------------------------
    def put_genesis(self, file: bytes) -> Put:
        """The ledger is open."""
        return (COLUMN, self.ledger + b"G", file)

    def put_entry(self, after: int, entry: Step) -> Put:
        """An entry is final."""
        return (COLUMN, self._key(b"E", after), write(entry))

    def put_sealed(self, batch: Batch) -> Put:
        """A batch is sealed, or knows more than before."""
        return (COLUMN, self._key(b"K", batch.after), write(batch))

    def drop_sealed(self, after: int) -> Put:
        """A batch that nobody has seen is taken back."""
        return (COLUMN, self._key(b"K", after), None)

    def put_left(self, after: int) -> Put:
        """A batch is about to leave."""
        return (COLUMN, self._key(b"L", after), b"")

    def put_queued(self, number: int, event: Event) -> Put:
        """An event waits."""
        return (COLUMN, self._key(b"Q", number), encode_event(event))

    def drop_queued(self, number: int) -> Put:
        """It waits no longer."""
        return (COLUMN, self._key(b"Q", number), None)

    def put_judged(self, judged: Judged) -> Put:
        """A batch is taken."""
        return (COLUMN, self._key(b"A", judged.batch.after), write(judged))

    def put_approval(self, seq: int, approval: Approval) -> Put:
        """The operator approves."""
        return (COLUMN, self._key(b"P", seq), write(approval))

    def put_evidence(self, index: int, evidence: Equivocation) -> Put:
        """An attestor signed twice."""
        return (COLUMN, self._key(b"X", index), write(evidence))

    def put_claim(self, digest: bytes, proof: bytes) -> Put:
        """A claim is proved."""
        return (COLUMN, self.ledger + b"C" + digest, proof)


def _damaged(ledger: bytes, reason: str) -> LocalFault:
    return LocalFault(
        what=f"stored ledger {ledger.hex()}",
        expected="what this node wrote",
        came=reason,
        todo="Restore the last backup, with the guard that belongs to it.",
    )
