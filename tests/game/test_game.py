"""The whole game tree on the product's own graph: by the inequalities of `vault.timelocks` no honest party loses.

Timelocks are scaled to single digits and go through the same checks and the same constructor as real ones. What spends
what, and how old it must be, is read off the derived templates. Violating an inequality by one block, or taking any
transaction out of the graph, gives a counterexample. Engine core; other spenders of the vault coin are in the game.
"""

from __future__ import annotations

import msgspec
import pytest

from tests.game.search import Scenario, moves, search
from tests.vault_kit import BORROWER, CHALLENGER, LENDER, SLOT, Kit, graph_terms, make_proposal
from vault.agreement import Proposal, Timelocks
from vault.faults import TermsFault
from vault.graph import VaultGraph, derive
from vault.terms import check_proposal
from vault.timelocks import INEQUALITIES

SMALL = Timelocks(
    contest=4,
    assert_=4,
    refute=1,
    verdict=5,
    refund=2,
    bond_release=14,
    dead_man=37,
    margin=2,
    depth=1,
)


def proposal(times: Timelocks) -> Proposal:
    """One slot; B may claim a withdrawal of it (graph 0), L a default (graph 1)."""
    graphs = (
        graph_terms(digits=1, digit_bits=1),
        graph_terms(digits=1, digit_bits=1, claimant=LENDER, outcome="default"),
    )
    made = make_proposal(graphs=graphs, slots=(SLOT,), timelocks=times)
    return msgspec.structs.replace(made, maturity=0, grace=0)


def graph_of(times: Timelocks) -> VaultGraph:
    """The product's graph, of terms that were not checked: some of them violate an inequality on purpose."""
    kit = Kit(proposal=proposal(times), name="game")
    return derive(kit.unchecked_terms, kit.points)


GRAPH = graph_of(SMALL)


def board_of(graph: VaultGraph, *, without: str = ""):
    return moves(graph.templates.values(), without=without)


def paid(g, conf):
    return f"{g}/uncontested_payout" in conf or f"{g}/contested_payout" in conf


def released(g, conf):
    return f"{g}/release_bond" in conf or f"{g}/release_bond_contest" in conf


def punished(g, conf):
    return f"{g}/no_assert" in conf or any(f"{g}/disprove/{k}" in conf for k in range(3))


def settled(g, conf):
    """Whatever spends `payout` ends the game of a graph."""
    return paid(g, conf) or released(g, conf) or punished(g, conf)


def over(name, conf):
    """What is left of a settled graph moves none of its money: both payouts need `payout`, which is spent."""
    head = name.partition("/")[0]
    return head.isdigit() and settled(int(head), conf)


def coin_gone(conf):
    return any(name in conf for name in ("repay/0", "deadman/0")) or paid(0, conf) or paid(1, conf)


def false_claims(graph: VaultGraph, honest: int, claims: tuple[int, ...], start: tuple[str, ...]) -> Scenario:
    """Every claim is false; of three parties one is honest. No claim may be paid, no bond kept.

    The adversary owns both other parties, so it can repay, wait for dead_man, claim and contest as it likes.
    """
    times = graph.terms.proposal.timelocks
    watched = [g for g in claims if graph.terms.proposal.graphs[g].claimant != honest]

    def wants(conf):
        moves = {}
        for g in watched:
            moves |= {f"{g}/contest": 0, f"{g}/no_assert": 0, f"{g}/disprove/{honest}": times.depth}
        return moves

    def may(name, conf):
        head, _, kind = name.partition("/")
        if head.isdigit() and int(head) not in claims:
            return False
        if kind.startswith("disprove"):
            return False  # a challenger of the claimant's taking the bond is a loss of the claimant's: not its game
        if name in ("refund/0", "repay/0", "deadman/0"):
            return honest != BORROWER and (name != "repay/0" or honest != LENDER)
        return any(party != honest for party in graph.spenders[name])

    def wrong(conf):
        for g in watched:
            if paid(g, conf):
                return f"the false claim {g} was paid"
            if released(g, conf):
                return f"the false claim {g} kept its bond"
        return None

    return Scenario(
        start=start,
        latency=times.margin,
        depth=times.depth,
        wants=wants,
        may=may,
        wrong=wrong,
        missing=lambda conf: None,
        idle=over,
    )


def true_claim(graph: VaultGraph, mine: int, *, stranger: str = "") -> Scenario:
    """The claimant of graph `mine` is honest and its claim true; both others are not, and claim falsely themselves.

    `stranger`: a transaction that takes the vault coin another way and was agreed to (Repay): then not the coin but the
    bond is at stake, all of it.
    """
    terms = graph.terms.proposal
    me, other, times = terms.graphs[mine].claimant, 1 - mine, terms.timelocks

    def wants(conf):
        moves = {
            f"{mine}/claim": 0,
            f"{mine}/assert": 0,
            f"{mine}/uncontested_payout": 0,
            f"{mine}/contested_payout": 0,
            f"{other}/contest": 0,
            f"{other}/no_assert": 0,
            f"{other}/disprove/{me}": times.depth,
        }
        if coin_gone(conf):
            left = f"{mine}/contest" not in conf
            moves[f"{mine}/release_bond_contest" if left else f"{mine}/release_bond"] = 0
        return moves

    def may(name, conf):
        kind = name.partition("/")[2]
        if name == stranger:
            return True
        if kind.startswith("disprove"):
            return False  # the predicate of a true claim is true; ours disproves the other claim, if anyone does
        if name == "repay/0":
            return False  # needs both B and the lender's r, and one of them is honest
        return any(party != me for party in graph.spenders[name])

    def wrong(conf):
        if punished(mine, conf):
            return "the claimant of a true claim lost its bond"
        if paid(other, conf):
            return "the false claim on the same slot was paid"
        return None

    def missing(conf):
        if not stranger and not paid(mine, conf):
            return "a true claim was never paid"
        if stranger in conf and not settled(mine, conf):
            return "the bond never came back"
        if f"{mine}/release_bond" in conf and f"{mine}/contest" not in conf:
            return "a part of the bond never came back"
        return None

    return Scenario(
        start=("prefund", "vault"),
        latency=times.margin,
        depth=times.depth,
        wants=wants,
        may=may,
        wrong=wrong,
        missing=missing,
        idle=over,
    )


def alone(graph: VaultGraph, *, start: tuple[str, ...], wants: tuple[str, ...], missing: str) -> Scenario:
    """Only B acts, everyone else is silent or gone: the last of `wants` must come about."""
    times = graph.terms.proposal.timelocks
    return Scenario(
        start=start,
        latency=times.margin,
        depth=times.depth,
        wants=lambda conf: dict.fromkeys(wants, 0),
        may=lambda name, conf: False,
        idle=lambda name, conf: False,
        wrong=lambda conf: None,
        missing=lambda conf: None if wants[-1] in conf else missing,
    )


FUNDED, OPEN = ("prefund",), ("prefund", "vault")
HOME = "the coin never came home"

# Each promise of the game, by name.
SCENARIOS = {
    "false withdrawal, W honest": lambda g: false_claims(g, CHALLENGER, (0,), OPEN),
    "false withdrawal, L honest": lambda g: false_claims(g, LENDER, (0,), OPEN),
    "false default, B honest": lambda g: false_claims(g, BORROWER, (1,), OPEN),
    "false default, W honest": lambda g: false_claims(g, CHALLENGER, (1,), OPEN),
    "false claim before the vault exists": lambda g: false_claims(g, CHALLENGER, (0,), FUNDED),
    "true withdrawal": lambda g: true_claim(g, 0),
    "true default": lambda g: true_claim(g, 1),
    "true withdrawal, coin repaid": lambda g: true_claim(g, 0, stranger="repay/0"),
    "true default, coin repaid": lambda g: true_claim(g, 1, stranger="repay/0"),
    "the loan is taken": lambda g: alone(g, start=(), wants=("prefund", "vault"), missing="no vault came about"),
    "no vault comes about": lambda g: alone(g, start=FUNDED, wants=("refund/0",), missing=HOME),
    "everyone else vanishes": lambda g: alone(g, start=OPEN, wants=("deadman/0",), missing=HOME),
    "the repayment is taken": lambda g: alone(g, start=OPEN, wants=("repay/0",), missing=HOME),
}


def play(graph: VaultGraph, scenario: str, *, without: str = ""):
    return search(board_of(graph, without=without), SCENARIOS[scenario](graph))


def test_the_scaled_timelocks_pass_the_checks_of_real_ones() -> None:
    assert check_proposal(proposal(SMALL)).timelocks == SMALL


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_adversary_beats_an_honest_party(scenario: str) -> None:
    assert play(GRAPH, scenario) is None


def test_one_honest_challenger_stops_two_false_claims_at_once() -> None:
    # This adversary can always repay, so DeadMan would only add ages to remember.
    board = board_of(GRAPH, without="deadman/0")
    assert search(board, false_claims(GRAPH, CHALLENGER, (0, 1), OPEN)) is None


# inequality -> (timelock that is lowered, scenario that is then lost)
TIGHT = {
    "1 contest": ("contest", "false withdrawal, W honest"),
    "2 assert": ("assert_", "true withdrawal"),
    "4 verdict": ("verdict", "false withdrawal, W honest"),
    "5 bond_release": ("bond_release", "false withdrawal, W honest"),
}


@pytest.mark.parametrize(("name", "field", "scenario"), [(name, *row) for name, row in TIGHT.items()])
def test_each_inequality_violated_by_one_block_is_refused_and_loses(name: str, field: str, scenario: str) -> None:
    rule = next(rule for rule in INEQUALITIES if rule.name == name)
    good = proposal(SMALL)
    # The good set holds by one block only, so a rule that asked for less, or for more than the game needs, shows here.
    assert rule.left_value(good) - rule.right_value(good) == 1
    broken = msgspec.structs.replace(SMALL, **{field: getattr(SMALL, field) - 1})
    with pytest.raises(TermsFault, match=name):
        check_proposal(proposal(broken))
    line, why = play(graph_of(broken), scenario)
    assert line, why


def test_every_inequality_is_in_the_game_but_the_two_with_slack_for_people() -> None:
    assert {rule.name for rule in INEQUALITIES} - set(TIGHT) == {"6 refund", "7 dead_man"}


def test_a_dead_man_shorter_than_a_dispute_takes_the_coin_from_a_true_claim() -> None:
    broken = msgspec.structs.replace(SMALL, dead_man=SMALL.verdict + 2)
    with pytest.raises(TermsFault, match="7 dead_man"):
        check_proposal(proposal(broken))
    line, why = play(graph_of(broken), "true default")
    assert line[-1][1].startswith("deadman") or any(name == "deadman/0" for _, name in line), why


# transaction -> the promise that breaks without it
NEEDED = {
    "prefund": "the loan is taken",
    "vault": "the loan is taken",
    "refund/0": "no vault comes about",
    "repay/0": "the repayment is taken",
    "deadman/0": "everyone else vanishes",
    "0/claim": "true withdrawal",
    "0/contest": "false withdrawal, W honest",
    "0/uncontested_payout": "true withdrawal",
    "0/no_assert": "false withdrawal, W honest",
    "0/assert": "true withdrawal",
    "0/disprove/1": "false withdrawal, L honest",
    "0/disprove/2": "false withdrawal, W honest",
    "0/contested_payout": "true withdrawal",
    "0/release_bond": "true withdrawal, coin repaid",
    "0/release_bond_contest": "true withdrawal, coin repaid",
    "1/claim": "true default",
    "1/contest": "false default, W honest",
    "1/uncontested_payout": "true default",
    "1/no_assert": "false default, W honest",
    "1/assert": "true default",
    "1/disprove/0": "false default, B honest",
    "1/disprove/2": "false default, W honest",
    "1/contested_payout": "true default",
    "1/release_bond": "true default, coin repaid",
    "1/release_bond_contest": "true default, coin repaid",
}


def test_the_table_of_needed_transactions_names_every_one() -> None:
    assert NEEDED.keys() == GRAPH.templates.keys()


@pytest.mark.parametrize(("name", "scenario"), NEEDED.items())
def test_without_any_one_transaction_somebody_honest_loses(name: str, scenario: str) -> None:
    lost = play(GRAPH, scenario, without=name)
    assert lost is not None
    assert name not in [played for _, played in lost[0]]
