"""The amounts table: for every output of a vault the rule that gives its value.

Promises: inputs = outputs + fee for every transaction. All integers; each division says who gets the remainder. Does not know
where fees come from (`vault.fees`) and not whether a value is too small: that is checked there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from bitcoin_scripts.outputs import ANCHOR_VALUE, DUST
from vault.agreement import Engine, Proposal, Sats

PERCENT_CHALLENGER = 60  # of what Disprove and NoPayout split
PERCENT_INJURED = 30
PERCENT_BURNED = 10  # so that a claimant that owns the winning challenger still loses it
PERCENT_LOST = PERCENT_INJURED + PERCENT_BURNED  # what a cheating claimant loses at least


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """The table as seen from one slot, graph, challenger or entry of path B: names may say {s}, {g}, {k} and {f}."""

    proposal: Proposal
    fees: Mapping[str, Sats]
    values: dict[str, Sats]
    bond: Mapping[int, Sats]
    s: int = -1
    g: int = -1
    k: int = -1
    f: int = -1

    def __getitem__(self, role: str) -> Sats:
        return self.values[self.name(role)]

    def name(self, pattern: str) -> str:
        """A role or transaction of this place."""
        return pattern.format(s=self.s, g=self.g, k=self.k, f=self.f)

    def spent(self, transaction: str) -> Sats:
        """Fee and anchor of a transaction."""
        return self.fees[self.name(transaction)] + ANCHOR_VALUE

    @property
    def challengers(self) -> tuple[int, ...]:
        """Of the graph, ascending."""
        return self.proposal.challengers(self.g)

    @property
    def arenas(self) -> Sats:
        """The sum of all arenas of the graph."""
        return sum(self.values[f"{self.g}/arena/{k}"] for k in self.challengers)

    @property
    def slot(self) -> Sats:
        """The coin the graph is about."""
        return self.proposal.slots[self.proposal.graphs[self.g].slot]

    @property
    def amount(self) -> Sats:
        """What the claimant gets of it."""
        return self.proposal.graphs[self.g].amount

    @property
    def engine(self) -> Engine:
        """Of the graph."""
        return self.proposal.graphs[self.g].engine

    @property
    def stake(self) -> Sats:
        """What a challenger of the graph risks; 0 for core."""
        return self.proposal.graphs[self.g].stake

    @property
    def split_pot(self) -> Sats:
        """What Disprove_k (core) or NoPayout_k (babe) splits; a stake is not part of it, its owner has it back."""
        spent, transaction = _SPLIT[self.engine]
        return self[spent] + self["{g}/payout"] - self.spent(transaction) - self.stake

    @property
    def silence_pot(self) -> Sats:
        """What NoAssert splits."""
        return self["{g}/assertion"] + self["{g}/payout"] - self.spent("{g}/no_assert")

    def percent(self, percent: int) -> Sats:
        """A share of `split_pot`, rounded down: the remainders are burned."""
        return self.split_pot * percent // 100


# Engine -> the output that goes into the split beside payout, and the transaction that splits.
_SPLIT: Mapping[Engine, tuple[str, str]] = MappingProxyType(
    {"core": ("{g}/arena/{k}", "{g}/disprove/{k}"), "babe": ("{g}/refute/{k}", "{g}/no_payout/{k}")}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The value of one output; only graphs of `engine`.

    `output` may say {s} (slot), {g} (graph), {k} (challenger), {f} (entry of path B).
    """

    output: str
    rule: str
    value: Callable[[At], Sats]
    engine: Engine | None = None  # None: of every engine


def _vault_share(a: At) -> Sats:
    tickets = sum(a.values[f"ticket/{f}"] for f in range(len(a.proposal.fast)))
    share, remainder = divmod(a.spent("vault") + tickets, len(a.proposal.slots))
    return share + (remainder if a.s == 0 else 0)  # the remainder on slot 0


def _silence_share(a: At) -> Sats:
    share, remainder = divmod(a.silence_pot, len(a.challengers))
    return share + (remainder if a.k == a.challengers[0] else 0)  # the remainder to the first challenger


def _burned(a: At) -> Sats:
    return a.split_pot - a.percent(PERCENT_CHALLENGER) - a.percent(PERCENT_INJURED)


# In an order in which every rule uses only what stands above it.
RULES = (
    Rule(output="vault/{s}", rule="the slot", value=lambda a: a.proposal.slots[a.s]),
    Rule(
        output="ticket/{f}",
        rule="fee(Liquidate) + anchor: what the slot alone cannot pay, as all of it goes to the liquidator",
        value=lambda a: a.spent("liquidate/{f}"),
    ),
    Rule(
        output="liquidate/{f}",
        rule="the slot",
        value=lambda a: a.proposal.slots[a.proposal.fast[a.f].slot],
    ),
    Rule(
        output="prefund/{s}",
        rule="vault/{s} + an equal share of fee(Vault) + anchor + all tickets, remainder on slot 0",
        value=lambda a: a["vault/{s}"] + _vault_share(a),
    ),
    Rule(
        output="refund/{s}",
        rule="prefund/{s} - fee(Refund) - anchor",
        value=lambda a: a["prefund/{s}"] - a.spent("refund/{s}"),
    ),
    Rule(
        output="repay/{s}",
        rule="vault/{s} - fee(Repay) - anchor",
        value=lambda a: a["vault/{s}"] - a.spent("repay/{s}"),
    ),
    Rule(
        output="deadman/{s}",
        rule="vault/{s} - fee(DeadMan) - anchor",
        value=lambda a: a["vault/{s}"] - a.spent("deadman/{s}"),
    ),
    Rule(output="{g}/verdict", rule="dust limit", value=lambda _: DUST),
    Rule(output="{g}/arena/{k}", rule="dust limit", value=lambda _: DUST, engine="core"),
    Rule(
        output="{g}/arena/{k}",
        rule="fee(Reveal) + anchor + dust limit",
        value=lambda a: a.spent("{g}/reveal/{k}") + DUST,
        engine="babe",
    ),
    Rule(
        output="{g}/assertion",
        rule="fee(Assert) + anchor + verdict + sum of arenas",
        value=lambda a: a.spent("{g}/assert") + a["{g}/verdict"] + a.arenas,
    ),
    Rule(
        output="{g}/contest",
        rule="fee(Contest) + anchor + assertion",
        value=lambda a: a.spent("{g}/contest") + a["{g}/assertion"],
    ),
    Rule(
        output="{g}/payout",
        rule="bond - fee(Claim) - anchor - contest",
        value=lambda a: a.bond[a.g] - a.spent("{g}/claim") - a["{g}/contest"],
    ),
    Rule(output="{g}/amount", rule="amount of the outcome", value=lambda a: a.amount),
    Rule(output="{g}/rest", rule="slot - amount; no output when 0", value=lambda a: a.slot - a.amount),
    Rule(
        output="{g}/uncontested_payout/bond",
        rule="contest + payout - fee(UncontestedPayout) - anchor",
        value=lambda a: a["{g}/contest"] + a["{g}/payout"] - a.spent("{g}/uncontested_payout"),
    ),
    Rule(
        output="{g}/contested_payout/bond",
        rule="payout + verdict - fee(ContestedPayout) - anchor",
        value=lambda a: a["{g}/payout"] + a["{g}/verdict"] - a.spent("{g}/contested_payout"),
    ),
    Rule(
        output="{g}/release_bond/bond",
        rule="payout - fee(ReleaseBond) - anchor",
        value=lambda a: a["{g}/payout"] - a.spent("{g}/release_bond"),
    ),
    Rule(
        output="{g}/release_bond_contest/bond",
        rule="contest + payout - fee(ReleaseBond with contest) - anchor",
        value=lambda a: a["{g}/contest"] + a["{g}/payout"] - a.spent("{g}/release_bond_contest"),
    ),
    Rule(
        output="{g}/no_assert/{k}",
        rule="equal share of assertion + payout - fee(NoAssert) - anchor, remainder to the first challenger",
        value=_silence_share,
    ),
    Rule(
        output="{g}/disprove/{k}/challenger",
        rule="60 % of arena + payout - fee(Disprove) - anchor, rounded down",
        value=lambda a: a.percent(PERCENT_CHALLENGER),
        engine="core",
    ),
    Rule(
        output="{g}/disprove/{k}/injured",
        rule="30 % of the same, rounded down",
        value=lambda a: a.percent(PERCENT_INJURED),
        engine="core",
    ),
    Rule(
        output="{g}/disprove/{k}/burn",
        rule="what is left of the same: 10 % and the remainders",
        value=_burned,
        engine="core",
    ),
    Rule(
        output="{g}/refute/{k}",
        rule="stake + dust limit",
        value=lambda a: a.stake + DUST,
        engine="babe",
    ),
    Rule(
        output="{g}/refute/{k}/stake",
        rule="refute/{k} - fee(Refute) - anchor",
        value=lambda a: a["{g}/refute/{k}"] - a.spent("{g}/refute/{k}"),
        engine="babe",
    ),
    Rule(
        output="{g}/stake_back/{k}/stake",
        rule="refute/{k} - fee(StakeBack) - anchor",
        value=lambda a: a["{g}/refute/{k}"] - a.spent("{g}/stake_back/{k}"),
        engine="babe",
    ),
    Rule(
        output="{g}/no_payout/{k}/challenger",
        rule="stake + 60 % of (refute/{k} + payout - fee(NoPayout) - anchor - stake), rounded down",
        value=lambda a: a.stake + a.percent(PERCENT_CHALLENGER),
        engine="babe",
    ),
    Rule(
        output="{g}/no_payout/{k}/injured",
        rule="30 % of what stands in brackets, rounded down",
        value=lambda a: a.percent(PERCENT_INJURED),
        engine="babe",
    ),
    Rule(
        output="{g}/no_payout/{k}/burn",
        rule="what is left of the same: 10 % and the remainders",
        value=_burned,
        engine="babe",
    ),
)


def fill(table: At, rules: tuple[Rule, ...], *, only: int | None = None) -> None:
    """Work out the rules in order into `table.values`, for every place or those of graph `only`."""
    for rule in rules:
        for at in _places(table, rule, only):
            value = rule.value(at)
            if value or rule.output != "{g}/rest":
                table.values[at.name(rule.output)] = value


def _places(table: At, rule: Rule, only: int | None) -> Iterator[At]:
    if "{s}" in rule.output:
        yield from (replace(table, s=s) for s in range(len(table.proposal.slots)))
        return
    if "{f}" in rule.output:
        yield from (replace(table, f=f) for f in range(len(table.proposal.fast)))
        return
    for g in range(len(table.proposal.graphs)) if only is None else (only,):
        if rule.engine not in (None, table.proposal.graphs[g].engine):
            continue
        challengers = table.proposal.challengers(g) if "{k}" in rule.output else (-1,)
        yield from (replace(table, g=g, k=k) for k in challengers)
