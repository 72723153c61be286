"""Hostile clients of the RPC port: bytes, floods and slowness waste what the limits allow and nothing more."""

import asyncio
import base64
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from node.limits import PRODUCT
from node.rpc.client import RpcClient
from node.rpc.server import Server
from node.rpc.table import Method, VaultParams

VAULT = "cd" * 32
LIMITS = replace(PRODUCT, rpc_read_seconds=0.3, rpc_connections=8)


async def answer(params: VaultParams) -> object:
    return params.id


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    method = Method(name="vault.show", params=VaultParams, handler=answer, summary="Echo.")
    server = await Server.start(
        host="127.0.0.1", port=0, folder=tmp_path, methods=[method], version="0", exposition=bytes, limits=LIMITS
    )
    yield tmp_path
    async with RpcClient.from_datadir(tmp_path) as client:  # whatever happened, it still answers
        assert await client.call("vault.show", [VAULT]) == VAULT
    await server.stop()


async def connected(folder: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = (folder / "rpc.address").read_text().removeprefix("http://").rpartition(":")
    return await asyncio.open_connection(host, int(port))


def head(folder: Path, length: int, extra: bytes = b"") -> bytes:
    cookie = base64.b64encode((folder / "rpc.cookie").read_bytes())
    return (
        b"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic "
        + cookie
        + b"\r\n"
        + extra
        + b"Content-Length: %d\r\n\r\n" % length
    )


async def exchange(folder: Path, raw: bytes) -> bytes:
    """Send bytes and read until the server closes or stops talking for the time limits' sake."""
    reader, writer = await connected(folder)
    writer.write(raw)
    async with asyncio.timeout(20):
        try:
            said = await reader.read(65536)
        except ConnectionError:
            said = b""
    writer.close()
    return said


BODIES = [
    b"", b"{", b"null", b"[]", b"5", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000, b"\x00" * 1000,
    b'{"jsonrpc":"2.0","method":"\\ud800","id":1}', b'{"jsonrpc":"2.0","method":"vault.show","params":[1e999],"id":1}',
    b'{"jsonrpc":"2.0","method":"vault.show","params":[' + b"9" * 5000 + b'],"id":1}',
    b'{"jsonrpc":"2.0","method":"vault.show","params":["' + b"a" * 500_000 + b'"],"id":1}',
    b'{"jsonrpc":"2.0","jsonrpc":"2.0"}',
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
async def test_a_hostile_body_is_answered_with_a_short_error(folder: Path, body: bytes) -> None:
    said = await exchange(folder, head(folder, len(body)) + body)
    assert said.startswith(b"HTTP/1.1 200") and b'"error"' in said and len(said) < 2000


async def test_mutations_of_a_valid_call_never_stop_the_server(folder: Path) -> None:
    valid = b'{"jsonrpc":"2.0","method":"vault.show","params":["' + VAULT.encode() + b'"],"id":1}'
    chance = random.Random(20261122)
    for _ in range(300):
        body = bytearray(valid)
        for _ in range(chance.randint(1, 4)):
            match chance.randrange(3):
                case 0:
                    body[chance.randrange(len(body))] = chance.randrange(256)
                case 1:
                    del body[chance.randrange(len(body))]
                case _:
                    body.insert(chance.randrange(len(body)), chance.randrange(256))
        assert (await exchange(folder, head(folder, len(body)) + bytes(body))).startswith(b"HTTP/1.1 20")


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"A" * 100_000,
        b"POST / HTTP/1.1\r\n" + b"X: y\r\n" * 100_000,
        b"POST / HTTP/1.1\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
    ids=["tls", "garbage", "version", "length", "chunk", "line", "headers", "header"],
)
async def test_bytes_that_are_no_request_end_their_connection_only(
    folder: Path, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    said = await exchange(folder, raw)
    assert said == b"" or said.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4", b"HTTP/1.1 505"))
    lines = [record for record in caplog.records if record.name == "aiohttp.server"]
    assert len(lines) <= 1, "they fill no log"
    for line in lines:
        assert line.exc_info is None and line.getMessage().startswith("not HTTP: ") and len(line.getMessage()) < 100


async def test_the_largest_body_is_read_and_one_byte_more_is_not(folder: Path) -> None:
    most = PRODUCT.rpc_body_bytes
    assert b"HTTP/1.1 200" in await exchange(folder, head(folder, most) + b" " * most)
    assert b"HTTP/1.1 413" in await exchange(folder, head(folder, most + 1) + b" " * (most + 1))


async def test_a_client_that_never_finishes_its_headers_is_cut_off(folder: Path) -> None:
    reader, writer = await connected(folder)
    writer.write(b"POST / HTTP/1.1\r\nHost:")
    async with asyncio.timeout(20):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
    writer.close()


async def test_a_client_that_never_finishes_its_body_is_told_and_cut_off(folder: Path) -> None:
    said = await exchange(folder, head(folder, 1000) + b"{")
    assert said.startswith(b"HTTP/1.1 408")


async def test_an_idle_connection_is_cut_off_and_a_working_one_is_not(folder: Path) -> None:
    reader, writer = await connected(folder)
    call = b'{"jsonrpc":"2.0","method":"vault.show","params":["' + VAULT.encode() + b'"],"id":1}'
    for _ in range(10):  # over three times as long as an idle one may stay
        writer.write(head(folder, len(call)) + call)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert VAULT.encode() in await reader.readuntil(b"}")
        await asyncio.sleep(0.1)
    async with asyncio.timeout(20):
        with suppress(ConnectionError):
            await reader.read()
    writer.close()


async def test_connections_over_the_limit_are_refused_and_places_come_back(folder: Path) -> None:
    held = [await connected(folder) for _ in range(LIMITS.rpc_connections)]
    call = b'{"jsonrpc":"2.0","method":"vault.show","params":["' + VAULT.encode() + b'"],"id":1}'
    assert await exchange(folder, head(folder, len(call)) + call) == b""
    async with asyncio.timeout(20):
        for reader, writer in held:  # each is cut off for its idleness, which frees its place
            with suppress(ConnectionError):
                await reader.read()
            writer.close()
    assert b"HTTP/1.1 200" in await exchange(folder, head(folder, len(call)) + call)


async def test_a_subscriber_that_talks_is_cut_off(folder: Path) -> None:
    url = (folder / "rpc.address").read_text() + "/ws"
    async with RpcClient.from_datadir(folder) as client, client._session.ws_connect(url) as socket:
        await socket.send_str("x" * 1000)
        message = await socket.receive(timeout=20)
        assert message.data == 1008
