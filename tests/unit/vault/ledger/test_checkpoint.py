"""Checkpoints: a quorum with one thing changed is refused by name; two checkpoints of one seq convict their signer."""

import pytest
from msgspec.structs import replace

from tests.cases import outcome
from tests.models import ledger as model
from vault.ledger import forms
from vault.ledger.checkpoint import (
    Equivocation,
    Signature,
    check_equivocation,
    check_quorum,
    check_signature,
    checkpoint,
    equivocation,
)
from vault.ledger.faults import QuorumFault

GENESIS = outcome.genesis()
LEDGER = outcome.loan()
POINT = checkpoint(LEDGER)
QUORUM = outcome.quorum(POINT)
R = 21888242871839275222246405745257275088548364400416034343698204186575808495617


def refused(found, signatures) -> str:
    with pytest.raises(QuorumFault) as fault:
        check_quorum(GENESIS, found, signatures)
    return fault.value.field


def test_a_checkpoint_says_what_the_ledger_is():
    t = LEDGER.totals
    assert (POINT.ledger, POINT.root, POINT.seq) == (GENESIS.ledger_id, LEDGER.root, t.seq)
    assert (POINT.price, POINT.price_time, POINT.height, POINT.time) == (t.price, t.price_time, t.height, t.time)


def test_the_digest_is_the_models():
    fields = {name: getattr(POINT, name) for name in ("seq", "price", "price_time", "height", "time")}
    digest = model.checkpoint_digest(POINT.ledger.hex(), {**fields, "root": POINT.root.hex()})
    assert int.from_bytes(POINT.digest, "big") == digest


def test_every_field_is_in_digest_and_message():
    seen = {(POINT.digest, POINT.message)}
    for field in ("seq", "price", "price_time", "height", "time"):
        other = replace(POINT, **{field: getattr(POINT, field) + 1})
        seen.add((other.digest, other.message))
    for field in ("ledger", "root"):
        other = replace(POINT, **{field: bytes(32)})
        seen.add((other.digest, other.message))
    assert len({digest for digest, _ in seen}) == len({message for _, message in seen}) == 8


def test_threshold_many_are_enough_and_all_may_sign():
    check_quorum(GENESIS, POINT, QUORUM)
    check_quorum(GENESIS, POINT, outcome.quorum(POINT, range(5)))


def test_one_too_few_is_refused():
    assert refused(POINT, QUORUM[:2]) == "len(signatures)"
    assert refused(POINT, ()) == "len(signatures)"


def test_a_signer_twice_or_out_of_order_is_refused():
    first, second, third = QUORUM
    assert refused(POINT, (first, first, second)) == "signatures.index"
    assert refused(POINT, (second, first, third)) == "signatures.index"


def test_a_signer_that_is_none_is_refused():
    first, second, third = QUORUM
    assert refused(POINT, (first, second, replace(third, index=5))) == "signatures.index"
    assert refused(POINT, (replace(first, index=-1), second, third)) == "signatures.index"


def test_a_wrong_signature_is_named():
    first, second, third = QUORUM
    for bad in (bytes(96), second.eddsa[:-1], second.eddsa[:64] + third.eddsa[64:], b"\xff" * 96):
        assert refused(POINT, (first, replace(second, eddsa=bad), third)) == "signatures[2].eddsa"
    for bad in (bytes(64), second.bip340[:-1], third.bip340):
        assert refused(POINT, (first, replace(second, bip340=bad), third)) == "signatures[2].bip340"


def test_a_signature_of_another_checkpoint_is_refused():
    other = replace(POINT, seq=POINT.seq + 1)
    assert refused(other, QUORUM) == "signatures[0].eddsa"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ledger": bytes(32)}, "checkpoint.ledger"),
        ({"seq": 1 << 32}, "checkpoint.seq"),
        ({"seq": -1}, "checkpoint.seq"),
        ({"price": 1 << 40}, "checkpoint.price"),
        ({"height": 1 << 32}, "checkpoint.height"),
        ({"time": 1 << 32}, "checkpoint.time"),
        ({"price_time": 1 << 32}, "checkpoint.price_time"),
        ({"root": bytes(31)}, "checkpoint.root"),
        ({"root": R.to_bytes(32, "big")}, "checkpoint.root"),
    ],
)
def test_a_field_out_of_range_is_refused_before_any_signature(change, field):
    assert refused(replace(POINT, **change), QUORUM) == field


def test_one_signature_is_checked_alone():
    check_signature(GENESIS, POINT, QUORUM[0])
    with pytest.raises(QuorumFault, match=r"signatures\[0\]\.eddsa"):
        check_signature(GENESIS, POINT, replace(QUORUM[1], index=0))


class TestEquivocation:
    other = replace(POINT, root=bytes(31) + b"\1")
    signatures = (outcome.sign(POINT, 2), outcome.sign(other, 2))

    def proof(self) -> Equivocation:
        return equivocation(POINT, self.signatures[0], self.other, self.signatures[1])

    def refused(self, proof: Equivocation) -> str:
        with pytest.raises(QuorumFault) as fault:
            check_equivocation(GENESIS, proof)
        return fault.value.field

    def test_two_roots_for_one_seq_convict(self):
        assert check_equivocation(GENESIS, self.proof()) == 2

    def test_the_order_of_finding_does_not_matter(self):
        turned = equivocation(self.other, self.signatures[1], POINT, self.signatures[0])
        assert turned == self.proof()
        again: Equivocation = forms.decode(forms.encode(turned), Equivocation, QuorumFault, "equivocation")
        assert check_equivocation(GENESIS, again) == 2

    def test_signatures_of_one_kind_are_enough(self):
        eddsa = [replace(signature, bip340=bytes(64)) for signature in self.signatures]
        bip340 = [replace(signature, eddsa=bytes(96)) for signature in self.signatures]
        for one, two in (eddsa, bip340):
            assert check_equivocation(GENESIS, equivocation(POINT, one, self.other, two)) == 2

    def test_one_signature_of_each_kind_is_not(self):
        one, two = replace(self.signatures[0], bip340=bytes(64)), replace(self.signatures[1], eddsa=bytes(96))
        assert self.refused(equivocation(POINT, one, self.other, two)) == "equivocation.signatures"

    def test_one_checkpoint_twice_shows_nothing(self):
        one = self.signatures[0]
        assert self.refused(equivocation(POINT, one, POINT, one)) == "equivocation"

    def test_the_next_seq_shows_nothing(self):
        after = replace(POINT, seq=POINT.seq + 1)
        proof = equivocation(POINT, self.signatures[0], after, outcome.sign(after, 2))
        assert self.refused(proof) == "equivocation.seq"

    def test_two_attestors_show_nothing(self):
        proof = equivocation(POINT, self.signatures[0], self.other, outcome.sign(self.other, 3))
        assert self.refused(proof) == "equivocation.index"

    def test_a_signature_under_another_name_shows_nothing(self):
        one, two = (replace(signature, index=3) for signature in self.signatures)
        assert self.refused(equivocation(POINT, one, self.other, two)) == "equivocation.signatures"
        one, two = (replace(signature, index=9) for signature in self.signatures)
        assert self.refused(equivocation(POINT, one, self.other, two)) == "equivocation.index"

    def test_another_ledger_shows_nothing(self):
        foreign = replace(self.other, ledger=bytes(32))
        proof = equivocation(POINT, self.signatures[0], foreign, outcome.sign(foreign, 2))
        assert self.refused(proof) == "checkpoint.ledger"

    def test_the_higher_digest_first_is_refused(self):
        proof = self.proof()
        turned = replace(proof, first=proof.second, second=proof.first, signatures=proof.signatures[::-1])
        assert self.refused(turned) == "equivocation"


def test_signatures_come_back_from_bytes():
    for signature in QUORUM:
        assert forms.decode(forms.encode(signature), Signature, QuorumFault, "signature") == signature
