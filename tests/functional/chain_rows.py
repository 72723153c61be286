"""Bad transactions by name: a valid spend with one thing wrong, and the reason expected of a default bitcoind v31."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.functional.chain_fixture import KEY, P2A, SCRIPT, Coin, output, p2tr, sign_key, spend

FEE = 2_000
COINS = 60
COPIES = 4


@dataclass
class Scene:
    """Mature coins of the test key, each given away once, and outputs of odd kinds that a block has."""

    coins: list[Coin]
    odd: dict[str, list[Coin]] = field(default_factory=dict)

    def coin(self) -> Coin:
        return self.coins.pop()

    def take(self, kind: str) -> Coin:
        return self.odd[kind].pop()


Row = Callable[[Scene], list[bytes]]

DIGITS = 128
# leaves of the odd outputs
PUSH32 = b"\x20"
LEAVES = {
    "checksig": PUSH32 + KEY.xonly() + b"\xac",
    "drop": b"\x75" + PUSH32 + KEY.xonly() + b"\xac",
    "csv": b"\x5a\xb2\x75" + PUSH32 + KEY.xonly() + b"\xac",
    "cltv": b"\x02\xf4\x01\xb1\x75" + PUSH32 + KEY.xonly() + b"\xac",
    "key33": b"\x21\x02" + KEY.xonly() + b"\xac",
    "success": b"\x50",
    "equal": b"\xa8\x20" + bytes(32) + b"\x88" + PUSH32 + KEY.xonly() + b"\xac",
    "two": PUSH32 + KEY.xonly() + b"\xac\x51",
    "if": b"\x63\x51\x67\x51\x68",
    "empty": b"\x00" + b"\xac",
    "digits": (PUSH32 + KEY.xonly() + b"\xad") + PUSH32 + KEY.xonly() + b"\x7d\xad\xab" * (DIGITS - 1) + b"\xac",
}
ODD_SCRIPTS = {
    "p2a": P2A,
    "witness2": b"\x52\x20" + bytes(32),
    "p2wsh": b"\x00\x20" + hashlib.sha256(b"\x75\x51").digest(),
    **{name: p2tr(KEY.xonly(), [leaf]) for name, leaf in LEAVES.items()},
}


def pay(coin: Coin, script: bytes = SCRIPT, fee: int = FEE) -> list[tuple[int, bytes]]:
    return [(coin.value - fee, script)]


def with_leaf(scene: Scene, name: str, items: list[bytes] | None, **more: Any) -> list[bytes]:
    """Spend the odd output by its leaf; `items` None: the honest signature."""
    leaf = LEAVES[name]
    found = scene.take(name)
    coin = Coin(found.txid, found.vout, found.value, found.script, leaf, (leaf,))

    def witness(sighash: Any, one: Coin) -> list[bytes]:
        signature, *rest = sign_key(sighash, one)
        return [signature if item == b"SIG" else item for item in (items or [b"SIG"])] + rest

    return [spend([coin], pay(coin), witness=witness, **more)]


def digits(scene: Scene, order: list[int], **more: Any) -> list[bytes]:
    """The digit leaf: one signature a digit, each under its own code separator position (BIP342)."""
    leaf = LEAVES["digits"]
    found = scene.take("digits")
    coin = Coin(found.txid, found.vout, found.value, found.script, leaf, (leaf,))

    def witness(sighash: Any, one: Coin) -> list[bytes]:
        first, *rest = sign_key(sighash, one)
        signatures = [KEY.sign(sighash(3 * w + 2) if w else sighash()) for w in range(DIGITS)]
        return [*(signatures[w] for w in reversed(order)), first, *rest]

    return [spend([coin], pay(coin), witness=witness, **more)]


def edit(change: Callable[[list[bytes]], list[bytes]]) -> Any:
    return lambda sighash, coin: change(sign_key(sighash, coin))


def one(build: Callable[[Coin], bytes]) -> Row:
    return lambda scene: [build(scene.coin())]


def flip(stack: list[bytes]) -> list[bytes]:
    return [stack[0][:-1] + bytes([stack[0][-1] ^ 1]), *stack[1:]]


def p2a_change(coin: Coin, fee: int = FEE) -> list[tuple[int, bytes]]:
    return [(coin.value - fee - 240, SCRIPT), (240, P2A)]


SINGLE: dict[str, tuple[Row, str]] = {
    "good": (one(lambda c: spend([c], pay(c))), ""),
    "good with anchor": (one(lambda c: spend([c], p2a_change(c))), ""),
    "good leaf": (lambda s: with_leaf(s, "checksig", None), ""),
    "version 4": (one(lambda c: spend([c], pay(c), version=4)), "version"),
    "version 0": (one(lambda c: spend([c], pay(c), version=0)), "version"),
    "version 2^31": (one(lambda c: spend([c], pay(c), version=-(2**31))), "version"),
    "too large": (one(lambda c: spend([c], [*pay(c), *[(1000, SCRIPT)] * 2400], version=2)), "tx-size"),
    "script sig of 1651": (
        one(lambda c: spend([c], pay(c), script_sig=b"\x4d\x70\x06" + bytes(1648))),
        "scriptsig-size",
    ),
    "script sig not push only": (one(lambda c: spend([c], pay(c), script_sig=b"\x61")), "scriptsig-not-pushonly"),
    "script sig on taproot": (
        one(lambda c: spend([c], pay(c), script_sig=b"\x51")),
        "mempool-script-verify-flag-failed (Witness requires empty scriptSig)",
    ),
    "nonstandard output": (one(lambda c: spend([c], pay(c, b"\x51"))), "scriptpubkey"),
    "short witness v0 output": (one(lambda c: spend([c], pay(c, b"\x00\x10" + bytes(16)))), "scriptpubkey"),
    "two dust outputs": (one(lambda c: spend([c], [*pay(c), (329, SCRIPT), (329, SCRIPT)])), "dust"),
    "one dust output, with fee": (
        one(lambda c: spend([c], [*pay(c), (329, SCRIPT)])),
        "dust, tx with dust output must be 0-fee",
    ),
    "anchor of 239 with fee": (
        one(lambda c: spend([c], [*pay(c), (239, P2A)])),
        "dust, tx with dust output must be 0-fee",
    ),
    "output at the dust limit": (one(lambda c: spend([c], [*pay(c), (330, SCRIPT)])), ""),
    "zero fee": (one(lambda c: spend([c], pay(c, fee=0))), "min relay fee not met, 0 < 12"),
    "zero fee with dust": (one(lambda c: spend([c], [(c.value, SCRIPT), (0, P2A)])), "min relay fee not met, 0 < 13"),
    "fee one sat too low": (one(lambda c: spend([c], pay(c, fee=11))), "min relay fee not met, 11 < 12"),
    "fee at the floor": (one(lambda c: spend([c], pay(c, fee=12))), ""),
    "64 bytes": (one(lambda c: spend([c], pay(c, P2A))), "tx-size-small"),
    "lock time ahead": (one(lambda c: spend([c], pay(c), lock_time=10_000)), "non-final"),
    "lock time in seconds ahead": (one(lambda c: spend([c], pay(c), lock_time=4_000_000_000)), "non-final"),
    "lock time ahead, final sequence": (
        one(lambda c: spend([c], pay(c), lock_time=10_000, sequence=0xFFFFFFFF)),
        "",
    ),
    "relative lock in blocks": (one(lambda c: spend([c], pay(c), sequence=5_000)), "non-BIP68-final"),
    "relative lock in seconds": (one(lambda c: spend([c], pay(c), sequence=(1 << 22) | 1000)), "non-BIP68-final"),
    "relative lock, version 1": (one(lambda c: spend([c], pay(c), sequence=5_000, version=1)), ""),
    "missing input": (
        one(lambda c: spend([Coin(bytes(32), 0, c.value)], pay(c))),
        "bad-txns-inputs-missingorspent",
    ),
    "missing output of a known transaction": (
        one(lambda c: spend([Coin(c.txid, 500, c.value)], pay(c))),
        "bad-txns-inputs-missingorspent",
    ),
    "immature coinbase": (
        lambda s: [spend([c := s.take("young")], pay(c))],
        "bad-txns-premature-spend-of-coinbase",
    ),
    "more out than in": (one(lambda c: spend([c], pay(c, fee=-1))), "bad-txns-in-belowout"),
    "negative output": (one(lambda c: spend([c], [*pay(c), (-1, SCRIPT)])), "bad-txns-vout-negative"),
    "output above all money": (one(lambda c: spend([c], [(21_000_001 * 10**8, SCRIPT)])), "bad-txns-vout-toolarge"),
    "outputs above all money": (
        one(lambda c: spend([c], [(21_000_000 * 10**8, SCRIPT), (1, SCRIPT)])),
        "bad-txns-txouttotal-toolarge",
    ),
    "no outputs": (one(lambda c: spend([c], [])), "bad-txns-vout-empty"),
    "an input twice": (one(lambda c: spend([c, c], pay(c))), "bad-txns-inputs-duplicate"),
    "a null input": (
        one(lambda c: spend([c, Coin(bytes(32), 0xFFFFFFFF, 1)], pay(c))),
        "bad-txns-prevout-null",
    ),
    "a coinbase": (
        one(lambda c: spend([Coin(bytes(32), 0xFFFFFFFF, 1)], pay(c), script_sig=b"\x51\x51", witness=lambda *_: [])),
        "coinbase",
    ),
    "unknown witness version spent": (
        lambda s: [spend([c := s.take("witness2")], pay(c), witness=lambda *_: [b"\x01"])],
        "bad-txns-nonstandard-inputs",
    ),
    "anchor with a witness": (
        lambda s: [
            spend(
                [s.take("p2a"), c := s.coin()],
                pay(c),
                witness=lambda g, x: [b"\1"] if x.script == P2A else sign_key(g, x),
            )
        ],
        "bad-witness-nonstandard",
    ),
    "anchor spent": (lambda s: [spend([s.take("p2a"), c := s.coin()], pay(c))], ""),
    "annex": (one(lambda c: spend([c], pay(c), witness=edit(lambda w: [*w, b"\x50\x01"]))), "bad-witness-nonstandard"),
    "tapscript item of 81 bytes": (lambda s: with_leaf(s, "drop", [b"SIG", bytes(81)]), "bad-witness-nonstandard"),
    "tapscript item of 80 bytes": (lambda s: with_leaf(s, "drop", [b"SIG", bytes(80)]), ""),
    "empty control block": (
        one(lambda c: spend([c], pay(c), witness=edit(lambda w: [*w, b"\x51", b""]))),
        "bad-witness-nonstandard",
    ),
    "wrong control block": (
        one(lambda c: spend([c], pay(c), witness=edit(lambda w: [b"\x51", b"\xc0" + KEY.xonly()]))),
        "mempool-script-verify-flag-failed (Witness program hash mismatch)",
    ),
    "control block of 34 bytes": (
        one(lambda c: spend([c], pay(c), witness=edit(lambda w: [b"\x51", b"\xc0" + KEY.xonly() + b"\0"]))),
        "mempool-script-verify-flag-failed (Invalid Taproot control block size)",
    ),
    "unknown leaf version": (
        one(lambda c: spend([c], pay(c), witness=edit(lambda w: [b"\x51", b"\xc2" + KEY.xonly()]))),
        "mempool-script-verify-flag-failed (Witness program hash mismatch)",
    ),
    "flipped signature bit": (
        one(lambda c: spend([c], pay(c), witness=edit(flip))),
        "mempool-script-verify-flag-failed (Invalid Schnorr signature)",
    ),
    "signature of 63 bytes": (
        one(lambda c: spend([c], pay(c), witness=edit(lambda w: [w[0][:-1]]))),
        "mempool-script-verify-flag-failed (Invalid Schnorr signature size)",
    ),
    "sighash type 0 written out": (
        one(lambda c: spend([c], pay(c), witness=edit(lambda w: [w[0] + b"\0"]))),
        "mempool-script-verify-flag-failed (Invalid Schnorr signature hash type)",
    ),
    "no witness": (
        one(lambda c: spend([c], pay(c), witness=lambda *_: [])),
        "mempool-script-verify-flag-failed (Witness program was passed an empty witness)",
    ),
    "flipped bit in a leaf": (
        lambda s: [with_leaf(s, "checksig", [KEY.sign(bytes(32))])[0]],
        "mempool-script-verify-flag-failed (Invalid Schnorr signature)",
    ),
    "empty signature in a leaf": (
        lambda s: with_leaf(s, "checksig", [b""]),
        "mempool-script-verify-flag-failed (Script evaluated without error but finished with a false/empty top",
    ),
    "a stack item too many": (
        lambda s: with_leaf(s, "checksig", [b"", b"SIG"]),
        "mempool-script-verify-flag-failed (Stack size must be exactly one after execution)",
    ),
    "CSV in the script, sequence too small": (
        lambda s: with_leaf(s, "csv", None, sequence=0),
        "mempool-script-verify-flag-failed (Locktime requirement not satisfied)",
    ),
    "CSV in the script, coin too young": (
        lambda s: with_leaf(s, "csv", None, sequence=10),
        "non-BIP68-final",
    ),
    "CLTV in the script, lock time too small": (
        lambda s: with_leaf(s, "cltv", None, lock_time=10),
        "mempool-script-verify-flag-failed (Locktime requirement not satisfied)",
    ),
    "a key of 33 bytes, junk signature": (
        lambda s: with_leaf(s, "key33", [b"\1" * 64]),
        "mempool-script-verify-flag-failed (Public key version reserved for soft-fork upgrades)",
    ),
    "OP_SUCCESS": (
        lambda s: with_leaf(s, "success", [b"\1"]),
        "mempool-script-verify-flag-failed (OP_SUCCESSx reserved for soft-fork upgrades)",
    ),
    "wrong preimage": (
        lambda s: with_leaf(s, "equal", [b"SIG", bytes(32)]),
        "mempool-script-verify-flag-failed (Script failed an OP_EQUALVERIFY operation)",
    ),
    "two items left": (
        lambda s: with_leaf(s, "two", None),
        "mempool-script-verify-flag-failed (Stack size must be exactly one after execution)",
    ),
    "IF with 2": (
        lambda s: with_leaf(s, "if", [b"\2"]),
        "mempool-script-verify-flag-failed (OP_IF/NOTIF argument must be minimal in tapscript)",
    ),
    "128 digits": (lambda s: digits(s, list(range(DIGITS))), ""),
    "128 digits, two swapped": (
        lambda s: digits(s, [0, 2, 1, *range(3, DIGITS)]),
        "mempool-script-verify-flag-failed (Invalid Schnorr signature)",
    ),
    "127 digits": (
        lambda s: digits(s, list(range(DIGITS - 1))),
        "mempool-script-verify-flag-failed (Operation not valid with the current stack size)",
    ),
    "an empty key": (
        lambda s: with_leaf(s, "empty", [b""]),
        "mempool-script-verify-flag-failed (Empty public key in tapscript)",
    ),
    "P2WSH item of 81 bytes": (
        lambda s: [spend([c := s.take("p2wsh")], pay(c), witness=lambda *_: [bytes(81), b"\x75\x51"])],
        "bad-witness-nonstandard",
    ),
    "fee far too high": (
        one(lambda c: spend([c], pay(c, fee=c.value // 2))),
        "max-fee-exceeded",
    ),
    "burns": (one(lambda c: spend([c], [*pay(c), (1_000, b"\x6a\x01\x01")])), ""),
    "carries data": (one(lambda c: spend([c], [*pay(c), (0, b"\x6a\x04abcd")])), ""),
}


def twice(build: Callable[[Coin], tuple[bytes, bytes]]) -> Row:
    return lambda scene: list(build(scene.coin()))


def child_of(raw: bytes, fee: int = FEE, vout: int = 0, **more: Any) -> bytes:
    coin = output(raw, vout)
    return spend([coin], pay(coin, fee=fee), **more)


def pad(coin: Coin, count: int, fee: int = FEE) -> list[tuple[int, bytes]]:
    """`count` outputs, 43 vB each."""
    return [(coin.value - fee - 1_000 * (count - 1), SCRIPT), *[(1_000, SCRIPT)] * (count - 1)]


def big_child(raw: bytes, count: int) -> bytes:
    coin = output(raw, 0)
    return spend([coin], pad(coin, count))


def siblings(scene: Scene, fee: int) -> list[bytes]:
    coin = scene.coin()
    parent = spend([coin], [(coin.value - FEE - 10**7, SCRIPT), (10**7, SCRIPT)])
    return [parent, child_of(parent, FEE, 0), child_of(parent, fee, 1)]


def two_parents(scene: Scene) -> list[bytes]:
    a, b = (spend([c], pay(c)) for c in (scene.coin(), scene.coin()))
    coins = [output(a, 0), output(b, 0)]
    return [a, b, spend(coins, [(sum(c.value for c in coins) - FEE, SCRIPT)])]


def self_conflict(scene: Scene) -> list[bytes]:
    coin = scene.coin()
    parent = spend([coin], pay(coin), version=2)
    made = output(parent, 0)
    return [parent, spend([coin, made], [(coin.value + made.value - 10**6, SCRIPT)], version=2)]


def chained(scene: Scene, count: int) -> list[bytes]:
    coin = scene.coin()
    raws = [spend([coin], pay(coin), version=2)]
    while len(raws) < count:
        raws.append(child_of(raws[-1], version=2))
    return raws


# several transactions sent one after the other: all but the last must be taken
SEQUENCE: dict[str, tuple[Row, str]] = {
    "replaced at the incremental fee": (
        twice(lambda c: (spend([c], pay(c, fee=1_000)), spend([c], pay(c, fee=1_012)))),
        "",
    ),
    "replacement one sat short": (
        twice(lambda c: (spend([c], pay(c, fee=1_000)), spend([c], pay(c, fee=1_011)))),
        "insufficient fee",
    ),
    "replacement with less fee": (
        twice(lambda c: (spend([c], pay(c, fee=1_000)), spend([c], pay(c, fee=999)))),
        "insufficient fee",
    ),
    "replacement larger at a worse rate": (
        twice(lambda c: (spend([c], pay(c, fee=1_000)), spend([c], pad(c, 5, fee=1_200)))),
        "replacement-failed",
    ),
    "same again": (
        twice(lambda c: (spend([c], pay(c)), spend([c], pay(c), witness=sign_key))),
        "txn-same-nonwitness-data-in-mempool",
    ),
    "child": (lambda s: [p := spend([c := s.coin()], pay(c)), child_of(p)], ""),
    "TRUC grandchild": (
        lambda s: [p := spend([c := s.coin()], pay(c)), k := child_of(p), child_of(k)],
        "TRUC-violation",
    ),
    "TRUC child of 1,000 vB": (lambda s: [p := spend([c := s.coin()], pay(c)), big_child(p, 21)], ""),
    "TRUC child above 1,000 vB": (
        lambda s: [p := spend([c := s.coin()], pay(c)), big_child(p, 23)],
        "TRUC-violation",
    ),
    "version 3 above 10,000 vB": (
        lambda s: [spend([c := s.coin()], pad(c, 240, fee=50_000))],
        "TRUC-violation",
    ),
    "version 2 spends version 3": (
        lambda s: [p := spend([c := s.coin()], pay(c)), child_of(p, version=2)],
        "TRUC-violation",
    ),
    "version 3 spends version 2": (
        lambda s: [p := spend([c := s.coin()], pay(c), version=2), child_of(p)],
        "TRUC-violation",
    ),
    "sibling evicted": (lambda s: siblings(s, 5 * FEE), ""),
    "sibling not evicted": (
        lambda s: siblings(s, FEE),
        "insufficient fee (including sibling eviction)",
    ),
    "two unconfirmed parents": (two_parents, "TRUC-violation"),
    "spends what it replaces": (self_conflict, "bad-txns-spends-conflicting-tx"),
    "a chain of 64": (lambda s: chained(s, 64), ""),
    "a chain of 65": (lambda s: chained(s, 65), "too-large-cluster"),
    "replacing a parent evicts its child": (
        lambda s: [p := spend([c := s.coin()], pay(c)), child_of(p), spend([c], pay(c, fee=3 * FEE))],
        "",
    ),
    "replacing a parent must pay for its child": (
        lambda s: [p := spend([c := s.coin()], pay(c)), child_of(p), spend([c], pay(c, fee=2 * FEE))],
        "insufficient fee",
    ),
}


def cpfp(
    scene: Scene, *, parent_fee: int, child_fee: int, dust: int = 240, take: bool = True, size: int = 1
) -> list[bytes]:
    coin, pays = scene.coin(), scene.coin()
    parent = spend([coin], [(coin.value - parent_fee - dust, SCRIPT), (dust, P2A)])
    coins = [output(parent, 1), pays] if take else [output(parent, 0)]
    worth = sum(c.value for c in coins)
    return [parent, spend(coins, [(worth - child_fee - 1_000 * (size - 1), SCRIPT), *[(1_000, SCRIPT)] * (size - 1)])]


def other_order(scene: Scene) -> list[bytes]:
    return cpfp(scene, parent_fee=0, child_fee=FEE)[::-1]


def unrelated(scene: Scene) -> list[bytes]:
    return [spend([c], pay(c)) for c in (scene.coin(), scene.coin())]


def conflicting(scene: Scene) -> list[bytes]:
    coin = scene.coin()
    parent = spend([coin], pay(coin, fee=0))
    made = output(parent, 0)
    return [parent, spend([coin, made], [(coin.value, SCRIPT)])]


def family(scene: Scene) -> list[bytes]:
    a, b = (spend([c], pay(c, fee=0), version=2) for c in (scene.coin(), scene.coin()))
    coins = [output(a, 0), output(b, 0)]
    return [a, b, spend(coins, [(sum(c.value for c in coins) - FEE, SCRIPT)], version=2)]


def replaced_package(scene: Scene, fee: int) -> tuple[list[bytes], list[bytes]]:
    coin, pays = scene.coin(), scene.coin()

    def package(tag: int, child_fee: int) -> list[bytes]:
        parent = spend([coin], [(coin.value - 240 - tag, SCRIPT), (240, P2A)])
        coins = [output(parent, 1), pays]
        return [parent, spend(coins, [(sum(c.value for c in coins) - child_fee, SCRIPT)])]

    return package(20, FEE), package(21, fee)


PACKAGES: dict[str, tuple[Row, str]] = {
    "zero-fee parent, paying child": (lambda s: cpfp(s, parent_fee=0, child_fee=FEE), "success"),
    "ephemeral dust": (lambda s: cpfp(s, parent_fee=0, child_fee=FEE, dust=0), "success"),
    "ephemeral dust left": (
        lambda s: cpfp(s, parent_fee=0, child_fee=FEE, dust=0, take=False),
        "unspent-dust",
    ),
    "paying parent": (lambda s: cpfp(s, parent_fee=FEE, child_fee=FEE), "success"),
    "package pays too little": (lambda s: cpfp(s, parent_fee=0, child_fee=20), "transaction failed"),
    "package pays the floor": (lambda s: cpfp(s, parent_fee=0, child_fee=31), "success"),
    "child too large": (lambda s: cpfp(s, parent_fee=0, child_fee=FEE, size=22), "TRUC-violation"),
    "child first": (other_order, "package topology disallowed"),
    "unrelated": (unrelated, "package topology disallowed"),
    "conflict inside": (conflicting, "conflict-in-package"),
    "two parents": (family, "success"),
    "one transaction": (lambda s: [spend([c := s.coin()], pay(c))], "success"),
    "child with a bad signature": (
        lambda s: [
            p := cpfp(s, parent_fee=0, child_fee=FEE)[0],
            spend([k := output(p, 0)], pay(k), witness=edit(flip)),
        ],
        "transaction failed",
    ),
    "child above maxfeerate": (lambda s: cpfp(s, parent_fee=0, child_fee=10**7), "transaction failed"),
}
