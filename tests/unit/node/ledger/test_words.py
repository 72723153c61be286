"""What nodes say about a ledger: one byte form each, within the limits of a reply."""

from __future__ import annotations

import msgspec
import pytest

from node.faults import PeerFault
from node.ledger.words import After, Answer, Asked, Batch, Step, read, write
from node.limits import PRODUCT
from vault.ledger.checkpoint import Checkpoint, Signature
from vault.ledger.follow import Proven, Signed
from vault.ledger.genesis import MAX_ATTESTORS
from vault.ledger.position import BITS, Globals

MOST = PRODUCT.reply_frame_bytes


def totals() -> Globals:
    """Every number as large as it may be."""
    return Globals(**{name: (1 << bits) - 1 for name, bits in BITS.items()}, tree=b"\xff" * 32, log=b"\xff" * 32)


def step(signers: int) -> Step:
    t = totals()
    checkpoint = Checkpoint(
        ledger=b"\xff" * 32, seq=t.seq, root=b"\xff" * 32, price=t.price, price_time=t.price_time, height=t.height,
        time=t.time,
    )  # fmt: skip
    signatures = tuple(Signature(index=i, eddsa=b"\xff" * 96, bip340=b"\xff" * 64) for i in range(signers))
    proven = Proven(totals=t, proof=b"\xff" * 256)
    return Step(proven=proven, signed=Signed(checkpoint=checkpoint, signatures=signatures))


def test_the_largest_entry_fits_a_reply_whoever_signs_it() -> None:
    raw = write(step(MAX_ATTESTORS))
    assert len(raw) + 1 <= MOST, "one byte of the frame is the status"
    assert read(Step, raw, most=MOST, what="entry") == step(MAX_ATTESTORS)


def test_the_largest_batch_fits_its_limit() -> None:
    event = b"\xff" * 700  # an opening with eight slots and three ids takes less
    batch = Batch(
        after=1, events=(event,) * PRODUCT.ledger_batch_events, totals=totals(), checkpoint=step(1).signed.checkpoint,
        proof=b"\xff" * 256, signatures=step(MAX_ATTESTORS).signed.signatures,
    )  # fmt: skip
    assert len(write(batch)) <= PRODUCT.ledger_batch_bytes <= PRODUCT.message_body_bytes


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x80",
        b"\xc1",
        b"\x81\xa3seq",
        b"\x81\xa3seq\xa11",  # a number as text
        b"\x81\xa3seq\xcc\x01",  # a number in a longer form
        b"\x82\xa3seq\x01\xa1x\x01",
        b"\x81\xa3seq\x01\x00",
        b"\x91" * 3000,
        msgspec.msgpack.encode({"seq": 1.5}),
    ],
)
def test_another_form_of_a_word_is_refused(raw: bytes) -> None:
    with pytest.raises(PeerFault, match="after"):
        read(After, raw, most=MOST, what="after")


def test_a_word_over_its_limit_is_refused_unread() -> None:
    raw = write(Answer(at=1, signatures=(), waits="x" * 100))
    assert read(Answer, raw, most=len(raw), what="answer").at == 1
    with pytest.raises(PeerFault, match=f"at most {len(raw) - 1} bytes"):
        read(Answer, raw, most=len(raw) - 1, what="answer")
    with pytest.raises(PeerFault, match="asked"):
        read(Asked, raw, most=MOST, what="asked")
