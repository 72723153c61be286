"""What setting a vault up will take: presignatures, bytes and, as an ESTIMATE, time. Asked before anybody agrees.

Promises exact counts and sizes, which follow from the proposal and the engines' own sizes. Times are scaled from a small table
of measurements on one machine (`MEASURED`), two cores a party: they say minutes or hours, not seconds. Pure. Does NOT know
this machine, the link, or who is slow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bitcoin_scripts.outputs import Output, Sign
from circuits.cut_and_choose import PROFILES
from circuits.engine import Encrypted, Setup
from circuits.engines.pairs import params_of
from native._native.engine import Params
from node.proposing import predicate_of
from vault import pairs
from vault.agreement import GraphTerms, Proposal
from vault.fast_point import subsets
from vault.plan import stand_in
from vault.transactions.every import every_transaction

__all__ = ["MEASURED", "ORIGIN", "Share", "as_rows", "sessions", "share_of", "sizes_of"]

CORES: Final = 2
SESSION_BYTES: Final = 66 + 32
"""Of one MuSig2 session and party: a nonce and a partial signature."""
PRESIGNATURE: Final = 65


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Milliseconds of one core."""

    garbled: Mapping[str, float]  # an instance, by engine: committed to, and opened or handed over
    checked: Mapping[str, float]  # an instance: made again, or recomputed
    session: float  # a MuSig2 session: nonces, signature, aggregation, check
    session_party: float  # and this much for every party, whose nonces are read
    reveal_made: float  # a presignature of Reveal
    reveal_checked: float


MEASURED: Final = Times(
    garbled={"core": 10.4, "babe": 19.6},
    checked={"core": 5.7, "babe": 13.4},
    session=0.6,
    session_party=0.1,
    reveal_made=0.041,
    reveal_checked=0.019,
)
ORIGIN: Final = (
    "scaled from setups measured on a machine with 2 cores (docs/audit.md, Estimates), each party on a machine of its own and no "
    "link that is slow"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One party's part of a setup. Bytes are exact but for messages' frames; `seconds` is an estimate, on one core."""

    pairs: int
    presignatures: int
    sent: int
    received: int
    kept: int
    seconds: float


def sizes_of(graph: GraphTerms, verifying_key: bytes) -> Params:
    """The engine's own sizes for a pair of this graph. NativeError when the key is none."""
    statement = Encrypted(key=verifying_key, x=(1).to_bytes(32)) if graph.engine == "babe" else None
    setup = Setup(
        setup_id=bytes(32), context=b"", circuit=predicate_of(graph), statement=statement,
        profile=PROFILES[graph.profile], digit_bits=graph.digit_bits,
    )  # fmt: skip
    return params_of(setup)


def sessions(proposal: Proposal) -> int:
    """Messages that the group signs: one a value of every digit of Assert, one a subset of path B, one a plain input."""
    plan, count = stand_in(proposal, coins=1), 0
    for name, template in every_transaction(plan).items():
        head, _, rest = name.partition("/")
        for spent in (i for i in template.inputs if isinstance(i.spends, Output)):
            for path in spent.paths:
                signed = sum(isinstance(p, Sign) and p.key == plan.cast.group for p in spent.spends.pieces(path))
                if path == "digits":
                    signed <<= proposal.graphs[int(head)].digit_bits
                elif head == "liquidate" and proposal.loan is not None:
                    signed *= _openers(proposal, int(rest))
                count += signed
    return count


def _openers(proposal: Proposal, entry: int) -> int:
    """How many subsets of the attestors open an entry of path B."""
    loan = proposal.loan
    assert loan is not None  # noqa: S101 - only loans have entries
    place = loan.fast[entry]
    attestors = sum((a.price, a.day) == (place.price, place.day) for a in loan.announcements)
    return len(tuple(subsets(attestors, loan.threshold)))


def share_of(proposal: Proposal, me: int, keys: Callable[[bytes], bytes]) -> Share:
    """What party `me` has to do; `keys` gives the verifying key of an id."""
    parties, batch = len(proposal.parties), sessions(proposal)
    sent = received = batch * SESSION_BYTES * (parties - 1)
    kept, mine, presigned = batch * PRESIGNATURE, 0, batch
    milliseconds = batch * (MEASURED.session + MEASURED.session_party * parties)
    for g, graph in enumerate(proposal.graphs):
        sizes, engine = sizes_of(graph, keys(graph.key) if graph.engine == "babe" else b""), graph.engine
        profile, values = PROFILES[graph.profile], graph.digits << graph.digit_bits
        stating = (graph.claimant, *(proposal.challengers(g) if engine == "babe" else ()))
        for party in stating:  # points go to everyone
            if party == me:
                sent += sizes.points_bytes * (parties - 1)
            else:
                received += sizes.points_bytes
        offered = sizes.polynomial_bytes + 32 * profile.instances
        opened = sizes.opening_bytes * (profile.instances - profile.kept)
        tables = sizes.kept_bytes * profile.kept
        for k in proposal.challengers(g):
            garbler, evaluator = pairs.garbler_of(proposal, g, k), pairs.evaluator_of(proposal, g, k)
            mine += me in (garbler, evaluator)
            if me == garbler:
                sent += offered + opened + tables
                milliseconds += profile.instances * MEASURED.garbled[engine]
            if me == evaluator:
                received += offered + opened + tables
                kept += opened + tables + sizes.kept_bytes  # the last: one instance for drills
                milliseconds += profile.instances * MEASURED.checked[engine]
            if engine == "babe" and me in (graph.claimant, k):
                presigned += values
                kept += PRESIGNATURE * values
            if engine == "babe" and me == graph.claimant:
                sent += PRESIGNATURE * values
                milliseconds += values * MEASURED.reveal_made
            if engine == "babe" and me == k:
                received += PRESIGNATURE * values
                milliseconds += values * MEASURED.reveal_checked
    return Share(
        pairs=mine, presignatures=presigned, sent=sent, received=received, kept=kept, seconds=milliseconds / 1000
    )  # fmt: skip


def as_rows(proposal: Proposal, me: int, keys: Callable[[bytes], bytes]) -> dict[str, Any]:
    """For people and programs: this party's part, and how long all of it takes when the busiest party sets the pace."""
    shares = [share_of(proposal, p, keys) for p in range(len(proposal.parties))]
    own, slowest = shares[me], max(share.seconds for share in shares)
    return {
        "graphs": len(proposal.graphs),
        "pairs_of_all": sum(len(proposal.challengers(g)) for g in range(len(proposal.graphs))),
        "pairs_of_yours": own.pairs,
        "presignatures": own.presignatures,
        "bytes_sent": own.sent,
        "bytes_received": own.received,
        "bytes_kept": own.kept,
        "seconds_estimated": max(1, round(slowest / CORES)),
        "minutes_estimated": round(slowest / CORES / 60, 1),
        "estimate": ORIGIN,
    }
