"""From what a person says of a vault to a Proposal, and from what an operator claims with to the digits of Assert.

Promise: everything a person leaves out is filled in the same way on every node: circuit, digits, smallest bond, timelocks; for
engine babe the largest stake allowed, and this node's only key of the statement `outcome`; for a loan the rules of its ledger,
one graph a (claimant, outcome, slot), the longest ledger timeout, a dead man late enough. Does NOT know peers or state.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, assert_never

import msgspec

from bitcoin_scripts.outputs import DUST
from circuits import digits
from circuits.engine import Predicate
from circuits.engines.babe import CIRCUIT, digits_of_proof
from circuits.faults import LocalFault as CircuitsLocalFault
from circuits.gates import Circuit
from circuits.withdrawal import commitment_of, withdrawal
from node.faults import LocalFault
from vault.fast_point import Announcement
from vault.faults import TermsFault, VaultFault
from vault.fees import largest_stake, minimal_bond
from vault.ledger.forms import from_json
from vault.ledger.rules import Rules
from vault.terms import (
    MIN_STAKE,
    Fast,
    FeePolicy,
    GraphTerms,
    Loan,
    Party,
    Proposal,
    Timelocks,
    check_proposal,
    check_shape,
)
from vault.timelocks import MAINLINE, dead_man_floor, longest_timeout, regtest_timelocks


class GraphWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One claim game. `amount`: sats the claim pays.

    Engine babe: `ledger`: id of the ledger that claims are about, hex; `key`: id of the verifying key of the statement
    `outcome`, hex (none: this node's only one); `stake`: sats a challenger risks (none: the most allowed).
    Engine core: `commitment`: SHA256(balance (32 bytes) || salt (16 bytes)), hex.
    """

    claimant: int
    outcome: str
    slot: int
    profile: str
    amount: int
    engine: str = "babe"
    digit_bits: int = 4
    commitment: str | None = None
    ledger: str | None = None
    key: str | None = None
    stake: int | None = None


class PartyWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`identity`: the x-only key a node signs its messages with, hex. `role`: borrower, lender, liquidator or challenger."""

    identity: str
    role: str


class LoanWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes a vault a loan. `ledger`: the id of one that is open here, hex; `cents`: what is lent, nothing for a top-up.

    `timeout`: blocks after PreFund until the lender may take back what it locked (none: the most allowed). A top-up names
    the `vault` whose position it adds to, hex, and the position's slot that its slot 0 becomes. `fast`: entries of path B;
    their announcements and the threshold are asked of the ledger's attestors when they are left out.
    """

    ledger: str
    cents: int = 0
    timeout: int | None = None
    vault: str | None = None
    first_slot: int = 0
    fast: tuple[Fast, ...] = ()
    announcements: tuple[dict[str, Any], ...] = ()
    threshold: int = 0


class ProposalWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vault as a person describes it. Amounts are sats, times blocks, rates sat/vB.

    Without `timelocks` the network's own are used: real days on every chain but regtest. A loan may leave out `graphs`: then
    B, L and every liquidator get one for each slot, of this `profile` (only regtest has a default, test). It says its own
    `maturity`, and its `grace` is that of the ledger's rules; a plain vault has 10 and 2 blocks when nothing is said.
    """

    parties: tuple[PartyWanted, ...]
    slots: tuple[int, ...]
    graphs: tuple[GraphWanted, ...] = ()
    profile: str | None = None
    timelocks: dict[str, int] | None = None
    base_rate: int = 1
    worst_rate: int = 50
    maturity: int | None = None
    grace: int | None = None
    loan: LoanWanted | None = None


@lru_cache(maxsize=64)
def circuit_of(statement: bytes, amount: int) -> Circuit:
    """The withdrawal circuit of a sealed balance and an amount; every node builds the same one."""
    return withdrawal(commitment=statement, amount=amount)


def predicate_of(terms: GraphTerms) -> Predicate:
    """What is garbled in a graph."""
    match terms.engine:
        case "core":
            return circuit_of(terms.statement, terms.amount)
        case "babe":
            return CIRCUIT
        case _:
            assert_never(terms.engine)


def propose(
    wanted: dict[str, Any], *, network: str, genesis: bytes, keys: Sequence[bytes], ledgers: Mapping[bytes, Rules]
) -> Proposal:
    """The proposal a person means; `keys`: this node's verifying keys of `outcome`; `ledgers`: those open here, by id.

    Raises LocalFault naming the field.
    """
    try:
        told = msgspec.convert(wanted, ProposalWanted)
    except msgspec.ValidationError as error:
        raise LocalFault(
            what="proposal", expected="parties, slots and graphs as README shows", came=str(error)
        ) from error
    try:
        return _propose(told, network, genesis, keys, ledgers)
    except VaultFault as fault:
        raise LocalFault(what="proposal", expected="one by the rules", came=str(fault)) from fault


def _propose(
    told: ProposalWanted, network: str, genesis: bytes, keys: Sequence[bytes], ledgers: Mapping[bytes, Rules]
) -> Proposal:
    loan = None if told.loan is None else _loan(told.loan, ledgers)
    graphs = told.graphs or (() if told.loan is None else _every_claim(told, told.loan.ledger, network))
    draft = Proposal(
        version=1,
        network=network,
        genesis=genesis,
        salt=secrets.token_bytes(32),
        parties=tuple(Party(identity=_hex("identity", party.identity), role=party.role) for party in told.parties),  # type: ignore[arg-type]
        slots=told.slots,
        graphs=tuple(_graph(g, graph, keys) for g, graph in enumerate(graphs)),
        timelocks=_timelocks(told, network),
        fee_policy=FeePolicy(base_rate=told.base_rate, worst_rate=told.worst_rate),
        maturity=_maturity(told),
        grace=_grace(told, loan),
        loan=loan,
    )
    draft = _timed(draft, told)
    check_shape(draft)
    staked = msgspec.structs.replace(draft, graphs=tuple(_stake(draft, g, wanted) for g, wanted in enumerate(graphs)))
    check_shape(staked)
    bonds = tuple(msgspec.structs.replace(graph, bond=minimal_bond(staked, g)) for g, graph in enumerate(staked.graphs))
    return check_proposal(msgspec.structs.replace(staked, graphs=bonds))


def _timelocks(told: ProposalWanted, network: str) -> Timelocks:
    default = regtest_timelocks() if network == "regtest" else MAINLINE
    if told.timelocks is None:
        return default
    try:
        return msgspec.convert({**msgspec.to_builtins(default), **told.timelocks}, Timelocks)
    except msgspec.ValidationError as error:
        raise LocalFault(what="proposal.timelocks", expected="numbers of blocks by name", came=str(error)) from error


# ---- a loan ----------------------------------------------------------------------------------------------------------
_CLAIMS: dict[str, str] = {"borrower": "withdraw", "lender": "default", "liquidator": "liquidate"}
"""Role -> the outcome it may claim."""


def _loan(wanted: LoanWanted, ledgers: Mapping[bytes, Rules]) -> Loan:
    ledger = _hex("loan.ledger", wanted.ledger)
    if ledger not in ledgers:
        raise LocalFault(
            what="loan.ledger", expected="a ledger open here", came=wanted.ledger,
            todo="`bitvm3 ledger list` shows them; `bitvm3 ledger open FILE` opens one.",
        )  # fmt: skip
    return Loan(
        ledger=ledger,
        rules=ledgers[ledger],
        cents=wanted.cents,
        vault=b"" if wanted.vault is None else _hex("loan.vault", wanted.vault),
        first_slot=wanted.first_slot,
        timeout=wanted.timeout or 0,
        fast=wanted.fast,
        announcements=from_json(list(wanted.announcements), tuple[Announcement, ...], TermsFault, "loan.announcements"),
        threshold=wanted.threshold,
    )


def _every_claim(told: ProposalWanted, ledger: str, network: str) -> tuple[GraphWanted, ...]:
    """Slot by slot: what B, L and each liquidator may claim, in the order of the parties."""
    profile = told.profile or ("test" if network == "regtest" else None)
    if profile is None:
        raise LocalFault(what="profile", expected="fast, default or paranoid", came="none")
    claimants = [(i, _CLAIMS[party.role]) for i, party in enumerate(told.parties) if party.role in _CLAIMS]
    return tuple(
        GraphWanted(claimant=who, outcome=outcome, slot=slot, profile=profile, amount=sats, ledger=ledger)
        for slot, sats in enumerate(told.slots)
        for who, outcome in claimants
    )


def _maturity(told: ProposalWanted) -> int:
    if told.maturity is not None:
        return told.maturity
    if told.loan is not None:
        raise LocalFault(what="maturity", expected="blocks from PreFund until the loan is due", came="none")
    return 10


def _grace(told: ProposalWanted, loan: Loan | None) -> int:
    if told.grace is not None:
        return told.grace
    return 2 if loan is None else loan.rules.grace


def _timed(draft: Proposal, told: ProposalWanted) -> Proposal:
    """What a loan's own times ask of timelocks that nobody named: a later dead man, the longest ledger timeout."""
    loan = draft.loan
    if loan is None:
        return draft
    if "dead_man" not in (told.timelocks or {}):
        dead_man = max(draft.timelocks.dead_man, dead_man_floor(draft) + 1)
        draft = msgspec.structs.replace(draft, timelocks=msgspec.structs.replace(draft.timelocks, dead_man=dead_man))
    timeout = loan.timeout if loan.vault or loan.timeout else longest_timeout(draft)
    return msgspec.structs.replace(draft, loan=msgspec.structs.replace(loan, timeout=timeout))


# ---- graphs ----------------------------------------------------------------------------------------------------------
def _stake(draft: Proposal, g: int, wanted: GraphWanted) -> GraphTerms:
    """The terms with the stake that a person names, or the largest one allowed."""
    terms = draft.graphs[g]
    if terms.engine == "core":
        return terms
    return msgspec.structs.replace(terms, stake=largest_stake(draft, g) if wanted.stake is None else wanted.stake)


def _graph(g: int, wanted: GraphWanted, keys: Sequence[bytes]) -> GraphTerms:
    at = f"graphs[{g}]"
    for field in {"core": ("ledger", "key", "stake"), "babe": ("commitment",)}.get(wanted.engine, ()):
        if getattr(wanted, field) is not None:
            raise LocalFault(what=f"{at}.{field}", expected=f"nothing: engine {wanted.engine} has none", came="a value")
    match wanted.engine:
        case "core":
            statement, key = _hex(f"{at}.commitment", wanted.commitment), b""
            predicate: Predicate = circuit_of(statement, wanted.amount)
        case "babe":
            statement, key = _hex(f"{at}.ledger", wanted.ledger), _key(at, wanted.key, keys)
            predicate = CIRCUIT
        case other:
            raise LocalFault(what=f"{at}.engine", expected="babe or core", came=other[:40])
    try:
        count = digits.digit_count(predicate, wanted.digit_bits)
    except CircuitsLocalFault as fault:
        raise LocalFault(what=f"{at}.digit_bits", expected="1 to 8", came=str(wanted.digit_bits)) from fault
    return GraphTerms(
        claimant=wanted.claimant,
        outcome=wanted.outcome,  # type: ignore[arg-type]
        slot=wanted.slot,
        engine=wanted.engine,
        profile=wanted.profile,  # type: ignore[arg-type]
        digits=count,
        digit_bits=wanted.digit_bits,
        circuit=predicate.id,
        statement=statement,
        key=key,
        amount=wanted.amount,
        bond=DUST,
        stake=MIN_STAKE if wanted.engine == "babe" else 0,
    )


def _key(at: str, told: str | None, keys: Sequence[bytes]) -> bytes:
    """The verifying key a person names, or this node's only one."""
    if told is not None:
        return _hex(f"{at}.key", told)
    if len(keys) != 1:
        raise LocalFault(
            what=f"{at}.key",
            expected="the id of a verifying key of the statement outcome (this node has not just one to take)",
            came=", ".join(key.hex()[:16] for key in keys) or "none here",
            todo="`bitvm3 setup list` shows them; on regtest `bitvm3 setup run outcome` makes one.",
        )
    return keys[0]


def claimed_digits(terms: GraphTerms, value: bytes) -> list[int]:
    """The digits that Assert publishes for what an operator claimed with: digit values (core), a proof (babe)."""
    match terms.engine:
        case "core":
            return list(value)
        case "babe":
            return digits_of_proof(value, terms.digit_bits)
        case _:
            assert_never(terms.engine)


def digits_of(terms: GraphTerms, balance: int, salt: int) -> tuple[int, ...]:
    """Engine core: the digits that Assert publishes for these sealed inputs; whether they are true is what the game decides."""
    if not (0 <= balance < 1 << 256 and 0 <= salt < 1 << 128):
        raise LocalFault(
            what="sealed inputs", expected="a balance below 2^256 and a salt below 2^128", came=f"{balance}, {salt}"
        )
    circuit = circuit_of(terms.statement, terms.amount)
    return tuple(digits.digits_of(circuit, (balance, salt), terms.digit_bits))


def check_opening(terms: GraphTerms, balance: int, salt: int) -> None:
    """Refuse a claim on inputs that were never sealed: everybody could refute it. Raises LocalFault."""
    if not (0 <= balance < 1 << 256 and 0 <= salt < 1 << 128) or commitment_of(balance, salt) != terms.statement:
        raise LocalFault(
            what="sealed inputs",
            expected=f"the balance and the salt that the commitment {terms.statement.hex()} hides",
            came=f"balance {balance} and another salt, or another balance",
            todo="Look up what was sealed: a claim on anything else is lost with its bond.",
        )


def _hex(field: str, text: str | None) -> bytes:
    try:
        value = bytes.fromhex(text or "")
    except ValueError:
        value = b""
    if len(value) != 32:
        raise LocalFault(what=field, expected="32 bytes as hex", came=(text or "nothing")[:80])
    return value
