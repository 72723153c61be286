"""A transaction as plain mutable data, its bytes, and its BIP341 SIGHASH_DEFAULT messages; hashlib only."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def tagged(tag: str, data: bytes) -> bytes:
    prefix = sha256(tag.encode())
    return sha256(prefix + prefix + data)


def varint(n: int) -> bytes:
    return bytes([n]) if n < 253 else b"\xfd" + struct.pack("<H", n) if n < 1 << 16 else b"\xfe" + struct.pack("<I", n)


def var(data: bytes) -> bytes:
    return varint(len(data)) + data


@dataclass
class In:
    txid: bytes
    vout: int
    script_sig: bytes
    sequence: int
    witness: list[bytes] = field(default_factory=list)

    @property
    def outpoint(self) -> bytes:
        return self.txid + struct.pack("<I", self.vout)


@dataclass
class Out:
    value: int
    script: bytes

    @property
    def raw(self) -> bytes:
        return struct.pack("<q", self.value) + var(self.script)


@dataclass
class Tx:
    version: int
    inputs: list[In]
    outputs: list[Out]
    locktime: int

    def _body(self) -> bytes:
        ins = b"".join(i.outpoint + var(i.script_sig) + struct.pack("<I", i.sequence) for i in self.inputs)
        return varint(len(self.inputs)) + ins + varint(len(self.outputs)) + b"".join(o.raw for o in self.outputs)

    @property
    def stripped(self) -> bytes:
        return struct.pack("<i", self.version) + self._body() + struct.pack("<I", self.locktime)

    @property
    def raw(self) -> bytes:
        if not any(i.witness for i in self.inputs):
            return self.stripped  # BIP144: a transaction without any witness has the old form
        stacks = b"".join(varint(len(i.witness)) + b"".join(var(x) for x in i.witness) for i in self.inputs)
        head, tail = struct.pack("<i", self.version), struct.pack("<I", self.locktime)
        return head + b"\x00\x01" + self._body() + stacks + tail

    @property
    def txid(self) -> bytes:
        return sha256(sha256(self.stripped))

    @property
    def weight(self) -> int:
        return 3 * len(self.stripped) + len(self.raw)


def parse(raw: bytes) -> Tx:
    """The inverse of `Tx.raw` for transactions with witnesses."""
    at = 0

    def take(n: int) -> bytes:
        nonlocal at
        at += n
        assert at <= len(raw), "truncated"
        return raw[at - n : at]

    def number() -> int:
        first = take(1)[0]
        return first if first < 253 else int.from_bytes(take({253: 2, 254: 4, 255: 8}[first]), "little")

    (version,) = struct.unpack("<i", take(4))
    assert take(2) == b"\x00\x01", "no witness"
    inputs = []
    for _ in range(number()):
        txid, vout = take(32), int.from_bytes(take(4), "little")
        script_sig = take(number())
        inputs.append(In(txid, vout, script_sig, int.from_bytes(take(4), "little")))
    outputs = []
    for _ in range(number()):
        value = int.from_bytes(take(8), "little")
        outputs.append(Out(value, take(number())))
    for spent in inputs:
        spent.witness = [take(number()) for _ in range(number())]
    locktime = int.from_bytes(take(4), "little")
    assert at == len(raw), "trailing bytes"
    return Tx(version, inputs, outputs, locktime)


def sighash(
    tx: Tx, spent: list[tuple[int, bytes]], index: int, leaf: bytes | None = None, position: int = 0xFFFFFFFF
) -> bytes:
    """BIP341 (and BIP342 for a leaf) message of SIGHASH_DEFAULT without annex."""
    message = b"\x00\x00" + struct.pack("<iI", tx.version, tx.locktime)
    message += sha256(b"".join(i.outpoint for i in tx.inputs))
    message += sha256(b"".join(struct.pack("<q", value) for value, _ in spent))
    message += sha256(b"".join(var(script) for _, script in spent))
    message += sha256(b"".join(struct.pack("<I", i.sequence) for i in tx.inputs))
    message += sha256(b"".join(o.raw for o in tx.outputs))
    message += bytes([0 if leaf is None else 2]) + struct.pack("<I", index)
    if leaf is not None:
        message += tagged("TapLeaf", b"\xc0" + var(leaf)) + b"\x00" + struct.pack("<I", position)
    return tagged("TapSighash", message)
