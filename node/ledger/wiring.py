"""The world of a node's ledgers, made of the node itself.

Promises that a message of a ledger is an envelope like any other: signed by this node's identity, for one recipient, on this
chain. Does NOT decide anything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import structlog

from node.ledger.judgement import Median, Tolerance
from node.ledger.recent import Recent
from node.ledger.world import Coins, Keeping, Policy, Proving, World
from node.loop import Computed
from node.p2p import envelope
from node.store import Put

if TYPE_CHECKING:
    from node.app import Node

log = structlog.get_logger("ledger")


def world_of(
    node: Node, *, prices: Median, proving: Proving, known: Callable[[], Sequence[bytes]],
    present: Callable[[], Collection[bytes]], now: Callable[[], int], policy: Policy, tolerance: Tolerance, coins: Coins,
    keeping: Keeping, trusted_keys: frozenset[bytes],
) -> World:  # fmt: skip
    """The ports of this node's ledgers; `known` are the identities whose address it has, `present` those that are connected,
    `now` is the clock (unix seconds).
    """
    context, numbers = node.context, count(1)
    me = context.keys.identity.xonly()

    async def ask(identity: bytes, kind: str, ledger: bytes, body: bytes) -> bytes:
        if identity == me and node.ledgers is not None:
            return await node.ledgers.on_message(
                identity, kind, ledger, body
            )  # one node may keep a ledger and be a party
        raw = envelope.encode(
            vault=ledger, kind=kind, sequence=next(numbers), recipient=identity, body=body,
            identity=context.keys.identity, genesis=node.rules.genesis, limits=node.limits,
        )  # fmt: skip
        return await context.peers.send(context.reach(identity), raw, node.limits.ledger_call_seconds)

    def tell(event: str, value: Any) -> None:
        node.tell(event, value)

    async def turn(make: Callable[[], Sequence[Put] | None]) -> bool:
        return (await node.loop.put(Computed(make=make))).kind == "applied"

    return World(
        network=node.rules.network, genesis=node.rules.genesis, identity=context.keys.identity,
        attestor_seed=context.keys.attestor_seed, store=context.store, guard=context.guard, chain=context.chain,
        prices=Recent(prices=prices, keep=tolerance.price_age), proving=proving, write=context.write, turn=turn,
        spends=node.scanner.spends, ask=ask, known=known, present=present, now=now,
        height=lambda: node.scanner.height, tip=lambda: (node.scanner.height, node.scanner.block), tell=tell, alarm=node.alarm,
        policy=policy, tolerance=tolerance, coins=coins, keeping=keeping, trusted_keys=trusted_keys, limits=node.limits,
    )  # fmt: skip
