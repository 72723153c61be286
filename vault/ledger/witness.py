"""What the two statements take as witness, as JSON for the prover.

Promises that an honest ledger gives a witness that satisfies every constraint. Names and forms are those of the crate
`statements`: field elements and 32-byte values as hex, integers as numbers, the index as decimal text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from vault.ledger import commit
from vault.ledger.checkpoint import Checkpoint, Signature
from vault.ledger.events import SLOTS, Event, Row, row
from vault.ledger.faults import RuleFault
from vault.ledger.genesis import Genesis
from vault.ledger.opening import Opening
from vault.ledger.position import Globals, Position, Record
from vault.ledger.rules import Rules
from vault.ledger.state import Ledger, apply
from vault.ledger.tree import Path

Json = dict[str, Any]
_ZERO = bytes(32).hex()


def transition_witness(ledger: Ledger, events: Iterable[Event]) -> tuple[bytes, Ledger]:
    """The witness of a batch and the ledger after it; RuleFault for the first event the rules do not allow."""
    head, steps = transition_head(ledger), []
    for event in events:
        steps.append(transition_step(ledger, event))
        ledger = apply(ledger, event)
    return msgspec.json.encode({**head, "steps": steps}), ledger


def outcome_witness(
    genesis: Genesis,
    opening: Opening,
    *,
    slot: int,
    action: int,
    claimant: bytes,
    template: bytes,
    checkpoint: Checkpoint,
    signatures: Sequence[Signature],
) -> bytes:
    """The witness of a claim; RuleFault `outcome.record` when the slot has no record at all.

    Takes the first threshold many signatures; whether they and the record fit is for the prover to find.
    """
    position = opening.position
    record = position.records[slot] if 0 <= slot < SLOTS else None
    if record is None:
        raise RuleFault("outcome.record", expected="a terminal record", got=f"none in slot {slot}")
    return msgspec.json.encode(
        {
            "network": genesis.network.hex(),
            "ledger": genesis.ledger_id.hex(),
            "vault": position.vault.hex(),
            "slot": slot,
            "action": action,
            "claimant": claimant.hex(),
            "template": template.hex(),
            "rules": rules_json(genesis.rules),
            "globals": globals_json(opening.totals),
            "position": position_json(position),
            "records": records_json(position),
            "record": record_json(record),
            "path": path_json(opening.siblings),
            "threshold": genesis.threshold,
            "attestors": [attestor.eddsa.hex() for attestor in genesis.attestors],
            "checkpoint": {
                "seq": checkpoint.seq,
                "price": checkpoint.price,
                "price_time": checkpoint.price_time,
                "height": checkpoint.height,
                "time": checkpoint.time,
                "root": checkpoint.root.hex(),
            },
            "signatures": [[s.index, s.eddsa.hex()] for s in signatures[: genesis.threshold]],
        }
    )


# ---- pieces ----------------------------------------------------------------------------------------------------------
def transition_head(ledger: Ledger) -> Json:
    """Everything of a transition witness but its steps."""
    return {
        "network": ledger.network.hex(),
        "ledger": ledger.ledger_id.hex(),
        "rules": rules_json(ledger.rules),
        "globals": globals_json(ledger.totals),
    }


def transition_step(ledger: Ledger, event: Event) -> Json:
    """One step from this ledger, whether or not the rules allow the event."""
    line = row(event)
    if line.vault is None:
        return {
            "event": event_json(line),
            "leaf": _ZERO,
            "path": [],
            "position": None,
            "records": [_ZERO] * SLOTS,
            "record": None,
        }
    place = ledger.leaf(line.vault)
    position = ledger.positions.find(place)
    records: tuple[Record | None, ...] = (None,) * SLOTS if position is None else position.records
    record = records[line.slot] if line.slot < SLOTS else None
    return {
        "event": event_json(line),
        "leaf": ledger.positions.leaf(place).hex(),
        "path": path_json(ledger.positions.path(place)),
        "position": None if position is None else position_json(position),
        "records": [commit.record(found).hex() for found in records],
        "record": None if record is None else record_json(record),
    }


def rules_json(rules: Rules) -> Json:
    """The numbers by name."""
    return {name: getattr(rules, name) for name in Rules.__struct_fields__}


def globals_json(totals: Globals) -> Json:
    """The opening of a root."""
    return _numbers(totals, Globals) | {"index": str(totals.index), "tree": totals.tree.hex(), "log": totals.log.hex()}


def event_json(line: Row) -> Json:
    """The uniform row; ids as field elements, the vault raw."""
    ids = {name: _id(getattr(line, name)) for name in ("party", "lender", "template")}
    return (
        _numbers(line, Row)
        | {"sats": list(line.sats), "vault": _ZERO if line.vault is None else line.vault.hex()}
        | ids
    )


def position_json(position: Position) -> Json:
    """A position without vault and records, which stand beside it."""
    found = _numbers(position, Position) | {"sats": list(position.sats), "index_open": str(position.index_open)}
    return found | {"owner": _id(position.owner), "lender": _id(position.lender)}


def record_json(record: Record) -> Json:
    """A record; ids as field elements."""
    return _numbers(record, Record) | {"claimant": _id(record.claimant), "template": _id(record.template)}


def records_json(position: Position) -> list[str]:
    """The commitments to the eight records."""
    return [commit.record(record).hex() for record in position.records]


def path_json(path: Path) -> list[list[str]]:
    """Levels of three siblings."""
    return [[sibling.hex() for sibling in level] for level in path]


def _numbers(value: object, kind: type[msgspec.Struct]) -> Json:
    fields = ((name, getattr(value, name)) for name in kind.__struct_fields__)
    return {name: number for name, number in fields if isinstance(number, int)}


def _id(value: bytes | None) -> str:
    return _ZERO if value is None else commit.id_(value).hex()
