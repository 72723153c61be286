"""The statement `outcome` through the binding: refusals name the rule or the field, one circuit for every witness.

The verdicts of all cases are judged beside the model in tests/unit/vault/ledger/test_constraints.py.
"""

import json

import pytest

from native import NativeError
from native._native.statements import statement, witness
from tests.cases import outcome
from tests.cases.form import expand
from tests.models.ledger import outcome_x

CASES = {name: (said, verdict) for name, said, verdict in expand(json.loads(outcome.FILE.read_text(encoding="utf-8")))}


def prove(said: dict) -> bytes:
    return witness("outcome", 0, json.dumps(said).encode())[1]


@pytest.fixture
def said() -> dict:
    return json.loads(json.dumps(CASES["withdraw"][0]))


def test_x_is_that_of_the_model_and_the_assignments_only_public_number(said):
    circuit = statement("outcome", 0)
    assert circuit.public == 1
    assert circuit.constraints < 1 << 15, "the next domain would take twice the time"
    for name in ("withdraw", "default", "liquidate: goes on"):
        assignment, x = witness("outcome", 0, json.dumps(CASES[name][0]).encode())
        assert assignment.public(circuit) == [x]
        assert int.from_bytes(x) == outcome_x(CASES[name][0])


def test_a_statement_is_one_circuit():
    assert statement("outcome", 0).id == statement("outcome", 0).id
    assert (
        len({statement(name, batch).id for name, batch in [("outcome", 0), ("transition", 1), ("transition", 2)]}) == 3
    )


@pytest.mark.parametrize(
    ("name", "batch"), [("outcome", 1), ("transition", 0), ("transition", 65), ("", 0), ("Outcome", 0)]
)
def test_there_are_no_other_statements(name, batch):
    with pytest.raises(NativeError, match=r"^(statement|batch): expected"):
        statement(name, batch)
    with pytest.raises(NativeError, match=r"^(statement|batch): expected"):
        witness(name, batch, b"{}")


def test_a_refusal_begins_with_the_rule(said):
    prove(said)
    said["record"]["paid"] -= 1
    with pytest.raises(NativeError, match=r"^outcome\.record: expected a witness that keeps this rule"):
        prove(said)


MALFORMED = [
    (lambda w: w.update(slot=-1), "slot"),
    (lambda w: w.update(action=1 << 64), "action"),
    (lambda w: w.update(action=True), "action"),
    (lambda w: w.update(more=1), "more"),
    (lambda w: w["checkpoint"].update(more=1), "checkpoint.more"),
    (lambda w: w["globals"].update(index="01"), "globals.index"),
    (lambda w: w["globals"].update(seq=1 << 32), "globals.seq"),
    (lambda w: w["position"].update(maturity=0.5), "position.maturity"),
    (lambda w: w["path"].pop(), "path"),
    (lambda w: w["path"][13].append("00" * 32), r"path\[13\]"),
    (lambda w: w["records"].append("00" * 32), "records"),
    (lambda w: w.update(template="00" * 31), "template"),
    (lambda w: w.update(attestors=w["attestors"] * 4), "attestors"),
    (lambda w: w.update(signatures=w["signatures"] * 2), "signatures"),
    (lambda w: w["signatures"][2].append(0), r"signatures\[2\]"),
]


@pytest.mark.parametrize(("change", "field"), MALFORMED)
def test_malformed_json_names_the_field(said, change, field):
    change(said)
    with pytest.raises(NativeError, match=rf"^{field}: expected"):
        prove(said)


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b'{"slot":NaN}', b"{" * 10_000, b" " * (1 << 20), b"\xff"])
def test_what_is_no_witness_is_refused(raw):
    with pytest.raises(NativeError, match=r": expected .*, got "):
        witness("outcome", 0, raw)
