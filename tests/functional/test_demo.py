"""The scenarios, played by the demo's own command on both backends: same transactions, same balances."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from node.demo.processes import Backend
from tests.functional.chain_fixture import ROOT

pytestmark = [pytest.mark.functional, pytest.mark.timeout(600)]

PROFILE = {"sandbox": "default", "bitcoind": "test"}
"""Profile of the false claim; one run with each keeps the suite short."""
SCENES = {"sandbox": [], "bitcoind": ["--only", "vault"]}
"""The ledger never meets the chain but for heights and times: one run with it keeps the suite short."""

TRANSACTIONS = {
    "opening": ["stakes", "prefund", "vault"],
    "honest": ["0/claim", "0/uncontested_payout"],
    "false": ["1/claim", "1/contest", "1/assert", "1/disprove"],
    "silent": ["2/claim", "2/contest", "2/no_assert"],
    "doubted": ["3/claim", "3/contest", "3/assert", "3/contested_payout"],
    "exits": ["repay/4", "deadman/5"],
}
SLOT, SEALED, CLAIMED, ANCHOR, DUST = 1_000_000, 600_000, 900_000, 240, 330


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[Backend, dict[str, Any]]:
    """What each run left; a run is made once."""
    return {}


@pytest.fixture
def report(chain_kind: Backend, reports: dict[Backend, dict[str, Any]], tmp_path: Path) -> dict[str, Any]:
    if chain_kind not in reports:
        file = tmp_path / "report.json"
        command = [sys.executable, "-m", "node.demo", "--profile", PROFILE[chain_kind], "--report", str(file)]
        command += ["--bitcoind"] if chain_kind == "bitcoind" else []
        command += SCENES[chain_kind]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=560)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        reports[chain_kind] = json.loads(file.read_text())
    return reports[chain_kind]


def fees(report: dict[str, Any]) -> dict[str, int]:
    return {tx["name"].removesuffix("/1").removesuffix("/2"): tx["fee"] for tx in report["vault"]["transactions"]}


def test_every_scenario_leaves_its_transactions_and_no_others(report: dict[str, Any]) -> None:
    names = [tx["name"] for tx in report["vault"]["transactions"]]
    wanted = [name for scenario in TRANSACTIONS.values() for name in scenario]
    assert [name.rpartition("/")[0] if "disprove" in name else name for name in names] == wanted
    assert [graph["phase"] for graph in report["vault"]["graphs"]] == ["paid", "disproved", "defaulted", "paid"]
    assert report["vault"]["graphs"][1]["profile"] == PROFILE[report["backend"]]


def test_every_balance_is_what_the_rules_say(report: dict[str, Any]) -> None:
    assert [row["party"] for row in report["balances"]] == ["borrower", "lender", "challenger"]
    for row in report["balances"]:
        assert row["found"] == row["expected"], row


def test_no_sat_appears_or_vanishes(report: dict[str, Any]) -> None:
    """What the three lost together is what left: fees, anchors, the burned tenth, dust nobody swept, unmoved slots.

    Counted from the transaction table alone. Slots 1 and 2 stay in the vault (the false claimants got nothing).
    """
    paid = fees(report)
    pot = report["vault"]["graphs"][1]["bond"] - sum(
        paid[f"1/{name}"] + ANCHOR for name in ("claim", "contest", "assert", "disprove")
    )
    pot -= DUST + 2 * DUST  # verdict and arenas stand apart
    pot += DUST  # the winner's arena goes into the pot
    burned = pot - pot * 60 // 100 - pot * 30 // 100
    idle = DUST * 2  # false claim: verdict and the loser's arena; nobody swept them
    idle += DUST * 2  # contested payout: both arenas
    lost = sum(paid.values()) + ANCHOR * len(paid) + burned + idle + 2 * SLOT
    assert sum(row["before"] - row["found"] for row in report["balances"]) == lost


def test_the_lender_and_the_borrower_moved_what_the_claims_say(report: dict[str, Any]) -> None:
    """Two honest claims of 600,000 leave 400,000 of each slot to the lender; nothing else of a slot reaches it."""
    lender = report["balances"][1]
    shares = lender["found"] - lender["before"] - 2 * (SLOT - SEALED)
    bonds = sum(report["vault"]["graphs"][g]["bond"] for g in (1, 2))
    assert 0 < shares < bonds


def test_setup_costs_are_counted_for_every_party(report: dict[str, Any]) -> None:
    """Garbled tables travel: tens of kilobytes a graph at least, more than any single message of the other stages."""
    for party, rows in report["setup"].items():
        opening = next(row for row in rows if row["stage"] == "opening")
        moved = opening["sent"] if party == "borrower" else opening["received"]
        assert moved > 1_000_000, (party, opening)
        assert opening["seconds"] > 0


def test_the_borrower_followed_the_ledger_by_five_proofs(report: dict[str, Any]) -> None:
    view = report["ledger"]
    if report["backend"] == "bitcoind":
        assert view is None
        return
    assert (view["proofs_verified"], view["entries_refused"], view["seq"]) == (5, 0, 16)
    assert view["roles"] == ["follower"] and view["cash"] == 0
    assert view["principal"] == 22_240  # 118,000 lent, 2,000 repaid, a slot of four, two slots at 32,381: with interest
