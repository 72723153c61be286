"""The RPC client of the command line, the demo and scripts.

Promises: finds the daemon by its data folder (address and cookie files); a missing daemon is Unavailable and
says how to start one; an error answer comes back as `RpcError` with code and whose fault. Does NOT know the methods.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from node.faults import LocalFault, Unavailable
from node.rpc.server import ADDRESS_FILE, COOKIE_FILE

_KEEP_SECONDS = 5.0  # well below the server's: a connection it is about to close is not used again
_SECONDS = 120.0


class RpcError(Exception):
    """The daemon answered with an error: `code` of JSON-RPC, `data` with whose, what, expected, came, todo."""

    def __init__(self, code: int, message: str, data: Mapping[str, str]) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, dict(data)

    @property
    def whose(self) -> str:
        """Local (the node's), peer, unavailable, or caller (this call's)."""
        return self.data.get("whose", "local")


class _Error(msgspec.Struct, frozen=True):
    code: int
    message: str
    data: dict[str, str] | None = None


class _Answer(msgspec.Struct, frozen=True):
    result: Any = None
    error: _Error | None = None


def _missing(folder: Path) -> Unavailable:
    config = folder / "bitvm3.toml"
    return Unavailable(
        what=f"daemon of {folder}",
        expected="a running bitvm3d",
        came="none",
        todo=f"Start it with `bitvm3d --config {config}`, or name its data folder with --datadir or BITVM3_DATADIR.",
    )


class RpcClient:
    """One daemon. Make it inside a running loop; `close` it, or use it as an async context manager."""

    def __init__(self, url: str, cookie: str, folder: Path) -> None:
        """Use `from_datadir`."""
        user, _, password = cookie.partition(":")
        self._url = url
        self._folder = folder
        self._session = aiohttp.ClientSession(
            headers={"Authorization": aiohttp.encode_basic_auth(user, password)},
            timeout=aiohttp.ClientTimeout(total=_SECONDS),
            connector=aiohttp.TCPConnector(keepalive_timeout=_KEEP_SECONDS),
        )
        self._number = 0

    @classmethod
    def from_datadir(cls, folder: Path, *, port: int | None = None) -> RpcClient:
        """The daemon of a data folder; `port` insists on one instead of the address file's.

        Raises:
            Unavailable: no daemon runs there.
        """
        try:
            cookie = (folder / COOKIE_FILE).read_text()
            url = f"http://127.0.0.1:{port}" if port is not None else (folder / ADDRESS_FILE).read_text()
        except OSError as error:
            raise _missing(folder) from error
        return cls(url, cookie, folder)

    async def __aenter__(self) -> RpcClient:
        """Itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def call(self, method: str, params: Mapping[str, Any] | Sequence[Any] | None = None) -> Any:
        """Call a method with named or positional parameters and return its result.

        Raises:
            RpcError: the daemon answered with an error.
            LocalFault: something else answers at its address.
            Unavailable: no daemon runs there, or it did not answer in time.
        """
        self._number += 1
        request = {"jsonrpc": "2.0", "method": method, "params": params or {}, "id": self._number}
        try:
            async with self._session.post(self._url, data=msgspec.json.encode(request)) as response:
                raw, status = await response.read(), response.status
        except aiohttp.ClientConnectionError as error:
            raise _missing(self._folder) from error
        except TimeoutError as error:
            raise Unavailable(
                what=method, expected=f"an answer within {_SECONDS:g} s", came="none", todo="Look at the daemon's log."
            ) from error
        return _result(raw, status, self._folder)

    async def events(self) -> AsyncIterator[tuple[str, Any]]:
        """(event, value) pairs as they happen, until the daemon ends the subscription.

        Raises:
            Unavailable: no daemon runs there.
            LocalFault: it has its limit of subscribers.
        """
        try:
            async with self._session.ws_connect(f"{self._url}/ws", heartbeat=20.0) as socket:
                async for message in socket:
                    if message.type is aiohttp.WSMsgType.TEXT:
                        params = msgspec.json.decode(message.data)["params"]
                        yield params["event"], params["value"]
        except aiohttp.WSServerHandshakeError as error:
            raise LocalFault(
                what="event subscription",
                expected="a free place",
                came=f"HTTP {error.status}",
                todo="Close another one.",
            ) from error
        except aiohttp.ClientConnectionError as error:
            raise _missing(self._folder) from error


def _result(raw: bytes, status: int, folder: Path) -> Any:
    try:
        answer = msgspec.json.decode(raw, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise LocalFault(
            what=f"daemon of {folder}",
            expected="a JSON-RPC answer",
            came=f"HTTP {status}, {raw[:80]!r}",
            todo="Something else listens at its address: remove the address file and start the daemon again.",
        ) from problem
    if answer.error is not None:
        raise RpcError(answer.error.code, answer.error.message or f"error {answer.error.code}", answer.error.data or {})
    return answer.result
