"""What the peer service keeps per peer: presence, kept streams, the wish to stay connected; and counts of traffic.

Promises: plain records, changed on the island only. Does NOT do any I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import trio

from node.limits import Limits

MESSAGE = "/bitvm3/message/1"
CHUNK = "/bitvm3/chunk/1"
PING = "/bitvm3/ping/1"


@dataclass(slots=True, kw_only=True)
class Traffic:
    """Payload bytes and frames in both directions; `by_peer` is peer id -> (sent bytes, received bytes)."""

    sent_bytes: int = 0
    sent_frames: int = 0
    received_bytes: int = 0
    received_frames: int = 0
    by_peer: dict[str, tuple[int, int]] = field(default_factory=dict)

    def sent(self, peer: str, size: int) -> None:
        """Count a frame that left."""
        self.sent_bytes += size
        self.sent_frames += 1
        before = self.by_peer.get(peer, (0, 0))
        self.by_peer[peer] = (before[0] + size, before[1])

    def received(self, peer: str, size: int) -> None:
        """Count a frame that came."""
        self.received_bytes += size
        self.received_frames += 1
        before = self.by_peer.get(peer, (0, 0))
        self.by_peer[peer] = (before[0], before[1] + size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A peer to stay connected to."""

    peer_id: str
    address: str


class Link:
    """What we keep per peer we know: presence, kept streams, and the wish to stay connected."""

    def __init__(self, limits: Limits) -> None:
        self.present = trio.Event()
        self.wanted: Wanted | None = None
        self.keeper: trio.CancelScope | None = None
        self.wake = trio.Event()
        self.last_failure = ""
        self.waiting = 0
        self.idle: dict[str, list[Any]] = {MESSAGE: [], CHUNK: [], PING: []}
        self.slots = {
            MESSAGE: trio.CapacityLimiter(limits.message_streams),
            CHUNK: trio.CapacityLimiter(limits.chunk_streams),
            PING: trio.CapacityLimiter(1),
        }
