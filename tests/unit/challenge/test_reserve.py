"""The fee reserve covers what a party can be forced to publish, and nothing else."""

import msgspec
import pytest

from challenge.reserve import forced, reserve_needed
from challenge.states import Seen, VaultState
from tests.vault_kit import BORROWER, CHALLENGER, LENDER, kit
from vault.fees import CHILD_VSIZE, vsizes_of

PROPOSAL = kit(digits=2).terms.proposal
BABE = kit(digits=2, engine="babe").terms.proposal


def state(me, *names, proposal=PROPOSAL):
    log = tuple(Seen(name=name, txid=bytes(32), height=height) for height, name in enumerate(names))
    return VaultState(proposal=proposal, me=me, facts={}, log=log)


CLAIMANT = PROPOSAL.graphs[0].claimant
OPEN = ("prefund", "vault")


@pytest.mark.parametrize(
    ("mined", "challenger", "claimant"),
    [
        (OPEN, {"0/contest", "0/disprove/2"}, set()),
        ((*OPEN, "0/claim"), {"0/contest", "0/disprove/2"}, {"0/assert", "0/contested_payout"}),
        ((*OPEN, "0/claim", "0/contest"), {"0/disprove/2"}, {"0/assert", "0/contested_payout"}),
        ((*OPEN, "0/claim", "0/contest", "0/assert"), {"0/disprove/2"}, {"0/contested_payout"}),
        ((*OPEN, "0/claim", "0/contest", "0/assert", "0/disprove/1"), set(), set()),
        ((*OPEN, "0/claim", "0/uncontested_payout"), set(), set()),
    ],
)
def test_what_can_be_forced_follows_the_phase(mined, challenger, claimant):
    def of_graph(me):
        return {name for name in forced(PROPOSAL, me, state(me, *mined)) if name.startswith("0/")}

    assert of_graph(CHALLENGER) == challenger
    assert of_graph(CLAIMANT) == claimant


ASSERTED = (*OPEN, "0/claim", "0/contest", "0/assert")


@pytest.mark.parametrize(
    ("mined", "challenger", "claimant"),
    [
        (OPEN, {"0/contest", "0/reveal/2", "0/no_payout/2"}, set()),
        ((*OPEN, "0/foreign/stake/2"), {"0/contest"}, set()),
        (
            (*OPEN, "0/claim"),
            {"0/contest", "0/reveal/2", "0/no_payout/2"},
            {"0/assert", "0/contested_payout", "0/refute/1", "0/refute/2"},
        ),
        (
            (*OPEN, "0/claim", "0/contest"),
            {"0/reveal/2", "0/no_payout/2"},
            {"0/assert", "0/contested_payout", "0/refute/1", "0/refute/2"},
        ),
        (ASSERTED, {"0/reveal/2", "0/no_payout/2"}, {"0/contested_payout", "0/refute/1", "0/refute/2"}),
        ((*ASSERTED, "0/reveal/2"), {"0/no_payout/2"}, {"0/contested_payout", "0/refute/1", "0/refute/2"}),
        ((*ASSERTED, "0/reveal/2", "0/refute/2"), set(), {"0/contested_payout", "0/refute/1"}),
        ((*ASSERTED, "0/reveal/2", "0/contested_payout"), {"0/stake_back/2"}, set()),
        ((*ASSERTED, "0/reveal/1", "0/reveal/2", "0/no_payout/1"), {"0/stake_back/2"}, set()),
        ((*ASSERTED, "0/contested_payout"), set(), set()),
        ((*OPEN, "0/claim", "0/contest", "0/no_assert"), set(), set()),
    ],
)
def test_what_can_be_forced_in_engine_babe_follows_the_answers_too(mined, challenger, claimant):
    def of_graph(me):
        found = forced(BABE, me, state(me, *mined, proposal=BABE))
        return {name for name in found if name.startswith("0/")}

    assert of_graph(CHALLENGER) == challenger
    assert of_graph(CLAIMANT) == claimant


@pytest.mark.parametrize("me", [BORROWER, LENDER, CHALLENGER])
def test_every_forced_transaction_of_either_engine_has_a_size_and_a_publisher(me):
    for each in (kit(digits=2), kit(digits=2, engine="babe")):
        for name in forced(each.proposal, me, None):
            assert me in each.graph.spenders[name]
        assert reserve_needed(each.proposal, me, None) > 0


def test_the_borrower_must_be_able_to_publish_vault_before_the_refund():
    assert "vault" in set(forced(PROPOSAL, BORROWER, state(BORROWER, "prefund")))
    assert "vault" not in set(forced(PROPOSAL, LENDER, state(LENDER, "prefund")))
    assert "vault" not in set(forced(PROPOSAL, BORROWER, state(BORROWER, *OPEN)))


def test_each_transaction_is_priced_with_a_child_at_the_worst_rate():
    after = state(CHALLENGER, *OPEN)
    names = list(forced(PROPOSAL, CHALLENGER, after))
    price = sum(PROPOSAL.fee_policy.worst_rate * (vsizes_of(PROPOSAL)[name] + CHILD_VSIZE) for name in names)
    assert reserve_needed(PROPOSAL, CHALLENGER, after) == price > 0
    dearer = msgspec.structs.replace(
        PROPOSAL, fee_policy=msgspec.structs.replace(PROPOSAL.fee_policy, worst_rate=PROPOSAL.fee_policy.worst_rate * 2)
    )
    assert reserve_needed(dearer, CHALLENGER, None) == 2 * reserve_needed(PROPOSAL, CHALLENGER, None)
