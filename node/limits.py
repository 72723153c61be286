"""The one table of limits of the package: what a peer, an RPC client or a file may use at most, each with its reason.

Promises: every bound that `node` enforces against the outside stands here, once, with unit and reason (P5 of the
reliability promises). Does NOT enforce anything: modules take a `Limits` and keep to it. Tests replace single values
to reach and exceed them quickly; the daemon always runs with `PRODUCT`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


def _limit(value: float, unit: str, why: str) -> Any:
    return field(default=value, metadata={"unit": unit, "why": why})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All limits. The defaults are the product's values: there is no second place."""

    # Messages between nodes
    message_body_bytes: int = _limit(
        MIB,
        "bytes",
        "2,048 nonces of 66 bytes and 2,048 presignatures of 65 fit many times; larger things are artifacts",
    )
    message_frame_bytes: int = _limit(
        MIB + 4 * KIB, "bytes", "the largest body and its envelope; a reader never allocates more than this for a frame"
    )
    reply_frame_bytes: int = _limit(
        16 * KIB, "bytes", "a loan's reading of 8 slots is the longest; a peer cannot fill memory by answering"
    )
    chunk_bytes: int = _limit(
        MIB, "bytes", "the artifact format's chunk: one BLAKE3 subtree, verified before it touches the disk"
    )
    message_kind_chars: int = _limit(48, "characters", "longest kind in use is under 32")

    open_proposals: int = _limit(
        32, "proposals", "what waits for this node's operator or for the others; each is kept until it is answered"
    )

    # Peer connections
    peers: int = _limit(
        64, "peers", "parties of all vaults of a node, with room; each costs three tasks and four streams at most"
    )
    streams_per_peer: int = _limit(
        16, "streams", "a connection's streams opened by the peer: 2 for messages, 4 for chunks, 1 ping, twice over"
    )
    message_streams: int = _limit(2, "streams", "kept open to a peer; one is busy while a large message is worked on")
    chunk_streams: int = _limit(4, "streams", "kept open to a peer; enough chunks in flight to fill the connection")
    pending_calls_per_peer: int = _limit(
        64, "calls", "an outbox resends in order; more than this waiting means the peer is gone"
    )
    frames_per_second: float = _limit(
        200.0,
        "frames/s",
        "100 MiB of chunks a second is more than a loopback setup needs; a flood is slowed, not served",
    )
    frames_burst: float = _limit(400.0, "frames", "a setup step sends one message per graph and party at once")
    bytes_per_second: float = _limit(128.0 * MIB, "bytes/s", "about what one noise connection carries here at most")
    bytes_burst: float = _limit(32.0 * MIB, "bytes", "a few dozen chunks in flight")
    connect_seconds: float = _limit(
        15.0, "s", "connecting takes 0.25 s; a slow link a few; then the backoff takes over"
    )
    call_seconds: float = _limit(
        60.0, "s", "an ack means committed: one message of work on the other side, never a setup step"
    )
    idle_frame_seconds: float = _limit(
        30.0, "s", "a frame that started must end: a peer cannot hold a reader with half a frame"
    )
    handler_seconds: float = _limit(
        60.0, "s", "our own answer to a peer's frame; a stuck handler gives its stream back"
    )
    heartbeat_every_seconds: float = _limit(10.0, "s", "a hung peer is never noticed by the transport itself")
    heartbeat_deadline_seconds: float = _limit(10.0, "s", "silence this long after a ping closes the connection")
    backoff_first_seconds: float = _limit(0.2, "s", "a restarting daemon is back within a second")
    backoff_most_seconds: float = _limit(30.0, "s", "a peer away for a day is found within half a minute of its return")
    bans: int = _limit(4096, "peers", "identities are free: above this the oldest ban is forgotten")
    bad_frames_before_ban: int = _limit(
        20, "frames", "a few may be a version mix; twenty in a row are hostile or broken"
    )
    ban_seconds: float = _limit(
        600.0, "s", "long enough to be cheap for us, short enough for a repaired peer to come back"
    )

    # RPC
    rpc_body_bytes: int = _limit(MIB, "bytes", "the largest call carries a proposal of a few KiB")
    rpc_header_bytes: int = _limit(8 * KIB, "bytes", "one cookie and a few headers")
    rpc_batch_calls: int = _limit(50, "calls", "the live view asks ten things at once")
    rpc_connections: int = _limit(64, "connections", "a command line, a view and a few scripts, with room")
    rpc_subscribers: int = _limit(16, "subscribers", "each holds a queue of events")
    rpc_events_queued: int = _limit(1000, "events", "a subscriber that does not read is cut off rather than remembered")
    rpc_call_seconds: float = _limit(90.0, "s", "longer work is a job with progress events, not a call")
    rpc_read_seconds: float = _limit(15.0, "s", "a loopback client sends its body at once; a slow one is cut off")
    rpc_ws_message_bytes: int = _limit(
        64 * KIB, "bytes", "subscribers send nothing but pongs and calls of a few hundred bytes"
    )

    # Disk
    artifact_bytes: int = _limit(
        2 * GIB, "bytes", "a kept set of the default profile is far below; a manifest above this is refused"
    )
    artifact_quota_bytes: int = _limit(
        50 * GIB, "bytes", "all artifacts of a data folder; configuration may lower or raise it"
    )
    config_file_bytes: int = _limit(256 * KIB, "bytes", "a configuration is a page of text")
    store_batch_bytes: int = _limit(256 * MIB, "bytes", "one step: state, outbox and the presignatures of every graph")

    # Ledgers
    ledgers: int = _limit(
        64, "ledgers", "each asks its peers for news every few seconds; all were opened by the operator"
    )
    ledger_file_bytes: int = _limit(64 * KIB, "bytes", "a genesis of 16 attestors and its verifying key take 6 KiB")
    ledger_events_queued: int = _limit(1024, "events", "64 batches: hours of proving; the keeper's operator waits then")
    ledger_batch_events: int = _limit(16, "events", "a batch from a keeper: what the circuit holds")
    ledger_batch_bytes: int = _limit(64 * KIB, "bytes", "64 events of at most 600 bytes, a proof, 16 signatures")
    loans: int = _limit(
        4096, "vaults", "registered with one ledger; each keeps its Terms and a few dozen watched coins in memory"
    )
    loan_offers: int = _limit(
        16_384,
        "signatures",
        "Terms that wait for the other one's; half a KB each, and a party asks again at every block",
    )
    loan_rescan_blocks: int = _limit(
        2016, "blocks", "looked through for coins of Terms that come late: two weeks; an older spend is not found"
    )
    loan_lag_blocks: int = _limit(
        2016,
        "blocks",
        "an event's ledger height may be so far behind an attestor's tip: who was away long asks its operator",
    )
    loan_terms_bytes: int = _limit(
        4 * MIB, "bytes", "the Terms of an opener and its top-ups, fetched by pages of 12 KiB"
    )
    ledger_key_bytes: int = _limit(2 * KIB, "bytes", "a verifying key with one public input takes 296 bytes")
    ledger_call_seconds: float = _limit(
        30.0, "s", "one message of a ledger: a judgement takes milliseconds, a price seconds"
    )
    ledger_poll_seconds: float = _limit(
        2.0, "s", "checkpoints come every few minutes; who has a new one tells its peers anyway"
    )
    ledger_shun_seconds: float = _limit(
        30.0, "s", "a peer whose entry was refused is not asked for so long; others have it"
    )
    ledger_retry_first_seconds: float = _limit(0.2, "s", "an attestor that restarts is back within a second")
    ledger_retry_most_seconds: float = _limit(
        10.0, "s", "an attestor that waits for its operator or price is asked so often"
    )

    # Jobs
    job_threads: int = _limit(
        2, "threads", "native code brings its own threads; two jobs keep a garbling and an evaluation going"
    )
    jobs_waiting: int = _limit(256, "jobs", "one per graph, party and step of every vault being set up")

    # Prices
    price_sources: int = _limit(16, "sources", "a median needs an odd few; each is asked for every quote")
    price_bytes: int = _limit(64 * KIB, "bytes", "a ticker is a few hundred bytes; a whole order book is not asked for")
    price_seconds: float = _limit(10.0, "s", "a server that is slower than this is left out of the quote")

    # Loans
    chart_rows: int = _limit(
        20_000, "rows", "a loan's chart keeps so many blocks, some four months; a row is below 200 bytes"
    )

    # Proofs
    key_sidecar_bytes: int = _limit(64 * KIB, "bytes", "ten fields, the longest a verifying key of a few hundred bytes")
    proofs_waiting: int = _limit(64, "proofs", "a proof takes up to a minute: more than an hour's worth is refused")
    proofs_remembered: int = _limit(64, "proofs", "ended jobs that `proof.job` still answers; each is below a KiB")
    proving_keys_loaded: int = _limit(2, "keys", "one a statement; mapped files, but their circuits are in memory")
    witness_bytes: int = _limit(512 * KIB, "bytes", "16 events with paths of 14 levels are below 100 KiB")


PRODUCT = Limits()


def table(limits: Limits) -> Iterator[tuple[str, float, str, str]]:
    """Rows (name, value, unit, reason) in the order of this file, for the documentation and `bitvm3 info`."""
    for item in fields(limits):
        yield item.name, getattr(limits, item.name), item.metadata["unit"], item.metadata["why"]
