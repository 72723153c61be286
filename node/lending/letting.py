"""Rules of path B: the lender lets a paid liquidation go, the liquidator asks the attestors and takes the coin. Pure.

Promises that both act only on a record that our own final checkpoint proves: this liquidator has paid for this slot by the
ledger's rule. Path C stays open beside it, so whoever lets an entry go, or never attests, delays and takes nothing.
Does NOT act, and does not know what was attested.
"""

from __future__ import annotations

from collections.abc import Iterator

from challenge.facts import key
from challenge.game import SlotPhase
from node.lending import gates
from node.lending.situation import Situation
from node.lending.wish import Gate, OpenFast, Order, Rule
from vault.fast import earned, graph_of


def _entries(s: Situation, order: str) -> Iterator[int]:
    """Entries whose coin is there, whose liquidator has a record of it (as posted or proven), and no such order yet."""
    for f, entry in enumerate(s.proposal.fast):
        if s.view.slots[entry.slot].phase is not SlotPhase.OPEN or key(order, f) in s.state.facts:
            continue
        read = s.slot_reading(entry.slot)
        who = s.proposal.parties[entry.liquidator].identity
        posted = read is not None and read.outcome == "liquidate" and read.claimant == who
        if posted or earned(s.terms, f, s.proven):
            yield f


def _proven(s: Situation, f: int) -> Iterator[Gate]:
    yield from gates.is_ours(s)
    slot = s.proposal.fast[f].slot
    yield Gate(
        open=earned(s.terms, f, s.proven), does="waits",
        why=f"the keeper says that slot {slot} was liquidated; our own final checkpoint does not prove it yet",
    )  # fmt: skip


def _lets(s: Situation, f: int) -> Iterator[Gate]:
    yield from _proven(s, f)
    told = "lending.release is manual: the liquidator claims with a proof (path C)"
    yield Gate(open=s.policy.release == "auto", does="no", why=told)


LET = Rule(
    name="let", subjects=lambda s: _entries(s, "want_fast_release"), gates=_lets,
    act=lambda s, f: Order(key=key("want_fast_release", f)),
    why=lambda s, f: f"our own final checkpoint proves that party {s.proposal.fast[f].liquidator} has paid for slot "
    f"{s.proposal.fast[f].slot}: it may take the coin without a dispute once the price is attested (path B, entry {f})",
)  # fmt: skip


def _own(s: Situation) -> Iterator[int]:
    return (f for f in _entries(s, "want_fast") if s.proposal.fast[f].liquidator == s.state.me)


TAKE_FAST = Rule(
    name="take_fast", subjects=_own, gates=_proven,
    act=lambda s, f: OpenFast(entry=f),
    why=lambda s, f: f"slot {s.proposal.fast[f].slot} is ours by a proven record: the attestors are asked for price "
    f"{s.proposal.fast[f].price} on day {s.proposal.fast[f].day} (path B, entry {f}); "
    f"graph {graph_of(s.proposal, s.proposal.fast[f])} claims it otherwise",
)  # fmt: skip
