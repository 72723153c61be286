"""Which valid transactions a default bitcoind lets wait for a block: the checks of one transaction alone.

Promises: the same reason, in the same order, as Bitcoin Core's validation.cpp (PreChecks) and policy/ of v31 with its
default options. Scripts are judged by the consensus engine first; btclib's port of Core's interpreter adds the
standardness flags and the reason. Does NOT know other waiting transactions: topology, fees and replacement are the
mempool's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import pbk
from btclib.exceptions import BTClibValueError, ScriptError
from btclib.policy import (
    MAX_STANDARD_TX_SIGOPS_COST,
    MIN_STANDARD_TX_NONWITNESS_SIZE,
    are_inputs_standard,
    assert_standard_tx,
    dust_outputs,
    is_witness_standard,
)
from btclib.script.engine import ScriptFlag, sig_op_cost, verify_input
from btclib.script.script_pub_key import ScriptPubKey
from btclib.script.sig_hash import PrecomputedTxData
from btclib.script.solver import solver
from btclib.tx.tx_out import TxOut
from pbk.script import PrecomputedTransactionData, ScriptVerificationFlags

from node.sandbox.ledger import Coin, Ledger
from node.sandbox.transaction import MAX_BLOCK_WEIGHT, MAX_SEQUENCE, Transaction, display

COIN = 100_000_000
MAX_MONEY = 21_000_000 * COIN
COINBASE_MATURITY = 100
LOCKTIME_THRESHOLD = 500_000_000
SEQUENCE_DISABLE = 1 << 31
SEQUENCE_TIME = 1 << 22
SEQUENCE_MASK = 0xFFFF
SEQUENCE_GRANULARITY = 9

MIN_RELAY_RATE = 100  # sat/kvB, DEFAULT_MIN_RELAY_TX_FEE
INCREMENTAL_RATE = 100  # sat/kvB, DEFAULT_INCREMENTAL_RELAY_FEE
BYTES_PER_SIGOP = 20  # DEFAULT_BYTES_PER_SIGOP

STANDARD_FLAGS = ScriptFlag((1 << 21) - 1) & ~ScriptFlag.SIGPUSHONLY  # STANDARD_SCRIPT_VERIFY_FLAGS


class Kind(Enum):
    """How a refusal is treated by package acceptance (TxValidationResult)."""

    FINAL = "a package does not change it"
    MISSING = "inputs are missing or spent"
    RECONSIDERABLE = "fees only: a child may pay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A reject reason in Core's words; `details` is what follows it after a comma."""

    reason: str
    details: str = ""
    kind: Kind = Kind.FINAL

    def __str__(self) -> str:
        return f"{self.reason}, {self.details}" if self.details else self.reason


def fee_at(rate: int, vsize: int) -> int:
    """The fee in sats for `vsize` at `rate` sat/kvB, rounded up (CFeeRate::GetFee)."""
    return -(-rate * vsize // 1000)


def check_alone(transaction: Transaction) -> Refusal | None:
    """CheckTransaction, coinbase, IsStandardTx and the smallest size: what needs no coins."""
    if refusal := _check_consensus(transaction):
        return refusal
    if transaction.is_coinbase:
        return Refusal(reason="coinbase")
    try:
        assert_standard_tx(transaction.tx)
    except BTClibValueError as fault:
        return Refusal(reason=str(fault))
    if transaction.stripped_size < MIN_STANDARD_TX_NONWITNESS_SIZE:
        return Refusal(reason="tx-size-small")
    return None


def _check_consensus(transaction: Transaction) -> Refusal | None:
    # consensus/tx_check.cpp
    tx = transaction.tx
    if not tx.vout:
        return Refusal(reason="bad-txns-vout-empty")
    if transaction.stripped_size * 4 > MAX_BLOCK_WEIGHT:
        return Refusal(reason="bad-txns-oversize")
    total = 0
    for value, _ in transaction.outputs:
        if value < 0:
            return Refusal(reason="bad-txns-vout-negative")
        if value > MAX_MONEY:
            return Refusal(reason="bad-txns-vout-toolarge")
        total += value
        if total > MAX_MONEY:
            return Refusal(reason="bad-txns-txouttotal-toolarge")
    if len(set(transaction.spends)) != len(transaction.spends):
        return Refusal(reason="bad-txns-inputs-duplicate")
    if transaction.is_coinbase:
        if not 2 <= len(tx.vin[0].script_sig) <= 100:
            return Refusal(reason="bad-cb-length")
    elif any(spent == (bytes(32), 0xFFFFFFFF) for spent in transaction.spends):
        return Refusal(reason="bad-txns-prevout-null")
    return None


def is_final(transaction: Transaction, height: int, time: int) -> bool:
    """IsFinalTx for a block of that height whose parent's median time is `time`."""
    lock = transaction.tx.lock_time
    if lock == 0 or lock < (height if lock < LOCKTIME_THRESHOLD else time):
        return True
    return all(i.sequence == MAX_SEQUENCE for i in transaction.tx.vin)


def sequence_locks_met(transaction: Transaction, coins: list[Coin], ledger: Ledger) -> bool:
    """BIP68 for the block after the tip."""
    if transaction.version < 2:
        return True
    tip = ledger.tip
    least_height, least_time = -1, -1
    for tx_in, coin in zip(transaction.tx.vin, coins, strict=True):
        sequence = tx_in.sequence
        if sequence & SEQUENCE_DISABLE:
            continue
        if sequence & SEQUENCE_TIME:
            since = ledger.at(max(min(coin.height, tip.height + 1) - 1, 0)).median_time
            least_time = max(least_time, since + ((sequence & SEQUENCE_MASK) << SEQUENCE_GRANULARITY) - 1)
        else:
            least_height = max(least_height, coin.height + (sequence & SEQUENCE_MASK) - 1)
    return least_height < tip.height + 1 and least_time < tip.median_time


def check_inputs(transaction: Transaction, coins: list[Coin], height: int) -> Refusal | int:
    """Consensus::CheckTxInputs for a block of that height: the fee, or why not."""
    total = 0
    for coin in coins:
        if coin.coinbase and height - coin.height < COINBASE_MATURITY:
            return Refusal(
                reason="bad-txns-premature-spend-of-coinbase",
                details=f"tried to spend coinbase at depth {height - coin.height}",
            )
        total += coin.value
        if not 0 <= coin.value <= MAX_MONEY or total > MAX_MONEY:
            return Refusal(reason="bad-txns-inputvalues-outofrange")
    paid = sum(value for value, _ in transaction.outputs)
    if total < paid:
        return Refusal(reason="bad-txns-in-belowout", details=f"value in ({money(total)}) < value out ({money(paid)})")
    return total - paid


def check_witnesses(transaction: Transaction, coins: list[Coin]) -> Refusal | int:
    """Standardness of what is spent: the sigop cost, or why not."""
    prevouts = [prevout(coin) for coin in coins]
    if not are_inputs_standard(prevouts, transaction.tx):
        return Refusal(reason="bad-txns-nonstandard-inputs", details=_nonstandard_input(prevouts))
    if transaction.tx.is_segwit and not is_witness_standard(prevouts, transaction.tx):
        return Refusal(reason="bad-witness-nonstandard")
    return sig_op_cost(prevouts, transaction.tx, STANDARD_FLAGS)


def _nonstandard_input(prevouts: list[TxOut]) -> str:
    words = {"nonstandard": "script unknown", "witness_unknown": "witness program is undefined"}
    for place, spent in enumerate(prevouts):
        if word := words.get(solver(spent.script_pub_key.script)[0]):
            return f"input {place} {word}"
    return "non-witness sigops exceed bip54 limit"


def check_sigops(cost: int) -> Refusal | None:
    """No standard transaction may need a fifth of a block's signature checks."""
    if cost > MAX_STANDARD_TX_SIGOPS_COST:
        return Refusal(reason="bad-txns-too-many-sigops", details=str(cost))
    return None


def has_dust(transaction: Transaction) -> list[int]:
    """The outputs below the dust limit."""
    return dust_outputs(transaction.tx)


def check_scripts(transaction: Transaction, coins: list[Coin]) -> Refusal | None:
    """CheckInputScripts under the standard flags: the engine's verdict, btclib's flags and words."""
    engine_tx = pbk.Transaction(transaction.raw)
    scripts = [pbk.ScriptPubkey(coin.script) for coin in coins]
    spent = [pbk.TransactionOutput(script, coin.value) for script, coin in zip(scripts, coins, strict=True)]
    hashes = PrecomputedTransactionData(engine_tx, spent)
    prevouts = [prevout(coin) for coin in coins]
    shared = PrecomputedTxData(transaction.tx, prevouts)
    for place, (script, coin) in enumerate(zip(scripts, coins, strict=True)):
        valid = script.verify(coin.value, engine_tx, hashes, place, ScriptVerificationFlags.ALL)
        words = "unknown error"
        try:
            verify_input(prevouts, transaction.tx, place, STANDARD_FLAGS, shared)
            standard = True
        except ScriptError as fault:
            standard, words = False, fault.code.description if fault.code else words
        except BTClibValueError as fault:
            standard, words = False, str(fault)
        if not (valid and standard):
            vout = transaction.spends[place]
            return Refusal(
                reason=f"mempool-script-verify-flag-failed ({words})",
                details=(
                    f"input {place} of {display(transaction.txid)} (wtxid {display(transaction.wtxid)}), "
                    f"spending {display(vout[0])}:{vout[1]}"
                ),
            )
    return None


def prevout(coin: Coin) -> TxOut:
    """The coin as btclib's output."""
    return TxOut(coin.value, ScriptPubKey(coin.script, check_validity=False), check_validity=False)


def money(sats: int) -> str:
    """FormatMoney: at least two decimals."""
    sign, sats = ("-" if sats < 0 else ""), abs(sats)
    whole, part = divmod(sats, COIN)
    digits = f"{part:08d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{digits}"
