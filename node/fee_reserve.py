"""What publishing could be forced to cost at the worst fee rate, over all living vaults, beside the coins that could pay it.

Promise: a new vault is taken part in only when free coins cover it too, on top of everything that could be forced already.
Does NOT keep coins apart (nothing is promised to the reserve) and does NOT know what a vault can force (`challenge.reserve`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from challenge.deadlines import stage
from challenge.reserve import reserve_needed
from challenge.states import Stage, VaultState
from node.faults import LocalFault
from vault.terms import Proposal

log = structlog.get_logger()


@dataclass(slots=True)
class FeeReserve:
    """`free`: sats of the wallet that a new purpose can have."""

    free: Callable[[], int]
    _needed: dict[bytes, int] = field(default_factory=dict)

    def reckon(self, vault: bytes, state: VaultState) -> None:
        """What one vault could force on this node, as it stands now."""
        needed = reserve_needed(state.proposal, state.me, state) if stage(state) is Stage.LIVE else 0
        if needed:
            self._needed[vault] = needed
        else:
            self._needed.pop(vault, None)

    def sats(self) -> dict[str, int]:
        """`needed`: what could be spent on fees at once; `free`: the coins that could pay it."""
        return {"needed": sum(self._needed.values()), "free": self.free()}

    def watch(self) -> None:
        """Say so when it is short."""
        sats = self.sats()
        if sats["free"] < sats["needed"]:
            log.warning("the fee reserve is short: no new vault will be accepted", **sats)

    def afford(self, proposal: Proposal, me: int) -> None:
        """Take part in a vault only when the reserve covers it too. Raises LocalFault."""
        sats = self.sats()
        more = reserve_needed(proposal, me, None)
        if sats["free"] < sats["needed"] + more:
            raise LocalFault(
                what="fee reserve",
                expected=f"{sats['needed'] + more} free sats ({more} of them for this vault)",
                came=f"{sats['free']}",
                todo="Send coins to the wallet: what may be forced on this node must be payable at the worst fee rate.",
            )
