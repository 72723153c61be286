"""Hostile bytes in, checked terms out.

Promises: `decode_*` then `check_*` (`parse_*` is both) let only a value pass of which every rule of protocol.md that
can be judged from it holds, or raise TermsFault with the field, what was expected and what came; never another one.
The byte form is canonical: one value has one encoding. Does not know transactions beyond their amounts, and not the
chain: that the coins exist, are confirmed and the genesis is ours is for the node to see.
"""

from __future__ import annotations

from typing import Any, TypeVar, get_args

import msgspec

from bitcoin_scripts.outputs import DUST, p2tr
from native._native import signing, tapscript
from vault.agreement import (
    Coin,
    Engine,
    EnginePoints,
    Fast,
    FeePolicy,
    GraphTerms,
    Loan,
    Outcome,
    Party,
    PartyKeys,
    Profile,
    Proposal,
    Reveals,
    Role,
    Rows,
    Sats,
    Terms,
    Timelocks,
    encode,
)
from vault.faults import PointsFault, TermsFault, VaultFault
from vault.fees import MAX_MONEY, check_amounts, prefund_values
from vault.fields import distinct, equal, length, one_of, p2tr_script, within, xonly
from vault.loans import check_loan, check_plain
from vault.timelocks import check_timelocks

__all__ = [
    "Coin",
    "EnginePoints",
    "Fast",
    "FeePolicy",
    "GraphTerms",
    "Loan",
    "Party",
    "PartyKeys",
    "Proposal",
    "Reveals",
    "Terms",
    "Timelocks",
    "bond_script",
    "check_keys",
    "check_points",
    "check_proposal",
    "check_shape",
    "check_terms",
    "decode_keys",
    "decode_points",
    "decode_proposal",
    "decode_terms",
    "encode",
    "parse_proposal",
    "parse_terms",
]

VERSION = 1
NETWORKS = ("regtest", "signet", "testnet", "testnet4")

# Limits: what one vault may ask of a node. Each bounds memory and work before anything expensive runs. A loan of 8 parties and
# 8 slots fits every one of them; tests/unit/vault/test_limits.py builds the largest and measures it.
MAX_BYTES = (
    1 << 20
)  # of any encoded word but points: 16 parties and 64 graphs make Terms of 135 KB, path B adds announcements
MAX_POINTS_BYTES = 48 << 20  # 64 babe graphs of 256 four-bit digits, each with 15 challengers, need 44 MiB
MAX_PARTIES = 16  # every one signs every message
MAX_SLOTS = 16  # inputs of Vault; a position of a ledger has 8
MAX_GRAPHS = 64  # 8 slots, each claimed by B, L and six liquidators
MAX_DIGITS = 256  # Assert stays below half the size of a TRUC transaction
MAX_DIGIT_BITS = 8
MAX_SESSIONS = 1 << 18  # sum of digits * 2 ** digit_bits, adaptor presignatures: twice 64 graphs of 128 four-bit digits
MAX_BABE_SLOT = 7  # the slots of a position that a statement of the ledger can name
MIN_STAKE: Sats = 1_000  # pays the fees of Refute at its base rate, and leaves more than dust
MAX_COINS = 32  # inputs of PreFund: below half the size of a TRUC transaction
MAX_RATE = 10_000  # sat/vB
MAX_WAIT = 65_535  # blocks, as in a relative timelock


# ---- bytes to values: form only, then `check_*` ----------------------------------------------------------------------
def decode_proposal(raw: bytes) -> Proposal:
    """A well-formed proposal, unchecked."""
    return _decode(raw, Proposal, TermsFault, MAX_BYTES)


def decode_keys(raw: bytes) -> PartyKeys:
    """Well-formed keys of one party, unchecked."""
    return _decode(raw, PartyKeys, TermsFault, MAX_BYTES)


def decode_terms(raw: bytes) -> Terms:
    """Well-formed terms, unchecked."""
    return _decode(raw, Terms, TermsFault, MAX_BYTES)


def decode_points(raw: bytes) -> tuple[EnginePoints, ...]:
    """Well-formed engine points of every graph, unchecked; PointsFault otherwise."""
    return _decode(raw, tuple[EnginePoints, ...], PointsFault, MAX_POINTS_BYTES)


def parse_proposal(raw: bytes) -> Proposal:
    """A checked proposal."""
    return check_proposal(decode_proposal(raw))


def parse_terms(raw: bytes) -> Terms:
    """Checked terms."""
    return check_terms(decode_terms(raw))


_Word = TypeVar("_Word", Proposal, PartyKeys, Terms, tuple[EnginePoints, ...])
# Made at import: msgspec compiles a type's annotations when it first decodes it, and CPython 3.11 may crash when two threads
# compile at once (gh-106905).
_DECODERS: dict[Any, msgspec.msgpack.Decoder[Any]] = {
    kind: msgspec.msgpack.Decoder(kind) for kind in (Proposal, PartyKeys, Terms, tuple[EnginePoints, ...])
}


def _decode(raw: bytes, kind: type[_Word], fault: type[VaultFault], limit: int) -> _Word:
    name = getattr(kind, "__name__", "points")
    if len(raw) > limit:
        raise fault(name, expected=f"at most {limit} bytes", got=f"{len(raw)} bytes")
    try:
        word: _Word = _DECODERS[kind].decode(raw)
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
        raise fault(name, expected="a well-formed MessagePack value of this kind", got=str(error)[:200]) from None
    if encode(word) != raw:
        # Two encodings of one value would give two parties two ids for the same agreement.
        raise fault(name, expected="the canonical encoding", got="another encoding of the same value")
    return word


# ---- checks ----------------------------------------------------------------------------------------------------------
def check_proposal(proposal: Proposal) -> Proposal:
    """Everything that can be judged without keys; returns its argument."""
    check_shape(proposal)
    check_timelocks(proposal)
    check_amounts(proposal)
    return proposal


def check_shape(proposal: Proposal) -> Proposal:
    """Roles, counts and ranges: what amounts and timelocks are computed from; returns its argument."""
    equal("version", proposal.version, VERSION)
    one_of("network", proposal.network, NETWORKS)
    length("genesis", proposal.genesis, 32)
    length("salt", proposal.salt, 32)
    within("len(parties)", len(proposal.parties), 2, MAX_PARTIES)
    for i, party in enumerate(proposal.parties):
        one_of(f"parties[{i}].role", party.role, get_args(Role))
        xonly(f"parties[{i}].identity", party.identity)
    distinct("identities", [party.identity for party in proposal.parties])
    for role in ("borrower", "lender"):
        equal(f"number of parties in role {role}", sum(p.role == role for p in proposal.parties), 1)
    within("len(slots)", len(proposal.slots), 1, MAX_SLOTS)
    for i, value in enumerate(proposal.slots):
        within(f"slots[{i}]", value, DUST, MAX_MONEY)
    within("sum of slots", sum(proposal.slots), 0, MAX_MONEY)
    within("len(graphs)", len(proposal.graphs), 1, MAX_GRAPHS)
    for i, graph in enumerate(proposal.graphs):
        _check_graph(proposal, f"graphs[{i}]", graph)
    sessions = sum(graph.digits << graph.digit_bits for graph in proposal.graphs)
    within("sum of digits * 2 ** digit_bits", sessions, 0, MAX_SESSIONS)
    distinct("graphs (claimant, outcome, slot)", [(g.claimant, g.outcome, g.slot) for g in proposal.graphs])
    within("maturity", proposal.maturity, 0, MAX_WAIT)
    within("grace", proposal.grace, 0, MAX_WAIT)
    within("fee_policy.base_rate", proposal.fee_policy.base_rate, 1, MAX_RATE)
    within("fee_policy.worst_rate", proposal.fee_policy.worst_rate, proposal.fee_policy.base_rate, MAX_RATE)
    if proposal.loan is None:
        check_plain(proposal)
    else:
        check_loan(proposal, proposal.loan)
    return proposal


# Who may claim which outcome.
_CLAIMANT: dict[Outcome, Role] = {"withdraw": "borrower", "default": "lender", "liquidate": "liquidator"}


def _check_graph(proposal: Proposal, at: str, graph: GraphTerms) -> None:
    within(f"{at}.claimant", graph.claimant, 0, len(proposal.parties) - 1)
    one_of(f"{at}.outcome", graph.outcome, get_args(Outcome))
    equal(f"role of {at}.claimant", proposal.parties[graph.claimant].role, _CLAIMANT[graph.outcome])
    within(f"{at}.slot", graph.slot, 0, len(proposal.slots) - 1)
    one_of(f"{at}.engine", graph.engine, get_args(Engine))
    # The profile `test` can be cheated with one try in 56: it must never guard a coin of value.
    profiles = get_args(Profile) if proposal.network == "regtest" else ("fast", "default", "paranoid")
    one_of(f"{at}.profile on {proposal.network}", graph.profile, profiles)
    within(f"{at}.digits", graph.digits, 1, MAX_DIGITS)
    within(f"{at}.digit_bits", graph.digit_bits, 1, MAX_DIGIT_BITS)
    length(f"{at}.circuit", graph.circuit, 32)
    length(f"{at}.statement", graph.statement, 32)
    babe = graph.engine == "babe"
    length(f"{at}.key of engine {graph.engine}", graph.key, 32 if babe else 0)
    low, high = (MIN_STAKE, MAX_MONEY) if babe else (0, 0)
    within(f"{at}.stake of engine {graph.engine}", graph.stake, low, high)
    if babe:
        within(f"{at}.slot of engine babe", graph.slot, 0, MAX_BABE_SLOT)
    slot = proposal.slots[graph.slot]
    within(f"{at}.amount", graph.amount, DUST, slot)
    if 0 < slot - graph.amount < DUST:
        raise TermsFault(f"rest of {at}", expected=f"0 or at least {DUST} sat", got=str(slot - graph.amount))
    within(f"{at}.bond", graph.bond, DUST, MAX_MONEY)


def check_keys(proposal: Proposal, keys: PartyKeys) -> PartyKeys:
    """One party's keys against a checked proposal: forms, coins, bonds, stakes; returns its argument."""
    within("party", keys.party, 0, len(proposal.parties) - 1)
    at = f"keys[{keys.party}]"
    if len(keys.musig) != 33 or not signing.is_point(keys.musig):
        raise TermsFault(f"{at}.musig", expected="a 33-byte compressed point", got=keys.musig.hex())
    xonly(f"{at}.personal", keys.personal)
    for field in ("payout_script", "change_script"):
        p2tr_script(f"{at}.{field}", getattr(keys, field))
    length(f"{at}.nonce", keys.nonce, 32)
    graphs = list(enumerate(proposal.graphs))
    claimed = {g: graph.bond for g, graph in graphs if graph.claimant == keys.party}
    risked = {g: graph.stake for g, graph in graphs if graph.engine == "babe" and graph.claimant != keys.party}
    _check_own(f"{at}.bonds", keys.bonds, claimed, keys.personal)
    _check_own(f"{at}.stakes", keys.stakes, risked, keys.personal)
    role = proposal.parties[keys.party].role
    length(f"{at}.hashlock_a of a {role}", keys.hashlock_a, 32 if role == "borrower" else 0)
    equal(
        f"len({at}.hashlocks_r) of a {role}",
        len(keys.hashlocks_r),
        len(proposal.slots) if role == "lender" else 0,
    )
    fast = proposal.loan.fast if proposal.loan is not None else ()
    equal(f"len({at}.hashlocks_f) of a {role}", len(keys.hashlocks_f), len(fast) if role == "lender" else 0)
    for name in ("hashlocks_r", "hashlocks_f"):
        for i, digest in enumerate(getattr(keys, name)):
            length(f"{at}.{name}[{i}]", digest, 32)
    low, high = (1, MAX_COINS) if role == "borrower" else (0, 0)
    within(f"len({at}.prefund_inputs) of a {role}", len(keys.prefund_inputs), low, high)
    for i, coin in enumerate(keys.prefund_inputs):
        _check_coin(f"{at}.prefund_inputs[{i}]", coin)
    if role == "borrower":
        prefund_values(proposal, keys.prefund_inputs)
    return keys


def bond_script(personal: bytes) -> bytes:
    """The script of a bond or a stake: P2TR of a party's personal key, tweaked without leaves (BIP86)."""
    return p2tr(tapscript.taproot(personal, [])[0])


def _check_own(at: str, coins: tuple[tuple[int, Coin], ...], wanted: dict[int, Sats], personal: bytes) -> None:
    """Exactly one coin of the party's own key for every graph of `wanted`, ascending, of the value said there."""
    equal(f"graphs of {at}", str([g for g, _ in coins]), str(list(wanted)))
    for g, coin in coins:
        name = f"{at}[{g}]"
        _check_coin(name, coin)
        equal(f"{name}.value", coin.value, wanted[g])
        equal(f"{name}.script_pubkey", coin.script_pubkey.hex(), bond_script(personal).hex())


def _check_coin(at: str, coin: Coin) -> None:
    length(f"{at}.txid", coin.txid, 32)
    within(f"{at}.vout", coin.vout, 0, 0xFFFF_FFFF)
    within(f"{at}.value", coin.value, 1, MAX_MONEY)
    p2tr_script(f"{at}.script_pubkey", coin.script_pubkey)


def check_terms(terms: Terms) -> Terms:
    """Everything: the proposal, every party's keys, and all of them against each other; returns its argument."""
    proposal = check_proposal(terms.proposal)
    equal("parties of keys", str([k.party for k in terms.keys]), str(list(range(len(proposal.parties)))))
    for keys in terms.keys:
        check_keys(proposal, keys)
    # One key in two roles would let a signature for one purpose serve another.
    distinct(
        "keys of all parties",
        [
            *(party.identity for party in proposal.parties),
            *(keys.personal for keys in terms.keys),
            *(keys.musig[1:] for keys in terms.keys),
        ],
    )
    distinct("nonces", [keys.nonce for keys in terms.keys])
    # A preimage shown for one purpose must not open another.
    locks = [h for keys in terms.keys for h in (keys.hashlock_a, *keys.hashlocks_r, *keys.hashlocks_f) if h]
    distinct("hashlocks", locks)
    coins = [
        coin for keys in terms.keys for coin in (*keys.prefund_inputs, *(own for _, own in (*keys.bonds, *keys.stakes)))
    ]
    distinct("coins", [(coin.txid, coin.vout) for coin in coins])
    # Who states its keys last could choose its own to be the aggregate, or to sum up to nothing.
    distinct("G and personal keys", [_group(terms)[1:], *(keys.personal for keys in terms.keys)])
    return terms


def _group(terms: Terms) -> bytes:
    try:
        return signing.aggregate_key(terms.musig_keys)
    except ValueError as error:
        raise TermsFault("musig keys", expected="keys whose aggregate is a point", got=str(error)) from None


def check_points(terms: Terms, points: tuple[EnginePoints, ...]) -> tuple[EnginePoints, ...]:
    """Exactly the points of the layout, all on the curve, all locks and keys distinct; PointsFault otherwise."""
    proposal = terms.proposal
    if [p.graph for p in points] != list(range(len(proposal.graphs))):
        raise PointsFault("points", expected="one entry a graph, in order", got=str([p.graph for p in points]))
    for g, (graph, entry) in enumerate(zip(proposal.graphs, points, strict=True)):
        challengers = list(proposal.challengers(g))
        _listed(f"points[{g}].locks", [k for k, _ in entry.locks], challengers)
        _listed(f"points[{g}].reveals", [r.challenger for r in entry.reveals], challengers * (graph.engine == "babe"))
        _check_rows(f"points[{g}].digits", entry.digits, graph)
        for reveal in entry.reveals:
            _check_rows(f"points[{g}].reveals[{reveal.challenger}].digits", reveal.digits, graph)
            _point(f"points[{g}].reveals[{reveal.challenger}].key", b"\2" + reveal.key)
        for k, lock in entry.locks:
            _point(f"points[{g}].locks[{k}]", lock)
    # A lock that is also a key would open without the secret that it stands for; a key of Reveal that is also another
    # would sign its digits, or let them be signed, for another purpose.
    fresh = [key for entry in points for key in (*(x[1:] for _, x in entry.locks), *(r.key for r in entry.reveals))]
    others = [
        _group(terms)[1:],
        *(party.identity for party in proposal.parties),
        *(k.personal for k in terms.keys),
        *(k.musig[1:] for k in terms.keys),
    ]
    distinct("points.locks, points.reveals and keys", [*fresh, *others], PointsFault)
    return points


def _check_rows(field: str, rows: Rows, graph: GraphTerms) -> None:
    shape = [len(row) for row in rows]
    if shape != [1 + graph.digit_bits] * graph.digits:
        expected = f"{graph.digits} digits of {1 + graph.digit_bits} points"
        raise PointsFault(field, expected=expected, got=f"{len(shape)} digits of {set(shape)}")
    for row in rows:
        for point in row:
            _point(field, point)


def _listed(field: str, got: list[int], expected: list[int]) -> None:
    if got != expected:
        raise PointsFault(field, expected=f"challengers {expected}", got=str(got))


def _point(field: str, point: bytes) -> None:
    if len(point) != 33 or not signing.is_point(point):
        raise PointsFault(field, expected="compressed points on the curve", got=point.hex()[:80])
