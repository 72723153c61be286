"""The state of one vault: agreed proposal, facts, open jobs, and the log of its transactions on chain.

Everything else (setup stage, phase of a graph, what is due) is a pure function of these, so a reorg is a shorter log
and nothing to undo. This module does NOT know the rules.
"""

from enum import Enum
from typing import Final

import msgspec

from vault.terms import Proposal


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Work off the loop, named by kind and indices; `ref` names an input that is not a fact (a stored transaction)."""

    kind: str
    indices: tuple[int, ...] = ()
    ref: bytes = b""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction of the vault in a block, by its name in the graph; `foreign/<coin>` when it is not of the graph.

    `raw` names the stored transaction with its witness (bulk value id), empty when the witness tells nothing.
    """

    name: str
    txid: bytes
    height: int
    raw: bytes = b""


class Stage(Enum):
    """Where a vault is in its life; the order is that of the protocol."""

    PROPOSED = "proposed"
    FUNDING = "funding"
    KEYS = "keys"
    POINTS = "points"
    OPENING = "opening"
    DIGEST = "digest"
    NONCES = "nonces"
    PARTIALS = "partials"
    READY = "ready"
    LIVE = "live"
    ABORTED = "aborted"
    HALTED = "halted"


SETUP_OVER: Final = frozenset({Stage.LIVE, Stage.ABORTED, Stage.HALTED})
"""Nobody owes anything for the setup any more."""


class VaultState(msgspec.Struct, frozen=True, kw_only=True):
    """One party's view of one vault. `me` is its party index; `end` is empty while the vault is set up or lives."""

    proposal: Proposal
    me: int
    facts: dict[str, bytes]
    jobs: tuple[Job, ...] = ()
    log: tuple[Seen, ...] = ()
    end: tuple[str, str] | None = None
