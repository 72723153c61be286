"""The calls that the node makes to Bitcoin Core, with bytes on this side and hex on that.

Promises: a block's bytes hash to what was asked for; a transaction's too; amounts are exact. Works on bitcoind v28 or
newer and on the sandbox. Does NOT retry: the caller knows what waiting costs.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Final, TypeVar

import msgspec
from bitcoin.core import CTransaction, Hash

from bitcoin_scripts.transaction import display_txid as shown
from node.chain.jsonrpc import ANSWER_BYTES, CALL_SECONDS, MIB, JsonRpc, Refusal
from node.chain.types import Accepted, AlreadyKnown, Broadcast, Header, MempoolView, Rejected, Server, Tip, Utxo
from node.faults import LocalFault, PeerFault

T = TypeVar("T")

OLDEST: Final = 280_000
"""v28: submitpackage for one parent and one child, version 3 (TRUC), pay-to-anchor."""
NETWORKS: Final = {"regtest": "regtest", "signet": "signet", "testnet": "test", "testnet4": "testnet4"}
"""Our name of a network and the server's."""

COIN: Final = 100_000_000
BLOCK_BYTES: Final = 9 * MIB
"""4,000,000 bytes of block as hex, with room."""
MEMPOOL_BYTES: Final = 64 * MIB
"""300 MB of mempool hold less than 900,000 txids of 67 characters."""
WAIT_SECONDS: Final = 30.0
"""The longest single long poll; proxies and servers cut longer ones."""
WAIT_MARGIN: Final = 10.0
POLL_SECONDS: Final = 0.5
MINE_SECONDS: Final = 300.0
FEE_TARGET: Final = 2
"""Blocks within which a bump wants to be mined."""
LEAST_RATE: Final = 1
"""sat/vB; never estimate below what every server relays."""

NOT_FOUND: Final = -5
BAD_PARAMETER: Final = -8
TYPE_ERROR: Final = -3
USAGE: Final = -1
VERIFY: Final = -25
REJECTED: Final = -26
CONFIRMED: Final = -27
NO_METHOD: Final = -32601

MISSING: Final = "bad-txns-inputs-missingorspent"
KNOWN: Final = frozenset({"txn-already-in-mempool", "txn-already-known"})


class _Info(msgspec.Struct, frozen=True):
    chain: str
    blocks: int
    bestblockhash: str


class _Network(msgspec.Struct, frozen=True):
    version: int
    subversion: str


class _Header(msgspec.Struct, frozen=True):
    hash: str
    height: int
    confirmations: int
    previousblockhash: str | None = None


class _Past(msgspec.Struct, frozen=True):
    hash: str
    mediantime: int


class _Wait(msgspec.Struct, frozen=True):
    hash: str
    height: int


class _Script(msgspec.Struct, frozen=True):
    hex: str


class _TxOut(msgspec.Struct, frozen=True):
    value: Decimal
    confirmations: int
    coinbase: bool
    scriptPubKey: _Script  # noqa: N815 - the server's name


class _Pool(msgspec.Struct, frozen=True):
    txids: list[str]
    mempool_sequence: int


class _PoolInfo(msgspec.Struct, frozen=True):
    mempoolminfee: Decimal
    minrelaytxfee: Decimal


class _Estimate(msgspec.Struct, frozen=True):
    feerate: Decimal | None = None


class _Fees(msgspec.Struct, frozen=True):
    effective: Decimal | None = msgspec.field(name="effective-feerate", default=None)


class _PackageTx(msgspec.Struct, frozen=True):
    txid: str
    error: str | None = None
    fees: _Fees | None = None
    other: str | None = msgspec.field(name="other-wtxid", default=None)


class _Package(msgspec.Struct, frozen=True):
    package_msg: str
    results: dict[str, _PackageTx] = msgspec.field(name="tx-results")


class _Test(msgspec.Struct, frozen=True):
    txid: str
    allowed: bool | None = None
    reason: str = msgspec.field(name="reject-reason", default="")
    details: str = msgspec.field(name="reject-details", default="")


class BitcoinRpc:
    """The chain behind one JSON-RPC server."""

    def __init__(self, rpc: JsonRpc) -> None:
        self._rpc = rpc
        self._long_poll = True

    async def close(self) -> None:
        """Drop the connections."""
        await self._rpc.close()

    # ---- who answers -----------------------------------------------------------------------------------------

    async def check_version(self, *, network: str, genesis: bytes | None) -> Server:
        """Refuse a server that cannot serve this node; `genesis` None when no chain was used before.

        Raises:
            LocalFault: too old, another network, another chain.
        """
        told = await self._call(_Network, "getnetworkinfo")
        if told.version < OLDEST:
            raise LocalFault(
                what=f"the chain server {told.subversion}",
                expected=f"version {OLDEST} (v28) or newer: submitpackage with one child, version 3, pay-to-anchor",
                came=f"version {told.version}",
                todo="Upgrade Bitcoin Core.",
            )
        info = await self._call(_Info, "getblockchaininfo")
        if NETWORKS.get(network) != info.chain:
            raise LocalFault(
                what="the network",
                expected=f"{network} (the server calls it {NETWORKS.get(network, 'nothing known')})",
                came=f"a server on {info.chain}",
                todo="Point the node at a server of its own network.",
            )
        found = await self.genesis()
        if genesis is not None and found != genesis:
            raise LocalFault(
                what="the genesis block",
                expected=shown(genesis),
                came=shown(found),
                todo="This is another chain: give the node its old server, or an empty data folder.",
            )
        return Server(version=told.version, subversion=told.subversion, network=network, genesis=found)

    async def genesis(self) -> bytes:
        """The hash of block 0."""
        return await self.block_hash(0)

    # ---- blocks ----------------------------------------------------------------------------------------------

    async def tip(self) -> Tip:
        """The last block."""
        info = await self._call(_Info, "getblockchaininfo")
        return Tip(height=self._height(info.blocks), hash=_hash(info.bestblockhash, "bestblockhash"))

    async def block_hash(self, height: int) -> bytes:
        """The active block of a height.

        Raises:
            PeerFault: the chain is shorter; compare with `tip` first.
        """
        return _hash(await self._call(str, "getblockhash", height), "getblockhash")

    async def hash_at(self, height: int) -> bytes | None:
        """As `block_hash`, None when the chain is shorter."""
        try:
            return _hash(await self._rpc.call(str, "getblockhash", height), "getblockhash")
        except Refusal as refusal:
            if refusal.code == BAD_PARAMETER:
                return None
            raise _unexpected("getblockhash", refusal) from None

    async def header(self, hash_: bytes) -> Header | None:
        """A known block, None when the server does not know it."""
        try:
            told = await self._rpc.call(_Header, "getblockheader", shown(hash_))
        except Refusal as refusal:
            if refusal.code == NOT_FOUND:
                return None
            raise _unexpected("getblockheader", refusal) from None
        if told.hash != shown(hash_):
            raise _wrong("getblockheader", shown(hash_), told.hash)
        previous = bytes(32) if told.previousblockhash is None else _hash(told.previousblockhash, "previousblockhash")
        return Header(hash=hash_, height=self._height(told.height), previous=previous, active=told.confirmations > 0)

    async def median_time(self, height: int) -> int | None:
        """Median time past (BIP113, seconds) of the active block of a height, None when the chain is shorter."""
        hash_ = await self.hash_at(height)
        if hash_ is None:
            return None
        told = await self._call(_Past, "getblockheader", shown(hash_))
        if told.hash != shown(hash_) or not 0 <= told.mediantime < 1 << 32:
            raise _wrong("getblockheader", f"{shown(hash_)} and a time of 32 bits", f"{told.hash}, {told.mediantime}")
        return told.mediantime

    async def block(self, hash_: bytes) -> bytes:
        """The raw block, whose header hashes to `hash_`."""
        told = await self._call(str, "getblock", shown(hash_), 0, size=BLOCK_BYTES)
        raw = _bytes(told, "getblock")
        if len(raw) <= 80 or Hash(raw[:80]) != hash_:
            raise _wrong("getblock", f"the block {shown(hash_)}", f"{len(raw)} bytes of another")
        return raw

    async def wait_for_block(self, known: bytes, seconds: float) -> Tip:
        """Return when the tip is another block than `known`, at once if it is already, or after `seconds`."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        tip = await self.tip()
        while tip.hash == known and (left := end - loop.time()) > 0:
            if self._long_poll:
                tip = await self._poll_long(known, min(left, WAIT_SECONDS)) or tip
            else:
                await asyncio.sleep(min(left, POLL_SECONDS))
                tip = await self.tip()
        return tip

    async def _poll_long(self, known: bytes, seconds: float) -> Tip | None:
        try:
            told = await self._rpc.call(
                _Wait,
                "waitfornewblock",
                max(1, int(seconds * 1000)),
                shown(known),
                seconds=seconds + WAIT_MARGIN,
            )
        except Refusal as refusal:
            if refusal.code in {USAGE, BAD_PARAMETER, TYPE_ERROR, NO_METHOD}:
                self._long_poll = False  # before v30 the call had no second parameter and could miss a block
                return None
            raise _unexpected("waitfornewblock", refusal) from None
        return Tip(height=self._height(told.height), hash=_hash(told.hash, "waitfornewblock"))

    # ---- transactions ----------------------------------------------------------------------------------------

    async def broadcast(self, raw: bytes) -> Broadcast:
        """Put a transaction into the mempool and send it out."""
        txid = txid_of(raw)
        try:
            told = await self._rpc.call(str, "sendrawtransaction", raw.hex())
        except Refusal as refusal:
            return _judge(txid, refusal)
        if _hash(told, "sendrawtransaction") != txid:
            raise _wrong("sendrawtransaction", shown(txid), told)
        return Accepted(txid=txid)

    async def submit_package(self, raws: list[bytes]) -> Broadcast:
        """Parents and, last, their child, judged by the fee of all of them."""
        txids = [txid_of(raw) for raw in raws]
        child = txids[-1]
        try:
            told = await self._rpc.call(_Package, "submitpackage", [raw.hex() for raw in raws])
        except Refusal as refusal:
            return _judge(child, refusal)
        by_txid = {_hash(one.txid, "submitpackage"): one for one in told.results.values()}
        if set(by_txid) != set(txids):
            raise _wrong("submitpackage", f"results for {len(txids)} transactions", f"{len(by_txid)} others")
        if told.package_msg == "success":
            fresh = any(one.fees is not None and one.fees.effective is not None for one in by_txid.values())
            return Accepted(txid=child) if fresh else AlreadyKnown(txid=child)
        errors = [f"{shown(txid)}: {one.error}" for txid in txids if (one := by_txid[txid]).error]
        missing = any((one.error or "").startswith(MISSING) for one in by_txid.values())
        return Rejected(txid=child, reason="; ".join([told.package_msg, *errors]), missing_inputs=missing)

    async def test_accept(self, raw: bytes) -> Broadcast:
        """What `broadcast` would answer; nothing enters the mempool."""
        txid = txid_of(raw)
        try:
            told = await self._rpc.call(list[_Test], "testmempoolaccept", [raw.hex()])
        except Refusal as refusal:
            return _judge(txid, refusal)
        if len(told) != 1 or told[0].txid != shown(txid) or told[0].allowed is None:
            raise _wrong("testmempoolaccept", f"one verdict on {shown(txid)}", str(told)[:200])
        if told[0].allowed:
            return Accepted(txid=txid)
        if told[0].reason in KNOWN:
            return AlreadyKnown(txid=txid)
        missing = told[0].reason == "missing-inputs"
        return Rejected(
            txid=txid, reason=MISSING if missing else told[0].details or told[0].reason, missing_inputs=missing
        )

    async def transaction(self, txid: bytes, block_hash: bytes | None) -> bytes | None:
        """A transaction of the mempool or of the given block."""
        where = [] if block_hash is None else [shown(block_hash)]
        try:
            told = await self._rpc.call(str, "getrawtransaction", shown(txid), 0, *where, size=BLOCK_BYTES)
        except Refusal as refusal:
            if refusal.code == NOT_FOUND:
                return None
            raise _unexpected("getrawtransaction", refusal) from None
        raw = _bytes(told, "getrawtransaction")
        if txid_of(raw) != txid:
            raise _wrong("getrawtransaction", shown(txid), "another transaction")
        return raw

    async def utxo(self, txid: bytes, vout: int) -> Utxo | None:
        """An output that no block has spent; the mempool is not looked at."""
        told = await self._call(_TxOut | None, "gettxout", shown(txid), vout, False)  # type: ignore[arg-type]
        if told is None:
            return None
        return Utxo(
            value=_sats(told.value, "gettxout"),
            script=_bytes(told.scriptPubKey.hex, "gettxout"),
            confirmations=told.confirmations,
            coinbase=told.coinbase,
        )

    async def mempool_transactions(self) -> MempoolView:
        """What waits now; ask for the new ones with `transaction`."""
        told = await self._call(_Pool, "getrawmempool", False, True, size=MEMPOOL_BYTES)
        return MempoolView(
            txids=frozenset(_hash(one, "getrawmempool") for one in told.txids), sequence=told.mempool_sequence
        )

    async def feerate(self) -> int:
        """sat/vB, rounded up, that a transaction needs to be mined soon; what the mempool takes when unknown."""
        told = await self._call(_Estimate, "estimatesmartfee", FEE_TARGET)
        info = await self._call(_PoolInfo, "getmempoolinfo")
        rates = [info.mempoolminfee, info.minrelaytxfee, *([told.feerate] if told.feerate is not None else [])]
        per_kvb = max(_sats(rate, "feerate") for rate in rates)
        return max(LEAST_RATE, -(-per_kvb // 1000))

    async def generate(self, count: int, address: str) -> list[bytes]:
        """Mine blocks on regtest; their hashes."""
        told = await self._call(list[str], "generatetoaddress", count, address, seconds=MINE_SECONDS)
        return [_hash(one, "generatetoaddress") for one in told]

    # ---- reading answers -------------------------------------------------------------------------------------

    async def _call(
        self,
        shape: type[T],
        method: str,
        *params: object,
        seconds: float = CALL_SECONDS,
        size: int = ANSWER_BYTES,
    ) -> T:
        try:
            return await self._rpc.call(shape, method, *params, seconds=seconds, size=size)
        except Refusal as refusal:
            raise _unexpected(method, refusal) from None

    @staticmethod
    def _height(height: int) -> int:
        if not 0 <= height < 1 << 31:
            raise _wrong("a height", "0 to 2^31", str(height))
        return height


def txid_of(raw: bytes) -> bytes:
    """The id of raw transaction bytes, internal order."""
    try:
        return bytes(CTransaction.deserialize(raw).GetTxid())
    except Exception as fault:
        raise PeerFault(what="a transaction", expected="well-formed bytes", came=f"{len(raw)} bytes: {fault}") from None


def _judge(txid: bytes, refusal: Refusal) -> Broadcast:
    reason = refusal.message.split(",")[0]
    if refusal.code == CONFIRMED or reason in KNOWN:
        return AlreadyKnown(txid=txid)
    if refusal.code in {VERIFY, REJECTED}:
        return Rejected(txid=txid, reason=refusal.message, missing_inputs=reason == MISSING)
    raise _unexpected("broadcast", refusal)


def _unexpected(method: str, refusal: Refusal) -> LocalFault | PeerFault:
    if refusal.code == NO_METHOD:
        return LocalFault(
            what=f"the chain server's call {method}",
            expected="Bitcoin Core v28 or newer",
            came="a server that does not know it",
            todo="Upgrade the server, or check rpcwhitelist.",
        )
    return PeerFault(what=method, expected="a result", came=f"error {refusal.code}: {refusal.message[:200]}")


def _wrong(method: str, expected: str, came: str) -> PeerFault:
    return PeerFault(what=method, expected=expected, came=came)


def _hash(text: str, what: str) -> bytes:
    raw = _bytes(text, what)
    if len(raw) != 32:
        raise _wrong(what, "64 hex digits", text[:80])
    return raw[::-1]


def _bytes(text: str, what: str) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) * 2 != len(text):
        raise _wrong(what, "hex", text[:80])
    return raw


def _sats(value: Decimal, what: str) -> int:
    if value.is_finite() and 0 <= value <= 21_000_000:  # first: a large exponent overflows the multiplication
        sats = value * COIN
        if sats == sats.to_integral_value():
            return int(sats)
    raise _wrong(what, "an amount in BTC", str(value)[:40])
