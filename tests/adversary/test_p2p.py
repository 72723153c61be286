"""Hostile peers: raw bytes, broken frames, floods, forged envelopes. The node goes on serving an honest peer."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import trio
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from multiaddr import Multiaddr

from native._native.keys import Seed
from node.faults import PeerFault, Unavailable
from node.limits import PRODUCT, Limits
from node.p2p import envelope
from node.p2p.frames import Status, StreamEnded, decode_reply, read_frame, write_frame
from node.p2p.island import Island
from node.p2p.links import CHUNK, MESSAGE, PING
from node.p2p.peers import Peers
from node.p2p.transport import MUX_BUFFER_BYTES, Host, new_host

LIMITS = replace(PRODUCT, idle_frame_seconds=1.0, bad_frames_before_ban=3)


async def no_chunk(peer_id: str, artifact: bytes, index: int) -> bytes | None:
    return None


@pytest.fixture
async def victim() -> AsyncIterator[Peers]:
    """A node under attack; whatever happened, an honest peer is served at the end."""

    async def acknowledge(peer_id: str, raw: bytes) -> bytes:
        return b"ack"

    async def start(number: int, limits: Limits) -> Peers:
        seed = bytes([number]) * 32
        return await Peers.start(
            host="127.0.0.1", port=0, seed=seed, on_message=acknowledge, on_chunk=no_chunk, limits=limits
        )

    node, honest = await start(1, LIMITS), await start(2, PRODUCT)
    yield node
    assert await honest.send(await honest.connect(node.address()), b"still there?", 20) == b"ack"
    assert not node.ended.done()
    await honest.stop()
    await node.stop()


Attack = Callable[[Host, ID], Awaitable[Any]]


@asynccontextmanager
async def attacker(victim: Peers, number: int = 66) -> AsyncIterator[Callable[[Attack], Awaitable[Any]]]:
    """A libp2p host of our own that runs attacks written in trio."""
    async with Island() as island:
        host = new_host(seed=bytes([number]) * 32, protocols={PING: _ignore}, limits=PRODUCT)
        ready = trio.Event()

        async def live() -> None:
            async with host.run(listen_addrs=[Multiaddr("/ip4/127.0.0.1/tcp/0")]):
                ready.set()
                await trio.sleep_forever()

        async def begin() -> None:
            island.start_soon(live)
            await ready.wait()

        await island.call(begin)
        info = info_from_p2p_addr(Multiaddr(victim.address()))

        async def run(attack: Attack) -> Any:
            async def connected() -> Any:
                with trio.fail_after(30):
                    host.get_network().unblock_peer(info.peer_id)
                    await host.connect(info)
                    return await attack(host, info.peer_id)

            return await island.call(connected)

        yield run


async def _ignore(stream: Any) -> None:
    await trio.sleep_forever()


async def talk(host: Host, peer: ID, protocol: str, raw: bytes) -> bytes:
    """Send raw bytes on a fresh stream and return the reply frame, or nothing when the stream is ended instead."""
    stream = await host.new_stream(peer, [protocol])
    try:
        await stream.write(raw)
        return await read_frame(stream, most=LIMITS.reply_frame_bytes, seconds=10)
    except StreamEnded:
        return b""
    finally:
        await stream.reset()


def framed(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + raw


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00" * 1000,
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x13/multistream/1.0.0\n",
        b"\x13/multistream/1.0.0\n\x07/noise\n" + b"\xff" * 5000,
        b"\x13/multistream/1.0.0\n\x0d/tls/1.0.0\n\n",
        b"\xff" * 100_000,
        random.Random(1).randbytes(50_000),
    ],
    ids=["nothing", "zeros", "http", "hello", "noise", "tls", "ones", "random"],
)
async def test_raw_bytes_on_the_port_end_their_connection_only(victim: Peers, raw: bytes) -> None:
    port = int(victim.address().split("/")[4])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(raw)
        writer.write_eof()
        async with asyncio.timeout(30):
            await reader.read()
    except OSError:  # closed under our hands
        pass
    writer.close()


async def test_the_largest_frame_is_answered_and_one_byte_more_ends_the_stream_unread(victim: Peers) -> None:
    async with attacker(victim) as run:
        most = LIMITS.message_frame_bytes
        assert (await run(lambda h, p: talk(h, p, MESSAGE, framed(bytes(most)))))[:1] == bytes([Status.ANSWER])
        assert await run(lambda h, p: talk(h, p, MESSAGE, (most + 1).to_bytes(4, "big"))) == b""
        assert await run(lambda h, p: talk(h, p, MESSAGE, b"\xff" * 4)) == b""
        assert await run(lambda h, p: talk(h, p, PING, framed(b"x"))) == b""


async def test_half_a_frame_is_waited_for_no_longer_than_the_limit(victim: Peers) -> None:
    async with attacker(victim) as run:
        assert await run(lambda h, p: talk(h, p, MESSAGE, (100).to_bytes(4, "big") + b"x" * 99)) == b""


@pytest.mark.parametrize("size", [0, 35, 37, 64])
async def test_a_chunk_request_of_another_size_is_refused_with_the_reason(victim: Peers, size: int) -> None:
    async with attacker(victim) as run:
        reply = decode_reply(await run(lambda h, p: talk(h, p, CHUNK, framed(bytes(size)))))
        assert reply.status is Status.REFUSED and b"36 bytes" in reply.payload


async def test_bad_frames_lead_to_a_ban_and_only_of_their_sender(victim: Peers) -> None:
    async with attacker(victim) as run, attacker(victim, 67) as other:
        for _ in range(LIMITS.bad_frames_before_ban):
            try:
                assert await run(lambda h, p: talk(h, p, MESSAGE, b"\xff" * 4)) == b""
            except Exception:  # the last may find the connection closed already
                break

        async def refused(host: Host, peer: ID) -> bool:
            try:
                return await talk(host, peer, MESSAGE, framed(b"x")) == b""
            except Exception:
                return True

        assert await run(refused)
        assert await other(lambda h, p: talk(h, p, MESSAGE, framed(b"x"))) == bytes([Status.ANSWER]) + b"ack"


@pytest.mark.parametrize("protocol", ["/ipfs/id/1.0.0", "/ipfs/ping/1.0.0", "/meshsub/1.1.0", "/bitvm3/message/2", "x"])
async def test_no_other_protocol_is_served(victim: Peers, protocol: str) -> None:
    async with attacker(victim) as run:

        async def ask(host: Host, peer: ID) -> bool:
            try:
                await host.new_stream(peer, [protocol])
            except Exception:
                return True
            return False

        assert await run(ask)


async def test_plaintext_and_other_multiplexers_are_not_offered(victim: Peers) -> None:
    port = int(victim.address().split("/")[4])
    for offer in (b"/plaintext/2.0.0\n", b"/secio/1.0.0\n", b"/tls/1.0.0\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x13/multistream/1.0.0\n" + bytes([len(offer)]) + offer)
        async with asyncio.timeout(30):
            assert await reader.readexactly(20) == b"\x13/multistream/1.0.0\n"
            assert await reader.readexactly(4) == b"\x03na\n"
        writer.close()


async def test_more_streams_than_the_limit_close_the_connection(victim: Peers) -> None:
    async with attacker(victim) as run:

        async def open_many(host: Host, peer: ID) -> int:
            opened = []
            try:
                for _ in range(LIMITS.streams_per_peer + 1):
                    stream = await host.new_stream(peer, [MESSAGE])
                    await write_frame(stream, b"x")
                    await read_frame(stream, most=100, seconds=10)
                    opened.append(stream)
            except Exception:
                return len(opened)
            return len(opened)

        assert await run(open_many) == LIMITS.streams_per_peer


async def test_a_peer_that_ignores_the_window_is_cut_off_before_it_fills_memory(victim: Peers) -> None:
    async with attacker(victim) as run:

        async def flood(host: Host, peer: ID) -> int:
            stream = await host.new_stream(peer, [MESSAGE])
            await write_frame(stream, b"x")
            await read_frame(stream, most=100, seconds=10)
            muxed = stream.muxed_stream
            await stream.write((LIMITS.message_frame_bytes).to_bytes(4, "big"))
            sent = 0
            try:
                while sent < 4 * MUX_BUFFER_BYTES:
                    header = muxed.conn._write_frame.__self__  # the connection, past every limit of its own
                    frame = (
                        b"\0\0\0\0" + muxed.stream_id.to_bytes(4, "big") + (1 << 20).to_bytes(4, "big") + bytes(1 << 20)
                    )
                    await header.secured_conn.write(frame)
                    sent += 1 << 20
            except Exception:
                return sent
            return sent

        assert await run(flood) < 4 * MUX_BUFFER_BYTES


async def test_random_frames_are_all_answered_or_ended(victim: Peers) -> None:
    chance = random.Random(20261122)
    async with attacker(victim) as run:

        async def many(host: Host, peer: ID) -> int:
            answered = 0
            for _ in range(100):
                protocol = chance.choice([MESSAGE, CHUNK, PING])
                size = 0 if protocol == PING else chance.randrange(64)
                answered += await talk(host, peer, protocol, framed(chance.randbytes(size))) != b""
            return answered

        assert await run(many) == 100


async def test_a_victims_caller_is_told_whose_fault_a_nonsense_reply_is() -> None:
    """The other direction: a hostile server answers our calls."""
    replies = {
        b"status": framed(b"\x09nonsense"),
        b"empty": framed(b""),
        b"huge": (PRODUCT.reply_frame_bytes + 1).to_bytes(4, "big"),
        b"cut": (10).to_bytes(4, "big") + b"\0",
    }

    async def serve(stream: Any) -> None:
        request = await read_frame(stream, most=100, seconds=10)
        await stream.write(replies[request])
        if request == b"cut":
            await stream.reset()
        await trio.sleep_forever()

    async def nothing(peer_id: str, raw: bytes) -> bytes:
        return b""

    node = await Peers.start(host="127.0.0.1", port=0, seed=bytes(31) + b"\1", on_message=nothing, on_chunk=no_chunk)
    async with Island() as island:
        host = new_host(seed=bytes(31) + b"\2", protocols={MESSAGE: serve}, limits=PRODUCT)
        ready = trio.Event()

        async def live() -> None:
            async with host.run(listen_addrs=[Multiaddr("/ip4/127.0.0.1/tcp/0")]):
                ready.set()
                await trio.sleep_forever()

        async def begin() -> str:
            island.start_soon(live)
            await ready.wait()
            return str(host.get_transport_addrs()[0]).split("/p2p/")[0] + f"/p2p/{host.get_id()}"

        peer = await node.connect(await island.call(begin))
        for request, fault in (
            (b"status", PeerFault),
            (b"empty", PeerFault),
            (b"huge", PeerFault),
            (b"cut", Unavailable),
        ):
            with pytest.raises(fault):
                await node.send(peer, request, 20)
    await node.stop()


async def test_mutated_envelopes_never_decode_and_never_raise_anything_else() -> None:
    sender, recipient, genesis = Seed.generate().secret(b"i"), Seed.generate().secret(b"i").xonly(), bytes(32)
    raw = envelope.encode(
        vault=bytes(32), kind="ready", sequence=1, recipient=recipient, body=b"x" * 40, identity=sender,
        genesis=genesis, limits=PRODUCT,
    )  # fmt: skip
    chance = random.Random(20261122)
    for _ in range(3000):
        mutated = bytearray(raw)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(mutated))
            match chance.randrange(3):
                case 0:
                    mutated[at] ^= 1 << chance.randrange(8)
                case 1:
                    del mutated[at]
                case _:
                    mutated.insert(at, chance.randrange(256))
        if bytes(mutated) == raw:
            continue
        with pytest.raises(PeerFault):
            envelope.decode(bytes(mutated), recipient=recipient, genesis=genesis, limits=PRODUCT)


@pytest.mark.parametrize(
    "raw", [b"\x98" * 100_000, b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xc1", b"\x91" * 900_000]
)
async def test_hostile_messagepack_is_refused_quickly(raw: bytes) -> None:
    with pytest.raises(PeerFault):
        envelope.decode(raw, recipient=bytes(32), genesis=bytes(32), limits=PRODUCT)


def test_the_port_is_not_shared_with_another_program() -> None:
    """The library listens with SO_REUSEPORT: our check must refuse what it would share silently."""
    from node.faults import LocalFault
    from node.p2p.transport import listen_address

    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(LocalFault, match="free port"):
            listen_address("127.0.0.1", other.getsockname()[1])
