"""The vaults of this node: their states in memory, turned by the pure machine into what to commit and what to do.

Promise: a `Turn` holds everything one event changes: the puts of ONE batch and the actions that may follow it. Nothing in
memory changes before `adopt`, which is called when the batch is on disk. This module does NOT write, send or wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from challenge.actions import Action, Close, Run, Send
from challenge.events import Event
from challenge.machine import Outcome, Step, begin, pending, step
from challenge.states import VaultState
from node.faults import LocalFault
from node.store import Put, Store
from vault.terms import Proposal

SEQUENCE = b"outbox sequence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One entry of the outbox: fact `key` of vault `vault` for party `to`; `sequence` counts this node's messages."""

    vault: bytes
    to: int
    key: str
    sequence: int


@dataclass(slots=True, kw_only=True)
class Turn:
    """What one event changes. `states` are the new states by proposal id."""

    outcome: Outcome
    states: dict[bytes, VaultState] = field(default_factory=dict)
    puts: list[Put] = field(default_factory=list)
    sends: list[Sending] = field(default_factory=list)
    actions: list[tuple[bytes, Run | Close]] = field(default_factory=list)


class Book:
    """All vaults of the node, by proposal id (32 bytes)."""

    def __init__(self, states: Mapping[bytes, VaultState], sequence: int) -> None:
        self._states = dict(states)
        self._sequence = sequence

    @classmethod
    def load(cls, store: Store) -> Book:
        """Read every vault back. Raises LocalFault when one cannot be read: never go on with part of the vaults."""
        states: dict[bytes, VaultState] = {}
        for vault, raw in store.items("vaults"):
            states[vault] = decode_state(vault, raw)
        return cls(states, int.from_bytes(store.get("meta", SEQUENCE) or b"", "big"))

    def get(self, vault: bytes) -> VaultState | None:
        """The state of a vault, or None."""
        return self._states.get(vault)

    def items(self) -> Iterable[tuple[bytes, VaultState]]:
        """All vaults."""
        return self._states.items()

    def reopen(self) -> list[tuple[bytes, Run | Close]]:
        """The open actions of every vault, to be taken up again after a restart; sends are in the outbox."""
        return [
            (vault, action)
            for vault, state in self._states.items()
            for action in pending(state)
            if not isinstance(action, Send)
        ]

    def begin(self, proposal: Proposal, *, me: int, proposer: int) -> Turn:
        """A new vault; a known one is a duplicate."""
        vault = proposal.proposal_id
        if vault in self._states:
            return Turn(outcome=Outcome(kind="duplicate", reason="this proposal is known"))
        turn = Turn(outcome=Outcome(kind="applied"))
        self._add(turn, vault, begin(proposal, me=me, proposer=proposer))
        return turn

    def turn(self, vault: bytes, events: Iterable[Event]) -> Turn:
        """Apply events to one vault, in order. The outcome is that of the last event."""
        state = self._states[vault]
        turn = Turn(outcome=Outcome(kind="duplicate", reason="no event"))
        for event in events:
            done = step(state, event)
            state = done.state
            self._add(turn, vault, done)
            turn.outcome = done.outcome
        return turn

    def adopt(self, turn: Turn) -> None:
        """The batch is on disk: the new states are the states."""
        self._states.update(turn.states)
        if turn.sends:
            self._sequence = turn.sends[-1].sequence

    def _add(self, turn: Turn, vault: bytes, done: Step) -> None:
        if turn.states.get(vault, self._states.get(vault)) is not done.state:
            turn.states[vault] = done.state
            turn.puts.append(("vaults", vault, msgspec.msgpack.encode(done.state)))
        turn.puts.extend(("blobs", name, value) for name, value in done.blobs.items())
        for action in done.actions:
            self._act(turn, vault, action)

    def _act(self, turn: Turn, vault: bytes, action: Action) -> None:
        match action:
            case Send(to=to, key=key):
                last = turn.sends[-1].sequence if turn.sends else self._sequence
                sending = Sending(vault=vault, to=to, key=key, sequence=last + 1)
                turn.sends.append(sending)
                turn.puts.append(("outbox", outbox_key(sending), sending.sequence.to_bytes(8, "big")))
                turn.puts.append(("meta", SEQUENCE, sending.sequence.to_bytes(8, "big")))
            case Run() | Close():
                turn.actions.append((vault, action))


def decode_state(vault: bytes, raw: bytes) -> VaultState:
    """A vault as it was stored. Raises LocalFault."""
    try:
        return msgspec.msgpack.decode(raw, type=VaultState)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise LocalFault(
            what=f"vault {vault.hex()}",
            expected="a state this version wrote",
            came=str(error)[:200],
            todo="Restore the last backup.",
        ) from error


def outbox_key(sending: Sending) -> bytes:
    """Vault (32) | party (2, big-endian) | fact key."""
    return sending.vault + sending.to.to_bytes(2, "big") + sending.key.encode()


def outbox_entry(key: bytes, value: bytes) -> Sending:
    """The inverse of `outbox_key`, with the stored sequence."""
    return Sending(
        vault=key[:32],
        to=int.from_bytes(key[32:34], "big"),
        key=key[34:].decode(),
        sequence=int.from_bytes(value, "big"),
    )
