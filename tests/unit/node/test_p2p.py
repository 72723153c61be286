"""Peers: answers come back, faults say whose they are, connections come back, limits hold."""

import asyncio
import hashlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from node.faults import LocalFault, PeerFault, Unavailable
from node.limits import PRODUCT, Limits
from node.p2p.frames import Status, decode_reply, encode_reply
from node.p2p.gate import Bucket, Gate
from node.p2p.island import Island
from node.p2p.peers import Peers, Presence, parse_address
from node.p2p.transport import peer_id_of

ARTIFACT = bytes(range(32))


async def acknowledge(peer_id: str, raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()


async def no_chunk(peer_id: str, artifact: bytes, index: int) -> bytes | None:
    return None


class Watcher:
    """Collects presence events and lets a test wait for one."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Presence]] = []
        self._more = asyncio.Event()

    def __call__(self, peer_id: str, presence: Presence) -> None:
        self.seen.append((peer_id, presence))
        self._more.set()

    async def until(self, presence: Presence, times: int = 1) -> None:
        async with asyncio.timeout(30):
            while sum(1 for _, seen in self.seen if seen == presence) < times:
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def node(
    number: int,
    *,
    on_message: Callable[[str, bytes], Awaitable[bytes]] = acknowledge,
    on_chunk: Callable[[str, bytes, int], Awaitable[bytes | None]] = no_chunk,
    on_peer: Watcher | None = None,
    limits: Limits = PRODUCT,
    port: int = 0,
) -> AsyncIterator[Peers]:
    peers = await Peers.start(
        host="127.0.0.1",
        port=port,
        seed=bytes([number]) * 32,
        on_message=on_message,
        on_chunk=on_chunk,
        on_peer=on_peer,
        limits=limits,
    )
    try:
        yield peers
    finally:
        await peers.stop()


async def test_a_message_is_answered_in_both_directions_over_one_connection() -> None:
    async with node(1) as a, node(2) as b:
        peer = await a.connect(b.address())
        assert peer == b.peer_id == peer_id_of(bytes([2]) * 32)
        for raw in (b"one", b"", b"three" * 1000):
            assert await a.send(peer, raw, 10) == hashlib.sha256(raw).digest()
        assert await b.send(a.peer_id, b"back", 10) == hashlib.sha256(b"back").digest()
        assert [(s.peer_id, s.presence) for s in a.list()] == [(peer, "up")]
        assert b.list()[0].address is None and a.list()[0].address == b.address()


async def test_the_largest_message_passes_and_one_byte_more_is_our_own_fault() -> None:
    async with node(1) as a, node(2) as b:
        peer = await a.connect(b.address())
        largest = os.urandom(PRODUCT.message_frame_bytes)
        assert await a.send(peer, largest, 30) == hashlib.sha256(largest).digest()
        with pytest.raises(LocalFault, match="message length"):
            await a.send(peer, largest + b"\0", 30)


async def test_chunks_come_whole_and_in_parallel_and_a_missing_one_is_refused() -> None:
    chunks = [os.urandom(PRODUCT.chunk_bytes) for _ in range(8)] + [b"last"]

    async def serve(peer_id: str, artifact: bytes, index: int) -> bytes | None:
        return chunks[index] if artifact == ARTIFACT and index < len(chunks) else None

    async with node(1) as a, node(2, on_chunk=serve) as b:
        peer = await a.connect(b.address())
        fetched = await asyncio.gather(*(a.fetch_chunk(peer, ARTIFACT, i, 30) for i in range(len(chunks))))
        assert fetched == chunks
        with pytest.raises(PeerFault, match=f"{ARTIFACT.hex()} chunk 9"):
            await a.fetch_chunk(peer, ARTIFACT, 9, 30)
        with pytest.raises(PeerFault, match="refusal"):
            await a.fetch_chunk(peer, bytes(32), 0, 30)
        assert a.traffic.received_bytes > 8 * PRODUCT.chunk_bytes
        assert a.traffic.by_peer[peer][1] == a.traffic.received_bytes


@pytest.mark.parametrize(
    ("raised", "expected", "said"),
    [
        (PeerFault(what="kind", expected="known", came="unknown"), PeerFault, "kind: expected known"),
        (Unavailable(what="disk", expected="room", came="none"), Unavailable, "disk: expected room"),
        (ZeroDivisionError("secret detail"), Unavailable, "internal error"),
    ],
)
async def test_what_a_receiver_raises_is_told_as_whose_fault_it_is(
    raised: Exception, expected: type[Exception], said: str
) -> None:
    async def refuse(peer_id: str, raw: bytes) -> bytes:
        if raw == b"bad":
            raise raised
        return b"ok"

    async with node(1) as a, node(2, on_message=refuse) as b:
        peer = await a.connect(b.address())
        with pytest.raises(expected, match=said) as caught:
            await a.send(peer, b"bad", 10)
        assert "secret detail" not in str(caught.value)
        assert await a.send(peer, b"good", 10) == b"ok"


async def test_a_slow_receiver_is_unavailable_and_its_stream_is_not_reused() -> None:
    release = asyncio.Event()

    async def slow(peer_id: str, raw: bytes) -> bytes:
        if raw == b"slow":
            await release.wait()
        return b"done " + raw

    async with node(1) as a, node(2, on_message=slow) as b:
        peer = await a.connect(b.address())
        with pytest.raises(Unavailable, match=r"within 0\.2 s"):
            await a.send(peer, b"slow", 0.2)
        assert await a.send(peer, b"next", 10) == b"done next"
        release.set()


async def test_a_handler_over_its_time_is_answered_with_later() -> None:
    async def stuck(peer_id: str, raw: bytes) -> bytes:
        await asyncio.Event().wait()
        return b""

    async with node(1) as a, node(2, on_message=stuck, limits=replace(PRODUCT, handler_seconds=0.2)) as b:
        peer = await a.connect(b.address())
        with pytest.raises(Unavailable, match="busy"):
            await a.send(peer, b"x", 20)


async def test_cancelling_a_send_leaves_the_connection_usable() -> None:
    entered = asyncio.Event()

    async def stuck_once(peer_id: str, raw: bytes) -> bytes:
        if raw == b"stuck":
            entered.set()
            await asyncio.Event().wait()
        return b"ok"

    async with node(1) as a, node(2, on_message=stuck_once) as b:
        peer = await a.connect(b.address())
        task = asyncio.create_task(a.send(peer, b"stuck", 30))
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await a.send(peer, b"x", 10) == b"ok"


async def test_many_sends_at_once_are_all_answered_and_too_many_are_refused() -> None:
    async with node(1, limits=replace(PRODUCT, pending_calls_per_peer=20)) as a, node(2) as b:
        peer = await a.connect(b.address())
        raws = [b"%d" % i for i in range(20)]
        assert await asyncio.gather(*(a.send(peer, raw, 20) for raw in raws)) == [
            hashlib.sha256(raw).digest() for raw in raws
        ]
        answers = await asyncio.gather(*(a.send(peer, b"x", 20) for _ in range(60)), return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, Unavailable)]
        assert refused and all("waiting" in str(fault) for fault in refused)
        assert len(refused) + answers.count(hashlib.sha256(b"x").digest()) == 60


async def test_an_unknown_peer_is_unavailable_at_once() -> None:
    async with node(1) as a:
        with pytest.raises(Unavailable, match="its address is not known"):
            await a.send(peer_id_of(bytes([9]) * 32), b"x", 30)


async def test_a_lost_peer_is_announced_and_found_again_with_its_messages() -> None:
    watcher = Watcher()
    async with node(1, on_peer=watcher) as a:
        async with node(2) as b:
            peer, port = await a.connect(b.address()), int(b.address().split("/")[4])
        await watcher.until("down")
        with pytest.raises(Unavailable):
            await a.send(peer, b"x", 0.2)
        sending = asyncio.create_task(a.send(peer, b"waited", 30))
        async with node(2, port=port):
            assert await sending == hashlib.sha256(b"waited").digest()
            await watcher.until("up", times=2)
        assert watcher.seen[:2] == [(peer, "up"), (peer, "down")]


async def test_connecting_to_nobody_is_unavailable_and_goes_on_trying() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    watcher = Watcher()
    async with node(1, on_peer=watcher, limits=replace(PRODUCT, connect_seconds=0.5)) as a:
        address = f"/ip4/127.0.0.1/tcp/{port}/p2p/{peer_id_of(bytes([2]) * 32)}"
        with pytest.raises(Unavailable, match=r"within 0\.5 s"):
            await a.connect(address)
        async with node(2, port=port):
            await watcher.until("up")


async def test_another_identity_at_the_address_is_not_connected() -> None:
    async with node(1, limits=replace(PRODUCT, connect_seconds=1.0)) as a, node(2) as b:
        wrong = b.address().replace(b.peer_id, peer_id_of(bytes([3]) * 32))
        with pytest.raises(Unavailable):
            await a.connect(wrong)
        assert all(status.presence == "down" for status in a.list())


async def test_forgetting_a_peer_ends_its_connection_for_good() -> None:
    watcher = Watcher()
    async with node(1, on_peer=watcher) as a, node(2) as b:
        peer = await a.connect(b.address())
        await a.forget(peer)
        await watcher.until("down")
        assert a.list() == []
        with pytest.raises(Unavailable, match="not known"):
            await a.send(peer, b"x", 5)


async def test_a_banned_peer_is_served_nothing() -> None:
    async with node(1) as a, node(2) as b:
        peer = await a.connect(b.address())
        await b.ban(a.peer_id)
        with pytest.raises(Unavailable):
            await a.send(peer, b"x", 2)
    async with node(1) as a, node(2, limits=replace(PRODUCT, ban_seconds=0.0)) as b:
        peer = await a.connect(b.address())
        await b.ban(a.peer_id)
        assert await a.send(peer, b"x", 20) == hashlib.sha256(b"x").digest()


HUNG_PEER = """
import asyncio, sys
from node.p2p.peers import Peers
async def acknowledge(peer_id, raw): return b"ok"
async def no_chunk(peer_id, artifact, index): return None
async def main():
    peers = await Peers.start(host="127.0.0.1", port=0, seed=bytes([2]) * 32, on_message=acknowledge, on_chunk=no_chunk)
    print(peers.address(), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await peers.stop()
asyncio.run(main())
"""


@pytest.fixture
async def other_process() -> AsyncIterator[tuple[subprocess.Popen[str], str]]:
    child = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", HUNG_PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    try:
        address = await asyncio.get_running_loop().run_in_executor(None, child.stdout.readline)
        yield child, address.strip()
    finally:
        child.kill()
        child.wait()


async def test_a_hung_peer_is_noticed_by_heartbeat_even_with_full_buffers(
    other_process: tuple[subprocess.Popen[str], str],
) -> None:
    child, address = other_process
    watcher = Watcher()
    limits = replace(PRODUCT, heartbeat_every_seconds=0.3, heartbeat_deadline_seconds=1.0)
    async with node(1, on_peer=watcher, limits=limits) as a:
        peer = await a.connect(address)
        assert await a.send(peer, b"x", 10) == b"ok"
        os.kill(child.pid, signal.SIGSTOP)
        stuck = await asyncio.gather(
            *(a.send(peer, bytes(PRODUCT.message_frame_bytes), 4) for _ in range(30)), return_exceptions=True
        )
        assert all(isinstance(answer, Unavailable) for answer in stuck)
        await watcher.until("down")
        os.kill(child.pid, signal.SIGCONT)
        await watcher.until("up", times=2)
        assert await a.send(peer, b"x", 20) == b"ok"


async def test_a_killed_peer_is_noticed_without_a_heartbeat(other_process: tuple[subprocess.Popen[str], str]) -> None:
    child, address = other_process
    watcher = Watcher()
    async with node(1, on_peer=watcher, limits=replace(PRODUCT, heartbeat_every_seconds=3600.0)) as a:
        await a.connect(address)
        child.kill()
        await watcher.until("down")


async def test_a_taken_port_is_refused_with_the_reason() -> None:
    async with node(1) as a:
        port = int(a.address().split("/")[4])
        with pytest.raises(LocalFault, match=f"127.0.0.1:{port}.*free port"):
            async with node(2, port=port):
                pass


async def test_stopping_ends_calls_under_way_with_unavailable() -> None:
    entered = asyncio.Event()

    async def stuck(peer_id: str, raw: bytes) -> bytes:
        entered.set()
        await asyncio.Event().wait()
        return b""

    async with node(2, on_message=stuck) as b:
        a = await Peers.start(host="127.0.0.1", port=0, seed=bytes([1]) * 32, on_message=acknowledge, on_chunk=no_chunk)
        peer = await a.connect(b.address())
        sending = asyncio.create_task(a.send(peer, b"x", 60))
        await entered.wait()
        await a.stop()
        with pytest.raises(Unavailable):
            await sending
        with pytest.raises(Unavailable, match="has ended"):
            await a.send(peer, b"x", 60)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nonsense",
        "/ip4/127.0.0.1/tcp/1",
        "/ip4/127.0.0.1/udp/1/quic-v1/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5",
        "/ip4/127.0.0.1/tcp/1/p2p/notapeer",
        "/ip4/300.0.0.1/tcp/1/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5",
        "/ip4/127.0.0.1/tcp/99999/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5",
        "/ip4/127.0.0.1/tcp/1/ws/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5",
    ],
)
def test_a_bad_address_is_refused_with_the_form(address: str) -> None:
    with pytest.raises(LocalFault, match="/ip4/HOST/tcp/PORT/p2p/PEER-ID"):
        parse_address(address)


async def test_our_own_address_is_refused() -> None:
    async with node(1) as a:
        with pytest.raises(LocalFault, match="our own"):
            await a.keep(a.address())


async def test_an_island_carries_results_errors_and_cancellation_both_ways() -> None:
    async def double(value: int) -> int:
        return 2 * value

    async def fail() -> None:
        raise KeyError("asyncio side")

    async with Island() as island:

        async def there_and_back(value: int) -> int:
            return await island.ask(double, value) + 1

        async def fails() -> None:
            await island.ask(fail)

        assert await asyncio.gather(*(island.call(there_and_back, i) for i in range(50))) == [
            2 * i + 1 for i in range(50)
        ]
        with pytest.raises(KeyError, match="asyncio side"):
            await island.call(fails)
    with pytest.raises(Unavailable):
        await island.call(there_and_back, 1)


def test_a_bucket_lets_a_burst_pass_and_then_keeps_the_rate() -> None:
    bucket = Bucket(rate=10.0, burst=5.0, level=5.0, at=0.0)
    assert [bucket.take(1, 0.0) for _ in range(5)] == [0.0] * 5
    assert bucket.take(1, 0.0) == pytest.approx(0.1)
    assert bucket.take(1, 0.2) == 0.0  # 0.2 s paid off the debt and one more
    assert bucket.take(1, 100.0) == 0.0 and bucket.level == pytest.approx(4.0)


def test_a_gate_slows_frames_and_bytes_and_counts_bad_ones_to_a_ban() -> None:
    limits = replace(PRODUCT, frames_per_second=10.0, frames_burst=2.0, bytes_per_second=100.0, bytes_burst=1000.0)
    gate = Gate(limits=limits, started=0.0)
    assert [gate.admit(1, 0.0) for _ in range(2)] == [0.0, 0.0]
    assert gate.admit(1, 0.0) == pytest.approx(0.1)
    gate = Gate(limits=limits, started=0.0)
    assert gate.admit(1500, 0.0) == pytest.approx(5.0)
    assert [gate.bad_frame() for _ in range(limits.bad_frames_before_ban)][-2:] == [False, True]


@pytest.mark.parametrize("status", list(Status))
def test_reply_frames_round_trip(status: Status) -> None:
    reply = decode_reply(encode_reply(status, b"payload"))
    assert (reply.status, reply.payload) == (status, b"payload")


@pytest.mark.parametrize("raw", [b"", b"\x03", b"\xff" * 10])
def test_a_reply_of_unknown_status_is_the_peers_fault(raw: bytes) -> None:
    with pytest.raises(PeerFault, match="reply status"):
        decode_reply(raw)
