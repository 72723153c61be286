"""What one peer may do: a bucket of frames, a bucket of bytes, a count of open streams, a count of bad frames.

Promises: pure; time comes in as an argument. A peer above its rate is told to wait, never to lose a frame.
Does NOT know about streams or connections.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from node.limits import Limits


@dataclass(slots=True, kw_only=True)
class Bucket:
    """A token bucket that may go into debt, so that one large frame is possible and then paid off."""

    rate: float
    burst: float
    level: float
    at: float

    def take(self, amount: float, now: float) -> float:
        """Take `amount`; returns the seconds to wait until the debt is paid."""
        self.level = min(self.burst, self.level + (now - self.at) * self.rate) - amount
        self.at = now
        return max(0.0, -self.level / self.rate)


@dataclass(slots=True, kw_only=True)
class Gate:
    """The account of one peer."""

    limits: Limits
    started: float
    streams: int = 0
    bad_frames: int = 0
    _frames: Bucket = field(init=False)
    _bytes: Bucket = field(init=False)

    def __post_init__(self) -> None:
        known, now = self.limits, self.started
        self._frames = Bucket(rate=known.frames_per_second, burst=known.frames_burst, level=known.frames_burst, at=now)
        self._bytes = Bucket(rate=known.bytes_per_second, burst=known.bytes_burst, level=known.bytes_burst, at=now)

    def admit(self, size: int, now: float) -> float:
        """Count a frame of `size` bytes; returns the seconds to wait before working on it."""
        return max(self._frames.take(1, now), self._bytes.take(size, now))

    def bad_frame(self) -> bool:
        """Count a frame that no honest peer sends; True when it was one too many."""
        self.bad_frames += 1
        return self.bad_frames >= self.limits.bad_frames_before_ban
