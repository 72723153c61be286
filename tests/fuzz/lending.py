"""What the parties of a loan say to its keeper, and what keeper and attestors show each other of its Terms."""

from __future__ import annotations

from functools import lru_cache

from node.faults import PeerFault
from node.lending import words
from node.lending.agreed import OTHER, check
from node.lending.words import Agreed, LoanAsked, Page, Receipt
from tests.fuzz.target import Target
from tests.vault_kit import BORROWER, LENDER, Kit, lending_kit
from vault.agreement import encode
from vault.faults import VaultFault
from vault.terms import parse_terms

_MOST = 1 << 20


@lru_cache(maxsize=1)
def _kit() -> Kit:
    return lending_kit()


def _agreed() -> Agreed:
    kit = _kit()
    return Agreed(terms=encode(kit.terms), borrower=kit.signed(BORROWER), lender=kit.signed(LENDER))


def _requests() -> list[bytes]:
    vault, kit = bytes(32), _kit()
    return [
        words.write(each)
        for each in (
            words.Register(terms=encode(kit.terms), signature=kit.signed(BORROWER)),
            words.LockLoan(vault=vault, expires=7),
            words.ShowR(vault=vault, slot=1, preimage=vault),
            words.Repay(vault=vault, cents=9, number=1),
        )
    ]


def _judged(raw: bytes) -> tuple[Agreed, ...]:
    """As an attestor takes Terms that are shown to it, up to what its own chain says."""
    found = words.unbundle(raw)
    for each in found:
        terms = parse_terms(each.terms)
        loan = terms.proposal.loan
        if loan is None:
            raise PeerFault(what="Terms.loan", expected="those of a loan", came="a plain vault")
        for side in OTHER:
            check(terms.proposal.genesis, loan.ledger, terms, side, getattr(each, side))
    return found


def targets() -> tuple[Target, ...]:
    """This file's part of the table."""
    small = (LoanAsked(vault=bytes(32), first=7), Receipt(seq=1, cents=2, text="booked"), Page(total=3, part=b"abc"))
    return (
        Target(
            name="loan request",
            read=lambda raw: words.read_request(raw, most=_MOST),
            refusals=(PeerFault,),
            seeds=_requests,
            write=words.write,
        ),
        Target(
            name="loan terms that both signed",
            read=_judged,
            refusals=(PeerFault, VaultFault),
            seeds=lambda: [words.bundle((_agreed(),)), words.bundle((_agreed(), _agreed()))],
            write=words.bundle,
            rounds=60,
        ),
        *(
            Target(
                name=f"loan word, {type(word).__name__.lower()}",
                read=lambda raw, word=word: words.read(type(word), raw, most=_MOST, what="word"),
                refusals=(PeerFault,),
                seeds=lambda word=word: [words.write(word)],
                write=words.write,
                rounds=100,
            )
            for word in small
        ),
    )
