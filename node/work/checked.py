"""What the last look before a broadcast (node/precheck.py) compares with, for what the wallet makes: stakes and children.

Promises: each function returns what the transaction is for, or raises LocalFault and then nothing may be sent. Does NOT publish.
"""

from __future__ import annotations

from bitcoin.core import CTransaction

from native._native import tapscript
from node.precheck import Outpoint, Passed, Pays, anchor, insist, insist_package, of_wallet
from node.wallet import Payment
from node.work.context import Context


def checked_stakes(context: Context, raw: bytes, payments: list[Payment]) -> Passed:
    """The bonds and stakes of a new vault: each to its own key, an anchor, the change to the wallet."""
    own = frozenset(context.wallet.scripts())
    pays = (*(Pays(value=p.value, script=p.script, to="our bond or stake") for p in payments), anchor())
    expected = of_wallet(
        "stakes", "stakes", spends=_coins(context), pays=pays, rest=own.__contains__, all_spent=False, ends_with=()
    )
    return insist(raw, expected, context.ceiling)


def checked_child(context: Context, name: str, child: bytes, parent: bytes, parent_fee: int) -> Passed:
    """A child that pays for `parent` by its anchor: everything that is left comes home, and both stay under the ceiling."""
    tx, txid = CTransaction.deserialize(parent), tapscript.txid(parent)
    own = frozenset(context.wallet.scripts())
    anchors: dict[Outpoint, int] = {
        (txid, n): output.nValue
        for n, output in enumerate(tx.vout)
        if bytes(output.scriptPubKey) == anchor().script
    }  # fmt: skip
    expected = of_wallet(
        "child", f"child of {name}", spends={**anchors, **_coins(context)}, pays=(), rest=own.__contains__,
        all_spent=False, ends_with=(),
    )  # fmt: skip
    passed = insist(child, expected, context.ceiling)
    insist_package(
        name,
        fee=parent_fee + passed.fee,
        vsize=-(-tapscript.weight(parent) // 4) + passed.vsize,
        ceiling=context.ceiling,
    )
    return passed


def _coins(context: Context) -> dict[Outpoint, int]:
    return {coin.outpoint: coin.value for coin in context.wallet.coins()}
