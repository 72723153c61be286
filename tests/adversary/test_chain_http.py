"""Requests that are not quite JSON-RPC: the sandbox answers them as bitcoind does, and within its limits."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from node.sandbox.server import MAX_BATCH, MAX_UNDER_WAY
from tests.functional.chain_fixture import Backend, start_backend

ROWS: dict[str, bytes] = {
    "version 1": b'{"method":"getblockcount","params":[],"id":1}',
    "version 1.0": b'{"jsonrpc":"1.0","method":"getblockcount","id":"a"}',
    "version 2": b'{"jsonrpc":"2.0","method":"getblockcount","id":1}',
    "version 2, named": b'{"jsonrpc":"2.0","method":"getblockhash","params":{"height":0},"id":1}',
    "version 2, null id": b'{"jsonrpc":"2.0","method":"getblockcount","id":null}',
    "a notification": b'{"jsonrpc":"2.0","method":"getblockcount"}',
    "a failing notification": b'{"jsonrpc":"2.0","method":"nosuch"}',
    "no id in version 1": b'{"method":"getblockcount"}',
    "version 3": b'{"jsonrpc":"3.0","method":"getblockcount","id":1}',
    "a version that is no text": b'{"jsonrpc":2,"method":"getblockcount","id":1}',
    "no method": b'{"id":1}',
    "a method that is no text": b'{"method":7,"id":1}',
    "an unknown method": b'{"method":"nosuch","id":1}',
    "an unknown method in version 2": b'{"jsonrpc":"2.0","method":"nosuch","id":1}',
    "params that are text": b'{"method":"getblockcount","params":"x","id":1}',
    "an error": b'{"method":"getblockhash","params":[9],"id":1}',
    "an error in version 2": b'{"jsonrpc":"2.0","method":"getblockhash","params":[9],"id":1}',
    "not JSON": b"hello",
    "nothing": b"",
    "a number": b"7",
    "NaN": b'{"method":"getblockhash","params":[NaN],"id":1}',
    "an empty batch": b"[]",
    "a batch": b'[{"method":"getblockcount","id":1},{"jsonrpc":"2.0","method":"nosuch","id":2}]',
    "a batch of no object": b"[7]",
    "a batch of notifications": b'[{"jsonrpc":"2.0","method":"getblockcount"}]',
    "deep": b"[" * 3_000,
}


async def post(server: Backend, body: bytes, *, password: str | None = None, **more: Any) -> tuple[int, Any]:
    user = server.cookie.read_text() if password is None else f"__cookie__:{password}"
    headers = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()} | more.pop("headers", {})
    async with (
        aiohttp.ClientSession() as session,
        session.request(more.pop("method", "POST"), server.url, data=body, headers=headers) as response,
    ):
        raw = await response.read()
        return response.status, await response.json() if "json" in response.content_type else raw


async def answers(kind: str, folder: Path) -> dict[str, Any]:
    server = await start_backend(kind, folder)
    try:
        return {name: await post(server, body) for name, body in ROWS.items()}
    finally:
        await server.close()


@pytest.mark.functional
async def test_odd_requests_are_answered_alike(tmp_path: Path) -> None:
    sandbox, bitcoind = await asyncio.gather(answers("sandbox", tmp_path), answers("bitcoind", tmp_path))
    differ = {name: (sandbox[name], bitcoind[name]) for name in ROWS if sandbox[name] != bitcoind[name]}
    assert not differ, "\n".join(f"{name}: {pair}" for name, pair in differ.items())


@pytest.mark.functional
async def test_the_sandbox_keeps_to_its_limits(tmp_path: Path) -> None:
    server = await start_backend("sandbox", tmp_path)
    ask = b'{"method":"getblockcount","params":[],"id":1}'
    try:
        assert (await post(server, ask))[0] == 200
        assert (await post(server, ask, password="wrong"))[0] == 401
        assert (await post(server, ask, headers={"Authorization": "Bearer x"}))[0] == 401
        assert (await post(server, ask, headers={"Authorization": ""}))[0] == 401
        assert (await post(server, ask, method="GET"))[0] == 405
        assert (await post(server, b" " * ((32 << 20) + 1)))[0] == 413
        assert (await post(server, b" " * (1 << 20) + ask))[0] == 200
        batch = b"[" + b",".join([ask] * MAX_BATCH) + b"]"
        status, told = await post(server, batch)
        assert (status, len(told)) == (200, MAX_BATCH)
        assert (await post(server, batch[:-1] + b"," + ask + b"]"))[0] == 400
        wait = b'{"method":"waitfornewblock","params":[20000],"id":1}'
        waits = [asyncio.create_task(post(server, wait)) for _ in range(MAX_UNDER_WAY)]
        await asyncio.sleep(3)
        assert (await post(server, ask))[0] == 503
        for task in waits:
            task.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        await asyncio.sleep(1)
        assert (await post(server, ask))[0] == 200
    finally:
        await server.close()
