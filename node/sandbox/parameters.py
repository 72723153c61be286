"""The parameters of a call: names, order, and the strict reading of each JSON value.

Promises: a value of another type or out of range is refused with the code and words of bitcoind; nothing is guessed.
Does NOT know what a call does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from btclib.exceptions import BTClibException
from btclib.script.script_pub_key import ScriptPubKey

from node.sandbox.faults import (
    DESERIALIZATION_ERROR,
    INVALID_ADDRESS_OR_KEY,
    INVALID_PARAMETER,
    MISC_ERROR,
    TYPE_ERROR,
    RpcFault,
)
from node.sandbox.policy import COIN, MAX_MONEY
from node.sandbox.transaction import Transaction

_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (str, "string"),
    (int, "number"),
    (Decimal, "number"),
    (list, "array"),
    (dict, "object"),
)


def _kind(value: object) -> str:
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "null")


def _typed(value: Any, wanted: str) -> Any:
    if _kind(value) != wanted:
        raise RpcFault(TYPE_ERROR, f"JSON value of type {_kind(value)} is not of expected type {wanted}")
    return value


def text(value: Any, _: str) -> str:
    """A string."""
    return str(_typed(value, "string"))


def flag(value: Any, _: str) -> bool:
    """A boolean."""
    return bool(_typed(value, "bool"))


def integer(value: Any, _: str) -> int:
    """A whole number of 64 bits."""
    if not isinstance(_typed(value, "number"), int) or abs(value) >> 63:
        raise RpcFault(MISC_ERROR, "JSON integer out of range")
    return int(value)


def verbosity(value: Any, name: str) -> int:
    """0, 1, 2... or, as of old, a boolean."""
    return int(value) if isinstance(value, bool) else integer(value, name)


def array(value: Any, _: str) -> list[Any]:
    """A JSON array."""
    return list(_typed(value, "array"))


def hash_(value: Any, name: str) -> bytes:
    """32 bytes of hex, shown reversed; internal order."""
    shown = text(value, name)
    if len(shown) != 64:
        raise RpcFault(INVALID_PARAMETER, f"{name} must be of length 64 (not {len(shown)}, for '{shown}')")
    try:
        return bytes.fromhex(shown)[::-1]
    except ValueError:
        raise RpcFault(INVALID_PARAMETER, f"{name} must be hexadecimal string (not '{shown}')") from None


def amount(value: Any, _: str) -> int:
    """BTC with at most eight decimals, as sats."""
    if _kind(value) not in {"number", "string"}:
        raise RpcFault(TYPE_ERROR, "Amount is not a number or string")
    try:
        sats = Decimal(value) * COIN
    except ArithmeticError:
        raise RpcFault(TYPE_ERROR, "Invalid amount") from None
    if not sats.is_finite() or sats != sats.to_integral_value():
        raise RpcFault(TYPE_ERROR, "Invalid amount")
    if not 0 <= sats <= MAX_MONEY:
        raise RpcFault(TYPE_ERROR, "Amount out of range")
    return int(sats)


def fee_rate(value: Any, name: str) -> int:
    """BTC/kvB below 1, as sat/kvB."""
    rate = amount(value, name)
    if rate >= COIN:
        raise RpcFault(INVALID_PARAMETER, "Fee rates larger than or equal to 1BTC/kvB are not accepted")
    return rate


def script_of_address(value: Any, name: str) -> bytes:
    """The output script of a regtest address."""
    shown = text(value, name)
    try:
        found = ScriptPubKey.from_address(shown)
    except (BTClibException, ValueError, IndexError):
        raise RpcFault(INVALID_ADDRESS_OR_KEY, "Error: Invalid address") from None
    if found.network not in {"regtest", "testnet"} or (found.network == "testnet" and shown.startswith("tb1")):
        raise RpcFault(INVALID_ADDRESS_OR_KEY, "Error: Invalid address")
    return found.script


def script_of_output(value: Any, name: str) -> bytes:
    """The output script of an address or of a raw(hex) or addr(address) descriptor."""
    shown = text(value, name).split("#")[0]
    try:
        if shown.startswith("raw(") and shown.endswith(")"):
            return bytes.fromhex(shown[4:-1])
        if shown.startswith("addr(") and shown.endswith(")"):
            return script_of_address(shown[5:-1], name)
        return script_of_address(shown, name)
    except (RpcFault, ValueError):
        raise RpcFault(INVALID_ADDRESS_OR_KEY, "Error: Invalid address or descriptor") from None


def transaction(shown: Any, message: str) -> Transaction:
    """A hex transaction, refused with `message` when it is not exactly one."""
    try:
        return Transaction.parse(bytes.fromhex(text(shown, "")))
    except ValueError:
        raise RpcFault(DESERIALIZATION_ERROR, message) from None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its JSON name, how to read it, and what stands when it is absent."""

    name: str
    read: Callable[[Any, str], Any]
    default: Any = ...

    @property
    def required(self) -> bool:
        """Whether a call without it is refused."""
        return self.default is ...


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the table."""

    name: str
    parameters: tuple[Parameter, ...]
    run: Callable[..., Any]

    @property
    def usage(self) -> str:
        """The line that `help` shows."""
        words = (p.name if p.required else f"( {p.name} )" for p in self.parameters)
        return " ".join([self.name, *words]).replace(") ( ", "")

    def bind(self, given: list[Any] | dict[str, Any]) -> dict[str, Any]:
        """The arguments by name, read and checked."""
        values = dict(given) if isinstance(given, dict) else {}
        names = [p.name for p in self.parameters]
        positional = values.pop("args", []) if isinstance(given, dict) else given
        if not isinstance(positional, list) or len(positional) > len(names):
            raise RpcFault(MISC_ERROR, self.usage)
        for name, value in zip(names, positional, strict=False):
            if name in values:
                raise RpcFault(
                    INVALID_PARAMETER, f"Parameter {name} specified twice both as positional and named argument"
                )
            values[name] = value
        for name in values:
            if name not in names:
                raise RpcFault(INVALID_PARAMETER, f"Unknown named parameter {name}")
        bound: dict[str, Any] = {}
        for parameter in self.parameters:
            value = values.get(parameter.name)
            if value is None:
                if parameter.required:
                    raise RpcFault(MISC_ERROR, self.usage)
                bound[parameter.name] = parameter.default
            else:
                bound[parameter.name] = parameter.read(value, parameter.name)
        return bound
