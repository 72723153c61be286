"""Artifacts on disk: large contents under the id of their manifest, offered to peers and fetched from them.

Promises: what `view` returns has exactly the bytes of its manifest; a fetch takes up after a crash where it stopped and
accepts no chunk that does not verify; a content is complete under its final name only (fsynced before the rename); the
quota holds before space is taken. Does NOT know what a content means. The format is `circuits.artifact`'s.

    ID.manifest    the manifest      ID.part    a content being written      ID.content    a whole content
"""

from __future__ import annotations

import asyncio
import mmap
import os
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol

from circuits import faults as circuit_faults
from circuits.artifact import CHUNK_BYTES, Manifest, manifest_id, manifest_of
from node.durable import sync_folder, write_private
from node.faults import LocalFault, PeerFault
from node.limits import PRODUCT, Limits

Bytes = bytes | bytearray | memoryview
OnProgress = Callable[[int, int], None]


class ChunkSource(Protocol):
    """What fetching needs of `node.p2p.peers.Peers`."""

    async def fetch_chunk(self, peer_id: str, artifact: bytes, index: int, timeout: float) -> bytes:  # noqa: ASYNC109
        """One chunk. Raises PeerFault, Unavailable."""
        ...


class Artifacts:
    """The artifacts of one data folder. What is no coroutine blocks on the disk; job threads may call it."""

    def __init__(self, folder: Path, *, quota: int, limits: Limits = PRODUCT) -> None:
        """Open or create the folder; `quota` is in bytes, over all contents. Raises LocalFault."""
        self._folder = folder
        self._quota = quota
        self._limits = limits
        self._room = threading.Lock()
        self._fetching: dict[bytes, asyncio.Lock] = {}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for unfinished in folder.glob("*.new"):
                unfinished.unlink()
        except OSError as error:
            raise _disk(folder, error) from error

    @staticmethod
    def id_of(manifest: bytes) -> bytes:
        """The id that a manifest's bytes have; does not check them."""
        return manifest_id(manifest)

    def put(self, content: Bytes, *, kind: str) -> Manifest:
        """Store a content durably and offer it to peers. The same content again is fine.

        Raises:
            LocalFault: no room under the quota, disk trouble, empty content.
        """
        try:
            manifest = manifest_of(content, kind=kind)
        except circuit_faults.LocalFault as error:
            raise LocalFault(what="artifact", expected="a content and a kind", came=str(error)) from error
        if self.complete(manifest.id):
            return manifest
        part = self._begin(manifest)
        try:
            with part.open("r+b") as file:
                file.write(content)
            self._finish(manifest)
        except OSError as error:
            raise _disk(part, error) from error
        return manifest

    def complete(self, artifact: bytes) -> bool:
        """Whether the whole content is here."""
        return self._path(artifact, "content").exists()

    def read(self, artifact: bytes, index: int) -> bytes | None:
        """A chunk of a whole content as it lies on disk, or None: what a peer asking for it gets."""
        if len(artifact) != 32 or index < 0:
            return None
        try:
            with self._path(artifact, "content").open("rb") as file:
                return os.pread(file.fileno(), CHUNK_BYTES, index * CHUNK_BYTES) or None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _disk(self._path(artifact, "content"), error) from error

    def view(self, artifact: bytes) -> memoryview:
        """The whole content, mapped and verified.

        Raises:
            LocalFault: not here, not whole, or damaged since.
        """
        path = self._path(artifact, "content")
        try:
            manifest = Manifest.parse(self._path(artifact, "manifest").read_bytes(), expected_id=artifact)
            view = _mapped(path)
            manifest.check_whole(view)
        except OSError as error:
            raise _disk(path, error) from error
        except circuit_faults.PeerFault as error:
            raise LocalFault(
                what=f"artifact {path}",
                expected=f"{error.field}: {error.expected}",
                came=str(error.got),
                todo="The disk changed it. Remove the file: it is fetched again from the peer that offered it.",
            ) from error
        return view

    def drop(self, artifact: bytes) -> None:
        """Forget a content and free its room. Idempotent; views that are open stay valid."""
        for suffix in ("content", "part", "manifest"):
            try:
                self._path(artifact, suffix).unlink(missing_ok=True)
            except OSError as error:
                raise _disk(self._path(artifact, suffix), error) from error

    def used(self) -> int:
        """Bytes of all contents, those being written counted whole."""
        return sum(_length(path) for suffix in ("content", "part") for path in self._folder.glob(f"*.{suffix}"))

    async def fetch(
        self, manifest: bytes, *, peers: ChunkSource, peer: str, on_progress: OnProgress | None = None
    ) -> bytes:
        """Fetch the content of a manifest from a peer, or what of it is missing here; returns its id.

        Args:
            manifest: its bytes, from a signed statement of the peer.
            peers: where chunks come from.
            peer: the libp2p peer id.
            on_progress: called with (chunks here, chunks in all) on the daemon's loop.

        Raises:
            PeerFault: the manifest or a chunk is wrong (the field is named), or the peer has no such chunk.
            Unavailable: the peer is away; call again, what has come stays.
            LocalFault: no room under the quota, disk trouble.
        """
        artifact = manifest_id(manifest)
        try:
            parsed = Manifest.parse(manifest, expected_id=artifact)
        except circuit_faults.PeerFault as error:
            raise PeerFault(what=f"artifact {error.field}", expected=error.expected, came=str(error.got)) from error
        most = self._limits.artifact_bytes
        if parsed.length > most:
            raise PeerFault(what="artifact length", expected=f"at most {most} bytes", came=f"{parsed.length} bytes")
        lock = self._fetching.setdefault(artifact, asyncio.Lock())
        try:
            async with lock:
                if not self.complete(artifact):
                    await self._download(parsed, peers, peer, on_progress)
        finally:
            if not lock.locked():
                self._fetching.pop(artifact, None)
        return artifact

    async def _download(
        self, manifest: Manifest, peers: ChunkSource, peer: str, on_progress: OnProgress | None
    ) -> None:
        part = await asyncio.to_thread(self._begin, manifest)
        missing = await asyncio.to_thread(self._missing, manifest, part)
        total = len(manifest.chunks)
        here = total - len(missing)
        todo = iter(missing)
        if on_progress is not None:
            on_progress(here, total)

        async def take() -> None:
            nonlocal here
            for index in todo:
                chunk = await peers.fetch_chunk(peer, manifest.id, index, self._limits.call_seconds)
                await _to_its_end(asyncio.to_thread(self._write_chunk, manifest, part, index, chunk))
                here += 1
                if on_progress is not None:
                    on_progress(here, total)

        takers = [asyncio.create_task(take()) for _ in range(min(self._limits.chunk_streams, len(missing)))]
        try:
            await asyncio.gather(*takers)
        finally:
            for taker in takers:
                taker.cancel()
            await asyncio.gather(*takers, return_exceptions=True)
        try:
            await asyncio.to_thread(self._finish, manifest)
        except OSError as error:
            raise _disk(part, error) from error

    def _write_chunk(self, manifest: Manifest, part: Path, index: int, chunk: bytes) -> None:
        try:
            manifest.check_chunk(index, chunk)
        except circuit_faults.PeerFault as error:
            raise PeerFault(
                what=f"artifact {manifest.id.hex()}, {error.field}", expected=error.expected, came=str(error.got)
            ) from error
        try:
            handle = os.open(part, os.O_WRONLY)
            try:
                written = os.pwrite(handle, chunk, index * CHUNK_BYTES)
                if written != len(chunk):
                    raise OSError(f"{written} of {len(chunk)} bytes written")
            finally:
                os.close(handle)
        except OSError as error:
            raise _disk(part, error) from error

    def _missing(self, manifest: Manifest, part: Path) -> list[int]:
        """The chunks that are not on disk yet: those that are were proved by their hashes, so no list can be wrong."""
        try:
            return manifest.missing(manifest.present(_mapped(part)))
        except OSError as error:
            raise _disk(part, error) from error

    def _begin(self, manifest: Manifest) -> Path:
        """Make room and the files of a content. What an earlier attempt left is kept."""
        part = self._path(manifest.id, "part")
        try:
            with self._room:
                if not part.exists():
                    self._check_room(manifest.length)
                    write_private(self._path(manifest.id, "manifest"), manifest.encoded)
                    with part.open("xb") as file:
                        file.truncate(manifest.length)
        except OSError as error:
            raise _disk(part, error) from error
        return part

    def _check_room(self, length: int) -> None:
        free = self._quota - self.used()
        if length > free:
            raise LocalFault(
                what="artifact quota",
                expected=f"{length} bytes free of {self._quota}",
                came=f"{free} bytes free",
                todo="Raise quota.artifact_bytes, or end vaults that are not needed.",
            )

    def _finish(self, manifest: Manifest) -> None:
        part = self._path(manifest.id, "part")
        handle = os.open(part, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        part.replace(self._path(manifest.id, "content"))
        sync_folder(self._folder)

    def _path(self, artifact: bytes, suffix: str) -> Path:
        return self._folder / f"{artifact.hex()}.{suffix}"


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """What a thread does, waited for also by a taker that is cancelled: no write goes on behind a fetch that ended."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # whoever cancelled does not ask
        raise


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:  # cannot be mapped
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # renamed or dropped meanwhile
        return 0


def _disk(path: Path, error: OSError) -> LocalFault:
    return LocalFault(
        what=f"artifact file {path}",
        expected="a readable and writable file on a disk with room",
        came=str(error),
        todo="Check permissions and free space; a missing artifact is fetched again from its peer.",
    )
