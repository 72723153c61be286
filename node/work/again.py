"""What left this node once and no block holds is offered to the chain again.

A transaction may be lost on the way: by a crash before it left, an eviction, a reorg that does not give it back. The coins of
a wallet's transaction would wait for ever, and a bond that a claim needs, or a stake that an answer needs, would be missing.

Promise: only bytes that were durable before they left the first time; nothing is signed here. Transactions of the graph are
not offered here: they follow from the vault's state (`node.publish`). A setup under way looks after its own Stakes.
"""

from __future__ import annotations

from collections.abc import Iterable

from challenge.coins import armed_bonds, armed_stakes
from challenge.states import VaultState
from node.chain import Rejected
from node.work.context import Context
from node.work.funding import load_stakes, posted_of


async def offer_again(context: Context, vaults: Iterable[tuple[bytes, VaultState]]) -> set[bytes]:
    """Offer the wallet's waiting transactions, and the Stakes of what a claim or an answer needs and the chain lost.

    Returns the vaults whose Stakes were not on chain. Raises Unavailable when the chain does not answer.
    """
    lost = {vault: stakes for vault, state in vaults for stakes in await _lost(context, vault, state)}
    refused, before = [*lost.values(), *context.wallet.waiting()], -1
    while refused and len(refused) != before:  # one of them may spend what another one makes
        before = len(refused)
        refused = [raw for raw in refused if isinstance(await context.chain.broadcast(raw), Rejected)]
    return set(lost)


async def _lost(context: Context, vault: bytes, state: VaultState) -> list[bytes]:
    armed = {*armed_bonds(state), *armed_stakes(state)}
    record = load_stakes(context, vault) if armed and "funded" in state.facts else None
    if record is None or not record.raw:
        return []
    coins = [coin for g, coin in posted_of(context, state, record).items() if g in armed]
    there = [await context.chain.utxo(coin.txid, coin.vout) is not None for coin in coins]
    return [] if all(there) else [record.raw]
