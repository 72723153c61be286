"""What a proposal puts at stake and what it takes to keep, in words and sizes: read before agreeing to it.

Pure; every number follows from the proposal. Does NOT judge whether it is wise.
"""

from __future__ import annotations

from typing import Any, Final, assert_never

from challenge.facts import challengers_of
from circuits.cut_and_choose import PROFILES
from vault.terms import Proposal

__all__ = ["graph_lines"]

MIB: Final = 1 << 20
LABEL: Final = 16
GATES: Final = 201_510
"""AND gates of the circuit of engine babe: one label each in the table."""
ENCODING: Final = 91 * (8 * 254 + 3) * 32
"""Bytes of the encoding of r * p1: an element a bit and coordinate, three offsets a term."""


def graph_lines(proposal: Proposal) -> list[dict[str, Any]]:
    """One row a graph: engine, presignatures, stake, and what each side risks."""
    return [_line(proposal, g) for g in range(len(proposal.graphs))]


def _line(proposal: Proposal, g: int) -> dict[str, Any]:
    terms, challengers = proposal.graphs[g], len(challengers_of(proposal, g))
    values = terms.digits << terms.digit_bits
    profile = PROFILES[terms.profile]
    claimant = f"the claimant (party {terms.claimant}) risks its bond of {terms.bond} sats when it claims"
    common = {
        "graph": g,
        "engine": terms.engine,
        "cheating": f"1 in 2^{profile.bits:.1f}",
        "kept_instances": f"{profile.kept} of {profile.instances} a challenger",
    }
    match terms.engine:
        case "core":
            return {
                **common,
                "stake": 0,
                "presignatures": values,
                "kept_mib": None,
                "risk": f"{claimant}; a challenger risks nothing but fees: only a false claim frees what Disprove needs",
            }
        case "babe":
            return {
                **common,
                "stake": terms.stake,
                "presignatures": values * (1 + challengers),
                "kept_mib": round(profile.kept * _instance_bytes(terms.digit_bits) / MIB, 1),
                "risk": f"{claimant}; contesting is free but for its fee; a challenger that reveals risks its stake of "
                f"{terms.stake} sats, and loses it when the claim is true",
            }
        case _:
            assert_never(terms.engine)


def _instance_bytes(digit_bits: int) -> int:
    """Of one kept instance of engine babe, but for a head of a few hundred: table, encoding, and 16 bytes a bit and value."""
    return GATES * LABEL + ENCODING + (512 << digit_bits) * LABEL
