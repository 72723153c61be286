"""Real chain servers for the functional tests: the sandbox, and bitcoind when this machine has one.

`backend` is parametrised over both: a test that takes it runs twice. A bitcoind is looked for in the environment
variable BITVM3_BITCOIND (a file, or a folder with bin/bitcoind as .ci/build_bitcoind.sh makes it) and on PATH; without
one the tests on it are skipped and say so.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from bitcoin.core import CBlock, COutPoint, CScript, CTransaction, CTxIn, CTxInWitness, CTxOut, CTxWitness
from bitcoin.core.script import CScriptWitness

from native._native import tapscript
from native._native.keys import Secret
from node.chain import BitcoinRpc, Cookie, JsonRpc
from node.demo.processes import free_port
from node.faults import Unavailable

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = ("sandbox", "bitcoind")
START_SECONDS = 60.0


def find_bitcoind() -> str | None:
    """The bitcoind to test with, None when there is none."""
    given = os.environ.get("BITVM3_BITCOIND", "")
    for path in (Path(given), Path(given) / "bin" / "bitcoind", Path(given) / "bitcoind"):
        if given and path.is_file():
            return str(path)
    return shutil.which("bitcoind")


@dataclass
class Backend:
    """One running server of `kind` on `folder`."""

    kind: str
    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    _rpcs: list[JsonRpc] = field(default_factory=list)

    @property
    def cookie(self) -> Path:
        return self.folder / "regtest" / ".cookie"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        if self.kind == "sandbox":
            return [sys.executable, "-m", "node.sandbox", "--datadir", str(self.folder), "--rpcport", str(self.port)]
        found = find_bitcoind()
        assert found is not None
        return [
            found,
            "-regtest",
            f"-datadir={self.folder}",
            f"-rpcport={self.port}",
            "-listen=0",
            "-dnsseed=0",
            "-persistmempool=0",
            "-fallbackfee=0.0001",
        ]

    async def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cookie.unlink(missing_ok=True)
        with (self.folder / "output.log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), cwd=ROOT, stdout=log, stderr=log)  # noqa: ASYNC220
        end = time.monotonic() + START_SECONDS
        rpc = self.rpc()
        while True:
            try:
                await rpc.call(int, "getblockcount")
                return
            except Unavailable:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((self.folder / "output.log").read_text()[-2000:]) from None
                await asyncio.sleep(0.05)

    def kill(self, number: int = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def rpc(self) -> JsonRpc:
        rpc = JsonRpc(self.url, Cookie(path=self.cookie))
        self._rpcs.append(rpc)
        return rpc

    def chain(self) -> BitcoinRpc:
        return BitcoinRpc(self.rpc())

    async def call(self, method: str, *params: object) -> Any:
        return await self._rpcs[0].call(Any, method, *params, seconds=120.0, size=1 << 26)

    async def close(self) -> None:
        for rpc in self._rpcs:
            await rpc.close()
        if self.process is not None and self.process.poll() is None:
            self.kill()


async def start_backend(kind: str, folder: Path) -> Backend:
    if kind == "bitcoind" and find_bitcoind() is None:
        pytest.skip("no bitcoind: build one with .ci/build_bitcoind.sh CACHE and set BITVM3_BITCOIND=CACHE")
    backend = Backend(kind=kind, folder=folder / kind)
    await backend.start()
    return backend


@pytest.fixture(params=BACKENDS)
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    """A fresh chain, on each backend in turn."""
    running = await start_backend(request.param, tmp_path)
    yield running
    await running.close()


# ---- transactions for the tests ----------------------------------------------------------------------------------

P2A = bytes.fromhex("51024e73")
KEY = Secret.from_revealed(bytes(31) + b"\x07")
"""The tests' miner: everything is public here."""
SEQUENCE = 0xFFFFFFFD


def p2tr(internal_key: bytes, leaves: list[bytes] | None = None) -> bytes:
    return b"\x51\x20" + tapscript.taproot(internal_key, leaves or [])[0]


SCRIPT = p2tr(KEY.xonly())
ADDRESS = tapscript.address(SCRIPT, "regtest")
OTHER = p2tr(Secret.from_revealed(bytes(31) + b"\x09").xonly())
OTHER_ADDRESS = tapscript.address(OTHER, "regtest")


@dataclass(frozen=True)
class Coin:
    """An output and how it is spent: `leaf` None is the key path of KEY."""

    txid: bytes
    vout: int
    value: int
    script: bytes = SCRIPT
    leaf: bytes | None = None
    leaves: tuple[bytes, ...] = ()


Witness = Callable[[Callable[..., bytes], Coin], list[bytes]]


def sign_key(sighash: Callable[..., bytes], coin: Coin) -> list[bytes]:
    """The honest witness: a signature by KEY, with leaf and control block when the coin is spent by a leaf."""
    if coin.script == P2A:
        return []
    if coin.leaf is None:
        root = tapscript.taproot(KEY.xonly(), list(coin.leaves))[1] if coin.leaves else None
        return [KEY.sign_key_path(sighash(), root)]
    controls = tapscript.taproot(KEY.xonly(), list(coin.leaves))[2]
    return [KEY.sign(sighash()), coin.leaf, controls[coin.leaves.index(coin.leaf)]]


def spend(
    coins: list[Coin],
    outputs: list[tuple[int, bytes]],
    *,
    version: int = 3,
    sequence: int = SEQUENCE,
    lock_time: int = 0,
    script_sig: bytes = b"",
    witness: Witness = sign_key,
) -> bytes:
    """A signed transaction."""
    vin = [CTxIn(COutPoint(c.txid, c.vout), CScript(script_sig), sequence) for c in coins]
    vout = [CTxOut(value, CScript(script)) for value, script in outputs]
    bare = bytes(CTransaction(vin, vout, lock_time, version).serialize())
    prevouts = [(c.value, c.script) for c in coins]

    def message(place: int, coin: Coin) -> Callable[..., bytes]:
        return lambda position=0xFFFFFFFF: tapscript.sighashes(bare, prevouts, place, coin.leaf, [position])[0]

    stacks = [witness(message(i, c), c) for i, c in enumerate(coins)]
    if not any(stacks):
        return bare
    full = CTxWitness([CTxInWitness(CScriptWitness(stack)) for stack in stacks])
    return bytes(CTransaction(vin, vout, lock_time, version, full).serialize())


def output(raw: bytes, vout: int, **more: Any) -> Coin:
    """The coin that a transaction creates."""
    tx = CTransaction.deserialize(raw)
    out = tx.vout[vout]
    return Coin(txid=bytes(tx.GetTxid()), vout=vout, value=out.nValue, script=bytes(out.scriptPubKey), **more)


async def mine(chain: BitcoinRpc, count: int, address: str = ADDRESS) -> list[bytes]:
    return await chain.generate(count, address)


async def coinbases(chain: BitcoinRpc, heights: range) -> list[Coin]:
    """The coinbase coins of these blocks."""
    found = []
    for height in heights:
        raw = await chain.block(await chain.block_hash(height))
        found.append(output(first_transaction(raw), 0))
    return found


def first_transaction(block: bytes) -> bytes:
    """The coinbase of a raw block."""
    return bytes(CBlock.deserialize(block).vtx[0].serialize())


def transactions(block: bytes) -> list[bytes]:
    """Every transaction of a raw block."""
    return [bytes(tx.serialize()) for tx in CBlock.deserialize(block).vtx]
