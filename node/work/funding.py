"""Coins before keys: the bonds and stakes this party may need, buried; the borrower's coins for PreFund, reserved."""

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
from node.work.checked import checked_stakes
from node.work.context import Context, Facts
from vault.fees import deposit_needed
from vault.terms import Coin, Proposal, bond_script

log = structlog.get_logger()


class Stakes(msgspec.Struct, frozen=True, array_like=True):
    """The record of a Stakes transaction: on disk before it leaves. `raw` is empty for a party that has nothing to post."""

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
    posted = posted_of(context, state, record)
    if posted:
        await _bury(context, state, record, next(iter(posted.values())))
    inputs = await _prefund_coins(context, state) if state.me == state.proposal.borrower else ()
    claimed = claimed_by(state.proposal, state.me)
    funded = Funded(
        nonce=record.nonce,
        bonds=tuple((g, coin) for g, coin in posted.items() if g in claimed),
        prefund_inputs=inputs,
        stakes=tuple((g, coin) for g, coin in posted.items() if g not in claimed),
    )
    return (("funded", encode(funded)),)


async def _make(context: Context, state: VaultState) -> Stakes:
    name, nonce = context.name(state), secrets.token_bytes(32)
    script = bond_script(context.own(nonce).personal.xonly())
    payments = [Payment(value=value, script=script) for value in posts(state.proposal, state.me).values()]
    record = Stakes(nonce, b"", 0)
    if payments:
        unsigned = context.wallet.fund(payments, f"{name.hex()}/stakes", state.proposal.fee_policy.base_rate)
        raw = context.wallet.sign(unsigned.raw, unsigned.coins)
        log.info("checked", vault=name.hex()[:16], purpose=checked_stakes(context, raw, payments).words)
        context.wallet.wait_for(raw)
        record = Stakes(nonce, raw, unsigned.fee)
    await context.write((("jobs", stakes_key(name), msgspec.msgpack.encode(record)), *context.wallet.puts()))
    return record


def posts(proposal: Proposal, me: int) -> dict[int, int]:
    """Sats by graph: the bond where this party may claim, the stake where it may have to reveal. In order of the outputs."""
    return {
        g: graph.bond if graph.claimant == me else graph.stake
        for g, graph in enumerate(proposal.graphs)
        if graph.claimant == me or graph.stake
    }


def posted_of(context: Context, state: VaultState, record: Stakes) -> dict[int, Coin]:
    """The bond or stake of each graph that the recorded Stakes create."""
    if not record.raw:
        return {}
    txid, script = tapscript.txid(record.raw), bond_script(context.own(record.nonce).personal.xonly())
    return {
        g: Coin(txid=txid, vout=vout, value=value, script_pubkey=script)
        for vout, (g, value) in enumerate(posts(state.proposal, state.me).items())
    }


async def _bury(context: Context, state: VaultState, record: Stakes, first: Coin) -> None:
    """Broadcast until buried; a restart or a reorg begins again with the same bytes."""
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
                        what="bonds and stakes",
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
