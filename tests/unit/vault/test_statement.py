"""The statement of a claim: its template and public input, by hand, by the model, and changed by every word of them."""

from __future__ import annotations

import msgspec
import pytest
from blake3 import blake3

from tests.cases import outcome as cases
from tests.models import ledger as model
from tests.vault_kit import BORROWER, LENDER, SLOT, Kit, kit, lending_kit, loan, loan_graphs, make_proposal
from vault.agreement import Terms
from vault.ledger import forms
from vault.statement import outcome_x, template_id

replace = msgspec.structs.replace
KIT = kit(engine="babe")
TERMS = KIT.terms
LEDGER = replace(cases.genesis(), network=KIT.proposal.genesis)
BORROWERS, LENDERS = (KIT.payout_script(party) for party in (BORROWER, LENDER))


def by_hand(slot: int, *paid: tuple[int, bytes]) -> bytes:
    message = slot.to_bytes(4, "little")
    for value, script in paid:
        message += value.to_bytes(8, "little") + script
    return blake3(message, derive_key_context="bitvm3 2026 template id v1").digest()


def test_the_template_is_the_slot_and_what_is_paid_to_whom() -> None:
    assert template_id(TERMS, 0) == by_hand(0, (SLOT, BORROWERS))  # no rest: one output
    assert template_id(TERMS, 1) == by_hand(1, (SLOT - 3_000_000, LENDERS), (3_000_000, BORROWERS))


@pytest.mark.parametrize("payout", ["uncontested_payout", "contested_payout"])
def test_the_template_is_what_both_payouts_pay(payout: str) -> None:
    for g, graph in enumerate(KIT.proposal.graphs):
        outputs = KIT.graph.templates[f"{g}/{payout}"].outputs
        paid = [(o.value, o.script_pubkey) for o in outputs if o.role in (f"{g}/amount", f"{g}/rest")]
        assert template_id(TERMS, g) == by_hand(graph.slot, *paid)
        assert [o.role for o in outputs][len(paid) :] == [f"{g}/{payout}/bond", "anchor"]


def with_graph(g: int, **fields: object) -> Terms:
    graphs = list(TERMS.proposal.graphs)
    graphs[g] = replace(graphs[g], **fields)
    return replace(TERMS, proposal=replace(TERMS.proposal, graphs=tuple(graphs)))


def with_script(party: int, script: bytes) -> Terms:
    keys = list(TERMS.keys)
    keys[party] = replace(keys[party], payout_script=script)
    return replace(TERMS, keys=tuple(keys))


def test_the_template_changes_with_slot_values_and_scripts_but_not_with_the_bond_or_other_keys() -> None:
    other = KIT.payout_script(2)
    changed = [
        with_graph(1, slot=0),
        with_graph(1, amount=SLOT - 3_000_001),
        with_graph(1, amount=SLOT),
        with_graph(1, outcome="withdraw"),
        with_script(BORROWER, other),
        with_script(LENDER, other),
    ]
    assert len({template_id(terms, 1) for terms in (TERMS, *changed)}) == 1 + len(changed)
    same = [
        with_graph(1, bond=TERMS.proposal.graphs[1].bond + 1),
        with_script(2, BORROWERS),
        Kit(proposal=KIT.proposal, name=KIT.name, coins=3).terms,
    ]
    assert {template_id(terms, 1) for terms in same} == {template_id(TERMS, 1)}


def test_the_public_input_is_the_models() -> None:
    """Written down a second time: `tests.models.ledger` hashes with its own Poseidon."""
    for g, (slot, action, claimant) in enumerate(((0, 1, BORROWER), (1, 2, LENDER))):
        words = {
            "network": KIT.proposal.genesis.hex(),
            "ledger": LEDGER.ledger_id.hex(),
            "vault": KIT.proposal.proposal_id.hex(),
            "slot": slot,
            "action": action,
            "claimant": KIT.proposal.parties[claimant].identity.hex(),
            "template": template_id(TERMS, g).hex(),
            "attestors": [attestor.eddsa.hex() for attestor in LEDGER.attestors],
            "threshold": LEDGER.threshold,
            "rules": forms.to_json(LEDGER)["rules"],
        }
        assert int.from_bytes(outcome_x(TERMS, g, LEDGER)) == model.outcome_x(words)


LOAN = lending_kit()


def top_up(slot: int) -> Terms:
    """One more coin for LOAN's position, as its slot `slot`."""
    added = loan(vault=LOAN.proposal.proposal_id, first_slot=slot, cents=0, timeout=0)
    graphs = loan_graphs((SLOT,), liquidators=1)
    proposal = make_proposal(graphs=graphs, slots=(SLOT,), liquidators=1, loan=added)
    return Kit(proposal=proposal, name="top-up").terms


@pytest.mark.parametrize("slot", [2, 7])
def test_a_claim_of_a_top_up_is_about_the_position_and_its_slot_there(slot: int) -> None:
    """Written by hand: the vault is the one that opened the position, the slot counts from there."""
    terms = top_up(slot)
    for g, (action, claimant) in enumerate(((1, BORROWER), (2, LENDER), (3, 2))):
        script = terms.keys[claimant].payout_script
        assert template_id(terms, g) == by_hand(slot, (SLOT, script))
        words = {
            "network": terms.proposal.genesis.hex(),
            "ledger": LEDGER.ledger_id.hex(),
            "vault": LOAN.proposal.proposal_id.hex(),
            "slot": slot,
            "action": action,
            "claimant": terms.proposal.parties[claimant].identity.hex(),
            "template": template_id(terms, g).hex(),
            "attestors": [attestor.eddsa.hex() for attestor in LEDGER.attestors],
            "threshold": LEDGER.threshold,
            "rules": forms.to_json(LEDGER)["rules"],
        }
        assert int.from_bytes(outcome_x(terms, g, LEDGER)) == model.outcome_x(words)


def test_every_claim_of_a_loan_is_a_statement_of_its_own() -> None:
    graphs = range(len(LOAN.proposal.graphs))
    assert (
        len({template_id(LOAN.terms, g) for g in graphs})
        == len({outcome_x(LOAN.terms, g, LEDGER) for g in graphs})
        == 8
    )


def test_the_public_input_is_of_this_claim_of_this_vault_on_this_ledger() -> None:
    proposal = TERMS.proposal
    found = {
        outcome_x(TERMS, 0, LEDGER),
        outcome_x(TERMS, 1, LEDGER),
        outcome_x(replace(TERMS, proposal=replace(proposal, salt=bytes(32))), 0, LEDGER),
        outcome_x(replace(TERMS, proposal=replace(proposal, genesis=bytes(32))), 0, LEDGER),
        outcome_x(with_script(BORROWER, LENDERS), 0, LEDGER),
        outcome_x(TERMS, 0, replace(LEDGER, salt=bytes(32))),
        outcome_x(TERMS, 0, replace(LEDGER, threshold=2)),
        outcome_x(TERMS, 0, replace(LEDGER, rules=replace(LEDGER.rules, grace=1))),
        outcome_x(TERMS, 0, replace(LEDGER, attestors=LEDGER.attestors[::-1])),
    }
    assert len(found) == 9
    assert outcome_x(Kit(proposal=proposal, name=KIT.name, coins=3).terms, 0, LEDGER) == outcome_x(TERMS, 0, LEDGER)
