"""The view of a ledger that everybody has: final checkpoints, each judged by its proof and its quorum before it counts.

Promises: the view changes only by `adopt`, after `vault.ledger.follow` took proof and quorum and its commit returned; a source
that gives anything else is named with its fault, left alone for a while, and changes nothing. Also the keeper's and the
attestors' own view goes through here. Does NOT hold positions, nor know who may post events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from node.faults import LocalFault, PeerFault, Unavailable
from node.ledger.shelf import Shelf
from node.ledger.words import After, Step, read, write
from node.ledger.world import Bell, World
from vault.faults import VaultFault
from vault.ledger.follow import Signed, View, first_view, follow
from vault.ledger.genesis import Genesis

log = structlog.get_logger("ledger")

Verify = Callable[[bytes, bytes, bytes], bool]
"""(old root, new root, proof) -> whether the proof holds under the ledger's key."""


@dataclass(slots=True, repr=False)
class Follower:
    """Of one ledger. `proofs` counts transition proofs that were verified, `refused` entries that were not taken."""

    world: World
    genesis: Genesis
    shelf: Shelf
    verify: Verify
    view: View
    bell: Bell = field(default_factory=Bell)
    proofs: int = 0
    refused: int = 0
    faults: dict[str, str] = field(default_factory=dict)
    _shunned: dict[bytes, float] = field(default_factory=dict)
    _hints: list[bytes] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def load(cls, world: World, genesis: Genesis, shelf: Shelf, verify: Verify) -> Follower:
        """Continue from the last entry on disk; what stands there was judged before."""
        follower = cls(world=world, genesis=genesis, shelf=shelf, verify=verify, view=first_view(genesis))
        for after, entry in shelf.entries():
            if after != follower.view.seq:
                raise LocalFault(
                    what=f"stored ledger {shelf.ledger.hex()}",
                    expected=f"an entry that begins at seq {follower.view.seq}",
                    came=f"one at {after}",
                    todo="Restore the last backup.",
                )
            follower._stand(after, entry)
        return follower

    def _stand(self, after: int, entry: Step) -> None:
        checkpoint = entry.signed.checkpoint
        self.view = View(root=checkpoint.root, totals=entry.proven.totals, checkpoint=checkpoint)
        self.ends[checkpoint.seq] = after

    @property
    def head(self) -> Signed | None:
        """The last final checkpoint with its quorum; None at the genesis."""
        return self.head_at(self.view.seq)

    def head_at(self, seq: int) -> Signed | None:
        """The final checkpoint of a seq, when one ends there."""
        after = self.ends.get(seq)
        entry = None if after is None else self.shelf.entry(after)
        return None if entry is None else entry.signed

    def serve(self, after: int) -> bytes:
        """The entry that begins at a seq, or nothing."""
        entry = self.shelf.entry(after)
        return b"" if entry is None else write(entry)

    # ---- the one way the view changes ------------------------------------------------------------------------------
    async def adopt(self, entry: Step) -> None:
        """Judge an entry, proof and quorum, and stand on it. Raises VaultFault: the view is as before."""
        async with self._lock:
            before = self.view.seq
            if entry.proven.totals.seq <= before:
                return
            try:
                await asyncio.to_thread(self._judged, entry)
            except VaultFault:
                self.refused += 1
                raise
            await self.world.write((self.shelf.put_entry(before, entry),))
            self._stand(before, entry)
        checkpoint = entry.signed.checkpoint
        log.info(
            "checkpoint is final", ledger=self.shelf.ledger.hex()[:16], seq=checkpoint.seq, root=checkpoint.root.hex(),
            signatures=len(entry.signed.signatures), price=checkpoint.price, height=checkpoint.height,
        )  # fmt: skip
        self.world.tell("ledger", {"ledger": self.shelf.ledger.hex(), "seq": checkpoint.seq, "root": checkpoint.root})
        self.bell.ring()

    def _judged(self, entry: Step) -> None:
        """Both or nothing: a root that is proved and not signed is nobody's yet."""
        view = follow(self.genesis, self.view, entry.proven, self._verified)
        follow(self.genesis, view, entry.signed, self._verified)

    def _verified(self, old: bytes, new: bytes, proof: bytes) -> bool:
        self.proofs += 1
        return self.verify(old, new, proof)

    # ---- asking others ---------------------------------------------------------------------------------------------
    def hint(self, source: bytes) -> None:
        """This peer says that it has more."""
        if source not in self._hints:
            self._hints = [*self._hints[-7:], source]

    async def pull(self) -> None:
        """Take all that who says it has more, and the keeper, have; everybody else is asked when the keeper does not serve."""
        hints, self._hints = self._hints, []
        known, now = self.world.known(), asyncio.get_running_loop().time()
        for source in dict.fromkeys((*hints, self.genesis.keeper, *known)):
            if source == self.world.me or source not in known or self._shunned.get(source, 0.0) > now:
                continue
            if await self._served(source) and source == self.genesis.keeper:
                return

    async def _served(self, source: bytes) -> bool:
        """All that one source has; False when it is away, or lies: then it is named and passed over for a while."""
        try:
            while await self._pull_one(source):
                pass
        except Unavailable as fault:
            log.debug("no entry", ledger=self.shelf.ledger.hex()[:16], source=source.hex()[:16], reason=str(fault))
            return False
        except PeerFault as fault:
            self.blame(source, str(fault))
            return False
        return True

    async def _pull_one(self, source: bytes) -> bool:
        wanted = write(After(seq=self.view.seq))
        raw = await self.world.ask(source, "ledger-entry", self.shelf.ledger, wanted)
        if not raw:
            return False
        entry = read(Step, raw, most=self.world.limits.reply_frame_bytes, what="ledger-entry")
        before = self.view.seq
        try:
            await self.adopt(entry)
        except VaultFault as fault:
            raise PeerFault(
                what=f"entry after seq {before}, {fault.field}", expected=fault.expected, came=fault.got
            ) from fault
        return self.view.seq > before

    def blame(self, source: bytes, reason: str) -> None:
        """A peer gave what no honest one gives: it is not asked again for a while."""
        self.faults[source.hex()] = reason
        self._shunned[source] = asyncio.get_running_loop().time() + self.world.limits.ledger_shun_seconds
        log.warning("a peer's entry is refused", ledger=self.shelf.ledger.hex()[:16], peer=source.hex(), reason=reason)
