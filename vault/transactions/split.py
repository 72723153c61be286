"""What Disprove and NoPayout have in common: the bond of a claim that nobody could uphold is split in three."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.outputs import Output, RawOutput
from vault.plan import Plan


def split(plan: Plan, g: int, k: int, *, transaction: str) -> tuple[RawOutput, RawOutput, Output]:
    """Reward of W_k, damages of the injured party, and what nobody can spend.

    A challenger that is itself the injured party gets two outputs: the shape, and so the fee, is that of every other.
    """
    scripts, values = plan.cast.payout_scripts, plan.values
    reward, damages, burned = (f"{transaction}/{share}" for share in ("challenger", "injured", "burn"))
    return (
        outputs.destination(role=reward, value=values[reward], script_pubkey=scripts[k]),
        outputs.destination(role=damages, value=values[damages], script_pubkey=scripts[plan.proposal.other(g)]),
        outputs.burn(role=burned, value=values[burned], nums=plan.nums(burned)),
    )
