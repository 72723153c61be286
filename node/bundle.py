"""What of a vault goes into an audit bundle: everything that was stated and signed, nothing that is secret.

Promises that what is written comes from facts, blobs and artifacts that peers were shown or have shown, so that no seed, share,
digit secret or preimage of this node can be in it; the file appears whole or not at all. Does NOT judge: `vault.audit` does.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from challenge.bodies import Commitments, Openings, decode
from challenge.checks import terms_of
from challenge.deadlines import stage
from challenge.facts import key
from challenge.states import Stage, VaultState
from node.durable import sync_folder
from node.faults import LocalFault
from node.work.answers import presignatures
from node.work.context import Context
from node.work.pair import engine_of, kept_of, stated_points, statement_of
from vault import pairs
from vault.audit_checks import Knowledge, Pair, Stated
from vault.audit_file import Bundle, Bytes, write
from vault.ledger.genesis import encode_genesis
from vault.terms import Terms, encode

if TYPE_CHECKING:
    from node.app import Node

__all__ = ["bundle", "collect"]


async def bundle(node: Node, vault: str, file: str) -> dict[str, Any]:
    """Write the audit bundle of a vault into a new file. Raises LocalFault with what is missing."""
    path = Path(file)
    if not path.is_absolute():
        raise LocalFault(what="bundle file", expected="an absolute path", came=file)
    state = node.state(node.find(vault))
    if stage(state) is not Stage.LIVE:
        raise LocalFault(
            what="audit bundle", expected="a vault that is live", came=f"one at stage {stage(state).value}",
            todo="Before, not everything is signed; when the setup has ended there is nothing to audit.",
        )  # fmt: skip
    graph = await node.context.graph(state)
    made = await asyncio.to_thread(collect, node.context, state, encode(graph.points))
    return await asyncio.to_thread(_write, made, path, node.context.keys.identity.sign)


def collect(context: Context, state: VaultState, points: bytes) -> Bundle:
    """The sections, from what this node holds; `points` are the encoded engine points. Raises LocalFault."""
    terms, found = terms_of(state.proposal, state.facts), dict[str, Bytes]()
    parties = range(len(state.proposal.parties))
    signatures = context.store.get("presigned", context.name(state))
    if signatures is None:
        raise LocalFault(what="presignatures", expected="on disk", came="nothing", todo="Restore the last backup.")

    def stated(kind: str) -> tuple[bytes, ...]:
        return tuple(state.facts.get(key(kind, p), b"") for p in parties)

    found["terms"] = encode(terms)
    found["stated"] = msgspec.msgpack.encode(Stated(digests=stated("digest"), ready=stated("ready")))
    found["points"] = points
    found["signatures"] = signatures
    found["knowledge"] = msgspec.msgpack.encode(tuple(_knowledge(context, state)))
    babe = [g for g, graph in enumerate(state.proposal.graphs) if graph.engine == "babe"]
    statements = [statement_of(context, state, g) for g in babe]
    keys = dict.fromkeys(statement.key for statement in statements if statement is not None)
    ledgers = dict.fromkeys(state.proposal.graphs[g].statement for g in babe)
    found |= {f"key/{n}": raw for n, raw in enumerate(keys)}
    found |= {f"ledger/{n}": encode_genesis(context.ledgers.genesis(name)) for n, name in enumerate(ledgers)}
    for g, k in pairs.own_pairs(terms, state.me):
        found |= _pair(context, state, terms, g, k)
    return Bundle(vault_id=terms.vault_id, maker=state.me, sections=found)


def _knowledge(context: Context, state: VaultState) -> Iterable[Knowledge]:
    for g in range(len(state.proposal.graphs)):
        yield Knowledge(graph=g, challenger=None, proof=stated_points(context, state, key("points", g)).proof)
        if engine_of(state, g).garbler == "challenger":
            for k in state.proposal.challengers(g):
                proof = stated_points(context, state, key("answers", g, k)).proof
                yield Knowledge(graph=g, challenger=k, proof=proof)


def _pair(context: Context, state: VaultState, terms: Terms, g: int, k: int) -> dict[str, Bytes]:
    """A pair's transcript; of the evaluator the opened instances too, of the challenger what it answers with."""
    name, found = key("commitments", g, k), dict[str, Bytes]()
    body = decode(Commitments, context.blob(state.facts[name]), name)
    pair = Pair(polynomial=body.polynomial, instances=body.instances, kept=kept_of(state, g, k))
    found[f"pair/{g}/{k}"] = msgspec.msgpack.encode(pair)
    if pairs.evaluator_of(terms.proposal, g, k) == state.me:
        name = key("openings", g, k)
        opened = decode(Openings, state.facts[name], name).opened
        found[f"opened/{g}/{k}"] = _held(
            f"opened instances of pair {g}/{k}", lambda: context.artifacts.view(context.artifacts.id_of(opened))
        )
    if state.me == k and engine_of(state, g).garbler == "challenger":
        found[f"reveal/{g}/{k}"] = _held(
            f"presignatures of {g}/reveal/{k}", lambda: presignatures(context, state, g, k)
        )
    return found


def _held(what: str, read: Callable[[], Bytes]) -> Bytes:
    try:
        return read()
    except LocalFault as fault:
        raise LocalFault(
            what=what, expected="whole on this node's disk", came=fault.came,
            todo="A node forgets them when the vault is over; one set up by an older version has no opened instances.",
        ) from fault  # fmt: skip


def _write(made: Bundle, path: Path, sign: Callable[[bytes], bytes]) -> dict[str, Any]:
    part, size = path.with_name(path.name + ".part"), 0
    try:
        if path.exists():
            raise FileExistsError(f"{path} exists")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                for piece in write(made, sign):
                    size += file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise LocalFault(
            what=f"bundle file {path}", expected="a new file that can be written", came=str(error)
        ) from error
    return {"file": str(path), "bytes": size, "sections": len(made.sections), "vault": made.vault_id.hex()}
