"""What an audit says of a loan's ledger: same chain, same rules number by number, same attestors for path B.

Bundles of real setups are judged in tests/adversary/test_audit.py; here one section each is right or changed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
import pytest

from circuits.engines.babe import CIRCUIT
from native._native.garbling import Progress
from native._native.keys import Secret
from tests.cases import outcome
from tests.vault_kit import (
    FAST_DAY,
    FAST_PRICE,
    GENESIS,
    LOAN_ATTESTORS,
    SLOT,
    Kit,
    attestor_secrets,
    fast_loan,
    loan_graphs,
    make_proposal,
)
from vault.agreement import Fast
from vault.audit import Check, Result, audit
from vault.audit_file import Bundle
from vault.ledger.genesis import Genesis, check_genesis, encode_genesis
from vault.ledger.rules import DEFAULT
from vault.terms import encode


def _genesis(**fields: Any) -> Genesis:
    """A ledger of this chain whose attestors are those that announce in the kits."""
    base = outcome.genesis()
    keys = [Secret.from_revealed(attestor_secrets(j, 0, 0)[0].to_bytes(32)).xonly() for j in range(LOAN_ATTESTORS[0])]
    attestors = tuple(
        msgspec.structs.replace(attestor, bip340=key) for attestor, key in zip(base.attestors, keys, strict=False)
    )
    made = msgspec.structs.replace(
        base, network=GENESIS, attestors=attestors, threshold=LOAN_ATTESTORS[1],
        rules=msgspec.structs.replace(DEFAULT, grace=10),
    )  # fmt: skip
    return check_genesis(msgspec.structs.replace(made, **fields))


@lru_cache(maxsize=8)
def _kit(ledger: Genesis) -> Kit:
    """A loan on that ledger with an entry of path B."""
    base = fast_loan([Fast(slot=0, liquidator=2, price=FAST_PRICE, day=FAST_DAY)], ledger=ledger.ledger_id)
    graphs = loan_graphs((SLOT,), liquidators=1, statement=ledger.ledger_id)
    return Kit(proposal=make_proposal(graphs=graphs, slots=(SLOT,), liquidators=1, loan=base), name="audited loan")


def _ledger_check(kit: Kit, ledger: Genesis) -> Check:
    sections = {"terms": encode(kit.terms), "ledger/0": encode_genesis(ledger)}
    bundle = Bundle(vault_id=kit.terms.vault_id, maker=0, sections=sections)
    found = audit(bundle, predicate=lambda _: CIRCUIT, progress=Progress())
    (check,) = [check for check in found.checks if check.name == "ledger"]
    return check


def test_the_ledger_of_a_loan_that_everybody_agreed_on_holds() -> None:
    ledger = _genesis()
    check = _ledger_check(_kit(ledger), ledger)
    assert (check.result, check.count, check.failures) == (Result.HOLDS, 1, ())


CHANGED: dict[str, tuple[dict[str, Any], str]] = {
    "another chain": ({"network": bytes(32)}, "network of ledger/0"),
    "other rules": ({"rules": msgspec.structs.replace(DEFAULT, grace=10, bonus=501)}, "loan.rules.bonus"),
    "another threshold": ({"threshold": 1}, "threshold of path B"),
    "other attestors": ({"attestors": outcome.genesis().attestors[:3]}, "attestors of entry 0 of path B"),
}


@pytest.mark.parametrize(("fields", "words"), CHANGED.values(), ids=CHANGED)
def test_a_ledger_with_one_thing_changed_is_named(fields: dict[str, Any], words: str) -> None:
    """The Terms name the changed ledger by its id, so nothing but the change itself is wrong."""
    ledger = _genesis(**fields)
    check = _ledger_check(_kit(ledger), ledger)
    assert check.result is Result.FAILS
    assert len(check.failures) == 1 and words in check.failures[0]


def test_a_loan_whose_ledger_is_not_there_or_is_another_one_fails() -> None:
    ledger = _genesis()
    check = _ledger_check(_kit(ledger), _genesis(salt=bytes(32)))
    assert check.result is Result.FAILS
    assert any(ledger.ledger_id.hex() in line for line in check.failures)


def test_a_ledger_that_no_graph_names_does_not_belong_to_a_plain_vault() -> None:
    check = _ledger_check(Kit(proposal=make_proposal(), name="plain"), _genesis())
    assert check.result is Result.FAILS and "one that a graph names" in check.failures[0]
