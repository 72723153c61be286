"""The append-only block log: `magic | length | block`, the layout of Core's blk*.dat, so the engine can import it.

Promises: `append` returns after the block is on disk; a torn tail (a crash during a write) is cut off when the log is
opened, every whole block before it is kept; a second process on the same folder is refused. Does NOT know whether
a block is valid.
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path
from typing import Self

from node.sandbox.faults import SandboxFault
from node.sandbox.transaction import HEADER_SIZE, MAX_BLOCK_WEIGHT, sha256d

MAGIC = bytes.fromhex("fabfb5da")  # regtest, chainparams.cpp
FRAME = struct.Struct("<4sI")


class BlockLog:
    """Blocks by hash, in the order in which they were first accepted."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "blocks.log"
        self._lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise SandboxFault(
                f"Cannot obtain a lock on directory {folder}. Another sandbox is running on it: "
                "use that one's RPC port, stop it, or give this one another --datadir"
            ) from None
        created = not self.path.exists()
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if created:
            _sync_folder(folder)
        self._places: dict[bytes, tuple[int, int]] = {}
        self._end = self._scan()

    def _scan(self) -> int:
        size = os.fstat(self._file).st_size
        place = 0
        while place + FRAME.size <= size:
            magic, length = FRAME.unpack(os.pread(self._file, FRAME.size, place))
            body = place + FRAME.size
            if magic != MAGIC or not HEADER_SIZE < length <= MAX_BLOCK_WEIGHT:
                if any(os.pread(self._file, size - place, place)):
                    raise SandboxFault(f"{self.path} is damaged at byte {place}: restore it, or delete the folder")
                break  # a tail of zeros: the file grew before the bytes came
            if body + length > size:
                break
            header = os.pread(self._file, HEADER_SIZE, body)
            self._places[sha256d(header)] = (body, length)
            place = body + length
        if place != size:
            os.ftruncate(self._file, place)
            os.fsync(self._file)
        return place

    def __contains__(self, hash_: bytes) -> bool:
        return hash_ in self._places

    def hashes(self) -> tuple[bytes, ...]:
        """Every block hash, in log order."""
        return tuple(self._places)

    def read(self, hash_: bytes) -> bytes:
        """The raw block; KeyError when it was never logged."""
        place, length = self._places[hash_]
        return os.pread(self._file, length, place)

    def append(self, raws: list[bytes]) -> None:
        """Write the blocks and return once they are on disk: one fsync for all of them."""
        frames = []
        places: dict[bytes, tuple[int, int]] = {}
        end = self._end
        for raw in raws:
            hash_ = sha256d(raw[:HEADER_SIZE])
            if hash_ in self._places or hash_ in places:
                continue
            frames.append(FRAME.pack(MAGIC, len(raw)) + raw)
            places[hash_] = (end + FRAME.size, len(raw))
            end += len(frames[-1])
        if not frames:
            return
        data = memoryview(b"".join(frames))
        place = self._end
        while data:
            written = os.pwrite(self._file, data, place)
            place += written
            data = data[written:]
        os.fdatasync(self._file)
        self._places |= places
        self._end = end

    def close(self) -> None:
        """Give the folder back."""
        os.close(self._file)
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
