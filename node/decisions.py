"""Why this node does, or does not do, what a dispute asks of it: one sentence a question, from the state alone.

Promises: `decisions` is pure, and a sentence changes only when facts or chain do. Does NOT decide: `challenge.deadlines`
does, from the same facts; this module says it in words, for log lines, `vault show` and metrics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from challenge.answers import NO, YES, answer_key, is_doubted, is_proven, learned_from, verdict_key
from challenge.deadlines import stage
from challenge.facts import challengers_of, claimant_of, key
from challenge.game import ANSWERED_IN, Answer, GraphPhase, GraphView, fold
from challenge.states import Stage, VaultState

__all__ = ["Decision", "Decisions", "decisions"]

Does = Literal["yes", "no", "waits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One question of one graph: whether this node publishes `about` (`reveal`, `refute/2`), and why."""

    graph: int
    about: str
    does: Does
    why: str

    @property
    def kind(self) -> str:
        """The question without the index of a challenger."""
        return self.about.partition("/")[0]

    def as_json(self) -> dict[str, Any]:
        """One row."""
        return {"graph": self.graph, "about": self.about, "does": self.does, "why": self.why}


def decisions(state: VaultState) -> tuple[Decision, ...]:
    """Every question that the chain asks this party now, or has asked in a game that is not over."""
    if stage(state) is not Stage.LIVE:
        return ()
    found: list[Decision] = []
    for g, game in enumerate(fold(state.proposal, state.log).graphs):
        own = claimant_of(state.proposal, g) == state.me
        lines = _as_claimant(state, g, game) if own else _as_challenger(state, g, game)
        found += [Decision(graph=g, about=about, does=does, why=why) for about, does, why in lines]
    return tuple(found)


@dataclass(slots=True)
class Decisions:
    """What was decided last, by vault: tells what is new, and counts."""

    _last: dict[bytes, frozenset[Decision]] = field(default_factory=dict)
    _counted: dict[bytes, tuple[VaultState, str, tuple[tuple[str, Does], ...]]] = field(default_factory=dict)

    def news(self, vault: bytes, state: VaultState) -> list[Decision]:
        """The decisions of this state that the last one did not hold."""
        now = decisions(state)
        before = self._last.get(vault, frozenset())
        self._last[vault] = frozenset(now)
        return [each for each in now if each not in before]

    def tally(self, vaults: Iterable[tuple[bytes, VaultState]]) -> tuple[Counter[str], Counter[tuple[str, Does]]]:
        """How many vaults are at each stage, how many questions of each kind are answered how.

        A node may have thousands of vaults: only those that changed since the last call are looked at.
        """
        stages, answers = Counter[str](), Counter[tuple[str, Does]]()
        for vault, state in vaults:
            known = self._counted.get(vault)
            if known is None or known[0] is not state:
                told = tuple((each.kind, each.does) for each in decisions(state))
                known = self._counted[vault] = (state, stage(state).value, told)
            stages[known[1]] += 1
            answers.update(known[2])
        return stages, answers


_Line = tuple[str, Does, str]


# ---- the claimant --------------------------------------------------------------------------------------------------
def _as_claimant(state: VaultState, g: int, game: GraphView) -> Iterator[_Line]:
    if game.phase is GraphPhase.CONTESTED:
        if key("want_claim", g) in state.facts:
            yield "assert", "yes", "contested: Assert shows the digits that were ordered with the claim"
        else:
            yield "assert", "no", "this node never ordered the claim: its digits are not known here"
    if game.phase not in ANSWERED_IN:
        return
    for k in challengers_of(state.proposal, g):
        if game.answers.get(k) is Answer.REVEALED:
            yield _refute(state, g, k, game)


def _refute(state: VaultState, g: int, k: int, game: GraphView) -> _Line:
    name, stake = f"refute/{k}", state.proposal.graphs[g].stake
    if learned_from(state, g, k) is not None:
        return (
            name,
            "yes",
            f"the labels that challenger {k} revealed open F_{k} with this claim's proof: its {stake} sats are ours",
        )
    if answer_key(g, k, game.mined[f"reveal/{k}"]) in state.facts:
        return name, "no", f"the labels that challenger {k} revealed open nothing: this claim's proof is not valid"
    return name, "waits", f"challenger {k} has revealed: its labels are being evaluated"


# ---- a challenger --------------------------------------------------------------------------------------------------
def _as_challenger(state: VaultState, g: int, game: GraphView) -> Iterator[_Line]:
    babe = state.proposal.graphs[g].engine == "babe"
    if game.phase is GraphPhase.CLAIMED:
        yield _contest(state, g)
    if game.phase is GraphPhase.ASSERTED:
        yield _reveal(state, g, game) if babe else _disprove(state, g, game)


def _contest(state: VaultState, g: int) -> _Line:
    facts = state.facts
    ordered, proven = key("want_contest", g) in facts, facts.get(key("proven", g))
    if key("want_reveal", g) in facts:
        return "contest", "yes", "the operator insists, whether or not the claim is proven"
    if proven == YES:
        return "contest", "no", "the claimant's proof is valid: a contest would only delay the payout"
    if not ordered:
        return "contest", "no", "neither the policy nor the operator has ordered it"
    if proven == NO:
        return "contest", "yes", "ordered, and the claimant's proof is not valid"
    return "contest", "yes", "ordered by the policy or the operator"


def _disprove(state: VaultState, g: int, game: GraphView) -> _Line:
    verdict = state.facts.get(verdict_key(g, game.mined["assert"]))
    if verdict == YES:
        return "disprove", "yes", "evaluating the asserted digits freed O: the claim is false"
    if verdict == NO:
        return "disprove", "no", "evaluating the asserted digits freed nothing: the claim is true"
    return "disprove", "waits", "the asserted digits are being evaluated"


def _reveal(state: VaultState, g: int, game: GraphView) -> _Line:
    facts, stake = state.facts, state.proposal.graphs[g].stake
    answer = game.answers.get(state.me)
    if answer is Answer.REVEALED:
        return "reveal", "yes", f"mined: {stake} sats wait for Refute, or for NoPayout"
    if answer is not Answer.SILENT:
        return "reveal", "no", f"this challenger is {answer.value if answer else 'none of this graph'}"
    if key("want_reveal", g) in facts:
        return "reveal", "yes", f"the operator insists: a valid proof takes the stake of {stake} sats"
    if facts.get(key("proven", g)) == YES:
        return "reveal", "no", f"the claimant's proof is valid: revealing would lose the stake of {stake} sats"
    if is_proven(state, g):
        return "reveal", "no", f"the ledger bears the claim out: revealing would lose the stake of {stake} sats"
    if is_doubted(state, g):
        return (
            "reveal",
            "yes",
            f"no valid proof is known and no record bears the claim out: {stake} sats are staked on it",
        )
    return "reveal", "waits", "looking for a proof, and asking for the ledger's record"
