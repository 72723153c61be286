"""Transactions without witnesses: fixed txid, known spent outputs, exact weight, sighashes by name.

Promises: version 3, lock time 0, SIGHASH_DEFAULT, no annex; a sequence follows from the leaf that is spent; the
weight is exact before anything is signed, because every witness item of the protocol has a fixed size.
Does not know who signs, fee policy or the chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from bitcoin.core import (
    COutPoint,
    CTransaction,
    CTxIn,
    CTxInWitness,
    CTxOut,
    CTxWitness,
)
from bitcoin.core.script import CScript, CScriptWitness

from bitcoin_scripts.faults import ScriptFault
from bitcoin_scripts.outputs import KEY_PATH, AnyOutput, Output, Sats, piece_size
from bitcoin_scripts.script import NO_CODESEP
from native._native import tapscript

VERSION = 3  # TRUC
NO_DELAY = 0xFFFFFFFD  # BIP68 off, replaceable
NO_TXID = bytes(32)


def display_txid(txid: bytes) -> str:
    """The hex form people and nodes exchange: byte order reversed. The only place, with `parse_txid`, that flips."""
    return txid[::-1].hex()


def parse_txid(text: str) -> bytes:
    """Internal byte order from the displayed hex; ScriptFault when it is not 64 hex digits."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != 32 or len(text) != 64:
        raise ScriptFault("txid", expected="64 hex digits", got=text[:80])
    return raw[::-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input. `paths` are the ways it may be spent without a change of txid (several only in Contest)."""

    txid: bytes
    vout: int
    sequence: int
    spends: AnyOutput
    paths: tuple[str, ...]

    @property
    def path(self) -> str:
        """The only path, or the first of several."""
        return self.paths[0]

    @property
    def delay(self) -> int:
        """Blocks the spent output must be old."""
        return 0 if self.sequence == NO_DELAY else self.sequence


def coin_input(*, txid: bytes, vout: int, spends: AnyOutput) -> Input:
    """Spend an output that is on chain already, by its key."""
    return Input(txid=txid, vout=vout, sequence=NO_DELAY, spends=spends, paths=(KEY_PATH,))


# Not slotted, for the same reason as Output: txid and raw bytes are computed once.
@dataclass(frozen=True, kw_only=True)
class Template:
    """A transaction without witnesses."""

    name: str
    inputs: tuple[Input, ...]
    outputs: tuple[AnyOutput, ...]

    @cached_property
    def raw(self) -> bytes:
        """Serialization without witnesses."""
        return bytes(self._transaction(None).serialize())

    @cached_property
    def txid(self) -> bytes:
        """Internal byte order."""
        return tapscript.txid(self.raw)

    @cached_property
    def prevouts(self) -> list[tuple[Sats, bytes]]:
        """(value, script) of every spent output."""
        return [(i.spends.value, i.spends.script_pubkey) for i in self.inputs]

    @property
    def fee(self) -> Sats:
        """Sum of inputs minus sum of outputs."""
        return sum(i.spends.value for i in self.inputs) - sum(o.value for o in self.outputs)

    @cached_property
    def weight(self) -> int:
        """Weight units fully signed; with several paths, by the heaviest."""
        witnesses = sum(max(witness_size(i.spends, path) for path in i.paths) for i in self.inputs)
        return 4 * len(self.raw) + 2 + witnesses  # 2: segwit marker and flag

    @property
    def vsize(self) -> int:
        """Virtual bytes fully signed."""
        return -(-self.weight // 4)

    def vout(self, role: str) -> int:
        """Index of the output called `role`."""
        for index, output in enumerate(self.outputs):
            if output.role == role:
                return index
        raise ScriptFault(f"output of {self.name}", expected=" | ".join(o.role for o in self.outputs), got=role)

    def output(self, role: str) -> AnyOutput:
        """The output called `role`."""
        return self.outputs[self.vout(role)]

    def outpoint(self, n: int) -> tuple[bytes, int]:
        """(txid, n)."""
        if not 0 <= n < len(self.outputs):
            raise ScriptFault(f"output of {self.name}", expected=f"0 to {len(self.outputs) - 1}", got=str(n))
        return self.txid, n

    def spend(self, role: str, *paths: str) -> Input:
        """An input that spends this template's output `role`; the sequence is the delay of its leaf."""
        spent = self.output(role)
        delays = {_delay(spent, path) for path in paths}
        if len(delays) != 1:
            raise ScriptFault(f"spend of {role}", expected="paths of one delay", got=" | ".join(paths))
        delay = delays.pop()
        return Input(txid=self.txid, vout=self.vout(role), sequence=delay or NO_DELAY, spends=spent, paths=paths)

    def sighash(self, index: int, position: int = NO_CODESEP, *, path: str | None = None) -> bytes:
        """The 32-byte message of input `index`, by its first path unless `path` names another."""
        return self.sighashes(index, [position], path=path)[0]

    def sighashes(self, index: int, positions: list[int], *, path: str | None = None) -> list[bytes]:
        """The messages of input `index`, one a code separator position."""
        spent = self.inputs[index].spends
        name = path or self.inputs[index].path
        leaf = None if name == KEY_PATH else _tapleaf(spent, name)
        return tapscript.sighashes(self.raw, self.prevouts, index, leaf, positions)

    def signed(self, witnesses: Sequence[Sequence[bytes]]) -> bytes:
        """The raw transaction with one witness stack an input."""
        if len(witnesses) != len(self.inputs):
            raise ScriptFault(f"witnesses of {self.name}", expected=str(len(self.inputs)), got=str(len(witnesses)))
        return bytes(self._transaction(witnesses).serialize())

    def _transaction(self, witnesses: Sequence[Sequence[bytes]] | None) -> CTransaction:
        vin = [CTxIn(COutPoint(i.txid, i.vout), nSequence=i.sequence) for i in self.inputs]
        vout = [CTxOut(o.value, CScript(o.script_pubkey)) for o in self.outputs]
        if witnesses is None:
            return CTransaction(vin, vout, nLockTime=0, nVersion=VERSION)
        stacks = CTxWitness([CTxInWitness(CScriptWitness(stack)) for stack in witnesses])
        return CTransaction(vin, vout, nLockTime=0, nVersion=VERSION, witness=stacks)


def witness_stack(spends: AnyOutput, path: str, pieces: Sequence[bytes]) -> list[bytes]:
    """The stack of one input: the pieces (bottom first), then script and control block of a leaf."""
    wanted = [piece_size(piece) for piece in spends.pieces(path)]
    if [len(piece) for piece in pieces] != wanted:
        raise ScriptFault(f"witness of {spends.role}", expected=str(wanted), got=str([len(p) for p in pieces]))
    if path == KEY_PATH or not isinstance(spends, Output):
        return list(pieces)
    return [*pieces, spends.leaf(path).script, spends.control_block(path)]


def witness_size(spends: AnyOutput, path: str) -> int:
    """Bytes of one input's serialized witness: exact, and without any key or signature."""
    sizes = [piece_size(piece) for piece in spends.pieces(path)]
    if path != KEY_PATH and isinstance(spends, Output):
        names = [leaf.name for leaf in spends.leaves]
        depth = leaf_depth(names.index(path), len(names))
        sizes += [len(spends.leaf(path).script), 33 + 32 * depth]
    return _compact(len(sizes)) + sum(_compact(size) + size for size in sizes)


def leaf_depth(index: int, leaves: int) -> int:
    """Depth of a leaf in a tree split in halves, the first half taking the odd one."""
    if leaves == 1:
        return 0
    half = (leaves + 1) // 2
    return 1 + (leaf_depth(index, half) if index < half else leaf_depth(index - half, leaves - half))


def _compact(n: int) -> int:
    return 1 if n < 253 else 3 if n < 65_536 else 5


def _delay(spent: AnyOutput, path: str) -> int:
    return 0 if path == KEY_PATH or not isinstance(spent, Output) else spent.leaf(path).delay


def _tapleaf(spent: AnyOutput, path: str) -> bytes:
    if not isinstance(spent, Output):
        raise ScriptFault(f"path of {spent.role}", expected="the key path", got=path)
    return spent.leaf(path).script
