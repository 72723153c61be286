"""Facts and what is said about ledgers share one space of names: a message is never taken for one of the others."""

from __future__ import annotations

import pytest

from challenge.facts import KINDS
from node.letters import from_body, to_body
from node.post import LEDGER


@pytest.mark.parametrize("kind", KINDS)
def test_no_fact_is_taken_for_a_word_about_a_ledger(kind: str) -> None:
    named, body = to_body(f"{kind}/1", b"value")
    assert not named.startswith(LEDGER)
    assert from_body(named, body) == (f"{kind}/1", b"value")
