"""The game of a loan: a liquidator that paid gets the coin, whoever else claims it, up to the last record that Terms allow.

The claim is true from a record on, which the ledger may hold `last_record` blocks after Vault at the latest; the borrower
takes the coin by DeadMan as soon as it can. One block more and it wins.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from tests.game.search import Move, Scenario, Spend, search
from tests.game.test_game import SMALL, board_of, true_claim
from tests.vault_kit import BORROWER, LENDER, SLOT, Kit, loan, loan_graphs, make_proposal
from vault.agreement import Proposal
from vault.graph import VaultGraph, derive
from vault.terms import check_proposal
from vault.timelocks import last_record, settling

LIQUIDATOR, RIVAL = 2, 3
FALSE, TRUE = 0, 1  # graphs
RECORD = "record"


def proposal(rival: int) -> Proposal:
    """One slot; somebody else's claim is graph 0, a liquidator's graph 1."""
    liquidators = 2 if rival == RIVAL else 1
    every = loan_graphs((SLOT,), liquidators=liquidators, digits=1, digit_bits=1)
    graphs = [graph for who in (rival, LIQUIDATOR) for graph in every if graph.claimant == who]
    lent = loan(timeout=1, rules=msgspec.structs.replace(loan().rules, grace=0))
    times = msgspec.structs.replace(SMALL["babe"], refund=5)
    made = make_proposal(
        graphs=graphs, slots=(SLOT,), liquidators=liquidators, challengers=0, timelocks=times, loan=lent
    )
    return check_proposal(msgspec.structs.replace(made, maturity=0, grace=0))


def board(graph: VaultGraph, record: int) -> dict[str, Move]:
    """With the record as a move of its own, `record` blocks after Vault: Claim waits for it."""
    moves = board_of(graph)
    claim = moves[f"{TRUE}/claim"]
    moves[RECORD] = Move(RECORD, (Spend((b"record", 0), "vault", record),))
    moves[claim.name] = Move(claim.name, (*claim.spends, Spend((b"record", 1), RECORD, 0)))
    return moves


def scenario(graph: VaultGraph) -> Scenario:
    """`true_claim` from the record on. The record is in its block, not late."""
    game = true_claim(graph, TRUE)

    def may(name, conf):
        # Each challenger has its own arena, and test_game has two that reveal: one is enough here and keeps the tree small.
        extra = name in (f"{TRUE}/reveal/{LENDER}", f"{TRUE}/reveal/{RIVAL}")
        return name != RECORD and not extra and game.may(name, conf)

    return replace(
        game,
        wants=lambda conf: {**game.wants(conf), RECORD: -game.latency},
        may=may,
        idle=lambda name, conf: name != RECORD and game.idle(name, conf),
    )


@pytest.mark.parametrize("rival", [BORROWER, RIVAL], ids=["withdraw", "liquidate"])
def test_a_liquidator_gets_the_coin_it_paid_for_up_to_the_last_record_and_not_one_block_later(rival: int) -> None:
    terms = proposal(rival)
    kit = Kit(proposal=terms, name="loan game")
    graph = derive(kit.unchecked_terms, kit.points)
    assert [g.claimant for g in terms.graphs] == [rival, LIQUIDATOR]
    last = last_record(terms)
    assert search(board(graph, last), scenario(graph)) is None
    lost = search(board(graph, last + 1), scenario(graph))
    assert lost is not None
    line, why = lost
    assert why == "a true claim was never paid" and "deadman/0" in [name for _, name in line]


def test_the_time_a_claim_takes_is_more_than_the_design_says_when_assert_is_short() -> None:
    """The design's contest + assert + verdict + 2 * margin would be 16 blocks here: 2 too few for the line of play above."""
    times = SMALL["babe"]
    assert times.contest + times.assert_ + times.verdict + 2 * times.margin == 16
    assert settling(proposal(BORROWER)) == 18
