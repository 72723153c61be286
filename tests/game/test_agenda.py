"""The honest side of the game is what the machine does: in random plays both want the same in the same block.

`test_game` says by hand what an honest party publishes, and searches every play; the product asks `challenge.deadlines`.
Here the two are compared, block by block, for the party whose promise a scenario is about.
"""

from __future__ import annotations

from random import Random

import pytest

from challenge.answers import NO, YES, answer_key, verdict_key
from challenge.deadlines import due
from challenge.facts import key
from challenge.rules import claimed_by, contested_by, milestones
from challenge.states import Seen, VaultState
from tests.game.search import OUTSIDE, moves
from tests.game.test_game import GRAPHS, OPEN, SCENARIOS, coin_gone
from tests.vault_kit import BORROWER, CHALLENGER, LENDER

# scenario -> the honest party, and the graph it claims itself, truly
PARTIES = {
    "false withdrawal, W honest": (CHALLENGER, None),
    "false withdrawal, L honest": (LENDER, None),
    "false default, B honest": (BORROWER, None),
    "false default, W honest": (CHALLENGER, None),
    "true withdrawal": (BORROWER, 0),
    "true default": (LENDER, 1),
    "true withdrawal, coin repaid": (BORROWER, 0),
}
SEEN = {  # (engine, all claims are false): what the plays must have come to, or they mean little
    ("core", True): {"disprove"},
    ("core", False): {"claim", "assert", "contested_payout"},
    ("babe", True): {"reveal", "no_payout", "stake_back"},
    ("babe", False): {"claim", "assert", "refute", "contested_payout"},
}
UNWATCHED = ("prefund", "vault", "refund/0", "repay/0", "deadman/0")  # no part of a dispute


def state_of(graph, me: int, mine: int | None, conf) -> VaultState:
    """What the honest party knows once these are confirmed: verdicts and answers come as soon as they can."""
    proposal = graph.terms.proposal
    log = tuple(
        Seen(name=name, txid=b"", height=height, raw=name.encode())
        for name, height in sorted(conf.items(), key=lambda item: item[1])
        if name != OUTSIDE
    )
    facts = {name: b"" for _, names in milestones(proposal, me) for name in names}
    facts |= {key("want_contest", g): b"" for g in contested_by(proposal, me)}
    facts |= {key("want_claim", g): b"" for g in claimed_by(proposal, me) if g == mine}
    for seen in log:
        graph_, _, kind = seen.name.partition("/")
        if kind == "assert" and int(graph_) != mine:
            facts[verdict_key(int(graph_), seen)] = YES
        if kind.startswith("reveal/"):
            facts[answer_key(int(graph_), int(kind[7:]), seen)] = YES if int(graph_) == mine else NO
    return VaultState(proposal=proposal, me=me, facts=facts, log=log)


def can_be(move, conf, now: int, spent, *, burial: int | None) -> bool:
    """Whether a block at `now` may hold it; with a burial, whether an honest party publishes it by then."""
    if move.name in conf or any(x.outpoint in spent or x.parent not in conf for x in move.spends):
        return False
    least = 0 if burial is None else 1
    return all(now - conf[x.parent] >= max(x.delay, least) + (burial or 0) for x in move.spends)


@pytest.mark.parametrize("engine", GRAPHS)
@pytest.mark.parametrize("name", PARTIES)
def test_the_machine_wants_what_the_search_lets_an_honest_party_want(engine: str, name: str) -> None:
    graph, (me, mine) = GRAPHS[engine], PARTIES[name]
    board, scenario = moves(graph.templates.values()), SCENARIOS[name](graph)
    wanted: set[str] = set()
    for seed in range(40):
        random, conf = Random(seed), dict.fromkeys((OUTSIDE, *OPEN), 0)
        for now in range(1, 40):
            order = sorted(board)
            random.shuffle(order)
            spent = {x.outpoint for each in conf if each in board for x in board[each].spends}
            wants = scenario.wants(conf)
            expected = {each for each, burial in wants.items() if can_be(board[each], conf, now, spent, burial=burial)}
            said = {item.name for item in due(state_of(graph, me, mine, conf), now - 1)} - set(UNWATCHED)
            # A NoPayout of another's, published for it, is more than the promise needs; a claim that was published while
            # the coin was there may still be mined, so the search keeps it.
            help_ = {f"{g}/no_payout/{k}" for g in (0, 1) for k in range(3) if k != me}
            late = {f"{mine}/claim"} if coin_gone(conf) else set()
            watched = {each for each in said - help_ if any(each.startswith(want[:2]) for want in wants)}
            assert watched == expected - late, (seed, now, conf)
            wanted |= expected
            for each in order:
                spent = {x.outpoint for each in conf if each in board for x in board[each].spends}
                honest = each in expected and random.random() < 0.7
                theirs = scenario.may(each, conf) and random.random() < 0.2
                if (honest or theirs) and can_be(board[each], conf, now, spent, burial=None):
                    conf[each] = now
    answers = {each.split("/")[1] for each in wanted}
    assert answers >= {"contest", "no_assert"} | SEEN[engine, mine is None]
