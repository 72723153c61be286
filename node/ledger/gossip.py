"""Final checkpoints told to everybody, so that two histories of one ledger meet: proofs that an attestor signed twice.

Promises: evidence is checked before it is kept, kept before it is passed on, and passed on until each known peer has it; a
head that is new to us only makes us ask for the entries before it. Does NOT change the view.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial

import structlog

from node.faults import PeerFault, Unavailable
from node.ledger.follower import Follower
from node.ledger.shelf import Shelf
from node.ledger.words import read, write
from node.ledger.world import Bell, World
from vault.faults import VaultFault
from vault.ledger.checkpoint import (
    Checkpoint,
    Equivocation,
    check_checkpoint,
    check_equivocation,
    check_quorum,
    equivocation,
)
from vault.ledger.follow import Signed
from vault.ledger.genesis import Genesis

log = structlog.get_logger("ledger")

MOST_HISTORIES = 16
"""Other roots of a quorum that are kept to be shown."""
LONGEST_PAUSE = 60.0
"""A peer that does not follow the ledger is asked about it once a minute."""


@dataclass(slots=True, kw_only=True)
class Peer:
    """What a peer has heard from us."""

    seq: int = 0
    evidence: set[int] = field(default_factory=set)
    pause: float = 0.0
    until: float = 0.0


@dataclass(slots=True, repr=False)
class Gossip:
    """Of one ledger. `evidence` by attestor index."""

    world: World
    genesis: Genesis
    shelf: Shelf
    follower: Follower
    evidence: dict[int, Equivocation]
    histories: dict[int, str] = field(default_factory=dict)
    bell: Bell = field(default_factory=Bell)
    _peers: dict[bytes, Peer] = field(default_factory=dict)
    _talks: dict[bytes, asyncio.Task[None]] = field(default_factory=dict)

    # ---- what others say -------------------------------------------------------------------------------------------
    async def on_head(self, sender: bytes, theirs: Signed) -> bytes:
        """A peer's final checkpoint: nothing, or ours of that seq when it is another."""
        try:
            check_checkpoint(self.genesis, theirs.checkpoint)
        except VaultFault as fault:
            raise PeerFault(what=fault.field, expected=fault.expected, came=fault.got) from fault
        if theirs.checkpoint.seq > self.follower.view.seq:
            self.follower.hint(sender)
            self.bell.ring()
            return b""
        ours = self.follower.head_at(theirs.checkpoint.seq)
        if ours is not None and ours.checkpoint == theirs.checkpoint:
            return b""
        await self.compare(sender, ours, theirs)
        return b"" if ours is None else write(ours)

    async def compare(self, sender: bytes, ours: Signed | None, theirs: Signed) -> None:
        """Another checkpoint than ours, signed by attestors: who signed both is proved faulty."""
        try:
            await asyncio.to_thread(check_quorum, self.genesis, theirs.checkpoint, theirs.signatures)
        except VaultFault as fault:
            raise PeerFault(what=f"head, {fault.field}", expected=fault.expected, came=fault.got) from fault
        self._two_histories(sender, theirs.checkpoint)
        for one in () if ours is None else ours.signatures:
            for two in theirs.signatures:
                if one.index == two.index and ours is not None:
                    await self.keep(equivocation(ours.checkpoint, one, theirs.checkpoint, two))

    def _two_histories(self, sender: bytes, theirs: Checkpoint) -> None:
        if theirs.seq not in self.histories and len(self.histories) < MOST_HISTORIES:
            self.histories[theirs.seq] = theirs.root.hex()
            self.world.alarm(
                f"ledger {self.shelf.ledger.hex()[:16]} has two histories: a quorum signed root {theirs.root.hex()} for seq "
                f"{theirs.seq}, which is not ours; shown by peer {sender.hex()}"
            )

    async def keep(self, proof: Equivocation) -> None:
        """Keep evidence, once an attestor, and pass it on. Raises PeerFault when it shows nothing."""
        try:
            index = await asyncio.to_thread(check_equivocation, self.genesis, proof)
        except VaultFault as fault:
            raise PeerFault(what=f"evidence, {fault.field}", expected=fault.expected, came=fault.got) from fault
        if index in self.evidence:
            return
        await self.world.write((self.shelf.put_evidence(index, proof),))
        self.evidence[index] = proof
        self.world.alarm(
            f"attestor {index} of ledger {self.shelf.ledger.hex()[:16]} "
            f"({self.genesis.attestors[index].identity.hex()}) has signed two roots for seq {proof.first.seq}: "
            f"{proof.first.root.hex()} and {proof.second.root.hex()}"
        )
        self.bell.ring()

    # ---- what we say -----------------------------------------------------------------------------------------------
    async def run(self) -> None:
        """Tell every known peer the last head and all evidence; until cancelled."""
        clock = asyncio.get_running_loop().time
        try:
            while True:
                for identity in self.world.known():
                    peer = self._peers.setdefault(identity, Peer())
                    if (
                        identity != self.world.me
                        and identity not in self._talks
                        and peer.until <= clock()
                        and self._news(peer)
                    ):
                        task = asyncio.create_task(self._talk(identity, peer))
                        self._talks[identity] = task
                        task.add_done_callback(partial(self._talked, identity))
                await asyncio.sleep(self.world.limits.ledger_poll_seconds)
        finally:
            for task in list(self._talks.values()):
                task.cancel()

    def _talked(self, identity: bytes, task: asyncio.Task[None]) -> None:
        self._talks.pop(identity, None)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            log.error("telling a peer failed", peer=identity.hex()[:16], exc_info=error)

    def _news(self, peer: Peer) -> bool:
        return self.follower.view.seq > peer.seq or bool(self.evidence.keys() - peer.evidence)

    async def _talk(self, identity: bytes, peer: Peer) -> None:
        try:
            head = self.follower.head
            if head is not None and head.checkpoint.seq > peer.seq:
                raw = await self.world.ask(identity, "ledger-head", self.shelf.ledger, write(head))
                peer.seq = head.checkpoint.seq
                if raw:
                    theirs = read(Signed, raw, most=self.world.limits.reply_frame_bytes, what="ledger-head")
                    if theirs.checkpoint.seq != head.checkpoint.seq or theirs.checkpoint == head.checkpoint:
                        raise PeerFault(
                            what="ledger-head",
                            expected="another checkpoint of the same seq",
                            came=str(theirs.checkpoint.seq),
                        )
                    await self.compare(identity, head, theirs)
            for index, proof in list(self.evidence.items()):
                if index not in peer.evidence:
                    await self.world.ask(identity, "ledger-evidence", self.shelf.ledger, write(proof))
                    peer.evidence.add(index)
            peer.pause = 0.0
        except (Unavailable, PeerFault) as fault:
            first = self.world.limits.ledger_poll_seconds
            peer.pause = min(max(first, 2 * peer.pause), LONGEST_PAUSE)
            peer.until = asyncio.get_running_loop().time() + peer.pause
            log.debug("peer not told", ledger=self.shelf.ledger.hex()[:16], peer=identity.hex()[:16], reason=str(fault))
