"""From a final checkpoint to a proof about one slot: the vault's opening, the quorum, the statement `outcome`.

Promises that an opening which came from a peer leads to our own final root before anything is judged, shown or proved by it, and
that a proof made once is kept; who asks twice while one is made gets the same one. Does NOT know what a proof is used for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from blake3 import blake3

from node.faults import LocalFault, PeerFault, Unavailable
from node.ledger.follower import Follower
from node.ledger.shelf import Shelf
from node.ledger.words import Asked, write
from node.ledger.world import KeyLine, World
from node.proving.statements import OUTCOME
from snark.formats import Curve, Format
from snark.groth16 import Proof
from vault.agreement import Terms
from vault.faults import VaultFault
from vault.ledger import commit, forms
from vault.ledger.faults import RuleFault
from vault.ledger.genesis import Genesis
from vault.ledger.opening import Opening, check_opening, decode_opening, open_vault
from vault.ledger.position import OUTCOME_NAMES, OUTCOMES, Position
from vault.ledger.state import Ledger
from vault.ledger.witness import outcome_witness
from vault.statement import template_id

Action = Literal["withdraw", "default", "liquidate"]
TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a slot is said to have ended: what a claim asserts and what a record may say.

    Attributes:
        vault: the ledger's name of the vault, 32 bytes: its proposal id.
        slot: 0 to 7.
        action: what happened to it.
        claimant: x-only key of whom the slot's coin goes to, 32 bytes.
        template: id of the outputs that pay it, 32 bytes.
    """

    vault: bytes
    slot: int
    action: Action
    claimant: bytes
    template: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A proof that a record bears an outcome out: made for the checkpoint of `seq`, valid for x under the key for ever."""

    outcome: Outcome
    seq: int
    key: bytes
    verifying_key: bytes
    x: bytes
    proof: bytes

    @property
    def eip197(self) -> bytes:
        """The proof in the 256 bytes that travel between nodes and whose first 64 a claim asserts."""
        return Proof.parse(self.proof, Curve.BN254, Format.ARKWORKS).handle.encode(Format.EIP197.value)

    def as_json(self) -> dict[str, Any]:
        """For people, and for `bitvm3 proof verify`."""
        return {
            "vault": self.outcome.vault.hex(),
            "slot": self.outcome.slot,
            "action": self.outcome.action,
            "seq": self.seq,
            "key": self.key.hex(),
            "verifying_key": self.verifying_key.hex(),
            "public": self.x.hex(),
            "proof": self.proof.hex(),
        }


def outcome_of(terms: Terms, graph: int) -> Outcome:
    """What a claim of this graph says (engine babe)."""
    proposal, said = terms.proposal, terms.proposal.graphs[graph]
    return Outcome(
        vault=proposal.ledger_vault, slot=proposal.ledger_slot(said.slot), action=said.outcome,
        claimant=proposal.parties[said.claimant].identity, template=template_id(terms, graph),
    )  # fmt: skip


class NoPosition(LocalFault):
    """The vault has no position in the ledger, as far as anybody shows."""


def doubt(position: Position, outcome: Outcome) -> LocalFault | None:
    """Why a position does not bear the outcome out; None when the slot's record names action, claimant and template.

    Nothing else is asked: what a record must have been made by, the transition proofs of the ledger have shown.
    """
    record, slot = position.records[outcome.slot], f"slot {outcome.slot} of vault {outcome.vault.hex()[:16]}"
    if record is None:
        waiting = "its tender waits for the lender" if position.tender_slot == outcome.slot + 1 else "it has not ended"
        return LocalFault(
            what=f"outcome.record of {slot}", expected=f"a record of its {outcome.action} in the ledger",
            came=f"none yet: {waiting}",
            todo="A record appears with the final checkpoint after its event: `bitvm3 ledger position` shows it.",
        )  # fmt: skip
    for what, expected, came in (
        ("action", outcome.action, OUTCOME_NAMES[record.outcome]),
        ("claimant", outcome.claimant.hex(), record.claimant.hex()),
        ("template", outcome.template.hex(), record.template.hex()),
    ):
        if expected != came:
            return LocalFault(what=f"outcome.record of {slot}, {what}", expected=expected, came=came)
    return None


@dataclass(slots=True, repr=False)
class Claims:
    """Of one ledger. `state` gives the ledger at the last final checkpoint when this node holds it, else None."""

    world: World
    genesis: Genesis
    shelf: Shelf
    follower: Follower
    state: Callable[[], Ledger | None]
    _making: dict[bytes, asyncio.Task[bytes]] = field(default_factory=dict)

    async def doubt(self, outcome: Outcome) -> LocalFault | None:
        """As the function, of the record under the last final checkpoint that anybody has told us of, after asking once more.

        A vault without position bears nothing out.

        Raises:
            Unavailable: nobody shows the position; whether the outcome is true is not known then.
        """
        if self.genesis.keeper != self.world.me:
            await self.follower.pull()
        try:
            return doubt((await self.opening(outcome.vault)).position, outcome)
        except NoPosition as none:
            return none

    async def opening(self, vault: bytes) -> Opening:
        """The vault's position under our final root. Raises NoPosition: it has none; Unavailable: nobody tells."""
        for _ in range(TRIES):
            state = self.state()
            if state is not None:
                return self._own(state, vault)
            found = await self._asked(vault)
            if found is not None:
                return found
            await self.follower.pull()  # the checkpoint has moved while we asked
        raise Unavailable(
            what=f"position of vault {vault.hex()[:16]}",
            expected=f"somebody who holds the ledger at seq {self.follower.view.seq}",
            came="nobody (this node follows it by proofs, without positions)",
            todo="Connect the keeper or an attestor: `bitvm3 peer connect`.",
        )

    def _own(self, state: Ledger, vault: bytes) -> Opening:
        try:
            return open_vault(state, vault)
        except RuleFault as fault:
            raise _no_position(vault, self.follower.view.seq) from fault

    async def _asked(self, vault: bytes) -> Opening | None:
        """What peers say, the first that leads to our root; a peer that shows something else is named.

        None: those who answered are at another checkpoint. That a vault has no position is believed when nobody shows one.
        """
        nobody, denied, elsewhere = True, False, False
        for source in dict.fromkeys((self.genesis.keeper, *self.world.known())):
            if source == self.world.me or source not in self.world.known():
                continue
            try:
                raw = await self.world.ask(source, "ledger-opening", self.shelf.ledger, write(Asked(vault=vault)))
            except (Unavailable, PeerFault):
                continue
            nobody = False
            if not raw:  # no proof that there is none: the next one may show it
                denied = True
                continue
            try:
                opening = decode_opening(raw)
                if opening.totals.seq != self.follower.view.seq:
                    elsewhere = True
                    continue
                if check_opening(self.shelf.ledger, self.follower.view.root, opening).vault == vault:
                    return opening
                self.follower.blame(
                    source, f"opening: expected vault {vault.hex()}, came {opening.position.vault.hex()}"
                )
            except VaultFault as fault:
                self.follower.blame(source, f"opening: {fault}")
        if denied and not elsewhere:
            raise _no_position(vault, self.follower.view.seq)
        if nobody:
            raise Unavailable(
                what=f"position of vault {vault.hex()[:16]}",
                expected="the keeper or an attestor to show it (this node follows the ledger by proofs, without positions)",
                came="none of them reachable",
                todo="`bitvm3 peer list` shows who is there.",
            )
        return None

    def serve(self, vault: bytes) -> bytes:
        """The opening for a peer; nothing when the vault has no position. Raises Unavailable when we hold no state."""
        state = self.state()
        if state is None:
            raise Unavailable(what="ledger-opening", expected="the state at the last checkpoint", came="not held here")
        try:
            return forms.encode(open_vault(state, vault))
        except RuleFault:
            return b""

    async def prove(self, outcome: Outcome, key: bytes | None) -> Proven:
        """A proof of the statement `outcome`, under the verifying key with this id, or under this node's only one.

        Raises:
            LocalFault: the record does not say so, or no such key.
            Unavailable: no final checkpoint yet, nobody shows the position, or the queue of proofs is full.
        """
        opening = await self.opening(outcome.vault)
        head = self.follower.head
        if head is None or head.checkpoint.seq != opening.totals.seq:
            raise Unavailable(what="checkpoint", expected="a final one", came="none yet")
        fault = doubt(opening.position, outcome)
        if fault is not None:
            raise fault
        line = self._key(key)
        try:
            witness = outcome_witness(
                self.genesis, opening, slot=outcome.slot, action=OUTCOMES[outcome.action], claimant=outcome.claimant,
                template=outcome.template, checkpoint=head.checkpoint, signatures=head.signatures,
            )  # fmt: skip
        except RuleFault as broken:
            raise LocalFault(what=broken.rule, expected=broken.expected, came=broken.got) from broken
        x = commit.outcome_public(
            self.genesis.network, self.shelf.ledger, vault=outcome.vault, slot=outcome.slot, action=OUTCOMES[outcome.action],
            claimant=outcome.claimant, template=outcome.template, attestors=self.genesis.attestors_root,
            rules=commit.rules_hash(self.genesis.rules),
        )  # fmt: skip
        return Proven(
            outcome=outcome, seq=head.checkpoint.seq, key=line.key, verifying_key=line.verifying_key, x=x,
            proof=await self._proof(line.key, witness, outcome),
        )  # fmt: skip

    async def _proof(self, key: bytes, witness: bytes, outcome: Outcome) -> bytes:
        """Made once: kept afterwards, and shared while it is made; a caller that goes away does not end it."""
        digest = blake3(key + witness).digest()
        kept = self.shelf.claim(digest)
        if kept is not None:
            return kept
        making = self._making.get(digest)
        if making is None:
            making = self._making[digest] = asyncio.create_task(self._made(digest, key, witness, outcome))
            making.add_done_callback(lambda ended: self._through(digest, ended))
        return await asyncio.shield(making)

    async def _made(self, digest: bytes, key: bytes, witness: bytes, outcome: Outcome) -> bytes:
        purpose = f"outcome {outcome.action} of vault {outcome.vault.hex()[:16]} slot {outcome.slot}"
        proof = (await self.world.proving.prove(key, witness, purpose)).proof
        await self.world.write((self.shelf.put_claim(digest, proof),))
        return proof

    def _through(self, digest: bytes, ended: asyncio.Task[bytes]) -> None:
        del self._making[digest]
        if not ended.cancelled():
            ended.exception()  # told to whoever still waits

    def _key(self, key: bytes | None) -> KeyLine:
        every = self.world.proving.keys() if key is None else (self.world.proving.key(key),)
        found = [line for line in every if line.statement.name == OUTCOME]
        if len(found) == 1:
            return found[0]
        raise LocalFault(
            what="proving key of the statement outcome",
            expected="one on this node",
            came=", ".join(line.key.hex()[:16] for line in found) or "none",
            todo="`bitvm3 setup list` shows what is here. `bitvm3 setup run outcome` makes one on regtest; another party's, and "
            "on every other network a ceremony's: `bitvm3 setup import outcome --zkey FILE`.",
        )


def _no_position(vault: bytes, seq: int) -> NoPosition:
    return NoPosition(
        what=f"vault {vault.hex()}",
        expected=f"one with a position in this ledger at seq {seq}",
        came="none",
        todo="A position appears with the checkpoint after its event `open`: `bitvm3 ledger show` tells what waits.",
    )
