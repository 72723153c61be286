"""Rules of repayment (path A): the borrower tenders and sweeps, the lender shows r. Pure.

Promises that r is shown only for a tender, or the record of one, that our own final checkpoint proves; and that a tender costs no
more than the proven position owes. Does NOT act.
"""

from __future__ import annotations

from collections.abc import Iterator

from challenge.facts import key
from challenge.game import SlotPhase
from node.ledger.claims import doubt, outcome_of
from node.lending import gates
from node.lending.situation import Situation
from node.lending.wish import Ask, Gate, Order, Rule, ShowR
from node.lending.words import Tender
from vault.ledger import money


# ---- repaying ----------------------------------------------------------------------------------------------------------
def _highest(s: Situation) -> tuple[int, ...]:
    slot = s.highest_open()
    return () if slot is None or s.posted is None else (slot,)


def _begins(s: Situation) -> int:
    """The block from which slots are tendered: a lender that lets every window pass still leaves time for the first one."""
    assert s.reading is not None and s.posted is not None  # noqa: S101 - the subject asks for it
    slots = sum(each.state == "open" for each in s.reading.slots)
    return s.posted.maturity - (slots - 1) * s.rules.tender_window


def _tender(s: Situation, slot: int) -> Iterator[Gate]:
    told = "lending.tender is manual: `bitvm3 loan tender` repays"
    yield Gate(open=s.policy.tender != "manual", does="no", why=told)
    yield from gates.is_ours(s)
    posted, read = s.posted, s.slot_reading(slot)
    assert posted is not None and read is not None and s.proven is not None  # noqa: S101 - asked above
    begins, ends = _begins(s), posted.maturity + s.rules.grace
    yield Gate(
        open=s.tip >= begins, does="waits", why=f"slots are tendered from block {begins}, {begins - s.tip} to go"
    )
    yield Gate(open=s.tip < ends, does="no", why=f"too late: a tender is taken until block {ends}")
    pending = f"the tender of slot {posted.tender_slot} waits for the lender until block {posted.tender_until}"
    yield Gate(open=posted.tender_slot < 0, does="waits", why=pending)
    yield from gates.coin_free(s, slot)
    current = posted.nonce == s.proven.nonce
    yield Gate(open=current, does="waits", why="the ledger has events that are not final: what is owed is not proven")
    most = money.due(s.debt_at(s.tip + 1) or 0, s.proposal.slots[slot], s.proven.collateral)
    yield Gate(
        open=read.frees_for <= most, does="no",
        why=f"the keeper asks for {read.frees_for} cents, by our own final checkpoint slot {slot} owes {most}",
    )  # fmt: skip
    account = s.reading.account if s.reading is not None else 0
    yield Gate(
        open=account >= read.frees_for, does="waits",
        why=f"our SIMULATED account holds {account} cents, slot {slot} owes {read.frees_for}",
    )  # fmt: skip
    yield from gates.welcome(s, "tender", read.slot)


TENDER = Rule(
    name="tender", subjects=_highest, gates=_tender,
    act=lambda s, slot: Ask(request=Tender(vault=s.name, slot=s.proposal.ledger_slot(slot))),
    why=lambda s, slot: f"the loan ends: slot {slot} is repaid, in SIMULATED cents that stay in escrow until its coin moves",
)  # fmt: skip


def _repaid(s: Situation) -> Iterator[int]:
    """Our coins that a tender or its record stands for, and no order to sweep yet."""
    for slot in s.phases(SlotPhase.OPEN):
        read = s.slot_reading(slot)
        if read is not None and read.state in ("tendered", "withdraw") and key("want_repay", slot) not in s.state.facts:
            yield slot


SWEEP = Rule(
    name="sweep", subjects=_repaid, gates=lambda s, slot: iter(()),
    act=lambda s, slot: Order(key=key("want_repay", slot)),
    why=lambda s, slot: f"slot {slot} is tendered: the lender is asked for r, and the coin goes home with it at once",
)  # fmt: skip


def _swept(s: Situation) -> Iterator[int]:
    """Slots that came home by Repay while the ledger still waits for r."""
    for slot in s.phases(SlotPhase.CLOSED):
        read = s.slot_reading(slot)
        known = key("release", slot) in s.state.facts
        if read is not None and read.state == "tendered" and known and s.view.slots[slot].by.startswith("repay"):
            yield slot


TELL_R = Rule(
    name="show_r", subjects=_swept, gates=lambda s, slot: iter(()),
    act=lambda s, slot: ShowR(slot=slot),
    why=lambda s, slot: f"slot {slot} is home: the ledger is told r, so that the lender is paid",
)  # fmt: skip


def _tendered(s: Situation) -> Iterator[int]:
    """Our slots with a tender, as posted or as proven."""
    posted = s.posted.tender_slot if s.posted is not None else -1
    proven = s.proven.tender_slot - 1 if s.proven is not None else -1
    for ledger_slot in sorted({posted, proven} - {-1}):
        slot = s.local(ledger_slot)
        if slot is not None:
            yield slot


def _proven_tender(s: Situation, slot: int) -> Iterator[Gate]:
    yield from gates.is_ours(s)
    assert s.proven is not None  # noqa: S101 - just asked
    wanted = s.proposal.ledger_slot(slot)
    record = s.proven.records[wanted]
    paid = s.proven.tender_slot == wanted + 1 or (record is not None and doubt_of_withdraw(s, slot) is None)
    yield Gate(
        open=paid, does="waits",
        why=f"the keeper says that slot {slot} is tendered; our own final checkpoint does not prove it yet",
    )  # fmt: skip
    yield Gate(
        open=s.policy.release == "auto", does="no",
        why="lending.release is manual: `bitvm3 vault release` shows r; without it the ledger lets the window pass",
    )  # fmt: skip


def doubt_of_withdraw(s: Situation, slot: int) -> str | None:
    """Why the proven record of a slot does not say that the borrower has paid for it; None when it does."""
    graph = next(
        (g for g, terms in enumerate(s.proposal.graphs) if terms.slot == slot and terms.outcome == "withdraw"), None
    )
    if graph is None or s.proven is None:
        return "no graph of a withdrawal"
    fault = doubt(s.proven, outcome_of(s.terms, graph))
    return None if fault is None else str(fault)


def _unreleased(s: Situation) -> Iterator[int]:
    return (slot for slot in _tendered(s) if key("want_release", slot) not in s.state.facts)


def _unshown(s: Situation) -> Iterator[int]:
    """Slots whose r the keeper still waits for."""
    posted = s.posted.tender_slot if s.posted is not None else -1
    return (slot for slot in _tendered(s) if s.proposal.ledger_slot(slot) == posted)


RELEASE = Rule(
    name="release", subjects=_unreleased, gates=_proven_tender,
    act=lambda s, slot: Order(key=key("want_release", slot)),
    why=lambda s, slot: f"our own final checkpoint proves the tender of slot {slot}: the borrower gets r",
)  # fmt: skip

SHOW_R = Rule(
    name="show_r", subjects=_unshown, gates=_proven_tender,
    act=lambda s, slot: ShowR(slot=slot),
    why=lambda s, slot: f"our own final checkpoint proves the tender of slot {slot}: the ledger gets r",
)  # fmt: skip
