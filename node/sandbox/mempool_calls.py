"""The calls that put transactions into the mempool and look at it.

Promises: the answers, error codes and messages of Bitcoin Core v31. Does NOT know HTTP.
"""
# ruff: noqa: D102 - each method is the bitcoind call of its name, with the names of its parameters

from __future__ import annotations

from typing import Any

from node.sandbox import policy
from node.sandbox.acceptance import (
    ALONE,
    MAX_PACKAGE_COUNT,
    TEST_PACKAGE,
    Accepted,
    AlreadyIn,
    PackageResult,
    Result,
    is_tree,
    package_rules,
)
from node.sandbox.faults import (
    ALREADY_IN_UTXO_SET,
    INVALID_ADDRESS_OR_KEY,
    INVALID_PARAMETER,
    VERIFY_ERROR,
    VERIFY_REJECTED,
    RpcFault,
)
from node.sandbox.ledger import is_unspendable
from node.sandbox.parameters import (
    Parameter,
    amount,
    array,
    fee_rate,
    flag,
    hash_,
    integer,
    text,
    transaction,
)
from node.sandbox.policy import Kind, Refusal, fee_at
from node.sandbox.regtest import Regtest
from node.sandbox.shapes import (
    btc,
    show_waiting,
)
from node.sandbox.transaction import Transaction, display

DEFAULT_MAX_RATE = 10_000_000  # 0.10 BTC/kvB, DEFAULT_MAX_RAW_TX_FEE_RATE
DECODE_FAILED = "TX decode failed. Make sure the tx has at least one input."
BURN = "Unspendable output exceeds maximum configured by user (maxburnamount)"
FEE = "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)"


class MempoolCalls:
    """Broadcasting, testing, and what waits."""

    def __init__(self, chain: Regtest) -> None:
        self.chain = chain

    def sendrawtransaction(self, hexstring: str, maxfeerate: int, maxburnamount: int) -> str:
        found = transaction(hexstring, DECODE_FAILED)
        _check_burn(found, maxburnamount)
        chain = self.chain
        if any((found.txid, n) in chain.ledger.coins for n in range(len(found.outputs))):
            raise RpcFault(ALREADY_IN_UTXO_SET, "Transaction outputs already in utxo set")
        if found.txid not in chain.pool:
            most = fee_at(maxfeerate, found.vsize)
            for test in (True, False) if most else (False,):
                result = chain.gate.single(found, ALONE, now=chain.now(), test=test)
                if isinstance(result, Refusal):
                    code = VERIFY_ERROR if result.kind is Kind.MISSING else VERIFY_REJECTED
                    raise RpcFault(code, str(result))
                if most and result.fee > most:
                    raise RpcFault(VERIFY_ERROR, FEE)
        return display(found.txid)

    def testmempoolaccept(self, rawtxs: list[Any], maxfeerate: int) -> Any:
        if not 1 <= len(rawtxs) <= MAX_PACKAGE_COUNT:
            raise RpcFault(INVALID_PARAMETER, f"Array must contain between 1 and {MAX_PACKAGE_COUNT} transactions.")
        package = [_decode(raw) for raw in rawtxs]
        chain = self.chain
        if len(package) == 1:
            single = chain.gate.single(package[0], ALONE, now=chain.now(), test=True)
            whole = PackageResult(results={package[0].wtxid: single})
        else:
            whole = chain.gate.multiple(package, TEST_PACKAGE, now=chain.now(), test=True)
        shown: list[dict[str, Any]] = []
        stop = False
        for one in package:
            line: dict[str, Any] = {"txid": display(one.txid), "wtxid": display(one.wtxid)}
            if whole.of_policy:
                line["package-error"] = str(whole.refusal)
            result = whole.results.get(one.wtxid)
            if isinstance(result, Accepted) and not stop:
                most = fee_at(maxfeerate, result.vsize)
                if most and result.fee > most:
                    line |= {"allowed": False, "reject-reason": "max-fee-exceeded"}
                    stop = True
                else:
                    line |= {"allowed": True, "vsize": result.vsize, "fees": _show_fees(result)}
            elif isinstance(result, Refusal) and not stop:
                line["allowed"] = False
                if result.kind is Kind.MISSING:
                    line["reject-reason"] = "missing-inputs"
                else:
                    line |= {"reject-reason": result.reason, "reject-details": str(result)}
            shown.append(line)
        return shown

    def submitpackage(self, package: list[Any], maxfeerate: int, maxburnamount: int) -> Any:
        if not 1 <= len(package) <= MAX_PACKAGE_COUNT:
            raise RpcFault(INVALID_PARAMETER, f"Array must contain between 1 and {MAX_PACKAGE_COUNT} transactions.")
        transactions = []
        for raw in package:
            transactions.append(_decode(raw))
            _check_burn(transactions[-1], maxburnamount)
        if len(transactions) > 1 and not is_tree(transactions):
            raise RpcFault(
                VERIFY_ERROR,
                "package topology disallowed. not child-with-parents or parents depend on each other.",
            )
        chain = self.chain
        whole = chain.gate.package(transactions, package_rules(maxfeerate or None), now=chain.now())
        replaced: set[bytes] = set()
        shown: dict[str, Any] = {}
        for one in transactions:
            line: dict[str, Any] = {"txid": display(one.txid)}
            result = whole.results.get(one.wtxid)
            if result is None:
                line["error"] = "package-not-validated"
            else:
                line |= _show_result(result)
                replaced.update(result.replaced if isinstance(result, Accepted) else ())
            shown[display(one.wtxid)] = line
        return {
            "package_msg": "success" if whole.refusal is None else str(whole.refusal),
            "tx-results": shown,
            "replaced-transactions": [display(txid) for txid in sorted(replaced)],
        }

    def getrawmempool(self, verbose: bool, mempool_sequence: bool) -> Any:
        pool = self.chain.pool
        if verbose and mempool_sequence:
            raise RpcFault(INVALID_PARAMETER, "Verbose results cannot contain mempool sequence values.")
        if verbose:
            return {display(txid): show_waiting(pool, entry) for txid, entry in pool.entries.items()}
        shown = [display(txid) for txid in pool.entries]
        return {"txids": shown, "mempool_sequence": pool.sequence} if mempool_sequence else shown

    def getmempoolentry(self, txid: bytes) -> Any:
        if txid not in self.chain.pool:
            raise RpcFault(INVALID_ADDRESS_OR_KEY, "Transaction not in mempool")
        return show_waiting(self.chain.pool, self.chain.pool.entries[txid])

    def getmempoolinfo(self) -> Any:
        entries = self.chain.pool.entries.values()
        return {
            "loaded": True,
            "size": len(entries),
            "bytes": sum(e.vsize for e in entries),
            "usage": sum(len(e.transaction.raw) for e in entries),
            "total_fee": btc(sum(e.fee for e in entries)),
            "maxmempool": 300_000_000,
            "mempoolminfee": btc(self.chain.relay_rate),
            "minrelaytxfee": btc(self.chain.relay_rate),
            "incrementalrelayfee": btc(policy.INCREMENTAL_RATE),
            "unbroadcastcount": len(entries),
            "permitbaremultisig": True,
            "maxdatacarriersize": 100_000,
            "limitclustercount": 64,
            "limitclustersize": 101_000,
            "optimal": True,
        }

    def gettxspendingprevout(self, outputs: list[Any], options: dict[str, Any] | None) -> Any:
        if not outputs:
            raise RpcFault(INVALID_PARAMETER, "Invalid parameter, outputs are missing")
        whole = bool((options or {}).get("return_spending_tx"))
        shown = []
        for one in outputs:
            if not isinstance(one, dict) or set(one) != {"txid", "vout"}:
                raise RpcFault(INVALID_PARAMETER, "Invalid parameter, expected txid and vout")
            txid, vout = hash_(one["txid"], "txid"), integer(one["vout"], "vout")
            if vout < 0:
                raise RpcFault(INVALID_PARAMETER, "Invalid parameter, vout cannot be negative")
            spender = self.chain.pool.spenders.get((txid, vout))
            line = dict(one)
            if spender is not None:
                line["spendingtxid"] = display(spender)
                if whole:
                    line["spendingtx"] = self.chain.pool.entries[spender].transaction.raw.hex()
            shown.append(line)
        return shown

    def estimatesmartfee(self, conf_target: int, estimate_mode: str) -> Any:
        if not 1 <= conf_target <= 1008:
            raise RpcFault(INVALID_PARAMETER, "Invalid conf_target, must be between 1 and 1008")
        if estimate_mode.lower() not in {"unset", "economical", "conservative"}:
            raise RpcFault(
                INVALID_PARAMETER,
                'Invalid estimate_mode parameter, must be one of: "unset", "economical", "conservative"',
            )
        return {"errors": ["Insufficient data or no feerate found"], "blocks": 0}

    def prioritisetransaction(self, txid: bytes, dummy: int, fee_delta: int) -> bool:
        if dummy:
            raise RpcFault(
                INVALID_PARAMETER, "Priority is no longer supported, dummy argument to prioritisetransaction must be 0."
            )
        self.chain.pool.deltas[txid] = self.chain.pool.deltas.get(txid, 0) + fee_delta
        return True


def _decode(raw: Any) -> Transaction:
    return transaction(raw, f"TX decode failed: {raw} Make sure the tx has at least one input.")


def _check_burn(found: Transaction, most: int) -> None:
    if any(value > most and is_unspendable(script) for value, script in found.outputs):
        raise RpcFault(VERIFY_ERROR, BURN)


def _show_fees(result: Accepted) -> dict[str, Any]:
    fee, vsize = result.rate
    return {
        "base": btc(result.fee),
        "effective-feerate": btc(fee * 1000 // vsize),
        "effective-includes": [display(wtxid) for wtxid in result.includes],
    }


def _show_result(result: Result) -> dict[str, Any]:
    match result:
        case Refusal():
            return {"error": str(result)}
        case Accepted():
            return {"vsize": result.vsize, "fees": _show_fees(result)}
        case AlreadyIn(other=None):
            return {"vsize": result.vsize, "fees": {"base": btc(result.fee)}}
        case AlreadyIn(other=other):
            return {"other-wtxid": display(other or b"")}


P = Parameter
PARAMETERS: dict[str, tuple[Parameter, ...]] = {
    "sendrawtransaction": (
        P("hexstring", text),
        P("maxfeerate", fee_rate, DEFAULT_MAX_RATE),
        P("maxburnamount", amount, 0),
    ),
    "testmempoolaccept": (P("rawtxs", array), P("maxfeerate", fee_rate, DEFAULT_MAX_RATE)),
    "submitpackage": (
        P("package", array),
        P("maxfeerate", fee_rate, DEFAULT_MAX_RATE),
        P("maxburnamount", amount, 0),
    ),
    "getrawmempool": (P("verbose", flag, False), P("mempool_sequence", flag, False)),
    "getmempoolentry": (P("txid", hash_),),
    "getmempoolinfo": (),
    "gettxspendingprevout": (P("outputs", array), P("options", lambda value, _: value, None)),
    "estimatesmartfee": (P("conf_target", integer), P("estimate_mode", text, "economical")),
    "prioritisetransaction": (P("txid", hash_), P("dummy", integer, 0), P("fee_delta", integer)),
}
