"""Exact numbers out of a stranger's JSON: a price in cents per BTC, a time in seconds. Pure.

Promises: no float is ever made; NaN, Infinity, exponents, signs, booleans, leading zeros, repeated keys and absurd sizes
are refused by name. Does NOT know where the bytes come from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Literal, NoReturn

from node.faults import PeerFault

__all__ = ["MOST_CENTS", "MOST_SECONDS", "Unit", "at", "cents", "document", "seconds"]

Unit = Literal["dollars", "cents"]

MOST_CENTS = 2**40 - 1
"""The ledger's width of a price (docs/ledger.md)."""
MOST_SECONDS = 2**32 - 1
"""The ledger's width of a time."""

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,18}))?")
_DIGITS: dict[Unit, int] = {"dollars": 2, "cents": 0}


class _Number(str):
    """The text of a JSON number; a str of its own type, so that `1` and `"1"` remain apart from `true`."""

    __slots__ = ()


def document(raw: bytes, what: str) -> object:
    """The JSON value of the bytes, numbers as their text.

    Raises:
        PeerFault: no UTF-8, no JSON, NaN or Infinity, a key that stands twice, nested too deeply.
    """

    def constant(name: str) -> NoReturn:
        raise PeerFault(what=what, expected="JSON numbers", came=name)

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(items)
        if len(found) != len(items):
            raise PeerFault(what=what, expected="each key of an object once", came="one that stands twice")
        return found

    try:
        return json.loads(
            raw.decode(), parse_float=_Number, parse_int=_Number, parse_constant=constant, object_pairs_hook=pairs
        )
    except (ValueError, RecursionError) as error:
        raise PeerFault(what=what, expected="JSON", came=str(error)[:120]) from None


def at(value: object, path: Sequence[str | int], what: str) -> object:
    """What stands at the end of a path of keys (objects) and positions from 0 (lists).

    Raises:
        PeerFault: the path leads nowhere; names the step.
    """
    for step in path:
        match step, value:
            case str(), dict() if step in value:
                value = value[step]
            case int(), list() if 0 <= step < len(value):
                value = value[step]
            case _:
                place = ".".join(map(str, path))
                raise PeerFault(what=what, expected=f"a value at {place}", came=f"nothing at {step!r}")
    return value


def cents(value: object, unit: Unit, what: str) -> int:
    """A price in whole cents; fractions of a cent are cut off, so that collateral is never worth more than it is.

    Raises:
        PeerFault: not a plain decimal (as a JSON number or text), 0, or not below 2^40 cents.
    """
    whole, fraction = _decimal(value, what)
    digits = _DIGITS[unit]
    if len(fraction) > digits and unit == "cents":
        raise PeerFault(what=what, expected="whole cents", came=_shown(value))
    found = int(whole + fraction[:digits].ljust(digits, "0"))
    if not 0 < found <= MOST_CENTS:
        raise PeerFault(what=what, expected=f"1 to {MOST_CENTS} cents per BTC", came=_shown(value))
    return found


def seconds(value: object, what: str) -> int:
    """A unix time in whole seconds; fractions are cut off, so that nothing is fresher than it is.

    Raises:
        PeerFault: not a plain decimal, or not below 2^32 (milliseconds are not).
    """
    whole, _ = _decimal(value, what)
    if int(whole) > MOST_SECONDS:
        raise PeerFault(what=what, expected=f"seconds since 1970, at most {MOST_SECONDS}", came=_shown(value))
    return int(whole)


def _decimal(value: object, what: str) -> tuple[str, str]:
    found = _DECIMAL.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise PeerFault(
            what=what,
            expected="a plain decimal number (no sign, no exponent, at most 15 digits and 18 after the point)",
            came=_shown(value),
        )
    return found[1], found[2] or ""


def _shown(value: object) -> str:
    match value:
        case _Number():
            return str(value)[:40]
        case str():
            return f"the text {value[:40]!r}"
        case dict() | list():
            return "an object" if isinstance(value, dict) else "a list"
        case _:
            return json.dumps(value)
