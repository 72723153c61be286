"""Messages of peers in, facts of ours out.

Promise: what a peer sends is verified, put through the loop, and acknowledged after its commit; who is no party, and what
does not fit, is told why. Proposals are taken from known peers only, and only so many that wait for an answer.
This module does NOT know streams (node/p2p), what a fact makes the node do, nor ledgers: their messages are handed on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from challenge.deadlines import stage
from challenge.events import Told
from challenge.facts import KINDS
from challenge.machine import Outcome
from challenge.states import Stage
from node.admission import Judges, Rules, parse_and_admit
from node.book import Book, Sending
from node.faults import LocalFault, PeerFault, Unavailable
from node.letters import from_body, to_body
from node.limits import Limits
from node.loop import Happened, Loop, Proposed
from node.p2p import envelope
from node.work.context import Context
from vault.terms import encode

if TYPE_CHECKING:
    from node.ledger.room import Ledgers

SEND_SECONDS: Final = 30.0
LEDGER: Final = ("ledger-", "loan-request", "loan-read", "loan-terms")
"""Kinds of messages that begin so are about a ledger or its loans; the envelope's vault is the ledger's id. No fact's does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """The peers' door of one node."""

    rules: Rules
    limits: Limits
    context: Context
    book: Book
    loop: Loop
    ledgers: Callable[[], Ledgers | None]
    judges: Callable[[], Judges]

    async def on_message(self, raw: bytes) -> bytes:
        """One message; returns once it is committed. Raises PeerFault (refused) or Unavailable (try later)."""
        letter = envelope.decode(
            raw, recipient=self.context.keys.identity.xonly(), genesis=self.rules.genesis, limits=self.limits
        )
        if letter.kind.startswith(LEDGER):
            ledgers = self.ledgers()
            if ledgers is None:
                raise Unavailable(what=letter.kind, expected="a node with ledgers", came="one without")
            return await ledgers.on_message(letter.sender, letter.kind, letter.vault, letter.body)
        name, value = from_body(letter.kind, letter.body)
        if name == "propose":
            return await self._proposed(letter.sender, letter.vault, value)
        state = self.book.get(letter.vault)
        if state is None:
            if name.startswith("abort"):
                return b"ack"
            raise Unavailable(what=f"vault {letter.vault.hex()}", expected="its proposal first", came=name)
        senders = [p for p, party in enumerate(state.proposal.parties) if party.identity == letter.sender]
        if not senders:
            raise PeerFault(what="sender", expected="a party of the vault", came=letter.sender.hex())
        self.context.phases.received(letter.vault, stage(state), len(raw))
        outcome = await self.loop.put(Happened(vault=letter.vault, event=Told(party=senders[0], key=name, value=value)))
        return _answer(name, outcome)

    async def _proposed(self, sender: bytes, vault: bytes, raw: bytes) -> bytes:
        if self.book.get(vault) is not None:
            return b"ack"
        try:
            self.context.reach(sender)
        except Unavailable as fault:
            # Not for good: operators connect in any order, and a proposal is sent until it is taken.
            raise Unavailable(
                what="proposer",
                expected="a peer that our operator knows",
                came=sender.hex(),
                todo="`bitvm3 peer connect` first.",
            ) from fault
        waiting = sum(stage(state) is Stage.PROPOSED for _, state in self.book.items())
        if waiting >= self.limits.open_proposals:
            raise Unavailable(
                what="proposals", expected=f"at most {self.limits.open_proposals} without an answer", came=str(waiting)
            )
        identity = self.context.keys.identity.xonly()
        proposal, proposer, me = await asyncio.to_thread(
            lambda: parse_and_admit(raw, proposer=sender, me=identity, rules=self.rules, judges=self.judges())
        )
        if proposal.proposal_id != vault:
            raise PeerFault(what="propose", expected=vault.hex(), came=proposal.proposal_id.hex())
        outcome = await self.loop.put(Proposed(proposal=proposal, me=me, proposer=proposer))
        return _answer("propose", outcome)

    async def on_chunk(self, artifact: bytes, chunk: int) -> bytes | None:
        """A chunk of an artifact we offered, or None."""
        found, vault = self.context.artifacts.read(artifact, chunk), self.context.offered.get(artifact)
        state = self.book.get(vault) if vault is not None else None
        if found is not None and vault is not None and state is not None:
            self.context.phases.sent(vault, stage(state), len(found))
        return found

    async def transmit(self, sending: Sending) -> None:
        """Send one entry of the outbox; returns once the peer has committed it."""
        state = self.book.get(sending.vault)
        if state is None:
            raise LocalFault(what="outbox", expected="a known vault", came=sending.vault.hex())
        identity = state.proposal.parties[sending.to].identity
        if sending.key == "propose":
            value = encode(state.proposal)
        else:
            value = state.facts[sending.key]
            if KINDS[sending.key.partition("/")[0]].bulk:
                value = self.context.blob(value)
        kind, body = to_body(sending.key, value)
        raw = envelope.encode(
            vault=sending.vault, kind=kind, sequence=sending.sequence, recipient=identity, body=body,
            identity=self.context.keys.identity, genesis=self.rules.genesis, limits=self.limits,
        )  # fmt: skip
        await self.context.peers.send(self.context.reach(identity), raw, SEND_SECONDS)
        self.context.phases.sent(sending.vault, stage(state), len(raw))


def _answer(name: str, outcome: Outcome) -> bytes:
    match outcome.kind:
        case "applied" | "duplicate" | "alarm":
            return b"ack"
        case "early":
            raise Unavailable(what=name, expected="later", came=outcome.reason)
        case "refused":
            raise PeerFault(what=name, expected="a fact that fits", came=outcome.reason)
