"""From what a person says of a vault to a Proposal, and from sealed inputs to the digits of a claim.

Promise: everything a person leaves out is filled in the same way on every node: circuit, digits, smallest bond, timelocks.
This module does NOT know peers or state.
"""

from __future__ import annotations

import secrets
from functools import lru_cache
from typing import Any

import msgspec

from bitcoin_scripts.outputs import DUST
from circuits import digits
from circuits.gates import Circuit
from circuits.withdrawal import commitment_of, withdrawal
from node.faults import LocalFault
from vault.faults import VaultFault
from vault.fees import minimal_bond
from vault.terms import FeePolicy, GraphTerms, Party, Proposal, Timelocks, check_proposal, check_shape
from vault.timelocks import MAINLINE, regtest_timelocks

DIGIT_BITS = 4


class GraphWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One claim game. `commitment`: SHA256(balance (32 bytes) || salt (16 bytes)), hex; `amount`: sats the claim pays."""

    claimant: int
    outcome: str
    slot: int
    engine: str
    profile: str
    commitment: str
    amount: int


class PartyWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`identity`: the x-only key a node signs its messages with, hex. `role`: borrower, lender or challenger."""

    identity: str
    role: str


class ProposalWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vault as a person describes it. Amounts are sats, times blocks, rates sat/vB.

    Without `timelocks` the network's own are used: real days on every chain but regtest.
    """

    parties: tuple[PartyWanted, ...]
    slots: tuple[int, ...]
    graphs: tuple[GraphWanted, ...]
    timelocks: dict[str, int] | None = None
    base_rate: int = 1
    worst_rate: int = 50
    maturity: int = 10
    grace: int = 2


@lru_cache(maxsize=64)
def circuit_of(statement: bytes, amount: int) -> Circuit:
    """The withdrawal circuit of a sealed balance and an amount; every node builds the same one."""
    return withdrawal(commitment=statement, amount=amount)


def propose(wanted: dict[str, Any], *, network: str, genesis: bytes) -> Proposal:
    """The proposal a person means. Raises LocalFault naming the field."""
    try:
        told = msgspec.convert(wanted, ProposalWanted)
    except msgspec.ValidationError as error:
        raise LocalFault(
            what="proposal", expected="parties, slots and graphs as README shows", came=str(error)
        ) from error
    try:
        return _propose(told, network, genesis)
    except VaultFault as fault:
        raise LocalFault(what="proposal", expected="one by the rules", came=str(fault)) from fault


def _propose(told: ProposalWanted, network: str, genesis: bytes) -> Proposal:
    default = regtest_timelocks() if network == "regtest" else MAINLINE
    try:
        timelocks = (
            default
            if told.timelocks is None
            else msgspec.convert({**msgspec.to_builtins(default), **told.timelocks}, Timelocks)
        )
    except msgspec.ValidationError as error:
        raise LocalFault(what="proposal.timelocks", expected="numbers of blocks by name", came=str(error)) from error
    draft = Proposal(
        version=1,
        network=network,
        genesis=genesis,
        salt=secrets.token_bytes(32),
        parties=tuple(Party(identity=_hex("identity", party.identity), role=party.role) for party in told.parties),  # type: ignore[arg-type]
        slots=told.slots,
        graphs=tuple(_graph(g, graph) for g, graph in enumerate(told.graphs)),
        timelocks=timelocks,
        fee_policy=FeePolicy(base_rate=told.base_rate, worst_rate=told.worst_rate),
        maturity=told.maturity,
        grace=told.grace,
    )
    check_shape(draft)
    bonds = tuple(msgspec.structs.replace(graph, bond=minimal_bond(draft, g)) for g, graph in enumerate(draft.graphs))
    return check_proposal(msgspec.structs.replace(draft, graphs=bonds))


def _graph(g: int, wanted: GraphWanted) -> GraphTerms:
    statement = _hex(f"graphs[{g}].commitment", wanted.commitment)
    circuit = circuit_of(statement, wanted.amount)
    return GraphTerms(
        claimant=wanted.claimant,
        outcome=wanted.outcome,  # type: ignore[arg-type]
        slot=wanted.slot,
        engine=wanted.engine,  # type: ignore[arg-type]
        profile=wanted.profile,  # type: ignore[arg-type]
        digits=digits.digit_count(circuit, DIGIT_BITS),
        digit_bits=DIGIT_BITS,
        circuit=circuit.id,
        statement=statement,
        key=b"",
        amount=wanted.amount,
        bond=DUST,
        stake=0,
    )


def digits_of(terms: GraphTerms, balance: int, salt: int) -> tuple[int, ...]:
    """The digits that Assert publishes for these sealed inputs; whether they are true is what the game decides."""
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


def _hex(field: str, text: str) -> bytes:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != 32:
        raise LocalFault(what=field, expected="32 bytes as hex", came=text[:80])
    return value
