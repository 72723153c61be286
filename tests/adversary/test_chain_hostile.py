"""A chain server that lies, stalls or floods: every call ends in a clear fault, in bounded time and memory."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from node.chain import BitcoinRpc, Follower, JsonRpc, Password
from node.chain.bitcoin import txid_of
from node.faults import LocalFault, PeerFault, Unavailable
from tests.functional.chain_fixture import SCRIPT, Coin, spend

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
RAW = spend([Coin(bytes(32), 0, 1_000)], [(500, SCRIPT)])
TXID = txid_of(RAW)


async def read_request(reader: asyncio.StreamReader) -> dict[str, Any]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    return dict(json.loads(await reader.readexactly(length)))


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[BitcoinRpc]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    chain = BitcoinRpc(JsonRpc(f"http://127.0.0.1:{port}", Password(user="u", password="p")))
    try:
        yield chain
    finally:
        await chain.close()
        listening.close()


def answering(make: Callable[[dict[str, Any]], bytes]) -> Talk:
    """One answer per request, on a connection that stays open."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(make(await read_request(reader)))
            await writer.drain()

    return talk


def result(text: str) -> Talk:
    """A well-formed answer with this JSON as its result."""
    return answering(lambda asked: http(f'{{"jsonrpc":"2.0","result":{text},"id":{asked["id"]}}}'.encode()))


def body(data: bytes, status: str = "200 OK", *headers: str) -> Talk:
    return answering(lambda _: http(data, status, *headers))


HASH = "11" * 32
GARBAGE: dict[str, tuple[Talk, str]] = {
    "not HTTP": (answering(lambda _: b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "expected HTTP"),
    "not JSON": (body(b"<html>"), "expected a JSON-RPC answer"),
    "empty": (body(b""), "expected a JSON-RPC answer"),
    "cut JSON": (body(b'{"jsonrpc":"2.0","result":'), "expected a JSON-RPC answer"),
    "bytes that are no text": (body(b'{"result":"\xff\xfe"}'), "expected a JSON-RPC answer"),
    "deep JSON": (body(b"[" * 100_000), "expected a JSON-RPC answer"),
    "a list": (body(b"[]"), "expected a JSON-RPC answer"),
    "no id": (body(b'{"result":1}'), "expected a JSON-RPC answer"),
    "another id": (body(b'{"result":1,"id":999}'), "an answer to call 999"),
    "a text id": (body(b'{"result":1,"id":"1"}'), "expected a JSON-RPC answer"),
    "an error that is none": (body(b'{"error":7,"id":1}'), "expected a JSON-RPC answer"),
    "NaN": (result("NaN"), "expected a JSON-RPC answer"),
    "a result of another type": (result('"x"'), "expected a result of the shape"),
    "no fields": (result("{}"), "expected a result of the shape"),
    "a negative height": (result(f'{{"chain":"regtest","blocks":-1,"bestblockhash":"{HASH}"}}'), "came -1"),
    "a height beyond 2^31": (result(f'{{"chain":"regtest","blocks":{1 << 40},"bestblockhash":"{HASH}"}}'), "came 1099"),
    "a fractional height": (result(f'{{"chain":"regtest","blocks":1.5,"bestblockhash":"{HASH}"}}'), "of the shape"),
    "a short hash": (result('{"chain":"regtest","blocks":1,"bestblockhash":"11"}'), "expected 64 hex digits"),
    "a hash that is no hex": (
        result('{"chain":"regtest","blocks":1,"bestblockhash":"' + "zz" * 32 + '"}'),
        "expected hex",
    ),
    "a hash with spaces": (result('{"chain":"regtest","blocks":1,"bestblockhash":" ' + HASH + '"}'), "expected hex"),
    "an unexpected error": (body(b'{"error":{"code":-99,"message":"boo"},"id":1}'), "error -99: boo"),
    "a redirect": (body(b"", "302 Found", "Location: http://127.0.0.1:1/"), "HTTP 302"),
    "a compressed bomb": (
        body(b"\x1f\x8b" + bytes(50), "200 OK", "Content-Encoding: gzip"),
        "expected a JSON-RPC answer",
    ),
    "a flood": (answering(lambda _: http(b"x" * (5 << 20))), "expected at most 1048576 bytes"),
    "a header flood": (
        answering(lambda _: b"HTTP/1.1 200 OK\r\nX: " + b"y" * (1 << 20) + b"\r\n\r\n"),
        "expected HTTP",
    ),
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage_is_the_servers_fault(name: str) -> None:
    talk, words = GARBAGE[name]
    async with server(talk) as chain, asyncio.timeout(20):
        with pytest.raises(PeerFault) as caught:
            await chain.tip()
    assert words in str(caught.value)


async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")


AWAY: dict[str, tuple[Talk, str]] = {
    "too busy": (body(b"Work queue depth exceeded", "503 Service Unavailable"), "room in its work queue"),
    "warming up": (
        body(b'{"error":{"code":-28,"message":"Loading block index"},"id":1}', "500 Error"),
        "Loading block index",
    ),
    "closes at once": (lambda _, __: asyncio.sleep(0), "an answer"),
    "closes in the middle": (half, "an answer"),
}


@pytest.mark.parametrize("name", AWAY)
async def test_a_server_that_is_away_may_be_asked_again(name: str) -> None:
    talk, words = AWAY[name]
    async with server(talk) as chain, asyncio.timeout(20):
        with pytest.raises(Unavailable, match=words):
            await chain.tip()


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
async def test_refused_credentials_are_our_fault(status: str) -> None:
    async with server(body(b"", status)) as chain:
        with pytest.raises(LocalFault, match=r"credentials it takes.*Check the cookie path"):
            await chain.tip()


async def test_nobody_listening_is_unavailable() -> None:
    chain = BitcoinRpc(JsonRpc("http://127.0.0.1:1", Password(user="u", password="p")))
    with pytest.raises(Unavailable, match="Start it, or check its address"):
        await chain.tip()
    await chain.close()


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1_000):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("talk", [silent, dripping])
async def test_a_stalling_server_does_not_hold_the_caller(talk: Talk) -> None:
    async with server(talk) as chain, asyncio.timeout(10):
        with pytest.raises(Unavailable, match=r"an answer within 0\.3 s"):
            await chain._rpc.call(int, "getblockcount", seconds=0.3)


async def test_an_endless_answer_stays_within_its_limit_of_memory() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"1" * 65536 + b"\r\n")
            await writer.drain()

    async with server(endless) as chain, asyncio.timeout(20):
        tracemalloc.start()
        with pytest.raises(PeerFault, match="at most 1048576 bytes"):
            await chain.tip()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 8 << 20


def by_method(answers: dict[str, str]) -> Talk:
    return answering(
        lambda asked: http(f'{{"jsonrpc":"2.0","result":{answers[asked["method"]]},"id":{asked["id"]}}}'.encode())
    )


OTHER_RAW = spend([Coin(bytes(32), 1, 1_000)], [(500, SCRIPT)])
LIES: dict[str, tuple[str, str, Callable[[BitcoinRpc], Awaitable[Any]]]] = {
    "another block": ("getblock", f'"{bytes(90).hex()}"', lambda c: c.block(bytes(32))),
    "half a block": ("getblock", '"00"', lambda c: c.block(bytes(32))),
    "odd hex": ("getblock", '"000"', lambda c: c.block(bytes(32))),
    "another header": (
        "getblockheader",
        f'{{"hash":"{HASH}","height":1,"confirmations":1}}',
        lambda c: c.header(bytes(32)),
    ),
    "another transaction": ("getrawtransaction", f'"{OTHER_RAW.hex()}"', lambda c: c.transaction(TXID, None)),
    "no transaction": ("getrawtransaction", '"00"', lambda c: c.transaction(TXID, None)),
    "another txid": ("sendrawtransaction", f'"{HASH}"', lambda c: c.broadcast(RAW)),
    "no verdict": ("testmempoolaccept", "[]", lambda c: c.test_accept(RAW)),
    "a verdict on another": (
        "testmempoolaccept",
        f'[{{"txid":"{HASH}","allowed":true}}]',
        lambda c: c.test_accept(RAW),
    ),
    "a package of others": (
        "submitpackage",
        f'{{"package_msg":"success","tx-results":{{"{HASH}":{{"txid":"{HASH}"}}}}}}',
        lambda c: c.submit_package([RAW]),
    ),
    "a negative value": (
        "gettxout",
        '{"value":-1,"confirmations":1,"coinbase":false,"scriptPubKey":{"hex":""}}',
        lambda c: c.utxo(TXID, 0),
    ),
    "a value finer than a sat": (
        "gettxout",
        '{"value":0.000000001,"confirmations":1,"coinbase":false,"scriptPubKey":{"hex":""}}',
        lambda c: c.utxo(TXID, 0),
    ),
    "more than all money": (
        "gettxout",
        '{"value":21000001,"confirmations":1,"coinbase":false,"scriptPubKey":{"hex":""}}',
        lambda c: c.utxo(TXID, 0),
    ),
    "a value of infinity": (
        "gettxout",
        '{"value":"Infinity","confirmations":1,"coinbase":false,"scriptPubKey":{"hex":""}}',
        lambda c: c.utxo(TXID, 0),
    ),
    "a value of 1e999999999": (
        "gettxout",
        '{"value":1e999999999,"confirmations":1,"coinbase":false,"scriptPubKey":{"hex":""}}',
        lambda c: c.utxo(TXID, 0),
    ),
    "a mempool of numbers": (
        "getrawmempool",
        '{"txids":[1],"mempool_sequence":1}',
        lambda c: c.mempool_transactions(),
    ),
}


@pytest.mark.parametrize("name", LIES)
async def test_an_answer_about_something_else_is_not_believed(name: str) -> None:
    method, text, ask = LIES[name]
    async with server(by_method({method: text})) as chain, asyncio.timeout(10):
        with pytest.raises(PeerFault):
            await ask(chain)


async def test_an_old_server_is_refused_with_what_it_lacks() -> None:
    told = '{"version":270200,"subversion":"/Satoshi:27.2.0/"}'
    async with server(by_method({"getnetworkinfo": told})) as chain:
        with pytest.raises(LocalFault, match=r"version 280000 \(v28\) or newer.*came version 270200.*Upgrade"):
            await chain.check_version(network="regtest", genesis=None)


async def test_a_server_without_a_call_is_refused() -> None:
    async with server(body(b'{"error":{"code":-32601,"message":"Method not found"},"id":1}', "404 Not Found")) as chain:
        with pytest.raises(LocalFault, match="Upgrade the server"):
            await chain.tip()


async def test_without_a_known_tip_in_the_long_poll_the_tip_is_polled() -> None:
    asked: list[str] = []
    height = 5

    def answer(request: dict[str, Any]) -> bytes:
        asked.append(request["method"])
        if request["method"] == "waitfornewblock":
            error = '{"code":-1,"message":"waitfornewblock ( timeout )"}'
            return http(f'{{"error":{error},"id":{request["id"]}}}'.encode(), "500 Internal Server Error")
        now = height if len(asked) < 4 else height + 1
        told = f'{{"chain":"regtest","blocks":{now},"bestblockhash":"{now:064x}"}}'
        return http(f'{{"result":{told},"id":{request["id"]}}}'.encode())

    async with server(answering(answer)) as chain, asyncio.timeout(20):
        tip = await chain.wait_for_block(height.to_bytes(32, "little"), 15.0)
        assert tip.height == height + 1
        await chain.wait_for_block(height.to_bytes(32, "little"), 1.0)
    assert asked.count("waitfornewblock") == 1


async def test_the_follower_outlives_a_server_that_comes_and_goes() -> None:
    calls = 0
    seen: list[Unavailable] = []

    def answer(request: dict[str, Any]) -> bytes:
        nonlocal calls
        calls += 1
        if calls < 3:
            return http(b"", "503 Service Unavailable")
        return http(f'{{"result":"{HASH}","id":{request["id"]}}}'.encode())

    async with server(answering(answer)) as chain, asyncio.timeout(20):
        follower = Follower(chain, recent=[], start=0, bound=3, on_unavailable=seen.append)
        with pytest.raises(PeerFault, match="expected the block"):
            await anext(follower.events())
    assert len(seen) == 2


def test_credentials_do_not_show() -> None:
    assert "p4ss" not in repr(Password(user="u", password="p4ss"))
