"""The public inputs of both statements: every part counts, 256-bit values are not reduced, and proofs are judged by them."""

import pytest

from snark.faults import MalformedFault
from snark.formats import Curve
from snark.statements import outcome_public, transition_public, verify_outcome, verify_state_transition
from tests.models.ledger import ident, tag
from tests.models.poseidon import poseidon
from tests.unit.snark.kit import R, triples

ONE, TWO, THREE = (bytes([i]) * 32 for i in (0xF1, 0xF2, 0xF3))  # above r: ids, not field elements
ROOT, OTHER = (n.to_bytes(32) for n in (5, R - 1))
OUTCOME = {
    "network": ONE,
    "ledger_id": TWO,
    "vault": THREE,
    "slot": 3,
    "action": 2,
    "claimant": ONE,
    "template": TWO,
    "attestors": ROOT,
    "rules": OTHER,
}
TRANSITION = {"network": ONE, "ledger_id": TWO, "rules": ROOT, "old_root": OTHER, "new_root": ROOT}
CALLS = [(outcome_public, OUTCOME), (transition_public, TRANSITION)]
ELEMENTS = ("attestors", "rules", "old_root", "new_root")


@pytest.mark.parametrize(("call", "parts"), CALLS, ids=["outcome", "transition"])
def test_every_part_counts(call, parts):
    found = {call(**parts)}
    for name, value in parts.items():
        other = value + 1 if isinstance(value, int) else bytes(31) + b"\x07"
        found.add(call(**{**parts, name: other}))
    assert len(found) == len(parts) + 1


def test_they_are_those_of_the_independent_model():
    names = [ident(OUTCOME[name].hex()) for name in ("network", "ledger_id", "vault")]
    whose = [ident(OUTCOME[name].hex()) for name in ("claimant", "template")]
    last = [int.from_bytes(OUTCOME[name]) for name in ("attestors", "rules")]
    assert outcome_public(**OUTCOME) == slow(tag("outcome"), *names, 3, 2, *whose, *last)
    roots = [int.from_bytes(TRANSITION[name]) for name in ("rules", "old_root", "new_root")]
    assert transition_public(**TRANSITION) == slow(tag("transition"), *names[:2], *roots)


def slow(*words: int) -> bytes:
    return poseidon(list(words)).to_bytes(32)


@pytest.mark.parametrize(("call", "parts"), CALLS, ids=["outcome", "transition"])
def test_nothing_is_reduced(call, parts):
    reduced = (int.from_bytes(ONE) % R).to_bytes(32)
    assert call(**{**parts, "network": reduced}) != call(**parts)
    for name in parts.keys() & set(ELEMENTS):
        with pytest.raises(MalformedFault, match="number below"):
            call(**{**parts, name: R.to_bytes(32)})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("network", ONE[:31], "network: expected 32 bytes, got 31 bytes"),
        ("claimant", ONE + b"\0", "claimant: expected 32 bytes, got 33 bytes"),
        ("slot", 8, "slot: expected 0 to 7, got 8"),
        ("slot", -1, "slot: expected 0 to 7, got -1"),
        ("action", 0, "action: expected 1 to 3, got 0"),
    ],
)
def test_what_is_out_of_range_is_named(name, value, said):
    with pytest.raises(MalformedFault, match=said):
        outcome_public(**{**OUTCOME, name: value})


def test_a_proof_of_something_else_shows_nothing():
    key, claims = triples("bn254_1")
    inputs, proof = claims[0]
    assert not verify_state_transition(key, proof=proof, **TRANSITION)
    assert verify_outcome(key, inputs.numbers[0].to_bytes(32), proof)
    assert not verify_outcome(key, outcome_public(**OUTCOME), proof)
    three, _ = triples("bn254_3")
    with pytest.raises(MalformedFault, match="public inputs: expected 3 of this key, got 1"):
        verify_state_transition(three, proof=proof, **TRANSITION)
    on_other, claims = triples("bls12_381_1")
    assert on_other.curve is Curve.BLS12_381
    with pytest.raises(MalformedFault):
        verify_state_transition(on_other, proof=claims[0][1], **TRANSITION)
