"""The dispute game and the life of a slot, folded from the vault's transactions on chain.

Promise: the phase of every graph and slot is a pure function of the log of mined transactions. A reorg is a shorter
log, folded again: there is nothing to undo. The tables below are everything that can happen; they render themselves
into docs/machine.md. A transaction the tables do not allow cannot be in a valid chain: `fold` raises Impossible and the
vault halts.
This module does NOT know who we are, what we want, or any timelock (see `deadlines`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from challenge.facts import challengers_of, has
from challenge.states import Seen
from vault.terms import Proposal


class GraphPhase(Enum):
    """Where the game of one graph (claimant, outcome, slot) stands."""

    ARMED = "armed"
    CLAIMED = "claimed"
    CONTESTED = "contested"
    ASSERTED = "asserted"
    PAID = "paid"
    DEFAULTED = "defaulted"
    DISPROVED = "disproved"
    RELEASED = "released"
    DISARMED = "disarmed"


class SlotPhase(Enum):
    """Where the coin of one slot is."""

    UNFUNDED = "unfunded"
    PREFUNDED = "prefunded"
    OPEN = "open"
    REFUNDED = "refunded"
    CLOSED = "closed"


GRAPH_TABLE: Final[dict[tuple[GraphPhase, str], GraphPhase]] = {
    (GraphPhase.ARMED, "claim"): GraphPhase.CLAIMED,
    (GraphPhase.ARMED, "foreign/bond"): GraphPhase.DISARMED,
    (GraphPhase.CLAIMED, "contest"): GraphPhase.CONTESTED,
    (GraphPhase.CLAIMED, "uncontested_payout"): GraphPhase.PAID,
    (GraphPhase.CLAIMED, "release_bond_contest"): GraphPhase.RELEASED,
    (GraphPhase.CLAIMED, "release_bond"): GraphPhase.RELEASED,
    (GraphPhase.CLAIMED, "foreign/contest"): GraphPhase.RELEASED,
    (GraphPhase.CLAIMED, "foreign/payout"): GraphPhase.RELEASED,
    (GraphPhase.CONTESTED, "assert"): GraphPhase.ASSERTED,
    (GraphPhase.CONTESTED, "no_assert"): GraphPhase.DEFAULTED,
    (GraphPhase.CONTESTED, "release_bond"): GraphPhase.RELEASED,
    (GraphPhase.CONTESTED, "foreign/payout"): GraphPhase.RELEASED,
    (GraphPhase.ASSERTED, "disprove"): GraphPhase.DISPROVED,
    (GraphPhase.ASSERTED, "no_payout"): GraphPhase.DISPROVED,
    (GraphPhase.ASSERTED, "contested_payout"): GraphPhase.PAID,
    (GraphPhase.ASSERTED, "release_bond"): GraphPhase.RELEASED,
    (GraphPhase.ASSERTED, "foreign/payout"): GraphPhase.RELEASED,
    # what is left over once the game is decided moves no money of the game: contest, assertion, arenas
    (GraphPhase.RELEASED, "contest"): GraphPhase.RELEASED,
    (GraphPhase.RELEASED, "assert"): GraphPhase.RELEASED,
    (GraphPhase.RELEASED, "release_bond"): GraphPhase.RELEASED,
    (GraphPhase.RELEASED, "foreign/contest"): GraphPhase.RELEASED,
    (GraphPhase.RELEASED, "foreign/payout"): GraphPhase.RELEASED,
}


class Answer(Enum):
    """Where one challenger of a babe graph stands. Whatever happens to the graph, its stake has a way of its own."""

    SILENT = "silent"
    DISARMED = "disarmed"
    CLOSED = "closed"
    REVEALED = "revealed"
    REFUTED = "refuted"
    KILLED = "killed"
    RETURNED = "returned"


ANSWER_TABLE: Final[dict[tuple[Answer, str], Answer]] = {
    (Answer.SILENT, "reveal"): Answer.REVEALED,
    (Answer.SILENT, "foreign/stake"): Answer.DISARMED,
    (Answer.SILENT, "foreign/arena"): Answer.CLOSED,
    (Answer.CLOSED, "foreign/stake"): Answer.DISARMED,
    (Answer.DISARMED, "foreign/arena"): Answer.DISARMED,
    (Answer.REVEALED, "refute"): Answer.REFUTED,
    (Answer.REVEALED, "foreign/refute"): Answer.REFUTED,
    (Answer.REVEALED, "no_payout"): Answer.KILLED,
    (Answer.REVEALED, "stake_back"): Answer.RETURNED,
}
"""Of these, no_payout alone moves the graph too: it spends payout."""
ANSWERS: Final = frozenset(kind for _, kind in ANSWER_TABLE)
ANSWERED_IN: Final = frozenset({GraphPhase.ASSERTED, GraphPhase.PAID, GraphPhase.DISPROVED, GraphPhase.RELEASED})
"""The phases in which an arena may exist, and so an answer; a stranger takes a stake or an arena whenever it can."""
LEFTOVER: Final = "foreign/arena"
"""An arena nobody used goes back to the claimant; in a core graph nothing depends on it."""

SLOT_TABLE: Final[dict[tuple[SlotPhase, str], SlotPhase]] = {
    (SlotPhase.UNFUNDED, "prefund"): SlotPhase.PREFUNDED,
    (SlotPhase.UNFUNDED, "foreign/prefund_input"): SlotPhase.REFUNDED,
    (SlotPhase.REFUNDED, "foreign/prefund_input"): SlotPhase.REFUNDED,
    (SlotPhase.PREFUNDED, "vault"): SlotPhase.OPEN,
    (SlotPhase.PREFUNDED, "refund"): SlotPhase.REFUNDED,
    (SlotPhase.PREFUNDED, "foreign/prefund"): SlotPhase.REFUNDED,
    (SlotPhase.OPEN, "repay"): SlotPhase.CLOSED,
    (SlotPhase.OPEN, "deadman"): SlotPhase.CLOSED,
    (SlotPhase.OPEN, "liquidate"): SlotPhase.CLOSED,
    (SlotPhase.OPEN, "uncontested_payout"): SlotPhase.CLOSED,
    (SlotPhase.OPEN, "contested_payout"): SlotPhase.CLOSED,
    (SlotPhase.OPEN, "foreign/vault"): SlotPhase.CLOSED,
}
GRAPH_ENDS: Final = frozenset(
    {GraphPhase.PAID, GraphPhase.DEFAULTED, GraphPhase.DISPROVED, GraphPhase.RELEASED, GraphPhase.DISARMED}
)
SLOT_ENDS: Final = frozenset({SlotPhase.REFUNDED, SlotPhase.CLOSED})
PAYOUTS: Final = frozenset({"uncontested_payout", "contested_payout"})


class Impossible(Exception):
    """The log holds a transaction that no valid chain can hold at that point."""


@dataclass(slots=True)
class GraphView:
    """One graph: its phase, the mined transactions of the game by kind (`reveal/2` with an index), and how it ended.

    `answers`: where every challenger stands (engine babe; empty for core). `last`, `height`: the transaction that moved
    the graph last.
    """

    answers: dict[int, Answer]
    phase: GraphPhase = GraphPhase.ARMED
    mined: dict[str, Seen] = field(default_factory=dict)
    last: str = ""
    height: int = 0


@dataclass(slots=True)
class SlotView:
    """One slot: its phase and the height of its last change. `by` names what closed it."""

    phase: SlotPhase = SlotPhase.UNFUNDED
    height: int = 0
    by: str = ""


@dataclass(slots=True)
class View:
    """The folded chain. Rebuilt from the log whenever it is needed, never stored."""

    graphs: list[GraphView]
    slots: list[SlotView]


def split(name: str) -> tuple[int | None, str, int | None]:
    """(graph, kind, last index) of a name: '3/disprove/1' is (3, 'disprove', 1), 'repay/2' is (None, 'repay', 2)."""
    words = name.split("/")
    graph = int(words.pop(0)) if words[0].isdecimal() else None
    index = int(words.pop()) if words and words[-1].isdecimal() else None
    return graph, "/".join(words), index


def slots_of(proposal: Proposal, kind: str, index: int | None) -> range | None:
    """The slots that a transaction of the vault itself moves; None when it has no such slot.

    Without an index all of them. The index of `liquidate` is that of a fast liquidation of the loan, not of a slot.
    """
    if index is None:
        return range(len(proposal.slots))
    if kind == "liquidate":
        index = proposal.fast[index].slot if index < len(proposal.fast) else len(proposal.slots)
    return range(index, index + 1) if index < len(proposal.slots) else None


def fold(proposal: Proposal, log: Iterable[Seen]) -> View:
    """Replay the log. Raises Impossible when the tables have no row for a transaction."""
    view = View(
        [GraphView(answers=_silent(proposal, g)) for g in range(len(proposal.graphs))],
        [SlotView() for _ in proposal.slots],
    )
    for seen in log:
        graph, kind, index = split(seen.name)
        moved = slots_of(proposal, kind, index) if graph is None else ()
        if (graph or 0) >= len(view.graphs) or moved is None:
            raise Impossible(f"{seen.name}: this vault has no such graph or slot, yet block {seen.height} holds it")
        if graph is None:
            for s in moved:
                _move_slot(view.slots[s], kind, seen)
            continue
        game = view.graphs[graph]
        if kind in ANSWERS and (game.answers or kind != LEFTOVER):
            _move_answer(game, graph, kind, index, seen)
        if kind not in ANSWERS or kind == "no_payout":
            _move_graph(game, graph, kind, seen)
        game.mined[kind if index is None else f"{kind}/{index}"] = seen
        if kind in PAYOUTS:
            _move_slot(view.slots[proposal.graphs[graph].slot], kind, seen)
    return view


def _silent(proposal: Proposal, graph: int) -> dict[int, Answer]:
    answering = challengers_of(proposal, graph) if has(proposal, graph, "answers") else ()
    return dict.fromkeys(answering, Answer.SILENT)


def _move_graph(game: GraphView, graph: int, kind: str, seen: Seen) -> None:
    after = GRAPH_TABLE.get((game.phase, kind))
    if after is None:
        raise Impossible(f"graph {graph} is {game.phase.value}: {kind} cannot follow, yet block {seen.height} holds it")
    game.phase, game.height, game.last = after, seen.height, seen.name


def _move_answer(game: GraphView, graph: int, kind: str, index: int | None, seen: Seen) -> None:
    answer = game.answers.get(-1 if index is None else index)
    after = ANSWER_TABLE.get((answer, kind)) if answer is not None else None
    if answer is None or after is None or (game.phase not in ANSWERED_IN and not kind.startswith("foreign/")):
        where = f"challenger {index} of graph {graph} is {answer.value if answer else 'nobody'}"
        raise Impossible(f"{where} ({game.phase.value}): {kind} cannot follow, yet block {seen.height} holds it")
    game.answers[-1 if index is None else index] = after


def _move_slot(slot: SlotView, kind: str, seen: Seen) -> None:
    after = SLOT_TABLE.get((slot.phase, kind))
    if after is None:
        raise Impossible(f"the slot is {slot.phase.value}: {kind} cannot follow, yet block {seen.height} holds it")
    slot.phase, slot.height, slot.by = after, seen.height, seen.name


def forget(log: Sequence[Seen], height: int) -> tuple[Seen, ...]:
    """The log without the blocks from `height` upwards, which left the chain."""
    return tuple(seen for seen in log if seen.height < height)
