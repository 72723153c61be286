"""Witnesses of several events through the binding: batches, paddings, and JSON that is not a witness.

tests/unit/vault/ledger/test_constraints.py feeds every case of one event.
"""

import json

import pytest

from native import NativeError
from native._native import statements
from snark.statements import transition_public
from tests.cases import ledger as cases
from vault.ledger import commit
from vault.ledger.events import Accrue, MarkPrice
from vault.ledger.witness import transition_witness

LATER = cases.loan()
DAY = Accrue(height=cases.HEIGHT + 144, time=cases.TIME + 86_400)
PRICED = MarkPrice(price=cases.PRICE, price_time=cases.TIME + 86_400)
EVENTS = (DAY, PRICED)


@pytest.fixture(scope="module")
def made():
    return transition_witness(LATER, EVENTS)


def x_of(before, after):
    rules = commit.rules_hash(before.rules)
    return transition_public(before.network, before.ledger_id, rules=rules, old_root=before.root, new_root=after.root)


def broken(batch, content):
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(NativeError) as caught:
        statements.witness("transition", batch, raw)
    return str(caught.value)


def test_events_of_a_batch_follow_one_another(made):
    raw, after = made
    circuit = statements.statement("transition", 2)
    assignment, x = statements.witness("transition", 2, raw)
    assert x == x_of(LATER, after)
    assert assignment.public(circuit) == [x]
    assert circuit.public == 1


def test_what_is_left_of_a_batch_is_padding(made):
    raw, after = made
    assert statements.witness("transition", 3, raw)[1] == x_of(LATER, after)
    empty, _ = transition_witness(LATER, ())
    assert statements.witness("transition", 1, empty)[1] == x_of(LATER, LATER)


def test_the_second_event_meets_the_state_after_the_first(made):
    content = json.loads(made[0])
    content["steps"].reverse()
    # The price of a day later leads the old median time past by more than the rules allow.
    assert broken(2, content).startswith("mark_price.lead:")


def test_a_second_spend_of_one_nonce_is_refused():
    first = cases.repay(LATER, 1)
    raw, after = transition_witness(LATER, (first,))
    content = json.loads(raw)
    again = json.loads(transition_witness(after, (cases.repay(after, 1),))[0])["steps"][0]
    content["steps"].append(again)
    assert statements.witness("transition", 2, json.dumps(content).encode())[1]
    again["event"]["nonce"] -= 1
    assert broken(2, content).startswith("position.nonce:")
    # The step that led to the first state does not lead anywhere a second time.
    content["steps"][1] = content["steps"][0]
    assert broken(2, content).startswith("path:")


def test_a_batch_holds_no_more_events_than_its_circuit(made):
    assert broken(1, made[0]) == "steps: expected at most 1, the batch, got 2"


@pytest.mark.parametrize("batch", [0, 65])
def test_batches_have_a_limit(batch, made):
    assert broken(batch, made[0]) == f"batch: expected 1 to 64 events, got {batch}"
    with pytest.raises(NativeError, match="batch: expected 1 to 64 events"):
        statements.statement("transition", batch)


MALFORMED = [
    ("/globals/height", -1, "globals.height"),
    ("/globals/height", 1.5, "globals.height"),
    ("/globals/height", 2**64, "globals.height"),
    ("/globals/index", 10**18, "globals.index"),
    ("/globals/index", "010", "globals.index"),
    ("/globals/tree", "ff" * 32, "globals.tree"),
    ("/ledger", "FF" * 32, "ledger"),
    ("/network", "00" * 31, "network"),
    ("/rules/bonus", "500", "rules.bonus"),
    ("/steps/0/event/kind", None, "steps[0].event.kind"),
    ("/steps/1/event/sats", [0] * 7, "steps[1].event.sats"),
    ("/steps/1/path", [["00" * 32] * 3], "steps[1].path"),
    ("/steps/1/records", [], "steps[1].records"),
    ("/steps/0/position", {}, "steps[0].position"),
]


@pytest.mark.parametrize(("pointer", "value", "field"), MALFORMED)
def test_what_is_malformed_is_named(pointer, value, field, made):
    content = json.loads(made[0])
    cases.put(content, pointer, value)
    assert broken(2, content).startswith(f"{field}: expected the form of docs/ledger.md")


def test_fields_are_exactly_those_of_the_page(made):
    content = json.loads(made[0])
    assert "unknown field `more`" in broken(2, {**content, "more": 1})
    del content["rules"]["fast"]
    assert "missing field `fast`" in broken(2, content)
    raw = made[0]
    assert "duplicate field `ledger`" in broken(2, raw[:-1] + b',"ledger":"' + b"00" * 32 + b'"}')


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 10_000, b'{"steps":' * 200])
def test_other_bytes_are_no_witness(raw):
    assert ": expected the form of docs/ledger.md, got" in broken(2, raw)


def test_more_bytes_than_a_batch_needs_are_not_read(made):
    assert broken(1, made[0] + b" " * 50_000).startswith("witness: expected at most 49152 bytes")
