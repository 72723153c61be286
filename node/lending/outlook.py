"""What a party's node sees of a loan: its own state and chain, the keeper's word, the position under our own final checkpoint.

Promises a situation whoever is away or lies: what the keeper says is taken as said, and a position only when it leads to our own
final root. Asks the keeper for what others decided. Does NOT decide and does not act by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from challenge.checks import terms_of
from challenge.game import fold
from challenge.policy import standing_orders
from challenge.states import VaultState
from node.faults import LocalFault, PeerFault, Unavailable
from node.ledger.claims import NoPosition
from node.ledger.room import Open
from node.lending import words
from node.lending.policy import Policy, Spent
from node.lending.situation import Situation
from vault.agreement import Terms
from vault.ledger.opening import Opening

if TYPE_CHECKING:
    from node.app import Node

UNREGISTERED: Final = "registered with this ledger"
"""What a keeper that knows a vault not says it expected (`node.lending.registry`)."""
FAULTS: Final = (LocalFault, PeerFault, Unavailable)


@dataclass(slots=True, kw_only=True, repr=False)
class Outlook:
    """Of one node. `now` is the clock that a price needs, nothing else."""

    node: Node
    policy: Callable[[], Policy]
    spent: Callable[[], Spent]
    now: Callable[[], int]
    _terms: dict[bytes, Terms] = field(default_factory=dict)
    _openings: dict[tuple[bytes, bytes], tuple[int, Opening]] = field(default_factory=dict)
    _away: dict[bytes, Unavailable] = field(default_factory=dict)

    def begin(self) -> None:
        """A new round: keepers that were away are asked again."""
        self._away.clear()

    async def price(self) -> tuple[int | None, str]:
        """Our own median, or why there is none."""
        try:
            return (await self.node.context.prices.quote(self.now())).price, ""
        except FAULTS as fault:
            return None, str(fault)

    def opened(self, state: VaultState) -> Open:
        """The ledger of a loan. Raises LocalFault when it is not open here."""
        loan, rooms = state.proposal.loan, self.node.ledgers
        if loan is None:
            raise LocalFault(what="vault", expected="one with a loan", came="a plain one")
        found = rooms.open_ledgers.get(loan.ledger) if rooms is not None else None
        if found is None:
            raise LocalFault(
                what=f"ledger {loan.ledger.hex()[:16]}", expected="one that is open here", came="none",
                todo="`bitvm3 ledger open FILE`.",
            )  # fmt: skip
        return found

    async def situation(self, vault: bytes, state: VaultState, price: int | None, unpriced: str) -> Situation:
        """Everything that is known of a loan now. A keeper that is away or a ledger that is not open is part of it."""
        if vault not in self._terms:
            self._terms[vault] = terms_of(state.proposal, state.facts)
        terms, name, me = self._terms[vault], state.proposal.ledger_vault, state.me
        reading, keeper, said = None, "away", ""
        opening, unproven = None, ""
        try:
            opened = self.opened(state)
            reading = await self._read(opened, name)
            known = any(each.vault_id == terms.vault_id for each in reading.slots)
            keeper, said = ("answers", "") if known else ("unregistered", "these Terms are not registered yet")
        except FAULTS as fault:
            said = unproven = str(fault)
            keeper = "unregistered" if UNREGISTERED in said else "away"
        else:
            opening, unproven = await self._opening(opened, name)
        return Situation(
            state=state, view=fold(state.proposal, state.log), tip=self.node.scanner.height, terms=terms, keeper=keeper,  # type: ignore[arg-type]
            said=said, reading=reading, opening=opening, unproven=unproven, price=price, unpriced=unpriced, policy=self.policy(),
            spent=self.spent(),
            contests=frozenset(o for o in standing_orders(self.node.rules.policy, state.proposal, me) if "contest" in o),
        )  # fmt: skip

    async def _read(self, opened: Open, name: bytes) -> words.Reading:
        if opened.id in self._away:  # one wait a round for a keeper that is away, not one a loan
            raise self._away[opened.id]
        try:
            reply = await self._say(opened, "loan-read", words.LoanAsked(vault=name))
        except Unavailable as fault:
            self._away[opened.id] = fault
            raise
        found = words.read(words.Reading, reply, most=self.node.limits.reply_frame_bytes, what="loan-read")
        if found.vault != name:
            raise PeerFault(what="loan-read", expected=f"a reading of {name.hex()[:16]}", came=found.vault.hex()[:16])
        return found

    async def ask(self, opened: Open, request: words.Request) -> words.Receipt:
        """Ask the keeper for something. Raises PeerFault (refused), Unavailable (nobody knows), LocalFault."""
        reply = await self._say(opened, "loan-request", request)
        return words.read(words.Receipt, reply, most=self.node.limits.reply_frame_bytes, what="loan-request")

    @staticmethod
    async def _say(opened: Open, kind: str, word: words.Request | words.LoanAsked) -> bytes:
        return await opened.world.ask(opened.genesis.keeper, kind, opened.id, words.write(word))

    async def _opening(self, opened: Open, name: bytes) -> tuple[Opening | None, str]:
        """The position under our own final checkpoint, asked for once a checkpoint."""
        seq, at = opened.follower.view.seq, (opened.id, name)
        held = self._openings.get(at)
        if held is not None and held[0] == seq:
            return held[1], ""
        try:
            found = await opened.claims.opening(name)
        except NoPosition:
            return None, f"the ledger has no position of this loan at seq {seq}"
        except FAULTS as fault:
            return None, str(fault)
        self._openings[at] = (found.totals.seq, found)
        return found, ""
