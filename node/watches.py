"""What to look for in blocks, by vault, on disk: a start reads it instead of deriving every graph again.

Promise: it follows from the graph alone, is written before this party agrees to that graph, and an entry that is missing or of
another version is derived anew. This module does NOT look (`node.scan`) and does NOT give names (`challenge.classify`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from challenge.classify import Index, Outpoint
from node.faults import LocalFault
from node.store import Put, Store

COLUMN: Final = "watches"
VERSION: Final = 1
"""Grows with any change of names or coins in `challenge.classify`."""


class Watches(msgspec.Struct, frozen=True, array_like=True):
    """One vault's index: txid -> name, and (txid, vout, name) of every coin."""

    version: int
    names: dict[bytes, str]
    coins: tuple[tuple[bytes, int, str], ...]


class Coins(msgspec.Struct, frozen=True, array_like=True):
    """As much of it as a start needs."""

    version: int
    names: msgspec.Raw
    coins: tuple[tuple[bytes, int, msgspec.Raw], ...]


_ALL: Final = msgspec.msgpack.Decoder(Watches)
_COINS: Final = msgspec.msgpack.Decoder(Coins)


def put_of(vault: bytes, index: Index) -> Put:
    """The entry of a vault."""
    coins = tuple((txid, vout, name) for (txid, vout), name in index.coins.items())
    return (COLUMN, vault, msgspec.msgpack.encode(Watches(VERSION, dict(index.names), coins)))


def coins_of(store: Store, vault: bytes) -> list[Outpoint] | None:
    """The coins of a vault; None when there is no entry of this version."""
    raw = store.get(COLUMN, vault)
    if raw is None:
        return None
    try:
        held = _COINS.decode(raw)
    except msgspec.MsgspecError:
        return None
    return [(txid, vout) for txid, vout, _ in held.coins] if held.version == VERSION else None


def watches(store: Store) -> Callable[[bytes], Index]:
    """What reads the index of a vault that is watched. Raises LocalFault when the disk has lost it since."""

    def read(vault: bytes) -> Index:
        raw = store.get(COLUMN, vault)
        try:
            held = _ALL.decode(raw or b"")
        except msgspec.MsgspecError as error:
            raise LocalFault(
                what=f"watches of vault {vault.hex()}", expected="on disk", came=str(error), todo="Restart the node."
            ) from error
        return Index(names=held.names, coins={(txid, vout): name for txid, vout, name in held.coins})

    return read
