"""What a person leaves out is filled in, for both engines; what a node could not judge is refused by name."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from challenge.policy import Policy
from circuits.engines.babe import CIRCUIT
from node.admission import Judges, Rules, admit
from node.faults import LocalFault, PeerFault
from node.proposing import claimed_digits, propose
from tests.vault_kit import GENESIS, kit, lending_kit
from vault.agreement import encode
from vault.fees import largest_stake, minimal_bond
from vault.ledger.rules import DEFAULT
from vault.ledger.rules import Rules as LendingRules
from vault.terms import MIN_STAKE, Proposal, parse_proposal
from vault.timelocks import MAINLINE, dead_man_floor, last_record, regtest_timelocks, settling

LEDGER, KEY = bytes([1]) * 32, bytes([2]) * 32
PARTIES = [{"identity": party.identity.hex(), "role": party.role} for party in kit().proposal.parties]
BABE = {"claimant": 0, "outcome": "withdraw", "slot": 0, "profile": "test", "ledger": LEDGER.hex(), "amount": 600_000}
CORE = {**BABE, "engine": "core", "commitment": bytes([3]).hex() * 32}
del CORE["ledger"]
JUDGES = Judges(ledgers={LEDGER: DEFAULT}, keys=frozenset({KEY}), genesis={}, height=0)
RULES = Rules(
    network="regtest", genesis=GENESIS, policy=Policy(contest="never", known={}, release="manual"), accept="manual",
    minimum_depth=1, bound=100, start=0, patience=86_400.0,
)  # fmt: skip


def proposed(graph: dict[str, Any], keys: tuple[bytes, ...] = (KEY,)) -> Proposal:
    wanted = {"parties": PARTIES, "slots": [1_000_000], "graphs": [graph]}
    return propose(wanted, network="regtest", genesis=GENESIS, keys=keys, ledgers=JUDGES.ledgers)


def judge(proposal: Proposal, judges: Judges = JUDGES) -> tuple[int, int]:
    first, second, *_ = (party.identity for party in proposal.parties)
    return admit(proposal, proposer=first, me=second, rules=RULES, judges=judges)


def test_a_graph_is_of_engine_babe_unless_said_otherwise_with_the_largest_stake_and_the_smallest_bond() -> None:
    proposal = proposed(BABE)
    (graph,) = proposal.graphs
    assert (graph.engine, graph.digits, graph.digit_bits, graph.circuit) == ("babe", 128, 4, CIRCUIT.id)
    assert (graph.statement, graph.key) == (LEDGER, KEY)
    assert graph.stake == largest_stake(proposal, 0) > MIN_STAKE and graph.bond == minimal_bond(proposal, 0)
    assert judge(proposal) == (0, 1)


def test_eight_bit_digits_and_another_stake() -> None:
    proposal = proposed({**BABE, "digit_bits": 8, "stake": 2_000})
    assert (proposal.graphs[0].digits, proposal.graphs[0].stake) == (64, 2_000)
    assert judge(proposal) == (0, 1)


def test_engine_core_has_no_key_and_no_stake() -> None:
    proposal = proposed(CORE)
    assert (proposal.graphs[0].engine, proposal.graphs[0].key, proposal.graphs[0].stake) == ("core", b"", 0)
    assert judge(proposal, Judges(ledgers={}, keys=frozenset(), genesis={}, height=0)) == (0, 1)


@pytest.mark.parametrize(
    ("graph", "keys", "field"),
    [
        ({**BABE, "ledger": None}, (KEY,), r"graphs\[0\]\.ledger"),
        ({**BABE, "ledger": "ab"}, (KEY,), r"graphs\[0\]\.ledger"),
        ({**BABE, "commitment": LEDGER.hex()}, (KEY,), r"graphs\[0\]\.commitment"),
        ({**BABE, "engine": "none"}, (KEY,), r"graphs\[0\]\.engine"),
        ({**BABE, "digit_bits": 9}, (KEY,), r"graphs\[0\]\.digit_bits"),
        ({**BABE, "stake": MIN_STAKE - 1}, (KEY,), r"stake"),
        ({**BABE, "stake": 1 << 40}, (KEY,), r"stake"),
        (BABE, (), r"graphs\[0\]\.key"),
        (BABE, (KEY, LEDGER), r"graphs\[0\]\.key"),
        ({**CORE, "ledger": LEDGER.hex()}, (KEY,), r"graphs\[0\]\.ledger"),
        ({**CORE, "stake": 1_000}, (KEY,), r"graphs\[0\]\.stake"),
        ({**CORE, "commitment": None}, (KEY,), r"graphs\[0\]\.commitment"),
    ],
)
def test_what_does_not_fit_the_engine_is_refused_by_its_field(
    graph: dict[str, Any], keys: tuple[bytes, ...], field: str
) -> None:
    with pytest.raises(LocalFault, match=field):
        proposed(graph, keys)


def test_a_ledger_or_key_that_is_not_here_and_a_circuit_that_is_another_are_refused() -> None:
    proposal = proposed(BABE)
    with pytest.raises(PeerFault, match=r"graphs\[0\]\.statement: expected a ledger open here"):
        judge(proposal, Judges(ledgers={}, keys=JUDGES.keys, genesis={}, height=0))
    with pytest.raises(PeerFault, match=r"graphs\[0\]\.key"):
        judge(proposal, Judges(ledgers=JUDGES.ledgers, keys=frozenset(), genesis={}, height=0))
    for field, value in (("circuit", bytes(32)), ("digits", 127)):
        other = msgspec.structs.replace(proposal.graphs[0], **{field: value})
        with pytest.raises(PeerFault, match=rf"graphs\[0\]\.{field}"):
            judge(msgspec.structs.replace(proposal, graphs=(other,)))


def test_the_digits_of_a_claim_are_those_of_the_proofs_first_point() -> None:
    """X first, the lowest digit first."""
    proof = (0x21).to_bytes(32, "big") + (0xF3 << 248).to_bytes(32, "big") + bytes(192)
    digits = claimed_digits(proposed(BABE).graphs[0], proof)
    assert (digits[:3], digits[-2:], len(digits)) == ([1, 2, 0], [3, 15], 128)
    assert claimed_digits(proposed({**BABE, "digit_bits": 8}).graphs[0], proof)[::63] == [0x21, 0xF3]
    assert claimed_digits(proposed(CORE).graphs[0], bytes([5, 0, 15])) == [5, 0, 15]


# ---- loans -----------------------------------------------------------------------------------------------------------
LENDING = [{"identity": party.identity.hex(), "role": party.role} for party in lending_kit().proposal.parties]
LOAN: dict[str, Any] = {
    "parties": LENDING, "slots": [1_000_000, 2_000_000], "maturity": 500,
    "loan": {"ledger": LEDGER.hex(), "cents": 120_000},
}  # fmt: skip
TOP_UP = {"ledger": LEDGER.hex(), "vault": "ab" * 32, "first_slot": 2}
DAYS_30 = 30 * 144
# Minimum ratio 1.5: at most 2/3 of the collateral is lent; liquidation ratio 1.2: at 5/6; 5 % to the liquidator.
SET = msgspec.structs.replace(DEFAULT, max_ltv=6_666, margin_call=7_500, liquidation=8_333, bonus=500)


def lent(wanted: dict[str, Any], network: str = "regtest", rules: LendingRules = DEFAULT) -> Proposal:
    return propose(wanted, network=network, genesis=GENESIS, keys=(KEY,), ledgers={LEDGER: rules})


def test_a_loan_has_one_graph_for_each_claim_of_each_slot_and_the_rules_of_its_ledger() -> None:
    proposal = lent(LOAN)
    claims = [(graph.slot, graph.claimant, graph.outcome) for graph in proposal.graphs]
    assert claims == [
        (slot, claimant, outcome)
        for slot in (0, 1)
        for claimant, outcome in ((0, "withdraw"), (1, "default"), (2, "liquidate"), (3, "liquidate"))
    ]
    assert [graph.amount for graph in proposal.graphs] == [1_000_000] * 4 + [2_000_000] * 4
    assert {(graph.statement, graph.key, graph.profile) for graph in proposal.graphs} == {(LEDGER, KEY, "test")}
    loan = proposal.loan
    assert loan is not None and (loan.ledger, loan.rules, loan.cents) == (LEDGER, DEFAULT, 120_000)
    assert (loan.vault, loan.first_slot, loan.timeout) == (b"", 0, 20 - 5 - 2)
    assert (proposal.grace, proposal.maturity) == (144, 500)
    assert proposal.timelocks.dead_man == dead_man_floor(proposal) + 1 > regtest_timelocks().dead_man
    assert judge(proposal) == (0, 1)


def test_a_top_up_lends_nothing_and_names_the_position() -> None:
    proposal = lent({**LOAN, "loan": TOP_UP})
    loan = proposal.loan
    assert loan is not None and (loan.cents, loan.timeout, loan.first_slot) == (0, 0, 2)
    assert (proposal.ledger_vault, proposal.ledger_slot(1)) == (bytes.fromhex("ab" * 32), 3)


def test_the_published_parameter_set_is_expressible_for_thirty_days() -> None:
    """Minimum ratio 1.5, liquidation ratio 1.2, bonus 5 %, 30 days; on regtest and in real time."""
    for network, profile in (("regtest", "test"), ("signet", "default")):
        proposal = lent({**LOAN, "maturity": DAYS_30, "profile": profile}, network, SET)
        assert parse_proposal(encode(proposal)) == proposal
        loan = proposal.loan
        assert loan is not None
        assert (loan.rules.max_ltv, loan.rules.liquidation, loan.rules.bonus) == (6_666, 8_333, 500)
        assert (proposal.maturity, proposal.grace) == (4_320, 144)
        if network == "signet":
            assert proposal.timelocks == MAINLINE
            assert (settling(proposal), last_record(proposal)) == (792, 25_488)
            assert loan.timeout == 432 - 37 - 72


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"loan": {**LOAN["loan"], "ledger": "cd" * 32}}, r"loan\.ledger: expected a ledger open here"),
        ({"loan": {**LOAN["loan"], "ledger": "cd"}}, r"loan\.ledger"),
        ({"loan": {"ledger": LEDGER.hex()}}, r"loan\.cents"),
        ({"loan": {**LOAN["loan"], "timeout": 14}}, "6 refund"),
        ({"loan": {**LOAN["loan"], "timeout": -1}}, r"loan\.timeout"),
        ({"loan": {**LOAN["loan"], "first_slot": 1}}, r"loan\.first_slot"),
        ({"loan": {**TOP_UP, "cents": 1}}, r"loan\.cents of a top-up"),
        ({"loan": {**TOP_UP, "first_slot": 7}}, r"loan\.first_slot \+ len\(slots\)"),
        ({"loan": {**TOP_UP, "vault": "ab"}}, r"loan\.vault"),
        ({"maturity": None}, "maturity"),
        ({"grace": 143}, "grace of a loan"),
        ({"timelocks": {"dead_man": 120}}, "7 dead_man"),
        ({"loan": None}, r"len\(graphs\)"),
        ({"graphs": [{**BABE, "amount": 900_000}]}, r"graphs\[0\]\.amount of a loan"),
        ({"graphs": [CORE]}, r"graphs\[0\]\.engine of a loan"),
        ({"slots": [1_000_000] * 9}, "slot of engine babe"),
    ],
)
def test_a_loan_with_one_thing_changed_is_refused_by_its_field(change: dict[str, Any], field: str) -> None:
    assert lent(LOAN)
    with pytest.raises(LocalFault, match=field):
        lent({**LOAN, **change})


def test_a_loan_says_its_profile_where_coins_have_value() -> None:
    with pytest.raises(LocalFault, match="profile"):
        lent(LOAN, "signet")


def test_a_loan_under_a_ledger_that_is_not_open_or_under_other_rules_is_refused() -> None:
    proposal = lent(LOAN)
    with pytest.raises(PeerFault, match=r"loan\.ledger: expected a ledger open here"):
        judge(proposal, Judges(ledgers={}, keys=JUDGES.keys, genesis={}, height=0))
    for field in LendingRules.__struct_fields__:
        other = msgspec.structs.replace(DEFAULT, **{field: getattr(DEFAULT, field) + 1})
        with pytest.raises(PeerFault, match=rf"loan\.rules\.{field}: expected {getattr(DEFAULT, field) + 1}"):
            judge(proposal, Judges(ledgers={LEDGER: other}, keys=JUDGES.keys, genesis={}, height=0))
