"""One JSON-RPC server over HTTP: a call with a deadline, an answer of bounded size and of the asked shape, or a fault.

Promises: `Unavailable` when asking again may help (refused, busy, warming up, timed out), `LocalFault` when our
configuration is wrong (credentials), `PeerFault` when the answer is not what a Bitcoin server answers; `Refusal` has
the error object of a well-formed answer. Never follows a redirect, never inflates a body, never waits for ever.
Does NOT know any call.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final, TypeVar

import aiohttp
import msgspec

from node.faults import LocalFault, PeerFault, Unavailable

T = TypeVar("T")

KIB: Final = 1024
MIB: Final = 1024 * KIB

CALL_SECONDS: Final = 30.0
"""A call that does not wait for a block: bitcoind answers in milliseconds, in seconds while it connects a block."""
CONNECT_SECONDS: Final = 5.0
ANSWER_BYTES: Final = 1 * MIB
"""An answer without a block or a mempool in it."""
COOKIE_BYTES: Final = 4 * KIB
AT_ONCE: Final = 12
"""Calls under way: bitcoind has 16 threads by default, for all its clients."""

WARMING_UP: Final = -28


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """The file that the server writes at each start."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Password:
    """A configured user."""

    user: str
    password: str


class Refusal(Exception):
    """The server's error object."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class _Error(msgspec.Struct, frozen=True):
    code: int
    message: str


class _Answer(msgspec.Struct, frozen=True):
    id: int | None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Error | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


class JsonRpc:
    """A client for one server. Use as an async context manager, or call `close`."""

    def __init__(self, url: str, credentials: Cookie | Password) -> None:
        self.url = url
        self._credentials = credentials
        self._session: aiohttp.ClientSession | None = None
        self._auth: str | None = None
        self._numbers = count(1)
        self._room = asyncio.Semaphore(AT_ONCE)

    async def __aenter__(self) -> JsonRpc:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Drop the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(
        self, shape: type[T], method: str, *params: object, seconds: float = CALL_SECONDS, size: int = ANSWER_BYTES
    ) -> T:
        """Ask once; the result decoded as `shape`.

        Args:
            shape: a type for msgspec; the result must have it.
            method: the call's name.
            params: positional parameters.
            seconds: the answer is there by then, or Unavailable is raised.
            size: bytes the answer may have.

        Raises:
            Refusal: the server's own error.
            Unavailable, LocalFault, PeerFault: see the module.
        """
        async with self._room:
            try:
                async with asyncio.timeout(seconds):
                    answer = await self._ask(method, params, size)
            except TimeoutError:
                raise Unavailable(
                    what=f"{method} of {self.url}", expected=f"an answer within {seconds:g} s", came="none"
                ) from None
        if answer.error is not None:
            if answer.error.code == WARMING_UP:
                raise Unavailable(what=self.url, expected="a server that is ready", came=answer.error.message[:200])
            raise Refusal(answer.error.code, answer.error.message[:2000])
        try:
            return msgspec.json.decode(answer.result, type=shape)
        except (msgspec.DecodeError, ValueError, RecursionError) as fault:
            raise self._garbage(method, f"a result of the shape {shape}", str(fault)) from None

    async def _ask(self, method: str, params: tuple[object, ...], size: int) -> _Answer:
        number = next(self._numbers)
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        status, raw = await self._post(body, size, method)
        if status == 401:
            self._auth = None  # a restarted server has written another cookie
            status, raw = await self._post(body, size, method)
        if status in {401, 403}:
            raise LocalFault(
                what=f"the chain server {self.url}",
                expected="credentials it takes",
                came=f"HTTP {status}",
                todo="Check the cookie path or the user and password, and rpcallowip of the server.",
            )
        if status == 503:
            raise Unavailable(what=self.url, expected="room in its work queue", came="HTTP 503")
        if status not in {200, 400, 404, 500}:
            raise self._garbage(method, "HTTP 200, 400, 404 or 500", f"HTTP {status}")
        try:
            answer = _ANSWER.decode(raw)
        except (msgspec.DecodeError, ValueError, RecursionError) as fault:
            raise self._garbage(method, "a JSON-RPC answer", f"HTTP {status}, {len(raw)} bytes: {fault}") from None
        if answer.id != number:
            raise self._garbage(method, f"the answer to call {number}", f"an answer to call {answer.id}")
        return answer

    async def _post(self, body: bytes, size: int, method: str) -> tuple[int, bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        headers = {"Content-Type": "application/json", "Authorization": self._authorise()}
        try:
            async with self._session.post(self.url, data=body, headers=headers, allow_redirects=False) as response:
                parts: list[bytes] = []
                room = size
                async for part in response.content.iter_any():
                    room -= len(part)
                    if room < 0:
                        response.close()
                        raise self._garbage(method, f"at most {size} bytes", "more")
                    parts.append(part)
                return response.status, b"".join(parts)
        except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, aiohttp.ClientConnectionError) as fault:
            raise Unavailable(
                what=f"the chain server {self.url}",
                expected="an answer",
                came=f"{type(fault).__name__}: {fault}"[:300],
                todo="Start it, or check its address.",
            ) from None
        except (aiohttp.ClientError, ValueError) as fault:
            raise self._garbage(method, "HTTP", f"{type(fault).__name__}: {fault}"[:300]) from None

    def _authorise(self) -> str:
        if self._auth is None:
            match self._credentials:
                case Password(user=user, password=password):
                    self._auth = _basic(user, password)
                case Cookie(path=path):
                    self._auth = self._read_cookie(path)
        return self._auth

    def _read_cookie(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                line = file.read(COOKIE_BYTES)
            user, _, password = line.decode("ascii").strip().partition(":")
        except FileNotFoundError:
            raise Unavailable(
                what=f"the cookie {path}",
                expected="a file that the running chain server has written",
                came="no file",
                todo="Start the server, or correct the path.",
            ) from None
        except (OSError, UnicodeDecodeError) as fault:
            raise LocalFault(what=f"the cookie {path}", expected="a readable file", came=str(fault)) from None
        return _basic(user, password)

    def _garbage(self, method: str, expected: str, came: str) -> PeerFault:
        return PeerFault(
            what=f"{method} of the chain server {self.url}",
            expected=expected,
            came=came[:300],
            todo="Is this the RPC port of a Bitcoin Core server?",
        )


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
