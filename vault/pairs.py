"""What the two sides of a pair (graph, challenger) are bound to, from Terms alone: who garbles, setup id, contexts.

Promises that both sides, and whoever audits them later, mean the same setup. Does not know what was stated.
"""

from __future__ import annotations

from blake3 import blake3

from circuits.cut_and_choose import PROFILES
from circuits.engine import Encrypted, Predicate, Setup
from circuits.engines import ENGINES
from vault.agreement import Proposal, Terms, encode


def garbler(proposal: Proposal, g: int, k: int) -> int:
    """The party that garbles for the pair of graph `g` and its challenger `k`."""
    terms = proposal.graphs[g]
    return terms.claimant if ENGINES[terms.engine].garbler == "claimant" else k


def evaluator(proposal: Proposal, g: int, k: int) -> int:
    """The other party of the pair: it drew the kept set."""
    terms = proposal.graphs[g]
    return k if ENGINES[terms.engine].garbler == "claimant" else terms.claimant


def knowledge_context(terms: Terms, g: int, *challenger: int) -> bytes:
    """What a proof of knowledge is bound to: the vault and the graph, and the challenger whose points they are."""
    return terms.vault_id + b"".join(i.to_bytes(4, "big") for i in (g, *challenger))


def setup(terms: Terms, g: int, k: int, *, circuit: Predicate, statement: Encrypted | None) -> Setup:
    """What the pair agrees on. Setup id = H(vault id, graph, garbler, evaluator).

    The vault id holds 32 fresh bytes of each side. `circuit` and `statement` are what the graph's terms name.
    """
    proposal, graph = terms.proposal, terms.proposal.graphs[g]
    sides = (garbler(proposal, g, k), evaluator(proposal, g, k))
    place = b"".join(i.to_bytes(4, "big") for i in (g, *sides))
    return Setup(
        setup_id=blake3(terms.vault_id + place, derive_key_context="bitvm3 2026 setup id v1").digest(),
        context=terms.vault_id + encode(graph),
        circuit=circuit,
        statement=statement,
        profile=PROFILES[graph.profile],
        digit_bits=graph.digit_bits,
    )


def own_pairs(terms: Terms, maker: int) -> tuple[tuple[int, int], ...]:
    """The pairs (graph, challenger) in which a party garbles or evaluates."""
    proposal = terms.proposal
    return tuple(
        (g, k)
        for g in range(len(proposal.graphs))
        for k in proposal.challengers(g)
        if maker in (garbler(proposal, g, k), evaluator(proposal, g, k))
    )
