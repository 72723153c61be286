"""What a party of a loan does by itself now, and why: one table of rules a role. Pure.

Promises: `wishes` follows from a situation alone; every wish has a sentence that says why; a wish acts only when each of its
gates is open, and `dry-run` and `off` never act. r is shown only for a tender that our own final checkpoint proves, a only when
PreFund is buried and the lock has blocks left, and nothing is paid before the ledger's price was held against our own.
Does NOT act, ask or store (`node.lending.party`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from node.lending.letting import LET, TAKE_FAST
from node.lending.paying import DEFAULT, LIQUIDATE
from node.lending.principal import LOCK, REFUND, REFUND_LOAN, REGISTER, TAKE, TAKEN
from node.lending.repaying import RELEASE, SHOW_R, SWEEP, TELL_R, TENDER
from node.lending.settling import CLAIM, CONTEST, DEADMAN, MARGIN
from node.lending.situation import Situation
from node.lending.wish import Rule, Wish, wish_of
from vault.agreement import Role

ROLES: Final[Mapping[Role, tuple[Rule, ...]]] = {
    "borrower": (REGISTER, TAKE, TAKEN, REFUND, MARGIN, TENDER, SWEEP, TELL_R, CLAIM, DEADMAN, CONTEST),
    "lender": (REGISTER, LOCK, TAKEN, REFUND_LOAN, RELEASE, SHOW_R, DEFAULT, LET, CLAIM, CONTEST),
    "liquidator": (TAKEN, LIQUIDATE, TAKE_FAST, CLAIM, CONTEST),
    "challenger": (TAKEN, CONTEST),
}


def wishes(situation: Situation) -> tuple[Wish, ...]:
    """Every question that this party's loan asks now, in the order of its role's table."""
    rules = ROLES[situation.role]
    return tuple(wish_of(situation, rule, subject) for rule in rules for subject in rule.subjects(situation))
