"""What a proposal puts at stake and what it takes to keep, for one party, in words and numbers: read before agreeing to it.

Pure; every number follows from the proposal, the ledger's genesis and the engines' own sizes, and every sum that a party can
lose is a row of `vault.endings`. Does NOT judge whether it is wise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, assert_never

from msgspec import structs

from challenge.facts import challengers_of
from challenge.reserve import reserve_needed
from circuits.cut_and_choose import PROFILES
from node import setup_cost
from node.setup_cost import sizes_of
from vault.agreement import GraphTerms, Proposal, Timelocks
from vault.endings import Ending, foreseen
from vault.endings_words import letter
from vault.fast import fast_words
from vault.fees import deposit_needed
from vault.ledger.genesis import Genesis
from vault.ledger.money import COIN, within_ltv
from vault.ledger.rules import BLOCKS_A_YEAR, SCALE, Rules
from vault.timelocks import last_record, late

if TYPE_CHECKING:
    from node.work.context import Context

__all__ = ["Known", "graph_lines", "risks"]

MIB: Final = 1 << 20
DAY: Final = 144
"""Blocks, on a chain that mines one in ten minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a node knows beside the proposal: verifying keys, ledgers, their prices, by id. All raise LocalFault for others.

    `price`: cents per BTC under the ledger's last final checkpoint and its unix time, 0 and 0 before the first.
    """

    keys: Callable[[bytes], bytes]
    ledger: Callable[[bytes], Genesis]
    price: Callable[[bytes], tuple[int, int]]

    @classmethod
    def of(cls, context: Context) -> Known:
        """What this node knows."""
        return cls(
            keys=lambda key: context.proving.key(key).verifying_key,
            ledger=context.ledgers.genesis,
            price=context.ledgers.price,
        )


def risks(proposal: Proposal, me: int, known: Known) -> dict[str, Any]:
    """For party `me` of a checked proposal: what it can lose and when, what it must run for, what it costs, whom it trusts."""
    role, rows = proposal.parties[me].role, foreseen(proposal)
    return {
        "you": f"{letter(proposal, me)}, {role}",
        **({"loan": _lent(proposal, *known.price(proposal.loan.ledger))} if proposal.loan is not None else {}),
        "can_lose": [*_own_coins(proposal, me, rows), *_LOSES[role](proposal)],
        "keep_running": list(_running(proposal, me)),
        "totals": _totals(proposal, me),
        "setup": setup_cost.as_rows(proposal, me, known.keys),
        "trusts": list(_trusts(proposal, known)),
    }


def span(proposal: Proposal, blocks: int) -> str:
    """A number of blocks and about how long that is; a chain that mines on demand has no days."""
    said = f"{blocks:,} block{'' if blocks == 1 else 's'}"
    if proposal.network == "regtest":
        return said
    hours = round(blocks * 24 / DAY)
    number, unit = (hours, "hour") if hours < 48 else (round(hours / 24), "day")
    return f"{said} (about {number:,} {unit}{'' if number == 1 else 's'})"


# ---- what is lent ----------------------------------------------------------------------------------------------------
def _lent(p: Proposal, price: int, time: int) -> dict[str, str]:
    """The loan itself, and what it would be at the ledger's price now. Cents are said as dollars: who meant dollars sees it."""
    loan, sats = p.loan, sum(p.slots)
    assert loan is not None  # noqa: S101 - asked of loans alone
    rules, pays = loan.rules, sum(graph.outcome == "liquidate" for graph in p.graphs)
    what = {
        "collateral": f"{sats:,} sats in {len(p.slots)} slot{'' if len(p.slots) == 1 else 's'}",
        "ledger": loan.ledger.hex(),
    }
    if loan.vault:
        return {**what, "adds to": f"the loan of vault {loan.vault.hex()}; it lends nothing"}
    return {
        "principal": f"{_dollars(loan.cents)} (SIMULATED), {loan.cents} cents",
        **what,
        "due": f"{span(p, p.maturity)} after PreFund, and {span(p, p.grace)} of grace",
        "interest": f"{rules.rate * BLOCKS_A_YEAR * 100 / SCALE:.2f} % in {BLOCKS_A_YEAR:,} blocks, a year",
        "now": _lent_now(rules, loan.cents, sats, price, time),
        "liquidation": "by the liquidators among the parties"
        if pays
        else "BY NOBODY: no party has a claim to liquidate, so nothing covers a fall of the price before maturity",
    }


def _lent_now(rules: Rules, cents: int, sats: int, price: int, time: int) -> str:
    """The loan beside its collateral's worth. The keeper judges at the price when it is opened: this one may be old."""
    if not price:
        return "the ledger has no final price yet"
    worth = sats * price // COIN
    if not worth:
        return f"the collateral is worth less than a cent at {_dollars(price)} a BTC"
    share = (
        f"{cents * 100 / worth:.1f} % of {_dollars(worth)}: the collateral at the ledger's price of "
        f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC, {_dollars(price)} a BTC"
    )
    limit = f"{rules.max_ltv / 100:g} % may be lent"
    if within_ltv(rules, cents, sats, price):
        return f"{share}; {limit}"
    return (
        f"TOO MUCH: {share}; {limit}. At this price the keeper opens no such loan, and the deposit waits for its refund"
    )


def _dollars(cents: int) -> str:
    return f"{cents / 100:,.2f} dollars"


# ---- what can be lost ------------------------------------------------------------------------------------------------
def _row(what: str, sats: int, when: str, how: str) -> dict[str, Any]:
    return {"what": what, "sats": sats, "when": when, "how": how}


def _own_coins(proposal: Proposal, me: int, rows: tuple[Ending, ...]) -> Iterator[dict[str, Any]]:
    """Bonds and stakes of this party: worst what it gets back of each, over all ways the coin can end."""
    times = proposal.timelocks
    bonds = {f"bond/{g}": graph.bond for g, graph in enumerate(proposal.graphs) if graph.claimant == me}
    stakes = {
        f"stake/{g}/{me}": graph.stake
        for g, graph in enumerate(proposal.graphs)
        if graph.stake and graph.claimant != me
    }
    if bonds:
        yield _row(
            f"{len(bonds)} bonds, one for each claim that you may make",
            sum(sats - _worst(rows, coin, me) for coin, sats in bonds.items()),
            f"only after you claimed: from {span(proposal, times.assert_)} after Contest without Assert, or when an answer "
            "stands against an Assert",
            "the claim was false, or this node was away and did not answer",
        )  # fmt: skip
    if stakes:
        yield _row(
            f"{len(stakes)} stakes, one for each claim that you may contest",
            sum(sats - _worst(rows, coin, me) for coin, sats in stakes.items()),
            f"only after your Reveal: within {span(proposal, times.refute)}",
            "the claim that you contested was true; this node reveals only when it knows no valid proof and no record",
        )


def _worst(rows: tuple[Ending, ...], coin: str, party: int) -> int:
    """The least that an owner gets out of a bond or stake, over every way in which it ends: 0 when another takes it."""
    backs = []
    for row in rows:
        if coin in row.ends:
            kept = ("/bond", "/stake", "/challenger") if not row.transaction.startswith(("bond", "stake")) else ("",)
            backs.append(sum(p.sats for p in row.pays if p.to == party and p.output.endswith(kept)))
    return min(backs, default=0)


def _borrower(p: Proposal) -> Iterator[dict[str, Any]]:
    times, total = p.timelocks, sum(p.slots)
    due = f"{span(p, p.maturity)} after PreFund and {span(p, p.grace)} of grace"
    if p.loan is None:
        yield _row(
            "the collateral", total, f"when L claims its default and it stands: {span(p, times.contest)} after Claim",
            "the claim was true, or nobody contested it in time",
        )  # fmt: skip
        return
    rules = p.loan.rules
    yield _row(
        "the collateral, by default", total, f"from {due}, until {span(p, last_record(p))} after PreFund",
        "the debt was neither paid nor tendered by then; what is over comes back in ledger money (SIMULATED)",
    )  # fmt: skip
    yield _row(
        "the collateral, by liquidation", total, "at any time while the debt is open",
        f"debt above {rules.liquidation / 100:g} % of the collateral's price: whoever liquidates pays the debt and keeps "
        f"{rules.bonus / 100:g} % more than it pays, slot by slot",
    )  # fmt: skip
    if p.fast:
        slots = sorted({entry.slot for entry in p.fast})
        yield _row(
            f"the collateral, by path B: slots {', '.join(map(str, slots))}", sum(p.slots[s] for s in slots),
            "once the attestors attested the price: at once, without any dispute",
            "the price fell that low and L was paid; or L, a liquidator and enough attestors say so",
        )  # fmt: skip
    yield _row(
        "the collateral, by a false claim", total, f"{span(p, times.contest)} after a Claim that nobody contests",
        "everybody who could contest was away, this node too",
    )  # fmt: skip


def _lender(p: Proposal) -> Iterator[dict[str, Any]]:
    times, total = p.timelocks, sum(p.slots)
    yield _row(
        "the collateral that covers your loan", total, f"{span(p, times.contest)} after a false Claim of B",
        "nobody contested it in time, this node neither",
    )  # fmt: skip
    yield _row(
        "the collateral that covers your loan", total, f"from {span(p, times.dead_man)} after Vault",
        "B takes every slot back by DeadMan: claim before that",
    )  # fmt: skip
    if p.loan is not None and p.loan.cents:
        yield _row(
            f"the principal, {_dollars(p.loan.cents)} (SIMULATED)", 0,
            f"no later default or liquidation than {span(p, last_record(p))} after PreFund",
            "the price falls faster than anybody liquidates: the collateral is then worth less than the debt",
        )  # fmt: skip
        yield _row(
            "time: your locked loan", 0, f"until {span(p, p.loan.timeout)} after PreFund",
            "B never takes it; from then on RefundLoan brings it back",
        )  # fmt: skip


def _liquidator(p: Proposal) -> Iterator[dict[str, Any]]:
    if p.loan is None:
        return
    rules = p.loan.rules
    yield _row(
        "what you pay for a slot (SIMULATED)", 0,
        f"from your payment until the coin is yours: up to {span(p, rules.settle_window)}",
        "it waits in escrow and comes back when the coin goes another way",
    )  # fmt: skip
    yield _row(
        "the difference in price", 0, f"{span(p, p.timelocks.contest)} to "
        f"{span(p, p.timelocks.contest + p.timelocks.assert_ + p.timelocks.verdict)} from your Claim on",
        f"you pay at once and get the coin later; the bonus of {rules.bonus / 100:g} % is all that covers it",
    )  # fmt: skip


def _challenger(_: Proposal) -> Iterator[dict[str, Any]]:
    yield _row("nothing of the collateral is yours", 0, "never", "you lose stakes and fees only, as said here")


_LOSES: Final[dict[str, Callable[[Proposal], Iterator[dict[str, Any]]]]] = {
    "borrower": _borrower,
    "lender": _lender,
    "liquidator": _liquidator,
    "challenger": _challenger,
}


# ---- what it takes ---------------------------------------------------------------------------------------------------
def _running(p: Proposal, me: int) -> Iterator[dict[str, Any]]:
    """Never away for longer than this, and for how long."""
    times = p.timelocks
    yield {
        "never_away_for": span(p, _away(times)),
        "until": f"every slot has ended: {span(p, times.dead_man)} after Vault at the latest, and the claims of then",
        "for": "seeing a Claim of another party in time to contest it",
    }
    if any(graph.claimant == me for graph in p.graphs):
        yield {
            "never_away_for": span(p, min(times.assert_, times.refute) - late(times)),
            "until": f"a claim of yours is paid: up to {span(p, times.contest + times.assert_ + times.verdict)} after it",
            "for": "Assert, and Refute when a challenger reveals: silence costs the bond",
        }
    if any(graph.stake and graph.claimant != me for graph in p.graphs):
        yield {
            "never_away_for": span(p, max(1, times.verdict - times.depth - 2 * late(times) - times.refute)),
            "until": "a claim that you contested is decided",
            "for": "Reveal after Assert, and NoPayout after Reveal",
        }


def _away(times: Timelocks) -> int:
    return times.contest - late(times)


def _totals(p: Proposal, me: int) -> dict[str, int]:
    """Sats that must be there: coins put down, and what publishing could cost at the worst rate."""
    bonds = sum(graph.bond for graph in p.graphs if graph.claimant == me)
    stakes = sum(graph.stake for graph in p.graphs if graph.claimant != me)
    deposit = deposit_needed(p, 1) if me == p.borrower else 0
    return {
        "bonds": bonds,
        "stakes": stakes,
        "deposit": deposit,
        "fee_reserve": reserve_needed(p, me, None),
        "together": bonds + stakes + deposit + reserve_needed(p, me, None),
    }


def _trusts(p: Proposal, known: Known) -> Iterator[str]:
    """Everything that is not proven to this node."""
    if p.loan is not None:
        yield (
            "The stablecoin is SIMULATED: accounts, locks and escrow are numbers that the ledger's keeper keeps. Only the coins "
            "on the chain are real."
        )
    for name in dict.fromkeys(graph.statement for graph in p.graphs if graph.engine == "babe"):
        ledger = known.ledger(name)
        yield (
            f"{ledger.threshold} of the {len(ledger.attestors)} attestors of ledger {name.hex()[:16]}, for the price and for "
            "what the ledger's records say: who has so many of their keys can make any claim true."
        )
    yield from fast_words(p)
    if p.network == "regtest" and any(graph.engine == "babe" for graph in p.graphs):
        yield "The verifying key was made by one party (regtest only): who made it can prove anything."
    yield "That one party at least deletes its share of the group's key after the setup, as this node does."
    for profile in dict.fromkeys(PROFILES[graph.profile] for graph in p.graphs):
        chance = f"1 in 2^{profile.bits:.1f}"
        yield f"A garbler that cheats passes with chance {chance} a pair (profile {profile.name}: {profile.use})."


# ---- one row a graph -------------------------------------------------------------------------------------------------
def graph_lines(proposal: Proposal, known: Known) -> list[dict[str, Any]]:
    """One row for graphs that are alike: engine, presignatures, stake, and what each side risks."""
    alike: dict[GraphTerms, list[int]] = {}
    for g, graph in enumerate(proposal.graphs):
        alike.setdefault(_but_slot(graph), []).append(g)
    return [_line(proposal, graphs, known) for graphs in alike.values()]


def _but_slot(graph: GraphTerms) -> GraphTerms:
    return structs.replace(graph, slot=0)


def _line(proposal: Proposal, graphs: list[int], known: Known) -> dict[str, Any]:
    g = graphs[0]
    terms, challengers = proposal.graphs[g], len(challengers_of(proposal, g))
    values, profile = terms.digits << terms.digit_bits, PROFILES[terms.profile]
    who = letter(proposal, terms.claimant)
    claimant = f"the claimant ({who}) risks its bond of {terms.bond} sats when it claims"
    common = {
        "graphs": ", ".join(map(str, graphs)),
        "claim": f"{terms.outcome} by {who}",
        "slots": ", ".join(str(proposal.graphs[i].slot) for i in graphs),
        "engine": terms.engine,
        "cheating": f"1 in 2^{profile.bits:.1f}",
        "kept_instances": f"{profile.kept} of {profile.instances} a challenger",
    }
    match terms.engine:
        case "core":
            sizes = sizes_of(terms, b"")
            return {
                **common,
                "stake": 0,
                "presignatures": values,
                "kept_mib": round(profile.kept * sizes.kept_bytes / MIB, 1),
                "risk": f"{claimant}; a challenger risks nothing but fees: only a false claim frees what Disprove needs",
            }
        case "babe":
            sizes = sizes_of(terms, known.keys(terms.key))
            return {
                **common,
                "stake": terms.stake,
                "presignatures": values * (1 + challengers),
                "kept_mib": round(profile.kept * sizes.kept_bytes / MIB, 1),
                "risk": f"{claimant}; contesting is free but for its fee; a challenger that reveals risks its stake of "
                f"{terms.stake} sats, and loses it when the claim is true",
            }
        case _:
            assert_never(terms.engine)
