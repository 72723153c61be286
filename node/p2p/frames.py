"""Frames on a stream: a length, then that many bytes; a reply starts with one byte that says how it went.

Promises: a reader never allocates more than its limit, and a frame that started must end in time. Does NOT know what
is inside. Works on anything with libp2p's `read(n)` and `write(data)`.

    request  u32 big-endian length | payload
    reply    u32 big-endian length | status u8 | payload      (0 answer, 1 refused: reason text, 2 try later: reason)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import trio

from node.faults import PeerFault

LENGTH_BYTES = 4


class Stream(Protocol):
    """What frames need of a stream."""

    async def read(self, n: int | None = None) -> bytes:
        """Up to n bytes; empty or an exception at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """All of it."""
        ...


class Status(IntEnum):
    """First byte of a reply."""

    ANSWER = 0
    REFUSED = 1
    LATER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A parsed reply frame."""

    status: Status
    payload: bytes


class StreamEnded(Exception):
    """The other side closed, reset or stalled the stream, or the connection is gone."""


async def read_exactly(stream: Stream, count: int) -> bytes:
    """`count` bytes. Raises StreamEnded."""
    parts: list[bytes] = []
    missing = count
    while missing:
        try:
            part = await stream.read(missing)
        except Exception as error:  # the library raises a dozen kinds, all meaning this
            raise StreamEnded(str(error)) from error
        if not part:
            raise StreamEnded("end of stream")
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def read_frame(stream: Stream, *, most: int, seconds: float) -> bytes:
    """The next frame's payload. Waits for its first bytes as long as it takes, then `seconds` for the rest.

    Raises:
        PeerFault: longer than `most` bytes (nothing of it is read).
        StreamEnded: the stream ended before the frame did, or the frame was not finished in time.
    """
    head = await read_exactly(stream, LENGTH_BYTES)
    size = int.from_bytes(head, "big")
    if size > most:
        raise PeerFault(what="frame length", expected=f"at most {most} bytes", came=f"{size} bytes")
    with trio.move_on_after(seconds):
        return await read_exactly(stream, size)
    raise StreamEnded(f"fewer than {size} bytes within {seconds:g} s")


async def write_frame(stream: Stream, payload: bytes) -> None:
    """Write one frame. Raises StreamEnded."""
    try:
        await stream.write(len(payload).to_bytes(LENGTH_BYTES, "big") + payload)
    except Exception as error:
        raise StreamEnded(str(error)) from error


def encode_reply(status: Status, payload: bytes) -> bytes:
    """The payload of a reply frame."""
    return bytes([status]) + payload


def decode_reply(raw: bytes) -> Reply:
    """Parse a reply frame's payload. Raises PeerFault."""
    if not raw or raw[0] > max(Status):
        came = f"byte {raw[0]}" if raw else "nothing"
        raise PeerFault(what="reply status", expected="0, 1 or 2", came=came)
    return Reply(status=Status(raw[0]), payload=raw[1:])
