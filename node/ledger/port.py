"""What vaults ask of the ledgers of their node: the port `node.ports.LedgerPort`, made of the open ones.

Does NOT open ledgers and judges nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from node.faults import LocalFault
from node.ledger.claims import Outcome, Proven
from node.ledger.room import Ledgers, Open
from vault.ledger.genesis import Genesis


@dataclass(frozen=True, slots=True)
class OpenLedgers:
    """`room` gives the node's ledgers: they are made after whatever asks for them."""

    room: Callable[[], Ledgers | None]

    def ids(self) -> frozenset[bytes]:
        """Those that are open here."""
        room = self.room()
        return frozenset(room.open_ledgers) if room is not None else frozenset()

    def genesis(self, ledger: bytes) -> Genesis:
        """What is fixed of one. Raises LocalFault when it is not open here."""
        return self._open(ledger).genesis

    def price(self, ledger: bytes) -> tuple[int, int]:
        """Cents per BTC and unix time of its last final price, 0 and 0 before. Raises LocalFault when it is not open here."""
        totals = self._open(ledger).follower.view.totals
        return totals.price, totals.price_time

    async def doubt(self, ledger: bytes, outcome: Outcome) -> LocalFault | None:
        """Why its newest record does not bear an outcome out; None when it does. Raises Unavailable, LocalFault."""
        return await self._open(ledger).claims.doubt(outcome)

    async def prove(self, ledger: bytes, outcome: Outcome, key: bytes) -> Proven:
        """A proof of an outcome under this node's proving key with this id. Raises LocalFault, Unavailable."""
        return await self._open(ledger).claims.prove(outcome, key)

    def _open(self, ledger: bytes) -> Open:
        room = self.room()
        opened = room.open_ledgers.get(ledger) if room is not None else None
        if opened is None:
            raise LocalFault(
                what=f"ledger {ledger.hex()}",
                expected="one that is open on this node",
                came="none",
                todo="A vault's claims are about it: `bitvm3 ledger open FILE`.",
            )
        return opened
