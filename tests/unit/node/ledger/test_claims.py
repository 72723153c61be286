"""What a slot's record bears out: exactly its action, claimant and template, and only where there is a record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as changed

from node.ledger.claims import Outcome, doubt
from vault.ledger.position import DEFAULT, WITHDRAW, Position, Record

VAULT, OWNER, LENDER, TEMPLATE = (bytes([n]) * 32 for n in range(1, 5))
RECORD = Record(
    claimant=OWNER, template=TEMPLATE, outcome=WITHDRAW, continued=0, settled=0, height=9, price_time=8, time=8, seq=7,
    sats=1_000, collateral=1_000, price=1, debt=5, paid=5, surplus=0,
)  # fmt: skip
POSITION = Position(
    vault=VAULT, owner=OWNER, lender=LENDER, sats=(1_000, 1_000, 1_000, 0, 0, 0, 0, 0), open=0b001, principal=0, nonce=3,
    opened=1, maturity=100, last_record=200, version=1, index_open=1, tender_slot=2, tender_cents=5, tender_height=3, mark=0,
    records=(None, None, RECORD, None, None, None, None, None),
)  # fmt: skip
RIGHT = Outcome(vault=VAULT, slot=2, action="withdraw", claimant=OWNER, template=TEMPLATE)


def test_a_record_that_names_all_of_it_bears_it_out() -> None:
    assert doubt(POSITION, RIGHT) is None
    ended = changed(RECORD, outcome=DEFAULT, claimant=LENDER)
    records = (*POSITION.records[:2], ended, *POSITION.records[3:])
    assert doubt(changed(POSITION, records=records), replace(RIGHT, action="default", claimant=LENDER)) is None


@pytest.mark.parametrize(
    ("change", "what", "came"),
    [
        ({"slot": 0}, "outcome.record of slot 0", "none yet: it has not ended"),
        ({"slot": 1}, "outcome.record of slot 1", "none yet: its tender waits for the lender"),
        ({"slot": 7}, "outcome.record of slot 7", "none yet: it has not ended"),
        ({"action": "default"}, "outcome.record of slot 2", "withdraw"),
        ({"action": "liquidate"}, "outcome.record of slot 2", "withdraw"),
        ({"claimant": LENDER}, "claimant", OWNER.hex()),
        ({"template": OWNER}, "template", TEMPLATE.hex()),
    ],
)
def test_one_thing_else_is_named_with_what_the_record_says(change: dict[str, Any], what: str, came: str) -> None:
    fault = doubt(POSITION, replace(RIGHT, **change))
    assert fault is not None and what in fault.what and fault.came == came
