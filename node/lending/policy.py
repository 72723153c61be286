"""What a party's node may do by itself in its loans, and what it has done of that today. Pure.

Promises that a day is 144 blocks and never a clock, and that a payment counts from before it is asked for until its day is over.
Does NOT decide (`wishes`) and does not store: the party's loop does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from node.config import LendingConfig

Act = Literal["off", "dry-run", "auto"]

BLOCKS_A_DAY: Final = 144


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Section [lending] of the configuration. None has a default here.

    Attributes:
        lend: a lender locks the principal.
        take: a borrower shows a and takes the loan.
        default: a lender pays for a coin after maturity and grace.
        liquidate: a liquidator pays for a coin of an unhealthy loan.
        tender: a borrower repays slot after slot when the loan ends.
        release: a lender shows r of a slot whose tender is proven.
        dead_man: a borrower takes its coins home when everybody is gone.
        max_cents_a_day, max_slots_a_day: for defaults and liquidations together.
        margin: basis points that a coin must be worth more than it costs, at the own median price.
        contests_a_day: contests of claims in loans.
    """

    lend: Act
    take: Act
    default: Act
    liquidate: Act
    tender: Literal["manual", "auto-at-maturity"]
    release: Literal["manual", "auto"]
    dead_man: Literal["manual", "auto"]
    max_cents_a_day: int
    max_slots_a_day: int
    margin: int
    contests_a_day: int


def policy_of(config: LendingConfig) -> Policy:
    """What the configuration says."""
    return Policy(**{name: getattr(config, name) for name in Policy.__dataclass_fields__})


class Spent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one day: cents by payment (`liquidate/<vault>/<slot>`), and the claims that were contested (`<vault>/<graph>`)."""

    day: int
    paid: dict[str, int] = {}
    contested: tuple[str, ...] = ()

    @property
    def cents(self) -> int:
        """Together."""
        return sum(self.paid.values())

    def at(self, height: int) -> Spent:
        """The same at a height: a new day begins with nothing; a reorg does not bring the day before back."""
        day = height // BLOCKS_A_DAY
        return self if day <= self.day else Spent(day=day)

    def with_payment(self, name: str, cents: int) -> Spent:
        """A payment is about to be asked for, or its cents are known better; 0 takes it back."""
        rest = {each: paid for each, paid in self.paid.items() if each != name}
        return msgspec.structs.replace(self, paid=rest | ({name: cents} if cents else {}))

    def with_contest(self, name: str) -> Spent:
        """A claim is contested; the same one counts once."""
        return self if name in self.contested else msgspec.structs.replace(self, contested=(*self.contested, name))


NOTHING_SPENT: Final = Spent(day=0)
