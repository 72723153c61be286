"""Processes of the demo and of the functional tests: a regtest chain (sandbox or bitcoind) and daemons beside it.

Promise: everything started here is stopped by `stop`, also when the caller fails; ports are free ones; each daemon has its
own folder, RPC port and peer identity. This module does NOT know scenarios.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import aiohttp

from node.faults import LocalFault
from node.rpc.client import RpcClient

Backend = Literal["sandbox", "bitcoind"]
PATIENCE = 240.0
"""Seconds until a process answers; four interpreters that start at once on a busy machine take a while."""


_PORTS = range(20_000, 32_000)
"""Below those that Linux gives to connections: a port found free stays free until its daemon starts."""
_given: set[int] = set()


def free_port() -> int:
    """A TCP port nobody listens on at this moment, never given twice by this process."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


def find_bitcoind() -> Path | None:
    """BITVM3_BITCOIND (the file, or a folder with bin/bitcoind as .ci/build_bitcoind.sh makes it), or bitcoind on PATH."""
    named = os.environ.get("BITVM3_BITCOIND")
    if named:
        return next((path for path in (Path(named), Path(named, "bin", "bitcoind")) if path.is_file()), None)
    found = shutil.which("bitcoind")
    return Path(found) if found else None


@dataclass(slots=True)
class ChainProcess:
    """A regtest node answering Bitcoin Core's JSON-RPC."""

    backend: Backend
    folder: Path
    port: int = field(default_factory=free_port)
    options: tuple[str, ...] = ()
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def cookie(self) -> Path:
        """The file with user and password."""
        return self.folder / "regtest" / ".cookie"

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.backend == "sandbox":
            command = [sys.executable, "-m", "node.sandbox", "--datadir", str(self.folder), "--rpcport", str(self.port)]
        else:
            binary = find_bitcoind()
            if binary is None:
                raise LocalFault(
                    what="bitcoind",
                    expected="on PATH or named by BITVM3_BITCOIND",
                    came="none",
                    todo=".ci/build_bitcoind.sh builds one",
                )
            command = [
                str(binary),
                "-regtest",
                f"-datadir={self.folder}",
                f"-rpcport={self.port}",
                "-listen=0",
                "-server=1",
                "-fallbackfee=0.00001",
                "-acceptnonstdtxn=0",
                "-rpcworkqueue=64",
                "-rpcthreads=16",
                "-printtoconsole=0",
                "-natpmp=0",
                "-dnsseed=0",
                "-fixedseeds=0",
            ]
        out = (self.folder / "process.log").open("ab")
        self.process = await asyncio.create_subprocess_exec(*command, *self.options, stdout=out, stderr=out)
        await _until(self._answers, f"{self.backend} on port {self.port}", self.process, self.folder / "process.log")

    async def _answers(self) -> bool:
        try:
            await self.call("getblockcount")
        except (OSError, aiohttp.ClientError, LocalFault):
            return False
        return True

    async def call(self, method: str, *params: Any) -> Any:
        """One JSON-RPC call. Raises LocalFault with the server's message."""
        if not self.cookie.exists():
            raise LocalFault(what=self.backend, expected="a cookie file", came="none yet")
        user, _, password = self.cookie.read_text().strip().partition(":")
        body = {"jsonrpc": "1.0", "id": 0, "method": method, "params": params}
        headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(self.url, json=body) as answer,
        ):
            reply = await answer.json(content_type=None)
        if reply.get("error"):
            raise LocalFault(what=f"{self.backend} {method}", expected="an answer", came=str(reply["error"]))
        return reply["result"]

    async def kill(self) -> None:
        """Kill -9, as a power cut does."""
        await _kill(self.process)
        self.process = None
        self.cookie.unlink(missing_ok=True)

    async def stop(self) -> None:
        """Ask it to stop, then insist."""
        await _stop(self.process)


@dataclass(slots=True)
class DaemonProcess:
    """One bitvm3d."""

    name: str
    folder: Path
    chain: ChainProcess
    policy: str = "known"
    known: dict[str, int] = field(default_factory=dict)
    release: str = "auto"
    more: str = ""
    rpc_port: int = field(default_factory=free_port)
    p2p_port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None
    client: RpcClient | None = None

    @property
    def config(self) -> Path:
        """Its configuration file."""
        return self.folder / "bitvm3.toml"

    def write_config(self) -> None:
        """Write the configuration as an operator would."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "passphrase").write_text(f"demo passphrase of the {self.name}")
        (self.folder / "passphrase").chmod(0o600)
        known = "".join(f'\n[[policy.known]]\ncommitment = "{c}"\nbalance = {b}\n' for c, b in self.known.items())
        self.config.write_text(
            f'network = "regtest"\ndatadir = "{self.folder}"\npassphrase_file = "{self.folder / "passphrase"}"\n'
            f'\n[chain]\nurl = "{self.chain.url}"\ncookie = "{self.chain.cookie}"\n'
            f"\n[rpc]\nport = {self.rpc_port}\n\n[p2p]\nport = {self.p2p_port}\n"
            f'\n[policy]\ncontest = "{self.policy}"\nrelease = "{self.release}"\nminimum_depth = 2\n{known}{self.more}'
        )

    async def start(self) -> None:
        """Start the daemon and wait until its RPC answers."""
        out = (self.folder / "process.log").open("ab")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "node.daemon", "--config", str(self.config), stdout=out, stderr=out
        )
        await _until(self._answers, f"the {self.name}'s daemon", self.process, self.folder / "process.log")

    async def _answers(self) -> bool:
        client = None
        try:
            client = RpcClient.from_datadir(self.folder, port=self.rpc_port)
            await client.call("node.info")
        except Exception:  # not there yet: the cookie, the port or the answer
            if client is not None:
                await client.close()
            return False
        self.client = client
        return True

    async def call(self, method: str, **params: Any) -> Any:
        """One call of its RPC."""
        client = self.client
        try:
            if client is not None:
                return await client.call(method, params)
        except RuntimeError:  # aiohttp's word for a session that was closed before the call began
            if self.client is client:
                raise
        raise LocalFault(what=f"the {self.name}'s daemon", expected="running", came="stopped")

    async def kill(self) -> None:
        """Kill -9, as a power cut does."""
        await self._end(_kill)

    async def stop(self) -> None:
        """Ask it to stop, then insist."""
        await self._end(_stop)

    async def _end(self, how: Callable[[asyncio.subprocess.Process | None], Awaitable[None]]) -> None:
        """The client closes last: a call under way hears from the process that it is gone."""
        client, self.client = self.client, None
        await how(self.process)
        self.process = None
        if client is not None:
            await client.close()

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.returncode is None

    @property
    def presence(self) -> str:
        """For people: is it there?"""
        return "stopped" if not self.running else "starting" if self.client is None else "running"


async def _until(ready: Any, what: str, process: asyncio.subprocess.Process, log: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await ready():
            if process.returncode is not None:
                raise LocalFault(
                    what=what, expected="running", came=f"it ended with status {process.returncode}: {_tail(log)}"
                )
            await asyncio.sleep(0.05)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-1500:]


async def _kill(process: asyncio.subprocess.Process | None) -> None:
    if process is not None and process.returncode is None:
        process.send_signal(signal.SIGKILL)
        await process.wait()


async def _stop(process: asyncio.subprocess.Process | None) -> None:
    if process is None or process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(15):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
