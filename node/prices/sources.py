"""Where readings come from: a file, a server's JSON, or what the operator has said.

Promises: a source that hangs, floods, redirects, inflates or lies costs its deadline and its size limit and ends in a fault;
the daemon goes on. Faults name the source, never its address (which may hold a key). Does NOT decide which readings count.
"""

from __future__ import annotations

import asyncio
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiohttp
import msgspec

from node.durable import write_private
from node.faults import LocalFault, PeerFault, Unavailable
from node.limits import Limits
from node.prices.number import MOST_CENTS, MOST_SECONDS, Unit, at, cents, document, seconds
from node.prices.quote import Reading

__all__ = ["FileSource", "HttpSource", "Source", "state_price"]

_FIELDS = {"price", "time"}


class Source(Protocol):
    """One source of prices under a name that is unique in the configuration."""

    @property
    def name(self) -> str:
        """How faults and explanations name it."""

    async def read(self, now: int, session: aiohttp.ClientSession) -> Reading:
        """What it says now. Raises PeerFault (its content), Unavailable (not there), LocalFault (our disk)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """A JSON file `{"price": CENTS_PER_BTC, "time": UNIX_SECONDS}` that another program replaces; or the operator's word."""

    name: str
    path: Path
    limits: Limits

    async def read(self, now: int, session: aiohttp.ClientSession) -> Reading:
        """Read it whole. Raises as `Source.read`."""
        raw = await asyncio.to_thread(self._content)
        found = document(raw, self.name)
        if not isinstance(found, dict) or found.keys() != _FIELDS:
            raise PeerFault(
                what=self.name, expected='an object {"price": cents, "time": seconds}', came="something else"
            )
        return Reading(
            source=self.name,
            price=cents(found["price"], "cents", f"{self.name}.price"),
            time=seconds(found["time"], f"{self.name}.time"),
        )

    def _content(self) -> bytes:
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe in its place must not hold us
        except FileNotFoundError:
            raise Unavailable(what=self.name, expected=f"the file {self.path}", came="none yet") from None
        except OSError as error:
            raise LocalFault(
                what=self.name, expected=f"a readable file {self.path}", came=str(error.strerror)
            ) from error
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise LocalFault(what=self.name, expected=f"a file at {self.path}", came="a folder, pipe or device")
        with os.fdopen(handle, "rb") as file:
            return _within(file.read(self.limits.price_bytes + 1), self.name, self.limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSource:
    """A server that answers GET with JSON: the price at the end of the path `price`, its time at `time`.

    Without a path for the time, a reading is as old as its question: `now`.
    """

    name: str
    url: str
    price: tuple[str | int, ...]
    time: tuple[str | int, ...] | None
    unit: Unit
    limits: Limits

    async def read(self, now: int, session: aiohttp.ClientSession) -> Reading:
        """Ask once. Raises as `Source.read`."""
        found = document(await self._ask(session), self.name)
        price = cents(at(found, self.price, self.name), self.unit, f"{self.name}.price")
        time = now if self.time is None else seconds(at(found, self.time, self.name), f"{self.name}.time")
        return Reading(source=self.name, price=price, time=time)

    async def _ask(self, session: aiohttp.ClientSession) -> bytes:
        try:
            async with (
                asyncio.timeout(self.limits.price_seconds),
                session.get(self.url, allow_redirects=False, headers={"Accept-Encoding": "identity"}) as answer,
            ):
                if answer.status != 200:
                    raise Unavailable(what=self.name, expected="HTTP 200", came=f"HTTP {answer.status}")
                raw = bytearray()
                async for chunk in answer.content.iter_any():
                    raw += chunk
                    _within(raw, self.name, self.limits)
                return bytes(raw)
        except TimeoutError:
            raise Unavailable(
                what=self.name, expected=f"an answer within {self.limits.price_seconds:g} s", came="none"
            ) from None
        except (aiohttp.ClientError, ValueError, OSError) as error:  # the text of some of these holds the whole address
            raise Unavailable(what=self.name, expected="an answer", came=type(error).__name__) from None


def _within(raw: bytes | bytearray, name: str, limits: Limits) -> bytes:
    if len(raw) > limits.price_bytes:
        raise PeerFault(what=name, expected=f"at most {limits.price_bytes} bytes", came="more")
    return bytes(raw)


def state_price(path: Path, *, price: int, time: int) -> None:
    """Write the operator's price where a `FileSource` finds it, durable when the call returns.

    Raises:
        LocalFault: out of range, or the disk refused.
    """
    if not 0 < price <= MOST_CENTS or not 0 <= time <= MOST_SECONDS:
        raise LocalFault(
            what="price", expected=f"1 to {MOST_CENTS} cents per BTC and a unix time", came=f"{price} at {time}"
        )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, msgspec.json.encode({"price": price, "time": time}))
    except OSError as error:
        raise LocalFault(
            what=f"the price in {path}",
            expected="a durable write",
            came=str(error),
            todo="Free space or mend the disk.",
        ) from error
