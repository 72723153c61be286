"""What a party reads before it agrees: every sum, wait and count is that of the terms, for every role."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType

import msgspec
import pytest

from circuits.cut_and_choose import PROFILES
from circuits.engines.babe import CIRCUIT
from node.in_words import Known, graph_lines, risks, span
from node.setup_cost import as_rows, sessions, share_of, sizes_of
from tests.simulation.registry import Registry
from tests.unit.snark.kit import triples
from tests.vault_kit import BABE, GENESIS, Kit, fast_kit, graph_terms, kit, lending_kit, make_proposal
from vault.endings import foreseen
from vault.fees import deposit_needed
from vault.ledger.genesis import Genesis
from vault.ledger.rules import DEFAULT
from vault.timelocks import MAINLINE

KITS: dict[str, Callable[[], Kit]] = {
    "core": kit,
    "babe": lambda: kit(engine="babe", challengers=2),
    "a loan": lending_kit,
    "path B": fast_kit,
}
VAULTS = MappingProxyType({name: make().proposal for name, make in KITS.items()})
EVERY = [(name, me) for name, proposal in VAULTS.items() for me in range(len(proposal.parties))]


def _key(_: bytes) -> bytes:
    key, _proofs = triples("bn254_1")
    return key.handle.encode("arkworks")


def _ledger(_: bytes) -> Genesis:
    return Registry(network=GENESIS).file


PRICE, TIME = 6_000_000, 1_700_000_000
KNOWN = Known(keys=_key, ledger=_ledger, price=lambda _: (PRICE, TIME))


@pytest.mark.parametrize(("name", "me"), EVERY)
def test_every_party_reads_what_it_puts_down_and_what_it_trusts(name: str, me: int) -> None:
    proposal = VAULTS[name]
    said = risks(proposal, me, KNOWN)
    loan = {"loan"} if proposal.loan is not None else set()
    assert set(said) == {"you", "can_lose", "keep_running", "totals", "setup", "trusts"} | loan
    assert said["you"].endswith(proposal.parties[me].role)
    bonds = sum(graph.bond for graph in proposal.graphs if graph.claimant == me)
    stakes = sum(graph.stake for graph in proposal.graphs if graph.claimant != me)
    totals = dict(said["totals"])
    assert totals.pop("together") == sum(totals.values())
    assert (totals["bonds"], totals["stakes"]) == (bonds, stakes)
    assert totals["deposit"] == (deposit_needed(proposal, 1) if me == proposal.borrower else 0)
    lost = {row["what"].partition(" ")[2].partition(",")[0]: row["sats"] for row in said["can_lose"]}
    assert lost.get("bonds", 0) == bonds and lost.get("stakes", 0) == stakes  # of both, all of it can go
    trusts = "\n".join(said["trusts"])
    assert ("SIMULATED" in trusts) is (proposal.loan is not None)
    assert ("attestors of ledger" in trusts) is any(graph.engine == "babe" for graph in proposal.graphs)
    assert ("Fast liquidation" in trusts) is bool(proposal.fast)
    assert "regtest only" in trusts or name == "core"
    assert "1 in 2^5.8" in trusts and "no security" in trusts


@pytest.mark.parametrize("name", VAULTS)
def test_what_a_bond_and_a_stake_can_lose_is_the_worst_row_of_the_table_of_endings(name: str) -> None:
    proposal = VAULTS[name]
    rows = foreseen(proposal)
    for g, graph in enumerate(proposal.graphs):
        lost = [row for row in rows if f"bond/{g}" in row.ends and not any(p.to == graph.claimant for p in row.pays)]
        assert lost, "some ending gives the claimant nothing"


def test_the_borrower_of_a_loan_reads_its_collateral_three_times_and_path_b_once_more() -> None:
    plain, fast = (risks(VAULTS[name], 0, KNOWN)["can_lose"] for name in ("a loan", "path B"))
    whole = sum(VAULTS["a loan"].slots)
    words = [(row["what"], row["sats"]) for row in plain if "collateral" in row["what"]]
    assert words == [(f"the collateral, by {how}", whole) for how in ("default", "liquidation", "a false claim")]
    assert len(fast) == len(plain) + 1


def test_waits_are_those_of_the_timelocks_with_days_where_there_are_days() -> None:
    proposal = msgspec.structs.replace(
        VAULTS["babe"], network="signet", timelocks=msgspec.structs.replace(MAINLINE, margin=10)
    )
    assert span(proposal, 144 * 3) == "432 blocks (about 3 days)"
    assert span(proposal, 6) == "6 blocks (about 1 hour)"
    assert span(VAULTS["babe"], 1) == "1 block"
    windows = [row["never_away_for"] for row in risks(VAULTS["babe"], 0, KNOWN)["keep_running"]]
    assert windows == ["3 blocks", "3 blocks", "1 block"]  # contest - (margin + 1); assert and refute; verdict
    assert "regtest only" not in "\n".join(risks(proposal, 1, KNOWN)["trusts"])


@pytest.mark.parametrize("name", VAULTS)
def test_presignatures_of_the_group_are_counted_as_the_derived_graph_has_them(name: str) -> None:
    assert sessions(VAULTS[name]) == len(KITS[name]().graph.signatures)


def test_bytes_are_those_of_a_setup_that_was_measured() -> None:
    """Engine babe, four-bit digits, profile test; five parties, two slots, withdraw and default: what was sent and received."""
    graphs = [
        graph_terms(**{**BABE, "claimant": who, "outcome": outcome, "slot": slot}, digits=128, digit_bits=4)
        for slot in (0, 1)
        for who, outcome in ((0, "withdraw"), (1, "default"))
    ]
    proposal = make_proposal(graphs=graphs, challengers=3)
    shares = [share_of(proposal, p, _key) for p in range(5)]
    assert all(226e6 < shares[p].received < 229e6 for p in (0, 1))  # 227 MB each
    assert all(113e6 < shares[p].sent < 118e6 for p in (2, 3, 4))  # 115 MB each
    assert sum(share.sent for share in shares) == sum(share.received for share in shares)
    assert sum(share.pairs for share in shares) == 2 * 16
    assert [round(share.seconds) for share in shares] == [11, 11, 10, 10, 10]  # measured together: 53


def test_sizes_are_the_engines_own_and_the_estimate_says_that_it_is_one() -> None:
    sizes = sizes_of(graph_terms(**BABE, digits=128, digit_bits=4), _key(b""))
    assert (sizes.kept_bytes, sizes.opening_bytes) == (9_281_440, 21_570)  # docs/protocol.md, profiles
    said = as_rows(VAULTS["a loan"], 0, _key)
    assert "scaled from" in said["estimate"] and said["seconds_estimated"] >= 1
    assert said["pairs_of_all"] == len(VAULTS["a loan"].graphs) * (len(VAULTS["a loan"].parties) - 1)


def test_graphs_that_are_alike_but_for_their_slot_stand_in_one_row() -> None:
    proposal = VAULTS["a loan"]
    rows = graph_lines(proposal, KNOWN)
    assert [row["claim"] for row in rows] == ["withdraw by B", "default by L", "liquidate by Q2", "liquidate by Q3"]
    assert sorted(int(g) for row in rows for g in row["graphs"].split(", ")) == list(range(len(proposal.graphs)))
    profile = PROFILES["test"]
    assert all(row["kept_instances"] == f"{profile.kept} of {profile.instances} a challenger" for row in rows)
    assert all(re.search(r"loses it when the claim is true", row["risk"]) for row in rows)
    assert CIRCUIT.input_bits == 512


def lent(price: int, **changed: object) -> dict[str, str]:
    """What is said of the loan at a price, with fields of it changed."""
    proposal = VAULTS["a loan"]
    assert proposal.loan is not None
    loan = msgspec.structs.replace(proposal.loan, **changed)
    known = Known(keys=_key, ledger=_ledger, price=lambda _: (price, TIME))
    return dict(risks(msgspec.structs.replace(proposal, loan=loan), 1, known)["loan"])


def test_who_meant_dollars_and_wrote_cents_reads_it() -> None:
    assert lent(PRICE, cents=25_000)["principal"] == "250.00 dollars (SIMULATED), 25000 cents"
    assert lent(PRICE, cents=250)["principal"] == "2.50 dollars (SIMULATED), 250 cents"


def test_a_loan_above_what_may_be_lent_is_called_too_much_from_the_first_cent_on() -> None:
    sats = sum(VAULTS["a loan"].slots)
    most = sats * PRICE * DEFAULT.max_ltv // 10**12
    assert lent(PRICE, cents=most)["now"].endswith("; 50 % may be lent")
    over = lent(PRICE, cents=most + 1)["now"]
    assert over.startswith("TOO MUCH: ") and "the deposit waits for its refund" in over
    assert "the ledger's price of 2023-11-14 22:13 UTC, " in over, "who agrees sees how old it is"
    assert lent(PRICE - 1, cents=most)["now"].startswith("TOO MUCH: "), "the price decides"
    assert lent(0, cents=most)["now"] == "the ledger has no final price yet"
    assert lent(1, cents=most)["now"] == "the collateral is worth less than a cent at 0.01 dollars a BTC"


def test_a_loan_that_nobody_may_liquidate_says_so() -> None:
    proposal = VAULTS["a loan"]
    assert lent(PRICE)["liquidation"] == "by the liquidators among the parties"
    graphs = tuple(graph for graph in proposal.graphs if graph.outcome != "liquidate")
    said = risks(msgspec.structs.replace(proposal, graphs=graphs), 1, KNOWN)["loan"]
    assert said["liquidation"].startswith("BY NOBODY")


def test_a_top_up_names_the_loan_that_it_adds_to_and_no_principal() -> None:
    said = lent(PRICE, vault=b"v" * 32, cents=0)
    assert said["adds to"].startswith(f"the loan of vault {(b'v' * 32).hex()}") and "principal" not in said
