"""What the mempool shows before a block does: a computation that a job will ask for begins when its witness is first seen.

Promise: nothing here states a fact, signs or sends; it fills the cache that the job looks into (`Context.once`), under the name
of the very witness. A witness that is replaced was computed for nothing. Does NOT know what is awaited (`challenge.deadlines`).
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from challenge.game import split
from challenge.states import VaultState
from native import NativeError
from native._native.garbling import Progress
from node.faults import LocalFault, PeerFault
from node.work.context import Context
from node.work.dispute import learned
from vault.faults import VaultFault

log = structlog.get_logger()


async def foresee(context: Context, state: VaultState, names: Iterable[str]) -> None:
    """Look for these transactions of a vault, and begin what they ask for. Raises Unavailable, PeerFault (the chain server)."""
    for name in names:
        graph, kind, _ = split(name)
        if kind == "assert" and state.proposal.graphs[graph or 0].engine != "core":
            continue  # a challenger of engine babe asks the ledger when Assert is mined: an earlier answer may be stale
        txid = (await context.graph(state)).templates[name].txid
        raw = await context.chain.transaction(txid, None)
        if raw is not None:
            await _begin(context, state, name, raw)


async def _begin(context: Context, state: VaultState, name: str, raw: bytes) -> None:
    try:
        await learned(context, state, name, raw, Progress())
    except (LocalFault, PeerFault, VaultFault, NativeError) as fault:  # the job will say so when a block holds it
        log.info("not foreseen", vault=context.name(state).hex()[:16], name=name, reason=str(fault))
