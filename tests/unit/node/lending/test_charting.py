"""A loan over blocks: what happened is said once, in words, and rows are bounded and in order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from challenge.states import VaultState
from node.cli.loan import drawing
from node.faults import LocalFault
from node.lending import words as w
from node.lending.charting import Row, happened, puts_of, row_at, rows_of
from node.lending.counter import judge
from node.lending.readings import reading
from node.lending.show import deadlines, health_levels, levels, phase
from node.store import Store
from tests.unit.node.lending.party_scene import FUNDED, LIVING, deposited, situation
from tests.unit.node.lending.scene import BORN, LIQUIDATOR, LOW, PREFUNDED, PRICE, TIP, Scene, opened
from tests.vault_kit import BORROWER, LENDER
from vault.ledger import money

VAULT = bytes(range(32))


def said(scene: Scene) -> w.Reading:
    return reading(scene.view, scene.who(BORROWER), scene.name, final_seq=0)


def plain(scene: Scene) -> VaultState:
    return VaultState(proposal=scene.kit.proposal, me=BORROWER, facts={}, log=LIVING)


def test_what_happens_to_a_loan_is_told_once() -> None:
    scene = opened()
    state, before = plain(scene), said(scene)
    assert happened(state, TIP, before, before) == ()
    assert happened(state, BORN, before, before) == ("vault mined",)
    scene.book(judge(scene.view, scene.who(BORROWER), w.Repay(vault=scene.name, cents=1_000)))
    repaid = said(scene)
    assert happened(state, TIP, before, repaid) == ("1000 cents repaid",)
    scene.marked(LOW)
    called = said(scene)
    assert happened(state, TIP, repaid, called) == ("margin call",)
    scene.book(judge(scene.view, scene.who(LIQUIDATOR), w.Liquidate(vault=scene.name, slot=0)))
    assert happened(state, TIP, called, said(scene)) == ("slot 0 liquidated",)
    assert happened(state, TIP, None, said(scene)) == (), "after a restart nothing is told twice"


def test_the_opening_and_the_lock_are_told() -> None:
    scene = deposited()
    state, before = plain(scene), said(scene)
    scene.book(judge(scene.view, scene.who(LENDER), w.LockLoan(vault=scene.name, expires=TIP + 11)))
    assert happened(state, TIP, before, said(scene)) == ("principal of 100000 cents locked",)
    assert "loan of 100000 cents opened" in happened(state, TIP, said(scene), said(opened()))


def test_rows_are_kept_in_order_and_bounded(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store", network="regtest", genesis=bytes(32))
    for height in (5, 6, 7, 300):
        row = Row(height=height, price=1, health=2, debt=3, events=(f"block {height}",))
        store.commit(puts_of(VAULT, row, 294))
    assert [row.height for row in rows_of(store, VAULT, 400)] == [5, 7, 300], "294 blocks before 300 is 6"
    assert [row.height for row in rows_of(store, VAULT, 7)] == [5, 7], "what a reorg took away is not shown"
    kept = row_at(store, VAULT, 7)
    assert kept is not None and kept.events == ("block 7",) and row_at(store, VAULT, 8) is None
    assert rows_of(store, bytes(32), 400) == []
    store.close()


def test_a_chart_is_drawn_from_what_the_daemon_answers() -> None:
    rules = opened().loan.opener.loan.rules
    found = {
        "vault": VAULT.hex(), "health_levels": health_levels(rules),
        "rows": [Row(height=h, price=PRICE, health=15_000 - h, debt=100 * h, events=("margin call",)).as_json() for h in (7, 8)],
    }  # fmt: skip
    picture = drawing(found)
    assert picture.startswith("<svg") and "SIMULATED" in picture and "margin call" in picture
    with pytest.raises(LocalFault, match="chart"):
        drawing({**found, "rows": []})


# ---- what people are shown -------------------------------------------------------------------------------------------
def test_levels_are_the_prices_at_which_the_rules_turn() -> None:
    """One cent per BTC above each level nothing happens, at one below it does."""
    scene = opened()
    s = situation(scene, BORROWER)
    found = levels(s)
    rules, collateral, debt = s.rules, sum(s.proposal.slots), scene.ledger.debt(scene.position)
    called, liquidated = found["margin_call_below"], found["liquidated_below"]
    assert called is not None and liquidated is not None and liquidated < called
    assert not money.margin_called(rules, collateral, called, debt)
    assert money.margin_called(rules, collateral, called - 1, debt)
    assert not money.unhealthy(rules, collateral, liquidated, debt)
    assert money.unhealthy(rules, collateral, liquidated - 1, debt)
    assert set(levels(situation(deposited(), BORROWER, seen=FUNDED)).values()) == {None}


def with_state(state: Any, slots: tuple[w.SlotReading, ...]) -> tuple[w.SlotReading, ...]:
    return tuple(structs.replace(each, state=state) for each in slots)


def test_deadlines_stand_in_blocks_soonest_first() -> None:
    s = situation(opened(), BORROWER)
    rows = {row["name"]: row for row in deadlines(s)}
    assert [row["block"] for row in rows.values()] == sorted(row["block"] for row in rows.values())
    maturity = PREFUNDED + s.proposal.maturity
    assert rows["maturity"]["block"] == maturity and rows["maturity"]["left"] == maturity - TIP
    assert rows["grace ends"]["block"] == maturity + s.rules.grace
    assert rows["dead man"]["block"] == BORN + s.locks.dead_man
    assert rows["last record"]["block"] < rows["dead man"]["block"]
    assert s.reading is not None
    freed = replace(s, reading=structs.replace(s.reading, slots=with_state("withdraw", s.reading.slots)))
    assert {row["name"] for row in deadlines(freed)} == {"dead man"}, "nothing is owed any more, coins are not home yet"
    pending = replace(s, reading=structs.replace(s.reading, slots=with_state("tendered", s.reading.slots)))
    assert {row["name"] for row in deadlines(pending)} == set(rows), "a tender can come to nothing"
    waiting = {row["name"]: row for row in deadlines(situation(deposited(), BORROWER, seen=FUNDED))}
    assert set(waiting) == {"deposit buried", "lock ends", "refund"} and waiting["deposit buried"]["left"] is None
    assert phase(s) == "open" and phase(situation(deposited(), BORROWER, seen=FUNDED)) == "deposited"
