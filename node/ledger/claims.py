"""From a final checkpoint to a proof about one slot: the vault's opening, the quorum, the statement `outcome`.

Promises that an opening that came from a peer leads to our own final root before anything is shown or proved, and that a proof
made once is kept. Does NOT know what the proof is used for on chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from blake3 import blake3

from node.faults import LocalFault, PeerFault, Unavailable
from node.ledger.follower import Follower
from node.ledger.shelf import Shelf
from node.ledger.words import Asked, write
from node.ledger.world import World
from vault.faults import VaultFault
from vault.ledger import commit, forms
from vault.ledger.faults import RuleFault
from vault.ledger.genesis import Genesis
from vault.ledger.opening import Opening, check_opening, decode_opening, open_vault
from vault.ledger.position import OUTCOMES
from vault.ledger.state import Ledger
from vault.ledger.witness import outcome_witness

Action = Literal["withdraw", "default", "liquidate"]
OUTCOME = "outcome"
TRIES = 3


@dataclass(slots=True, repr=False)
class Claims:
    """Of one ledger. `state` gives the ledger at the last final checkpoint when this node holds it, else None."""

    world: World
    genesis: Genesis
    shelf: Shelf
    follower: Follower
    state: Callable[[], Ledger | None]

    async def opening(self, vault: bytes) -> Opening:
        """The vault's position under our final root. Raises LocalFault: it has none; Unavailable: nobody tells."""
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
        """What peers say, the first that leads to our root; a peer that shows something else is named."""
        nobody = True
        for source in dict.fromkeys((self.genesis.keeper, *self.world.known())):
            if source == self.world.me or source not in self.world.known():
                continue
            try:
                raw = await self.world.ask(source, "ledger-opening", self.shelf.ledger, write(Asked(vault=vault)))
            except (Unavailable, PeerFault):
                continue
            nobody = False
            if not raw:
                raise _no_position(vault, self.follower.view.seq)
            try:
                opening = decode_opening(raw)
                if opening.totals.seq != self.follower.view.seq:
                    continue
                if check_opening(self.shelf.ledger, self.follower.view.root, opening).vault == vault:
                    return opening
                self.follower.blame(
                    source, f"opening: expected vault {vault.hex()}, came {opening.position.vault.hex()}"
                )
            except VaultFault as fault:
                self.follower.blame(source, f"opening: {fault}")
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

    async def prove(self, vault: bytes, slot: int, action: Action, claimant: bytes, template: bytes) -> dict[str, Any]:
        """A proof of the statement `outcome` for one slot. Raises LocalFault when the record does not say so."""
        opening = await self.opening(vault)
        head = self.follower.head
        if head is None or head.checkpoint.seq != opening.totals.seq:
            raise Unavailable(what="checkpoint", expected="a final one", came="none yet")
        lines = self.world.proving.keys()
        key = next((line for line in lines if line.statement.name == OUTCOME), None)
        if key is None:
            raise LocalFault(
                what="proving key", expected="one of the statement outcome", came="none",
                todo="`bitvm3 setup run outcome` makes one on regtest; elsewhere `bitvm3 setup import outcome --zkey FILE`.",
            )  # fmt: skip
        try:
            witness = outcome_witness(
                self.genesis, opening, slot=slot, action=OUTCOMES[action], claimant=claimant, template=template,
                checkpoint=head.checkpoint, signatures=head.signatures,
            )  # fmt: skip
        except RuleFault as fault:
            raise LocalFault(what=fault.rule, expected=fault.expected, came=fault.got) from fault
        digest = blake3(key.key + witness).digest()
        proof = self.shelf.claim(digest)
        if proof is None:
            purpose = f"outcome {action} of vault {vault.hex()[:16]} slot {slot}"
            proof = (await self.world.proving.prove(key.key, witness, purpose)).proof
            await self.world.write((self.shelf.put_claim(digest, proof),))
        x = commit.outcome_public(
            self.genesis.network, self.shelf.ledger, vault=vault, slot=slot, action=OUTCOMES[action], claimant=claimant,
            template=template, attestors=self.genesis.attestors_root, rules=commit.rules_hash(self.genesis.rules),
        )  # fmt: skip
        return {
            "vault": vault.hex(),
            "slot": slot,
            "action": action,
            "seq": head.checkpoint.seq,
            "key": key.key.hex(),
            "verifying_key": key.verifying_key.hex(),
            "public": x.hex(),
            "proof": proof.hex(),
        }


def _no_position(vault: bytes, seq: int) -> LocalFault:
    return LocalFault(
        what=f"vault {vault.hex()}",
        expected=f"one with a position in this ledger at seq {seq}",
        came="none",
        todo="A position appears with the checkpoint after its event `open`: `bitvm3 ledger show` tells what waits.",
    )
