"""What each engine lets a party publish once the claim was asserted: the part of the agenda that engines differ in.

Promise: `ANSWERING` has one row an engine; what follows from it reads where every challenger stands, not which engine a
graph has. Only secrets wait for burial: Disprove shows the logarithm of O_k, Reveal the labels of what was asserted.

core: an Assert whose digits make the predicate false gives the challenger the logarithm of O_k -> Disprove.
babe: a challenger that sees nothing prove the claim reveals the labels of the asserted digits, at the risk of its stake;
a claimant with a valid proof learns the logarithm of F_k from them -> Refute, else NoPayout. What proves a babe claim
is no matter of its digits: a verdict on one witness of Assert is a verdict on all of them, and "proven" is for ever.
A Reveal that is out is out: after a reorg the same witness goes out again, whichever Assert the chain then holds.
This module does NOT know the phases before Assert (see `deadlines`) nor how anything is learned.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from challenge.facts import key
from challenge.game import Answer, GraphPhase, GraphView
from challenge.states import Job, Seen, VaultState

YES: Final = b"\x01"
NO: Final = b"\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Transaction `name` may be in a block of height `since` or later; at `until` someone else may move."""

    name: str
    since: int
    until: int | None
    why: str


def verdict_key(graph: int, asserted: Seen) -> str:
    """The fact that says what evaluating this very witness of Assert gave; another witness is another fact."""
    return key("verdict", graph, int.from_bytes(asserted.raw, "big"))


def answer_key(graph: int, challenger: int, revealed: Seen) -> str:
    """The fact that says what decrypting with this very witness of Reveal gave."""
    return key("answer", graph, challenger, int.from_bytes(revealed.raw, "big"))


def is_proven(state: VaultState, g: int) -> bool:
    """Whether this party knows that the claim of a babe graph is proven: by the claimant's proof, or by a verdict."""
    return state.facts.get(key("proven", g)) == YES or NO in _said(state, key("verdict", g)).values()


def is_doubted(state: VaultState, g: int) -> bool:
    """Whether some verdict of this party said that nothing proves the claim of a babe graph, and nothing has since."""
    return YES in _said(state, key("verdict", g)).values() and not is_proven(state, g)


def learned_from(state: VaultState, g: int, k: int) -> bytes | None:
    """The Reveal witness (bulk value id) that gave the logarithm of F_k, be it on chain now or not; None if none did."""
    said = _said(state, key("answer", g, k))
    return next((witness for witness, value in sorted(said.items()) if value == YES), None)


def _said(state: VaultState, prefix: str) -> Mapping[bytes, bytes]:
    """The values of all facts `prefix/x`, by witness."""
    start = f"{prefix}/"
    return {
        int(name.removeprefix(start)).to_bytes(32, "big"): value
        for name, value in state.facts.items()
        if name.startswith(start)
    }


# ---- core ------------------------------------------------------------------------------------------------------------
def _disprove(state: VaultState, game: GraphView, g: int) -> Iterator[Due]:
    if game.phase is GraphPhase.ASSERTED and state.facts.get(verdict_key(g, game.mined["assert"])) == YES:
        locks, asserted = state.proposal.timelocks, game.mined["assert"].height
        yield Due(
            name=f"{g}/disprove/{state.me}",
            since=asserted + locks.depth + 1,
            until=asserted + locks.verdict,
            why="the claim is false",
        )


# ---- babe ------------------------------------------------------------------------------------------------------------
def _answer(state: VaultState, game: GraphView, g: int) -> Iterator[Due]:
    """Of a challenger: reveal, then take what the answer is worth."""
    match game.answers[state.me]:
        case Answer.SILENT:
            yield from _reveal(state, game, g)
            yield from _help(state, game, g)
        case Answer.REVEALED if game.phase is GraphPhase.ASSERTED:
            yield _no_payout(state, game, g, state.me)
        case Answer.REVEALED:
            locks = state.proposal.timelocks
            yield Due(
                name=f"{g}/stake_back/{state.me}",
                since=game.mined[f"reveal/{state.me}"].height + locks.refute + locks.margin,
                until=None,
                why="payout is spent already: the stake comes back",
            )
        case _:
            yield from _help(state, game, g)


def _reveal(state: VaultState, game: GraphView, g: int) -> Iterator[Due]:
    wanted = key("want_reveal", g) in state.facts
    if game.phase is GraphPhase.ASSERTED and (wanted or is_doubted(state, g)):
        locks, asserted = state.proposal.timelocks, game.mined["assert"].height
        yield Due(
            name=f"{g}/reveal/{state.me}",
            since=asserted + locks.depth + 1,
            until=asserted + locks.verdict,
            why="the operator insists" if wanted else "nothing proves the claim",
        )


def _help(state: VaultState, game: GraphView, g: int) -> Iterator[Due]:
    """Whoever has nothing at risk may publish the first NoPayout of another: a claim nobody refutes must not be paid."""
    if game.phase is not GraphPhase.ASSERTED or is_proven(state, g):
        return
    others = [_no_payout(state, game, g, k) for k, answer in game.answers.items() if answer is Answer.REVEALED]
    yield from sorted(others, key=lambda item: (item.since, item.name))[:1]


def _no_payout(state: VaultState, game: GraphView, g: int, k: int) -> Due:
    return Due(
        name=f"{g}/no_payout/{k}",
        since=game.mined[f"reveal/{k}"].height + state.proposal.timelocks.refute,
        until=None,
        why="nobody refuted",
    )


ANSWERING: Final[Mapping[str, Callable[[VaultState, GraphView, int], Iterator[Due]]]] = {
    "core": _disprove,
    "babe": _answer,
}
"""What a challenger publishes after Assert, by engine."""


# ---- what follows where challengers have answered: nobody does in a core graph ---------------------------------------
def refutations(state: VaultState, game: GraphView, g: int) -> Iterator[Due]:
    """Of the claimant, also when the vault coin is gone: else NoPayout takes the bond. And the stake is its own."""
    for k, answer in game.answers.items():
        if answer is Answer.REVEALED and learned_from(state, g, k) is not None:
            revealed = game.mined[f"reveal/{k}"].height
            yield Due(
                name=f"{g}/refute/{k}",
                since=revealed + 1,
                until=revealed + state.proposal.timelocks.refute,
                why="the proof of the claim is valid",
            )


def evaluations(state: VaultState, game: GraphView, g: int) -> Iterator[Job]:
    """Of a challenger: once for each witness of Assert that the chain has held."""
    if game.phase is GraphPhase.ASSERTED and verdict_key(g, game.mined["assert"]) not in state.facts:
        yield Job(kind="evaluate", indices=(g,), ref=game.mined["assert"].raw)


def decryptions(state: VaultState, game: GraphView, g: int) -> Iterator[Job]:
    """Of the claimant: once for each witness of a Reveal, until one of them gave the logarithm of F_k."""
    for k in unanswered(state, game, g):
        revealed = game.mined[f"reveal/{k}"]
        if answer_key(g, k, revealed) not in state.facts:
            yield Job(kind="decrypt", indices=(g, k), ref=revealed.raw)


def unanswered(state: VaultState, game: GraphView, g: int) -> Iterator[int]:
    """The challengers whose Reveal is on chain and has not given the claimant the logarithm of F_k."""
    for k, answer in game.answers.items():
        if answer is Answer.REVEALED and learned_from(state, g, k) is None:
            yield k


def silent(game: GraphView) -> tuple[int, ...]:
    """The challengers that may still reveal, and have not."""
    return tuple(k for k, answer in game.answers.items() if answer is Answer.SILENT)
