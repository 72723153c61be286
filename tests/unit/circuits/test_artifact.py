"""An artifact is accepted chunk by chunk with exactly its bytes at exactly their places; a transfer resumes."""

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.artifact import CHUNK_BYTES, MAX_CONTENT_BYTES, ArtifactFault, Manifest, manifest_of
from circuits.faults import LocalFault

CONTENT = random.Random(1).randbytes(3 * CHUNK_BYTES + 12_345)
MANIFEST = manifest_of(CONTENT, kind="core-kept")


def test_a_manifest_survives_its_bytes() -> None:
    assert Manifest.parse(MANIFEST.encoded, expected_id=MANIFEST.id) == MANIFEST
    assert (MANIFEST.kind, MANIFEST.length, len(MANIFEST.chunks)) == ("core-kept", len(CONTENT), 4)
    MANIFEST.check_whole(CONTENT)


@pytest.mark.parametrize("length", [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1])
def test_lengths_around_a_chunk(length: int) -> None:
    manifest = manifest_of(CONTENT[:length], kind="x")
    assert len(manifest.chunks) == -(-length // CHUNK_BYTES)
    manifest.check_whole(CONTENT[:length])
    with pytest.raises(ArtifactFault, match="content: expected"):
        manifest.check_whole(CONTENT[: length + 1])


def test_every_chunk_checks_alone_and_only_in_its_place() -> None:
    for index in range(4):
        chunk = CONTENT[MANIFEST.span(index)]
        MANIFEST.check_chunk(index, memoryview(chunk))
        changed = bytearray(chunk)
        changed[len(chunk) // 2] ^= 1
        with pytest.raises(ArtifactFault, match=f"chunk {index}: expected [0-9a-f]{{64}}"):
            MANIFEST.check_chunk(index, changed)
        with pytest.raises(ArtifactFault, match=f"chunk {index}: expected {len(chunk)} bytes"):
            MANIFEST.check_chunk(index, chunk[:-1])
    with pytest.raises(ArtifactFault, match="chunk 1: "):
        MANIFEST.check_chunk(1, CONTENT[MANIFEST.span(0)])
    for index in (-1, 4):
        with pytest.raises(ArtifactFault, match="chunk index: expected below 4"):
            MANIFEST.check_chunk(index, b"")


def test_equal_chunks_have_different_hashes() -> None:
    manifest = manifest_of(bytes(2 * CHUNK_BYTES), kind="x")
    assert manifest.chunks[0] != manifest.chunks[1]


def test_a_transfer_resumes_where_it_was() -> None:
    partly = bytearray(len(CONTENT))
    for index in (0, 3):
        partly[MANIFEST.span(index)] = CONTENT[MANIFEST.span(index)]
    present = list(MANIFEST.present(partly))
    assert present == [0, 3]
    assert MANIFEST.missing(present) == [1, 2]
    assert list(MANIFEST.present(CONTENT[: 2 * CHUNK_BYTES + 5])) == [0, 1]
    assert list(MANIFEST.present(b"")) == []
    for index in MANIFEST.missing(present):
        partly[MANIFEST.span(index)] = CONTENT[MANIFEST.span(index)]
    MANIFEST.check_whole(partly)


def changed(offset: int, data: bytes) -> bytes:
    encoded = bytearray(MANIFEST.encoded)
    encoded[offset : offset + len(data)] = data
    return bytes(encoded)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"", "manifest: expected 38 bytes or more, got 0 bytes"),
        (changed(0, b"X"), "magic"),
        (changed(8, struct.pack("<H", 2)), "version: expected 1, got 2"),
        (changed(10, b"a/b"), "kind"),
        (changed(10, bytes(16)), "kind"),
        (changed(26, struct.pack("<I", 4096)), "chunk size: expected 1048576, got 4096"),
        (changed(30, struct.pack("<Q", 0)), "length"),
        (changed(30, struct.pack("<Q", MAX_CONTENT_BYTES + 1)), "length"),
        (changed(30, struct.pack("<Q", MAX_CONTENT_BYTES)), "manifest: expected 2097190 bytes"),
        (changed(30, struct.pack("<Q", len(CONTENT) - 1)), "manifest id"),
        (MANIFEST.encoded[:-32], "manifest: expected 166 bytes, got 134 bytes"),
        (MANIFEST.encoded + b"\0", "manifest: expected 166 bytes, got 167 bytes"),
        (changed(38, bytes(32)), "manifest id"),
    ],
)
def test_a_hostile_manifest_names_its_field(data: bytes, field: str) -> None:
    with pytest.raises(ArtifactFault, match=field):
        Manifest.parse(data, expected_id=MANIFEST.id)


@settings(max_examples=200)
@given(st.data())
def test_no_other_bytes_have_the_id(data: st.DataObject) -> None:
    encoded = bytearray(MANIFEST.encoded)
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    cut = encoded[: data.draw(st.integers(0, len(encoded)))]
    for candidate in (bytes(encoded), bytes(cut)):
        with pytest.raises(ArtifactFault):
            Manifest.parse(candidate, expected_id=MANIFEST.id)


def test_contents_and_kinds_out_of_range_are_refused() -> None:
    with pytest.raises(LocalFault, match="bytes of content"):
        manifest_of(b"", kind="x")
    for kind in ("", "seventeen-letters", "a b", "ü"):
        with pytest.raises(LocalFault, match="expected a kind"):
            manifest_of(b"x", kind=kind)
