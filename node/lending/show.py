"""A loan as JSON for people and programs: what is owed, what is worth what, what ends when, what this node does and why.

Pure. Cents, sats, blocks, prices in cents per BTC, ratios in basis points, ids as hex. What the keeper says and what our own
final checkpoint proves stand apart. Money is SIMULATED, and every object says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from challenge.deadlines import stage
from challenge.game import SlotPhase
from node.lending.party import Look
from node.lending.policy import Policy, Spent
from node.lending.situation import Situation
from vault.ledger import money
from vault.ledger.forms import to_json
from vault.ledger.rules import ONE, Rules

NOTE: Final = "SIMULATED money: cents are numbers in the keeper's books"


def phase(s: Situation) -> str:
    """Where a loan stands, in a few words."""
    phases = {slot.phase for slot in s.view.slots}
    lock = s.reading.lock.state if s.reading is not None else "none"
    if phases == {SlotPhase.UNFUNDED}:
        return "waits for the deposit"
    if phases == {SlotPhase.PREFUNDED}:
        return {"none": "deposited", "locked": "principal locked", "taken": "loan taken"}.get(lock, "loan not taken")
    if phases <= {SlotPhase.REFUNDED}:
        return "refunded"
    if SlotPhase.OPEN not in phases:
        return "ended"
    return "open" if s.posted is not None else "vault coins on chain, not opened in the ledger"


def loan_line(vault: bytes, look: Look) -> dict[str, Any]:
    """One line of a list of loans."""
    s, reading = look.situation, look.situation.reading
    return {
        "vault": vault.hex(),
        "role": s.role,
        "phase": phase(s),
        "principal": s.loan.cents,
        "debt": reading.debt if reading is not None else None,
        "health": (reading.health or None) if reading is not None else None,
        "price": (reading.price or None) if reading is not None else None,
        "margin_call": reading.margin_called if reading is not None else None,
        "open_slots": sum(each.state == "open" for each in reading.slots) if reading is not None else None,
        "acts": sum(wish.does == "yes" for wish in look.wishes),
        "keeper": s.keeper,
    }


def show_loan(vault: bytes, look: Look) -> dict[str, Any]:
    """Everything a party sees of one loan."""
    s, reading = look.situation, look.situation.reading
    return {
        "simulated": True,
        "note": NOTE,
        **loan_line(vault, look),
        "stage": stage(s.state).value,
        "ledger": s.loan.ledger.hex(),
        "position": s.name.hex(),
        "height": s.tip,
        "keeper_says": s.said or "what follows",
        "price_is_stale": reading.stale if reading is not None else None,
        "own_price": s.price,
        "why_no_own_price": s.unpriced,
        "account": reading.account if reading is not None else None,
        "levels": levels(s),
        "deadlines": list(deadlines(s)),
        "lock": to_json(reading.lock) if reading is not None else None,
        "tender": _tender(s),
        "slots": [_slot(s, to_json(each)) for each in reading.slots] if reading is not None else [],
        "proven": proven(s),
        "decisions": decisions(look),
        "refusals": [to_json(each) for each in reading.refusals] if reading is not None else [],
    }


def decisions(look: Look) -> list[dict[str, str]]:
    """What this node does, and why; `came` is what became of the last time it acted."""
    return [{**wish.as_json(), "came": look.came.get(wish.about, "")} for wish in look.wishes]


def levels(s: Situation) -> dict[str, int | None]:
    """Prices in cents per BTC below which something happens to the loan as it is posted; none without debt or open slots."""
    reading = s.reading
    collateral = sum(each.sats for each in reading.slots if each.state == "open") if reading is not None else 0
    debt = reading.debt if reading is not None else 0
    return {
        name: -(-debt * money.VALUE // (collateral * share)) if debt and collateral else None  # up: warned a cent early
        for name, share in (
            ("margin_call_below", s.rules.margin_call),
            ("liquidated_below", s.rules.liquidation),
            ("fast_liquidated_below", s.rules.fast),
        )
    }


def health_levels(rules: Rules) -> dict[str, int]:
    """Healths in basis points at which something changes, by name."""
    return {
        "target after a liquidation": rules.target_health,
        "margin call": rules.liquidation * ONE // rules.margin_call,
        "liquidation": ONE,
    }


def deadlines(s: Situation) -> Iterator[dict[str, Any]]:
    """What ends at which block, soonest first, with how many blocks are left (none: it has passed)."""
    rows = sorted(_deadlines(s), key=lambda row: row[1])
    for name, height, why in rows:
        yield {"name": name, "block": height, "left": height - s.tip if height > s.tip else None, "why": why}


def _deadlines(s: Situation) -> Iterator[tuple[str, int, str]]:
    prefund, vault, locks = s.mined("prefund"), s.mined("vault"), s.locks
    if prefund is not None and vault is None:
        yield "deposit buried", prefund + locks.depth, "then the principal is locked, and a may be shown"
        if s.loan.cents:
            yield (
                "lock ends",
                prefund + s.loan.timeout,
                "until then the borrower takes the loan; then the lender has it back",
            )
        yield "refund", prefund + locks.refund, "from then on the borrower may take the deposit back"
    if any(slot.phase is SlotPhase.OPEN for slot in s.view.slots) and vault is not None:
        yield "dead man", vault + locks.dead_man, "from then on the borrower takes what nobody has settled"
    posted, slots = s.posted, s.reading.slots if s.reading is not None else ()
    if posted is None:
        return
    if any(each.state in ("open", "tendered") for each in slots):  # else there is no debt that could fall due
        yield "maturity", posted.maturity, "the loan ends"
        yield (
            "grace ends",
            posted.maturity + s.rules.grace,
            "until then slots may be repaid; then the lender may claim default",
        )
        yield "last record", posted.last_record, "no default or liquidation is recorded after it"
    if posted.tender_slot >= 0:
        yield "tender window", posted.tender_until, f"until then the lender shows r of slot {posted.tender_slot}"
    for each in slots:
        if each.recorded and not each.settled:
            until = each.recorded + s.rules.settle_window
            yield f"settlement of slot {each.slot}", until, "then its payer has let the coin go: the money is paid out"


def _tender(s: Situation) -> dict[str, Any] | None:
    posted = s.posted
    if posted is None or posted.tender_slot < 0:
        return None
    return {
        "slot": posted.tender_slot,
        "cents": posted.tender_cents,
        "since": posted.tender_height,
        "lender_has_until": posted.tender_until,
    }


def _slot(s: Situation, said: dict[str, Any]) -> dict[str, Any]:
    """A slot of the ledger; `here`: its number in this vault, none for another vault's."""
    here = s.local(said["slot"])
    ours = s.view.slots[here].phase.value if here is not None else None
    return {**said, "here": here, "our_chain": ours}


def proven(s: Situation) -> dict[str, Any]:
    """What our own final checkpoint proves."""
    if s.opening is None:
        return {"seq": None, "why": s.unproven}
    totals, position = s.opening.totals, s.opening.position
    return {
        "seq": totals.seq,
        "height": totals.height,
        "why": s.strange,
        "debt": money.debt(position.principal, totals.index, position.index_open),
        "open_slots": list(position.open_slots),
        "tender_slot": position.tender_slot - 1 if position.tender_slot else None,
        "records": [slot for slot, record in enumerate(position.records) if record is not None],
    }


def policy_lines(policy: Policy, spent: Spent) -> dict[str, Any]:
    """What may be done without asking, and what of it was done in these 144 blocks."""
    return {
        "policy": {name: getattr(policy, name) for name in Policy.__dataclass_fields__},
        "spent_today": {
            "day": spent.day,
            "cents": spent.cents,
            "of_cents": policy.max_cents_a_day,
            "slots": len(spent.paid),
            "of_slots": policy.max_slots_a_day,
            "contests": len(spent.contested),
            "of_contests": policy.contests_a_day,
        },
    }
