"""Errors of this package, by whose fault they are."""

from __future__ import annotations

from native import NativeError
from native.faults import LocalFault, PeerFault

__all__ = ["LocalFault", "MalformedFault", "PeerFault"]


class MalformedFault(PeerFault):
    """A key, a proof or public inputs are not what they should be; nothing was verified."""

    @classmethod
    def of(cls, what: str, refused: NativeError) -> MalformedFault:
        """The same refusal, saying in which of the files. Native texts are "FIELD: expected EXPECTED, got GOT"."""
        field, _, rest = str(refused).partition(": expected ")
        expected, _, got = rest.partition(", got ")
        return cls(field=field if field == what else f"{what}, {field}", expected=expected, got=got)
