"""What a wallet transaction weighs, pays and looks like: choosing coins, the change, the child of a package.

Promises: inputs = outputs + fee to the sat; fee >= rate * virtual size of the signed transaction; no output below the
dust limit. Does NOT know keys or the wallet's state. All amounts are sats, all rates whole sats per virtual byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bitcoin.core import COutPoint, CScript, CTransaction, CTxIn, CTxOut

from node.faults import LocalFault
from node.wallet.state import WalletCoin

VERSION = 3
"""TRUC (BIP431): no stranger can pin a child of ours."""
SEQUENCE = 0xFFFFFFFD
ANCHOR_SCRIPT = bytes.fromhex("51024e73")
ANCHOR_VALUE = 240
"""Pay-to-anchor, at its dust limit."""
DUST = 330
"""The dust limit of a P2TR output at 3 sat/vB."""
MAX_VSIZE = 10_000
CHILD_MAX_VSIZE = 1_000
RELAY_STEP = 1
"""sat/vB that a replacement adds; v31 asks for 0.1, older servers for 1."""

COIN_INPUT_WEIGHT = 4 * 41 + 66
"""Outpoint, empty script, sequence; witness: one 64-byte signature."""
ANCHOR_INPUT_WEIGHT = 4 * 41 + 1
COIN_INPUT_VSIZE = -(-COIN_INPUT_WEIGHT // 4)


@dataclass(kw_only=True, eq=False)
class NotEnough(LocalFault):
    """The wallet lacks `missing` sats for this."""

    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """An output to create."""

    value: int
    script: bytes

    @property
    def weight(self) -> int:
        """Of the serialised output."""
        return 4 * (8 + len(_compact(len(self.script))) + len(self.script))


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A parent's pay-to-anchor output."""

    txid: bytes
    vout: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsigned:
    """A transaction without witnesses; `coins` in input order (after the anchor's, if it spends one)."""

    raw: bytes
    coins: tuple[WalletCoin, ...]
    fee: int
    anchor: int | None
    change: int | None


def _compact(n: int) -> bytes:
    return bytes([n]) if n < 253 else b"\xfd" + n.to_bytes(2, "little")


def transaction_weight(coins: int, anchors: int, outputs: Sequence[Payment]) -> int:
    """Of the signed transaction with these numbers of inputs."""
    base = 4 + len(_compact(coins + anchors)) + len(_compact(len(outputs))) + 4
    inputs = coins * COIN_INPUT_WEIGHT + anchors * ANCHOR_INPUT_WEIGHT
    return 4 * base + 2 + inputs + sum(output.weight for output in outputs)


def vsize(weight: int) -> int:
    """Weight over four, rounded up."""
    return -(-weight // 4)


def choose(free: Sequence[WalletCoin], amount: int, rate: int) -> list[WalletCoin]:
    """Coins worth `amount` after what spending each of them costs at `rate`: one if one will do, else the largest.

    Raises:
        NotEnough: all of them together are not worth it.
    """
    cost = rate * COIN_INPUT_VSIZE
    useful = sorted((c for c in free if c.value > cost), key=lambda c: (c.value, c.outpoint))
    single = next((c for c in useful if c.value - cost >= amount), None)
    if single is not None:
        return [single]
    chosen: list[WalletCoin] = []
    worth = 0
    for coin in reversed(useful):
        if worth >= amount:
            break
        chosen.append(coin)
        worth += coin.value - cost
    if worth < amount:
        raise not_enough(amount, worth, rate)
    return chosen


def not_enough(amount: int, worth: int, rate: int) -> NotEnough:
    """The fault that says how much is missing."""
    return NotEnough(
        what="the wallet's confirmed, unreserved coins",
        expected=f"{amount} sats after fees at {rate} sat/vB",
        came=f"{worth}: {amount - worth} missing",
        todo="Send coins to wallet.address and wait for a block.",
        missing=amount - worth,
    )


def pay(payments: Sequence[Payment], coins: Sequence[WalletCoin], change_script: bytes, rate: int) -> Unsigned:
    """A version 3 transaction: the payments, a pay-to-anchor output, and change when it is worth an output.

    Raises:
        NotEnough: the coins do not pay for it.
        LocalFault: an output below the dust limit, or too large to relay.
    """
    for payment in payments:
        if payment.value < DUST:
            raise LocalFault(what="an output to fund", expected=f"at least {DUST} sats", came=str(payment.value))
    outputs = [*payments, Payment(value=ANCHOR_VALUE, script=ANCHOR_SCRIPT)]
    owed = sum(output.value for output in outputs)
    worth = sum(coin.value for coin in coins)
    bare = rate * vsize(transaction_weight(len(coins), 0, outputs))
    if worth < owed + bare:
        raise not_enough(owed + bare, worth, rate)
    with_change = [*outputs, Payment(value=0, script=change_script)]
    fee = rate * vsize(transaction_weight(len(coins), 0, with_change))
    left = worth - owed - fee
    change = None
    if left >= DUST:
        outputs.append(Payment(value=left, script=change_script))
        change = len(outputs) - 1
    else:
        fee = worth - owed
    if vsize(transaction_weight(len(coins), 0, outputs)) > MAX_VSIZE:
        raise LocalFault(
            what="a transaction to fund", expected=f"at most {MAX_VSIZE} vB", came="more", todo="Use fewer outputs."
        )
    return Unsigned(
        raw=build([c.outpoint for c in coins], outputs),
        coins=tuple(coins),
        fee=fee,
        anchor=len(payments),
        change=change,
    )


def child_fee(*, rate: int, parent_vsize: int, parent_fee: int, child_vsize: int, last_fee: int) -> int:
    """What a child pays: the package at `rate`, itself at one sat/vB at least, and more than the child it replaces."""
    package = rate * (parent_vsize + child_vsize) - parent_fee
    replacing = last_fee + RELAY_STEP * child_vsize if last_fee else 0
    return max(package, child_vsize, replacing)


def bump(
    anchor: Anchor,
    coins: Sequence[WalletCoin],
    change_script: bytes,
    *,
    rate: int,
    parent_vsize: int,
    parent_fee: int,
    last_fee: int,
) -> Unsigned:
    """The child that spends the parent's anchor and pays for both.

    Args:
        anchor: the parent's pay-to-anchor output.
        coins: confirmed coins, in the order of preference: the fewest from the front that pay are used.
        change_script: where the rest goes.
        rate: sat/vB that parent and child together shall pay.
        parent_vsize: of the signed parent.
        parent_fee: what the parent pays by itself.
        last_fee: of the child it replaces, 0 when there is none.

    Raises:
        NotEnough: the coins that fit into 1,000 vB do not pay for it.
    """
    shape = [Payment(value=0, script=change_script)]
    worth, missing = anchor.value, 0
    for count in range(1, len(coins) + 1):
        worth += coins[count - 1].value
        size = vsize(transaction_weight(count, 1, shape))
        if size > CHILD_MAX_VSIZE:
            break
        fee = child_fee(
            rate=rate, parent_vsize=parent_vsize, parent_fee=parent_fee, child_vsize=size, last_fee=last_fee
        )
        missing = fee + DUST - worth
        if missing <= 0:
            outputs = [Payment(value=worth - fee, script=change_script)]
            used = coins[:count]
            raw = build([(anchor.txid, anchor.vout), *(c.outpoint for c in used)], outputs)
            return Unsigned(raw=raw, coins=tuple(used), fee=fee, anchor=None, change=0)
    size = vsize(transaction_weight(1, 1, shape))
    needed = child_fee(rate=rate, parent_vsize=parent_vsize, parent_fee=parent_fee, child_vsize=size, last_fee=last_fee)
    raise NotEnough(
        what=f"coins for a child of at most {CHILD_MAX_VSIZE} vB",
        expected=f"{needed + DUST - anchor.value} sats in one coin, or a little more in several",
        came=f"{sum(c.value for c in coins)} in {len(coins)} coins",
        todo="Send coins to wallet.address and wait for a block; a few larger ones serve better than many small ones.",
        missing=missing if coins else needed + DUST - anchor.value,
    )


def build(spends: Sequence[tuple[bytes, int]], outputs: Sequence[Payment]) -> bytes:
    """Serialise without witnesses."""
    vin = [CTxIn(COutPoint(txid, vout), nSequence=SEQUENCE) for txid, vout in spends]
    vout = [CTxOut(output.value, CScript(output.script)) for output in outputs]
    return bytes(CTransaction(vin, vout, nLockTime=0, nVersion=VERSION).serialize())
