"""Signed transactions for the publisher: presignatures, this party's own keys, and what a dispute has shown."""

from __future__ import annotations

import asyncio

from bitcoin.core import CTransaction
from blake3 import blake3

from challenge.facts import key
from challenge.game import fold, split
from challenge.states import VaultState
from native._native import engine, tapscript
from native._native.garbling import Progress
from native._native.keys import Secret
from node.chain import Rejected
from node.faults import LocalFault
from node.publish import one_version
from node.wallet.spend import ANCHOR_SCRIPT
from node.work.context import Context
from node.work.dispute_engine import learn
from node.work.reclaim import RECLAIM, reclaim
from vault.presigned import Presigned, finish, wallet_messages


async def build(context: Context, state: VaultState, name: str) -> bytes:
    """The raw signed transaction `name`. Assert is claimed in the guard before it exists outside this function."""
    graph, kind, _ = split(name)
    if kind == RECLAIM:
        return await reclaim(context, state, graph or 0)
    presigned = await context.presigned(state)
    return await asyncio.to_thread(_build, context, state, presigned, name)


def _build(context: Context, state: VaultState, presigned: Presigned, name: str) -> bytes:
    own = context.own_of(state)
    graph, kind, index = split(name)
    match kind:
        case "prefund":
            signatures = {
                out: context.wallet.sign_sighash(out, message) for out, message in wallet_messages(presigned.graph)
            }
            return finish(presigned, name, wallet=signatures)
        case "vault":
            return finish(presigned, name, preimage=own.hashlock_a().reveal())
        case "repay":
            return finish(presigned, name, personal=own.personal, preimage=state.facts[key("release", index or 0)])
        case "contest":
            return finish(presigned, name, personal=own.personal, leaf=state.me)
        case "assert":
            shown = _digits(context, state, presigned, graph or 0)
            # Built again after a crash it carries another signature by c, but the same digits: these exist once.
            one_version(context.guard, context.name(state), name, blake3(b"".join(shown)).digest())
            return finish(presigned, name, personal=own.personal, digits=shown)
        case "disprove":
            return finish(presigned, name, personal=own.personal, extra=_secret(context, state, presigned, graph or 0))
        case _:
            return finish(presigned, name, personal=own.personal)


def _digits(context: Context, state: VaultState, presigned: Presigned, g: int) -> list[bytes]:
    """One completed signature a digit, for the values that the operator claimed with."""
    values = list(state.facts[key("want_claim", g)])
    terms = state.proposal.graphs[g]
    first, last = presigned.graph.digit(g, 0).start, presigned.graph.digit(g, terms.digits - 1).stop
    layout = engine.Layout(input_bits=terms.digits * terms.digit_bits, digit_bits=terms.digit_bits)
    return list(
        engine.complete_digits(
            presigned.signatures[65 * first : 65 * last], layout, context.own_of(state).digits(g), values
        )
    )


def _secret(context: Context, state: VaultState, presigned: Presigned, g: int) -> Secret:
    """The logarithm of O_k, learned again from the Assert that the chain holds."""
    asserted = fold(state.proposal, state.log).graphs[g].mined["assert"]
    secret = learn(context, state, g, presigned, context.blob(asserted.raw), Progress())
    if secret is None:
        raise LocalFault(
            what=f"graph {g}",
            expected="a false claim",
            came="a true one",
            todo="This is a bug: the verdict said otherwise.",
        )
    return secret


async def bump(context: Context, state: VaultState, name: str, raw: bytes, tip: int) -> None:
    """Pay for a transaction by a child on its anchor; each further call replaces the child by one that pays more."""
    tx = CTransaction.deserialize(raw)
    anchors = [n for n, output in enumerate(tx.vout) if bytes(output.scriptPubKey) == ANCHOR_SCRIPT]
    policy = state.proposal.fee_policy
    vsize = -(-tapscript.weight(raw) // 4)
    rate = min(policy.worst_rate, max(await context.chain.feerate(), 2 * policy.base_rate))
    child = context.wallet.child(
        raw, anchors[0], parent_fee=policy.base_rate * vsize, rate=rate, coins=context.wallet.free()
    )
    context.wallet.wait_for(child)
    await context.write(tuple(context.wallet.puts()))
    answer = await context.chain.submit_package([raw, child])
    if isinstance(answer, Rejected):
        context.wallet.give_up(tapscript.txid(child))  # or its coins wait for a block for ever
        await context.write(tuple(context.wallet.puts()))
        raise LocalFault(what=f"child of {name}", expected="accepted", came=answer.reason)
