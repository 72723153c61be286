"""The outputs of an outcome, the same in both payouts: amount to the claimant, rest to the other, bond back."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.outputs import RawOutput
from vault.plan import Plan


def outcome(plan: Plan, g: int, *, transaction: str) -> tuple[RawOutput, ...]:
    """No output for a rest of zero. `transaction` names the payout, whose returned bond depends on what it spends."""
    graph, scripts = plan.graph(g), plan.cast.payout_scripts
    mine = scripts[graph.claimant]
    rest = plan.proposal.slots[graph.slot] - graph.amount
    paid = [outputs.destination(role=f"{g}/amount", value=plan.values[f"{g}/amount"], script_pubkey=mine)]
    if rest:
        other = scripts[plan.proposal.other(g)]
        paid.append(outputs.destination(role=f"{g}/rest", value=plan.values[f"{g}/rest"], script_pubkey=other))
    back = f"{transaction}/bond"
    return (*paid, outputs.destination(role=back, value=plan.values[back], script_pubkey=mine))
