"""The fee reserve: what it would take to publish at once everything this party could be forced to publish.

Promise: an upper bound at `fee_policy.worst_rate`, each transaction with a child that pays for it; what the transactions pay
themselves is not subtracted. A node below it warns, and takes no part in new vaults. Does NOT know the wallet.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from challenge.facts import claimant_of
from challenge.game import GraphPhase, SlotPhase, fold
from challenge.states import VaultState
from vault.fees import CHILD_VSIZE, vsizes_of
from vault.terms import Proposal

FORCED_AS_CHALLENGER: Final[Mapping[GraphPhase, tuple[str, ...]]] = {
    GraphPhase.ARMED: ("contest", "disprove/{me}"),
    GraphPhase.CLAIMED: ("contest", "disprove/{me}"),
    GraphPhase.CONTESTED: ("disprove/{me}",),
    GraphPhase.ASSERTED: ("disprove/{me}",),
}
"""NoAssert instead of Disprove is smaller; the rows name the larger answer."""
FORCED_AS_CLAIMANT: Final[Mapping[GraphPhase, tuple[str, ...]]] = {
    GraphPhase.CLAIMED: ("assert", "contested_payout"),
    GraphPhase.CONTESTED: ("assert", "contested_payout"),
    GraphPhase.ASSERTED: ("contested_payout",),
}
"""Claiming is the claimant's own choice: an armed graph forces it to nothing."""


def forced(proposal: Proposal, me: int, state: VaultState | None) -> Iterator[str]:
    """The names of the transactions; without a state, those of a vault that has just been set up."""
    view = fold(proposal, state.log) if state is not None else fold(proposal, ())
    for g, game in enumerate(view.graphs):
        rows = FORCED_AS_CLAIMANT if claimant_of(proposal, g) == me else FORCED_AS_CHALLENGER
        for kind in rows.get(game.phase, ()):
            yield f"{g}/{kind.format(me=me)}"
    if me == proposal.borrower and any(slot.phase is SlotPhase.PREFUNDED for slot in view.slots):
        yield "vault"


def reserve_needed(proposal: Proposal, me: int, state: VaultState | None) -> int:
    """Sats at worst_rate for all of them."""
    vsizes = vsizes_of(proposal)
    return proposal.fee_policy.worst_rate * sum(vsizes[name] + CHILD_VSIZE for name in forced(proposal, me, state))
