"""What claims rest on, by engine: a sealed balance (core), the records of a lending ledger (babe).

Promise: the scenarios are the same for both engines; what differs is here. This module does NOT know what happens on chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from node.demo.book import Book, Say, open_book
from node.demo.stage import Theatre, each
from snark.formats import Curve, Format
from snark.groth16 import Proof

SLOT, BALANCE, TOO_MUCH = 1_000_000, 600_000, 900_000
"""Sats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Game:
    """One graph as the play wants it: the borrower may claim this slot, and has a reason to or none."""

    slot: int
    claim: Literal["true", "false"]
    profile: str


class Grounds(Protocol):
    """What the play needs from an engine.

    `answer`: what a challenger publishes after a false Assert; `futile`: what is published after a true one. `insistence`: what
    `vault.contest` wants of an operator who knows better.
    """

    falsehood: ClassVar[str]
    answer: ClassVar[str]
    futile: ClassVar[tuple[str, ...]]
    insistence: ClassVar[dict[str, Any]]

    def known(self) -> dict[str, int]:
        """What lender and challenger were told out of band."""
        ...

    async def begin(self, theatre: Theatre, say: Say) -> None:
        """What must be there before the vault is proposed."""
        ...

    def terms(self, graph: int) -> dict[str, Any]:
        """The fields of a graph in the proposal that are the engine's own."""
        ...

    async def agreed(self, vault: str) -> None:
        """The vault is open under this id."""
        ...

    async def argument(self, graph: int) -> dict[str, Any]:
        """What the borrower gives `vault.claim`, after making true what is to be true."""
        ...


def salt(graph: int) -> int:
    """The 128-bit salt of a sealed balance; each graph has its own."""
    return int.from_bytes(hashlib.sha256(b"demo salt %d" % graph).digest()[:16], "big")


def commitment(graph: int) -> str:
    """SHA256(balance || salt), hex: what everybody sees of the sealed balance."""
    return hashlib.sha256(BALANCE.to_bytes(32, "big") + salt(graph).to_bytes(16, "big")).hexdigest()


@dataclass(slots=True)
class Sealed:
    """Engine core: a balance of 600,000 is sealed for every graph; a false claim wants 900,000 of it."""

    games: Sequence[Game]

    falsehood: ClassVar[str] = f"{TOO_MUCH:,} sat of a sealed {BALANCE:,}"
    answer: ClassVar[str] = "disprove"
    futile: ClassVar[tuple[str, ...]] = ()
    insistence: ClassVar[dict[str, Any]] = {}

    def known(self) -> dict[str, int]:
        """Lender and challenger know every sealed balance and contest what exceeds it."""
        return {commitment(graph): BALANCE for graph in range(len(self.games))}

    async def begin(self, theatre: Theatre, say: Say) -> None:
        """Nothing: the balances are sealed in the proposal."""

    def terms(self, graph: int) -> dict[str, Any]:
        """The sealed balance and what the claim is for."""
        amount = BALANCE if self.games[graph].claim == "true" else TOO_MUCH
        return {"commitment": commitment(graph), "amount": amount}

    async def agreed(self, vault: str) -> None:
        """Nothing."""

    async def argument(self, graph: int) -> dict[str, Any]:
        """What was really sealed; whether it covers the amount is what the game decides."""
        return {"balance": BALANCE, "salt": f"{salt(graph):x}"}


LOAN = 20_000  # cents a slot: a third of what it is worth
RULES = {"tender_window": 1}
"""The lender has one block to show r, then the slot's debt is paid without it: a block here is a day elsewhere."""


@dataclass(slots=True)
class Lent:
    """Engine babe: the vault stands for a loan in a ledger; a claim is true when a record of its slot says so.

    Slots are freed from the highest down, so the slots of true claims lie above all others. A false claim comes with the proof of
    another slot: it was valid once, for something else.
    """

    games: Sequence[Game]
    theatre: Theatre = field(init=False)
    book: Book = field(init=False)
    vault: str = ""
    freed: list[int] = field(default_factory=list)
    proof: str = ""

    falsehood: ClassVar[str] = "no record in the ledger, the proof of another slot"
    answer: ClassVar[str] = "reveal"
    futile: ClassVar[tuple[str, ...]] = ("reveal", "refute")
    insistence: ClassVar[dict[str, Any]] = {"insist": True}

    def known(self) -> dict[str, int]:
        """Nothing: a proof is all there is to know."""
        return {}

    async def begin(self, theatre: Theatre, say: Say) -> None:
        """A ledger, before any vault names it."""
        self.theatre, self.book = theatre, await open_book(theatre, say, RULES)
        say(f"  a lending ledger {self.book.id[:16]}: kept by the lender, attested by lender and challenger")

    def terms(self, graph: int) -> dict[str, Any]:
        """The ledger that knows; the whole slot, its debt being paid."""
        return {"ledger": self.book.id, "amount": SLOT}

    async def agreed(self, vault: str) -> None:
        """The loan is written, and the debt of the first slot paid."""
        self.vault = vault
        owner, lender, _ = [info["identity"] for info in await each(self.theatre.daemons, "node.info")]
        slots = 1 + max(game.slot for game in self.games)
        loan = {
            "kind": "open", "vault": vault, "owner": owner, "lender": lender, "sats": [SLOT] * slots, "cents": LOAN * slots,
            "maturity": self.theatre.height + 4_320, "last_record": self.theatre.height + 5_000,
        }  # fmt: skip
        words = f"a loan on {slots} slots, and the debt of slot {slots - 1} paid"
        await self.book.entry(words, {"kind": "mark_price"}, loan, {"kind": "tender", "vault": vault})

    async def argument(self, graph: int) -> dict[str, Any]:
        """True: the record, from which the node makes its proof. False: another slot's proof, against better knowledge."""
        if self.games[graph].claim == "false":
            return {"proof": self.proof, "knowingly_false": True}
        if graph not in self.freed:
            await self._free(graph)
        return {}

    async def _free(self, graph: int) -> None:
        """The lender has not shown r in time: the slot is free for its owner, and the next one's debt is paid."""
        shown = await self.theatre.borrower.call("vault.show", id=self.vault)
        template, slot = shown["graphs"][graph]["template"], self.games[graph].slot
        events = [{"kind": "withdraw", "vault": self.vault, "how": 2, "template": template}]
        self.freed.append(graph)
        waiting = [game.slot for g, game in enumerate(self.games) if game.claim == "true" and g not in self.freed]
        events += [{"kind": "tender", "vault": self.vault}] if waiting else []
        words = f"the debt of slot {slot} is paid, r was not shown: free for the borrower"
        await self.book.entry(words, *events)
        owner = (await self.theatre.borrower.call("node.info"))["identity"]
        claim = await self.theatre.borrower.call(
            "ledger.claim", ledger=self.book.id, vault=self.vault, slot=slot, action="withdraw", claimant=owner,
            template=template,
        )  # fmt: skip
        proof = Proof.parse(bytes.fromhex(claim["proof"]), Curve.BN254, Format.ARKWORKS)
        self.proof = proof.handle.encode(Format.EIP197.value).hex()


ENGINES: dict[str, type[Sealed] | type[Lent]] = {"babe": Lent, "core": Sealed}
"""The first is the default."""
