"""Artifacts on disk: garbled instances by content id, written whole or fetched chunk by chunk, read through a map.

Promises: a chunk reaches the disk only after it was verified against the manifest; what `fetch` returned is whole and
synced; an interrupted fetch goes on with the chunks that are missing; the quota holds. Does NOT know what an artifact
means, and trusts no name but the manifest's own hash.

A folder holds `<id>.manifest` and `<id>.content` (`.partial` while it is fetched).
"""

from __future__ import annotations

import asyncio
import mmap
import os
from pathlib import Path
from typing import Final

from circuits.artifact import ArtifactFault, Manifest, manifest_id, manifest_of
from node.faults import LocalFault, PeerFault
from node.ports import PeerPort

AT_ONCE: Final = 4
CHUNK_SECONDS: Final = 30.0


class Artifacts:
    """One folder. Methods without `async` block on the disk: call them from a job's thread."""

    def __init__(self, folder: Path, *, quota: int) -> None:
        """`quota`: bytes that all contents of the folder may take together."""
        self._folder, self._quota = folder, quota
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, content: bytes, *, kind: str) -> Manifest:
        """Store a content of our own; a known one is left as it is.

        Raises:
            LocalFault: the quota is reached, or the disk refused.
        """
        manifest = manifest_of(content, kind=kind)
        path = self._path(manifest.id, "content")
        if not path.exists():
            self._room(manifest.length)
            self._write(self._path(manifest.id, "manifest"), manifest.encoded)
            self._write(path, content)
        return manifest

    async def fetch(self, encoded: bytes, *, peers: PeerPort, peer: str) -> bytes:
        """Fetch every missing chunk from a peer; returns the id.

        Raises:
            PeerFault: a manifest or chunk that does not verify.
            Unavailable: the peer went away; what came is kept, and the next call goes on from there.
            LocalFault: the quota is reached, or the disk refused.
        """
        manifest = parse_manifest(encoded)
        path = self._path(manifest.id, "content")
        if path.exists():
            return manifest.id
        partial = self._path(manifest.id, "partial")
        missing = await asyncio.to_thread(self._begin, manifest, partial)
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(index: int) -> None:
            async with slots:
                chunk = await peers.fetch_chunk(peer, manifest.id, index, CHUNK_SECONDS)
            try:
                manifest.check_chunk(index, chunk)
            except ArtifactFault as fault:
                raise PeerFault(what=f"artifact {manifest.id.hex()[:16]}", expected="the chunk of its manifest", came=str(fault)) from fault
            await asyncio.to_thread(_write_at, partial, manifest.span(index).start, chunk)

        try:
            async with asyncio.TaskGroup() as tasks:
                for index in missing:
                    tasks.create_task(one(index))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        await asyncio.to_thread(self._finish, manifest, partial, path)
        return manifest.id

    def view(self, artifact: bytes) -> mmap.mmap:
        """A whole content, mapped read-only.

        Raises:
            LocalFault: it is not here.
        """
        try:
            with self._path(artifact, "content").open("rb") as file:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise LocalFault(what=f"artifact {artifact.hex()}", expected="on disk", came=str(error), todo="Restore the artifacts folder.") from error

    def read(self, artifact: bytes, index: int) -> bytes | None:
        """One chunk of a whole content, or None: what a peer may ask for."""
        try:
            manifest = parse_manifest(self._path(artifact, "manifest").read_bytes())
            span = manifest.span(index)
            with self._path(artifact, "content").open("rb") as file:
                file.seek(span.start)
                return file.read(span.stop - span.start)
        except (OSError, ArtifactFault, PeerFault):
            return None

    def drop(self, artifact: bytes) -> None:
        """Forget a content."""
        for part in ("content", "manifest", "partial"):
            self._path(artifact, part).unlink(missing_ok=True)

    @staticmethod
    def id_of(encoded: bytes) -> bytes:
        """The id that a manifest names. Raises PeerFault when it is none."""
        return parse_manifest(encoded).id

    def used(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self._folder.iterdir())

    def _path(self, artifact: bytes, part: str) -> Path:
        return self._folder / f"{artifact.hex()}.{part}"

    def _room(self, length: int) -> None:
        used = self.used()
        if used + length > self._quota:
            raise LocalFault(
                what="artifact quota", expected=f"at most {self._quota} bytes", came=f"{used} and {length} more",
                todo="Raise quota.artifact_bytes, or end vaults.",
            )  # fmt: skip

    def _begin(self, manifest: Manifest, partial: Path) -> list[int]:
        """The chunks still to come; what a broken-off fetch left is verified again."""
        try:
            if not partial.exists():
                self._room(manifest.length)
                with partial.open("wb") as file:
                    file.truncate(manifest.length)
                return manifest.missing(())
            return manifest.missing(manifest.present(partial.read_bytes()))
        except OSError as error:
            raise _disk(partial, error) from error

    def _finish(self, manifest: Manifest, partial: Path, path: Path) -> None:
        self._write(self._path(manifest.id, "manifest"), manifest.encoded)
        try:
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.rename(path)
            _sync(self._folder)
        except OSError as error:
            raise _disk(path, error) from error

    def _write(self, path: Path, content: bytes) -> None:
        new = path.with_suffix(".new")
        try:
            with new.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            new.rename(path)
            _sync(self._folder)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise _disk(path, error) from error


def parse_manifest(encoded: bytes) -> Manifest:
    """A peer's manifest. Raises PeerFault naming the field."""
    try:
        return Manifest.parse(encoded, expected_id=manifest_id(encoded))
    except ArtifactFault as fault:
        raise PeerFault(what="artifact manifest", expected=fault.expected, came=str(fault.got)) from fault


def _write_at(path: Path, offset: int, chunk: bytes) -> None:
    try:
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(chunk)
    except OSError as error:
        raise _disk(path, error) from error


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _disk(path: Path, error: OSError) -> LocalFault:
    return LocalFault(what=str(path), expected="to be written", came=str(error), todo="Check the disk's space and permissions.")
