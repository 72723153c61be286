"""Which vaults to look at, at which tip: those that changed, those with something left to do, those whose time has come.

Promise: a vault that sleeps is one for which another look would find the same nothing (`challenge.wakes`); a chain that grew
shorter wakes everybody. In memory only: after a start everybody is awake. This module does NOT look.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from challenge.states import VaultState
from challenge.wakes import wakes


class Waking:
    """`bound`: the deepest reorg that is followed, in blocks."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._awake: dict[bytes, None] = {}
        self._planned: dict[bytes, int] = {}
        self._queue: list[tuple[int, bytes]] = []
        self._tip = -1

    def wake(self, vaults: Iterable[bytes]) -> None:
        """Something happened to these vaults."""
        self._awake.update(dict.fromkeys(vaults))

    def at(self, tip: int) -> list[bytes]:
        """The vaults to look at now, those that woke first before the others."""
        if tip < self._tip:
            self.wake(self._planned)
        self._tip = tip
        while self._queue and self._queue[0][0] <= tip:
            height, vault = heapq.heappop(self._queue)
            if self._planned.get(vault) == height:
                self._awake[vault] = None
        return list(self._awake)

    def rest(self, vault: bytes, state: VaultState) -> None:
        """Nothing is left to do for this vault, as it is, at the tip that was asked for last."""
        self._awake.pop(vault, None)
        later = next((tip for tip in wakes(state, self._bound) if tip > self._tip), None)
        if later is None:
            self._planned[vault] = -1  # only what happens to it, or a shorter chain
        elif self._planned.get(vault) != later:
            self._planned[vault] = later
            heapq.heappush(self._queue, (later, vault))
