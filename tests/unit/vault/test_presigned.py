"""A vault is finished only with the right pieces, and its bytes are strict."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native._native.keys import Secret
from tests.models.bitcoin_tx import parse as parse_tx
from tests.vault_kit import BORROWER, CHALLENGER, LENDER, Kit, kit
from vault import presigned as module
from vault.faults import PresignedFault, VaultFault
from vault.presigned import finish, parse, serialize, wallet_messages
from vault.signing import FromDigit, FromGroup, FromParty, FromPoint, FromSecret, FromWallet, needs

KIT, BABE_KIT = kit(), kit(engine="babe")
P = KIT.presigned
RAW = serialize(P)


def test_every_signature_of_the_group_verifies_and_every_flip_of_one_is_found() -> None:
    assert P.check() == []
    for index in range(len(KIT.graph.signatures)):
        for offset in (5, 40):  # in R', in s'
            changed = bytearray(P.signatures)
            changed[65 * index + offset] ^= 1
            assert index in replace(P, signatures=bytes(changed)).check()


def test_two_signatures_swapped_or_one_missing_are_found() -> None:
    parts = [P.presignature(i) for i in range(len(KIT.graph.signatures))]
    swapped = [parts[1], parts[0], *parts[2:]]
    assert replace(P, signatures=b"".join(swapped)).check()[:2] == [0, 1]
    for wrong in (parts[:-1], [*parts, parts[0]], []):
        with pytest.raises(PresignedFault, match="signatures"):
            replace(P, signatures=b"".join(wrong)).check()


def test_signatures_of_another_vault_are_refused() -> None:
    other = Kit(proposal=KIT.proposal, name="another vault", coins=2)
    assert len(replace(P, signatures=other.presigned.signatures).check()) == len(KIT.graph.signatures)


def test_the_needs_of_each_transaction_are_those_of_the_protocol() -> None:
    graph = KIT.graph

    def kinds(name: str, **options: int) -> list[list[type]]:
        return [[type(source) for source in stack.sources] for stack in needs(graph, name, **options)]

    assert kinds("prefund") == [[FromWallet], [FromWallet]]
    assert kinds("vault") == [[FromGroup, FromSecret]] * 2
    assert kinds("refund/0") == kinds("deadman/1") == [[FromParty]]
    assert kinds("repay/0") == [[FromParty, FromSecret]]
    assert kinds("0/claim") == [[FromParty]]
    assert kinds("0/contest", challenger=2) == [[FromParty, FromGroup]]
    assert kinds("0/assert") == [[FromDigit, FromDigit, FromParty]]
    assert kinds("0/no_assert") == [[FromGroup]] * 2
    assert kinds("0/disprove/1") == [[FromPoint, FromParty], [FromGroup]]
    assert kinds("0/uncontested_payout") == kinds("0/contested_payout") == [[FromGroup]] * 3
    assert kinds("0/release_bond_contest") == [[FromParty]] * 2
    digits = [source.digit for source in needs(graph, "0/assert")[0].sources[:2]]
    assert digits == [1, 0]  # the last digit at the bottom


def test_the_needs_of_the_answers_of_engine_babe_are_those_of_the_protocol() -> None:
    def kinds(name: str) -> list[list[type]]:
        return [[type(source) for source in stack.sources] for stack in needs(BABE_KIT.graph, name)]

    assert kinds("0/assert") == [[FromDigit, FromDigit, FromParty]]
    assert kinds("0/reveal/1") == [[FromDigit, FromDigit, FromParty], [FromParty]]
    assert kinds("0/refute/1") == [[FromPoint, FromParty]]
    assert kinds("0/no_payout/1") == [[FromGroup], [FromGroup]]
    assert kinds("0/stake_back/1") == [[FromParty]]
    sources = needs(BABE_KIT.graph, "1/reveal/2")[0].sources
    assert [s.digit for s in sources[:2]] == [1, 0]  # the last digit at the bottom
    assert {s.key for s in sources[:2]} == {BABE_KIT.reveal_key(1, 2).xonly()}


def test_an_unknown_transaction_or_leaf_is_refused() -> None:
    for name, leaf in (("0/nothing", None), ("2/claim", None), ("", None), ("0/contest", 0), ("0/claim", 1)):
        with pytest.raises(PresignedFault):
            needs(KIT.graph, name, challenger=leaf)
    with pytest.raises(PresignedFault, match="contest/1"):
        needs(KIT.graph, "0/contest")  # whose leaf?


LOCK = KIT.lock(0, 1)
INCOMPLETE = {
    "claim without a key": ("0/claim", {}),
    "claim with another's key": ("0/claim", {"personal": KIT.personal(LENDER)}),
    "contest with the claimant's key": ("0/contest", {"personal": KIT.personal(BORROWER), "leaf": 1}),
    "contest by another's leaf": ("0/contest", {"personal": KIT.personal(LENDER), "leaf": 2}),
    "vault without a": ("vault", {}),
    "vault with r": ("vault", {"preimage": KIT.r(0)}),
    "vault with a longer preimage": ("vault", {"preimage": KIT.a + b"\0"}),
    "repay with the r of another slot": ("repay/0", {"personal": KIT.personal(BORROWER), "preimage": KIT.r(1)}),
    "repay without the borrower": ("repay/0", {"personal": KIT.personal(LENDER), "preimage": KIT.r(0)}),
    "assert without digits": ("0/assert", {"personal": KIT.personal(BORROWER)}),
    "disprove without the secret": ("0/disprove/1", {"personal": KIT.personal(1)}),
    "disprove with another's secret": ("0/disprove/1", {"personal": KIT.personal(1), "extra": KIT.lock(0, 2)}),
    "disprove by another": ("0/disprove/1", {"personal": KIT.personal(2), "extra": LOCK}),
    "prefund without the wallet": ("prefund", {}),
    "prefund with a wrong signature": (
        "prefund",
        {"wallet": {key: bytes(64) for key, _ in wallet_messages(KIT.graph)}},
    ),
}


VALUES = [1, 2]
B_DIGITS = BABE_KIT.reveal_signatures(0, 1, VALUES)
B_LOCK = BABE_KIT.lock(0, 1)
B_INCOMPLETE = {
    "reveal without digits": ("0/reveal/1", {"personal": BABE_KIT.personal(1)}),
    "reveal without a key": ("0/reveal/1", {"digits": B_DIGITS}),
    "reveal by the claimant": ("0/reveal/1", {"personal": BABE_KIT.personal(0), "digits": B_DIGITS}),
    "reveal with the digits of assert": (
        "0/reveal/1",
        {"personal": BABE_KIT.personal(1), "digits": BABE_KIT.digit_signatures(0, VALUES)},
    ),
    "reveal with the digits of another": (
        "0/reveal/1",
        {"personal": BABE_KIT.personal(1), "digits": BABE_KIT.reveal_signatures(0, 2, VALUES)},
    ),
    "assert with the digits of reveal": ("0/assert", {"personal": BABE_KIT.personal(0), "digits": B_DIGITS}),
    "refute without the secret": ("0/refute/1", {"personal": BABE_KIT.personal(0)}),
    "refute with another's secret": ("0/refute/1", {"personal": BABE_KIT.personal(0), "extra": BABE_KIT.lock(0, 2)}),
    "refute by the challenger": ("0/refute/1", {"personal": BABE_KIT.personal(1), "extra": B_LOCK}),
    "stake_back by another": ("0/stake_back/1", {"personal": BABE_KIT.personal(2)}),
    "disprove in a graph of engine babe": ("0/disprove/1", {"personal": BABE_KIT.personal(1), "extra": B_LOCK}),
}


@pytest.mark.parametrize("case", B_INCOMPLETE.values(), ids=B_INCOMPLETE)
def test_no_answer_of_engine_babe_is_finished_with_a_piece_missing_or_wrong(case) -> None:
    name, own = case
    with pytest.raises(PresignedFault):
        finish(BABE_KIT.presigned, name, **own)


@pytest.mark.parametrize("case", INCOMPLETE.values(), ids=INCOMPLETE)
def test_nothing_is_finished_with_a_piece_missing_or_wrong(case) -> None:
    name, own = case
    with pytest.raises(PresignedFault):
        finish(P, name, **own)


def test_a_broken_group_signature_is_never_published() -> None:
    changed = bytearray(P.signatures)
    index = KIT.graph.places["0/no_assert", 1, "settle", 0xFFFFFFFF]
    changed[65 * index + 50] ^= 1
    with pytest.raises(PresignedFault, match="0/no_assert"):
        finish(replace(P, signatures=bytes(changed)), "0/no_assert")
    assert finish(P, "0/no_assert")


def test_the_point_lock_opens_whatever_the_parity_of_its_point() -> None:
    parities = {KIT.points[g].locks[i][1][0] for g in (0, 1) for i in (0, 1)}
    more = [kit(challengers=3).points[0].locks[i][1][0] for i in range(4)]
    assert parities | set(more) == {2, 3}
    for i, k in enumerate((1, 2, 3, 4)):
        tx = parse_tx(kit(challengers=3).finish(f"0/disprove/{k}"))
        assert len(tx.inputs[0].witness) == 4, i


def test_reading_an_assert_of_another_shape_names_what_is_wrong() -> None:
    witness = parse_tx(KIT.finish("0/assert", values=[2, 1])).inputs[0].witness
    assert [d.value for d in P.read_assert(0, witness)] == [2, 1]
    junk = bytes(64)
    bad = [witness[1:], [*witness, b""], [], [junk, *witness[1:]], [witness[0], b"", *witness[2:]]]
    for stack in bad:
        with pytest.raises(PresignedFault):
            P.read_assert(0, stack)


# ---- bytes -----------------------------------------------------------------------------------------------------------
def test_the_bytes_hold_everything_and_come_back_equal() -> None:
    again = parse(RAW)
    assert again.signatures == P.signatures
    assert again.graph.terms == KIT.terms
    assert again.graph.digest() == KIT.graph.digest()
    assert serialize(again) == RAW
    assert again.check() == []
    assert finish(again, "0/no_assert") == finish(P, "0/no_assert")


def test_the_bytes_of_a_vault_of_engine_babe_come_back_equal() -> None:
    again = parse(serialize(BABE_KIT.presigned))
    assert again.check() == []
    assert again.graph.bound == BABE_KIT.graph.bound
    assert finish(again, "0/no_payout/1") == finish(BABE_KIT.presigned, "0/no_payout/1")


@pytest.mark.parametrize("step", [41])
def test_truncated_and_trailing_bytes_are_refused(step: int) -> None:
    for cut in range(0, len(RAW), step):
        with pytest.raises(VaultFault):
            parse(RAW[:cut])
    for extra in (b"\0", b"\xc0", RAW):
        with pytest.raises(VaultFault):
            parse(RAW + extra)
    with pytest.raises(VaultFault, match="at most"):
        parse(bytes(module.MAX_BYTES + 1))


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, len(RAW) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_found_by_check(at: int, bit: int) -> None:
    changed = bytearray(RAW)
    changed[at] ^= 1 << bit
    try:
        read = parse(bytes(changed))
    except VaultFault:
        return
    assert read.check() != []


def test_a_stored_digest_must_be_that_of_the_graph() -> None:
    fields = msgspec.msgpack.decode(RAW)
    assert msgspec.msgpack.encode(fields) == RAW
    for name, value, match in (
        ("digest", bytes(32), "digest"),
        ("format", 2, "format"),
        ("signatures", P.signatures[:-65], "signatures"),
    ):
        with pytest.raises(PresignedFault, match=match):
            parse(msgspec.msgpack.encode({**fields, name: value}))


def test_nothing_shown_of_a_vault_holds_a_secret() -> None:
    for party in (BORROWER, LENDER, CHALLENGER):
        assert isinstance(KIT.personal(party), Secret)
    assert KIT.a not in RAW
    assert KIT.r(0) not in RAW
