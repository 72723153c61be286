"""Which proposals this node can take part in. Checked in a thread: circuits are built again to compare their ids.

Promise: a proposal that passes names this chain, this node, circuits that follow from it, ledgers and verifying keys that this
node has, and nothing it could not carry out. This module does NOT decide whether its operator wants it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from challenge.facts import BULK
from challenge.policy import Policy
from circuits.digits import digit_count
from node.faults import PeerFault
from node.proposing import predicate_of
from vault.fast import check_ledger
from vault.faults import VaultFault
from vault.graph import part_counts
from vault.ledger import rules as lending
from vault.ledger.genesis import Genesis
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
    patience: float  # seconds that a setup may wait for another party without a word (node/stall.py)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """What this node can judge a loan and a claim of engine babe by: the ledgers open here, its keys of `outcome`, its tip."""

    ledgers: Mapping[bytes, lending.Rules]
    keys: frozenset[bytes]
    genesis: Mapping[bytes, Genesis]  # of the same ledgers: whose attestors path B trusts
    height: int  # of our tip


def parse_and_admit(
    raw: bytes, *, proposer: bytes, me: bytes, rules: Rules, judges: Judges
) -> tuple[Proposal, int, int]:
    """(proposal, proposer, me) of hostile bytes. Raises PeerFault naming the field."""
    try:
        proposal = parse_proposal(raw)
    except VaultFault as fault:
        raise PeerFault(what="proposal", expected="one by the rules", came=str(fault)) from fault
    return (proposal, *admit(proposal, proposer=proposer, me=me, rules=rules, judges=judges))


def admit(proposal: Proposal, *, proposer: bytes, me: bytes, rules: Rules, judges: Judges) -> tuple[int, int]:
    """(proposer, me) as party indices. Raises PeerFault naming the field."""
    for what, right, expected, came in _rows(proposal, proposer, me, rules, judges):
        if not right:
            raise PeerFault(what=what, expected=str(expected), came=str(came))
    if proposal.loan is not None and proposal.fast:
        try:
            check_ledger(proposal, judges.genesis[proposal.loan.ledger], judges.height)
        except VaultFault as fault:
            raise PeerFault(what=fault.field, expected=fault.expected, came=fault.got) from fault
    identities = [party.identity for party in proposal.parties]
    return identities.index(proposer), identities.index(me)


def _rows(proposal: Proposal, proposer: bytes, me: bytes, rules: Rules, judges: Judges) -> Iterator[Row]:
    """Cheap rows first: the first wrong one ends the check."""
    identities, depth = [party.identity for party in proposal.parties], proposal.timelocks.depth
    yield "network", proposal.network == rules.network, rules.network, proposal.network
    yield "genesis", proposal.genesis == rules.genesis, rules.genesis[::-1].hex(), proposal.genesis[::-1].hex()
    yield "timelocks.depth", depth >= rules.minimum_depth, f"at least {rules.minimum_depth}", depth
    yield "parties", me in identities, f"this node, {me.hex()}", "other nodes only"
    yield "proposer", proposer in identities, "one of the parties", proposer.hex()
    if proposal.loan is not None:
        # A loan under other rules than its ledger's would be judged by numbers that nobody agreed to.
        ledger = proposal.loan.ledger
        yield "loan.ledger", ledger in judges.ledgers, "a ledger open here", ledger.hex()
        for field in lending.Rules.__struct_fields__:
            told, wanted = getattr(proposal.loan.rules, field), getattr(judges.ledgers[ledger], field)
            yield f"loan.rules.{field}", told == wanted, f"{wanted}, as the ledger {ledger.hex()[:16]} has it", told
    for g, (graph, parts) in enumerate(zip(proposal.graphs, part_counts(proposal), strict=True)):
        values = -(-(graph.digits << graph.digit_bits) // parts)
        at = f"graphs[{g}]"
        yield f"{at}.profile", graph.profile != "test" or rules.network == "regtest", "one for real coins", "test"
        # the public nonces of a part of a graph, one for each value of each digit, travel in one message
        most = BULK * 15 // 16 // NONCE_BYTES
        yield f"{at}.digits", values <= most, f"at most {most} values in a part", values
        if graph.engine == "babe":
            yield f"{at}.statement", graph.statement in judges.ledgers, "a ledger open here", graph.statement.hex()
            yield f"{at}.key", graph.key in judges.keys, "one of this node's verifying keys of outcome", graph.key.hex()
    for g, graph in enumerate(proposal.graphs):
        predicate, at = predicate_of(graph), f"graphs[{g}]"
        count = digit_count(predicate, graph.digit_bits)
        yield f"{at}.circuit", graph.circuit == predicate.id, predicate.id.hex(), graph.circuit.hex()
        yield f"{at}.digits", graph.digits == count, count, graph.digits
