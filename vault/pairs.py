"""What the two sides of a pair (graph, challenger) are bound to, from Terms alone: who garbles, setup id, contexts.

Promises that both sides, and whoever audits them later, mean the same setup. Does not know what was stated.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from blake3 import blake3

from circuits.cut_and_choose import PROFILES
from circuits.engine import Encrypted, Predicate, Setup
from vault.agreement import Engine, Proposal, Terms, encode

CLAIMANT_GARBLES: Final[Mapping[Engine, bool]] = MappingProxyType({"core": True, "babe": False})
"""Core garbles the predicate at the claimant's, babe encrypts to the claim's proof at the challenger's."""


def garbler_of(proposal: Proposal, g: int, k: int) -> int:
    """The party that garbles for the pair of graph `g` and its challenger `k`."""
    terms = proposal.graphs[g]
    return terms.claimant if CLAIMANT_GARBLES[terms.engine] else k


def evaluator_of(proposal: Proposal, g: int, k: int) -> int:
    """The other party of the pair: it draws the kept set, checks, keeps, and evaluates in a dispute."""
    terms = proposal.graphs[g]
    return k if CLAIMANT_GARBLES[terms.engine] else terms.claimant


def knowledge_context(terms: Terms, g: int, *challenger: int) -> bytes:
    """What a proof of knowledge is bound to: the vault and the graph, and the challenger whose points they are."""
    return terms.vault_id + b"".join(i.to_bytes(4, "big") for i in (g, *challenger))


def setup(terms: Terms, g: int, k: int, *, circuit: Predicate, statement: Encrypted | None) -> Setup:
    """What the pair agrees on. Setup id = H(vault id, graph, garbler, evaluator).

    The vault id holds 32 fresh bytes of each side. `circuit` and `statement` are what the graph's terms name.
    """
    proposal, graph = terms.proposal, terms.proposal.graphs[g]
    sides = (garbler_of(proposal, g, k), evaluator_of(proposal, g, k))
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
        if maker in (garbler_of(proposal, g, k), evaluator_of(proposal, g, k))
    )
