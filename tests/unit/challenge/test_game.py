"""The tables of the game against every way in which a chain can spend the vault's coins."""

from functools import cache

import msgspec
import pytest

from challenge.game import (
    ANSWER_TABLE,
    ANSWERED_IN,
    ANSWERS,
    GRAPH_ENDS,
    GRAPH_TABLE,
    LEFTOVER,
    PAYOUTS,
    SLOT_ENDS,
    SLOT_TABLE,
    Answer,
    GraphPhase,
    Impossible,
    SlotPhase,
    fold,
    forget,
    split,
)
from challenge.states import Seen
from tests.unit.challenge.ceremony import BABE_PROPOSAL, PROPOSAL, seen
from tests.unit.challenge.chainplay import board
from tests.vault_kit import BABE, Kit, graph_terms, make_proposal

OPENING = ("prefund", "vault")


def log(*names):
    return tuple(seen(height, name) for height, name in enumerate(names, start=100))


def phases(*names):
    view = fold(PROPOSAL, log(*names))
    return [game.phase for game in view.graphs], [slot.phase for slot in view.slots]


@cache
def played(engine: str, slots: int, graphs: int, challengers: int):
    """Every log that the chain allows, up to equal coins and equal view, on a small vault; and all rows used."""
    fields = BABE if engine == "babe" else {}
    terms = (graph_terms(**fields), graph_terms(**fields, claimant=1, outcome="default", slot=0))[:graphs]
    small = Kit(
        proposal=make_proposal(graphs=terms, slots=(10_000_000,) * slots, challengers=challengers - 1),
        name=f"small {engine} {slots} {graphs} {challengers}",
        coins=2,
    )
    game = board(small.graph)
    begin = (game.coins, ())
    known, waiting, rows = {game.coins: {()}}, [begin], set()
    folded = {}
    while waiting:
        coins, names = waiting.pop()
        view = fold(small.proposal, log(*names))
        for move, rest in game.next(coins):
            following = (*names, *move.names)
            rows |= {(before, kind) for before, kind in _rows(view, small.proposal, move.names)}
            after = fold(small.proposal, log(*following))
            state = (
                tuple(g.phase for g in after.graphs),
                tuple(s.phase for s in after.slots),
                tuple(answer for g in after.graphs for answer in g.answers.values()),
            )
            if state not in known.setdefault(rest, set()):
                known[rest].add(state)
                waiting.append((rest, following))
                folded[following] = state
    return folded, rows


def _rows(view, proposal, names):
    for name in names:
        graph, kind, number = split(name)
        answers = view.graphs[graph].answers if graph is not None else {}
        if kind == LEFTOVER and not answers:
            continue
        if kind in ANSWERS:
            yield answers[number], kind
            if not kind.startswith("foreign/"):
                yield view.graphs[graph].phase, "answered"
        if graph is not None and (kind not in ANSWERS or kind == "no_payout"):
            yield view.graphs[graph].phase, kind
        if kind in PAYOUTS:
            yield view.slots[proposal.graphs[graph].slot].phase, kind
        if graph is None:
            for slot in view.slots if number is None else [view.slots[number]]:
                yield slot.phase, kind


VAULTS = [("core", 1, 1, 2), ("core", 2, 1, 2), ("core", 1, 2, 2), ("babe", 1, 1, 1), ("babe", 1, 1, 2)]


@pytest.mark.parametrize("vault", VAULTS, ids=str)
def test_the_tables_have_a_row_for_everything_a_chain_can_hold(vault):
    """`fold` raises Impossible when a row is missing; here it folds every chain there is."""
    folded, _ = played(*vault)
    assert len(folded) > 50


def test_every_row_of_the_tables_can_happen():
    rows = set().union(*(played(*vault)[1] for vault in VAULTS))
    answered = {(phase, "answered") for phase in ANSWERED_IN}
    fast = {(SlotPhase.OPEN, "liquidate")}  # of loans: see test_a_fast_liquidation_closes_the_slot_of_its_entry
    assert rows | fast == GRAPH_TABLE.keys() | SLOT_TABLE.keys() | ANSWER_TABLE.keys() | answered


def test_every_phase_is_reached_and_ends_stay_ends():
    reached = {phase for states in played("babe", 1, 1, 1)[0].values() for phases in states for phase in phases}
    assert reached == {*GraphPhase, *SlotPhase, *Answer}
    for (before, _), after in {**GRAPH_TABLE, **SLOT_TABLE}.items():
        if before in GRAPH_ENDS | SLOT_ENDS:
            assert after is before


@pytest.mark.parametrize(
    ("names", "phase"),
    [
        ((), GraphPhase.ARMED),
        (("0/claim",), GraphPhase.CLAIMED),
        (("0/claim", "0/contest"), GraphPhase.CONTESTED),
        (("0/claim", "0/contest", "0/assert"), GraphPhase.ASSERTED),
        (("0/claim", "0/contest", "0/assert", "0/disprove/2"), GraphPhase.DISPROVED),
        (("0/claim", "0/contest", "0/assert", "0/contested_payout"), GraphPhase.PAID),
        (("0/claim", "0/contest", "0/no_assert"), GraphPhase.DEFAULTED),
        (("0/claim", "0/uncontested_payout"), GraphPhase.PAID),
        (("repay/0", "0/claim", "0/release_bond_contest"), GraphPhase.RELEASED),
        (("0/foreign/bond",), GraphPhase.DISARMED),
        (("0/claim", "0/contest", "0/assert", "0/disprove/1", "0/foreign/arena/2"), GraphPhase.DISPROVED),
    ],
)
def test_a_game_is_where_its_transactions_put_it(names, phase):
    assert phases(*OPENING, *names)[0] == [phase, GraphPhase.ARMED]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), [SlotPhase.UNFUNDED] * 2),
        (("prefund",), [SlotPhase.PREFUNDED] * 2),
        (OPENING, [SlotPhase.OPEN] * 2),
        (("prefund", "refund/1"), [SlotPhase.PREFUNDED, SlotPhase.REFUNDED]),
        ((*OPENING, "repay/0"), [SlotPhase.CLOSED, SlotPhase.OPEN]),
        ((*OPENING, "deadman/1"), [SlotPhase.OPEN, SlotPhase.CLOSED]),
        ((*OPENING, "1/claim", "1/uncontested_payout"), [SlotPhase.OPEN, SlotPhase.CLOSED]),
        (("foreign/prefund_input", "foreign/prefund_input"), [SlotPhase.REFUNDED] * 2),
        (("prefund", "foreign/prefund/0", "foreign/prefund/1"), [SlotPhase.REFUNDED] * 2),
        ((*OPENING, "foreign/vault/0"), [SlotPhase.CLOSED, SlotPhase.OPEN]),
    ],
)
def test_a_slot_is_where_its_coin_is(names, expected):
    assert phases(*names)[1] == expected


def test_a_slot_knows_what_moved_it_last_and_when():
    view = fold(PROPOSAL, log(*OPENING, "1/claim", "1/uncontested_payout"))
    assert (view.slots[1].height, view.slots[1].by) == (103, "1/uncontested_payout")
    assert (view.slots[0].height, view.slots[0].by) == (101, "vault")
    assert view.graphs[1].mined["claim"].height == 102
    assert view.graphs[1].last == "1/uncontested_payout"


@pytest.mark.parametrize(
    "names",
    [
        ("vault",),
        ("prefund", "prefund"),
        ("repay/0",),
        ("0/contest",),
        ("0/claim", "0/claim"),
        ("0/claim", "0/assert"),
        ("0/claim", "0/uncontested_payout"),  # the slot is not open
        (*OPENING, "repay/0", "deadman/0"),
        (*OPENING, "0/claim", "0/contest", "0/uncontested_payout"),
        (*OPENING, "0/claim", "0/contest", "0/foreign/assertion"),
        (*OPENING, "0/claim", "0/contest", "0/assert", "0/foreign/verdict"),
        (*OPENING, "0/claim", "0/contest", "0/assert", "0/disprove/1", "0/disprove/2"),
        (*OPENING, "0/claim", "0/contest", "0/assert", "0/disprove/1", "0/contested_payout"),
        ("0/foreign/bond", "0/claim"),
        ("foreign/prefund_input", "prefund"),
        ("2/claim",),
        ("prefund", "refund/2"),
        ("0/unheard_of",),
        ("unheard_of",),
    ],
)
def test_what_no_chain_can_hold_is_impossible(names):
    with pytest.raises(Impossible) as impossible:
        fold(PROPOSAL, log(*names))
    assert str(99 + len(names)) in str(impossible.value)


GAME = (*OPENING, "0/claim", "0/contest", "0/assert")


@pytest.mark.parametrize(
    ("names", "phase", "answers"),
    [
        ((), "asserted", ("silent", "silent")),
        (("0/reveal/1",), "asserted", ("revealed", "silent")),
        (("0/reveal/1", "0/refute/1"), "asserted", ("refuted", "silent")),
        (("0/reveal/1", "0/foreign/refute/1"), "asserted", ("refuted", "silent")),
        (("0/reveal/1", "0/reveal/2", "0/no_payout/2"), "disproved", ("revealed", "killed")),
        (("0/reveal/1", "0/reveal/2", "0/no_payout/2", "0/stake_back/1"), "disproved", ("returned", "killed")),
        (("0/contested_payout", "0/reveal/2", "0/refute/2"), "paid", ("silent", "refuted")),
        (("repay/0", "0/release_bond", "0/reveal/1", "0/stake_back/1"), "released", ("returned", "silent")),
        (("0/foreign/stake/1", "0/foreign/arena/1"), "asserted", ("disarmed", "silent")),
        (("0/foreign/arena/1",), "asserted", ("closed", "silent")),
        (("0/foreign/arena/2", "0/foreign/stake/2"), "asserted", ("silent", "disarmed")),
    ],
)
def test_challengers_of_engine_babe_stand_where_their_transactions_put_them(names, phase, answers):
    game = fold(BABE_PROPOSAL, log(*GAME, *names)).graphs[0]
    assert (game.phase.value, tuple(answer.value for answer in game.answers.values())) == (phase, answers)
    assert {name.removeprefix("0/") for name in names if name.startswith("0/")} <= game.mined.keys()


def test_a_stake_may_be_spent_elsewhere_at_any_time():
    for at in range(len(GAME) + 1):
        game = fold(BABE_PROPOSAL, log(*GAME[:at], "0/foreign/stake/1", *GAME[at:])).graphs[0]
        assert (game.phase, game.answers[1]) == (GraphPhase.ASSERTED, Answer.DISARMED)


@pytest.mark.parametrize(
    "names",
    [
        ("0/reveal/1", "0/reveal/1"),
        ("0/reveal/0",),  # the claimant is no challenger
        ("0/reveal",),
        ("0/refute/1",),
        ("0/no_payout/1",),
        ("0/stake_back/1",),
        ("0/foreign/refute/1",),
        ("0/foreign/stake/1", "0/reveal/1"),
        ("0/foreign/arena/1", "0/reveal/1"),
        ("0/reveal/1", "0/foreign/stake/1"),
        ("0/reveal/1", "0/refute/1", "0/no_payout/1"),
        ("0/reveal/1", "0/contested_payout", "0/no_payout/1"),
        ("0/reveal/1", "0/reveal/2", "0/no_payout/1", "0/no_payout/2"),
        ("1/reveal/0",),  # nobody claimed graph 1
    ],
)
def test_what_no_chain_of_engine_babe_can_hold_is_impossible(names):
    with pytest.raises(Impossible) as impossible:
        fold(BABE_PROPOSAL, log(*GAME, *names))
    assert str(99 + len(GAME) + len(names)) in str(impossible.value)


def test_a_graph_of_engine_core_knows_no_answers():
    assert fold(PROPOSAL, log(*GAME, "0/foreign/arena/1", "0/foreign/arena/1")).graphs[0].answers == {}
    for name in ("0/reveal/1", "0/refute/1", "0/no_payout/1", "0/stake_back/1", "0/foreign/stake/1"):
        with pytest.raises(Impossible):
            fold(PROPOSAL, log(*GAME, name))


def test_forgetting_blocks_gives_the_log_of_the_shorter_chain():
    whole = log(*OPENING, "0/claim", "0/contest")
    for height in range(98, 106):
        assert forget(whole, height) == tuple(item for item in whole if item.height < height)
    assert forget((), 5) == ()


def test_folding_does_not_touch_the_log():
    whole = log(*OPENING, "0/claim")
    before = msgspec.msgpack.encode(whole)
    assert fold(PROPOSAL, whole) == fold(PROPOSAL, whole)
    assert msgspec.msgpack.encode(whole) == before
    assert all(isinstance(item, Seen) for item in whole)
