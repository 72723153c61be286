"""A setup that waits too long for somebody is ended, and says for whom: nothing was funded, and every coin is free again.

Promise: the clock of a setup stands still only while this node itself works, and while it waits for blocks itself; every fact
and every byte of an artifact that comes begins it anew, as does a restart. When it runs out and another party owes something
(`challenge.progress`, and artifacts that it does not serve), the setup is ended with a reason that names the party, its role,
what it owes and for how long; of several, those that do not take our messages are named. A party that is bound cannot end
anything: it raises one alarm. Does NOT decide who owes what, and does NOT know peers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
import structlog

from challenge.deadlines import bound, stage
from challenge.events import Event, Stalled
from challenge.progress import awaited_from, served_by
from challenge.states import SETUP_OVER, Job, VaultState

log = structlog.get_logger()

LOOK_SECONDS: Final = 1.0
"""Between two looks at the clocks."""
FOR_BLOCKS: Final = frozenset({"fund", "coins"})
"""Jobs that wait for the chain."""
NAMED: Final = 3
"""Facts of one party that a sentence names; the others are counted."""

Debts = Mapping[int, tuple[str, ...]]
"""Party -> the facts it owes."""


@dataclass(slots=True)
class Clock:
    """When something moved last in a setup, and what it looked like then."""

    sign: tuple[int, ...]
    since: float


@dataclass(slots=True, kw_only=True)
class Stalls:
    """The clocks of all setups. `state` is a vault's present state; `here`: whether the artifact that a fact names is complete.

    `came` counts the bytes received for a vault, `height` is the tip, `unheard` says which parties have messages waiting for
    them; `told` puts the end through the loop, `alarm` is for a person.
    """

    patience: float
    state: Callable[[bytes], VaultState]
    here: Callable[[VaultState, str], bool]
    came: Callable[[bytes], int]
    height: Callable[[], int]
    unheard: Callable[[bytes], Collection[int]]
    told: Callable[[bytes, Event], object]
    alarm: Callable[[str], None]
    clocks: dict[bytes, Clock] = field(default_factory=dict)
    _alarmed: dict[bytes, str] = field(default_factory=dict)

    def note(self, vault: bytes, state: VaultState) -> None:
        """A state is new: a setup is watched until it lives or ends."""
        if stage(state) in SETUP_OVER:
            self.clocks.pop(vault, None)
            self._alarmed.pop(vault, None)
        else:
            self.clocks.setdefault(vault, Clock((), time.monotonic()))

    async def run(self) -> None:
        """Look at the clocks until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look(time.monotonic())

    def look(self, now: float) -> None:
        """End what has waited too long at this moment (seconds)."""
        for vault, clock in list(self.clocks.items()):
            state = self.state(vault)
            sign = self._sign(vault, state)
            if sign is None or sign != clock.sign:
                clock.sign, clock.since = sign or (), now
                continue
            if now - clock.since < self.patience:
                continue
            owed = self.debts(state)
            if owed:
                self._end(vault, state, owed, now - clock.since)

    def debts(self, state: VaultState) -> dict[int, tuple[str, ...]]:
        """What other parties owe this one: facts, and artifacts that they have named and do not serve."""
        owed = {party: list(names) for party, names in awaited_from(state).items() if party != state.me}
        for party, names in served_by(state).items():
            missing = [name for name in names if not self.here(state, name)]
            if missing:
                owed.setdefault(party, []).extend(missing)
        return {party: tuple(names) for party, names in sorted(owed.items())}

    def _sign(self, vault: bytes, state: VaultState) -> tuple[int, ...] | None:
        """What is different when something has moved; None while this node itself is at work."""
        if any(self._works(state, job) for job in state.jobs):
            return None
        blocks = self.height() if any(job.kind in FOR_BLOCKS for job in state.jobs) else 0
        return len(state.facts), self.came(vault), blocks

    def _works(self, state: VaultState, job: Job) -> bool:
        if job.kind in FOR_BLOCKS:
            return False
        alone = served_by(msgspec.structs.replace(state, jobs=(job,)))
        return all(self.here(state, name) for names in alone.values() for name in names)

    def _end(self, vault: bytes, state: VaultState, owed: Debts, waited: float) -> None:
        silent = set(self.unheard(vault)) & owed.keys()
        blamed = {party: names for party, names in owed.items() if not silent or party in silent}
        reason = f"after {waited:.0f} seconds without a word, " + "; ".join(_sentences(state, blamed, silent))
        if not bound(state):
            log.warning("setup has waited too long", vault=vault.hex()[:16], reason=reason)
            self.told(vault, Stalled(reason=reason))
            return
        who = ",".join(map(str, blamed))
        if self._alarmed.get(vault) != who:
            self._alarmed[vault] = who
            self.alarm(f"vault {vault.hex()[:16]}: {reason}. This party has said ready, so it keeps watching")


def called(state: VaultState, party: int) -> str:
    """What a sentence about a setup calls a party: its number, its role, the beginning of its identity."""
    who = state.proposal.parties[party]
    return f"party {party} ({who.role} {who.identity.hex()[:16]})"


def _sentences(state: VaultState, blamed: Debts, silent: Collection[int]) -> Iterator[str]:
    for party, names in blamed.items():
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        deaf = ", and does not take our messages" if party in silent else ""
        yield f"{called(state, party)} owes {', '.join(names[:NAMED])}{more}{deaf}"
