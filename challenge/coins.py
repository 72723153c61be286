"""Bonds and stakes: which still guard something, and which may go home.

Promise: a pure function of the state. A coin is free only when nothing it was posted for can need it any more, and that
is buried as deep as Terms ask. This module does NOT know outpoints or wallets: graphs and parties only.
"""

from dataclasses import dataclass

from challenge.facts import challengers_of
from challenge.game import GRAPH_ENDS, SLOT_ENDS, Answer, GraphPhase, View, fold
from challenge.rules import answered_by, claimed_by
from challenge.states import Stage, VaultState


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """Who can still play a graph: the claimant with its bond, and these challengers (babe: with a stake)."""

    graph: int
    bond: bool
    challengers: tuple[int, ...]


def armed(state: VaultState) -> tuple[Armed, ...]:
    """One entry a graph. A babe challenger that spent its stake elsewhere can stop nobody; in core nothing disarms one."""
    graphs = fold(state.proposal, state.log).graphs
    return tuple(
        Armed(
            graph=g,
            bond=game.phase is GraphPhase.ARMED,
            challengers=tuple(
                k for k in challengers_of(state.proposal, g) if game.answers.get(k, Answer.SILENT) is Answer.SILENT
            ),
        )
        for g, game in enumerate(graphs)
    )


def armed_bonds(state: VaultState) -> tuple[int, ...]:
    """The graphs of this party whose bond nothing has spent yet, in a vault that has not ended."""
    return _armed_bonds(state, fold(state.proposal, state.log)) if state.end is None else ()


def _armed_bonds(state: VaultState, view: View) -> tuple[int, ...]:
    return tuple(g for g in claimed_by(state.proposal, state.me) if view.graphs[g].phase is GraphPhase.ARMED)


def armed_stakes(state: VaultState) -> tuple[int, ...]:
    """The graphs in which nothing has spent this party's stake yet, in a vault that has not ended."""
    return _armed_stakes(state, fold(state.proposal, state.log)) if state.end is None else ()


def _armed_stakes(state: VaultState, view: View) -> tuple[int, ...]:
    return tuple(
        g
        for g, _ in answered_by(state.proposal, state.me)
        if view.graphs[g].answers[state.me] in (Answer.SILENT, Answer.CLOSED)
    )


def free_bonds(state: VaultState, tip: int) -> tuple[int, ...]:
    """The graphs of this party whose bond no claim needs: the setup ended, or the slot did and that is buried.

    A halted vault keeps its coins where they are: nobody knows what its chain holds.
    """
    if state.end is not None:
        return claimed_by(state.proposal, state.me) if state.end[0] == Stage.ABORTED.value else ()
    view = fold(state.proposal, state.log)
    over = _slots_over(state, view, tip)
    return tuple(g for g in _armed_bonds(state, view) if state.proposal.graphs[g].slot in over)


def free_stakes(state: VaultState, tip: int) -> tuple[int, ...]:
    """The graphs in which this party needs its stake no more: nothing claims there, and nothing can.

    The graph's game has ended, or it never began and its slot has ended; either is buried. While a claim runs the stake
    stays, also when the vault coin is gone: a false claim must not get its bond back.
    """
    if state.end is not None:
        mine = tuple(g for g, _ in answered_by(state.proposal, state.me))
        return mine if state.end[0] == Stage.ABORTED.value else ()
    view, depth = fold(state.proposal, state.log), state.proposal.timelocks.depth
    graphs, over = view.graphs, _slots_over(state, view, tip)
    return tuple(
        g
        for g in _armed_stakes(state, view)
        if (graphs[g].phase in GRAPH_ENDS and tip - graphs[g].height >= depth)
        or (graphs[g].phase is GraphPhase.ARMED and state.proposal.graphs[g].slot in over)
    )


def _slots_over(state: VaultState, view: View, tip: int) -> frozenset[int]:
    depth = state.proposal.timelocks.depth
    return frozenset(s for s, slot in enumerate(view.slots) if slot.phase in SLOT_ENDS and tip - slot.height >= depth)
