"""What a vault's transactions cost, what its amounts come to, and what a bond and a stake must cover.

Promises: fee = base_rate * virtual size of the fully signed transaction, every output and every share of a split at least
`DUST`; with `vault.values`: inputs = outputs + fee.
Does not know keys (sizes follow from a stand-in plan) and not what a fee market does: children pay for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

import msgspec

from bitcoin_scripts.outputs import ANCHOR_VALUE, DUST
from vault.agreement import Coin, Engine, Proposal, Sats
from vault.faults import TermsFault
from vault.plan import stand_in
from vault.transactions.every import every_transaction
from vault.transactions.prefund import prefund
from vault.values import PERCENT_BURNED, PERCENT_LOST, RULES, At, fill

MAX_MONEY: Sats = 2_100_000_000_000_000
# A child that raises a fee: 42 WU frame, the anchor input (165), two P2TR wallet coins (230 each), one output (172).
CHILD_VSIZE = -(-(42 + 165 + 2 * 230 + 172) // 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """`values`: output role -> sats; `fees`: transaction name -> sats; `vsizes`: transaction name -> vB, signed."""

    values: Mapping[str, Sats]
    fees: Mapping[str, Sats]
    vsizes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BondRule:
    """left >= right for every challenger, or a bond is refused. The left side grows with the bond."""

    left: str
    right: str
    left_value: Callable[[At], Sats]
    right_value: Callable[[At, Mapping[str, int]], Sats]


BOND_RULES = (
    BondRule(
        left="40 % of what Disprove or NoPayout splits (a claimant may own the other challengers)",
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
        left="10 % of what Disprove or NoPayout splits",
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
    """What contesting graph `g` costs at worst_rate: Contest and the longest answer, each transaction with a child.

    The fee those transactions carry themselves is not subtracted, so this errs on the challenger's side.
    """
    answers = [("no_assert",), *(_PATHS[proposal.graphs[g].engine](k) for k in proposal.challengers(g))]
    longest = max(sum(vsizes[f"{g}/{name}"] + CHILD_VSIZE for name in path) for path in answers)
    return proposal.fee_policy.worst_rate * (vsizes[f"{g}/contest"] + CHILD_VSIZE + longest)


# Engine -> what challenger k publishes against a false Assert.
_PATHS: Mapping[Engine, Callable[[int], tuple[str, ...]]] = MappingProxyType(
    {"core": lambda k: (f"disprove/{k}",), "babe": lambda k: (f"reveal/{k}", f"no_payout/{k}")}
)


def largest_stake(proposal: Proposal, g: int) -> Sats:
    """The largest stake of babe graph `g` that passes: what Assert and Refute cost a claimant at worst_rate.

    It covers what an honest claimant may have to spend on its answer. The stake and bond in the proposal are not read.
    """
    vsizes, k = vsizes_of(proposal), proposal.challengers(g)[0]
    return proposal.fee_policy.worst_rate * (vsizes[f"{g}/assert"] + vsizes[f"{g}/refute/{k}"])


def vsizes_of(proposal: Proposal) -> Mapping[str, int]:
    """Virtual size, fully signed, of every transaction but PreFund. Needs no keys; bonds and stakes are not read.

    Nor are names: vaults of one shape share the work, and a node may have thousands of a shape.
    """
    graphs = tuple(msgspec.structs.replace(graph, bond=0, stake=0) for graph in proposal.graphs)
    parties = tuple(msgspec.structs.replace(party, identity=b"") for party in proposal.parties)
    return _vsizes(msgspec.structs.replace(proposal, salt=b"", parties=parties, graphs=graphs))


@lru_cache(maxsize=64)
def _vsizes(proposal: Proposal) -> Mapping[str, int]:
    templates = every_transaction(stand_in(proposal, coins=1))
    return {name: template.vsize for name, template in templates.items() if name != "prefund"}


@lru_cache(maxsize=64)
def amounts_of(proposal: Proposal) -> Amounts:
    """Every value and fee but PreFund's. Values may be below dust: `check_amounts` refuses those."""
    vsizes = vsizes_of(proposal)
    fees = {name: proposal.fee_policy.base_rate * vsize for name, vsize in vsizes.items()}
    table = At(
        proposal=proposal,
        fees=fees,
        values={},
        bond={g: graph.bond for g, graph in enumerate(proposal.graphs)},
    )
    fill(table, RULES)
    return Amounts(values=table.values, fees=fees, vsizes=vsizes)


def minimal_bond(proposal: Proposal, g: int) -> Sats:
    """The smallest bond of graph `g` that satisfies every bond rule. Does not read the bond in the proposal."""
    return _minimal_bond(_alone(proposal, g))


def _alone(proposal: Proposal, g: int) -> Proposal:
    """A proposal of graph `g` only, claimed by party 0: what its bond depends on, so that equal graphs share a search."""
    graph = proposal.graphs[g]
    same = msgspec.structs.replace(
        graph, claimant=0, outcome="withdraw", slot=0, circuit=b"", statement=b"", key=b"", bond=0, stake=0
    )
    slots = (proposal.slots[graph.slot],)
    return msgspec.structs.replace(proposal, salt=b"", slots=slots, graphs=(same,), maturity=0, grace=0, loan=None)


@lru_cache(maxsize=256)
def _minimal_bond(alone: Proposal) -> Sats:
    vsizes = vsizes_of(alone)
    fees = {name: alone.fee_policy.base_rate * vsize for name, vsize in vsizes.items()}
    low, high = 0, MAX_MONEY  # every left side grows with the bond, so halving finds the threshold
    while low < high:
        middle = (low + high) // 2
        table = At(proposal=alone, fees=fees, values={}, bond={0: middle})
        if all(left >= right for _, left, right in _bond_sides(table, 0, vsizes)):
            high = middle
        else:
            low = middle + 1
    return low


def check_amounts(proposal: Proposal) -> None:
    """Raise TermsFault naming the output or bond rule that fails, with both sides. Field ranges must hold already."""
    table = amounts_of(proposal)
    for g, graph in enumerate(proposal.graphs):
        a = At(proposal=proposal, fees=table.fees, values={}, bond={g: graph.bond})
        for rule, left, right in _bond_sides(a, g, table.vsizes):
            if left < right:
                expected = f"{rule.left} >= {rule.right} (smallest bond: {minimal_bond(proposal, g)})"
                raise TermsFault(f"graphs[{g}].bond", expected=expected, got=f"{left} < {right}")
        if graph.engine == "babe" and graph.stake > largest_stake(proposal, g):
            expected = f"at most {largest_stake(proposal, g)}, the cost of Assert and Refute at worst_rate"
            raise TermsFault(f"graphs[{g}].stake", expected=expected, got=str(graph.stake))
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


def _bond_sides(table: At, g: int, vsizes: Mapping[str, int]) -> Iterator[tuple[BondRule, Sats, Sats]]:
    rules = tuple(rule for rule in RULES if "{g}" in rule.output)
    fill(table, rules, only=g)
    for k in table.proposal.challengers(g):
        at = replace(table, g=g, k=k)
        for rule in BOND_RULES:
            yield rule, rule.left_value(at), rule.right_value(at, vsizes)
