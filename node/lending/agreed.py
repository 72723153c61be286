"""Terms count when the borrower and the lender have signed them: what they sign, whose signature is wrong, and who still waits.

The ledger calls a loan by the id of its proposal, which covers no keys and no coins: whoever knows a proposal could put Terms of
its own beside it. Promises that `check` lets Terms pass only with a signature of either identity in their own proposal over this
vault of this ledger on this chain, and names whose is missing. Does NOT know whether Terms fit the ledger or have coins
(`registry`), and nothing of what the other parties agreed to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from blake3 import blake3

from native._native.signing import verify
from node.faults import PeerFault
from vault.agreement import Proposal, Terms

CONTEXT: Final = "bitvm3 2026 loan terms v1"

Side = Literal["borrower", "lender"]
OTHER: Final[dict[Side, Side]] = {"borrower": "lender", "lender": "borrower"}


def digest(genesis: bytes, ledger: bytes, vault_id: bytes) -> bytes:
    """32 bytes: what a borrower and a lender sign with their identities. Each part has 32 bytes; `genesis` is block 0's hash."""
    return blake3(genesis + ledger + vault_id, derive_key_context=CONTEXT).digest()


def side_of(proposal: Proposal, identity: bytes) -> Side:
    """Which of the two somebody is. Raises PeerFault for everybody else, other parties of the vault too."""
    for side in OTHER:
        if identity == _identity(proposal, side):
            return side
    raise PeerFault(what="sender", expected="the borrower or the lender of the Terms", came=identity.hex())


def check(genesis: bytes, ledger: bytes, terms: Terms, side: Side, signature: bytes) -> None:
    """That one of the two has signed these Terms for this ledger. Raises PeerFault that names it."""
    identity = _identity(terms.proposal, side)
    if not verify(identity, digest(genesis, ledger, terms.vault_id), signature):
        raise PeerFault(
            what=f"signature of the {side}",
            expected=f"one of {identity.hex()} over vault {terms.vault_id.hex()[:16]} of ledger {ledger.hex()[:16]}",
            came=signature.hex(),
        )


def _identity(proposal: Proposal, side: Side) -> bytes:
    return proposal.parties[proposal.borrower if side == "borrower" else proposal.lender].identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What one of the two has signed."""

    vault_id: bytes
    signature: bytes


@dataclass(slots=True, kw_only=True)
class Offers:
    """Signatures that wait for the other one, one a proposal and side; when there are more than `most`, the oldest goes.

    In memory only: a party asks again at every block while its Terms are not registered.
    """

    most: int
    _held: dict[tuple[bytes, Side], Offer] = field(default_factory=dict)

    def keep(self, proposal_id: bytes, side: Side, offer: Offer) -> None:
        """In the place of what this side offered before; it is the youngest now."""
        self._held.pop((proposal_id, side), None)
        self._held[proposal_id, side] = offer
        while len(self._held) > self.most:
            del self._held[next(iter(self._held))]

    def of(self, proposal_id: bytes, side: Side) -> Offer | None:
        """What a side has offered and still holds to."""
        return self._held.get((proposal_id, side))

    def drop(self, proposal_id: bytes) -> None:
        """Both have what they wanted."""
        for side in OTHER:
            self._held.pop((proposal_id, side), None)
