"""The world of a node's ledgers, made of the node itself.

Promises that a message of a ledger is an envelope like any other: signed by this node's identity, for one recipient, on this
chain. Does NOT decide anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import structlog

from node.ledger.judgement import Median, Tolerance
from node.ledger.world import Policy, Proving, World
from node.p2p import envelope

if TYPE_CHECKING:
    from node.app import Node

log = structlog.get_logger("ledger")


def world_of(
    node: Node, *, prices: Median, proving: Proving, known: Callable[[], Sequence[bytes]], now: Callable[[], int],
    policy: Policy, tolerance: Tolerance, trusted_keys: frozenset[bytes],
) -> World:  # fmt: skip
    """The ports of this node's ledgers; `known` are the identities whose address it has, `now` its clock (unix seconds)."""
    context, numbers = node.context, count(1)

    async def ask(identity: bytes, kind: str, ledger: bytes, body: bytes) -> bytes:
        raw = envelope.encode(
            vault=ledger, kind=kind, sequence=next(numbers), recipient=identity, body=body,
            identity=context.keys.identity, genesis=node.rules.genesis, limits=node.limits,
        )  # fmt: skip
        return await context.peers.send(context.reach(identity), raw, node.limits.ledger_call_seconds)

    def alarm(reason: str) -> None:
        node.alarms += 1
        log.critical("alarm", reason=reason)

    def tell(event: str, value: Any) -> None:
        node.tell(event, value)

    return World(
        network=node.rules.network, genesis=node.rules.genesis, identity=context.keys.identity,
        attestor_seed=context.keys.attestor_seed, store=context.store, guard=context.guard, chain=context.chain,
        prices=prices, proving=proving, write=context.write, ask=ask, known=known, now=now,
        height=lambda: node.scanner.height, tell=tell, alarm=alarm, policy=policy, tolerance=tolerance,
        trusted_keys=trusted_keys, limits=node.limits,
    )  # fmt: skip
