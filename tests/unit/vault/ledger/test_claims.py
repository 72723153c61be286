"""The generated claims: the file is what the product makes today, and the model judges each as the file says."""

import json
from functools import cache

import pytest

from native import NativeError
from native._native.statements import eddsa_verify
from tests.cases import outcome
from tests.cases.form import expand, text
from tests.models import ledger as model

PAGE_NAMES = {
    *(f"outcome.{rule}" for rule in ("signers", "threshold", "signature", "root", "path", "record")),
    "withdraw.paid",
    *(f"default.{rule}" for rule in ("maturity", "debt", "fresh", "cents", "surplus", "tender")),
    *(f"liquidate.{rule}" for rule in ("health", "fresh", "cents", "surplus")),
}  # `outcome.rules` is the statement itself: other rules prove another one


def verify(key: str, digest: int, signature: str) -> bool:
    try:
        return eddsa_verify(bytes.fromhex(key), digest.to_bytes(32, "big"), bytes.fromhex(signature))
    except NativeError:
        return False


@cache
def content():
    return json.loads(outcome.FILE.read_text(encoding="utf-8"))


def test_the_file_is_what_the_product_makes_now():
    """`python -m tests.cases.outcome` writes it anew."""
    assert text(outcome.generate()) == outcome.FILE.read_text(encoding="utf-8")


def test_the_model_judges_each_as_the_file_says():
    for name, witness, verdict in expand(content()):
        x = model.outcome_x(witness)
        broken = model.judge_outcome(witness, x, verify)
        assert broken == ({"rule": verdict["rule"]} if "rule" in verdict else {}), name
        assert verdict.get("x", f"{x:064x}") == f"{x:064x}", name
        assert verdict.get("other") != f"{x:064x}", name


def test_other_rules_do_not_prove_this_statement():
    for name, witness, verdict in expand(content()):
        if "other" in verdict:
            assert model.judge_outcome(witness, int(verdict["other"], 16), verify) == {"rule": "outcome.rules"}, name


def test_one_rule_alone_is_broken(monkeypatch):
    for name, witness, verdict in expand(content()):
        if "rule" in verdict and not name.endswith("beyond the set"):  # there is no key to verify with
            monkeypatch.setattr(model, "forgiven", {verdict["rule"]})
            assert model.judge_outcome(witness, model.outcome_x(witness), verify) == {}, name


def test_every_rule_of_the_page_has_a_claim():
    assert {case["verdict"].get("rule") for case in content()["cases"]} - {None} == PAGE_NAMES


@pytest.mark.parametrize("kind", ["withdraw", "default", "liquidate"])
def test_every_outcome_has_a_claim_that_holds(kind):
    assert any(case["name"] == kind and "x" in case["verdict"] for case in content()["cases"])
