"""The digit leaf of the protocol, one transaction that spends it, and Bitcoin Core's verdict.

Written from the protocol's text alone and not from the product's builders, so that both can be compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pbk
from bitcoin.core import (
    CMutableOutPoint,
    CMutableTransaction,
    CMutableTxIn,
    CMutableTxOut,
    CScript,
    CScriptWitness,
    CTxInWitness,
    CTxWitness,
)
from pbk.script import PrecomputedTransactionData

from native._native.tapscript import nums_key, sighashes, taproot

NO_CODE_SEPARATOR = 0xFFFFFFFF
TUCK, CHECKSIG, CHECKSIGVERIFY, CODESEPARATOR = b"\x7d", b"\xac", b"\xad", b"\xab"
INTERNAL = nums_key(b"digit leaf test")


def leaf(first: bytes, key: bytes, digits: int) -> bytes:
    """<first> OP_CHECKSIGVERIFY <K> (OP_TUCK OP_CHECKSIGVERIFY OP_CODESEPARATOR) x (n-1) OP_CHECKSIG."""
    return _head(first, key) + (TUCK + CHECKSIGVERIFY + CODESEPARATOR) * (digits - 1) + CHECKSIG


def leaf_without_separators(first: bytes, key: bytes, digits: int) -> bytes:
    """The broken leaf: every check has the same sighash."""
    return _head(first, key) + (TUCK + CHECKSIGVERIFY) * (digits - 1) + CHECKSIG


def _head(first: bytes, key: bytes) -> bytes:
    return b"\x20" + first + CHECKSIGVERIFY + b"\x20" + key


def position(digit: int) -> int:
    """Opcode index of the last OP_CODESEPARATOR before digit w is checked: <first> 0, CHECKSIGVERIFY 1, <K> 2."""
    return 3 * digit + 2 if digit else NO_CODE_SEPARATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """A version 3 transaction with one input that spends the leaf, and the output it spends."""

    script: bytes
    value: int = 100_000
    spent_value: int = 100_000
    version: int = 3
    lock_time: int = 0
    sequence: int = 0xFFFFFFFD
    txid: bytes = bytes(range(32))
    outputs: tuple[tuple[int, bytes], ...] = ((99_000, b"\x51\x20" + bytes(range(32))), (240, b"\x51\x02\x4e\x73"))
    annex: bytes | None = None

    @property
    def spent(self) -> tuple[int, bytes]:
        return self.spent_value, b"\x51\x20" + taproot(INTERNAL, [self.script])[0]

    def raw(self, stack: Sequence[bytes] = ()) -> bytes:
        """The transaction with this stack, the leaf and its control block (without a stack: no witness)."""
        inputs = [CMutableTxIn(CMutableOutPoint(self.txid, 0), nSequence=self.sequence)]
        outputs = [CMutableTxOut(value, CScript(script)) for value, script in self.outputs]
        tx = CMutableTransaction(inputs, outputs, self.lock_time, self.version)
        if stack:
            (control,) = taproot(INTERNAL, [self.script])[2]
            items = [*stack, self.script, control, *([self.annex] if self.annex else [])]
            tx.wit = CTxWitness([CTxInWitness(CScriptWitness(items))])
        return tx.serialize()

    def messages(self, digits: int) -> list[bytes]:
        """The sighash of every digit; the first key signs digit 0's."""
        positions = [position(w) for w in range(digits)]
        return sighashes(self.raw(), [self.spent], 0, self.script, positions)

    def accepted(self, stack: Sequence[bytes]) -> bool:
        """Bitcoin Core's verdict on the spend."""
        return accepts(self.raw(stack), [self.spent], 0)

    def but(self, **changes: object) -> "Spend":
        """The same spend with fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


def accepts(raw: bytes, spent: list[tuple[int, bytes]], index: int) -> bool:
    """Whether Bitcoin Core's script check accepts an input under all rules."""
    tx = pbk.Transaction(raw)
    outputs = [pbk.TransactionOutput(pbk.ScriptPubkey(script), value) for value, script in spent]
    value, script = spent[index]
    precomputed = PrecomputedTransactionData(tx, outputs)
    flags = pbk.ScriptVerificationFlags.ALL
    return bool(pbk.ScriptPubkey(script).verify(value, tx, precomputed, index, flags))


def stack(digit_signatures: Sequence[bytes], first_signature: bytes) -> list[bytes]:
    """Witness order, bottom of the stack first: sig[n-1] ... sig[0], then the first key's."""
    return [*reversed(digit_signatures), first_signature]
