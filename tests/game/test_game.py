"""The whole game tree on the product's own graph: by the inequalities of `vault.timelocks` no honest party loses.

Timelocks are scaled to single digits and go through the same checks and the same constructor as real ones. What spends
what, and how old it must be, is read off the derived templates. Violating an inequality by one block, or taking any
transaction out of the graph, gives a counterexample. Both engines; other spenders of the vault coin are in the game.
"""

from __future__ import annotations

import msgspec
import pytest

from tests.game.search import Scenario, moves, search
from tests.vault_kit import BABE, BORROWER, CHALLENGER, LENDER, SLOT, Kit, graph_terms, make_proposal
from vault.agreement import Proposal, Timelocks
from vault.faults import TermsFault
from vault.graph import VaultGraph, derive
from vault.terms import check_proposal
from vault.timelocks import INEQUALITIES

SMALL = {
    "core": Timelocks(
        contest=4,
        assert_=4,
        refute=1,
        verdict=5,
        refund=2,
        bond_release=14,
        dead_man=37,
        margin=2,
        depth=1,
    ),
    "babe": Timelocks(
        contest=3,
        assert_=3,
        refute=3,
        verdict=8,
        refund=2,
        bond_release=14,
        dead_man=39,
        margin=1,
        depth=1,
    ),
}


def proposal(engine: str, times: Timelocks) -> Proposal:
    """One slot; B may claim a withdrawal of it (graph 0), L a default (graph 1)."""
    fields = {"digits": 1, "digit_bits": 1, **(BABE if engine == "babe" else {})}
    graphs = (graph_terms(**fields), graph_terms(**fields, claimant=LENDER, outcome="default"))
    made = make_proposal(graphs=graphs, slots=(SLOT,), timelocks=times)
    return msgspec.structs.replace(made, maturity=0, grace=0)


def graph_of(engine: str, times: Timelocks) -> VaultGraph:
    """The product's graph, of terms that were not checked: some of them violate an inequality on purpose."""
    kit = Kit(proposal=proposal(engine, times), name="game")
    return derive(kit.unchecked_terms, kit.points)


GRAPHS = {engine: graph_of(engine, times) for engine, times in SMALL.items()}


def board_of(graph: VaultGraph, *, without: str = ""):
    return moves(graph.templates.values(), without=without)


def paid(g, conf):
    return f"{g}/uncontested_payout" in conf or f"{g}/contested_payout" in conf


def released(g, conf):
    return f"{g}/release_bond" in conf or f"{g}/release_bond_contest" in conf


def punished(g, conf):
    kinds = ("disprove", "no_payout")
    return f"{g}/no_assert" in conf or any(f"{g}/{kind}/{k}" in conf for kind in kinds for k in range(4))


def settled(g, conf):
    """Whatever spends `payout` ends the game of a graph; only stakes are still under way."""
    return paid(g, conf) or released(g, conf) or punished(g, conf)


def coin_gone(conf):
    return any(name in conf for name in ("repay/0", "deadman/0")) or paid(0, conf) or paid(1, conf)


def answers(engine: str, g: int, me: int, depth: int, conf) -> dict[str, int]:
    """What an honest challenger publishes against a false claim that was asserted, and how deep it waits before."""
    if engine == "core":
        return {f"{g}/disprove/{me}": depth}
    back = {f"{g}/stake_back/{me}": 0} if settled(g, conf) else {}
    revealing = {} if settled(g, conf) else {f"{g}/reveal/{me}": depth}
    return {**revealing, f"{g}/no_payout/{me}": 0, **back}


def stake_lost(g: int, me: int, conf) -> str | None:
    """A stake that was risked against a false claim comes back with NoPayout or StakeBack."""
    back = f"{g}/no_payout/{me}" in conf or f"{g}/stake_back/{me}" in conf
    return f"the stake in graph {g} never came back" if f"{g}/reveal/{me}" in conf and not back else None


def over(me: int):
    """What is left of a settled graph moves none of its money but an honest challenger's stake."""

    def idle(name, conf):
        head, _, kind = name.partition("/")
        stake = kind in (f"refute/{me}", f"stake_back/{me}")
        return head.isdigit() and settled(int(head), conf) and not stake

    return idle


def gives_up(kind: str, me: int) -> bool:
    """A dishonest challenger that ends its own answer: it only takes a move from itself. Left out to keep trees small."""
    answer, _, k = kind.partition("/")
    return answer in ("refute", "stake_back") and int(k) != me


def false_claims(graph: VaultGraph, honest: int, claims: tuple[int, ...], start: tuple[str, ...]) -> Scenario:
    """Every claim is false; of three parties one is honest. No claim may be paid, no bond kept, no stake lost.

    The adversary owns both other parties, so it can repay, wait for dead_man, claim and contest as it likes. Engine babe:
    nobody learns the logarithm of the honest challenger's F_k, for there is no proof; a colluder reveals as it likes.
    """
    terms, times = graph.terms.proposal, graph.terms.proposal.timelocks
    watched = [g for g in claims if terms.graphs[g].claimant != honest]

    def wants(conf):
        moves = {}
        for g in watched:
            moves |= {f"{g}/contest": 0, f"{g}/no_assert": 0}
            moves |= answers(terms.graphs[g].engine, g, honest, times.depth, conf)
        return moves

    def may(name, conf):
        head, _, kind = name.partition("/")
        if head.isdigit() and int(head) not in claims:
            return False
        if kind.startswith("disprove"):
            return False  # a challenger of the claimant's taking the bond is a loss of the claimant's: not its game
        if kind == f"refute/{honest}" or gives_up(kind, honest):
            return False
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

    def missing(conf):
        return next((why for g in watched if (why := stake_lost(g, honest, conf))), None)

    return Scenario(
        start=start,
        latency=times.margin,
        depth=times.depth,
        wants=wants,
        may=may,
        wrong=wrong,
        missing=missing,
        idle=over(honest),
    )


def true_claim(graph: VaultGraph, mine: int, *, stranger: str = "") -> Scenario:
    """The claimant of graph `mine` is honest and its claim true; both others are not, and claim falsely themselves.

    `stranger`: a transaction that takes the vault coin another way and was agreed to (Repay): then not the coin but the
    bond is at stake, all of it. Engine babe: both others reveal whatever the proof says.
    """
    terms = graph.terms.proposal
    me, other, times = terms.graphs[mine].claimant, 1 - mine, terms.timelocks
    refutations = {f"{mine}/refute/{k}": 0 for k in terms.challengers(mine) if terms.graphs[mine].engine == "babe"}

    def wants(conf):
        moves = {
            f"{mine}/claim": 0,
            f"{mine}/assert": 0,
            f"{mine}/uncontested_payout": 0,
            f"{mine}/contested_payout": 0,
            f"{other}/contest": 0,
            f"{other}/no_assert": 0,
            **refutations,
            **answers(terms.graphs[other].engine, other, me, times.depth, conf),
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
        if name == f"{other}/refute/{me}" or gives_up(kind, me):
            return False
        if name.startswith(f"{other}/reveal/") and kind != f"reveal/{me}":
            return False  # a colluder punishing its own side: "false withdrawal" and "false default" have it
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
        return stake_lost(other, me, conf)

    return Scenario(
        start=("prefund", "vault"),
        latency=times.margin,
        depth=times.depth,
        wants=wants,
        may=may,
        wrong=wrong,
        missing=missing,
        idle=over(me),
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


both = pytest.mark.parametrize("engine", SMALL)


def play(graph: VaultGraph, scenario: str, *, without: str = ""):
    return search(board_of(graph, without=without), SCENARIOS[scenario](graph))


@both
def test_the_scaled_timelocks_pass_the_checks_of_real_ones(engine: str) -> None:
    assert check_proposal(proposal(engine, SMALL[engine])).timelocks == SMALL[engine]


@both
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_adversary_beats_an_honest_party(engine: str, scenario: str) -> None:
    assert play(GRAPHS[engine], scenario) is None


@both
def test_one_honest_challenger_stops_two_false_claims_at_once(engine: str) -> None:
    # This adversary can always repay, so DeadMan would only add ages to remember.
    board = board_of(GRAPHS[engine], without="deadman/0")
    assert search(board, false_claims(GRAPHS[engine], CHALLENGER, (0, 1), OPEN)) is None


# inequality -> (timelock that is lowered, scenario that is then lost), by engine
TIGHT = {
    ("core", "1 contest"): ("contest", "false withdrawal, W honest"),
    ("core", "2 assert"): ("assert_", "true withdrawal"),
    ("core", "4 verdict"): ("verdict", "false withdrawal, W honest"),
    ("core", "5 bond_release"): ("bond_release", "false withdrawal, W honest"),
    ("babe", "1 contest"): ("contest", "false withdrawal, W honest"),
    ("babe", "2 assert"): ("assert_", "true withdrawal"),
    ("babe", "3 refute"): ("refute", "true withdrawal"),
    ("babe", "4 verdict"): ("verdict", "false withdrawal, W honest"),
    ("babe", "5 bond_release"): ("bond_release", "false withdrawal, W honest"),
}


@pytest.mark.parametrize(("rule", "row"), TIGHT.items(), ids=str)
def test_each_inequality_violated_by_one_block_is_refused_and_loses(rule, row) -> None:
    (engine, name), (field, scenario) = rule, row
    inequality = next(each for each in INEQUALITIES if each.name == name)
    good = proposal(engine, SMALL[engine])
    # The good set holds by one block only, so a rule that asked for less, or for more than the game needs, shows here.
    assert inequality.left_value(good) - inequality.right_value(good) == 1
    broken = msgspec.structs.replace(SMALL[engine], **{field: getattr(SMALL[engine], field) - 1})
    with pytest.raises(TermsFault, match=name):
        check_proposal(proposal(engine, broken))
    line, why = play(graph_of(engine, broken), scenario)
    assert line, why


@both
def test_every_inequality_is_in_the_game_but_the_two_with_slack_for_people(engine: str) -> None:
    asked = {rule.name for rule in INEQUALITIES if rule.asked(proposal(engine, SMALL[engine]))}
    assert asked - {name for of, name in TIGHT if of == engine} == {"6 refund", "7 dead_man"}


@both
def test_a_dead_man_shorter_than_a_dispute_takes_the_coin_from_a_true_claim(engine: str) -> None:
    broken = msgspec.structs.replace(SMALL[engine], dead_man=SMALL[engine].verdict + 2)
    with pytest.raises(TermsFault, match="7 dead_man"):
        check_proposal(proposal(engine, broken))
    line, why = play(graph_of(engine, broken), "true default")
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
    "0/contested_payout": "true withdrawal",
    "0/release_bond": "true withdrawal, coin repaid",
    "0/release_bond_contest": "true withdrawal, coin repaid",
    "1/claim": "true default",
    "1/contest": "false default, W honest",
    "1/uncontested_payout": "true default",
    "1/no_assert": "false default, W honest",
    "1/assert": "true default",
    "1/contested_payout": "true default",
    "1/release_bond": "true default, coin repaid",
    "1/release_bond_contest": "true default, coin repaid",
}
AGAINST = {
    "0/{kind}/1": "false withdrawal, L honest",
    "0/{kind}/2": "false withdrawal, W honest",
    "1/{kind}/0": "false default, B honest",
    "1/{kind}/2": "false default, W honest",
}
REFUTATIONS = {
    "0/refute/1": "true withdrawal",
    "0/refute/2": "true withdrawal",
    "1/refute/0": "true default",
    "1/refute/2": "true default",
}


def against(*kinds: str) -> dict[str, str]:
    """What an honest challenger needs against a false claim."""
    return {name.format(kind=kind): scenario for kind in kinds for name, scenario in AGAINST.items()}


NEEDED_BY = {
    "core": {**NEEDED, **against("disprove")},
    "babe": {**NEEDED, **against("reveal", "no_payout", "stake_back"), **REFUTATIONS},
}


@both
def test_the_table_of_needed_transactions_names_every_one(engine: str) -> None:
    assert NEEDED_BY[engine].keys() == GRAPHS[engine].templates.keys()


@pytest.mark.parametrize(
    ("engine", "name", "scenario"),
    [(engine, name, scenario) for engine, rows in NEEDED_BY.items() for name, scenario in rows.items()],
)
def test_without_any_one_transaction_somebody_honest_loses(engine: str, name: str, scenario: str) -> None:
    lost = play(GRAPHS[engine], scenario, without=name)
    assert lost is not None
    assert name not in [played for _, played in lost[0]]
