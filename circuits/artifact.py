"""How a kept artifact travels and rests: chunks of 1 MiB under one id.

A manifest is the header and the hash of every chunk; its id is the BLAKE3 of the manifest, so whoever has the id from
a trusted place can check the manifest, then each chunk alone, in any order, from anyone. Promises that a chunk is
accepted only with exactly its bytes at exactly its place, and that hostile manifests are refused before anything is
allocated for the content. Pure over buffers: does NOT know files, peers, or what the content means.

Manifest: `bv3artif` | u16 version | 16 bytes kind | u32 chunk size | u64 content length | 32 bytes a chunk.
Little-endian.
Chunk hash: BLAKE3 derive_key over u32 index and the chunk's bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import blake3

from circuits.faults import LocalFault, PeerFault

__all__ = ["CHUNK_BYTES", "MAX_CONTENT_BYTES", "ArtifactFault", "Manifest", "manifest_id", "manifest_of"]

CHUNK_BYTES = 1 << 20
MAX_CONTENT_BYTES = 1 << 36  # 64 GiB: a manifest of 2 MiB
_MAGIC = b"bv3artif"
_VERSION = 1
_HEADER = struct.Struct("<8sH16sIQ")
_CHUNK_CONTEXT = "bitvm3 2026 artifact chunk v1"
_MANIFEST_CONTEXT = "bitvm3 2026 artifact manifest v1"
Bytes = bytes | bytearray | memoryview


class ArtifactFault(PeerFault):
    """A manifest or a chunk is wrong."""


def _chunk_hash(index: int, chunk: Bytes) -> bytes:
    hasher = blake3.blake3(struct.pack("<I", index), derive_key_context=_CHUNK_CONTEXT)
    return hasher.update(chunk).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an artifact must consist of.

    Attributes:
        kind: what the content is, 1 to 16 ASCII letters, digits or dashes.
        length: bytes of the content.
        chunks: hash of each chunk, 32 bytes.
    """

    kind: str
    length: int
    chunks: tuple[bytes, ...] = field(repr=False)

    @property
    def encoded(self) -> bytes:
        """The manifest's bytes."""
        kind = self.kind.encode("ascii").ljust(16, b"\0")
        return _HEADER.pack(_MAGIC, _VERSION, kind, CHUNK_BYTES, self.length) + b"".join(self.chunks)

    @property
    def id(self) -> bytes:
        """The root: 32 bytes that stand for the whole content."""
        return manifest_id(self.encoded)

    @classmethod
    def parse(cls, data: bytes, *, expected_id: bytes) -> Manifest:
        """Reads a manifest that must have this id.

        Raises:
            ArtifactFault: another version, chunk size, length or id.
        """
        if len(data) < _HEADER.size:
            raise ArtifactFault(field="manifest", expected=f"{_HEADER.size} bytes or more", got=f"{len(data)} bytes")
        magic, version, raw_kind, chunk_bytes, length = _HEADER.unpack_from(data)
        if magic != _MAGIC:
            raise ArtifactFault(field="magic", expected=repr(_MAGIC), got=repr(magic))
        if version != _VERSION:
            raise ArtifactFault(field="version", expected=str(_VERSION), got=version)
        if chunk_bytes != CHUNK_BYTES:
            raise ArtifactFault(field="chunk size", expected=str(CHUNK_BYTES), got=chunk_bytes)
        if not 0 < length <= MAX_CONTENT_BYTES:
            raise ArtifactFault(field="length", expected=f"1 to {MAX_CONTENT_BYTES} bytes", got=length)
        size = _HEADER.size + 32 * _chunk_count(length)
        if len(data) != size:
            raise ArtifactFault(field="manifest", expected=f"{size} bytes", got=f"{len(data)} bytes")
        kind = raw_kind.rstrip(b"\0")
        if not _is_kind(kind):
            raise ArtifactFault(field="kind", expected="1 to 16 letters, digits or dashes", got=repr(raw_kind))
        hashes = tuple(data[start : start + 32] for start in range(_HEADER.size, size, 32))
        manifest = cls(kind=kind.decode("ascii"), length=length, chunks=hashes)
        if manifest.id != expected_id:
            raise ArtifactFault(field="manifest id", expected=expected_id.hex(), got=manifest.id.hex())
        return manifest

    def span(self, index: int) -> slice:
        """Where chunk `index` stands in the content.

        Raises:
            ArtifactFault: there is no such chunk.
        """
        if not 0 <= index < len(self.chunks):
            raise ArtifactFault(field="chunk index", expected=f"below {len(self.chunks)}", got=index)
        return slice(index * CHUNK_BYTES, min((index + 1) * CHUNK_BYTES, self.length))

    def check_chunk(self, index: int, chunk: Bytes) -> None:
        """Accepts exactly the bytes of chunk `index`.

        Raises:
            ArtifactFault: no such chunk, a wrong length, or other bytes.
        """
        span = self.span(index)
        if len(chunk) != span.stop - span.start:
            raise ArtifactFault(field=f"chunk {index}", expected=f"{span.stop - span.start} bytes", got=len(chunk))
        digest = _chunk_hash(index, chunk)
        if digest != self.chunks[index]:
            raise ArtifactFault(field=f"chunk {index}", expected=self.chunks[index].hex(), got=digest.hex())

    def present(self, content: Bytes) -> Iterator[int]:
        """The chunks that stand whole and right in a partly written content: where a transfer resumes."""
        view = memoryview(content)
        for index in range(len(self.chunks)):
            span = self.span(index)
            chunk = view[span]
            if len(chunk) == span.stop - span.start and _chunk_hash(index, chunk) == self.chunks[index]:
                yield index

    def missing(self, present: Iterable[int]) -> list[int]:
        """The chunks still to be fetched, ascending."""
        known = set(present)
        return [index for index in range(len(self.chunks)) if index not in known]

    def check_whole(self, content: Bytes) -> None:
        """Accepts exactly the whole content.

        Raises:
            ArtifactFault: names the length or the first wrong chunk.
        """
        if len(content) != self.length:
            raise ArtifactFault(field="content", expected=f"{self.length} bytes", got=f"{len(content)} bytes")
        view = memoryview(content)
        for index in range(len(self.chunks)):
            self.check_chunk(index, view[self.span(index)])


def manifest_id(encoded: Bytes) -> bytes:
    """The id of a manifest in its bytes, which need not be a valid one."""
    return blake3.blake3(encoded, derive_key_context=_MANIFEST_CONTEXT).digest()


def _chunk_count(length: int) -> int:
    return -(-length // CHUNK_BYTES)


def _is_kind(kind: bytes) -> bool:
    return 0 < len(kind) <= 16 and all(byte == 0x2D or (byte < 0x80 and chr(byte).isalnum()) for byte in kind)


def manifest_of(content: Bytes, *, kind: str) -> Manifest:
    """The manifest of a whole content.

    Raises:
        LocalFault: an empty or too long content, or a kind that is no short name.
    """
    if not 0 < len(content) <= MAX_CONTENT_BYTES:
        raise LocalFault(f"expected 1 to {MAX_CONTENT_BYTES} bytes of content, got {len(content)}")
    if not kind.isascii() or not _is_kind(kind.encode("ascii")):
        raise LocalFault(f"expected a kind of 1 to 16 letters, digits or dashes, got {kind!r}")
    view = memoryview(content)
    hashes = tuple(
        _chunk_hash(index, view[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES])
        for index in range(_chunk_count(len(content)))
    )
    return Manifest(kind=kind, length=len(content), chunks=hashes)
