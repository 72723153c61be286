"""Exhaustive search of a game played with transactions: blocks, delays, and an adversary that orders everything.

Small integers stand for blocks. What a transaction spends, which transaction made that and how old it must be are
read off the templates of a vault graph. The adversary orders transactions inside a block, includes its own whenever
consensus allows, and may delay each honest one until `latency` blocks after the block that made it possible (after its
burial, where a secret waits).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bitcoin_scripts.transaction import Template

DEEP = 20_000  # plays are as deep as the game is long
Confirmed = Mapping[str, int]  # transaction -> block
OUTSIDE = ""  # who made the coins that were there before the game: confirmed at block 0


@dataclass(frozen=True)
class Spend:
    outpoint: tuple[bytes, int]
    parent: str
    delay: int


@dataclass(frozen=True)
class Move:
    name: str
    spends: tuple[Spend, ...]


def moves(templates: Iterable[Template], *, without: str = "") -> dict[str, Move]:
    """The game board: every transaction with what it spends; `without` takes one out, so its outputs never exist."""
    chosen = list(templates)
    names = {template.txid: template.name for template in chosen}
    return {
        template.name: Move(
            template.name,
            tuple(Spend((i.txid, i.vout), names.get(i.txid, OUTSIDE), i.delay) for i in template.inputs),
        )
        for template in chosen
        if template.name != without
    }


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Who wants what.

    `start`: what is in block 0, when the game begins. `wants(confirmed)`: honest transactions and the burial each waits
    for. `may(name, confirmed)`: whether the adversary can sign it. `idle`: a transaction that can change nothing any
    more, left out to keep the tree small. `wrong`: what must never be, judged after every transaction. `missing`: what
    must be in the end, judged when waiting changes nothing any more. All of them read what is confirmed, never since when.
    """

    start: tuple[str, ...]
    latency: int
    depth: int
    wants: Callable[[Confirmed], Mapping[str, int]]
    may: Callable[[str, Confirmed], bool]
    idle: Callable[[str, Confirmed], bool]
    wrong: Callable[[Confirmed], str | None]
    missing: Callable[[Confirmed], str | None]


Line = tuple[tuple[int, str], ...]


def search(board: Mapping[str, Move], s: Scenario) -> tuple[Line, str] | None:
    """As `_search`, with room for deep plays; other tests keep the interpreter's own limit."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(DEEP)
    try:
        return _search(board, s)
    finally:
        sys.setrecursionlimit(limit)


@dataclass(frozen=True, slots=True)
class Here:
    """What follows from which transactions are confirmed, whenever they were: the same at many positions.

    `capped`: for each transaction whose age still matters, up to which age it does. `open`: every transaction that can
    still come, with its parents and delays, whether the adversary can sign it, and the burial an honest party waits
    for (None: no honest party wants it).
    """

    capped: tuple[tuple[str, int], ...]
    open: tuple[tuple[str, tuple[tuple[str, int], ...], bool, int | None], ...]
    wrong: str | None


def _here(board: Mapping[str, Move], s: Scenario, conf: Confirmed) -> Here:
    spent = {x.outpoint for name in conf if name in board for x in board[name].spends}
    alive = [
        move
        for name, move in board.items()
        if name not in conf and not s.idle(name, conf) and not any(x.outpoint in spent for x in move.spends)
    ]
    enough = s.depth + s.latency + 1  # ages beyond a delay that still matter to an honest transaction
    caps = dict.fromkeys(sorted(conf), 0)
    for move in alive:
        for x in move.spends:
            if x.parent in caps:
                caps[x.parent] = max(caps[x.parent], x.delay + enough)
    wants = s.wants(conf)
    return Here(
        capped=tuple((name, cap) for name, cap in caps.items() if cap),
        open=tuple(
            (move.name, tuple((x.parent, x.delay) for x in move.spends), s.may(move.name, conf), wants.get(move.name))
            for move in alive
            if all(x.parent in conf for x in move.spends)
        ),
        wrong=s.wrong(conf),
    )


def _search(board: Mapping[str, Move], s: Scenario) -> tuple[Line, str] | None:
    """A losing line of play and what was lost, or None when no adversary wins.

    A position is what is confirmed and how old it is; an age counts up to where it can still make a difference, so
    there are finitely many positions and waiting ends where nothing changes.
    """
    places: dict[frozenset[str], Here] = {}
    seen: set[tuple[frozenset[str], tuple[int, ...]]] = set()

    def block(now: int, conf: dict[str, int], line: Line, waited: tuple[int, ...] | None):
        names = frozenset(conf)
        here = places.get(names)
        if here is None:
            here = places[names] = _here(board, s, conf)
        if here.wrong:
            return line, here.wrong
        ages = tuple([min(now - conf[name], cap) for name, cap in here.capped])
        if ages == waited:
            why = s.missing(conf)
            return (line, why) if why else None
        key = (names, ages)
        if key in seen:  # the order inside a block matters only through what it leads to
            return None
        seen.add(key)
        due = False
        for name, parents, possible, burial in here.open:
            if any(now - conf[parent] < delay for parent, delay in parents):
                continue
            if burial is not None:
                # Its parents were seen in a block before; then it waits for its burial, then at most `latency` blocks.
                waiting = min(now - conf[parent] - max(delay, 1) for parent, delay in parents) - burial
                possible |= waiting >= 0
                due |= waiting >= s.latency
            if possible:
                lost = block(now, {**conf, name: now}, (*line, (now, name)), None)
                if lost:
                    return lost
        if due:
            return None  # the adversary cannot end the block without them
        return block(now + 1, conf, line, ages)

    return block(1, dict.fromkeys((OUTSIDE, *s.start), 0), (), None)
