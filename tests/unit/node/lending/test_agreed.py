"""What a borrower and a lender sign, whose signature is missing, and how long one of them waits for the other."""

from __future__ import annotations

from functools import partial

import pytest

from node.faults import PeerFault
from node.lending.agreed import OTHER, Offer, Offers, Side, check, digest, side_of
from tests.unit.node.lending.scene import CHALLENGER, LIQUIDATOR, STRANGER
from tests.vault_kit import BORROWER, LENDER, Kit, identity, lending_kit

KIT = lending_kit()
LOAN = KIT.proposal.loan
assert LOAN is not None
GENESIS, LEDGER, VAULT = KIT.proposal.genesis, LOAN.ledger, KIT.terms.vault_id
SIDES: tuple[tuple[Side, int], ...] = (("borrower", BORROWER), ("lender", LENDER))
judged = partial(check, GENESIS, LEDGER, KIT.terms)


@pytest.mark.parametrize(("side", "party"), SIDES)
def test_a_signature_of_the_identity_over_this_vault_of_this_ledger_counts(side: Side, party: int) -> None:
    judged(side, KIT.signed(party))
    assert side_of(KIT.proposal, identity(party).xonly()) == side


@pytest.mark.parametrize(("side", "party"), SIDES)
def test_any_other_does_not_and_is_named(side: Side, party: int) -> None:
    other = Kit(proposal=KIT.proposal, name="other keys and coins")
    assert other.proposal.proposal_id == KIT.proposal.proposal_id and other.terms.vault_id != VAULT
    right = KIT.signed(party)
    wrong = {
        "the other one's": KIT.signed(BORROWER + LENDER - party),
        "a liquidator's": KIT.signed(LIQUIDATOR),
        "for another ledger": KIT.signed(party, ledger=bytes(32)),
        "for other Terms of the same proposal": other.signed(party),
        "under the key of the vault": KIT.musig(party).sign(digest(GENESIS, LEDGER, VAULT)),
        "for another chain": identity(party).sign(digest(bytes(32), LEDGER, VAULT)),
        "a bit of it": right[:-1] + bytes([right[-1] ^ 1]),
        "cut": right[:-1],
        "none": bytes(64),
    }
    for name, signature in wrong.items():
        with pytest.raises(
            PeerFault, match=f"signature of the {side}: expected one of {identity(party).xonly().hex()}"
        ):
            judged(side, signature)
            pytest.fail(name)
    with pytest.raises(PeerFault, match=f"signature of the {side}"):
        check(GENESIS, LEDGER, other.terms, side, right)


@pytest.mark.parametrize("who", [identity(LIQUIDATOR).xonly(), identity(CHALLENGER).xonly(), STRANGER])
def test_nobody_else_is_asked(who: bytes) -> None:
    with pytest.raises(PeerFault, match=f"expected the borrower or the lender of the Terms, came {who.hex()}"):
        side_of(KIT.proposal, who)


# ---- offers ------------------------------------------------------------------------------------------------------------
def offer(number: int) -> Offer:
    return Offer(vault_id=bytes([number]) * 32, signature=bytes(64))


A, B, C = (bytes([n]) * 32 for n in range(3))


def test_an_offer_waits_for_the_other_side_and_the_last_word_counts() -> None:
    offers = Offers(most=9)
    for side, other in OTHER.items():
        offers.keep(A, side, offer(1))
        offers.keep(A, side, offer(2))
        assert offers.of(A, side) == offer(2) and offers.of(B, side) is None and offers.of(A, other) is None
        offers.drop(A)
        assert offers.of(A, side) is None


def test_of_too_many_the_oldest_goes_and_who_asks_again_is_young() -> None:
    offers = Offers(most=2)
    offers.keep(A, "borrower", offer(1))
    offers.keep(B, "borrower", offer(1))
    offers.keep(A, "borrower", offer(1))
    offers.keep(C, "lender", offer(1))
    assert offers.of(B, "borrower") is None
    assert offers.of(A, "borrower") == offers.of(C, "lender") == offer(1)
