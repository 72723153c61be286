"""The RPC server: HTTP POST / for calls, WebSocket /ws for events, on loopback, behind a cookie.

Promises: nobody without the cookie file (mode 0600 in the data folder) gets further than 401; body, headers,
connections, subscribers, batches and times are limited; no request stops the daemon. Does NOT know what methods do.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import ipaddress
import logging
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import WSCloseCode, web
from aiohttp.http_exceptions import HttpProcessingError

from node.faults import LocalFault
from node.limits import PRODUCT, Limits
from node.rpc.openrpc import document
from node.rpc.table import Method, Nothing
from node.rpc.wire import Dispatcher, plain

__all__ = ["ADDRESS_FILE", "COOKIE_FILE", "Method", "Server"]

COOKIE_FILE = "rpc.cookie"
ADDRESS_FILE = "rpc.address"
COOKIE_USER = "__cookie__"


class Server:
    """Start with `Server.start`, end with `stop`; `publish` reaches every subscriber."""

    def __init__(
        self, folder: Path, methods: Sequence[Method], version: str, exposition: Callable[[], bytes], limits: Limits
    ) -> None:
        """Use `start`."""
        discover = Method(
            name="rpc.discover",
            params=Nothing,
            handler=self._discover,
            summary="This document (OpenRPC).",
        )
        table = {method.name: method for method in (*methods, discover)}
        self._document = document(table.values(), version=version)
        self._dispatcher = Dispatcher(table, limits)
        self._folder = folder
        self._exposition = exposition
        self._limits = limits
        self._password = secrets.token_hex(32)
        self._subscribers: set[asyncio.Queue[bytes | None]] = set()
        self._connections: dict[int, _Connection] = {}
        self._number = 0
        self._runner: web.AppRunner
        self._listener: asyncio.Server
        self.port = 0

    @classmethod
    async def start(
        cls,
        *,
        host: str,
        port: int,
        folder: Path,
        methods: Sequence[Method],
        version: str,
        exposition: Callable[[], bytes],
        limits: Limits = PRODUCT,
    ) -> Server:
        """Listen on loopback host:port (0: any), and write cookie and address files into the data folder.

        `exposition` gives the figures that GET /metrics shows (Prometheus' text format; same cookie as the calls).

        Raises:
            LocalFault: the host is not loopback, or the port is taken.
        """
        if not ipaddress.ip_address(host).is_loopback:
            raise LocalFault(
                what="rpc.host",
                expected="a loopback address (127.0.0.1 or ::1)",
                came=host,
                todo="Reach it from elsewhere through an SSH tunnel: calls move money and are not encrypted.",
            )
        server = cls(folder, methods, version, exposition, limits)
        await server._listen(host, port)
        return server

    async def _listen(self, host: str, port: int) -> None:
        application = web.Application(client_max_size=self._limits.rpc_body_bytes, middlewares=[self._guarded])
        application.router.add_post("/", self._call)
        application.router.add_get("/ws", self._subscribe)
        application.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(
            application,
            handle_signals=False,
            access_log=None,
            keepalive_timeout=self._limits.rpc_read_seconds,
            max_line_size=self._limits.rpc_header_bytes,
            max_field_size=self._limits.rpc_header_bytes,
        )
        await self._runner.setup()
        logging.getLogger("aiohttp.server").addFilter(_in_one_line)
        try:
            self._listener = await asyncio.get_running_loop().create_server(self._connection, host, port)
        except OSError as error:
            await self._runner.cleanup()
            raise LocalFault(
                what=f"rpc address {host}:{port}",
                expected="a free port",
                came=str(error),
                todo="Stop what uses it, or choose another with rpc.port.",
            ) from error
        self.port = self._listener.sockets[0].getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        self._write(COOKIE_FILE, f"{COOKIE_USER}:{self._password}")
        self._write(ADDRESS_FILE, f"http://{shown}:{self.port}")

    def _write(self, name: str, text: str) -> None:
        path = self._folder / name
        temporary = path.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
        temporary.replace(path)

    async def stop(self) -> None:
        """Close subscribers and connections, remove the cookie."""
        (self._folder / COOKIE_FILE).unlink(missing_ok=True)
        (self._folder / ADDRESS_FILE).unlink(missing_ok=True)
        self._listener.close()
        for queue in self._subscribers:
            _end(queue)
        await self._runner.cleanup()
        for connection in list(self._connections.values()):
            connection.close()

    def publish(self, event: str, value: object) -> None:
        """Send an event to every subscriber; one that has stopped reading is cut off."""
        self._number += 1
        text = msgspec.json.encode(
            {
                "jsonrpc": "2.0",
                "method": "event",
                "params": {"number": self._number, "event": event, "value": plain(value)},
            }
        )
        for queue in list(self._subscribers):
            if queue.qsize() >= self._limits.rpc_events_queued:
                self._subscribers.discard(queue)
                _end(queue)
            else:
                queue.put_nowait(text)

    async def _discover(self, params: Nothing) -> object:
        return self._document

    def _connection(self) -> asyncio.BaseProtocol:
        server = self._runner.server
        if server is None or len(self._connections) >= self._limits.rpc_connections:
            return _Refuse()
        return _Connection(server(), self._connections, self._limits.rpc_read_seconds)

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Any) -> web.StreamResponse:
        working = self._connections.get(id(request.protocol))
        if working is not None:
            working.begin()
        try:
            if not self._authorized(request):
                return _refusal(
                    401, "cookie", "the content of the cookie file as basic authentication", "another or none"
                )
            response: web.StreamResponse = await handler(request)
            return response
        except web.HTTPRequestEntityTooLarge:
            return _refusal(413, "request body", f"at most {self._limits.rpc_body_bytes} bytes", "more")
        except web.HTTPException as error:
            return _refusal(
                error.status, "HTTP request", "POST /, GET /ws or GET /metrics", f"{request.method} {request.path[:80]}"
            )
        finally:
            if working is not None:
                working.end()

    def _authorized(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        wanted = base64.b64encode(f"{COOKIE_USER}:{self._password}".encode()).decode()
        return hmac.compare_digest(given.encode(), f"Basic {wanted}".encode())

    async def _call(self, request: web.Request) -> web.StreamResponse:
        try:
            async with asyncio.timeout(self._limits.rpc_read_seconds):
                body = await request.read()
        except TimeoutError:
            return _refusal(408, "request body", f"all of it within {self._limits.rpc_read_seconds:g} s", "less")
        answer = await self._dispatcher.answer(body)
        if answer is None:
            return web.Response(status=204)
        return web.Response(body=answer, content_type="application/json")

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=self._exposition(), content_type="text/plain")

    async def _subscribe(self, request: web.Request) -> web.StreamResponse:
        if len(self._subscribers) >= self._limits.rpc_subscribers:
            return _refusal(503, "subscription", f"at most {self._limits.rpc_subscribers} subscribers", "one more")
        socket = web.WebSocketResponse(heartbeat=20.0, max_msg_size=self._limits.rpc_ws_message_bytes)
        await socket.prepare(request)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._subscribers.add(queue)
        sending = asyncio.create_task(_forward(queue, socket))
        try:
            async for _ in socket:  # subscribers only listen; the first thing they say ends it
                break
        finally:
            self._subscribers.discard(queue)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"this socket only carries events")
        return socket


async def _forward(queue: asyncio.Queue[bytes | None], socket: web.WebSocketResponse) -> None:
    while (text := await queue.get()) is not None:
        await socket.send_str(text.decode())
    await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the daemon stops, or events were not read")


def _end(queue: asyncio.Queue[bytes | None]) -> None:
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)


def _refusal(status: int, what: str, expected: str, came: str) -> web.Response:
    error = {
        "code": -32600,
        "message": f"{what}: expected {expected}, came {came}",
        "data": {"whose": "caller", "what": what, "expected": expected, "came": came, "todo": ""},
    }
    return web.json_response({"jsonrpc": "2.0", "error": error, "id": None}, status=status)


class _Refuse(asyncio.Protocol):
    """One connection too many: closed at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.abort()  # type: ignore[attr-defined]


class _Connection(asyncio.Protocol):
    """A connection's protocol with a clock: closed when no request is being worked on for too long.

    aiohttp has no limit on the time that request headers may take.
    """

    def __init__(self, inner: Any, known: dict[int, _Connection], seconds: float) -> None:
        self.inner = inner
        self._known = known
        self._seconds = seconds
        self._requests = 0
        self._transport: asyncio.BaseTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._known[id(self.inner)] = self
        self.inner.connection_made(transport)
        self._wind()

    def begin(self) -> None:
        """A request is worked on: the clock stands."""
        self._requests += 1
        self._stop()

    def end(self) -> None:
        """It was answered."""
        self._requests -= 1
        if self._requests == 0:
            self._wind()

    def _wind(self) -> None:
        self._stop()
        if self._transport is not None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self.close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """Drop the connection now."""
        if self._transport is not None:
            self._transport.abort()  # type: ignore[attr-defined]

    def connection_lost(self, exc: Exception | None) -> None:
        self._known.pop(id(self.inner), None)
        self._transport = None
        self._stop()
        self.inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        result: bool | None = self.inner.eof_received()
        return result

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()


def _in_one_line(record: logging.LogRecord) -> bool:
    """Bytes that are no HTTP are answered with 400; whoever writes them fills no log with the library's traces."""
    fault = record.exc_info[1] if record.exc_info else None
    if isinstance(fault, HttpProcessingError):
        record.exc_info, record.levelno, record.levelname = None, logging.WARNING, "WARNING"
        record.msg, record.args = "not HTTP: %s", (" ".join(fault.message.split())[:80],)
    return True
