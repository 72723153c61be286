"""Bonds and stakes come back: what this party posted for claims and answers that nobody will make returns to its wallet.

Promise: a bond that no claim can need any more, and a stake that no answer can (`challenge.coins`), is spent to the wallet by
one transaction, built once; it is repeated until it is buried deeper than any reorg that is followed. Stakes that may have
left this node are seen through first, also after a crash: a coin that confirms late comes back late, not never.
So is one input of a PreFund that a borrower calls off (`challenge.deadlines.calls_off`), or others stay bound: the wallet keeps
it for the vault until a block has spent it, this way or another, and that is as deep.
This module does NOT publish (`node.publish` does) and does NOT decide when a vault has ended.
"""

from __future__ import annotations

from collections.abc import Iterable

from bitcoin.core import CTransaction, CTxInWitness, CTxWitness
from bitcoin.core.script import CScriptWitness

from challenge.bodies import Funded, decode
from challenge.coins import free_bonds, free_stakes
from challenge.deadlines import Due, calls_off
from challenge.states import VaultState
from native._native import tapscript
from node.faults import LocalFault
from node.publish import Returns, outgoing_key
from node.wallet.spend import ANCHOR_SCRIPT, ANCHOR_VALUE, Payment, pay, transaction_weight, vsize
from node.wallet.spend import build as unsigned
from node.wallet.state import WalletCoin
from node.wallet.wallet import NO_CODESEP
from node.work.context import Context
from node.work.funding import load_stakes, posted_of
from vault.terms import Coin

RECLAIM = "reclaim"
WHY = "no claim and no answer needs this coin any more"
CALL_OFF = "call_off"
CALL_OFF_DUE = Due(name=CALL_OFF, since=0, until=None, why="the setup has ended, and others may have said ready")


def reclaimed_key(vault: bytes, g: int) -> bytes:
    """Where the height of the block that gave the coin of a graph back stands in the column `jobs`."""
    return vault + b"/reclaimed/%d" % g


async def returning(context: Context, vaults: Iterable[tuple[bytes, VaultState]], tip: int, bound: int) -> Returns:
    """The reclaims to publish now. Raises Unavailable when the chain does not answer."""
    found = Returns(items=[], waiting=set())
    for vault, state in vaults:
        if calling_off(context, state):
            found.waiting.add(vault)
            if _to_take(context, state):
                found.items.append((vault, state, CALL_OFF_DUE))
        free = {*free_bonds(state, tip), *free_stakes(state, tip)}
        record = load_stakes(context, vault) if free else None
        if record is None:
            continue
        for g, coin in posted_of(context, state, record).items():
            if g not in free or _is_back(context, vault, g, tip, bound):
                continue
            found.waiting.add(vault)
            if await _outstanding(context, vault, g, coin, record.raw):
                found.items.append((vault, state, Due(name=f"{g}/{RECLAIM}", since=0, until=None, why=WHY)))
    return found


def _is_back(context: Context, vault: bytes, g: int, tip: int, bound: int) -> bool:
    """Whether the block that gave the coin back is deeper than any reorg that is followed."""
    noted = context.store.get("jobs", reclaimed_key(vault, g))
    return noted is not None and tip - int.from_bytes(noted, "big") > bound


async def _outstanding(context: Context, vault: bytes, g: int, coin: Coin, stakes: bytes) -> bool:
    """Whether the coin lies on chain, to be taken. Notes the block that gave it back, and offers Stakes not mined yet."""
    if await context.chain.utxo(coin.txid, coin.vout) is not None:
        return True
    noted = context.store.get("jobs", reclaimed_key(vault, g))
    raw = context.store.get("outgoing", outgoing_key(vault, f"{g}/{RECLAIM}"))
    txid = None if raw is None else tapscript.txid(raw)
    heights = [each.height for each in context.wallet.coins() if each.txid == txid]
    if heights and noted != heights[0].to_bytes(8, "big"):
        await context.write((("jobs", reclaimed_key(vault, g), heights[0].to_bytes(8, "big")),))
    if not heights and noted is None:
        await context.chain.broadcast(stakes)
    return False


def decisive_coin(state: VaultState) -> Coin | None:
    """The input of PreFund by which a borrower calls it off, the largest; None for who has nothing to call off."""
    if not calls_off(state):
        return None
    inputs = decode(Funded, state.facts["funded"], "funded").prefund_inputs
    return max(inputs, key=lambda coin: (coin.value, coin.txid, coin.vout))


def calling_off(context: Context, state: VaultState) -> bool:
    """Whether PreFund is to be called off and no spend of that coin is buried yet."""
    coin = decisive_coin(state)
    return coin is not None and (coin.txid, coin.vout) in context.wallet.promised(context.name(state).hex())


def _to_take(context: Context, state: VaultState) -> list[WalletCoin]:
    """The decisive coin, while it is promised and no block has spent it."""
    coin, promised = decisive_coin(state), context.wallet.reserved(context.name(state).hex())
    return [each for each in promised if coin is not None and each.outpoint == (coin.txid, coin.vout)]


async def call_off(context: Context, state: VaultState) -> bytes:
    """The raw signed transaction that pays the decisive coin to a fresh script of the wallet, with an anchor for its child."""
    coins, rate = _to_take(context, state), state.proposal.fee_policy.base_rate
    if not coins:
        raise LocalFault(what=CALL_OFF, expected="an input of PreFund to take back", came="it is spent")
    bare = pay([], coins, await context.payout_script(), rate)
    return context.wallet.sign(bare.raw, bare.coins)


async def reclaim(context: Context, state: VaultState, g: int) -> bytes:
    """The raw signed transaction that pays a bond or stake to a fresh script of the wallet, with an anchor for its child."""
    vault = context.name(state)
    record = load_stakes(context, vault)
    if record is None:
        raise LocalFault(
            what="bond or stake", expected="a record of Stakes", came="none", todo="Restore the last backup."
        )
    coin = posted_of(context, state, record)[g]
    script = await context.payout_script()
    anchor, rate = Payment(value=ANCHOR_VALUE, script=ANCHOR_SCRIPT), state.proposal.fee_policy.base_rate
    fee = rate * vsize(transaction_weight(1, 0, [Payment(value=0, script=script), anchor]))
    raw = unsigned([(coin.txid, coin.vout)], [Payment(value=coin.value - fee - ANCHOR_VALUE, script=script), anchor])
    message = tapscript.sighashes(raw, [(coin.value, coin.script_pubkey)], 0, None, [NO_CODESEP])[0]
    tx = CTransaction.deserialize(raw)
    witness = CScriptWitness([context.own(record.nonce).personal.sign_key_path(message, None)])
    signed = CTransaction(tx.vin, tx.vout, tx.nLockTime, tx.nVersion, CTxWitness([CTxInWitness(witness)]))
    return bytes(signed.serialize())
