"""Which proposals this node can take part in. Checked in a thread: circuits are built again to compare their ids.

Promise: a proposal that passes names this chain, this node, circuits that follow from it, and nothing this node could not
carry out. This module does NOT decide whether its operator wants it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from challenge.facts import BULK
from challenge.policy import Policy
from circuits.digits import digit_count
from node.faults import PeerFault
from node.proposing import circuit_of
from vault.faults import VaultFault
from vault.terms import Proposal, parse_proposal

NONCE_BYTES: Final = 66
Row = tuple[str, bool, object, object]
"""(field, right, expected, came)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What this node's configuration says about vaults: none has a default here."""

    network: str
    genesis: bytes
    policy: Policy
    accept: str
    minimum_depth: int
    bound: int
    start: int


def parse_and_admit(raw: bytes, *, proposer: bytes, me: bytes, rules: Rules) -> tuple[Proposal, int, int]:
    """(proposal, proposer, me) of hostile bytes. Raises PeerFault naming the field."""
    try:
        proposal = parse_proposal(raw)
    except VaultFault as fault:
        raise PeerFault(what="proposal", expected="one by the rules", came=str(fault)) from fault
    return (proposal, *admit(proposal, proposer=proposer, me=me, rules=rules))


def admit(proposal: Proposal, *, proposer: bytes, me: bytes, rules: Rules) -> tuple[int, int]:
    """(proposer, me) as party indices. Raises PeerFault naming the field."""
    for what, right, expected, came in _rows(proposal, proposer, me, rules):
        if not right:
            raise PeerFault(what=what, expected=str(expected), came=str(came))
    identities = [party.identity for party in proposal.parties]
    return identities.index(proposer), identities.index(me)


def _rows(proposal: Proposal, proposer: bytes, me: bytes, rules: Rules) -> Iterator[Row]:
    """Cheap rows first: the first wrong one ends the check."""
    identities, depth = [party.identity for party in proposal.parties], proposal.timelocks.depth
    yield "network", proposal.network == rules.network, rules.network, proposal.network
    yield "genesis", proposal.genesis == rules.genesis, rules.genesis[::-1].hex(), proposal.genesis[::-1].hex()
    yield "timelocks.depth", depth >= rules.minimum_depth, f"at least {rules.minimum_depth}", depth
    yield "parties", me in identities, f"this node, {me.hex()}", "other nodes only"
    yield "proposer", proposer in identities, "one of the parties", proposer.hex()
    for g, graph in enumerate(proposal.graphs):
        values = graph.digits << graph.digit_bits
        at = f"graphs[{g}]"
        yield f"{at}.profile", graph.profile != "test" or rules.network == "regtest", "one for real coins", "test"
        # the public nonces of a graph, one for each value of each digit, travel in one message
        yield (
            f"{at}.digits",
            values * NONCE_BYTES <= BULK * 15 // 16,
            f"at most {BULK // NONCE_BYTES} values in all",
            values,
        )
    for g, graph in enumerate(proposal.graphs):
        circuit, at = circuit_of(graph.statement, graph.amount), f"graphs[{g}]"
        count = digit_count(circuit, graph.digit_bits)
        yield f"{at}.circuit", graph.circuit == circuit.id, circuit.id.hex(), graph.circuit.hex()
        yield f"{at}.digits", graph.digits == count, count, graph.digits
