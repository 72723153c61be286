"""The third judge: the constraints answer every generated case as the ledger and the model do."""

import json

import pytest

from native import NativeError
from native._native import statements
from tests.cases import ledger, outcome
from tests.cases.form import expand
from tests.models import ledger as model
from tests.models.poseidon import poseidon

TRANSITIONS = json.loads(ledger.FILE.read_text(encoding="utf-8"))
CLAIMS = json.loads(outcome.FILE.read_text(encoding="utf-8"))


def judged(statement: str, batch: int, witness: dict) -> dict[str, str]:
    """{"x": hex} of a witness that satisfies them, {"rule": name} of one that does not."""
    try:
        _, x = statements.witness(statement, batch, json.dumps(witness).encode())
    except NativeError as error:
        return {"rule": str(error).split(":")[0]}
    return {"x": x.hex()}


def said(witness: dict, verdict: dict[str, str]) -> dict[str, str]:
    """A verdict as a public input: that of the step from the witness' root to the one in the file."""
    if "rule" in verdict:
        return verdict
    old, new = model.hash_root(witness["ledger"], witness["globals"]), int(verdict["root"], 16)
    names = [model.tag("transition"), model.ident(witness["network"]), model.ident(witness["ledger"])]
    return {"x": f"{poseidon([*names, model.hash_rules(witness['rules']), old, new]):064x}"}


def test_every_event_is_judged_alike():
    for name, witness, verdict in expand(TRANSITIONS):
        assert judged("transition", 1, witness) == said(witness, verdict), name


@pytest.mark.parametrize("batch", [16, 17])
def test_sixteen_events_are_judged_alike_and_padding_changes_nothing(batch):
    [case] = TRANSITIONS["batches"]
    assert judged("transition", batch, case["witness"]) == said(case["witness"], case["verdict"])


def test_every_claim_is_judged_alike():
    for name, witness, verdict in expand(CLAIMS):
        found = judged("outcome", 0, witness)
        if "other" in verdict:
            assert set(found) == {"x"}, name
            assert found["x"] != verdict["other"], name
        else:
            assert found == verdict, name
