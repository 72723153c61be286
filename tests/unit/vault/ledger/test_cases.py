"""The generated cases: the file is what the product says today, the model says the same, and nothing else is broken."""

import json
import re
from functools import cache
from pathlib import Path

import pytest

from tests.cases import ledger as cases
from tests.cases.form import expand, text
from tests.models import ledger as model

PAGE = (Path(__file__).parents[4] / "docs" / "ledger.md").read_text(encoding="utf-8")

# Rules that stand for another one's absence: without them the next question has no meaning.
PRECONDITIONS = {"kind", "position.exists"}
# No debt is never unhealthy; the opening of a transition's witness is its old root.
NEVER_ALONE = {"liquidate.debt", "globals"}


@cache
def content():
    return json.loads(cases.FILE.read_text(encoding="utf-8"))


def test_the_file_is_what_the_ledger_says_now():
    """`python -m tests.cases.ledger` writes it anew."""
    assert text(cases.generate()) == cases.FILE.read_text(encoding="utf-8")


def test_the_model_says_the_same():
    for name, witness, verdict in expand(content()):
        assert model.judge(witness) == verdict, name


def test_the_model_says_the_same_of_a_batch():
    [batch] = content()["batches"]
    kinds = {step["event"]["kind"] for step in batch["witness"]["steps"]}
    assert (len(batch["witness"]["steps"]), kinds) == (16, set(range(1, 11)))
    assert model.judge(batch["witness"]) == batch["verdict"]


def test_one_rule_alone_is_broken(monkeypatch):
    """With that rule switched off the model accepts the case."""
    inherent = {"accrue.index, one too large", "no slot at all", "a slot without a record"}
    seen = 0
    for name, witness, verdict in expand(content()):
        rule = verdict.get("rule")
        if rule is None or rule in PRECONDITIONS or any(name.endswith(words) for words in inherent):
            continue
        monkeypatch.setattr(model, "forgiven", {rule})
        assert "root" in model.judge(witness), name
        seen += 1
    assert seen > 200


def test_every_rule_of_the_page_has_a_case():
    events = PAGE.split("## Events")[1].split("## Checkpoints")[0]
    named = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", events)) | {"kind", "unused", "range", "path", "globals"}
    broken = {case["verdict"].get("rule") for case in content()["cases"]} - {None}
    assert named - NEVER_ALONE - {"vault.ledger"} == broken


@pytest.mark.parametrize("group", cases.ALL, ids=lambda group: group.__name__)
def test_every_kind_has_valid_cases_and_broken_ones(group):
    rules = [turn.rule for turn in group()]
    assert None in rules
    assert len(set(rules)) > 3
