"""Bitcoin Core's consensus engine as a judge of single transactions, and the table of single-field mutations.

`accepts` wants every input to be valid. `mutations` yields (what changed, transaction, spent outputs): each differs
from a valid spend in exactly one field.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import pbk
from pbk.script import PrecomputedTransactionData

from tests.models.bitcoin_tx import Out, Tx

Spent = list[tuple[int, bytes]]
ANNEX = b"\x50annex"


def valid_inputs(tx: Tx, spent: Spent) -> list[bool]:
    """One verdict an input."""
    transaction = pbk.Transaction(tx.raw)
    coins = [pbk.TransactionOutput(pbk.ScriptPubkey(script), value) for value, script in spent]
    data = PrecomputedTransactionData(transaction, coins)
    flags = pbk.ScriptVerificationFlags.ALL
    return [
        pbk.ScriptPubkey(script).verify(value, transaction, data, i, flags) for i, (value, script) in enumerate(spent)
    ]


def accepts(tx: Tx, spent: Spent) -> bool:
    return all(valid_inputs(tx, spent))


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _bits(data: bytes, step: int) -> list[int]:
    """One bit in every `step`-th byte, another bit of the byte each time, and the very last bit."""
    return sorted({*(8 * i + (i // step) % 8 for i in range(0, len(data), step)), 8 * len(data) - 1})


def mutations(tx: Tx, spent: Spent, *, step: int = 1) -> Iterator[tuple[str, Tx, Spent]]:
    """Every field of the transaction, of its witnesses and of the outputs it spends, one at a time.

    `step` thins out the bytes of witness items of which one bit is flipped.
    """
    for name, change in _changes(tx, spent, step):
        changed, coins = deepcopy(tx), list(spent)
        change(changed, coins)
        assert (changed, coins) != (tx, spent), name
        yield name, changed, coins


def _set(target, attribute, value):
    return lambda tx, coins: setattr(target(tx), attribute, value)


def _changes(tx: Tx, spent: Spent, step: int):
    for version in (1, 2, 4, -1):
        yield f"version {version}", _set(lambda t: t, "version", version)
    for locktime in (1, 500_000_001):
        yield f"lock time {locktime}", _set(lambda t: t, "locktime", locktime)
    yield "output added", lambda t, c: t.outputs.append(Out(0, b"\x51"))
    if len(tx.inputs) > 1:
        yield "inputs swapped", _swap_inputs
    for n, output in enumerate(tx.outputs):
        at = f"output {n}"
        yield f"{at} value + 1", _set(lambda t, n=n: t.outputs[n], "value", output.value + 1)
        yield f"{at} value - 1", _set(lambda t, n=n: t.outputs[n], "value", output.value - 1)
        for bit in _bits(output.script, 5):
            yield f"{at} script bit {bit}", _set(lambda t, n=n: t.outputs[n], "script", flip(output.script, bit))
        yield f"{at} script longer", _set(lambda t, n=n: t.outputs[n], "script", output.script + b"\x51")
        yield f"{at} removed", lambda t, c, n=n: t.outputs.pop(n)
        yield f"{at} doubled", lambda t, c, n=n: t.outputs.insert(n, t.outputs[n])
        if n and tx.outputs[n] != tx.outputs[n - 1]:
            yield f"{at} swapped with the one before", lambda t, c, n=n: _swap(t.outputs, n - 1, n)
    for n in range(len(tx.inputs)):
        yield from _input_changes(tx, spent, n, step)


def _input_changes(tx: Tx, spent: Spent, n: int, step: int):
    item, (value, script) = tx.inputs[n], spent[n]
    at, here = f"input {n}", lambda t: t.inputs[n]
    for bit in (0, 255):
        yield f"{at} txid bit {bit}", _set(here, "txid", flip(item.txid, bit))
    yield f"{at} vout", _set(here, "vout", item.vout + 1)
    for sequence in {item.sequence - 1, item.sequence + 1, 0, 1, 0xFFFFFFFF, item.sequence | 1 << 22} - {item.sequence}:
        yield f"{at} sequence {sequence}", _set(here, "sequence", sequence)
    yield f"{at} script signature", _set(here, "script_sig", b"\x51")
    for other in (value - 1, value + 1, 0):
        yield f"{at} spent value {other}", lambda t, c, v=other: c.__setitem__(n, (v, script))
    for bit in _bits(script, 4):
        if bit < 8:
            continue  # another witness version is open to anyone by consensus: no mutation of ours, another coin
        yield f"{at} spent script bit {bit}", lambda t, c, b=bit: c.__setitem__(n, (value, flip(script, b)))
    yield f"{at} annex added", lambda t, c: t.inputs[n].witness.append(ANNEX)
    yield f"{at} witness empty", _set(here, "witness", [])
    yield f"{at} empty item at the bottom", lambda t, c: t.inputs[n].witness.insert(0, b"")
    yield f"{at} item 1 at the bottom", lambda t, c: t.inputs[n].witness.insert(0, b"\x01")
    for i, old in enumerate(item.witness):
        where = f"{at} item {i}"
        for bit in _bits(old, step):
            yield f"{where} bit {bit}", lambda t, c, i=i, b=bit: _item(t, n, i, flip(t.inputs[n].witness[i], b))
        replaced = {
            "empty": b"",
            "shorter": old[:-1],
            "longer": old + b"\0",
            "with hash type 1": old + b"\1",
            "with hash type 0x81": old + b"\x81",
            "zero": bytes(len(old)),
        }
        for what, new in replaced.items():
            yield f"{where} {what}", lambda t, c, i=i, new=new: _item(t, n, i, new)
        yield f"{where} removed", lambda t, c, i=i: t.inputs[n].witness.pop(i)
        yield f"{where} doubled", lambda t, c, i=i: t.inputs[n].witness.insert(i, t.inputs[n].witness[i])
        if i and item.witness[i] != item.witness[i - 1]:
            yield f"{where} swapped with the one before", lambda t, c, i=i: _swap(t.inputs[n].witness, i - 1, i)


def _item(tx: Tx, n: int, i: int, new: bytes) -> None:
    tx.inputs[n].witness[i] = new


def _swap(items: list, a: int, b: int) -> None:
    items[a], items[b] = items[b], items[a]


def _swap_inputs(tx: Tx, coins: Spent) -> None:
    _swap(tx.inputs, 0, 1)
    _swap(coins, 0, 1)
