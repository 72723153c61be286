"""Standing orders: what a node contests and releases without asking anybody."""

import msgspec
import pytest

from challenge.events import Ordered
from challenge.machine import step
from challenge.policy import Policy, standing_orders
from tests.unit.challenge.ceremony import (
    BABE_PROPOSAL,
    BORROWER,
    CHALLENGER,
    DEFAULT,
    KITS,
    LENDER,
    PARTIES,
    PROPOSAL,
    WITHDRAW,
    live,
)

ALWAYS = Policy(contest="always", known={}, release="auto")


def orders(policy, me):
    return set(standing_orders(policy, PROPOSAL, me))


def test_always_contests_every_claim_of_others():
    release = {"want_release/0", "want_release/1"}
    assert orders(ALWAYS, BORROWER) == {f"want_contest/{DEFAULT}"}
    assert orders(ALWAYS, LENDER) == {f"want_contest/{WITHDRAW}", *release}
    assert orders(ALWAYS, CHALLENGER) == {f"want_contest/{WITHDRAW}", f"want_contest/{DEFAULT}"}


def test_never_and_manual_order_nothing():
    for me in PARTIES:
        assert orders(Policy(contest="never", known={}, release="manual"), me) == set()


@pytest.mark.parametrize(("short", "contested"), [(1, True), (0, False), (-1, False)])
def test_known_contests_a_claim_above_the_sealed_balance_only(short, contested):
    terms = PROPOSAL.graphs[WITHDRAW]
    policy = Policy(contest="known", known={terms.statement: terms.amount - short}, release="manual")
    assert (f"want_contest/{WITHDRAW}" in orders(policy, CHALLENGER)) is contested


def test_known_does_not_contest_what_it_does_not_know():
    policy = Policy(contest="known", known={bytes(32): 0}, release="manual")
    assert orders(policy, CHALLENGER) == set()


def test_known_of_engine_babe_contests_whatever_no_proof_speaks_for():
    """The balance that `known` may name is a commitment's, and no ledger's."""
    ledger = BABE_PROPOSAL.graphs[WITHDRAW].statement
    for known in ({}, {ledger: BABE_PROPOSAL.graphs[WITHDRAW].amount}):
        policy = Policy(contest="known", known=known, release="manual")
        assert set(standing_orders(policy, BABE_PROPOSAL, CHALLENGER)) == {"want_contest/0", "want_contest/1"}


@pytest.mark.parametrize("engine", KITS)
def test_a_standing_order_is_an_order_the_machine_takes(engine):
    for me in PARTIES:
        for name in set(standing_orders(ALWAYS, KITS[engine].proposal, me)):
            taken = step(live(me, engine), Ordered(key=name))
            assert taken.outcome.kind == "applied"
            assert step(taken.state, Ordered(key=name)).outcome.kind == "duplicate"


def test_a_policy_reads_back_from_its_configuration():
    policy = Policy(contest="known", known={bytes(32): 5}, release="manual")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(policy), type=Policy) == policy
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"contest": "sometimes", "known": {}, "release": "auto"}, type=Policy)
