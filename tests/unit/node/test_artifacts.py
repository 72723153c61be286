"""Artifacts: whole or not there, verified chunk by chunk, resumed where they stopped, within the quota."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from circuits.artifact import CHUNK_BYTES, manifest_of
from node.artifacts import Artifacts
from node.faults import LocalFault, PeerFault, Unavailable
from node.limits import PRODUCT
from node.p2p.peers import Peers

CONTENT = os.urandom(5 * CHUNK_BYTES + 1234)
ROOMY = 100 * CHUNK_BYTES


def made(folder: Path, quota: int = ROOMY) -> Artifacts:
    return Artifacts(folder, quota=quota)


class Source:
    """A peer holding artifacts, with one deviation: what it does to the answer for a chunk."""

    def __init__(self, artifacts: Artifacts, deviate: Callable[[int, bytes], bytes] = lambda _, chunk: chunk) -> None:
        self._artifacts = artifacts
        self._deviate = deviate
        self.asked: list[int] = []

    async def fetch_chunk(self, peer_id: str, artifact: bytes, index: int, timeout: float) -> bytes:  # noqa: ASYNC109
        self.asked.append(index)
        chunk = self._artifacts.read(artifact, index)
        if chunk is None:
            raise PeerFault(what="chunk request", expected="a chunk held here", came=f"chunk {index}")
        return self._deviate(index, chunk)


def test_a_content_put_is_viewed_and_read_again_after_reopening(tmp_path: Path) -> None:
    manifest = made(tmp_path).put(CONTENT, kind="kept")
    again = made(tmp_path)
    assert bytes(again.view(manifest.id)) == CONTENT
    assert b"".join(again.read(manifest.id, i) or b"" for i in range(6)) == CONTENT
    assert again.id_of(manifest.encoded) == manifest.id and again.complete(manifest.id)
    assert again.put(memoryview(CONTENT), kind="kept") == manifest
    assert again.used() == len(CONTENT)


@pytest.mark.parametrize("index", [-1, 6, 2**32 - 1])
def test_chunks_that_do_not_exist_are_none(tmp_path: Path, index: int) -> None:
    artifacts = made(tmp_path)
    manifest = artifacts.put(CONTENT, kind="kept")
    assert artifacts.read(manifest.id, index) is None
    assert artifacts.read(bytes(32), 0) is None and artifacts.read(b"../../etc/passwd", 0) is None


async def test_a_content_is_fetched_from_a_peer_with_progress(tmp_path: Path) -> None:
    there, here = made(tmp_path / "a"), made(tmp_path / "b")
    manifest = there.put(CONTENT, kind="kept")
    steps: list[tuple[int, int]] = []
    source = Source(there)
    fetched = await here.fetch(
        manifest.encoded, peers=source, peer="p", on_progress=lambda done, total: steps.append((done, total))
    )
    assert fetched == manifest.id and bytes(here.view(fetched)) == CONTENT
    assert steps == [(done, 6) for done in range(7)] and sorted(source.asked) == list(range(6))
    await here.fetch(manifest.encoded, peers=source, peer="p")
    assert len(source.asked) == 6  # nothing is fetched twice


async def test_two_fetches_of_one_content_share_the_work(tmp_path: Path) -> None:
    there, here = made(tmp_path / "a"), made(tmp_path / "b")
    manifest, source = there.put(CONTENT, kind="kept"), Source(there)
    await asyncio.gather(*(here.fetch(manifest.encoded, peers=source, peer="p") for _ in range(3)))
    assert sorted(source.asked) == list(range(6))


async def test_a_fetch_resumes_after_a_restart_and_repairs_damage(tmp_path: Path) -> None:
    there = made(tmp_path / "a")
    manifest = there.put(CONTENT, kind="kept")
    away = Unavailable(what="peer", expected="an answer", came="none")

    def leave_after_three(index: int, chunk: bytes) -> bytes:
        if len(source.asked) > 3:
            raise away
        return chunk

    source = Source(there, leave_after_three)
    with pytest.raises(Unavailable):
        await made(tmp_path / "b").fetch(manifest.encoded, peers=source, peer="p")
    part = tmp_path / "b" / f"{manifest.id.hex()}.part"
    arrived = [i for i in range(6) if part.read_bytes()[i * CHUNK_BYTES :][:CHUNK_BYTES] == there.read(manifest.id, i)]
    assert 1 <= len(arrived) <= 3
    with part.open("r+b") as file:
        file.seek(arrived[0] * CHUNK_BYTES + 7)
        file.write(b"damage")
    here = made(tmp_path / "b")
    assert not here.complete(manifest.id) and here.read(manifest.id, arrived[0]) is None
    second = Source(there)
    await here.fetch(manifest.encoded, peers=second, peer="p")
    assert sorted(second.asked) == sorted({*range(6)} - set(arrived[1:]))
    assert bytes(here.view(manifest.id)) == CONTENT


@pytest.mark.parametrize(
    "deviate",
    [
        lambda index, chunk: chunk[:-1] if index == 2 else chunk,
        lambda index, chunk: chunk + b"\0" if index == 2 else chunk,
        lambda index, chunk: bytes([chunk[0] ^ 1]) + chunk[1:] if index == 2 else chunk,
        lambda index, chunk: b"" if index == 2 else chunk,
        lambda index, chunk: CONTENT[:CHUNK_BYTES] if index == 2 else chunk,
    ],
    ids=["short", "long", "bit", "empty", "swapped"],
)
async def test_a_wrong_chunk_is_the_peers_fault_named_and_never_stored(
    tmp_path: Path, deviate: Callable[[int, bytes], bytes]
) -> None:
    there, here = made(tmp_path / "a"), made(tmp_path / "b")
    manifest = there.put(CONTENT, kind="kept")
    with pytest.raises(PeerFault, match="chunk 2"):
        await here.fetch(manifest.encoded, peers=Source(there, deviate), peer="p")
    assert not here.complete(manifest.id)
    await here.fetch(manifest.encoded, peers=Source(there), peer="p")
    assert bytes(here.view(manifest.id)) == CONTENT


async def test_a_missing_chunk_is_the_peers_fault(tmp_path: Path) -> None:
    manifest = manifest_of(CONTENT, kind="kept")
    with pytest.raises(PeerFault, match="chunk"):
        await made(tmp_path / "b").fetch(manifest.encoded, peers=Source(made(tmp_path / "a")), peer="p")


@pytest.mark.parametrize("at", [0, 8, 10, 26, 30, 38, 60])
async def test_a_manifest_with_one_byte_changed_is_refused_or_has_another_id(tmp_path: Path, at: int) -> None:
    there, here = made(tmp_path / "a"), made(tmp_path / "b")
    raw = bytearray(there.put(CONTENT, kind="kept").encoded)
    raw[at] ^= 0x80
    with pytest.raises(PeerFault):
        await here.fetch(bytes(raw), peers=Source(there), peer="p")
    assert not list((tmp_path / "b").glob("*.content"))


async def test_the_longest_content_of_the_limits_passes_and_one_byte_more_does_not(tmp_path: Path) -> None:
    there = made(tmp_path / "a")
    for spare, passes in ((0, True), (-1, False)):
        limits = replace(PRODUCT, artifact_bytes=len(CONTENT) + spare)
        here = Artifacts(tmp_path / f"b{spare}", quota=ROOMY, limits=limits)
        manifest = there.put(CONTENT, kind="kept")
        if passes:
            await here.fetch(manifest.encoded, peers=Source(there), peer="p")
        else:
            with pytest.raises(PeerFault, match="artifact length"):
                await here.fetch(manifest.encoded, peers=Source(there), peer="p")


async def test_the_quota_is_reached_but_not_exceeded_and_dropping_frees_it(tmp_path: Path) -> None:
    there, here = made(tmp_path / "a"), made(tmp_path / "b", quota=2 * len(CONTENT))
    first, second = there.put(CONTENT, kind="one"), there.put(CONTENT, kind="two")
    for manifest in (first, second):
        await here.fetch(manifest.encoded, peers=Source(there), peer="p")
    assert here.used() == 2 * len(CONTENT)
    with pytest.raises(LocalFault, match=r"artifact quota.*0 bytes free"):
        here.put(b"x", kind="more")
    here.drop(first.id)
    here.drop(first.id)
    assert not here.complete(first.id)
    here.put(b"x", kind="more")


def test_damage_on_our_disk_is_our_fault_and_named(tmp_path: Path) -> None:
    artifacts = made(tmp_path)
    manifest = artifacts.put(CONTENT, kind="kept")
    path = tmp_path / f"{manifest.id.hex()}.content"
    raw = bytearray(CONTENT)
    raw[3 * CHUNK_BYTES] ^= 1
    for damaged in (bytes(raw), CONTENT[:-1], b"x"):
        path.write_bytes(damaged)
        with pytest.raises(LocalFault, match=r"chunk 3|content"):
            artifacts.view(manifest.id)
    with pytest.raises(LocalFault):
        artifacts.view(bytes(32))


def test_an_empty_content_is_our_fault(tmp_path: Path) -> None:
    with pytest.raises(LocalFault, match="content"):
        made(tmp_path).put(b"", kind="kept")


def test_kill_9_while_writing_never_leaves_a_false_content(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from node.artifacts import Artifacts\n"
        "artifacts = Artifacts(Path(sys.argv[1]), quota=1 << 40)\n"
        "for i in range(10_000):\n"
        "    print(artifacts.put(bytes([i % 256, i // 256]) * 700_000, kind='kept').id.hex(), flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    seen = [child.stdout.readline().strip() for _ in range(5)]
    os.kill(child.pid, signal.SIGKILL)
    seen += child.stdout.read().split()
    child.wait()
    artifacts = made(tmp_path)
    whole = [path.stem for path in tmp_path.glob("*.content")]
    assert set(seen) <= set(whole) and len(whole) <= len(seen) + 1
    for name in whole:
        assert len(artifacts.view(bytes.fromhex(name))) == 1_400_000


async def test_a_content_travels_between_two_nodes(tmp_path: Path) -> None:
    there, here = made(tmp_path / "a"), made(tmp_path / "b")
    manifest = there.put(CONTENT, kind="kept")

    async def no_message(peer_id: str, raw: bytes) -> bytes:
        return b""

    async def serve(peer_id: str, artifact: bytes, index: int) -> bytes | None:
        return there.read(artifact, index)

    async def start(number: int) -> Peers:
        seed = bytes([number]) * 32
        return await Peers.start(host="127.0.0.1", port=0, seed=seed, on_message=no_message, on_chunk=serve)

    one, two = await start(1), await start(2)
    try:
        peer = await one.connect(two.address())
        await here.fetch(manifest.encoded, peers=one, peer=peer)
        assert bytes(here.view(manifest.id)) == CONTENT
        with pytest.raises(PeerFault, match="chunk"):
            await here.fetch(manifest_of(b"not there", kind="kept").encoded, peers=one, peer=peer)
    finally:
        await one.stop()
        await two.stop()
