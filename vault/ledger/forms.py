"""The two written forms of every word of a ledger: canonical bytes (MessagePack) and JSON with hex.

Promises that one value has one byte form, and that hostile bytes give a value of the right shape or the caller's fault.
A number above 63 bits (the index may be) is written as decimal text. Ranges are for whoever knows the word.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from vault.faults import VaultFault

MAX_BYTES = 1 << 20  # of any word

W = TypeVar("W")


def encode(word: object) -> bytes:
    """The canonical bytes."""
    return msgspec.msgpack.encode(_plain(msgspec.to_builtins(word, builtin_types=(bytes,))))


def decode(raw: bytes, kind: Any, fault: type[VaultFault], name: str) -> Any:
    """The value of canonical bytes; `fault` naming `name` for any others."""
    if len(raw) > MAX_BYTES:
        raise fault(name, expected=f"at most {MAX_BYTES} bytes", got=f"{len(raw)} bytes")
    try:
        word = msgspec.convert(msgspec.msgpack.decode(raw), kind, strict=False, builtin_types=(bytes,))
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise fault(name, expected="a well-formed value of this kind", got=str(error)[:200]) from None
    if encode(word) != raw:
        raise fault(name, expected="the canonical encoding", got="another encoding of the same value")
    return word


def to_json(word: object) -> Any:
    """Dicts, lists, numbers and hex, for people and JSON."""
    match word:
        case bytes():
            return word.hex()
        case msgspec.Struct():
            fields = {name: to_json(getattr(word, name)) for name in word.__struct_fields__}
            kind = word.__struct_config__.tag
            return fields if kind is None else {"kind": kind, **fields}
        case tuple() | list():
            return [to_json(item) for item in word]
        case _:
            return word


def from_json(value: object, kind: Any, fault: type[VaultFault], name: str) -> Any:
    """What `to_json` wrote (not for words kept as arrays); `fault` naming `name` otherwise."""
    try:
        return msgspec.convert(_from_hex(value), kind, builtin_types=(bytes,))
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise fault(name, expected="the JSON form of this kind", got=str(error)[:200]) from None


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case int() if value.bit_length() > 63:
            return str(value)
        case _:
            return value


def _from_hex(value: object) -> object:
    match value:
        case dict():
            return {key: item if key == "kind" else _from_hex(item) for key, item in value.items()}
        case list():
            return [_from_hex(item) for item in value]
        case str():
            raw = bytes.fromhex(value)
            if raw.hex() != value:
                raise ValueError(f"not lower-case hex: {value[:80]}")
            return raw
        case _:
            return value
