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
from tests.vault_kit import GENESIS, kit
from vault.fees import largest_stake, minimal_bond
from vault.terms import MIN_STAKE, Proposal

LEDGER, KEY = bytes([1]) * 32, bytes([2]) * 32
PARTIES = [{"identity": party.identity.hex(), "role": party.role} for party in kit().proposal.parties]
BABE = {"claimant": 0, "outcome": "withdraw", "slot": 0, "profile": "test", "ledger": LEDGER.hex(), "amount": 600_000}
CORE = {**BABE, "engine": "core", "commitment": bytes([3]).hex() * 32}
del CORE["ledger"]
JUDGES = Judges(ledgers=frozenset({LEDGER}), keys=frozenset({KEY}))
RULES = Rules(
    network="regtest", genesis=GENESIS, policy=Policy(contest="never", known={}, release="manual"), accept="manual",
    minimum_depth=1, bound=100, start=0,
)  # fmt: skip


def proposed(graph: dict[str, Any], keys: tuple[bytes, ...] = (KEY,)) -> Proposal:
    wanted = {"parties": PARTIES, "slots": [1_000_000], "graphs": [graph]}
    return propose(wanted, network="regtest", genesis=GENESIS, keys=keys)


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
    assert judge(proposal, Judges(ledgers=frozenset(), keys=frozenset())) == (0, 1)


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
        judge(proposal, Judges(ledgers=frozenset(), keys=JUDGES.keys))
    with pytest.raises(PeerFault, match=r"graphs\[0\]\.key"):
        judge(proposal, Judges(ledgers=JUDGES.ledgers, keys=frozenset()))
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
