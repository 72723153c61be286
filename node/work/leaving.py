"""What the last look before a broadcast (node/precheck.py) compares with, for the transactions of a vault.

Promises what a transaction is for, or LocalFault, and then nothing may be sent. Does NOT publish.
"""

from __future__ import annotations

from challenge.coins import free_bonds, free_stakes
from challenge.deadlines import Due, due
from challenge.game import split
from challenge.states import VaultState
from node.faults import LocalFault
from node.precheck import Expected, Passed, anchor, insist, insist_due, of_graph, of_wallet
from node.work.context import Context
from node.work.funding import load_stakes, posted_of
from node.work.reclaim import CALL_OFF, CALL_OFF_DUE, RECLAIM, calling_off, decisive_coin


async def checked(context: Context, state: VaultState, item: Due, raw: bytes, tip: int) -> Passed:
    """A transaction of a vault, the reclaim of a bond or stake, or what calls PreFund off."""
    graph, kind, _ = split(item.name)
    if kind == RECLAIM:
        return insist(raw, _reclaim(context, state, item, graph or 0, tip), context.ceiling)
    if kind == CALL_OFF:
        return insist(raw, _call_off(context, state, item, tip), context.ceiling)
    insist_due(item.name, due(state, tip), tip)
    return insist(raw, of_graph(await context.graph(state), item.name), context.ceiling)


def _reclaim(context: Context, state: VaultState, item: Due, g: int, tip: int) -> Expected:
    free = {*free_bonds(state, tip), *free_stakes(state, tip)}
    insist_due(item.name, (Due(name=f"{each}/{RECLAIM}", since=0, until=None, why="") for each in free), tip)
    record = load_stakes(context, context.name(state))
    coins = {} if record is None else posted_of(context, state, record)
    if g not in coins:
        raise LocalFault(what=item.name, expected="a bond or stake that this node posted", came="none")
    coin, own = coins[g], frozenset(context.wallet.scripts())
    # The anchor stands last, behind what comes home: its place follows from the wallet's own output.
    return of_wallet(
        RECLAIM, item.name, spends={(coin.txid, coin.vout): coin.value}, pays=(), rest=own.__contains__,
        all_spent=True, ends_with=(anchor(),),
    )  # fmt: skip


def _call_off(context: Context, state: VaultState, item: Due, tip: int) -> Expected:
    insist_due(item.name, (CALL_OFF_DUE,) if calling_off(context, state) else (), tip)
    coin, own = decisive_coin(state), frozenset(context.wallet.scripts())
    return of_wallet(
        CALL_OFF, item.name, spends={} if coin is None else {(coin.txid, coin.vout): coin.value}, pays=(anchor(),),
        rest=own.__contains__, all_spent=True, ends_with=(),
    )  # fmt: skip
