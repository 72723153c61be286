"""A daemon that must not start says why and what to do, ends with status 1 (2 for a wrong command), and writes nothing.

Every case is a configuration that works, with one thing changed; the first test starts the unchanged one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from node.demo.processes import ChainProcess, DaemonProcess
from node.demo.stage import MINER
from tests.functional.chain_fixture import ROOT

pytestmark = [pytest.mark.functional, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]

SECONDS = 60
GOOD = "demo passphrase of the node"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ChainProcess]:
    """A sandbox of 20 blocks."""
    running = ChainProcess("sandbox", tmp_path_factory.mktemp("refusals") / "chain")
    await running.start()
    await running.call("generatetoaddress", 20, MINER)
    yield running
    await running.stop()


@pytest.fixture
def daemon(chain: ChainProcess, tmp_path: Path) -> DaemonProcess:
    """A daemon that would start: configuration and passphrase, nothing else."""
    made = DaemonProcess("node", tmp_path / "node", chain)
    made.write_config()
    return made


def edit(daemon: DaemonProcess, old: str, new: str) -> None:
    text = daemon.config.read_text()
    assert old in text
    daemon.config.write_text(text.replace(old, new))


async def refused(daemon: DaemonProcess, *options: str) -> tuple[int, str]:
    """Status and last words of a daemon that ends by itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "node.daemon", *(options or ("--config", str(daemon.config))),
        cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            _, err = await process.communicate()
    except TimeoutError:
        process.kill()
        pytest.fail("the daemon did not refuse")
    text = err.decode()
    assert "Traceback" not in text, text
    return process.returncode or 0, text


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


UNTOUCHED = {"bitvm3.toml", "passphrase"}


async def test_the_unchanged_case_starts_and_sigterm_stops_it_in_order(daemon: DaemonProcess) -> None:
    try:
        await daemon.start()
        await daemon.call("node.wait", height=20)
        begun = time.monotonic()
        process = daemon.process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0
        assert time.monotonic() - begun < 10
        assert "stopping" in (daemon.folder / "process.log").read_text()
        assert not (daemon.folder / "rpc.address").exists()
    finally:
        await daemon.stop()


async def test_a_second_daemon_on_the_same_folder(daemon: DaemonProcess) -> None:
    await daemon.start()
    try:
        before = await daemon.call("node.info")
        twin = DaemonProcess("node", daemon.folder, daemon.chain)
        twin.write_config()  # other ports, the same folder
        status, text = await refused(twin)
        assert status == 1
        assert "another daemon has it open" in text and "its own data folder" in text
        assert (await daemon.call("node.info"))["identity"] == before["identity"]
    finally:
        await daemon.stop()


async def test_a_missing_configuration(daemon: DaemonProcess) -> None:
    status, text = await refused(daemon, "--config", str(daemon.folder / "no.toml"))
    assert status == 1
    assert "no.toml" in text and "bitvm3 init" in text
    assert left(daemon.folder) == UNTOUCHED


async def test_a_command_without_a_configuration(daemon: DaemonProcess) -> None:
    status, text = await refused(daemon, "--verbose")
    assert status == 2
    assert "usage: bitvm3d" in text


@pytest.mark.parametrize("name", ["mainnet", "main", "bitcoin"])
async def test_mainnet(daemon: DaemonProcess, name: str) -> None:
    edit(daemon, 'network = "regtest"', f'network = "{name}"')
    status, text = await refused(daemon)
    assert status == 1
    assert "mainnet is refused until this software is audited" in text
    assert left(daemon.folder) == UNTOUCHED


async def test_a_key_that_does_not_exist(daemon: DaemonProcess) -> None:
    edit(daemon, "[policy]\n", "[policy]\ncontests = true\n")
    status, text = await refused(daemon)
    assert status == 1
    assert "policy.contests" in text
    assert left(daemon.folder) == UNTOUCHED


async def test_a_chain_server_of_another_network(daemon: DaemonProcess) -> None:
    edit(daemon, 'network = "regtest"', 'network = "signet"')
    status, text = await refused(daemon)
    assert status == 1
    assert "expected signet" in text and "a server on regtest" in text
    assert left(daemon.folder) == UNTOUCHED


@pytest.mark.parametrize("table", ["rpc", "p2p"])
async def test_a_port_in_use(daemon: DaemonProcess, table: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", daemon.rpc_port if table == "rpc" else daemon.p2p_port))
        other.listen()
        status, text = await refused(daemon)
    assert status == 1
    assert f"{table}.port" in text and "name another port" in text
    assert left(daemon.folder) == UNTOUCHED


async def test_a_passphrase_that_others_can_read(daemon: DaemonProcess) -> None:
    (daemon.folder / "passphrase").chmod(0o644)
    status, text = await refused(daemon)
    assert status == 1
    assert "readable by its owner only" in text and "chmod" in text
    assert left(daemon.folder) == UNTOUCHED


async def test_no_passphrase(daemon: DaemonProcess) -> None:
    (daemon.folder / "passphrase").unlink()
    status, text = await refused(daemon)
    assert status == 1
    assert "passphrase" in text and "bitvm3 init" in text
    assert left(daemon.folder) == UNTOUCHED - {"passphrase"}


async def test_a_wrong_passphrase_and_the_right_one_after_it(daemon: DaemonProcess) -> None:
    await daemon.start()
    identity = (await daemon.call("node.info"))["identity"]
    await daemon.stop()
    keys = {path: path.read_bytes() for path in (daemon.folder / "keys").rglob("*") if path.is_file()}
    (daemon.folder / "passphrase").write_text(GOOD + "!")
    status, text = await refused(daemon)
    assert status == 1
    assert "passphrase" in text
    assert GOOD not in text
    assert keys == {path: path.read_bytes() for path in (daemon.folder / "keys").rglob("*") if path.is_file()}
    (daemon.folder / "passphrase").write_text(GOOD)
    await daemon.start()
    try:
        assert (await daemon.call("node.info"))["identity"] == identity
    finally:
        await daemon.stop()


async def test_a_folder_of_another_regtest(daemon: DaemonProcess, tmp_path: Path) -> None:
    """All regtests share a genesis block: the folder knows its chain by the blocks it has seen."""
    edit(daemon, "minimum_depth = 2", "minimum_depth = 2\nreorg_bound = 6")
    await daemon.start()
    await daemon.call("node.wait", height=20)
    await daemon.stop()
    fresh = ChainProcess("sandbox", tmp_path / "fresh")
    await fresh.start()
    try:
        edit(daemon, daemon.chain.url, fresh.url)
        edit(daemon, str(daemon.chain.cookie), str(fresh.cookie))
        status, text = await refused(daemon)
        assert status == 1
        assert "at height 15, which this folder has seen" in text and "a chain that is shorter" in text
        await fresh.call("generatetoaddress", 30, MINER)
        status, text = await refused(daemon)
        assert status == 1
        assert "give the node its old server, or an empty data folder" in text
        edit(daemon, fresh.url, daemon.chain.url)
        edit(daemon, str(fresh.cookie), str(daemon.chain.cookie))
        await daemon.start()
        assert (await daemon.call("node.wait", height=20))["quiet"]
    finally:
        await daemon.stop()
        await fresh.stop()


async def test_a_folder_of_another_network(daemon: DaemonProcess) -> None:
    """The folder was made on a regtest; the same server, told to call itself signet, is refused by the folder."""
    await daemon.start()
    await daemon.stop()
    async with answering(daemon.chain, "getblockchaininfo", chain="signet") as url:
        edit(daemon, daemon.chain.url, url)
        edit(daemon, 'network = "regtest"', 'network = "signet"')
        status, text = await refused(daemon)
    assert status == 1
    assert "expected signet, came regtest in the folder" in text
    assert "Give each network its own data folder" in text


@pytest.mark.parametrize(
    ("method", "answer"), [("getnetworkinfo", {"version": 270200, "subversion": "/Satoshi:27.2.0/"})]
)
async def test_a_chain_server_that_is_too_old(daemon: DaemonProcess, method: str, answer: dict[str, Any]) -> None:
    async with answering(daemon.chain, method, **answer) as url:
        edit(daemon, daemon.chain.url, url)
        status, text = await refused(daemon)
    assert status == 1
    assert "/Satoshi:27.2.0/" in text and "v28" in text and "Upgrade Bitcoin Core" in text
    assert left(daemon.folder) == UNTOUCHED


class answering:
    """The chain's own answers through a proxy, with some fields of one method's result changed."""

    def __init__(self, server: ChainProcess, method: str, **fields: Any) -> None:
        self.server, self.method, self.fields = server, method, fields

    async def __aenter__(self) -> str:
        application = web.Application()
        application.router.add_post("/", self._answer)
        self.runner = web.AppRunner(application)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self.runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        headers = {"Authorization": request.headers["Authorization"]}
        async with aiohttp.ClientSession(headers=headers) as session, session.post(self.server.url, json=body) as real:
            answer = await real.json(content_type=None)
            status = real.status
        if isinstance(body, dict) and body["method"] == self.method:
            answer["result"] = {**answer["result"], **self.fields}
        return web.json_response(answer, status=status)


# ---- a full disk ---------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small tmpfs needs root")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], capture_output=True, text=True
    )
    if done.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


async def test_a_full_disk_stops_the_daemon_and_room_lets_it_go_on(
    chain: ChainProcess, small_disk: Path, tmp_path: Path
) -> None:
    daemon, log = DaemonProcess("node", small_disk / "node", chain), tmp_path / "process.log"
    daemon.write_config()
    log.touch()
    (daemon.folder / "process.log").symlink_to(log)  # its words must survive the full disk
    await daemon.start()
    try:
        info = await daemon.call("node.info")
        await daemon.call("node.wait", height=20)
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        process = daemon.process
        assert process is not None
        async with asyncio.timeout(60):
            while process.returncode is None:
                await chain.call("generatetoaddress", 1, MINER)
                await asyncio.sleep(0.02)
        assert process.returncode == 1
        words = log.read_text()
        assert "writing to" in words and "expected a durable write" in words and "Free space" in words
        height = int(await chain.call("getblockcount"))
        filler.unlink()
        await daemon.start()
        assert (await daemon.call("node.info"))["identity"] == info["identity"]
        assert (await daemon.call("node.wait", height=height))["quiet"]
    finally:
        await daemon.stop()
