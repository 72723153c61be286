"""The fee reserve: what it would take to publish at once everything this party could be forced to publish.

Promise: an upper bound at `fee_policy.worst_rate`, each transaction with a child that pays for it; what the transactions pay
themselves is not subtracted. A node below it warns, and takes no part in new vaults. Does NOT know the wallet.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from challenge.facts import claimant_of, lent
from challenge.game import SLOT_ENDS, Answer, GraphPhase, GraphView, SlotPhase, fold
from challenge.states import VaultState
from vault.fees import CHILD_VSIZE, vsizes_of
from vault.terms import Proposal

Rows = Mapping[GraphPhase, tuple[str, ...]]

FORCED_AS_CHALLENGER: Final[Mapping[str, Rows]] = {
    "core": {
        GraphPhase.ARMED: ("contest", "disprove/{k}"),
        GraphPhase.CLAIMED: ("contest", "disprove/{k}"),
        GraphPhase.CONTESTED: ("disprove/{k}",),
        GraphPhase.ASSERTED: ("disprove/{k}",),
    },
    "babe": {
        GraphPhase.ARMED: ("contest", "reveal/{k}", "no_payout/{k}"),
        GraphPhase.CLAIMED: ("contest", "reveal/{k}", "no_payout/{k}"),
        GraphPhase.CONTESTED: ("reveal/{k}", "no_payout/{k}"),
        GraphPhase.ASSERTED: ("reveal/{k}", "no_payout/{k}"),
        GraphPhase.PAID: ("stake_back/{k}",),
        GraphPhase.DISPROVED: ("stake_back/{k}",),
        GraphPhase.RELEASED: ("stake_back/{k}",),
    },
}
"""k is this party. NoAssert instead of these answers is smaller, StakeBack instead of NoPayout too."""
FORCED_AS_CLAIMANT: Final[Mapping[str, Rows]] = {
    "core": {
        GraphPhase.CLAIMED: ("assert", "contested_payout"),
        GraphPhase.CONTESTED: ("assert", "contested_payout"),
        GraphPhase.ASSERTED: ("contested_payout",),
    },
    "babe": {
        GraphPhase.CLAIMED: ("assert", "contested_payout", "refute/{k}"),
        GraphPhase.CONTESTED: ("assert", "contested_payout", "refute/{k}"),
        GraphPhase.ASSERTED: ("contested_payout", "refute/{k}"),
    },
}
"""k is every challenger. Claiming is the claimant's own choice: an armed graph forces it to nothing."""
WHILE: Final[Mapping[str, frozenset[Answer]]] = {
    "reveal": frozenset({Answer.SILENT}),
    "no_payout": frozenset({Answer.SILENT, Answer.REVEALED}),
    "refute": frozenset({Answer.SILENT, Answer.REVEALED}),
    "stake_back": frozenset({Answer.REVEALED}),
}
"""Where challenger k must stand for its transaction to be possible still."""


def forced(proposal: Proposal, me: int, state: VaultState | None) -> Iterator[str]:
    """The names of the transactions; without a state, those of a vault that has just been set up."""
    view = fold(proposal, state.log) if state is not None else fold(proposal, ())
    for g, game in enumerate(view.graphs):
        if game.phase is GraphPhase.ARMED and view.slots[proposal.graphs[g].slot].phase in SLOT_ENDS:
            continue  # a claim of a coin that is gone takes nothing: nobody has to answer it
        own = claimant_of(proposal, g) == me
        rows = (FORCED_AS_CLAIMANT if own else FORCED_AS_CHALLENGER)[proposal.graphs[g].engine]
        for pattern in rows.get(game.phase, ()):
            yield from (f"{g}/{kind}" for kind in _possible(game, pattern, tuple(game.answers) if own else (me,)))
    # Who is hurt when Vault comes too late: a lender whose loan was taken. Without a loan the borrower wants its vault.
    hurt = proposal.lender if lent(proposal) else proposal.borrower
    if me == hurt and any(slot.phase is SlotPhase.PREFUNDED for slot in view.slots):
        yield "vault"


def _possible(game: GraphView, pattern: str, challengers: tuple[int, ...]) -> Iterator[str]:
    kind, _, indexed = pattern.partition("/")
    if not indexed:
        yield kind
        return
    for k in challengers:
        if kind not in WHILE or game.answers[k] in WHILE[kind]:
            yield pattern.format(k=k)


def reserve_needed(proposal: Proposal, me: int, state: VaultState | None) -> int:
    """Sats at worst_rate for all of them."""
    vsizes = vsizes_of(proposal)
    return proposal.fee_policy.worst_rate * sum(vsizes[name] + CHILD_VSIZE for name in forced(proposal, me, state))
