"""Whose fault an error of the pure packages is; each adds kinds of its own.

Does NOT know what the caller does about them. `NativeError` comes through unchanged where native code refuses bytes: whose
fault those are, only the caller knows.
"""

from __future__ import annotations

__all__ = ["LocalFault", "PeerFault"]


class LocalFault(Exception):
    """Our own program or operator asked for something impossible: stop."""


class PeerFault(Exception):
    """Bytes from outside are wrong: refuse them.

    Attributes:
        field: which part of the bytes.
        expected: what belongs there.
        got: what stands there.
    """

    def __init__(self, *, field: str, expected: str, got: object) -> None:
        super().__init__(f"{field}: expected {expected}, got {got}")
        self.field = field
        self.expected = expected
        self.got = got
