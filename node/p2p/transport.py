"""The libp2p host, cut down to what this node uses: ed25519, TCP, noise, yamux, our own protocols.

Promises: no plaintext, no TLS, no identify, no discovery is offered or accepted; a peer cannot make the multiplexer
hold more than `MUX_BUFFER_BYTES`, cannot open more streams than the limit, and cannot take the swarm down by an
exception in a stream's negotiation. Does NOT know the protocols' content. Runs on trio.
"""

from __future__ import annotations

import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import trio
from libp2p import new_swarm
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.host.basic_host import BasicHost
from libp2p.network.config import ConnectionConfig, RetryConfig
from libp2p.peer.id import ID
from libp2p.rcmgr import ResourceLimits, ResourceManager
from libp2p.rcmgr.connection_limits import ConnectionLimits
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as NoiseTransport
from libp2p.stream_muxer.muxer_multistream import MuxerMultistream
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX
from libp2p.stream_muxer.yamux.yamux import Yamux
from multiaddr import Multiaddr

from node.faults import LocalFault
from node.limits import Limits

MUX_BUFFER_BYTES = 24 * 1024 * 1024
"""Unread bytes of one connection: one yamux window (16 MiB at most) filled, and the small streams beside it. The
library only warns when a peer ignores its window."""

StreamTask = Callable[[Any], Awaitable[None]]


class _BoundedStreams(dict[int, Any]):
    """Yamux's table of streams, refusing the peer's next one above the limit (the connection is then closed)."""

    def __init__(self, limit: int, parity: int) -> None:
        super().__init__()
        self._limit, self._parity = limit, parity

    def __setitem__(self, stream_id: int, stream: Any) -> None:
        theirs = stream_id % 2 == self._parity
        if theirs and sum(1 for known in self if known % 2 == self._parity) >= self._limit:
            raise trio.TooSlowError  # the one exception the library's reader answers by closing the connection
        super().__setitem__(stream_id, stream)


def _bounded_yamux(limits: Limits) -> type:
    class BoundedYamux(Yamux):  # type: ignore[misc]
        """Yamux that keeps a peer to its window and to its number of streams."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.streams = _BoundedStreams(limits.streams_per_peer, 0 if self.is_initiator_value else 1)

        async def _read_data_body(self, length: int) -> bytes:
            if length + sum(map(len, self.stream_buffers.values())) > MUX_BUFFER_BYTES:
                raise trio.TooSlowError
            body: bytes = await super()._read_data_body(length)
            return body

    return BoundedYamux


class _Muxers(MuxerMultistream):  # type: ignore[misc]
    """The library makes its own Yamux whatever class it is given: this makes ours."""

    async def new_conn(self, conn: Any, peer_id: ID) -> Any:
        protocol, muxer = await self._selector.select(conn, conn.is_initiator, self.negotiate_timeout)
        return self._annotate_connection(muxer(conn, peer_id, is_initiator=conn.is_initiator), conn, protocol)


class Host(BasicHost):  # type: ignore[misc]
    """A libp2p host without identify: peers learn nothing but the protocols they ask for by name."""

    def _schedule_identify(self, peer_id: ID, *, reason: str) -> None:
        """Peers come from the configuration; their claims about addresses and protocols are not wanted."""

    async def _push_identify_to_all_peers(self) -> None:
        """As above."""

    async def _swarm_stream_handler(self, net_stream: Any) -> None:
        """Negotiation and serving; whatever a peer provokes there ends its stream only."""
        try:
            await super()._swarm_stream_handler(net_stream)
        except Exception:
            await reset(net_stream)


def _shielded(seconds: float) -> trio.CancelScope:
    """A scope for cleaning up: not cancelled from outside, ends by itself."""
    scope = trio.CancelScope(deadline=trio.current_time() + seconds)
    scope.shield = True
    return scope


async def reset(stream: Any) -> None:
    """Reset a stream, whatever state it or its connection is in, without waiting on a hung peer."""
    with _shielded(1), suppress(Exception):
        await stream.reset()


async def close_connection(host: Host, peer: ID) -> None:
    """Close every connection to a peer, also when it has stopped reading."""
    for connection in list(host.get_network().get_connections(peer)):
        with _shielded(1), suppress(Exception):
            await connection.close()
        with _shielded(1), suppress(Exception):
            await connection.muxed_conn.secured_conn.close()
        host.get_network().remove_conn(connection)  # the library forgets to when its close was cut short


def peer_id_of(seed: bytes) -> str:
    """The libp2p peer id that a 32-byte seed gives."""
    return str(ID.from_pubkey(create_new_key_pair(seed).public_key))


def new_host(*, seed: bytes, protocols: Mapping[str, StreamTask], limits: Limits) -> Host:
    """A host that serves `protocols` (name -> trio stream handler)."""
    keys = create_new_key_pair(seed)
    streams = 2 * limits.streams_per_peer * limits.peers
    muxers = {YAMUX: _bounded_yamux(limits)}
    swarm = new_swarm(
        key_pair=keys,
        muxer_opt=muxers,
        sec_opt={NOISE: NoiseTransport(keys, noise_privkey=create_noise_key_pair().private_key)},
        retry_config=RetryConfig(max_retries=0),  # the backoff is ours
        connection_config=ConnectionConfig(
            max_connections=limits.peers,
            min_connections=0,
            low_watermark=0,
            auto_connect_interval=1e9,  # never dial on its own
            high_watermark=limits.peers,
            max_connections_per_peer=3,
            dial_timeout=limits.connect_seconds,
        ),
        resource_manager=ResourceManager(
            limits=ResourceLimits(max_connections=2 * limits.peers, max_streams=streams),
            connection_limits=ConnectionLimits(
                max_pending_inbound=limits.peers,
                max_pending_outbound=limits.peers,
                max_established_inbound=limits.peers,
                max_established_outbound=limits.peers,
                max_established_per_peer=4,
                max_established_total=2 * limits.peers,
            ),
            enable_memory_limits=False,  # looks at the whole machine's memory, other programs included
            enable_circuit_breaker=False,  # would refuse every peer for a minute after five failures of one
            enable_graceful_degradation=False,
        ),
    )
    swarm.upgrader.muxer_multistream = _Muxers(muxers)
    return Host(network=swarm, default_protocols=OrderedDict(protocols), disable_identify_address_discovery=True)


def listen_address(host: str, port: int) -> Multiaddr:
    """The multiaddress to listen at, checked to be free.

    The library listens with SO_REUSEPORT: a second daemon on the same port would silently share its connections.

    Raises:
        LocalFault: the address is taken or not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise LocalFault(
                what=f"peer listening address {host}:{port}",
                expected="a free port of this machine",
                came=str(error),
                todo="Stop what uses it, or choose another with p2p.port.",
            ) from error
    return Multiaddr(f"/{'ip6' if family == socket.AF_INET6 else 'ip4'}/{host}/tcp/{port}")
