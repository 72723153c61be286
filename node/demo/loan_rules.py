"""What every SIMULATED account of the lending demo must hold, in cents, from the words of docs/ledger.md and nothing else.

A short second writing of the money rules: it is told what happened, when and at what price, and shares no code with
`vault.ledger`. The demo fails when an account holds one cent more or less. This module does NOT know nodes or coins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import Literal, NamedTuple, assert_never

BITCOIN = 10**8
"""Sats."""


class Happened(NamedTuple):
    """One thing that moved money or collateral. `height` is the ledger's, up to which interest had run.

    `open`: the loan is paid out against `sats`. `top_up`: `sats` are added. `liquidate`: `party` pays for the lowest slot at
    `price` (cents per BTC). `tender`: the borrower pays what the highest slot owes.
    """

    what: Literal["open", "top_up", "liquidate", "tender"]
    height: int
    sats: tuple[int, ...] = ()
    party: str = ""
    price: int = 0


class Numbers(NamedTuple):
    """The rules that move money: interest a block as a share, the bonus of a liquidator, the loan in cents."""

    rate: Fraction
    bonus: Fraction
    loan: int


@dataclass(slots=True)
class Books:
    """Accounts in cents, the debt, and the slots that still secure it (lowest first)."""

    accounts: Counter[str] = field(default_factory=Counter)
    principal: int = 0
    since: int = 0
    slots: list[int] = field(default_factory=list)

    def move(self, giver: str, taker: str, cents: int) -> None:
        """Cents change hands."""
        self.accounts[giver] -= cents
        self.accounts[taker] += cents


def owed(books: Books, numbers: Numbers, genesis: int, height: int) -> int:
    """The debt at a height: the index grows by `rate` a block from the ledger's first height on; rounded up."""
    index = [1 + numbers.rate * (at - genesis) for at in (books.since, height)]
    return ceil(books.principal * index[1] / index[0])


def settled(minted: Mapping[str, int], numbers: Numbers, genesis: int, story: Sequence[Happened]) -> Books:
    """The books once every coin went where its record says: nothing is held for anybody any more.

    Names `borrower` and `lender` are fixed. A payment above the debt comes back to the borrower.
    """
    books = Books(Counter(minted))
    for happened in story:
        debt = owed(books, numbers, genesis, happened.height) if books.principal else 0
        match happened.what:
            case "open":
                debt = numbers.loan
                books.move("lender", "borrower", debt)
                books.slots += happened.sats
            case "top_up":
                books.slots += happened.sats
                continue
            case "liquidate":
                worth = Fraction(books.slots.pop(0) * happened.price, BITCOIN)
                pay = ceil(worth / (1 + numbers.bonus))
                books.move(happened.party, "lender", min(pay, debt))
                books.move(happened.party, "borrower", pay - min(pay, debt))
                debt -= min(pay, debt)
            case "tender":
                share = Fraction(books.slots[-1], sum(books.slots))
                cents = ceil(debt * share)
                books.slots.pop()
                books.move("borrower", "lender", cents)
                debt -= cents
            case _:
                assert_never(happened.what)
        books.principal, books.since = debt, happened.height
    return books


def unhealthy(sats: int, price: int, debt: int, liquidation: Fraction) -> bool:
    """Whether collateral at this price, times the threshold, is worth less than the debt."""
    return Fraction(sats * price, BITCOIN) * liquidation < debt
