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
    must be in the end, judged when waiting changes nothing any more.
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


def _search(board: Mapping[str, Move], s: Scenario) -> tuple[Line, str] | None:
    """A losing line of play and what was lost, or None when no adversary wins.

    A position is what is confirmed and how old it is; an age counts up to where it can still make a difference, so
    there are finitely many positions and waiting ends where nothing changes.
    """
    seen: set[frozenset[tuple[str, int]]] = set()
    enough = s.depth + s.latency + 1  # ages beyond a delay that still matter to an honest transaction

    def position(now: int, conf: Confirmed, alive: list[Move]) -> frozenset[tuple[str, int]]:
        caps = dict.fromkeys(conf, 0)
        for move in alive:
            for x in move.spends:
                if x.parent in caps:
                    caps[x.parent] = max(caps[x.parent], x.delay + enough)
        return frozenset((name, min(now - height, caps[name])) for name, height in conf.items())

    def block(now: int, conf: dict[str, int], line: Line, waited: frozenset[tuple[str, int]] | None):
        if why := s.wrong(conf):
            return line, why
        spent = {x.outpoint for name in conf if name in board for x in board[name].spends}
        alive = [
            move
            for name, move in board.items()
            if name not in conf and not s.idle(name, conf) and not any(x.outpoint in spent for x in move.spends)
        ]
        key = position(now, conf, alive)
        if key == waited:
            why = s.missing(conf)
            return (line, why) if why else None
        if key in seen:  # the order inside a block matters only through what it leads to
            return None
        seen.add(key)
        wants, due = s.wants(conf), False
        for move in alive:
            ages = [(now - conf[x.parent] if x.parent in conf else -1, x.delay) for x in move.spends]
            if any(age < delay or age < 0 for age, delay in ages):
                continue
            possible = s.may(move.name, conf)
            if move.name in wants:
                # Its parents were seen in a block before; then it waits for its burial, then at most `latency` blocks.
                waiting = min(age - max(delay, 1) for age, delay in ages) - wants[move.name]
                possible |= waiting >= 0
                due |= waiting >= s.latency
            if possible:
                lost = block(now, {**conf, move.name: now}, (*line, (now, move.name)), None)
                if lost:
                    return lost
        if due:
            return None  # the adversary cannot end the block without them
        return block(now + 1, conf, line, key)

    return block(1, dict.fromkeys((OUTSIDE, *s.start), 0), (), None)
