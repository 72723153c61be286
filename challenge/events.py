"""What can happen to a vault. One union; everything a machine may know arrives in one of these.

Heights are block heights, hashes 32 bytes in internal byte order, values bytes.
"""

from typing import Literal

import msgspec

from challenge.states import Job, Seen


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A peer's message, its signature checked: `party` states fact `key`."""

    party: int
    key: str
    value: bytes


class Ordered(msgspec.Struct, frozen=True, kw_only=True):
    """This node's operator, or its configured policy, states fact `key`."""

    key: str
    value: bytes = b""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A job finished and states these facts, in order."""

    job: Job
    facts: tuple[tuple[str, bytes], ...]


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """A job cannot finish. `whose` says at whose door the fault lies."""

    job: Job
    whose: Literal["peer", "ours"]
    reason: str


class Mined(msgspec.Struct, frozen=True, kw_only=True):
    """A block holds transactions of this vault, in block order."""

    height: int
    block: bytes
    seen: tuple[Seen, ...]


class Unmined(msgspec.Struct, frozen=True, kw_only=True):
    """The block at this height, and all above it, left the chain."""

    height: int


class Stalled(msgspec.Struct, frozen=True, kw_only=True):
    """The setup goes nowhere: it waited too long (the node's clock), or a party does not take the proposal. `reason` says who."""

    reason: str


class Halted(msgspec.Struct, frozen=True, kw_only=True):
    """The node cannot go on with this vault (a reorg beyond the bound): stop and raise the alarm."""

    reason: str


Event = Told | Ordered | Done | Failed | Mined | Unmined | Stalled | Halted
