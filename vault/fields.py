"""Small checks of fields of an agreement, each naming field, expectation and value.

Promises a TermsFault, or the fault it is given, when the check fails, and nothing when it holds. Does not know the rules.
"""

from __future__ import annotations

from collections.abc import Iterable

from bitcoin_scripts.outputs import is_p2tr
from bitcoin_scripts.script import is_xonly
from vault.faults import TermsFault, VaultFault


def shown(value: object) -> str:
    """A value for people: bytes as hex."""
    return value.hex() if isinstance(value, bytes) else str(value)


def equal(field: str, got: int | str | bytes, expected: int | str | bytes) -> None:
    """The very value."""
    if got != expected:
        raise TermsFault(field, expected=shown(expected), got=shown(got))


def one_of(field: str, got: str, expected: tuple[str, ...]) -> None:
    """One of some words."""
    if got not in expected:
        raise TermsFault(field, expected=" | ".join(expected), got=got[:80])


def within(field: str, got: int, low: int, high: int) -> None:
    """From low to high, both allowed."""
    if not low <= got <= high:
        raise TermsFault(field, expected=f"{low} to {high}", got=str(got))


def length(field: str, got: bytes, expected: int) -> None:
    """So many bytes."""
    if len(got) != expected:
        raise TermsFault(field, expected=f"{expected} bytes", got=f"{len(got)} bytes")


def xonly(field: str, got: bytes) -> None:
    """An x-only key on the curve."""
    if not is_xonly(got):
        raise TermsFault(field, expected="32 bytes, x of a point on the curve", got=got.hex()[:80])


def p2tr_script(field: str, got: bytes) -> None:
    """A P2TR script whose key is on the curve."""
    if not is_p2tr(got):
        raise TermsFault(field, expected="a P2TR script of 34 bytes with a key on the curve", got=got.hex()[:80])


def distinct(field: str, values: Iterable[object], fault: type[VaultFault] = TermsFault) -> None:
    """No value twice."""
    seen: set[object] = set()
    for value in values:
        if value in seen:
            raise fault(field, expected="all distinct", got=f"{shown(value)} twice")
        seen.add(value)
