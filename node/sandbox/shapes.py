"""How bitcoind shows blocks, transactions and amounts in JSON.

Promises: the field names and types of Bitcoin Core v31. Does NOT know where the values come from. Left out: the
`desc` of an output script, which nothing here reads.
"""

from __future__ import annotations

from typing import Any

from btclib.script.script_pub_key import address as btclib_address
from btclib.script.solver import solver
from msgspec import Raw

from node.sandbox.ledger import Entry, Ledger, header_fields
from node.sandbox.mempool import Mempool, Waiting
from node.sandbox.policy import COIN
from node.sandbox.transaction import Block, Transaction, display

DIFFICULTY = 4.656542373906925e-10  # regtest's, of bits 207fffff
TARGET = "7fffff" + "00" * 29


def btc(sats: int) -> Raw:
    """An amount as bitcoind writes it: a JSON number with eight decimals."""
    whole, part = divmod(abs(sats), COIN)
    return Raw(f"{'-' if sats < 0 else ''}{whole}.{part:08d}".encode())


def show_script(script: bytes) -> dict[str, Any]:
    """A scriptPubKey: hex, type and, when it has one, the address."""
    shown: dict[str, Any] = {"hex": script.hex()}
    try:
        shown_address = btclib_address(script, "regtest")
    except Exception:
        shown_address = ""
    if shown_address:
        shown["address"] = shown_address
    return shown | {"type": solver(script)[0]}


def show_transaction(transaction: Transaction) -> dict[str, Any]:
    """Decoderawtransaction's object, with `hex`."""
    inputs: list[dict[str, Any]] = []
    for tx_in, (txid, vout) in zip(transaction.tx.vin, transaction.spends, strict=True):
        one: dict[str, Any]
        if transaction.is_coinbase:
            one = {"coinbase": tx_in.script_sig.hex()}
        else:
            one = {"txid": display(txid), "vout": vout, "scriptSig": {"hex": tx_in.script_sig.hex()}}
        if tx_in.script_witness.stack:
            one["txinwitness"] = [item.hex() for item in tx_in.script_witness.stack]
        inputs.append(one | {"sequence": tx_in.sequence})
    return {
        "txid": display(transaction.txid),
        "hash": display(transaction.wtxid),
        "version": transaction.version,
        "size": len(transaction.raw),
        "vsize": transaction.vsize,
        "weight": transaction.weight,
        "locktime": transaction.tx.lock_time,
        "vin": inputs,
        "vout": [
            {"value": btc(value), "n": n, "scriptPubKey": show_script(script)}
            for n, (value, script) in enumerate(transaction.outputs)
        ],
        "hex": transaction.raw.hex(),
    }


def show_header(ledger: Ledger, entry: Entry, transactions: int) -> dict[str, Any]:
    """Getblockheader's object."""
    version, _, root, time, bits, nonce = header_fields(entry.header)
    active = ledger.is_active(entry)
    shown: dict[str, Any] = {
        "hash": display(entry.hash),
        "confirmations": len(ledger.active) - entry.height if active else -1,
        "height": entry.height,
        "version": version,
        "versionHex": f"{version & 0xFFFFFFFF:08x}",
        "merkleroot": display(root),
        "time": time,
        "mediantime": entry.median_time,
        "nonce": nonce,
        "bits": f"{bits:08x}",
        "target": TARGET,
        "difficulty": DIFFICULTY,
        "chainwork": f"{ledger.chain_work(entry):064x}",
        "nTx": transactions,
    }
    if entry.height:
        shown["previousblockhash"] = display(entry.previous)
    if active and entry.height + 1 < len(ledger.active):
        shown["nextblockhash"] = display(ledger.active[entry.height + 1])
    return shown


def show_block(ledger: Ledger, entry: Entry, block: Block, verbosity: int) -> dict[str, Any]:
    """Getblock's object: txids at verbosity 1, whole transactions above."""
    stripped = sum(t.stripped_size for t in block.transactions)
    rest = len(block.raw) - sum(len(t.raw) for t in block.transactions)
    coinbase = block.transactions[0]
    first = coinbase.tx.vin[0]
    shown_coinbase: dict[str, Any] = {
        "version": coinbase.version,
        "locktime": coinbase.tx.lock_time,
        "sequence": first.sequence,
        "coinbase": first.script_sig.hex(),
    }
    if first.script_witness.stack:
        shown_coinbase["witness"] = first.script_witness.stack[0].hex()
    listed: list[Any] = [display(t.txid) for t in block.transactions]
    if verbosity > 1:
        listed = [show_transaction(t) for t in block.transactions]
        for shown, fee in zip(listed[1:], ledger.fees(block) or [], strict=False):
            shown["fee"] = btc(fee)
    return show_header(ledger, entry, len(block.transactions)) | {
        "strippedsize": rest + stripped,
        "size": len(block.raw),
        "weight": 3 * (rest + stripped) + len(block.raw),
        "coinbase_tx": shown_coinbase,
        "tx": listed,
    }


def show_waiting(pool: Mempool, entry: Waiting) -> dict[str, Any]:
    """Getmempoolentry's object."""
    before = [pool.entries[t] for t in pool.ancestors(entry.txid)]
    after = [pool.entries[t] for t in pool.descendants([entry.txid])]
    chunk = next(c for c in pool.chunks() if entry.txid in c.txids)
    return {
        "vsize": entry.vsize,
        "weight": entry.transaction.weight,
        "time": entry.time,
        "height": entry.height,
        "descendantcount": len(after),
        "descendantsize": sum(e.vsize for e in after),
        "ancestorcount": len(before),
        "ancestorsize": sum(e.vsize for e in before),
        "wtxid": display(entry.transaction.wtxid),
        "chunkweight": chunk.weight,
        "fees": {
            "base": btc(entry.fee),
            "modified": btc(pool.modified_fee(entry)),
            "ancestor": btc(sum(pool.modified_fee(e) for e in before)),
            "descendant": btc(sum(pool.modified_fee(e) for e in after)),
            "chunk": btc(chunk.fee),
        },
        "depends": sorted(display(t) for t in pool.parents(entry.transaction)),
        "spentby": [display(t) for t in pool.children(entry.transaction)],
        "unbroadcast": True,  # there is no peer that could have acknowledged it
    }
