"""The statement that a claim of engine babe stands on: its template, and the public input of `outcome`.

Promises that both follow from Terms and the ledger's genesis alone, so claimant and challengers mean the same claim. The
ledger knows a vault by its proposal id, a vault that tops up another one by that one's, and slots by their place in the
position. Does not know proofs, verifying keys or the state of the ledger.
"""

from __future__ import annotations

from blake3 import blake3

from snark.statements import outcome_public
from vault.agreement import Terms
from vault.ledger.commit import rules_hash
from vault.ledger.genesis import Genesis
from vault.ledger.position import OUTCOMES


def template_id(terms: Terms, g: int) -> bytes:
    """32 bytes over the position's slot and what the outcome pays, to whom, in order; not over the bond, the claimant's own.

    BLAKE3 in mode derive_key of: slot (4 bytes), and for g/amount and (unless it is nothing) g/rest: value (8 bytes),
    script (34 bytes); numbers little-endian.
    """
    proposal, graph = terms.proposal, terms.proposal.graphs[g]
    paid = [(graph.amount, graph.claimant), (proposal.slots[graph.slot] - graph.amount, proposal.other(g))]
    state = blake3(derive_key_context="bitvm3 2026 template id v1")
    state.update(proposal.ledger_slot(graph.slot).to_bytes(4, "little"))
    for value, party in paid:
        if value:
            state.update(value.to_bytes(8, "little") + terms.keys[party].payout_script)
    return state.digest()


def outcome_x(terms: Terms, g: int, ledger: Genesis) -> bytes:
    """The public input of the statement `outcome` that the claim of graph `g` must prove on this ledger, 32 bytes."""
    proposal, graph = terms.proposal, terms.proposal.graphs[g]
    return outcome_public(
        proposal.genesis,
        ledger.ledger_id,
        vault=proposal.ledger_vault,
        slot=proposal.ledger_slot(graph.slot),
        action=OUTCOMES[graph.outcome],
        claimant=proposal.parties[graph.claimant].identity,
        template=template_id(terms, g),
        attestors=ledger.attestors_root,
        rules=rules_hash(ledger.rules),
    )
