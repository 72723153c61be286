"""A wish of a party, what it may do, and the row of a table that makes it: a rule with its gates. Pure.

Promises that `wish_of` lets a rule act only when every gate is open, in order, and its policy is auto; the first closed gate says
what is waited for. No action carries a preimage or signature of ours: whoever carries it out has them. Does NOT know any rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from node.lending.situation import Situation
from node.lending.words import Request

Does = Literal["yes", "no", "waits", "dry-run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Ask the keeper; `cents` is what it may cost of the day's budget, under the name `payment` (empty: nothing)."""

    request: Request
    payment: str = ""
    cents: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignTerms:
    """Sign the Terms of our vault and give them to the keeper (borrower, lender): they count when both have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeLoan:
    """Show a to the keeper and take the principal (borrower)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowR:
    """Show r of one of our slots to the keeper: our own (lender), or what the lender has shown us (borrower)."""

    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """State a fact as our operator would. `contest` names what counts against the day's contests (empty: nothing)."""

    key: str
    value: bytes = b""
    contest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimGraph:
    """Claim with a proof from our ledger."""

    graph: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFast:
    """Ask the attestors for what opens an entry of path B, and order the liquidation once enough of them attested."""

    entry: int


Action = Ask | SignTerms | TakeLoan | ShowR | Order | ClaimGraph | OpenFast


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One question of a loan and its answer. `action` only with `yes`; `alarm` is what the operator is called for."""

    about: str
    does: Does
    why: str
    action: Action | None = None
    alarm: str = ""

    def as_json(self) -> dict[str, str]:
        """One row for people."""
        return {"about": self.about, "does": self.does, "why": self.why}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A condition. Closed, the wish `does` this, for this reason."""

    open: bool
    does: Does
    why: str
    alarm: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row: its name, what it is about (slots or graphs; None: the loan), its gates in order, what it does, and its policy.

    `mode` is a field of Policy whose value off or dry-run keeps the rule from acting; empty: it acts whatever the policy says,
    because the parties' agreement asks for it or because it costs nothing.
    """

    name: str
    subjects: Callable[[Situation], Iterable[int | None]]
    gates: Callable[[Situation, int], Iterator[Gate]]
    act: Callable[[Situation, int], Action | None]
    why: Callable[[Situation, int], str]
    mode: str = ""


def wish_of(s: Situation, rule: Rule, subject: int | None) -> Wish:
    """The answer of one rule to one situation."""
    about = rule.name if subject is None else f"{rule.name}/{subject}"
    mode = getattr(s.policy, rule.mode) if rule.mode else "auto"
    if mode == "off":
        return Wish(about=about, does="no", why=f"lending.{rule.mode} is off: the operator does it")
    at = subject or 0
    closed = next((gate for gate in rule.gates(s, at) if not gate.open), None)
    if closed is not None:
        return Wish(about=about, does=closed.does, why=closed.why, alarm=closed.alarm)
    if mode == "dry-run":
        return Wish(
            about=about, does="dry-run", why=f"would act, but lending.{rule.mode} is dry-run: {rule.why(s, at)}"
        )
    return Wish(about=about, does="yes", why=rule.why(s, at), action=rule.act(s, at))
