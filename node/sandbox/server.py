"""The sandbox's HTTP JSON-RPC server, as bitcoind's: basic auth or cookie, single calls and batches.

Promises: body, connection count and time of one request are bounded; HTTP status codes are bitcoind's (401, 404 for an
unknown method, 500 for an error of version 1.x calls, 503 when too many are under way). Does NOT know the calls.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import inspect
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from node.sandbox.calls import Calls
from node.sandbox.faults import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    RpcFault,
    SandboxFault,
)

MAX_BODY = 32 << 20  # httpserver.cpp MAX_SIZE
MAX_UNDER_WAY = 256  # long polls included; bitcoind queues 64 behind 16 workers
MAX_BATCH = 1_000
BODY_SECONDS = 30  # DEFAULT_HTTP_SERVER_TIMEOUT
GUESS_SECONDS = 0.25  # what a wrong password costs the one who tries

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder()
_NOBODY: dict[str, Any] = {"id": None}  # the request whose answer cannot name it


class Server:
    """Answers on one port until `calls.stopping` is set."""

    def __init__(self, calls: Calls, credentials: tuple[str, ...]) -> None:
        self._calls = calls
        self._table = calls.table
        self._credentials = tuple(base64.b64encode(c.encode()) for c in credentials)
        self._under_way = 0
        self.fault: SandboxFault | None = None

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.Response:
        if request.method != "POST":
            return web.Response(status=405, text="JSONRPC server handles only POST requests")
        if self._under_way >= MAX_UNDER_WAY:
            return web.Response(status=503, text="Work queue depth exceeded")
        self._under_way += 1
        try:
            return await self._answer(request)
        finally:
            self._under_way -= 1

    async def _answer(self, request: web.Request) -> web.Response:
        header = request.headers.get("Authorization", "")
        given = header.removeprefix("Basic ").strip().encode()
        if not any(hmac.compare_digest(given, known) for known in self._credentials):
            if header:
                await asyncio.sleep(GUESS_SECONDS)
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="jsonrpc"'})
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await request.read()
        except TimeoutError:
            return web.Response(status=408)
        try:
            message = _DECODER.decode(body)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return _reply(500, _shape(None, _NOBODY, RpcFault(PARSE_ERROR, "Parse error")))
        if isinstance(message, list):
            if len(message) > MAX_BATCH:
                fault = RpcFault(INVALID_REQUEST, f"A batch has at most {MAX_BATCH} calls")
                return _reply(400, _shape(None, _NOBODY, fault))
            answers = [shown for one in message if (shown := (await self._one(one))[0]) is not None]
            return _reply(200, answers) if answers or not message else web.Response(status=204)
        if not isinstance(message, dict):
            return _reply(500, _shape(None, _NOBODY, RpcFault(PARSE_ERROR, "Top-level object parse error")))
        shown, refused = await self._one(message)
        if shown is None:
            return web.Response(status=204)
        if refused is None or message.get("jsonrpc") == "2.0":
            return _reply(200, shown)
        return _reply({INVALID_REQUEST: 400, METHOD_NOT_FOUND: 404}.get(refused.code, 500), shown)

    async def _one(self, message: Any) -> tuple[dict[str, Any] | None, RpcFault | None]:
        if not isinstance(message, dict):
            fault = RpcFault(INVALID_REQUEST, "Invalid Request object")
            return _shape(None, _NOBODY, fault), fault
        notification = message.get("jsonrpc") == "2.0" and "id" not in message
        try:
            result = await self._run(message)
        except RpcFault as raised:
            return None if notification else _shape(None, message, raised), raised
        return None if notification else _shape(result, message, None), None

    async def _run(self, message: dict[str, Any]) -> Any:
        version, method, params = message.get("jsonrpc"), message.get("method"), message.get("params")
        if not isinstance(version, str | None):
            raise RpcFault(INVALID_REQUEST, "jsonrpc field must be a string")
        if version not in (None, "1.0", "2.0"):
            raise RpcFault(INVALID_REQUEST, "JSON-RPC version not supported")
        if method is None:
            raise RpcFault(INVALID_REQUEST, "Missing method")
        if not isinstance(method, str):
            raise RpcFault(INVALID_REQUEST, "Method must be a string")
        if not isinstance(params, list | dict | None):
            raise RpcFault(INVALID_REQUEST, "Params must be an array or object")
        call = self._table.get(method)
        if call is None:
            raise RpcFault(METHOD_NOT_FOUND, "Method not found")
        bound = call.bind(params if params is not None else [])
        try:
            result = call.run(**bound)
            return await result if inspect.isawaitable(result) else result
        except SandboxFault as fault:
            self.fault = fault
            self._calls.stopping.set()
            raise RpcFault(INTERNAL_ERROR, f"the sandbox stops: {fault}") from fault


def _shape(result: Any, message: dict[str, Any], fault: RpcFault | None) -> dict[str, Any]:
    error = None if fault is None else {"code": fault.code, "message": fault.message}
    if message.get("jsonrpc") == "2.0":
        inner = {"result": result} if error is None else {"error": error}
        return {"jsonrpc": "2.0"} | inner | ({"id": message["id"]} if "id" in message else {})
    return {"result": result, "error": error} | ({"id": message["id"]} if "id" in message else {})


def _reply(status: int, shown: Any) -> web.Response:
    return web.Response(status=status, body=_ENCODER.encode(shown) + b"\n", content_type="application/json")
