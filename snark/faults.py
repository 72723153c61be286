"""Errors of this package, by whose fault they are.

Does NOT know what the caller does about them.
"""

from __future__ import annotations

from native import NativeError

__all__ = ["LocalFault", "MalformedFault", "PeerFault"]


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


class MalformedFault(PeerFault):
    """A key, a proof or public inputs are not what they should be; nothing was verified."""

    @classmethod
    def of(cls, what: str, refused: NativeError) -> MalformedFault:
        """The same refusal, saying in which of the files. Native texts are "FIELD: expected EXPECTED, got GOT"."""
        field, _, rest = str(refused).partition(": expected ")
        expected, _, got = rest.partition(", got ")
        return cls(field=field if field == what else f"{what}, {field}", expected=expected, got=got)
