"""A ledger, a position, an entry as JSON for people: what a lender, a borrower, an attestor, an auditor looks for.

Pure; numbers as integers (cents, sats, blocks, seconds), ratios in basis points, ids as hex. Every figure of a position is that
of the root it was opened under.
"""

from __future__ import annotations

from typing import Any

from vault.ledger import commit, forms, money
from vault.ledger.follow import View
from vault.ledger.genesis import Genesis
from vault.ledger.position import OUTCOME_NAMES, Globals, Position, Record
from vault.ledger.rules import Rules

SETTLED = {0: "no", 1: "coin went to the template", 2: "its window passed", 3: "coin went elsewhere, money back"}


def totals_line(totals: Globals) -> dict[str, Any]:
    """What all positions share."""
    return {
        "seq": totals.seq,
        "height": totals.height,
        "time": totals.time,
        "price": totals.price,
        "price_time": totals.price_time,
        "cash": totals.cash,
        "principal": totals.principal,
        "index": str(totals.index),
    }


def view_lines(genesis: Genesis, view: View) -> dict[str, Any]:
    """What is final: by proofs and a quorum."""
    return {"root": view.root.hex(), **totals_line(view.totals), "signed": view.checkpoint is not None}


def position_lines(rules: Rules, totals: Globals, position: Position) -> dict[str, Any]:
    """Debt, health, slots, records of a vault, and what each next event would need."""
    owed = money.debt(position.principal, totals.index, position.index_open)
    collateral, price = position.collateral, totals.price
    fresh = money.fresh(rules, price, price_time=totals.price_time, time=totals.time)
    priced = price > 0 and owed > 0
    return {
        "vault": position.vault.hex(),
        "owner": position.owner.hex(),
        "lender": position.lender.hex(),
        "debt": owed,
        "principal": position.principal,
        "collateral": collateral,
        "value": collateral * price // money.COIN,
        "ltv": owed * money.VALUE // (collateral * price) if priced and collateral else None,
        "health": money.health(rules, collateral, price, owed) if priced else None,
        "unhealthy": priced and money.unhealthy(rules, collateral, price, owed),
        "margin_call": priced and bool(collateral) and money.margin_called(rules, collateral, price, owed),
        "price": price,
        "price_time": totals.price_time,
        "price_is_fresh": fresh,
        "height": totals.height,
        "opened": position.opened,
        "maturity": position.maturity,
        "default_after": position.maturity + rules.grace,
        "last_record": position.last_record,
        "nonce": position.nonce,
        "tender": _tender(rules, position),
        "slots": [_slot(rules, totals, position, slot, owed) for slot in range(position.used)],
    }


def _tender(rules: Rules, position: Position) -> dict[str, Any] | None:
    if not position.tender_slot:
        return None
    return {
        "slot": position.tender_slot - 1,
        "cents": position.tender_cents,
        "since": position.tender_height,
        "lender_has_until": position.tender_height + rules.tender_window,
    }


def _slot(rules: Rules, totals: Globals, position: Position, slot: int, owed: int) -> dict[str, Any]:
    record, sats = position.records[slot], position.sats[slot]
    is_open = bool(position.open >> slot & 1)
    state = (
        "open" if is_open
        else "tendered" if position.tender_slot == slot + 1
        else OUTCOME_NAMES[record.outcome] if record is not None
        else "closed"
    )  # fmt: skip
    return {
        "slot": slot,
        "sats": sats,
        "state": state,
        "frees_for": money.due(owed, sats, position.collateral) if is_open else None,
        "costs_a_liquidator": money.pay(rules, sats, totals.price) if is_open and totals.price else None,
        **(_record(rules, record) if record is not None else {}),
    }


def _record(rules: Rules, record: Record) -> dict[str, Any]:
    return {
        "claimant": record.claimant.hex(),
        "template": record.template.hex(),
        "at_height": record.height,
        "at_price": record.price,
        "debt": record.debt,
        "paid": record.paid,
        "surplus": record.surplus,
        "settled": SETTLED[record.settled],
        "payer_may_let_pass": record.height + rules.settle_window,
    }


def entry_lines(
    genesis: Genesis, before: View, after: View, proof: bytes, signatures: Any, verifying_key: bytes
) -> dict[str, Any]:
    """One final entry with everything an auditor needs to check it without this node."""
    rules = commit.rules_hash(genesis.rules)
    x = commit.transition_public(
        genesis.network, genesis.ledger_id, rules=rules, old_root=before.root, new_root=after.root
    )
    return {
        "ledger": genesis.ledger_id.hex(),
        "after": before.seq,
        "seq": after.seq,
        "old_root": before.root.hex(),
        "new_root": after.root.hex(),
        "statement": {
            "key": genesis.transition_key.hex(),
            "verifying_key": verifying_key.hex(),
            "public": x.hex(),
            "proof": proof.hex(),
        },
        "totals": forms.to_json(after.totals) | {"index": str(after.totals.index)},
        "checkpoint": forms.to_json(after.checkpoint),
        "signatures": forms.to_json(signatures),
    }


def genesis_lines(genesis: Genesis) -> dict[str, Any]:
    """Who vouches for the ledger, and by what rules."""
    return {
        "threshold": f"{genesis.threshold} of {len(genesis.attestors)}",
        "keeper": genesis.keeper.hex(),
        "begun_at": genesis.height,
        "transition_key": genesis.transition_key.hex(),
        "attestor_set": genesis.attestors_root.hex(),
        "rules_hash": commit.rules_hash(genesis.rules).hex(),
        "rules": forms.to_json(genesis.rules),
    }
