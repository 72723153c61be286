"""What the two sides of a pair (graph, challenger) agree on and have stated: setups, points, offers, kept sets. Reads only.

Promise: a peer's points, commitments and kept set are handed out only in the shape that Terms give them and, points, with a
valid proof of knowledge; PeerFault names the field otherwise. Who garbles is a row of `challenge.facts`, not a branch here.
This module does NOT garble, fetch or decide.
"""

from __future__ import annotations

from typing import Final, assert_never

import msgspec

from challenge.bodies import Commitments, Points, decode, decode_kept
from challenge.checks import terms_of
from challenge.facts import challengers_of, key
from challenge.states import VaultState
from circuits.cut_and_choose import PROFILES
from circuits.engine import Encrypted, Engine, Offer, Setup
from circuits.engines import ENGINES
from native import NativeError
from node.faults import PeerFault
from node.proposing import predicate_of
from node.store import Put
from node.work.context import Context
from vault import pairs
from vault.agreement import Reveals, Rows
from vault.statement import outcome_x
from vault.terms import EnginePoints

_ENCRYPTED: Final = msgspec.msgpack.Decoder(Encrypted)
"""Made at import, as in vault.terms: jobs decode in threads."""


def engine_of(state: VaultState, g: int) -> Engine:
    """The dispute engine of a graph."""
    return ENGINES[state.proposal.graphs[g].engine]


def setup_of(context: Context, state: VaultState, g: int, challenger: int) -> Setup:
    """What the pair agrees on."""
    return pairs.setup(
        terms_of(state.proposal, state.facts),
        g,
        challenger,
        circuit=predicate_of(state.proposal.graphs[g]),
        statement=statement_of(context, state, g),
    )


def statement_of(context: Context, state: VaultState, g: int) -> Encrypted | None:
    """What a proof of the claim must prove (babe). Raises LocalFault when the ledger or the key is not here.

    Once it was stored (`statements`) neither is needed: a vault outlives the files of a key.
    """
    graph = state.proposal.graphs[g]
    match graph.engine:
        case "core":
            return None
        case "babe":
            stored = context.store.get("jobs", _statement_key(context.name(state), g))
            if stored is not None:
                return _ENCRYPTED.decode(stored)
            genesis = context.ledgers.genesis(graph.statement)
            x = outcome_x(terms_of(state.proposal, state.facts), g, genesis)
            return Encrypted(key=context.proving.key(graph.key).verifying_key, x=x)
        case _:
            assert_never(graph.engine)


def statements(context: Context, state: VaultState) -> tuple[Put, ...]:
    """The statement of every graph that has one, to be stored."""
    found = ((g, statement_of(context, state, g)) for g in range(len(state.proposal.graphs)))
    return tuple(
        ("jobs", _statement_key(context.name(state), g), msgspec.msgpack.encode(said)) for g, said in found if said
    )


def _statement_key(vault: bytes, g: int) -> bytes:
    return vault + b"/statement/%d" % g


# ---- points ----------------------------------------------------------------------------------------------------------
def knowledge_context(state: VaultState, g: int, *challenger: int) -> bytes:
    """What a proof of knowledge is bound to: the vault and the graph, and the challenger whose points they are."""
    return pairs.knowledge_context(terms_of(state.proposal, state.facts), g, *challenger)


def points_of(context: Context, state: VaultState, g: int) -> Points:
    """The claimant's points of a graph. Raises PeerFault naming the field."""
    points = _points(context, state, key("points", g), challengers_of(state.proposal, g), knowledge_context(state, g))
    if engine_of(state, g).garbler == "challenger":
        for k, point in points.outputs:
            if len(point) != 33 or point[0] != 2:
                raise PeerFault(what=f"{key('points', g)}: K_{k}", expected="02 and an x", came=point.hex())
    return points


def answers_of(context: Context, state: VaultState, g: int, k: int) -> Points:
    """A challenger's points of a graph whose engine lets it answer with digits (babe). Raises PeerFault naming the field."""
    return _points(context, state, key("answers", g, k), (k,), knowledge_context(state, g, k))


def _points(context: Context, state: VaultState, name: str, outputs: tuple[int, ...], bound: bytes) -> Points:
    g = int(name.split("/")[1])
    points = stated_points(context, state, name)
    if tuple(k for k, _ in points.outputs) != outputs:
        raise PeerFault(
            what=f"{name}: outputs", expected=f"one for each of {outputs}", came=str([k for k, _ in points.outputs])
        )
    together = points.digits + b"".join(point for _, point in points.outputs)
    try:
        proven = engine_of(state, g).check_knowledge(together, bound, points.proof)
    except NativeError as error:
        raise PeerFault(what=name, expected="points and a proof", came=str(error)) from error
    if not proven:
        raise PeerFault(
            what=f"{name}: proof of knowledge", expected="a valid one over every point stated", came="an invalid one"
        )
    return points


def stated_points(context: Context, state: VaultState, name: str) -> Points:
    """The body of points/g or answers/g/k, its proof not looked at."""
    return decode(Points, context.blob(state.facts[name]), name)


def check_points(context: Context, state: VaultState) -> None:
    """The proofs of knowledge of everybody else. Raises PeerFault naming the field."""
    for g, graph in enumerate(state.proposal.graphs):
        if graph.claimant != state.me:
            points_of(context, state, g)
        if engine_of(state, g).garbler == "challenger":
            for k in challengers_of(state.proposal, g):
                if k != state.me:
                    answers_of(context, state, g, k)


def engine_points(context: Context, state: VaultState) -> tuple[EnginePoints, ...]:
    """The public points of every graph as the graph of transactions takes them."""
    return tuple(_of_graph(context, state, g) for g in range(len(state.proposal.graphs)))


def _of_graph(context: Context, state: VaultState, g: int) -> EnginePoints:
    claimed = stated_points(context, state, key("points", g))
    digits = _rows(state, key("points", g), claimed.digits)
    if engine_of(state, g).garbler == "claimant":
        return EnginePoints(graph=g, digits=digits, locks=claimed.outputs, reveals=())
    keys, answers = dict(claimed.outputs), {}
    for k in challengers_of(state.proposal, g):
        answers[k] = stated_points(context, state, key("answers", g, k))
    return EnginePoints(
        graph=g,
        digits=digits,
        locks=tuple((k, dict(points.outputs)[k]) for k, points in answers.items()),
        reveals=tuple(
            Reveals(challenger=k, key=keys[k][1:], digits=_rows(state, key("answers", g, k), points.digits))
            for k, points in answers.items()
        ),
    )


def _rows(state: VaultState, name: str, raw: bytes) -> Rows:
    graph = state.proposal.graphs[int(name.split("/")[1])]
    width = 33 * (1 + graph.digit_bits)
    if len(raw) != width * graph.digits:
        raise PeerFault(what=name, expected=f"{width * graph.digits} bytes of digit points", came=f"{len(raw)} bytes")
    return tuple(tuple(raw[i : i + 33] for i in range(at, at + width, 33)) for at in range(0, len(raw), width))


# ---- offers and kept sets --------------------------------------------------------------------------------------------
def offer_of(context: Context, state: VaultState, g: int, k: int) -> Offer:
    """What the garbler of a pair committed to: F has exactly N - M + 1 points and begins with the output point it stated."""
    name, profile = key("commitments", g, k), PROFILES[state.proposal.graphs[g].profile]
    body = decode(Commitments, context.blob(state.facts[name]), name)
    want = (33 * (profile.instances - profile.kept + 1), 32 * profile.instances)
    came = (len(body.polynomial), len(body.instances))
    if came != want:
        raise PeerFault(
            what=name,
            expected=f"F of {want[0]} bytes and commitments of {want[1]} bytes",
            came=f"{came[0]} and {came[1]}",
        )
    points = (
        points_of(context, state, g) if engine_of(state, g).garbler == "claimant" else answers_of(context, state, g, k)
    )
    stated = dict(points.outputs)[k]
    if body.polynomial[:33] != stated:
        raise PeerFault(
            what=f"{name}: F", expected=f"F(0) = {stated.hex()}, as stated", came=body.polynomial[:33].hex()
        )
    return Offer(points=points.digits, polynomial=body.polynomial, commitments=body.instances)


def kept_of(state: VaultState, g: int, k: int) -> tuple[int, ...]:
    """The kept set of a pair."""
    profile, name = PROFILES[state.proposal.graphs[g].profile], key("kept", g, k)
    return decode_kept(state.facts[name], instances=profile.instances, kept=profile.kept, name=name)
