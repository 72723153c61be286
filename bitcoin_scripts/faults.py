"""What goes wrong below the vault: a script or transaction that may not be built."""

from __future__ import annotations


class ScriptFault(ValueError):
    """Ours: the caller asked for a leaf, an output or a witness that must not exist. Validate before building."""

    def __init__(self, what: str, *, expected: str, got: str) -> None:
        super().__init__(f"{what}: expected {expected}, got {got}")
        self.what = what
        self.expected = expected
        self.got = got
