"""The one loop of the daemon. Read this first: everything the node does passes through `run`.

    item  <- inbox            a peer's message, an order, a finished job, a block: one union
    turn  <- Book / machine   pure: new states, puts, actions
    commit(turn)              ONE synced batch: states, outbox, wallet, chain position
    dispatch(turn)            send, run, publish: idempotent, repeated after a crash from what the batch holds

Promise: no message, signature or acknowledgement leaves before its commit has returned; whoever waits for an answer hears
what became of the item only then. The loop never waits for a peer, the chain, or a slow job.
This module does NOT know what the actions do (`dispatch`), nor the rules (`challenge`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from challenge.events import Event, Unmined
from challenge.machine import Outcome
from node.book import Book, Sending, Turn, outbox_key
from node.scan import Scanner
from node.store import Put, Store
from vault.terms import Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Something happened to one vault."""

    vault: bytes
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A proposal, by our operator or a peer, already checked."""

    proposal: Proposal
    me: int
    proposer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """A block joined the chain: height, hash (internal order), raw bytes."""

    height: int
    block: bytes
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected:
    """The block at this height left the chain."""

    height: int
    block: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The peer has committed what we sent it, or will never take it: the outbox entry goes."""

    sending: Sending


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrote:
    """Another part of the node (wallet reservations, peers) wants this in the next batch."""

    puts: tuple[Put, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """Another part of the node computes what it writes in the turn itself, when no block can come between; None: nothing."""

    make: Callable[[], Sequence[Put] | None]


Item = Happened | Proposed | Connected | Disconnected | Delivered | Wrote | Computed


@dataclass(slots=True)
class Letter:
    """An item on its way through the loop; `answer` is set when its commit has returned."""

    item: Item
    answer: asyncio.Future[Outcome] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Loop:
    """The inbox and the loop over it. `dispatch` starts what a committed turn asks for and returns at once."""

    def __init__(self, *, book: Book, store: Store, scanner: Scanner, dispatch: Callable[[Item, Turn], None]) -> None:
        self._book, self._store, self._scanner, self._dispatch = book, store, scanner, dispatch
        self._inbox: asyncio.Queue[Letter] = asyncio.Queue()
        self.turns = 0

    def put(self, item: Item) -> asyncio.Future[Outcome]:
        """Queue an item; the future gives its outcome after its commit."""
        letter = Letter(item)
        self._inbox.put_nowait(letter)
        return letter.answer

    @property
    def empty(self) -> bool:
        """True when nothing waits in the inbox."""
        return self._inbox.empty()

    async def run(self) -> None:
        """Run until cancelled, or until a commit fails: then nothing more may leave this process."""
        while True:
            letter = await self._inbox.get()
            turn = self.turn(letter.item)
            self._store.commit(turn.puts)
            self._book.adopt(turn)
            self.turns += 1
            self._dispatch(letter.item, turn)
            if not letter.answer.done():
                letter.answer.set_result(turn.outcome)

    def turn(self, item: Item) -> Turn:
        """What an item changes; nothing is written yet."""
        match item:
            case Happened(vault=vault, event=event):
                if self._book.get(vault) is None:
                    return Turn(outcome=Outcome(kind="refused", reason=f"vault {vault.hex()} is not known here"))
                return self._book.turn(vault, (event,))
            case Proposed(proposal=proposal, me=me, proposer=proposer):
                return self._book.begin(proposal, me=me, proposer=proposer)
            case Connected(height=height, block=block, raw=raw):
                return self._connect(height, block, raw)
            case Disconnected(height=height, block=block):
                return self._disconnect(height, block)
            case Delivered(sending=sending):
                return Turn(outcome=Outcome(kind="applied"), puts=[("outbox", outbox_key(sending), None)])
            case Wrote(puts=puts):
                return Turn(outcome=Outcome(kind="applied"), puts=list(puts))
            case Computed(make=make):
                puts_ = make()
                done = (
                    Outcome(kind="applied") if puts_ is not None else Outcome(kind="refused", reason="nothing to write")
                )
                return Turn(outcome=done, puts=list(puts_ or ()))
            case _:
                assert_never(item)

    def _connect(self, height: int, block: bytes, raw: bytes) -> Turn:
        found = self._scanner.connect(height, block, raw)
        turn = Turn(outcome=Outcome(kind="applied"), puts=list(found.puts))
        for vault, event in found.events:
            _merge(turn, self._book.turn(vault, (event,)))
        return turn

    def _disconnect(self, height: int, block: bytes) -> Turn:
        turn = Turn(outcome=Outcome(kind="applied"), puts=list(self._scanner.disconnect(height, block)))
        for vault, state in list(self._book.items()):
            if state.end is None and state.log and state.log[-1].height >= height:
                _merge(turn, self._book.turn(vault, (Unmined(height=height),)))
        return turn


def _merge(into: Turn, turn: Turn) -> None:
    """Several vaults may be concerned by one block: one turn, one batch. Outcomes other than the usual are kept."""
    into.states |= turn.states
    into.puts += turn.puts
    into.sends += turn.sends
    into.actions += turn.actions
    if turn.outcome.kind in ("alarm", "refused"):
        into.outcome = turn.outcome
