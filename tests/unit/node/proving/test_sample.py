"""The sample witnesses that new keys have to prove are true, by the independent model of the rules."""

from __future__ import annotations

import json

import pytest

from native._native.statements import eddsa_verify
from node.proving import Statement
from node.proving.sample import witness
from tests.models import ledger as model


def verify(key: str, digest: int, signature: str) -> bool:
    return eddsa_verify(bytes.fromhex(key), digest.to_bytes(32), bytes.fromhex(signature))


@pytest.mark.parametrize("batch", [1, 2, 16])
def test_the_sample_of_a_transition_keeps_every_rule(batch: int) -> None:
    said = json.loads(witness(Statement(name="transition", batch=batch)))
    assert 1 <= len(said["steps"]) <= batch
    assert model.judge(said).keys() == {"root"}
    said["steps"][0]["event"]["price"] = 0
    assert model.judge(said) == {"rule": "mark_price.price"}


def test_the_sample_of_an_outcome_keeps_every_rule() -> None:
    said = json.loads(witness(Statement(name="outcome", batch=0)))
    assert model.judge_outcome(said, model.outcome_x(said), verify) == {}
    said["checkpoint"]["seq"] += 1
    assert model.judge_outcome(said, model.outcome_x(said), verify) == {"rule": "outcome.signature"}


@pytest.mark.parametrize("label", ["transition", "outcome"])
def test_the_circuits_of_the_product_take_their_samples(label: str) -> None:
    statement = Statement.parse(label)
    said = witness(statement)
    assignment, x = statement.assign(said)
    assert assignment.public(statement.circuit()).numbers == (int.from_bytes(x),)
    if statement.name == "outcome":
        assert int.from_bytes(x) == model.outcome_x(json.loads(said))
