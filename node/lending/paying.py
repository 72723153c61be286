"""Rules of who pays for a coin: a liquidator of an unhealthy loan, the lender after maturity and grace. Pure.

Promises that nothing is paid before the ledger's price was held against our own, the coin is free on our chain, the slot is open
under our own final checkpoint, and the day's budget has the cents. Does NOT act.
"""

from __future__ import annotations

from collections.abc import Iterator

from node.lending import gates
from node.lending.situation import Situation
from node.lending.wish import Ask, Gate, Rule
from node.lending.words import Default, Liquidate
from vault.ledger import money


# ---- paying for coins --------------------------------------------------------------------------------------------------
def _lowest(s: Situation) -> tuple[int, ...]:
    slot = s.lowest_open()
    return () if slot is None or s.posted is None else (slot,)


def _still_open(s: Situation, slot: int) -> Iterator[Gate]:
    yield from gates.is_ours(s)
    assert s.proven is not None  # noqa: S101 - just asked
    is_open = s.proposal.ledger_slot(slot) in s.proven.open_slots
    yield Gate(open=is_open, does="waits", why=f"slot {slot} is not open under our own final checkpoint")
    last = s.proven.last_record
    yield Gate(
        open=s.tip < last,
        does="no",
        why=f"too late: no record is made after block {last}, its claim could not be settled",
    )
    yield from gates.coin_free(s, slot)


def _default(s: Situation, slot: int) -> Iterator[Gate]:
    yield from _still_open(s, slot)
    assert s.proven is not None and s.reading is not None  # noqa: S101 - just asked
    after = s.proven.maturity + s.rules.grace
    yield Gate(
        open=s.tip > after, does="waits",
        why=f"the borrower may repay until block {after} (maturity and grace), {after - s.tip + 1} to go",
    )  # fmt: skip
    yield Gate(open=s.reading.debt > 0, does="no", why="nothing is owed")
    yield from gates.priced(s)
    yield from gates.affordable(s, slot, "default")
    yield from gates.welcome(s, "default", s.proposal.ledger_slot(slot))


DEFAULT = Rule(
    name="default", subjects=_lowest, gates=_default, mode="default",
    act=lambda s, slot: Ask(
        request=Default(vault=s.name, slot=s.proposal.ledger_slot(slot)),
        payment=gates.payment_name(s, slot, "default"), cents=gates.cost_of(s, slot),
    ),
    why=lambda s, slot: f"the loan is over and {s.reading.debt if s.reading else 0} cents are owed: slot {slot} is paid for "
    f"with {gates.cost_of(s, slot)} SIMULATED cents, what exceeds the debt is the borrower's",
)  # fmt: skip


def _liquidate(s: Situation, slot: int) -> Iterator[Gate]:
    yield from _still_open(s, slot)
    yield from gates.priced(s)
    reading = s.reading
    assert reading is not None  # noqa: S101 - just asked
    listed = s.proposal.ledger_slot(slot) in reading.liquidatable
    yield Gate(open=listed, does="waits", why=f"health is {reading.health} basis points at price {reading.price}")
    collateral = sum(each.sats for each in reading.slots if each.state == "open")
    by_rule = money.below_target(s.rules, collateral, reading.price, reading.debt)
    yield Gate(
        open=by_rule, does="no",
        why=f"the keeper calls {collateral} sats at {reading.price} for {reading.debt} cents unhealthy, the rules do not",
    )  # fmt: skip
    yield from gates.affordable(s, slot, "liquidate")
    yield from gates.welcome(s, "liquidate", s.proposal.ledger_slot(slot))


LIQUIDATE = Rule(
    name="liquidate", subjects=_lowest, gates=_liquidate, mode="liquidate",
    act=lambda s, slot: Ask(
        request=Liquidate(vault=s.name, slot=s.proposal.ledger_slot(slot)),
        payment=gates.payment_name(s, slot, "liquidate"), cents=gates.cost_of(s, slot),
    ),
    why=lambda s, slot: f"health is {s.reading.health if s.reading else 0} basis points: slot {slot} "
    f"({s.proposal.slots[slot]} sats) is paid for with {gates.cost_of(s, slot)} SIMULATED cents; at our own price {s.price} it "
    f"is worth {s.proposal.slots[slot] * (s.price or 0) // money.COIN}",
)  # fmt: skip
