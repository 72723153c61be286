"""What a party of a loan knows at one moment: its vault, the chain, the keeper's word, what is proven, its own price. Frozen.

Promises that what the keeper says (`reading`) and what our own final checkpoint proves (`opening`) stay two things, and that a
position which is not this loan's is named (`strange`). Heights are blocks, prices cents per BTC. Does NOT decide anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from challenge.facts import challengers_of
from challenge.game import GraphPhase, SlotPhase, View
from challenge.states import VaultState
from node.lending.policy import Policy, Spent
from node.lending.words import PositionReading, Reading, SlotReading
from vault.agreement import Loan, Proposal, Role, Terms, Timelocks
from vault.ledger import money
from vault.ledger.opening import Opening
from vault.ledger.position import Position
from vault.ledger.rules import Rules
from vault.timelocks import last_record

RUNNING = frozenset({GraphPhase.CLAIMED, GraphPhase.CONTESTED, GraphPhase.ASSERTED})
"""A claim that is not decided."""
STRANGE = "the position in the ledger is not this loan's"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One vault with a loan, as this party sees it.

    Attributes:
        state: of the vault; `view` is its folded chain, `tip` the height that this node has processed.
        terms: the whole agreement.
        reading: what the keeper says, or None; `keeper` says why.
        said: what the keeper said instead of a reading, or why it was not reached.
        opening: the position under our own final checkpoint, or None; `unproven` says why.
        price: our own median, or None; `unpriced` says why.
        contests: the facts `want_contest/g` that this node's contest policy asks for.
    """

    state: VaultState
    view: View
    tip: int
    terms: Terms
    keeper: Literal["answers", "unregistered", "away"]
    said: str
    reading: Reading | None
    opening: Opening | None
    unproven: str
    price: int | None
    unpriced: str
    policy: Policy
    spent: Spent
    contests: frozenset[str]

    # ---- who and what ------------------------------------------------------------------------------------------------
    @property
    def proposal(self) -> Proposal:
        """The agreement without keys."""
        return self.state.proposal

    @property
    def loan(self) -> Loan:
        """What makes the vault a loan."""
        loan = self.state.proposal.loan
        assert loan is not None  # noqa: S101 - situations are made of vaults with a loan
        return loan

    @property
    def rules(self) -> Rules:
        """The ledger's."""
        return self.loan.rules

    @property
    def locks(self) -> Timelocks:
        """The vault's timelocks."""
        return self.proposal.timelocks

    @property
    def role(self) -> Role:
        """Ours."""
        return self.proposal.parties[self.state.me].role

    @property
    def me(self) -> bytes:
        """Our identity."""
        return self.proposal.parties[self.state.me].identity

    @property
    def name(self) -> bytes:
        """The ledger's name of the position."""
        return self.proposal.ledger_vault

    # ---- heights -----------------------------------------------------------------------------------------------------
    def mined(self, name: str) -> int | None:
        """The height of the block that holds a transaction of the vault."""
        return next((seen.height for seen in self.state.log if seen.name == name), None)

    @property
    def expires(self) -> int | None:
        """The height from which the lender may take its locked loan back; none before PreFund is mined."""
        prefund = self.mined("prefund")
        return None if prefund is None else prefund + self.loan.timeout

    # ---- slots: ours count from 0, the ledger's from loan.first_slot --------------------------------------------------
    def local(self, ledger_slot: int) -> int | None:
        """Our number of a slot of the ledger; None when it is another vault's of the same position."""
        slot = ledger_slot - self.loan.first_slot
        return slot if 0 <= slot < len(self.proposal.slots) else None

    def slot_reading(self, slot: int) -> SlotReading | None:
        """What the keeper says of one of our slots."""
        wanted = self.proposal.ledger_slot(slot)
        return next((each for each in self.reading.slots if each.slot == wanted), None) if self.reading else None

    def phases(self, *wanted: SlotPhase) -> Iterator[int]:
        """Our slots whose coin is in one of these phases."""
        return (slot for slot, each in enumerate(self.view.slots) if each.phase in wanted)

    def claimed_by_others(self, slot: int) -> tuple[int, ...]:
        """Graphs of one of our slots that another party has claimed and nobody has decided."""
        return tuple(
            g
            for g, game in enumerate(self.view.graphs)
            if self.proposal.graphs[g].slot == slot
            and game.phase in RUNNING
            and self.state.me in challengers_of(self.proposal, g)
        )

    # ---- the position ------------------------------------------------------------------------------------------------
    @property
    def posted(self) -> PositionReading | None:
        """The position as the keeper has posted it: neither final nor proven."""
        return self.reading.position if self.reading is not None else None

    @property
    def proven(self) -> Position | None:
        """The position under our own final checkpoint, when it is this loan's."""
        return self.opening.position if self.opening is not None and not self.strange else None

    @property
    def strange(self) -> str:
        """Why the proven position is not that of this loan; empty when it is, or when none is known."""
        if self.opening is None:
            return ""
        return next((text for text in _differences(self, self.opening.position) if text), "")

    def debt_at(self, height: int) -> int | None:
        """Cents owed at a height by the proven position, interest running on; None without one."""
        if self.proven is None or self.opening is None:
            return None
        totals = self.opening.totals
        index = totals.index + self.rules.rate * max(0, height - totals.height)
        return money.debt(self.proven.principal, index, self.proven.index_open)

    def lowest_open(self) -> int | None:
        """The slot of ours that a default or liquidation would be about now, as posted: the position's lowest open one."""
        found = [each.slot for each in self.reading.slots if each.state == "open"] if self.reading is not None else []
        return self.local(min(found)) if found else None

    def highest_open(self) -> int | None:
        """The slot of ours that a tender would be about now, as posted: the position's highest open one."""
        found = [each.slot for each in self.reading.slots if each.state == "open"] if self.reading is not None else []
        return self.local(max(found)) if found else None


def _differences(s: Situation, position: Position) -> Iterator[str]:
    """Each empty, or in which field, with both sides, a position differs from what Terms and chain say."""
    proposal, prefund = s.proposal, s.mined("prefund")
    rows: list[tuple[str, object, object]] = [
        ("vault", s.name.hex()[:16], position.vault.hex()[:16]),
        ("owner", proposal.parties[proposal.borrower].identity.hex(), position.owner.hex()),
        ("lender", proposal.parties[proposal.lender].identity.hex(), position.lender.hex()),
        ("rules version", s.rules.version, position.version),
    ]
    rows += [
        (f"sats of slot {ledger_slot}", value, position.sats[ledger_slot])
        for slot, value in enumerate(proposal.slots)
        if position.sats[ledger_slot := proposal.ledger_slot(slot)]
    ]
    for field, wanted, came in rows:
        yield f"{STRANGE}: {field}: expected {wanted}, came {came}" if wanted != came else ""
    if s.loan.vault or prefund is None:
        return
    # A reorg may have moved PreFund since the position was opened: heights are compared as far as one goes that matters.
    room = s.locks.depth + s.locks.margin
    for field, wanted, came in (
        ("maturity", prefund + proposal.maturity, position.maturity),
        ("last_record", prefund + last_record(proposal), position.last_record),
    ):
        yield f"{STRANGE}: {field}: expected {wanted}, came {came}" if abs(wanted - came) > room else ""
