"""What a ledger refuses: the rule of docs/ledger.md that does not hold, with both sides.

As everywhere in `vault` the class says what was wrong; the layer that knows where the bytes came from says whose fault it is.
"""

from __future__ import annotations

from vault.faults import VaultFault


class RuleFault(VaultFault):
    """An event that the rules do not allow; the ledger stays as it was. What to do: do not log it, tell who asked."""

    @property
    def rule(self) -> str:
        """The rule's name in docs/ledger.md, such as open.ltv."""
        return self.field


class GenesisFault(VaultFault):
    """A genesis, or rules, that no honest node follows. What to do: do not begin or follow this ledger."""


class QuorumFault(VaultFault):
    """Signatures that do not make a checkpoint final, or do not prove an equivocation. What to do: ask others."""


class FollowFault(VaultFault):
    """An entry of a ledger that does not continue the view; the view stays. What to do: ask another source."""
