"""What goes wrong in an agreement: a field that cannot be accepted, with both sides.

The class says what was wrong, not who is to blame: bytes of a peer that raise one are the peer's fault, our own
configuration that raises one is ours. The layer that knows where the bytes came from decides.
"""

from __future__ import annotations

MOST_SHOWN = 400
"""Characters of a stranger's value in a refusal, which stands in logs and answers."""


class VaultFault(ValueError):
    """`field` is a path such as graphs[0].bond; `expected` and `got` are for people, `got` cut at `MOST_SHOWN`."""

    def __init__(self, field: str, *, expected: str, got: str) -> None:
        got = got if len(got) <= MOST_SHOWN else f"{got[:MOST_SHOWN]}.. ({len(got)} characters)"
        super().__init__(f"{field}: expected {expected}, got {got}")
        self.field = field
        self.expected = expected
        self.got = got


class TermsFault(VaultFault):
    """Terms, or a party's keys, that no honest node accepts. What to do: reject, and tell the proposer the field."""


class PointsFault(VaultFault):
    """Engine points that do not fit the terms or each other. What to do: end the setup."""


class PresignedFault(VaultFault):
    """Presignatures, or what was to be finished with them, that do not fit the graph. Nothing was signed."""
