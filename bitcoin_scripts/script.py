"""Tapscript pieces: keys, relative delays, hashlocks and the digit leaf, with minimal pushes.

Promises that every key in a script is a 32-byte x-only key on the curve: in tapscript a key of any other non-zero
length makes its check succeed (BIP342), which would hand the coin to anyone.
Does not know outputs, transactions or who owns which key.
"""

from __future__ import annotations

from collections.abc import Iterable

from bitcoin.core import script as core

from bitcoin_scripts.faults import ScriptFault
from native._native import signing

NO_CODESEP = 0xFFFFFFFF  # BIP342: no OP_CODESEPARATOR was executed before this check
MAX_DELAY = 65_535  # BIP68: sixteen bits of blocks
MAX_DIGITS = 512  # a TRUC transaction has at most 10,000 vB; a digit costs 17

CHECKSIG = core.OP_CHECKSIG
CHECKSIGVERIFY = core.OP_CHECKSIGVERIFY

Item = int | bytes


def is_xonly(key: bytes) -> bool:
    """Whether `key` is the 32-byte x coordinate of a point on secp256k1."""
    return len(key) == 32 and signing.is_point(b"\x02" + key)


def x_only(point: bytes) -> bytes:
    """The x coordinate of a 33-byte compressed point, which must be on the curve."""
    if len(point) != 33 or not signing.is_point(point):
        raise ScriptFault("point", expected="a 33-byte compressed point on the curve", got=f"{len(point)} bytes")
    return point[1:]


def key(xonly: bytes) -> bytes:
    """`xonly` itself, when a tapscript may check signatures under it."""
    if not is_xonly(xonly):
        raise ScriptFault("key in a leaf", expected="32 bytes, x of a point on the curve", got=f"{len(xonly)} bytes")
    return xonly


def _script(items: Iterable[Item]) -> bytes:
    return bytes(core.CScript(list(items)))


def check(*keys: bytes) -> bytes:
    """`<k1> CHECKSIGVERIFY ... <kn> CHECKSIG`: every key signs. Witness, bottom first: sig_n ... sig_1."""
    if not keys:
        raise ScriptFault("keys of a leaf", expected="at least one", got="none")
    items: list[Item] = []
    for xonly in keys[:-1]:
        items += [key(xonly), CHECKSIGVERIFY]
    return _script([*items, key(keys[-1]), CHECKSIG])


def check_after(xonly: bytes, delay: int) -> bytes:
    """`<k> CHECKSIGVERIFY <delay> CHECKSEQUENCEVERIFY`: the key signs, `delay` blocks after the output was mined."""
    if not 1 <= delay <= MAX_DELAY:
        # A delay of 0 would leave a false item on the stack; one above 16 bits is masked away by BIP68.
        raise ScriptFault("delay of a leaf", expected=f"1 to {MAX_DELAY} blocks", got=str(delay))
    return _script([key(xonly), CHECKSIGVERIFY, delay, core.OP_CHECKSEQUENCEVERIFY])


def hashlock(digest: bytes, xonly: bytes) -> bytes:
    """A 32-byte preimage of SHA-256 `digest`, then a signature. Witness, bottom first: signature, preimage.

    The size is checked because a preimage above 80 bytes cannot be relayed and one above 520 cannot be spent.
    """
    if len(digest) != 32:
        raise ScriptFault("hashlock", expected="32 bytes", got=f"{len(digest)} bytes")
    size = [core.OP_SIZE, 32, core.OP_EQUALVERIFY]
    return _script([*size, core.OP_SHA256, digest, core.OP_EQUALVERIFY, key(xonly), CHECKSIG])


def digit_leaf(first: bytes, digit_key: bytes, digits: int) -> bytes:
    """One signature of `first`, then `digits` signatures of `digit_key`, each over its own sighash.

    Witness, bottom first: signature of digit n-1, ..., of digit 0, of `first`. Each OP_CODESEPARATOR changes the
    message of the next check, so a signature fits one digit only (protocol.md, the digit leaf).
    """
    if not 1 <= digits <= MAX_DIGITS:
        raise ScriptFault("digits of a leaf", expected=f"1 to {MAX_DIGITS}", got=str(digits))
    step = [core.OP_TUCK, CHECKSIGVERIFY, core.OP_CODESEPARATOR]
    return _script([key(first), CHECKSIGVERIFY, key(digit_key), *(step * (digits - 1)), CHECKSIG])


def digit_position(digit: int) -> int:
    """Opcode index of the last OP_CODESEPARATOR executed before digit `digit` is checked; a push counts as one."""
    return 3 * digit + 2 if digit else NO_CODESEP


def digit_at(position: int) -> int:
    """The digit that is checked under a code separator position: the inverse of `digit_position`."""
    return 0 if position == NO_CODESEP else (position - 2) // 3
