"""Signed transactions for the publisher: presignatures, this party's own keys, and what a dispute has shown."""

from __future__ import annotations

import asyncio

from bitcoin.core import CTransaction

from challenge.deadlines import learned_from, loan_preimage
from challenge.facts import key
from challenge.game import fold, split
from challenge.states import VaultState
from native._native import engine, tapscript
from native._native.garbling import Progress
from native._native.keys import Secret
from node.chain import Rejected
from node.faults import LocalFault
from node.proposing import claimed_digits
from node.publish import refuse_another
from node.wallet.spend import ANCHOR_SCRIPT
from node.work.answers import presignatures
from node.work.checked import checked_child
from node.work.context import Context
from node.work.dispute import asserted_digits, learned
from node.work.reclaim import CALL_OFF, RECLAIM, call_off, reclaim
from vault.presigned import Presigned, finish, wallet_messages


async def build(context: Context, state: VaultState, name: str) -> bytes:
    """The raw signed transaction `name`. Of what may be shown in one version only, no other than the one shown before."""
    graph, kind, index = split(name)
    if kind == RECLAIM:
        return await reclaim(context, state, graph or 0)
    if kind == CALL_OFF:
        return await call_off(context, state)
    presigned = await context.presigned(state)
    extra = await _secret(context, state, graph or 0, kind, index or 0)
    raw = await asyncio.to_thread(_build, context, state, presigned, name, extra)
    refuse_another(context.guard, context.name(state), name, raw)
    return raw


def _build(context: Context, state: VaultState, presigned: Presigned, name: str, extra: Secret | None) -> bytes:
    own = context.own_of(state)
    graph, kind, index = split(name)
    match kind:
        case "prefund":
            signatures = {
                out: context.wallet.sign_sighash(out, message) for out, message in wallet_messages(presigned.graph)
            }
            return finish(presigned, name, wallet=signatures)
        case "vault":
            shown = loan_preimage(state)
            return finish(presigned, name, preimage=own.hashlock_a().reveal() if shown is None else shown)
        case "repay":
            return finish(presigned, name, personal=own.personal, preimage=state.facts[key("release", index or 0)])
        case "liquidate":
            attested = Secret.from_revealed(state.facts[key("want_fast", index or 0)])
            shown = state.facts[key("fast_release", index or 0)]
            return finish(presigned, name, personal=own.personal, preimage=shown, extra=attested)
        case "contest":
            return finish(presigned, name, personal=own.personal, leaf=state.me)
        case "assert":
            return finish(
                presigned, name, personal=own.personal, digits=_asserted(context, state, presigned, graph or 0)
            )
        case "reveal":
            return finish(
                presigned, name, personal=own.personal, digits=_revealed(context, state, presigned, graph or 0)
            )
        case _:
            return finish(presigned, name, personal=own.personal, extra=extra)


def _layout(state: VaultState, g: int) -> engine.Layout:
    terms = state.proposal.graphs[g]
    return engine.Layout(input_bits=terms.digits * terms.digit_bits, digit_bits=terms.digit_bits)


def _asserted(context: Context, state: VaultState, presigned: Presigned, g: int) -> list[bytes]:
    """One completed signature a digit, for what the operator claimed with."""
    terms = state.proposal.graphs[g]
    values = claimed_digits(terms, state.facts[key("want_claim", g)])
    first, last = presigned.graph.digit(g, 0).start, presigned.graph.digit(g, terms.digits - 1).stop
    stored = presigned.signatures[65 * first : 65 * last]
    return list(engine.complete_digits(stored, _layout(state, g), context.own_of(state).digits(g), values))


def _revealed(context: Context, state: VaultState, presigned: Presigned, g: int) -> list[bytes]:
    """One completed signature a digit, for the very digits that the Assert on chain shows."""
    shown = asserted_digits(context, state, presigned, g)
    return list(
        engine.complete_bound_digits(
            presignatures(context, state, g, state.me),
            _layout(state, g),
            context.own_of(state).digits(g),
            [digit.value for digit in shown],
            [digit.secret for digit in shown],
        )
    )


async def _secret(context: Context, state: VaultState, g: int, kind: str, k: int) -> Secret | None:
    """The logarithm of the point lock that a transaction opens, learned again from the witness that gave it before."""
    match kind:
        case "disprove":
            shows, witness = "assert", fold(state.proposal, state.log).graphs[g].mined["assert"].raw
        case "refute":
            shows, witness = f"reveal/{k}", learned_from(state, g, k) or b""
        case _:
            return None
    secret = await learned(context, state, f"{g}/{shows}", context.blob(witness), Progress())
    if secret is None:
        raise LocalFault(
            what=f"graph {g}",
            expected=f"{shows} to show the logarithm that {kind} needs",
            came="nothing",
            todo="This is a bug: the verdict or the answer said otherwise.",
        )
    return secret


async def bump(context: Context, state: VaultState, name: str, raw: bytes, tip: int) -> None:
    """Pay for a transaction by a child on its anchor; each further call replaces the child by one that pays more."""
    tx = CTransaction.deserialize(raw)
    anchors = [n for n, output in enumerate(tx.vout) if bytes(output.scriptPubKey) == ANCHOR_SCRIPT]
    policy = state.proposal.fee_policy
    vsize = -(-tapscript.weight(raw) // 4)
    rate = min(policy.worst_rate, context.ceiling.rate, max(await context.chain.feerate(), 2 * policy.base_rate))
    child = context.wallet.child(
        raw, anchors[0], parent_fee=policy.base_rate * vsize, rate=rate, coins=context.wallet.free()
    )
    checked_child(context, name, child, raw, policy.base_rate * vsize)
    context.wallet.wait_for(child)
    await context.write(tuple(context.wallet.puts()))
    answer = await context.chain.submit_package([raw, child])
    if isinstance(answer, Rejected):
        context.wallet.give_up(tapscript.txid(child))  # or its coins wait for a block for ever
        await context.write(tuple(context.wallet.puts()))
        raise LocalFault(what=f"child of {name}", expected="accepted", came=answer.reason)
