"""At every tip: what was lost on the way to a block is offered again, what nothing needs comes home, what is over is cleared.

Promise: a vault whose Stakes may have left the chain (a reorg, a start) is looked at until they are there; a vault in which
nothing can move any more keeps no artifacts. Does NOT publish: it tells the publisher what to take back (`node.work.reclaim`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from challenge.deadlines import settled
from challenge.states import VaultState
from node.publish import Returns, Vaults
from node.work.again import offer_again
from node.work.context import Context
from node.work.reclaim import returning

SUSPECTS: Final = 256
"""Vaults whose Stakes are looked for at one block, after a start or a reorg."""


@dataclass(slots=True, kw_only=True)
class Homecoming:
    """`bound`: the deepest reorg that is followed, in blocks; `over`: nothing can move in a vault any more."""

    context: Context
    bound: int
    state: Callable[[bytes], VaultState]
    over: Callable[[bytes], None]
    _offered: int = -1
    _suspect: dict[bytes, None] = field(default_factory=dict)
    _cleared: set[bytes] = field(default_factory=set)

    def suspect(self, vaults: Iterable[bytes]) -> None:
        """Only a reorg, or what happened while the node was away, takes a coin off the chain again."""
        self._suspect.update(dict.fromkeys(vaults))

    async def returning(self, vaults: Vaults, tip: int) -> Returns:
        """What of these vaults is to be taken back now. Raises Unavailable when the chain does not answer."""
        if self._offered != tip:
            await self._offer_again()
            self._offered = tip
            self._clear(vaults, tip)
        return await returning(self.context, vaults, tip, self.bound)

    async def _offer_again(self) -> None:
        some = list(islice(self._suspect, SUSPECTS))
        for vault in some:
            del self._suspect[vault]
        lost = set(some)
        try:
            lost = await offer_again(self.context, [(vault, self.state(vault)) for vault in some])
        finally:
            self._suspect.update(dict.fromkeys(lost))

    def _clear(self, vaults: Vaults, tip: int) -> None:
        for vault, state in vaults:
            if vault not in self._cleared and state.end is None and state.log and settled(state, tip, self.bound):
                self._cleared.add(vault)
                self.over(vault)
