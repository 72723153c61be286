"""Rules of a loan's end: claim what a record says, contest what nothing proves, the margin call, the last way out. Pure.

Promises that a claim is made only when our own final checkpoint proves its record. Does NOT act.
"""

from __future__ import annotations

from collections.abc import Iterator

from challenge.facts import claimant_of, key
from challenge.game import GraphPhase, SlotPhase
from node.ledger.claims import doubt, outcome_of
from node.lending import gates
from node.lending.situation import Situation
from node.lending.wish import ClaimGraph, Gate, Order, Rule
from vault.fast import graph_of
from vault.ledger import money
from vault.timelocks import settling


# ---- claiming what a record says ---------------------------------------------------------------------------------------
def _recorded(s: Situation) -> Iterator[int]:
    """Our graphs that nobody has claimed, whose slot has a record of our outcome, as posted or as proven."""
    for g, terms in enumerate(s.proposal.graphs):
        idle = s.view.graphs[g].phase in (GraphPhase.ARMED, GraphPhase.DISARMED)
        free = s.view.slots[terms.slot].phase is SlotPhase.OPEN
        if claimant_of(s.proposal, g) != s.state.me or not idle or not free or key("want_claim", g) in s.state.facts:
            continue
        read = s.slot_reading(terms.slot)
        posted = read is not None and read.outcome == terms.outcome and read.claimant == s.me
        if posted or (s.proven is not None and doubt(s.proven, outcome_of(s.terms, g)) is None):
            yield g


def _claim(s: Situation, g: int) -> Iterator[Gate]:
    terms = s.proposal.graphs[g]
    yield from gates.is_ours(s)
    assert s.proven is not None  # noqa: S101 - just asked
    fault = doubt(s.proven, outcome_of(s.terms, g))
    yield Gate(
        open=fault is None, does="waits",
        why=f"the keeper says that slot {terms.slot} is ours; our own final checkpoint does not prove it yet: {fault}",
    )  # fmt: skip
    record = s.proven.records[s.proposal.ledger_slot(terms.slot)]
    assert record is not None  # noqa: S101 - `doubt` has seen it
    yield Gate(open=record.settled != 3, does="no", why="another transaction took the coin and the money came back")
    if terms.outcome == "withdraw":
        known = key("release", terms.slot) in s.state.facts
        yield Gate(
            open=not known, does="no", why="the lender has shown r: the coin goes home by Repay, without a claim"
        )
        # r may be on its way to us: a lender that shows it to the ledger shows it to the borrower too.
        after = record.height + s.locks.margin
        yield Gate(open=s.tip >= after, does="waits", why=f"r may still come until block {after}: Repay needs no claim")
    yield from _path_b(s, g, record.height)
    armed = s.view.graphs[g].phase is GraphPhase.ARMED
    lost = f"the bond of graph {g} is spent: nothing can be claimed with it"
    yield Gate(open=armed, does="no", why=lost, alarm=lost)


def _path_b(s: Situation, g: int, since: int) -> Iterator[Gate]:
    """A slot that may go by path B needs no bond at risk: the attestors come first, and then the lender's word or a block.

    A record may be as late as `last_record`, and is settled in `settling` blocks of its window: a claim that waits no longer
    than the first, nor than what the second leaves over, is in time, contested or not.
    """
    entries = [f for f, entry in enumerate(s.proposal.fast) if graph_of(s.proposal, entry) == g]
    if not entries or s.proven is None:
        return
    attested = any(key("want_fast", f) in s.state.facts for f in entries)
    spare = s.rules.settle_window - settling(s.proposal)  # more than 0 by inequality 8
    after = min(since + min(s.locks.margin if attested else 1, spare), s.proven.last_record)
    told = "the price is attested, Liquidate needs no claim" if attested else "the attestors are asked for its price"
    yield Gate(open=s.tip >= after, does="waits", why=f"path B comes first until block {after}: {told}")


CLAIM = Rule(
    name="claim", subjects=_recorded, gates=_claim,
    act=lambda s, g: ClaimGraph(graph=g),
    why=lambda s, g: f"our own final checkpoint proves the {s.proposal.graphs[g].outcome} of slot {s.proposal.graphs[g].slot}: "
    "its coin is claimed with a proof",
)  # fmt: skip


# ---- the borrower's watch and its last way out ---------------------------------------------------------------------------
def _called(s: Situation) -> tuple[None, ...]:
    return (None,) if s.reading is not None and s.reading.margin_called else ()


def _margin(s: Situation, _: int) -> Iterator[Gate]:
    assert s.reading is not None  # noqa: S101 - the subject asks for it
    collateral = sum(each.sats for each in s.reading.slots if each.state == "open")
    at = -(-s.reading.debt * money.VALUE // (collateral * s.rules.liquidation)) if collateral else 0
    yield Gate(
        open=False, does="waits",
        why=f"MARGIN CALL: {s.reading.debt} cents are owed, more than {s.rules.margin_call} basis points of the collateral "
        f"at price {s.reading.price}; below price {at} it is liquidated. Repay (`bitvm3 loan repay`) or add a linked vault",
    )  # fmt: skip


MARGIN = Rule(
    name="margin_call", subjects=_called, gates=_margin, act=lambda s, _: None, why=lambda s, _: "a margin call"
)


def _unswept(s: Situation) -> Iterator[int]:
    return (slot for slot in s.phases(SlotPhase.OPEN) if key("want_deadman", slot) not in s.state.facts)


def _deadman(s: Situation, slot: int) -> Iterator[Gate]:
    since = s.view.slots[slot].height + s.locks.dead_man
    yield Gate(
        open=s.tip + 1 >= since, does="waits", why=f"DeadMan is open to us from block {since}, {since - s.tip} to go"
    )
    yield Gate(
        open=s.policy.dead_man == "auto", does="no",
        why="lending.dead_man is manual: `bitvm3 vault deadman` takes the coin home",
    )  # fmt: skip


DEADMAN = Rule(
    name="deadman", subjects=_unswept, gates=_deadman,
    act=lambda s, slot: Order(key=key("want_deadman", slot)),
    why=lambda s, slot: f"nobody has settled slot {slot} in time: its coin goes home",
)  # fmt: skip


# ---- contesting --------------------------------------------------------------------------------------------------------
def _claimed(s: Situation) -> Iterator[int]:
    for g, game in enumerate(s.view.graphs):
        foreign = claimant_of(s.proposal, g) != s.state.me
        if foreign and game.phase is GraphPhase.CLAIMED and key("want_contest", g) not in s.state.facts:
            yield g


def _contest(s: Situation, g: int) -> Iterator[Gate]:
    proven = s.state.facts.get(key("proven", g)) == b"\x01"
    yield Gate(open=not proven, does="no", why="the claimant's proof is valid")
    wanted = key("want_contest", g) in s.contests
    yield Gate(open=wanted, does="no", why="policy.contest does not ask for it: `bitvm3 vault contest`")
    today, most = s.spent.at(s.tip), s.policy.contests_a_day
    told = f"{len(today.contested)} claims were contested today: lending.contests_a_day = {most}"
    again = _contested(s, g) in today.contested
    yield Gate(
        open=again or len(today.contested) < most, does="no", why=told,
        alarm=f"graph {g} is claimed and NOT contested: {told}. `bitvm3 vault contest` does it",
    )  # fmt: skip


def _contested(s: Situation, g: int) -> str:
    return f"{s.proposal.proposal_id.hex()[:16]}/{g}"


CONTEST = Rule(
    name="contest", subjects=_claimed, gates=_contest,
    act=lambda s, g: Order(key=key("want_contest", g), contest=_contested(s, g)),
    why=lambda s, g: f"graph {g} is claimed and nothing proves it",
)  # fmt: skip
