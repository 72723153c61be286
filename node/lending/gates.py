"""Conditions that several rules of a loan ask, in the order in which they are asked. Pure.

Promises that a closed gate says what is waited for, with both sides. Does NOT know which rule asks.
"""

from __future__ import annotations

from collections.abc import Iterator

from challenge.game import SlotPhase
from node.lending.situation import Situation
from node.lending.wish import Gate
from vault.ledger import money
from vault.ledger.rules import ONE
from vault.timelocks import late


def answers(s: Situation) -> Iterator[Gate]:
    """The keeper says something."""
    yield Gate(open=s.reading is not None, does="waits", why=f"the keeper says nothing of this loan: {s.said}")


def watched(s: Situation) -> Iterator[Gate]:
    """The coins that the keeper watches for our slots are those of our Terms: a proposal alone names no keys and no coins."""
    ours = s.terms.vault_id
    for slot in range(len(s.proposal.slots)):
        read = s.slot_reading(slot)
        yield Gate(open=read is not None, does="waits", why=f"the keeper has no Terms of slot {slot} yet")
        theirs = read.vault_id if read is not None else b""
        lie = (
            f"the keeper watches the coins of another vault for slot {slot}: expected {ours.hex()}, came {theirs.hex()}"
        )
        yield Gate(open=theirs == ours, does="no", why=lie, alarm=lie)


def welcome(s: Situation, kind: str, slot: int = -1) -> Iterator[Gate]:
    """The keeper would book it: what it says that it would refuse is not asked for, and no secret is shown in vain."""
    refusals = s.reading.refusals if s.reading is not None else ()
    refusal = next((each for each in refusals if (each.kind, each.slot) == (kind, slot)), None)
    why = f"the keeper would refuse it: {refusal.reason}" if refusal is not None else ""
    yield Gate(open=refusal is None, does="waits", why=why)


def buried(s: Situation) -> Iterator[Gate]:
    """PreFund is deep enough, and nothing has spent it."""
    prefund = s.mined("prefund")
    yield Gate(open=prefund is not None, does="waits", why="the deposit (PreFund) is not on chain")
    depth = (prefund or 0) + s.locks.depth
    yield Gate(open=s.tip >= depth, does="waits", why=f"the deposit is buried at block {depth}, {depth - s.tip} to go")
    still = {slot.phase for slot in s.view.slots} == {SlotPhase.PREFUNDED}
    yield Gate(open=still, does="no", why="the deposit has moved on already")


def in_time(s: Situation) -> Iterator[Gate]:
    """The loan can still be taken safely: whoever asks must be heard before the lock ends."""
    left = (s.expires or 0) - s.tip
    needed = late(s.locks)
    yield Gate(
        open=left > needed, does="no",
        why=f"too late: {max(left, 0)} blocks are left until the lock's height {s.expires}, more than {needed} are needed",
    )  # fmt: skip


def is_ours(s: Situation) -> Iterator[Gate]:
    """Our own final checkpoint has this loan's position."""
    yield Gate(
        open=s.opening is not None, does="waits", why=f"no position under our own final checkpoint: {s.unproven}"
    )
    yield Gate(open=not s.strange, does="no", why=s.strange, alarm=s.strange)


def coin_free(s: Situation, slot: int) -> Iterator[Gate]:
    """The coin is there and no other party claims it."""
    phase = s.view.slots[slot].phase
    yield Gate(open=phase is SlotPhase.OPEN, does="no", why=f"the coin of slot {slot} is {phase.value} on our chain")
    others = s.claimed_by_others(slot)
    told = f"graph {others[0]} of slot {slot} is claimed by another party" if others else ""
    yield Gate(open=not others, does="waits", why=f"{told}: money paid now would be bound to a coin in dispute")


def priced(s: Situation) -> Iterator[Gate]:
    """The ledger's price is fresh, and there is one of our own."""
    assert s.reading is not None  # noqa: S101 - asked after `answers`
    yield Gate(open=not s.reading.stale and s.reading.price > 0, does="waits", why="the ledger's price is stale")
    yield Gate(open=s.price is not None, does="waits", why=f"no own price to hold the ledger's against: {s.unpriced}")


def affordable(s: Situation, slot: int, about: str) -> Iterator[Gate]:
    """The keeper watches this coin, asks what the rule says; it is worth it at our own price, and the day's budget has it."""
    yield from watched(s)
    read, reading = s.slot_reading(slot), s.reading
    assert read is not None and reading is not None and s.price is not None  # noqa: S101 - asked after the gates above
    cost, worth = cost_of(s, slot), read.sats * s.price // money.COIN
    sats = s.proposal.slots[slot]
    yield Gate(open=read.sats == sats, does="no", why=f"the keeper says {read.sats} sats, the coin has {sats}")
    yield Gate(open=read.costs == cost, does="no", why=f"the keeper asks for {read.costs} cents, the rule for {cost}")
    yield Gate(
        open=worth * ONE >= cost * (ONE + s.policy.margin), does="no",
        why=f"at our own price {s.price} the coin is worth {worth} cents: less than the {cost} it costs and "
        f"{s.policy.margin} basis points",
    )  # fmt: skip
    today, name = s.spent.at(s.tip), payment_name(s, slot, about)
    others = today.with_payment(name, 0)
    cents, slots = s.policy.max_cents_a_day, s.policy.max_slots_a_day
    yield Gate(
        open=others.cents + cost <= cents, does="no",
        why=f"{others.cents} cents were paid today and {cost} more would exceed lending.max_cents_a_day = {cents}",
    )  # fmt: skip
    yield Gate(
        open=len(others.paid) < slots, does="no",
        why=f"{len(others.paid)} slots were paid for today: lending.max_slots_a_day = {slots}",
    )  # fmt: skip
    yield Gate(
        open=reading.account >= cost, does="waits",
        why=f"our SIMULATED account holds {reading.account} cents, {cost} are needed",
    )  # fmt: skip


def cost_of(s: Situation, slot: int) -> int:
    """Cents by rule at the ledger's price."""
    return money.pay(s.rules, s.proposal.slots[slot], s.reading.price if s.reading is not None else 0)


def payment_name(s: Situation, slot: int, about: str) -> str:
    """What a payment is called in the day's budget."""
    return f"{about}/{s.name.hex()[:16]}/{s.proposal.ledger_slot(slot)}"
