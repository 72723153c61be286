"""What left this node once and no block holds is offered to the chain again: after a restart, and after a reorg.

Promise: only bytes that were durable before they left the first time; nothing is signed here. Transactions of the graph are
not offered here: they follow from the vault's state (`node.publish`). A setup under way looks after its own Stakes.
"""

from __future__ import annotations

from collections.abc import Iterable

from challenge.deadlines import armed_bonds
from challenge.states import VaultState
from node.chain import Accepted
from node.work.context import Context
from node.work.funding import bonds_of, load_stakes


async def offer_again(context: Context, vaults: Iterable[tuple[bytes, VaultState]]) -> bool:
    """Offer the wallet's waiting transactions, and the Stakes of bonds that a claim needs and the chain lost.

    Returns whether nothing is missing any more. Raises Unavailable when the chain does not answer.
    """
    missing = [stakes for vault, state in vaults for stakes in await _lost(context, vault, state)]
    offers = [*missing, *context.wallet.waiting()]
    while offers:  # one of them may spend what another one makes
        taken = [raw for raw in offers if isinstance(await context.chain.broadcast(raw), Accepted)]
        offers = [raw for raw in offers if raw not in taken] if taken else []
    return not missing


async def _lost(context: Context, vault: bytes, state: VaultState) -> list[bytes]:
    armed = armed_bonds(state)
    record = load_stakes(context, vault) if armed and "funded" in state.facts else None
    if record is None or not record.raw:
        return []
    coins = [coin for g, coin in bonds_of(context, state, record) if g in armed]
    there = [await context.chain.utxo(coin.txid, coin.vout) is not None for coin in coins]
    return [] if all(there) else [record.raw]
