"""What is said about a loan: one byte form each, within the limits of a reply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.faults import PeerFault
from node.lending import words
from node.lending.words import (
    Agreed,
    LoanAsked,
    LoanLock,
    Page,
    PositionReading,
    Reading,
    Receipt,
    Refusal,
    Request,
    SlotReading,
    bundle,
    read,
    read_request,
    unbundle,
    write,
)
from node.limits import PRODUCT

A, B = b"\xaa" * 32, b"\xbb" * 32
REQUESTS: dict[str, Request] = {
    "register": words.Register(terms=b"terms", signature=A + B),
    "lock_loan": words.LockLoan(vault=A, expires=7),
    "take_loan": words.TakeLoan(vault=A, preimage=B),
    "refund_loan": words.RefundLoan(vault=A),
    "tender": words.Tender(vault=A, slot=7),
    "show_r": words.ShowR(vault=A, slot=0, preimage=B),
    "repay": words.Repay(vault=A, cents=1),
    "liquidate": words.Liquidate(vault=A, slot=1),
    "default": words.Default(vault=A, slot=1),
    "transfer": words.Transfer(to=B, cents=5, number=9),
}
MOST = PRODUCT.reply_frame_bytes


def largest() -> Reading:
    """Every number as large, every text as long as it may be."""
    cents, height = (1 << 56) - 1, (1 << 32) - 1
    slot = SlotReading(
        slot=7, vault_id=A, sats=1 << 50, state="liquidate", coin="unfunded", coin_height=height, by=A,
        template_paid=True, claims=(A, B), frees_for=cents, costs=cents, outcome="liquidate", claimant=A, template=B,
        debt=cents, paid=cents, surplus=cents, recorded=height, settled=3,
    )  # fmt: skip
    position = PositionReading(
        owner=A, lender=B, principal=cents, nonce=height, opened=height, maturity=height, last_record=height,
        tender_slot=7, tender_cents=cents, tender_height=height, tender_until=height,
    )  # fmt: skip
    refusals = tuple(Refusal(kind=kind, slot=-1, reason="x" * words.TEXT) for kind in REQUESTS)
    return Reading(
        simulated=True, vault=A, height=height, ledger_height=height, seq=height, final_seq=height, price=1 << 40,
        price_time=height, stale=True, position=position, debt=cents, health=1 << 60, margin_called=True,
        liquidatable=(7,), lock=LoanLock(cents=cents, expires=height, state="refunded", preimage=A), account=cents,
        slots=(slot,) * 8, refusals=refusals,
    )  # fmt: skip


def test_there_is_an_example_of_every_request() -> None:
    assert {type(each) for each in REQUESTS.values()} == set(get_args(Request))


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_request_comes_back_the_same(kind: str) -> None:
    raw = write(REQUESTS[kind])
    assert read_request(raw, most=MOST) == REQUESTS[kind]
    assert msgspec.msgpack.decode(raw)["kind"] == kind


def test_the_largest_reading_fits_a_reply_and_comes_back_the_same() -> None:
    raw = write(largest())
    assert len(raw) + 1 <= MOST, "one byte of the frame is the status"
    assert read(Reading, raw, most=MOST, what="reading") == largest()


def _changed(raw: bytes) -> st.SearchStrategy[bytes]:
    """One byte another."""
    places = st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255))
    return places.map(lambda at: raw[: at[0]] + bytes([at[1]]) + raw[at[0] + 1 :])


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """A valid request with one field changed."""

    kind: str
    field: str
    value: Any


WRONG = (
    Wrong(kind="register", field="terms", value=b""),
    Wrong(kind="register", field="signature", value=A + B[:31]),
    Wrong(kind="register", field="signature", value=A + B + b"\0"),
    Wrong(kind="lock_loan", field="vault", value=A + b"\0"),
    Wrong(kind="lock_loan", field="expires", value=-1),
    Wrong(kind="take_loan", field="preimage", value=B[:31]),
    Wrong(kind="tender", field="slot", value=8),
    Wrong(kind="repay", field="cents", value=0),
    Wrong(kind="transfer", field="cents", value=1 << 56),
    Wrong(kind="transfer", field="to", value="text"),
    Wrong(kind="liquidate", field="kind", value="mint"),
    Wrong(kind="default", field="more", value=1),
)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.kind}.{wrong.field}")
def test_a_field_of_another_form_is_refused(wrong: Wrong) -> None:
    fields = msgspec.msgpack.decode(write(REQUESTS[wrong.kind])) | {wrong.field: wrong.value}
    with pytest.raises(PeerFault):
        read_request(msgspec.msgpack.encode(fields), most=MOST)


@settings(deadline=None)
@given(st.binary(max_size=200) | st.sampled_from(list(REQUESTS.values())).map(write).flatmap(_changed))
def test_hostile_bytes_are_refused_or_are_one_request(raw: bytes) -> None:
    try:
        found = read_request(raw, most=MOST)
    except PeerFault:
        return
    assert write(found) == raw


def test_too_many_bytes_are_refused_before_they_are_read() -> None:
    raw = write(words.Register(terms=bytes(100), signature=A + B))
    with pytest.raises(PeerFault, match="at most 99 bytes"):
        read_request(raw, most=99)


def test_small_words_come_back_the_same() -> None:
    for word in (
        LoanAsked(vault=A),
        Receipt(seq=1, cents=2, text="booked"),
        Page(total=3, part=b"abc"),
        agreed(b"terms"),
    ):
        assert read(type(word), write(word), most=MOST, what="word") == word


def agreed(terms: bytes) -> Agreed:
    return Agreed(terms=terms, borrower=A + B, lender=B + A)


@pytest.mark.parametrize("terms", [(), (b"a",), (b"a" * 300, b"b" * 70_000)])
def test_terms_come_out_of_their_bundle(terms: tuple[bytes, ...]) -> None:
    wanted = tuple(map(agreed, terms))
    assert unbundle(bundle(wanted)) == wanted


@pytest.mark.parametrize("side", ["borrower", "lender"])
def test_what_one_of_the_two_did_not_sign_does_not_come_out_of_a_bundle(side: str) -> None:
    fields = msgspec.msgpack.decode(write(agreed(b"terms")))
    for signature in (b"", A, A + B + b"\0"):
        raw = msgspec.msgpack.encode(fields | {side: signature})
        with pytest.raises(PeerFault, match="loan-terms"):
            unbundle(len(raw).to_bytes(4, "big") + raw)


@pytest.mark.parametrize("raw", [bundle((agreed(b"abc"),))[:-1], b"\0\0\0\0", b"\0\0", b"\0\0\0\3abc"])
def test_a_cut_bundle_is_refused(raw: bytes) -> None:
    with pytest.raises(PeerFault):
        unbundle(raw)
