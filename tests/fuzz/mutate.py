"""Mutations of valid inputs: of their bytes, and of the JSON or MessagePack value that they are.

Promises that the same generator gives the same inputs. A value mutated and encoded again gets past the outermost check,
where mutated bytes alone stay stuck.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

_P = 0x30644E72E131A029B85045B68181585D97816A916871CA8D3C208C16D87CFD47
_R = 0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000001
_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
EDGES = (*range(-2, 4), 127, 128, 255, 256, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**63)
"""Whole numbers at which a width ends."""
WIDE = (0, 1, _P - 1, _P, _P + 1, _R - 1, _R, _R + 1, _N - 1, _N, _N + 1, 1 << 255, (1 << 256) - 1, 1 << 256, 1 << 300)
"""Numbers at which a field, a group or a word ends."""
TOKENS = (
    *(
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"-0",
        b"0.0",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b'""',
        b"\x00",
        b"\xff",
    ),
    *(
        b"\xed\xa0\x80",
        b"9" * 400,
        b"9" * 5_000,
        b"[" * 2_000,
        b'{"a":' * 2_000,
        b"\x91" * 2_000,
        b"\xdd\xff\xff\xff\xff",
        b"\xc1",
    ),
    *(
        b"\xc6\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xcb\x7f\xf8" + bytes(6),
        b"\xd9\x02\xc3\x28",
        b"\n",
        b'"',
        b"=",
    ),
)
"""What upsets readers of JSON, MessagePack and text."""

Chance = random.Random


def mutations(seeds: Sequence[bytes], chance: Chance, rounds: int, most: int) -> Iterator[bytes]:
    """The seeds, then `rounds` mutants of at most `most` bytes."""
    yield from seeds
    for _ in range(rounds):
        yield mutant(chance.choice(seeds), seeds, chance)[:most]


def mutant(raw: bytes, others: Sequence[bytes], chance: Chance) -> bytes:
    """One to four changes; of the value when the input is one, in half the cases."""
    if chance.random() < 0.5 and (changed := _of_value(raw, chance)) is not None:
        return changed
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        raw = chance.choice(_BYTES)(raw, others, chance)
    return raw


# ---- bytes -----------------------------------------------------------------------------------------------------------
def _span(raw: bytes, chance: Chance) -> tuple[int, int]:
    start = chance.randrange(len(raw) + 1)
    return start, min(len(raw), start + chance.choice((1, 1, 2, 4, 8, 16, 32, 33, 64, chance.randrange(1, 200))))


def _flip(raw: bytes, _: Sequence[bytes], chance: Chance) -> bytes:
    if not raw:
        return b"\0"
    at = chance.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << chance.randrange(8)]) + raw[at + 1 :]


def _set(raw: bytes, _: Sequence[bytes], chance: Chance) -> bytes:
    start, end = _span(raw, chance)
    return raw[:start] + chance.choice((b"\0", b"\xff", b"\x01", b"\x80", b"0", b"9")) * (end - start) + raw[end:]


def _noise(raw: bytes, _: Sequence[bytes], chance: Chance) -> bytes:
    start, end = _span(raw, chance)
    return raw[:start] + chance.randbytes(chance.choice((0, end - start, end - start, end - start + 1))) + raw[end:]


def _number(raw: bytes, _: Sequence[bytes], chance: Chance) -> bytes:
    """A width of 1 to 32 bytes overwritten by a number at an edge, in either order."""
    size = chance.choice((1, 2, 4, 4, 8, 8, 32, 32, 48))
    number = chance.choice(WIDE if size >= 32 else EDGES) % (1 << 8 * size)
    word = number.to_bytes(size, chance.choice(("big", "little")))
    at = chance.randrange(max(1, len(raw) - size + 1))
    at -= at % chance.choice((1, 1, size))
    return raw[:at] + word + raw[at + size :]


def _token(raw: bytes, _: Sequence[bytes], chance: Chance) -> bytes:
    start, end = _span(raw, chance)
    return raw[:start] + chance.choice(TOKENS) + raw[chance.choice((start, end)) :]


def _twice(raw: bytes, _: Sequence[bytes], chance: Chance) -> bytes:
    start, end = _span(raw, chance)
    return raw[:end] + raw[start:]


def _move(raw: bytes, _: Sequence[bytes], chance: Chance) -> bytes:
    start, end = _span(raw, chance)
    rest = raw[:start] + raw[end:]
    at = chance.randrange(len(rest) + 1)
    return rest[:at] + raw[start:end] + rest[at:]


def _cut(raw: bytes, _: Sequence[bytes], chance: Chance) -> bytes:
    return raw[: chance.randrange(len(raw) + 1)]


def _splice(raw: bytes, others: Sequence[bytes], chance: Chance) -> bytes:
    other = chance.choice(others)
    at = chance.randrange(len(raw) + 1)
    return raw[:at] + other[min(at, len(other)) :]


_BYTES: tuple[Callable[[bytes, Sequence[bytes], Chance], bytes], ...] = (
    *(_flip, _flip, _set, _noise, _number, _number, _token, _twice, _move, _cut, _splice),
)


# ---- values ----------------------------------------------------------------------------------------------------------
_FORMS: tuple[tuple[Callable[[bytes], Any], Callable[[Any], bytes]], ...] = (
    (msgspec.json.decode, msgspec.json.encode),
    (msgspec.msgpack.decode, msgspec.msgpack.encode),
)


def _of_value(raw: bytes, chance: Chance) -> bytes | None:
    """The value with one to three places changed and encoded again; None when the input is no value."""
    for decode, encode in _FORMS:
        try:
            value = decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(value, int) and len(raw) > 1:  # MessagePack takes any byte below 128
            continue
        for _ in range(chance.choice((1, 1, 2, 3))):
            value = _changed(value, chance)
        try:
            return encode(value)
        except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
            return None
    return None


def _changed(value: Any, chance: Chance) -> Any:
    """The value with a place inside changed; deep places as often as shallow ones."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        if chance.random() < 0.1:
            return {k: v for k, v in value.items() if k != key} | {chance.choice((f"{key}x", "")): value[key]}
        if chance.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return value | {key: _changed(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.85:
        at = chance.randrange(len(value))
        match chance.randrange(8):
            case 0:
                return value[:at] + value[at + 1 :]
            case 1:
                return value[:at] + [value[at]] * chance.choice((2, 3, 70)) + value[at + 1 :]
            case 2:
                return [*value[:at], value[chance.randrange(len(value))], *value[at + 1 :]]
            case _:
                return [*value[:at], _changed(value[at], chance), *value[at + 1 :]]
    return _other(value, chance)


def _other(value: Any, chance: Chance) -> Any:
    """Another value, of the same kind more often than not."""
    if chance.random() < 0.2:
        return chance.choice(
            (None, True, 0, -1, 1.5, float("inf"), "", "x", b"", [], {}, [[]], {"a": 1}, value, [value])
        )
    match value:
        case bool():
            return not value
        case int():
            return chance.choice((value + 1, value - 1, -value, chance.choice(EDGES), chance.getrandbits(64)))
        case float():
            return chance.choice((-value, value * 2, 0.0, 1e308, float("nan")))
        case bytes():
            return chance.choice(_BYTES)(value, (value,), chance)
        case str() if value.isascii() and value.isdigit():
            return str(chance.choice((int(value) + 1, *WIDE))) if len(value) < 400 else value[:-1]
        case str():
            change = chance.choice(_BYTES)(value.encode(errors="surrogatepass"), (value.encode(),), chance)
            return change.decode(errors=chance.choice(("replace", "ignore")))
        case list():
            return [*value, *value]
        case dict():
            return dict(list(value.items())[1:])
        case _:
            return 0
