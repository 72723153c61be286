"""The amounts table: for every output of a vault the rule that gives its value, and what a bond must cover.

Promises: inputs = outputs + fee for every transaction, fee = base_rate * virtual size of the fully signed transaction,
every output and every share of a split at least `DUST`. All integers; each division says who gets the remainder.
Does not know keys (sizes follow from a stand-in plan) and not what a fee market does: children pay for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from bitcoin_scripts.outputs import ANCHOR_VALUE, DUST
from vault.agreement import Coin, Proposal, Sats
from vault.faults import TermsFault
from vault.plan import stand_in
from vault.transactions.every import every_transaction
from vault.transactions.prefund import prefund

MAX_MONEY: Sats = 2_100_000_000_000_000
PERCENT_CHALLENGER = 60  # of what Disprove splits
PERCENT_INJURED = 30
PERCENT_BURNED = 10  # so that a claimant that owns the winning challenger still loses it
PERCENT_LOST = PERCENT_INJURED + PERCENT_BURNED  # what a cheating claimant loses at least

# A child that raises a fee: 42 WU frame, the anchor input (165), two P2TR wallet coins (230 each), one output (172).
CHILD_VSIZE = -(-(42 + 165 + 2 * 230 + 172) // 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """`values`: output role -> sats; `fees`: transaction name -> sats; `vsizes`: transaction name -> vB, signed."""

    values: Mapping[str, Sats]
    fees: Mapping[str, Sats]
    vsizes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _At:
    """The table as seen from one slot, graph or challenger: names may say {s}, {g} and {k}."""

    proposal: Proposal
    fees: Mapping[str, Sats]
    values: dict[str, Sats]
    bond: Mapping[int, Sats]
    s: int = -1
    g: int = -1
    k: int = -1

    def __getitem__(self, role: str) -> Sats:
        return self.values[self.name(role)]

    def name(self, pattern: str) -> str:
        return pattern.format(s=self.s, g=self.g, k=self.k)

    def spent(self, transaction: str) -> Sats:
        """Fee and anchor of a transaction."""
        return self.fees[self.name(transaction)] + ANCHOR_VALUE

    @property
    def challengers(self) -> tuple[int, ...]:
        return self.proposal.challengers(self.g)

    @property
    def arenas(self) -> Sats:
        return sum(self.values[f"{self.g}/arena/{k}"] for k in self.challengers)

    @property
    def slot(self) -> Sats:
        return self.proposal.slots[self.proposal.graphs[self.g].slot]

    @property
    def amount(self) -> Sats:
        return self.proposal.graphs[self.g].amount

    @property
    def disprove_pot(self) -> Sats:
        """What Disprove_k splits."""
        return self["{g}/arena/{k}"] + self["{g}/payout"] - self.spent("{g}/disprove/{k}")

    @property
    def silence_pot(self) -> Sats:
        """What NoAssert splits."""
        return self["{g}/assertion"] + self["{g}/payout"] - self.spent("{g}/no_assert")

    def percent(self, percent: int) -> Sats:
        return self.disprove_pot * percent // 100  # rounded down; the remainders are burned


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The value of one output. `output` may say {s} (slot), {g} (graph), {k} (challenger)."""

    output: str
    rule: str
    value: Callable[[_At], Sats]


def _vault_share(a: _At) -> Sats:
    share, remainder = divmod(a.spent("vault"), len(a.proposal.slots))
    return share + (remainder if a.s == 0 else 0)  # the remainder on slot 0


def _silence_share(a: _At) -> Sats:
    share, remainder = divmod(a.silence_pot, len(a.challengers))
    return share + (remainder if a.k == a.challengers[0] else 0)  # the remainder to the first challenger


# In an order in which every rule uses only what stands above it.
RULES = (
    Rule(output="vault/{s}", rule="the slot", value=lambda a: a.proposal.slots[a.s]),
    Rule(
        output="prefund/{s}",
        rule="vault/{s} + an equal share of fee(Vault) + anchor, remainder on slot 0",
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
    Rule(output="{g}/arena/{k}", rule="dust limit (engine core)", value=lambda _: DUST),
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
    ),
    Rule(
        output="{g}/disprove/{k}/injured",
        rule="30 % of the same, rounded down",
        value=lambda a: a.percent(PERCENT_INJURED),
    ),
    Rule(
        output="{g}/disprove/{k}/burn",
        rule="what is left of the same: 10 % and the remainders",
        value=lambda a: a.disprove_pot - a.percent(PERCENT_CHALLENGER) - a.percent(PERCENT_INJURED),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BondRule:
    """left >= right for every challenger, or a bond is refused. The left side grows with the bond."""

    left: str
    right: str
    left_value: Callable[[_At], Sats]
    right_value: Callable[[_At, Mapping[str, int]], Sats]


BOND_RULES = (
    BondRule(
        left="40 % of what Disprove splits (a claimant may own the other challengers)",
        right="worst-case cost of an honest challenger",
        left_value=lambda a: a.percent(PERCENT_LOST),
        right_value=lambda a, vsizes: challenger_cost(a.proposal, a.g, vsizes),
    ),
    BondRule(
        left="a challenger's share of NoAssert",
        right="worst-case cost of an honest challenger",
        left_value=lambda a: a.silence_pot // len(a.challengers),
        right_value=lambda a, vsizes: challenger_cost(a.proposal, a.g, vsizes),
    ),
    BondRule(
        left="10 % of what Disprove splits",
        right="dust limit",
        left_value=lambda a: a.percent(PERCENT_BURNED),
        right_value=lambda _a, _v: DUST,
    ),
    BondRule(
        left="a challenger's share of NoAssert",
        right="dust limit",
        left_value=lambda a: a.silence_pot // len(a.challengers),
        right_value=lambda _a, _v: DUST,
    ),
    BondRule(
        left="the bond that comes back",
        right="dust limit",
        left_value=lambda a: min(
            a["{g}/uncontested_payout/bond"],
            a["{g}/contested_payout/bond"],
            a["{g}/release_bond/bond"],
            a["{g}/release_bond_contest/bond"],
        ),
        right_value=lambda _a, _v: DUST,
    ),
)


def challenger_cost(proposal: Proposal, g: int, vsizes: Mapping[str, int]) -> Sats:
    """What contesting graph `g` costs at worst_rate: Contest and the longest answer, each with a child.

    The fee those transactions carry themselves is not subtracted, so this errs on the challenger's side.
    """
    answers = [f"{g}/no_assert", *(f"{g}/disprove/{k}" for k in proposal.challengers(g))]
    longest = max(vsizes[name] for name in answers)
    return proposal.fee_policy.worst_rate * (vsizes[f"{g}/contest"] + longest + 2 * CHILD_VSIZE)


@lru_cache(maxsize=64)
def vsizes_of(proposal: Proposal) -> Mapping[str, int]:
    """Virtual size, fully signed, of every transaction but PreFund. Needs no keys."""
    templates = every_transaction(stand_in(proposal, coins=1))
    return {name: template.vsize for name, template in templates.items() if name != "prefund"}


@lru_cache(maxsize=64)
def amounts_of(proposal: Proposal) -> Amounts:
    """Every value and fee but PreFund's. Values may be below dust: `check_amounts` refuses those."""
    vsizes = vsizes_of(proposal)
    fees = {name: proposal.fee_policy.base_rate * vsize for name, vsize in vsizes.items()}
    table = _At(
        proposal=proposal,
        fees=fees,
        values={},
        bond={g: graph.bond for g, graph in enumerate(proposal.graphs)},
    )
    _fill(table, RULES)
    return Amounts(values=table.values, fees=fees, vsizes=vsizes)


def minimal_bond(proposal: Proposal, g: int) -> Sats:
    """The smallest bond of graph `g` that satisfies every bond rule. Does not read the bond in the proposal."""
    vsizes = vsizes_of(proposal)
    fees = {name: proposal.fee_policy.base_rate * vsize for name, vsize in vsizes.items()}
    low, high = 0, MAX_MONEY  # every left side grows with the bond, so halving finds the threshold
    while low < high:
        middle = (low + high) // 2
        table = _At(proposal=proposal, fees=fees, values={}, bond={g: middle})
        if all(left >= right for _, left, right in _bond_sides(table, g, vsizes)):
            high = middle
        else:
            low = middle + 1
    return low


def check_amounts(proposal: Proposal) -> None:
    """Raise TermsFault naming the output or bond rule that fails, with both sides. Field ranges must hold already."""
    table = amounts_of(proposal)
    for g, graph in enumerate(proposal.graphs):
        a = _At(proposal=proposal, fees=table.fees, values={}, bond={g: graph.bond})
        for rule, left, right in _bond_sides(a, g, table.vsizes):
            if left < right:
                expected = f"{rule.left} >= {rule.right} (smallest bond: {minimal_bond(proposal, g)})"
                raise TermsFault(f"graphs[{g}].bond", expected=expected, got=f"{left} < {right}")
    for role, value in table.values.items():
        if value < DUST:
            raise TermsFault(f"value of output {role}", expected=f"at least {DUST} sat", got=str(value))


def prefund_values(proposal: Proposal, coins: tuple[Coin, ...]) -> dict[str, Sats]:
    """{"change": value} or {}, so that PreFund of these coins pays exactly its fee; TermsFault otherwise."""
    values = amounts_of(proposal).values
    deposit = sum(values[f"prefund/{s}"] for s in range(len(proposal.slots))) + ANCHOR_VALUE
    over = sum(coin.value for coin in coins) - deposit
    with_change, without = (over - fee for fee in prefund_fees(proposal, len(coins)))
    if with_change >= DUST:
        return {"change": with_change}
    if without == 0:
        return {}
    expected = f"{deposit} plus fee, with change of at least {DUST} or none to the sat"
    raise TermsFault("prefund_inputs", expected=expected, got=f"{over + deposit} (change {with_change})")


@lru_cache(maxsize=64)
def prefund_fees(proposal: Proposal, coins: int) -> tuple[Sats, Sats]:
    """Fee of PreFund with `coins` inputs: (with a change output, without)."""
    plan = stand_in(proposal, coins=coins)
    bare = {role: value for role, value in amounts_of(proposal).values.items() if role != "change"}
    rate = proposal.fee_policy.base_rate
    return rate * prefund(plan).vsize, rate * prefund(replace(plan, values=bare)).vsize


def deposit_needed(proposal: Proposal, coins: int) -> Sats:
    """The smallest sum of `coins` wallet coins that funds PreFund with a change output."""
    values = amounts_of(proposal).values
    deposit = sum(values[f"prefund/{s}"] for s in range(len(proposal.slots))) + ANCHOR_VALUE
    return deposit + prefund_fees(proposal, coins)[0] + DUST


def _bond_sides(table: _At, g: int, vsizes: Mapping[str, int]) -> Iterator[tuple[BondRule, Sats, Sats]]:
    rules = tuple(rule for rule in RULES if "{g}" in rule.output)
    _fill(table, rules, only=g)
    for k in table.proposal.challengers(g):
        at = replace(table, g=g, k=k)
        for rule in BOND_RULES:
            yield rule, rule.left_value(at), rule.right_value(at, vsizes)


def _fill(table: _At, rules: tuple[Rule, ...], *, only: int | None = None) -> None:
    for rule in rules:
        for at in _places(table, rule.output, only):
            value = rule.value(at)
            if value or rule.output != "{g}/rest":
                table.values[at.name(rule.output)] = value


def _places(table: _At, pattern: str, only: int | None) -> Iterator[_At]:
    if "{s}" in pattern:
        yield from (replace(table, s=s) for s in range(len(table.proposal.slots)))
        return
    for g in range(len(table.proposal.graphs)) if only is None else (only,):
        challengers = table.proposal.challengers(g) if "{k}" in pattern else (-1,)
        yield from (replace(table, g=g, k=k) for k in challengers)
