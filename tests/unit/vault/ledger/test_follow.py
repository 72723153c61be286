"""Following: a view moves by valid proofs and exact quorums alone; each entry with one thing changed leaves it."""

import pytest
from msgspec.structs import replace

from tests.cases import outcome
from tests.cases.ledger import run
from vault.ledger import commit, forms
from vault.ledger.checkpoint import checkpoint
from vault.ledger.events import Accrue, MarkPrice
from vault.ledger.faults import FollowFault, QuorumFault
from vault.ledger.follow import BATCH, Entry, Proven, Signed, View, first_view, follow

GENESIS = outcome.genesis()
LEDGER = outcome.loan()
FIRST = first_view(GENESIS)
PROOF = b"a proof"


def verifier(valid: bool = True):
    """Stands where the Groth16 verifier does (tests/functional has the real one) and notes what it was asked."""
    asked = []

    def verify(old: bytes, new: bytes, proof: bytes) -> bool:
        asked.append((old, new, proof))
        return valid

    return verify, asked


def at(ledger=LEDGER) -> View:
    verify, _ = verifier()
    return follow(GENESIS, FIRST, Proven(totals=ledger.totals, proof=PROOF), verify)


def signed(view: View, **fields) -> Signed:
    point = replace(checkpoint(LEDGER), **fields)
    return Signed(checkpoint=point, signatures=outcome.quorum(point))


def refused(view: View, entry: Entry, valid: bool = True) -> str:
    verify, _ = verifier(valid)
    with pytest.raises((FollowFault, QuorumFault)) as fault:
        follow(GENESIS, view, entry, verify)
    return fault.value.field


def test_the_first_view_is_the_empty_ledger():
    assert (FIRST.root, FIRST.seq, FIRST.checkpoint) == (GENESIS.begin().root, 0, None)


def test_a_valid_proof_moves_the_view():
    verify, asked = verifier()
    view = follow(GENESIS, FIRST, Proven(totals=LEDGER.totals, proof=PROOF), verify)
    assert asked == [(FIRST.root, LEDGER.root, PROOF)]
    assert (view.root, view.totals, view.seq) == (LEDGER.root, LEDGER.totals, 2)


def test_an_invalid_proof_does_not():
    assert refused(FIRST, Proven(totals=LEDGER.totals, proof=PROOF), valid=False) == "proof"


def test_other_totals_ask_for_another_root():
    """Nobody can open the proven root to other numbers: the verifier is asked about the root of these."""
    verify, asked = verifier()
    follow(GENESIS, FIRST, Proven(totals=replace(LEDGER.totals, price=1), proof=PROOF), verify)
    [(_, new, _)] = asked
    assert new == commit.root(GENESIS.ledger_id, replace(LEDGER.totals, price=1)) != LEDGER.root


@pytest.mark.parametrize("seq", [0, BATCH + 1])
def test_a_batch_has_one_to_sixteen_events(seq):
    assert refused(FIRST, Proven(totals=replace(LEDGER.totals, seq=seq), proof=PROOF)) == "seq"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"height": 1 << 32}, "totals.height"),
        ({"price": -1}, "totals.price"),
        ({"index": 1 << 80}, "totals.index"),
        ({"cash": 1 << 64}, "totals.cash"),
        ({"tree": bytes(31)}, "totals.tree"),
        ({"log": b"\xff" * 32}, "totals.log"),
    ],
)
def test_totals_out_of_range_are_refused_before_the_proof(change, field):
    verify, asked = verifier()
    with pytest.raises(FollowFault) as fault:
        follow(GENESIS, FIRST, Proven(totals=replace(LEDGER.totals, **change), proof=PROOF), verify)
    assert (fault.value.field, asked) == (field, [])


def test_a_proof_too_long_is_refused_unread():
    verify, asked = verifier()
    with pytest.raises(FollowFault, match="1024"):
        follow(GENESIS, FIRST, Proven(totals=LEDGER.totals, proof=bytes(1025)), verify)
    assert asked == []


def test_an_exact_checkpoint_makes_the_view_final():
    verify, asked = verifier()
    view = follow(GENESIS, at(), signed(at()), verify)
    assert (view.checkpoint, view.root, asked) == (checkpoint(LEDGER), LEDGER.root, [])


def test_the_last_checkpoint_stays_while_proofs_lead_on():
    verify, _ = verifier()
    view = follow(GENESIS, at(), signed(at()), verify)
    t = LEDGER.totals
    later = run(LEDGER, Accrue(height=t.height + 1, time=t.time), MarkPrice(price=5, price_time=t.time))
    view = follow(GENESIS, view, Proven(totals=later.totals, proof=PROOF), verify)
    assert (view.seq, view.checkpoint) == (4, checkpoint(LEDGER))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"seq": 3}, "checkpoint.seq"),
        ({"seq": 1}, "checkpoint.seq"),
        ({"root": bytes(32)}, "checkpoint.root"),
        ({"price": 1}, "checkpoint.price"),
        ({"height": 1}, "checkpoint.height"),
        ({"ledger": bytes(32)}, "checkpoint.ledger"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused_though_signed(change, field):
    """All attestors together cannot move a view: only a proof does."""
    assert refused(at(), signed(at(), **change)) == field


def test_a_checkpoint_without_its_quorum_is_refused():
    entry = signed(at())
    assert refused(at(), replace(entry, signatures=entry.signatures[:2])) == "len(signatures)"


def test_entries_come_back_from_bytes():
    view, entry = at(), signed(at())
    for word, kind in ((entry, Entry), (Proven(totals=LEDGER.totals, proof=PROOF), Entry), (view, View)):
        assert forms.decode(forms.encode(word), kind, FollowFault, "word") == word


def test_an_index_beyond_64_bits_comes_back_from_bytes():
    large = replace(LEDGER.totals, index=2**79)
    entry = Proven(totals=large, proof=PROOF)
    assert forms.decode(forms.encode(entry), Entry, FollowFault, "entry") == entry
