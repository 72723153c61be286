"""Commitments against the model's: another Poseidon, another hand at the packing."""

import pytest
from msgspec.structs import replace

from tests.cases import ledger as cases
from tests.cases import outcome
from tests.models import ledger as model
from tests.models.poseidon import poseidon
from vault.ledger import commit
from vault.ledger.events import row
from vault.ledger.faults import RuleFault
from vault.ledger.rules import DEFAULT
from vault.ledger.witness import event_json, globals_json, position_json, record_json, rules_json


def number(digest: bytes) -> int:
    return int.from_bytes(digest, "big")


def test_poseidon_is_circomlibs():
    """The value that circomlib's own tests state for [1, 2]."""
    known = 0x115CC0F5E7D690413DF64C6B9662E9CF2A3617F2743245519E19607A4417189A
    assert poseidon([1, 2]) == number(commit.hash_(1, 2)) == known


@pytest.mark.parametrize("count", range(1, 17))
def test_every_width_agrees(count):
    words = [pow(7, 100 + i, 2**253) for i in range(count)]
    assert number(commit.hash_(*words)) == poseidon(words)


def test_rules_records_positions_and_roots_agree():
    ledger = outcome.went_on()
    position = ledger.position(cases.VAULT)
    records = [model.hash_record(None if r is None else record_json(r)) for r in position.records]
    assert [number(commit.record(r)) for r in position.records] == records
    key = model.vault_key(ledger.ledger_id.hex(), cases.VAULT.hex())
    assert number(commit.vault_key(ledger.ledger_id, cases.VAULT)) == key
    leaf = model.hash_position(key, position_json(position), records)
    assert number(commit.position(ledger.ledger_id, position)) == leaf
    assert number(ledger.totals.tree) == model.tree_root({key % 2**28: leaf})
    assert number(ledger.root) == model.hash_root(ledger.ledger_id.hex(), globals_json(ledger.totals))


@pytest.mark.parametrize("group", cases.ALL, ids=lambda group: group.__name__)
def test_the_log_agrees_for_every_kind(group):
    line = row(next(group()).event)
    assert number(commit.log(bytes(32), line)) == model.hash_log(0, event_json(line))


def test_every_rule_is_in_the_hash():
    hashes = {commit.rules_hash(DEFAULT)}
    assert number(commit.rules_hash(DEFAULT)) == model.hash_rules(rules_json(DEFAULT))
    for field in rules_json(DEFAULT):
        other = replace(DEFAULT, **{field: getattr(DEFAULT, field) + 1})
        assert number(commit.rules_hash(other)) == model.hash_rules(rules_json(other))
        hashes.add(commit.rules_hash(other))
    assert len(hashes) == 14


def test_the_statements_name_everything():
    claim = next(outcome.claims())
    assert number(claim.public()) == model.outcome_x(claim.witness())
    words = [bytes([i]) * 32 for i in (0, 1, 2)]
    first = commit.transition_public(*words[:2], rules=words[0], old_root=words[1], new_root=words[2])
    names = [model.tag("transition"), model.ident(words[0].hex()), model.ident(words[1].hex())]
    assert number(first) == poseidon([*names, *map(number, words)])


def test_a_word_is_not_reduced():
    """The order r and 0 are one field element but two ids."""
    order = 21888242871839275222246405745257275088548364400416034343698204186575808495617
    assert commit.id_(order.to_bytes(32, "big")) != commit.id_(bytes(32))


def test_a_number_too_large_is_refused():
    with pytest.raises(RuleFault, match="range"):
        commit.pack((1, 8), (256, 8))
    assert commit.pack((1, 8), (255, 8)) == 0xFF01
