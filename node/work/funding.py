"""Coins before keys: the bonds this party may have to post, buried; for the borrower, the coins PreFund will spend, reserved."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
import structlog

from challenge.bodies import Funded, encode
from challenge.rules import claimed_by
from challenge.states import Job, VaultState
from native._native import tapscript
from node.chain import Rejected
from node.faults import LocalFault
from node.wallet import Payment, WalletCoin
from node.work.context import Context, Facts
from vault.fees import deposit_needed
from vault.terms import Coin, bond_script

log = structlog.get_logger()


class Stakes(msgspec.Struct, frozen=True, array_like=True):
    """The record of a Stakes transaction: on disk before it leaves. `raw` is empty for a party without bonds."""

    nonce: bytes
    raw: bytes
    fee: int
    height: int = 0


def stakes_key(name: bytes) -> bytes:
    """Where the record stands in the column `jobs`."""
    return name + b"/stakes"


def load_stakes(context: Context, name: bytes) -> Stakes | None:
    """The record, or None."""
    raw = context.store.get("jobs", stakes_key(name))
    return None if raw is None else msgspec.msgpack.decode(raw, type=Stakes)


async def fund(context: Context, state: VaultState, job: Job) -> Facts:
    """Publish this party's Stakes, wait until they are buried, then reserve the PreFund coins."""
    name = context.name(state)
    record = load_stakes(context, name) or await _make(context, state)
    bonds = bonds_of(context, state, record)
    if record.raw:
        await _bury(context, state, record, bonds)
    inputs = await _prefund_coins(context, state) if state.me == state.proposal.borrower else ()
    return (("funded", encode(Funded(nonce=record.nonce, bonds=bonds, prefund_inputs=inputs))),)


async def _make(context: Context, state: VaultState) -> Stakes:
    name, nonce = context.name(state), secrets.token_bytes(32)
    script = bond_script(context.own(nonce).personal.xonly())
    payments = [
        Payment(value=state.proposal.graphs[g].bond, script=script) for g in claimed_by(state.proposal, state.me)
    ]
    record = Stakes(nonce, b"", 0)
    if payments:
        unsigned = context.wallet.fund(payments, f"{name.hex()}/stakes", state.proposal.fee_policy.base_rate)
        raw = context.wallet.sign(unsigned.raw, unsigned.coins)
        context.wallet.wait_for(raw)
        record = Stakes(nonce, raw, unsigned.fee)
    await context.write((("jobs", stakes_key(name), msgspec.msgpack.encode(record)), *context.wallet.puts()))
    return record


def bonds_of(context: Context, state: VaultState, record: Stakes) -> tuple[tuple[int, Coin], ...]:
    """(graph, coin) of every bond that the recorded Stakes create."""
    if not record.raw:
        return ()
    txid, script = tapscript.txid(record.raw), bond_script(context.own(record.nonce).personal.xonly())
    return tuple(
        (g, Coin(txid=txid, vout=vout, value=state.proposal.graphs[g].bond, script_pubkey=script))
        for vout, g in enumerate(claimed_by(state.proposal, state.me))
    )


async def _bury(context: Context, state: VaultState, record: Stakes, bonds: tuple[tuple[int, Coin], ...]) -> None:
    """Broadcast until buried; a restart or a reorg begins again with the same bytes."""
    _, first = bonds[0]
    while True:
        found = await context.chain.utxo(first.txid, first.vout)
        if found is not None and found.confirmations > state.proposal.timelocks.depth:
            return
        if found is None:
            answer: Any = await context.chain.broadcast(record.raw)
            if isinstance(answer, Rejected):
                log.warning("stakes are not taken", reason=answer.reason)
                if answer.missing_inputs:
                    raise LocalFault(
                        what="bonds",
                        expected="coins of this wallet that nobody spent",
                        came=answer.reason,
                        todo="Abort and propose again.",
                    )
        await context.next_block()


async def _prefund_coins(context: Context, state: VaultState) -> tuple[Coin, ...]:
    """Confirmed coins for PreFund, kept for this vault until its end or abort."""
    name = context.name(state)
    rate = state.proposal.fee_policy.base_rate
    coins: list[WalletCoin] = context.wallet.reserve(deposit_needed(state.proposal, 1), rate, name.hex())
    await context.write(tuple(context.wallet.puts()))
    return tuple(Coin(txid=c.txid, vout=c.vout, value=c.value, script_pubkey=c.script) for c in coins)
