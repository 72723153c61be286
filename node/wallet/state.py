"""The wallet's state as a fold over blocks: coins, reservations, waiting transactions, indices handed out.

Promises: `disconnect` undoes `connect` exactly, except that indices once seen used stay used; every change is in
`changes` as key -> value, and `restore` of all of them gives the same state. Does NOT know keys or scripts' meaning:
it is told which scripts are its own. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
from bitcoin.core import CTransaction

from node.faults import LocalFault, PeerFault

MATURITY = 100
"""Blocks before a coinbase output may be spent (consensus)."""

WAIT_BLOCKS = 144
"""Blocks after which a waiting transaction is given up: what it depended on is gone, or it would have been bumped."""

RECEIVE, CHANGE = 0, 1

Outpoint = tuple[bytes, int]
Branch = tuple[int, int]
"""(change, index) of a key."""


class WalletCoin(msgspec.Struct, frozen=True, array_like=True):
    """An output of ours that a block has. `spent` is the height of the block that spent it, -1 while unspent."""

    txid: bytes
    vout: int
    value: int
    script: bytes
    height: int
    change: int
    index: int
    coinbase: bool
    spent: int = -1

    @property
    def outpoint(self) -> Outpoint:
        """(txid, vout)."""
        return self.txid, self.vout


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Sats. `confirmed` is mature and not being spent, reserved or not; `unconfirmed` waits for a block."""

    confirmed: int
    unconfirmed: int
    reserved: int
    immature: int

    @property
    def free(self) -> int:
        """What a new purpose can have."""
        return self.confirmed - self.reserved


# keys of the store's column
_COIN, _HELD, _WAITING, _CHILD, _NEXT, _HEIGHT = b"c", b"r", b"t", b"f", b"n", b"h"


def _key(outpoint: Outpoint) -> bytes:
    return outpoint[0] + outpoint[1].to_bytes(4, "big")


def _outpoint(key: bytes) -> Outpoint:
    return key[:32], int.from_bytes(key[32:], "big")


@dataclass(slots=True)
class State:
    """Everything the wallet remembers. `ours` tells the branch of a script that is its own."""

    ours: Callable[[bytes], Branch | None]
    keep: int
    height: int = -1
    next: list[int] = field(default_factory=lambda: [0, 0])
    coins: dict[Outpoint, WalletCoin] = field(default_factory=dict)
    held: dict[Outpoint, str] = field(default_factory=dict)
    waiting: dict[bytes, bytes] = field(default_factory=dict)
    since: dict[bytes, int] = field(default_factory=dict)
    children: dict[bytes, int] = field(default_factory=dict)
    changes: dict[bytes, bytes | None] = field(default_factory=dict)

    # ---- blocks ----------------------------------------------------------------------------------------------

    def connect(self, height: int, raws: Sequence[bytes]) -> None:
        """The block at `height` joined the chain; `raws` hold at least its transactions that concern the wallet."""
        if self.height >= 0 and height != self.height + 1:
            raise LocalFault(what="a block for the wallet", expected=f"height {self.height + 1}", came=str(height))
        for raw in raws:
            self._take(height, raw)
        self._set_height(height)
        for outpoint, coin in list(self.coins.items()):
            if 0 <= coin.spent <= height - self.keep:  # no reorg that is followed brings it back
                del self.coins[outpoint]
                self._write(_COIN + _key(outpoint), None)
                self.release_coin(outpoint)
        for txid in [txid for txid, since in self.since.items() if since + WAIT_BLOCKS <= height]:
            self.forget_waiting(txid)

    def disconnect(self, height: int) -> None:
        """The block at `height`, the last one connected, left the chain."""
        if height != self.height:
            raise LocalFault(what="a block leaving the wallet", expected=f"height {self.height}", came=str(height))
        for outpoint, coin in list(self.coins.items()):
            if coin.height == height:
                del self.coins[outpoint]
                self._write(_COIN + _key(outpoint), None)
            elif coin.spent == height:
                self._put_coin(msgspec.structs.replace(coin, spent=-1))
        self._set_height(height - 1)

    def _take(self, height: int, raw: bytes) -> None:
        tx = parse(raw)
        txid = bytes(tx.GetTxid())
        spends = [(bytes(i.prevout.hash), i.prevout.n) for i in tx.vin]
        for outpoint in spends:
            coin = self.coins.get(outpoint)
            if coin is not None and coin.spent < 0:
                self._put_coin(msgspec.structs.replace(coin, spent=height))
        for vout, out in enumerate(tx.vout):
            branch = self.ours(bytes(out.scriptPubKey))
            if branch is None:
                continue
            self._put_coin(
                WalletCoin(
                    txid=txid,
                    vout=vout,
                    value=out.nValue,
                    script=bytes(out.scriptPubKey),
                    height=height,
                    change=branch[0],
                    index=branch[1],
                    coinbase=bool(tx.is_coinbase()),
                )
            )
            self.use(branch)
        self.forget_waiting(txid)
        self._forget_rivals(set(spends))
        if self.children.pop(txid, None) is not None:
            self._write(_CHILD + txid, None)

    # ---- waiting transactions --------------------------------------------------------------------------------

    def wait_for(self, raw: bytes) -> None:
        """A transaction was seen or sent that no block has yet."""
        tx = parse(raw)
        self._forget_rivals({(bytes(i.prevout.hash), i.prevout.n) for i in tx.vin})
        txid = bytes(tx.GetTxid())
        self.waiting[txid] = raw
        self.since[txid] = self.height
        self._write(_WAITING + txid, self.height.to_bytes(8, "big", signed=True) + raw)
        for out in tx.vout:
            if (branch := self.ours(bytes(out.scriptPubKey))) is not None:
                self.use(branch)

    def forget_waiting(self, txid: bytes) -> None:
        """It is mined, replaced, or given up."""
        if self.waiting.pop(txid, None) is not None:
            del self.since[txid]
            self._write(_WAITING + txid, None)

    def _forget_rivals(self, spends: set[Outpoint]) -> None:
        for txid, raw in list(self.waiting.items()):
            if any((bytes(i.prevout.hash), i.prevout.n) in spends for i in parse(raw).vin):
                self.forget_waiting(txid)

    def being_spent(self) -> set[Outpoint]:
        """Outpoints that waiting transactions spend."""
        return {(bytes(i.prevout.hash), i.prevout.n) for raw in self.waiting.values() for i in parse(raw).vin}

    # ---- reservations and indices ----------------------------------------------------------------------------

    def hold(self, coins: Iterable[WalletCoin], purpose: str) -> None:
        """Promise the coins to a purpose."""
        for coin in coins:
            self.held[coin.outpoint] = purpose
            self._write(_HELD + _key(coin.outpoint), purpose.encode())

    def release_coin(self, outpoint: Outpoint) -> None:
        """Take a promise back."""
        if self.held.pop(outpoint, None) is not None:
            self._write(_HELD + _key(outpoint), None)

    def use(self, branch: Branch) -> None:
        """Never hand this index out again, nor one before it."""
        change, index = branch
        if index >= self.next[change]:
            self.next[change] = index + 1
            self._write(_NEXT + bytes([change]), (index + 1).to_bytes(4, "big"))

    def note_child(self, parent: bytes, fee: int) -> None:
        """The last child of this parent paid `fee`."""
        self.children[parent] = fee
        self._write(_CHILD + parent, fee.to_bytes(8, "big"))

    def is_mature(self, coin: WalletCoin) -> bool:
        """Whether the next block may spend it."""
        return not coin.coinbase or self.height + 1 - coin.height >= MATURITY

    def balance(self) -> Balance:
        """Of all coins, as of the last block and the waiting transactions."""
        leaving = self.being_spent()
        unspent = [c for c in self.coins.values() if c.spent < 0 and c.outpoint not in leaving]
        mature = [c for c in unspent if self.is_mature(c)]
        coming = 0
        for txid, raw in self.waiting.items():
            for vout, out in enumerate(parse(raw).vout):
                mine = self.ours(bytes(out.scriptPubKey)) is not None
                coming += out.nValue if mine and (txid, vout) not in leaving else 0
        return Balance(
            confirmed=sum(c.value for c in mature),
            unconfirmed=coming,
            reserved=sum(c.value for c in mature if c.outpoint in self.held),
            immature=sum(c.value for c in unspent) - sum(c.value for c in mature),
        )

    # ---- the store -------------------------------------------------------------------------------------------

    def restore(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Read back what `changes` had; LocalFault when it is not readable."""
        for key, value in items:
            kind, rest = key[:1], key[1:]
            try:
                if kind == _COIN:
                    coin = msgspec.msgpack.decode(value, type=WalletCoin)
                    self.coins[coin.outpoint] = coin
                elif kind == _HELD:
                    self.held[_outpoint(rest)] = value.decode()
                elif kind == _WAITING:
                    self.since[rest] = int.from_bytes(value[:8], "big", signed=True)
                    self.waiting[rest] = value[8:]
                elif kind == _CHILD:
                    self.children[rest] = int.from_bytes(value, "big")
                elif kind == _NEXT:
                    self.next[rest[0]] = int.from_bytes(value, "big")
                elif kind == _HEIGHT:
                    self.height = int.from_bytes(value, "big", signed=True)
                else:
                    raise ValueError("unknown kind")
            except (ValueError, IndexError, msgspec.MsgspecError) as fault:
                raise LocalFault(
                    what="the wallet's records",
                    expected="what this version wrote",
                    came=f"key {key[:8].hex()}: {fault}",
                    todo="Restore the backup, or re-scan into an empty folder.",
                ) from None

    def _put_coin(self, coin: WalletCoin) -> None:
        self.coins[coin.outpoint] = coin
        self._write(_COIN + _key(coin.outpoint), msgspec.msgpack.encode(coin))

    def _set_height(self, height: int) -> None:
        self.height = height
        self._write(_HEIGHT, height.to_bytes(8, "big", signed=True))

    def _write(self, key: bytes, value: bytes | None) -> None:
        self.changes[key] = value


def parse(raw: bytes) -> CTransaction:
    """A transaction's fields; PeerFault when the bytes are not one."""
    try:
        return CTransaction.deserialize(raw)
    except Exception as fault:
        raise PeerFault(what="a transaction", expected="well-formed bytes", came=f"{len(raw)} bytes: {fault}") from None
