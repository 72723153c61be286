"""What a machine wants done. Actions are idempotent: after a crash `pending` yields the open ones again."""

import msgspec

from challenge.states import Job


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """State fact `key` to party `to`; kept in the outbox until that node says it has committed it."""

    to: int
    key: str


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Run a job off the loop; its end comes back as Done or Failed."""

    job: Job


class Close(msgspec.Struct, frozen=True, kw_only=True):
    """The setup ended without a vault: burn this node's share of G, give the reserved coins back."""

    reason: str


Action = Send | Run | Close
