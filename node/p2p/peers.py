"""Peers: the daemon's one door to other nodes.

Promises: `send` returns the peer's answer or says whose fault it is that there is none; wanted peers are reconnected
with backoff; a hung peer is noticed by heartbeat; whatever a peer sends stays within the limits and never raises into
the daemon. Does NOT know what messages mean, who a peer is (`envelope` and the configuration tie a libp2p peer id to
an identity), or what must be sent again (the outbox does).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from multiaddr import Multiaddr

from node.faults import LocalFault, PeerFault, Unavailable
from node.limits import PRODUCT, Limits
from node.p2p.frames import Reply, Status
from node.p2p.island import Island
from node.p2p.links import CHUNK, MESSAGE, Traffic, Wanted
from node.p2p.service import Service
from node.p2p.transport import listen_address

Presence = Literal["up", "down"]
OnMessage = Callable[[str, bytes], Awaitable[bytes]]
OnChunk = Callable[[str, bytes, int], Awaitable[bytes | None]]
OnPeer = Callable[[str, Presence], None]

ARTIFACT_ID_BYTES = 32
_CHUNK_REQUEST_BYTES = ARTIFACT_ID_BYTES + 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerStatus:
    """One line of `peer.list`: address is None for a peer that came to us."""

    peer_id: str
    address: str | None
    presence: Presence


class Peers:
    """Start with `Peers.start`, end with `stop`. All methods run on the daemon's asyncio loop."""

    def __init__(self, island: Island, limits: Limits, on_message: OnMessage, on_chunk: OnChunk) -> None:
        """Use `start`."""
        self._island = island
        self._limits = limits
        self._on_message = on_message
        self._on_chunk = on_chunk
        self._service: Service

    @classmethod
    async def start(
        cls,
        *,
        host: str,
        port: int,
        seed: bytes,
        on_message: OnMessage,
        on_chunk: OnChunk,
        on_peer: OnPeer | None = None,
        limits: Limits = PRODUCT,
    ) -> Peers:
        """Listen at host:port (0: any free port) with the ed25519 key of `seed` (32 bytes).

        Args:
            host: an address of this machine.
            port: TCP port.
            seed: the transport key's secret; gives the peer id.
            on_message: (peer id, raw message) -> raw reply. A PeerFault it raises is told to the peer as a refusal,
                Unavailable and every other error as "later".
            on_chunk: (peer id, artifact id, chunk index) -> the chunk, or None when it is not here.
            on_peer: (peer id, "up" or "down"), called on the daemon's loop.
            limits: the table of limits.

        Raises:
            LocalFault: the address cannot be listened at.
        """
        address = listen_address(host, port)
        island = await Island().__aenter__()
        peers = cls(island, limits, on_message, on_chunk)
        announce = on_peer if on_peer is not None else _nothing
        peers._service = Service(island, limits, seed, {MESSAGE: peers._message, CHUNK: peers._chunk}, announce)
        try:
            await island.call(peers._service.start, address)
        except BaseException:
            await peers.stop()
            raise
        return peers

    async def stop(self) -> None:
        """Close every connection and end the thread. Calls under way get Unavailable."""
        await self._island.__aexit__(None, None, None)

    @property
    def ended(self) -> asyncio.Future[None]:
        """Done when the peer thread has ended; the daemon stops when it ends with an error."""
        return self._island.ended

    @property
    def peer_id(self) -> str:
        """Our own libp2p peer id."""
        return self._service.peer_id

    @property
    def traffic(self) -> Traffic:
        """Payload bytes and frames sent and received since the start, and by peer."""
        return self._service.traffic

    def address(self) -> str:
        """Our multiaddress with peer id, as others write it in their configuration."""
        return self._service.address

    def list(self) -> list[PeerStatus]:
        """Every wanted or connected peer."""
        up = self._service.present()
        wanted = self._service.wanted_addresses()
        return [
            PeerStatus(peer_id=peer, address=wanted.get(peer), presence="up" if peer in up else "down")
            for peer in sorted({*up, *wanted})
        ]

    async def keep(self, address: str) -> str:
        """Want a peer from now on: connect, and connect again whenever it is lost. Returns its peer id at once.

        Raises:
            LocalFault: not a /ip4|ip6|dns.../tcp/PORT/p2p/PEER address.
        """
        wanted = parse_address(address)
        if wanted.peer_id == self.peer_id:
            raise LocalFault(what="peer address", expected="another node's", came=f"our own ({address})")
        await self._island.call(self._service.keep, wanted)
        return wanted.peer_id

    async def connect(self, address: str) -> str:
        """`keep`, then wait until connected. Returns the peer id.

        Raises:
            LocalFault: as `keep`.
            Unavailable: not within the time limit; it stays wanted and attempts go on.
        """
        peer_id = await self.keep(address)
        seconds = self._limits.connect_seconds
        try:
            async with asyncio.timeout(seconds):
                await self._island.call(self._service.until_present, peer_id)
        except TimeoutError:
            raise Unavailable(
                what=f"peer {address}",
                expected=f"a connection within {seconds:g} s",
                came=self._service.last_failure(peer_id) or "none",
                todo="Attempts go on; check the address and that the peer runs.",
            ) from None
        return peer_id

    async def forget(self, peer_id: str) -> None:
        """Want a peer no longer, and close its connections."""
        await self._island.call(self._service.forget, peer_id)

    async def ban(self, peer_id: str) -> None:
        """Close a peer's connections and serve it nothing for the time of the limits table."""
        await self._island.call(self._service.ban, peer_id)

    async def send(self, peer_id: str, raw: bytes, timeout: float) -> bytes:  # noqa: ASYNC109 - part of the port
        """Send one message and return the peer's reply: an ack means it is committed there.

        A message may arrive twice (a stream lost after sending is tried once more); receivers recognise duplicates.

        Raises:
            PeerFault: the peer refused it (its reason is in `came`), or answered nonsense.
            Unavailable: not connected and not within `timeout` seconds, no answer, or the peer asks to try later.
            LocalFault: `raw` is over the limit.
        """
        if len(raw) > self._limits.message_frame_bytes:
            raise LocalFault(
                what="message length",
                expected=f"at most {self._limits.message_frame_bytes} bytes",
                came=f"{len(raw)} bytes",
                todo="This is a bug: large values go as artifacts.",
            )
        return await self._call(peer_id, MESSAGE, raw, timeout)

    async def fetch_chunk(self, peer_id: str, artifact: bytes, index: int, timeout: float) -> bytes:  # noqa: ASYNC109
        """Ask for one chunk of an artifact (32-byte id). The caller verifies it against the manifest.

        Raises:
            PeerFault: the peer refused, has no such chunk, or answered nonsense.
            Unavailable: as `send`.
        """
        request = artifact + index.to_bytes(4, "big")
        if len(artifact) != ARTIFACT_ID_BYTES:
            raise ValueError(f"an artifact id is {ARTIFACT_ID_BYTES} bytes, came {len(artifact)}")
        return await self._call(peer_id, CHUNK, request, timeout)

    async def _call(self, peer_id: str, protocol: str, request: bytes, seconds: float) -> bytes:
        try:
            async with asyncio.timeout(seconds):
                reply: Reply = await self._island.call(self._service.call, peer_id, protocol, request)
        except TimeoutError:
            raise Unavailable(
                what=f"peer {peer_id}",
                expected=f"an answer within {seconds:g} s",
                came=self._service.last_failure(peer_id) or "none",
                todo="`bitvm3 peer list` shows who is connected.",
            ) from None
        reason = reply.payload[:500].decode(errors="replace")
        match reply.status:
            case Status.ANSWER:
                return reply.payload
            case Status.REFUSED:
                raise PeerFault(what=f"peer {peer_id}", expected="an answer", came=f"a refusal: {reason}")
            case Status.LATER:
                raise Unavailable(what=f"peer {peer_id}", expected="an answer", came=f"try later: {reason}")

    async def _message(self, peer_id: str, request: bytes) -> bytes:
        return await self._on_message(peer_id, request)

    async def _chunk(self, peer_id: str, request: bytes) -> bytes:
        if len(request) != _CHUNK_REQUEST_BYTES:
            raise PeerFault(
                what="chunk request", expected=f"{_CHUNK_REQUEST_BYTES} bytes", came=f"{len(request)} bytes"
            )
        artifact, index = request[:ARTIFACT_ID_BYTES], int.from_bytes(request[ARTIFACT_ID_BYTES:], "big")
        chunk = await self._on_chunk(peer_id, artifact, index)
        if chunk is None:
            raise PeerFault(what="chunk request", expected="a chunk held here", came=f"{artifact.hex()} chunk {index}")
        if len(chunk) > self._limits.chunk_bytes:
            raise LocalFault(
                what="chunk", expected=f"at most {self._limits.chunk_bytes} bytes", came=f"{len(chunk)} bytes"
            )
        return chunk


def _nothing(peer_id: str, presence: Presence) -> None:
    """No one wants to hear of peers coming and going."""


def parse_address(address: str) -> Wanted:
    """A peer's multiaddress with its peer id at the end.

    Raises:
        LocalFault: anything else.
    """
    try:
        parsed = Multiaddr(address)
        names = [protocol.name for protocol in parsed.protocols()]
        peer_id = parsed.value_for_protocol("p2p")
    except Exception as error:
        names, peer_id, reason = [], None, str(error)
    else:
        reason = address
    if len(names) != 3 or names[0] not in ("ip4", "ip6", "dns", "dns4", "dns6") or names[1:] != ["tcp", "p2p"]:
        raise LocalFault(
            what="peer address",
            expected="/ip4/HOST/tcp/PORT/p2p/PEER-ID",
            came=reason[:300] or "nothing",
            todo="Ask the peer's operator for what `bitvm3 info` shows there.",
        )
    return Wanted(peer_id=str(peer_id), address=address)
