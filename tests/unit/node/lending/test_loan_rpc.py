"""The RPC of loans over the real desk: orders go out as they are, refusals say why, every answer says SIMULATED."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from challenge.states import VaultState
from node.cli.loan import for_people
from node.faults import LocalFault, PeerFault, Unavailable
from node.rpc.loan import loan_methods
from node.rpc.table import LoanSlotParams, MoneyParams, Nothing, RepayParams, VaultParams
from tests.unit.node.lending.party_scene import AUTO
from tests.unit.node.lending.scene import LIQUIDATOR, LOW, PRICE, Scene, opened
from tests.unit.node.lending.test_party import KIT, NAME, Party, unhealthy
from tests.vault_kit import BORROWER, make_proposal

CAREFUL = replace(AUTO, liquidate="off", default="off")


def rpc(party: Party, monkeypatch: pytest.MonkeyPatch, *, live: bool = True) -> Any:
    """The handlers of a node with one vault; its setup is over, as the machine would say."""
    stage = SimpleNamespace(value="live") if live else SimpleNamespace(value="ready")
    monkeypatch.setattr("node.rpc.loan.stage", lambda _: stage)
    monkeypatch.setattr("node.rpc.loan.Stage", SimpleNamespace(LIVE=stage if live else object()))
    party.node.find = lambda text: NAME
    party.node.state = lambda vault: party.node.book[vault]
    party.node.loans = party.loans
    return loan_methods(cast(Any, SimpleNamespace(node=party.node)))


def account(scene: Scene, party: int) -> int:
    return scene.money.account(scene.who(party))


async def test_an_operator_repays_and_the_same_order_is_one_payment(monkeypatch: pytest.MonkeyPatch) -> None:
    party = Party(opened(), BORROWER, price=PRICE)
    methods = rpc(party, monkeypatch)
    before = account(party.scene, BORROWER)
    answer = await methods["loan.repay"](RepayParams(id=NAME.hex(), cents=500))
    assert answer["simulated"] is True and answer["cents"] == 500
    assert account(party.scene, BORROWER) == before - 500
    with pytest.raises(LocalFault, match=r"the keeper.*cents"):
        await methods["loan.repay"](RepayParams(id=NAME.hex(), cents=10**9))


async def test_a_slot_that_is_not_named_is_the_only_one_the_rules_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    party = Party(opened(), BORROWER, price=PRICE)
    methods = rpc(party, monkeypatch)
    assert (await methods["loan.tender"](LoanSlotParams(id=NAME.hex())))["slot"] == 1
    with pytest.raises(LocalFault, match="the keeper"):
        await methods["loan.tender"](LoanSlotParams(id=NAME.hex(), slot=0))


async def test_an_operator_liquidates_whatever_the_policy_says_and_outside_its_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    party = Party(unhealthy(), LIQUIDATOR, policy=CAREFUL)
    methods = rpc(party, monkeypatch)
    answer = await methods["loan.liquidate"](LoanSlotParams(id=NAME.hex()))
    assert answer["slot"] == 0 and answer["cents"] > 0
    assert party.loans.spent.cents == 0
    decisions = (await methods["loan.policy"](VaultParams(id=NAME.hex())))["decisions"]
    assert {
        "about": "liquidate/1",
        "does": "no",
        "why": "lending.liquidate is off: the operator does it",
        "came": "",
    } in decisions
    assert any(each["about"] == "claim/2" and each["does"] == "yes" for each in decisions), (
        "what was paid for is claimed"
    )


async def test_a_loan_is_shown_with_what_is_proven_beside_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    party = Party(unhealthy(), LIQUIDATOR, policy=CAREFUL)
    methods = rpc(party, monkeypatch)
    shown = await methods["loan.show"](VaultParams(id=NAME.hex()))
    assert shown["simulated"] is True and "SIMULATED" in shown["note"]
    assert shown["debt"] == shown["proven"]["debt"] == 100_000 and shown["price"] == LOW == shown["own_price"]
    assert shown["margin_call"] is True and shown["phase"] == "open" and shown["role"] == "liquidator"
    assert [slot["our_chain"] for slot in shown["slots"]] == ["open", "open"]
    assert {row["name"] for row in shown["deadlines"]} >= {"maturity", "grace ends", "last record", "dead man"}
    assert msgspec.json.encode(shown)
    people = for_people(shown)
    spread = {key for table in ("slots", "coins", "records") for row in people[table] for key in row}
    assert spread == set(shown["slots"][0]) - {
        "outcome",
        "debt",
        "paid",
        "surplus",
        "recorded",
        "settled",
        "claimant",
        "template",
    }
    said = {name for name in shown if people[name] != shown[name]}
    assert said == {"slots", "principal", "debt", "account", "price", "own_price", "health", "levels"}
    assert people["debt"] == "100000 cents, 1,000.00 dollars"
    assert people["price"] == f"{LOW} cents per BTC, {LOW / 100:,.2f} dollars"
    assert people["health"] == f"{shown['health']} basis points; below 10000 it may be liquidated"
    assert {name: int(level.split()[0]) for name, level in people["levels"].items()} == shown["levels"]
    assert people["records"] == [] and set(people) == {*shown, "coins", "records"}
    assert party.told == [] and party.orders == [], "looking does nothing"
    listed = await methods["loan.list"](Nothing())
    assert (
        listed["simulated"] is True
        and listed["busy"] == 0
        and listed["spent_today"]["of_slots"] == CAREFUL.max_slots_a_day
    )


async def test_what_is_no_living_loan_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    party = Party(opened(), BORROWER)
    with pytest.raises(LocalFault, match="one at stage ready"):
        await rpc(party, monkeypatch, live=False)["loan.show"](VaultParams(id=NAME.hex()))
    party.node.book[NAME] = VaultState(proposal=make_proposal(), me=0, facts={})
    with pytest.raises(LocalFault, match="one without a loan"):
        await rpc(party, monkeypatch)["loan.show"](VaultParams(id=NAME.hex()))
    with pytest.raises(LocalFault, match="a ledger that this node keeps"):
        party.node.ledgers.open_ledgers = {}
        await rpc(party, monkeypatch)["money.show"](MoneyParams())


async def test_a_refusal_of_the_keeper_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    party = Party(opened(), BORROWER, before=PeerFault(what="the coin", expected="free", came="claimed by another"))
    with pytest.raises(LocalFault, match="claimed by another"):
        await rpc(party, monkeypatch)["loan.repay"](RepayParams(id=NAME.hex(), cents=1))
    assert KIT.proposal.proposal_id == NAME


async def test_a_refusal_that_came_over_the_wire_is_told_once_and_without_the_wire(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = PeerFault(what="peer 12D3", expected="an answer", came="a refusal: account: expected 5 cents, came 4. Mint.")
    party = Party(opened(), BORROWER, before=said)
    with pytest.raises(LocalFault) as caught:
        await rpc(party, monkeypatch)["loan.repay"](RepayParams(id=NAME.hex(), cents=1))
    assert (
        str(caught.value) == "the keeper: expected to book it, came a refusal: account: expected 5 cents, came 4. Mint."
    )


AWAY = Unavailable(what="peer 12D3", expected="an answer", came="no connection", todo="The outbox sends it again.")


async def test_an_order_to_a_keeper_that_is_away_says_that_nothing_repeats_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what the node does by itself is asked again; an operator who repeats what was booked pays twice."""
    party = Party(opened(), BORROWER, after=AWAY)
    before = account(party.scene, BORROWER)
    with pytest.raises(
        Unavailable, match=r"came no connection\. Nothing is sent again .* `bitvm3 loan show` first"
    ) as caught:
        await rpc(party, monkeypatch)["loan.repay"](RepayParams(id=NAME.hex(), cents=500))
    assert "outbox" not in str(caught.value)
    assert account(party.scene, BORROWER) == before - 500, "it was booked: the answer was lost"


async def test_without_the_keeper_no_slot_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    party = Party(opened(), BORROWER)

    async def silent(*_: Any) -> bytes:
        raise AWAY

    party.loans.outlook.opened(party.node.book[NAME]).world.ask = silent  # type: ignore[misc]
    with pytest.raises(Unavailable, match=r"the keeper: expected an answer, came .*no connection"):
        await rpc(party, monkeypatch)["loan.tender"](LoanSlotParams(id=NAME.hex()))
