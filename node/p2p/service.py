"""The trio side of `Peers`: serving streams, calling peers, keeping connections alive.

Promises: a task of a peer ends with its stream and never with the island; a call uses a kept stream when there is
one. Does NOT know asyncio except through `Island.ask` and `Island.tell`. Every coroutine here runs on the island;
the few plain methods that the daemon's thread calls only read.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Literal

import structlog
import trio
from libp2p.abc import INotifee
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from multiaddr import Multiaddr

from node.faults import LocalFault, PeerFault, Unavailable
from node.limits import Limits
from node.p2p.frames import (
    Reply,
    Status,
    StreamEnded,
    decode_reply,
    encode_reply,
    read_frame,
    write_frame,
)
from node.p2p.gate import Gate
from node.p2p.island import Island
from node.p2p.links import CHUNK, MESSAGE, PING, Link, Traffic, Wanted
from node.p2p.transport import Host, close_connection, new_host, reset

Answer = Callable[[str, bytes], Awaitable[bytes]]
Announce = Callable[[str, Literal["up", "down"]], None]

_JITTER = secrets.SystemRandom()


class _Notifee(INotifee):  # type: ignore[misc]
    def __init__(self, changed: Callable[[str], None]) -> None:
        self._changed = changed

    async def connected(self, network: Any, conn: Any) -> None:
        self._changed(str(conn.muxed_conn.peer_id))

    async def disconnected(self, network: Any, conn: Any) -> None:
        self._changed(str(conn.muxed_conn.peer_id))

    async def opened_stream(self, network: Any, stream: Any) -> None: ...

    async def closed_stream(self, network: Any, stream: Any) -> None: ...

    async def listen(self, network: Any, multiaddr: Any) -> None: ...

    async def listen_close(self, network: Any, multiaddr: Any) -> None: ...


class Service:
    """One libp2p host, its peers and their streams."""

    def __init__(
        self, island: Island, limits: Limits, seed: bytes, answers: Mapping[str, Answer], announce: Announce
    ) -> None:
        self._island = island
        self._limits = limits
        self._seed = seed
        self._answers = {**answers, PING: self._pong}
        self._announce = announce
        self._links: dict[str, Link] = {}
        self._gates: dict[str, Gate] = {}
        self._bans: OrderedDict[str, float] = OrderedDict()
        self._most = {
            MESSAGE: (limits.message_frame_bytes, limits.reply_frame_bytes),
            CHUNK: (64, limits.chunk_bytes + 1),
            PING: (0, limits.reply_frame_bytes),
        }
        self._host: Host
        self.traffic = Traffic()
        self.peer_id = ""
        self.address = ""

    # -- read by the daemon's thread

    def present(self) -> set[str]:
        """Connected peers."""
        return {peer for peer, link in list(self._links.items()) if link.present.is_set()}

    def wanted_addresses(self) -> dict[str, str]:
        """Peer id -> address of the peers to stay connected to."""
        return {peer: link.wanted.address for peer, link in list(self._links.items()) if link.wanted}

    def last_failure(self, peer: str) -> str:
        """Why the last attempt to reach a peer failed, or nothing."""
        link = self._links.get(peer)
        return link.last_failure if link else "not a peer of this node"

    # -- life

    async def start(self, listen: Multiaddr) -> None:
        """Listen, then keep the host running until the island ends."""
        self._host = new_host(
            seed=self._seed,
            protocols={name: partial(self._serve, name) for name in self._answers},
            limits=self._limits,
        )
        self._seed = b""
        self._host.get_network().register_notifee(_Notifee(self._changed))
        stack = AsyncExitStack()
        ready = trio.Event()

        async def live() -> None:
            async with stack:
                await stack.enter_async_context(self._host.run(listen_addrs=[listen]))
                ready.set()
                await self._watch()

        self._island.start_soon(live)
        await ready.wait()
        addresses = self._host.get_transport_addrs()
        if not addresses:
            raise LocalFault(
                what="peer listening address", expected="a free port of this machine", came=f"cannot listen at {listen}"
            )
        self.peer_id = str(self._host.get_id())
        self.address = f"{str(addresses[0]).split('/p2p/')[0]}/p2p/{self.peer_id}"

    def _changed(self, peer: str) -> None:
        """A connection came or went: update presence, tell the daemon, wake who waits."""
        link = self._link(peer)
        connections = self._host.get_network().get_connections(ID.from_string(peer))
        now = any(not connection.is_closed for connection in connections)
        if now == link.present.is_set():
            return
        if now:
            link.last_failure = ""
            link.present.set()
        else:
            link.present = trio.Event()
            for streams in link.idle.values():
                streams.clear()
            if not self._banned(peer):
                self._gates.pop(peer, None)
        link.wake.set()
        self._island.tell(self._announce, peer, "up" if now else "down")
        if not now and link.wanted is None and link.waiting == 0:
            del self._links[peer]

    def _link(self, peer: str) -> Link:
        if peer not in self._links:
            self._links[peer] = Link(self._limits)
        return self._links[peer]

    # -- connections

    async def keep(self, wanted: Wanted) -> None:
        """Stay connected to a peer from now on."""
        link = self._link(wanted.peer_id)
        link.wanted = wanted
        link.wake.set()
        if link.keeper is None:
            link.keeper = trio.CancelScope()
            self._island.start_soon(self._keep_connected, wanted.peer_id, link)

    async def _keep_connected(self, peer: str, link: Link) -> None:
        backoff = self._limits.backoff_first_seconds
        network = self._host.get_network()
        network.protect(ID.from_string(peer), "wanted")  # never pruned in favour of strangers
        assert link.keeper is not None  # noqa: S101 - set by keep
        with link.keeper:
            while link.wanted is not None:
                link.wake = trio.Event()
                if link.present.is_set():
                    await link.wake.wait()
                    backoff = self._limits.backoff_first_seconds
                    continue
                if await self._dial(link.wanted.address, link):
                    self._changed(peer)
                    if link.present.is_set():
                        continue
                with trio.move_on_after(backoff * _JITTER.uniform(0.5, 1.0)):
                    await link.wake.wait()
                backoff = min(2 * backoff, self._limits.backoff_most_seconds)

    async def _dial(self, address: str, link: Link) -> bool:
        info = info_from_p2p_addr(Multiaddr(address))
        network = self._host.get_network()
        network.unblock_peer(info.peer_id)  # the library refuses to dial for a minute after a failure
        self._host.get_peerstore().clear_addrs(info.peer_id)
        try:
            with trio.fail_after(self._limits.connect_seconds):
                await self._host.connect(info)
        except Exception as error:
            link.last_failure = _shortest(error)
            return False
        return True

    async def until_present(self, peer: str) -> None:
        """Wait until a peer is connected."""
        await self._link(peer).present.wait()

    async def forget(self, peer: str) -> None:
        """Want a peer no longer and close its connections."""
        link = self._links.get(peer)
        if link is None:
            return
        link.wanted = None
        if link.keeper is not None:
            link.keeper.cancel()
            link.keeper = None
        self._host.get_network().unprotect(ID.from_string(peer), "wanted")
        await self._close(peer)

    async def ban(self, peer: str) -> None:
        """Close a peer's connections, serve it nothing for a while."""
        self._bans[peer] = trio.current_time() + self._limits.ban_seconds
        self._bans.move_to_end(peer)
        while len(self._bans) > self._limits.bans:
            self._bans.popitem(last=False)
        await self._close(peer)

    def _banned(self, peer: str) -> bool:
        until = self._bans.get(peer)
        if until is not None and until <= trio.current_time():
            del self._bans[peer]
            return False
        return until is not None

    async def _close(self, peer: str) -> None:
        await close_connection(self._host, ID.from_string(peer))
        self._changed(peer)

    async def _watch(self) -> None:
        """Ping everyone who is connected, forever; close whoever does not answer in time."""
        async with trio.open_nursery() as nursery:
            while True:
                await trio.sleep(self._limits.heartbeat_every_seconds)
                for peer in self.present():
                    nursery.start_soon(self._ping, peer)

    async def _ping(self, peer: str) -> None:
        alive = False
        try:
            with trio.move_on_after(self._limits.heartbeat_deadline_seconds):
                alive = (await self.call(peer, PING, b"")).status is Status.ANSWER
        except (PeerFault, Unavailable):
            pass
        if not alive and peer in self.present():
            self._link(peer).last_failure = "no answer to a heartbeat"
            await self._close(peer)

    async def _pong(self, peer: str, request: bytes) -> bytes:
        return b""  # asked through the daemon's loop: a pong says that the daemon lives, not only this thread

    # -- calling

    async def call(self, peer: str, protocol: str, request: bytes) -> Reply:
        """Send a request to a peer, waiting for it to be connected, and return its reply.

        Raises:
            PeerFault: it answered with nonsense.
            Unavailable: unknown peer, connection lost, too many calls waiting already.
        """
        link = self._links.get(peer)
        if link is None:
            raise Unavailable(what=f"peer {peer}", expected="a connection", came="none, and its address is not known")
        if link.waiting >= self._limits.pending_calls_per_peer:
            raise Unavailable(what=f"peer {peer}", expected="room for one more call", came=f"{link.waiting} waiting")
        link.waiting += 1
        try:
            if link.wanted is not None and not link.present.is_set():
                link.wake.set()
            elif not link.present.is_set():
                raise Unavailable(
                    what=f"peer {peer}", expected="a connection", came="none, and its address is not known"
                )
            await link.present.wait()
            async with link.slots[protocol]:
                return await self._exchange(link, peer, protocol, request)
        finally:
            link.waiting -= 1

    async def _exchange(self, link: Link, peer: str, protocol: str, request: bytes) -> Reply:
        most = self._most[protocol][1]
        while True:
            kept = bool(link.idle[protocol])
            try:
                stream = link.idle[protocol].pop() if kept else await self._open(peer, protocol)
            except Exception as error:
                link.last_failure = _shortest(error)
                raise Unavailable(what=f"peer {peer}", expected="a stream", came=_shortest(error)) from error
            done = False
            try:
                await write_frame(stream, request)
                self.traffic.sent(peer, len(request))
                raw = await read_frame(stream, most=most, seconds=self._limits.idle_frame_seconds)
                self.traffic.received(peer, len(raw))
                reply = decode_reply(raw)
                done = True
            except StreamEnded as error:
                if kept:
                    continue  # it may have died long ago: try the next, at last a fresh one
                raise Unavailable(what=f"peer {peer}", expected="an answer", came=f"stream ended: {error}") from error
            finally:
                if not done:
                    await reset(stream)
            link.idle[protocol].append(stream)
            return reply

    async def _open(self, peer: str, protocol: str) -> Any:
        with trio.fail_after(self._limits.connect_seconds):
            return await self._host.new_stream(ID.from_string(peer), [protocol])

    # -- serving

    async def _serve(self, protocol: str, stream: Any) -> None:
        """Answer frames of one stream until it ends. Never raises anything but Cancelled."""
        peer = str(stream.muxed_conn.peer_id)
        gate = self._gates.setdefault(peer, Gate(limits=self._limits, started=trio.current_time()))
        if self._banned(peer) or gate.streams >= 2 * self._limits.streams_per_peer:
            await reset(stream)
            return
        gate.streams += 1
        try:
            while await self._serve_one(protocol, peer, gate, stream):
                pass
        except StreamEnded:
            pass
        except PeerFault:
            if gate.bad_frame():
                self._island.start_soon(self.ban, peer)
        finally:
            gate.streams -= 1
            await reset(stream)

    async def _serve_one(self, protocol: str, peer: str, gate: Gate, stream: Any) -> bool:
        most = self._most[protocol][0]
        request = await read_frame(stream, most=most, seconds=self._limits.idle_frame_seconds)
        self.traffic.received(peer, len(request))
        await trio.sleep(gate.admit(len(request), trio.current_time()))
        reply = await self._reply(protocol, peer, request)
        with trio.move_on_after(self._limits.idle_frame_seconds) as patience:
            await write_frame(stream, reply)
            self.traffic.sent(peer, len(reply))
        return not patience.cancelled_caught

    async def _reply(self, protocol: str, peer: str, request: bytes) -> bytes:
        try:
            with trio.fail_after(self._limits.handler_seconds):
                answer = await self._island.ask(self._answers[protocol], peer, request)
        except PeerFault as fault:
            return encode_reply(Status.REFUSED, str(fault).encode()[:500])
        except trio.TooSlowError:
            return encode_reply(Status.LATER, b"busy")
        except Unavailable as fault:
            return encode_reply(Status.LATER, str(fault).encode()[:500])
        except Exception as error:
            self._island.tell(self._report, protocol, peer, error)
            return encode_reply(Status.LATER, b"internal error")
        if len(answer) + 1 > self._most[protocol][1]:
            return encode_reply(Status.LATER, b"internal error: answer over the limit")
        return encode_reply(Status.ANSWER, answer)

    def _report(self, protocol: str, peer: str, error: Exception) -> None:
        structlog.get_logger("p2p").error("answering a peer failed", protocol=protocol, peer=peer, exc_info=error)


def _shortest(error: BaseException) -> str:
    """The innermost reason of a chain of wrapped library errors, one line."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
