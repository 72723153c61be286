"""The jobs of the setup that are not the engine's: coins, keys, graph, presigning, storing. In the order of protocol.md."""

from __future__ import annotations

import asyncio
from hashlib import sha256

from blake3 import blake3

from challenge.bodies import Funded, decode
from challenge.checks import terms_of
from challenge.facts import everyone, key, parts
from challenge.states import Job, VaultState
from native import NativeError
from native._native.signing import Presigning, equal_nonces, is_point
from node.faults import LocalFault, PeerFault
from node.guard import Guard
from node.work.context import Context, Facts
from node.work.own import nonce_seed, share_of_group
from node.work.pair import check_points, engine_points, statements
from vault.graph import VaultGraph, derive
from vault.presigned import Presigned
from vault.terms import Coin, PartyKeys
from vault.terms import encode as encode_terms

PUBLIC_NONCE, PARTIAL = 66, 32
"""Bytes a session: two compressed points; a scalar."""


async def keys(context: Context, state: VaultState, job: Job) -> Facts:
    """Make this party's share of G and state its public keys, scripts, hashlocks and coins."""
    funded = decode(Funded, state.facts["funded"], "funded")
    own = context.own(funded.nonce)
    proposal, me = state.proposal, state.me
    ephemeral = context.keys.ephemeral(context.name(state))
    payout = await context.payout_script()
    slots = range(len(proposal.slots))
    stated = PartyKeys(
        party=me,
        musig=share_of_group(ephemeral).point(),
        personal=own.personal.xonly(),
        payout_script=payout,
        change_script=payout,
        nonce=funded.nonce,
        bonds=funded.bonds,
        stakes=funded.stakes,
        hashlock_a=sha256(own.hashlock_a().reveal()).digest() if me == proposal.borrower else b"",
        hashlocks_r=tuple(sha256(own.hashlock_r(s).reveal()).digest() for s in slots) if me == proposal.lender else (),
        hashlocks_f=tuple(sha256(own.hashlock_f(f).reveal()).digest() for f in range(len(proposal.fast)))
        if me == proposal.lender
        else (),
        prefund_inputs=funded.prefund_inputs,
    )
    return ((key("keys", me), encode_terms(stated)),)


async def coins(context: Context, state: VaultState, job: Job) -> Facts:
    """Find every party's coins on chain, confirmed as deep as Terms say, with the value and script that Terms name."""
    terms = terms_of(state.proposal, state.facts)
    for party in terms.keys:
        named = [
            *((f"bond of graph {g}", coin) for g, coin in party.bonds),
            *((f"stake of graph {g}", coin) for g, coin in party.stakes),
            *(("PreFund input", coin) for coin in party.prefund_inputs),
        ]
        for what, coin in named:
            await _on_chain(context, state, party.party, what, coin)
    return (("coins", b""),)


async def _on_chain(context: Context, state: VaultState, party: int, what: str, coin: Coin) -> None:
    while True:
        found = await context.chain.utxo(coin.txid, coin.vout)
        if found is not None and found.confirmations > state.proposal.timelocks.depth:
            break
        if found is None:
            raise PeerFault(
                what=f"party {party}: {what}",
                expected=f"{coin.value} sat at {coin.txid[::-1].hex()}:{coin.vout}",
                came="no such coin on chain",
            )
        await context.next_block()
    if (found.value, found.script) != (coin.value, coin.script_pubkey):
        raise PeerFault(
            what=f"party {party}: {what}",
            expected=f"{coin.value} sat to {coin.script_pubkey.hex()}",
            came=f"{found.value} sat to {found.script.hex()}",
        )


async def derive_graph(context: Context, state: VaultState, job: Job) -> Facts:
    """Derive every transaction from Terms and points, and state the digest of all of it."""
    await asyncio.to_thread(check_points, context, state)
    found = await asyncio.to_thread(statements, context, state)
    if found:
        await context.write(found)
    graph = await context.graph(state)
    return ((key("digest", state.me), await asyncio.to_thread(graph.digest)),)


def derived(state: VaultState, context: Context) -> VaultGraph:
    """The graph of a vault whose points are known."""
    return derive(terms_of(state.proposal, state.facts), engine_points(context, state))


async def nonces(context: Context, state: VaultState, job: Job) -> Facts:
    """The public nonces of every session, part by part."""
    graph = await context.graph(state)
    ephemeral, steps = context.keys.ephemeral(context.name(state)), context.count(state, job, parts(state.proposal))

    def make() -> Facts:
        share, facts = share_of_group(ephemeral), []
        for i, part in enumerate(graph.parts):
            public = graph.presigning(part).public_nonces(nonce_seed(ephemeral, i), share)
            facts.append((key("nonces", state.me, i), public))
            steps.advance()
        return tuple(facts)

    return await asyncio.to_thread(make)


def _all_of(context: Context, state: VaultState, kind: str, part: int) -> list[bytes]:
    return [context.blob(state.facts[key(kind, p, part)]) for p in everyone(state.proposal)]


async def sign(context: Context, state: VaultState, job: Job) -> Facts:
    """Partial signatures of every session. The guard lets one version of (nonces, messages, points) pass, ever."""
    graph = await context.graph(state)
    ephemeral, steps = context.keys.ephemeral(context.name(state)), context.count(state, job, parts(state.proposal))

    def make() -> Facts:
        share, facts = share_of_group(ephemeral), []
        for i, part in enumerate(graph.parts):
            public = _all_of(context, state, "nonces", i)
            _check_lengths(public, i, len(part))
            _claim_nonces(context.guard, state, i, graph.digest(), public)
            try:
                made = graph.presigning(part).sign(nonce_seed(ephemeral, i), share, public)
            except NativeError:
                _check_nonces(public, i)
                raise
            facts.append((key("partials", state.me, i), made))
            steps.advance()
        return tuple(facts)

    stated = await asyncio.to_thread(make)
    context.signed(state, made=len(graph.signatures))
    return stated


def _check_lengths(public: list[bytes], part: int, sessions: int) -> None:
    for p, nonces in enumerate(public):
        if len(nonces) != PUBLIC_NONCE * sessions:
            raise PeerFault(
                what=key("nonces", p, part), expected=f"{PUBLIC_NONCE * sessions} bytes", came=f"{len(nonces)} bytes"
            )


def _check_nonces(public: list[bytes], part: int) -> None:
    """Two points a session from everyone. Raises PeerFault naming whose are none; asked only when signing has failed."""
    for p, nonces in enumerate(public):
        for at in range(0, len(nonces), 33):
            if not is_point(nonces[at : at + 33]):
                raise PeerFault(
                    what=f"{key('nonces', p, part)}, session {at // PUBLIC_NONCE}",
                    expected="two points",
                    came=nonces[at : at + 33].hex(),
                )


def _claim_nonces(guard: Guard, state: VaultState, part: int, digest: bytes, public: list[bytes]) -> None:
    """The graph's digest covers messages and adaptor points; the keys of G are fresh, so the ephemeral key names the batch."""
    record = blake3(derive_key_context="bitvm3 2026 presigning batch v1")
    record.update(digest)
    for nonce in public:
        record.update(len(nonce).to_bytes(8, "big") + nonce)
    own = blake3(public[state.me], derive_key_context="bitvm3 2026 presigning nonces v1").digest()
    guard.claim("nonce", own + part.to_bytes(4, "big"), record.digest())


async def aggregate(context: Context, state: VaultState, job: Job) -> Facts:
    """Aggregate, verify every presignature, store, read back, burn this party's share of G; only then `ready`.

    Whose partial is wrong is asked only when a presignature does not hold: what holds is all that will ever be spent by, and
    checking every partial of five parties singly takes five times as long.
    """
    graph = await context.graph(state)
    steps = context.count(state, job, parts(state.proposal) + 1)

    def make() -> bytes:
        found = b""
        for i in range(len(graph.parts)):
            public, partials = _all_of(context, state, "nonces", i), _all_of(context, state, "partials", i)
            found += _presignatures(graph, i, public, partials)
            steps.advance()
        return found

    name, signatures = context.name(state), None
    if context.store.get("presigned", name) is None:  # else: stored before a crash
        signatures = await asyncio.to_thread(make)
        context.signed(state, checked=len(graph.signatures))
        await asyncio.to_thread(_refuse_equal_nonces, graph, signatures)
        await context.write((("presigned", name, signatures),))
    back = context.store.get("presigned", name)
    if back is None:
        raise LocalFault(what="presignatures", expected="to be read back", came="nothing", todo="Check the disk.")
    presigned = Presigned(graph=graph, signatures=back)
    if back != signatures:  # what is equal to bytes that were verified needs no second look
        wrong = await asyncio.to_thread(presigned.check)
        if wrong:
            raise LocalFault(
                what="presignatures read back", expected="all valid", came=f"{len(wrong)} wrong", todo="Check the disk."
            )
    steps.advance()
    context.keys.burn(name)
    digest = blake3(presigned.signatures, derive_key_context="bitvm3 2026 presigned v1").digest()
    return (("presigned", digest), (key("ready", state.me), digest))


def _presignatures(graph: VaultGraph, part: int, public: list[bytes], partials: list[bytes]) -> bytes:
    """Every presignature of a part, each verified. Raises PeerFault naming the party whose partial spoils one."""
    sessions = graph.parts[part]
    for p, stated in enumerate(partials):
        if len(stated) != PARTIAL * len(sessions):
            expected, came = f"{PARTIAL * len(sessions)} bytes", f"{len(stated)} bytes"
            raise PeerFault(what=key("partials", p, part), expected=expected, came=came)
    batch = graph.presigning(sessions)
    try:
        found = batch.aggregate(public, partials)
        wrong = batch.check(found)
    except NativeError:  # somebody's partial is no scalar
        found, wrong = b"", list(range(len(sessions)))
    for p in range(len(partials)) if wrong else ():
        _refuse_partials(graph, batch, p, part, public, partials[p])
    if wrong:
        raise LocalFault(what="presignatures", expected="to hold where every partial does", came=f"{len(wrong)} wrong")
    return found


def _refuse_partials(
    graph: VaultGraph, batch: Presigning, party: int, part: int, public: list[bytes], partials: bytes
) -> None:
    """Raise PeerFault when a partial of this party is wrong."""
    name = key("partials", party, part)
    try:
        wrong = batch.check_partials(party, public, partials)
    except NativeError as error:
        raise PeerFault(what=name, expected="partial signatures", came=str(error)) from error
    if wrong:
        session = graph.signatures[graph.parts[part].start + wrong[0]]
        came = f"{len(wrong)} wrong, the first for {session.template} input {session.input} {session.path}"
        raise PeerFault(what=name, expected="valid partial signatures", came=came)


def _refuse_equal_nonces(graph: VaultGraph, signatures: bytes) -> None:
    """Two values of one digit under one R'.x: one signature would assert both. The round is refused."""
    for g, terms in enumerate(graph.terms.proposal.graphs):
        run = 1 << terms.digit_bits
        first = graph.digit(g, 0).start
        chunk = signatures[65 * first : 65 * (first + run * terms.digits)]
        if equal_nonces(chunk, run):
            raise PeerFault(
                what=f"nonces of graph {g}", expected="another R' for every value of a digit", came="the same twice"
            )


async def reveal(context: Context, state: VaultState, job: Job) -> Facts:
    """The lender shows r of a slot."""
    (slot,) = job.indices
    return ((key("release", slot), context.own_of(state).hashlock_r(slot).reveal()),)


async def let(context: Context, state: VaultState, job: Job) -> Facts:
    """The lender shows the preimage of the ticket of an entry of path B: the liquidator has paid."""
    (entry,) = job.indices
    return ((key("fast_release", entry), context.own_of(state).hashlock_f(entry).reveal()),)
