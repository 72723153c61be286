"""What a loan's graph comes to, against parties and slots: transactions, presignatures, bytes, and the time to derive it.

Stand-in keys and points (tests/vault_kit.py), real Terms: engine babe, 128 four-bit digits, B, L, two liquidators (three of 8
parties), the others challengers; one graph a (claimant, outcome, slot). Seconds are processor time of one thread. Points are
those of all graphs; every party sends its nonces (66 bytes a session) and partial signatures (32) to every other one.

The baseline is the count of pairs (graph, challenger).
"""

from __future__ import annotations

import time

from tests.vault_kit import SLOT, Kit, loan, loan_graphs, make_proposal
from vault.agreement import encode
from vault.graph import derive
from vault.terms import check_proposal, check_terms

Figure = dict[str, float | str]
SHAPES = ((5, 1), (5, 2), (5, 4), (6, 4), (7, 4), (8, 4), (8, 8))
MEGA = 1_000_000


def _kit(parties: int, slots: int) -> Kit:
    liquidators = 3 if parties == 8 else 2
    sats = (SLOT,) * slots
    graphs = loan_graphs(sats, liquidators=liquidators, digits=128, digit_bits=4)
    return Kit(
        proposal=make_proposal(
            graphs=graphs, slots=sats, liquidators=liquidators, challengers=parties - 2 - liquidators, loan=loan()
        ),
        name="bench",
    )


def run() -> dict[str, Figure]:
    """A row a figure and shape."""
    figures: dict[str, Figure] = {}
    for parties, slots in SHAPES:
        kit = _kit(parties, slots)
        began = time.process_time()
        check_proposal(kit.proposal)
        terms, proposed = kit.terms, time.process_time() - began
        points = kit.points
        began = time.process_time()
        graph = derive(check_terms(terms), points)
        graph.digest()
        derived = time.process_time() - began
        found = (
            ("transactions", len(graph.templates), ""),
            ("presignatures of G", len(graph.signatures), ""),
            ("presignatures of Reveal", sum(len(points) for points in graph.bound.values()) // 33, ""),
            ("Terms", round(len(encode(terms)) / 1_000, 1), "kB"),
            ("points", round(len(encode(points)) / MEGA, 2), "MB"),
            ("nonces and partials to a party", round((parties - 1) * 98 * len(graph.signatures) / MEGA, 1), "MB"),
            ("checking Terms, a first time", round(proposed, 2), "s"),
            ("deriving, with digest", round(derived, 2), "s"),
        )
        pairs = len(kit.proposal.graphs) * (parties - 1)
        for name, value, unit in found:
            row: Figure = {"value": value, "unit": unit, "baseline": pairs, "ratio": round(value / pairs, 3)}
            figures[f"{parties} parties, {slots} slots: {name}"] = row
    return figures
