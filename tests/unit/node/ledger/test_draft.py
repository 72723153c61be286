"""Drafts of events: what follows from the state is filled in, what somebody decides is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from node.faults import LocalFault
from node.ledger.draft import complete
from vault.ledger import money
from vault.ledger.events import AddCollateral, Close, Default, Liquidate, MarkPrice, Open, Repay, Tender, Withdraw
from vault.ledger.faults import RuleFault
from vault.ledger.rules import DEFAULT
from vault.ledger.state import Ledger, apply, begin

VAULT, OWNER, LENDER, PAYER, TEMPLATE = (bytes([n]) * 32 for n in range(1, 6))
IDS = {"vault": VAULT.hex()}


@pytest.fixture
def ledger() -> Ledger:
    """A loan of 28,000 cents on two slots, at height 100."""
    empty = begin(bytes(32), bytes(32), DEFAULT, height=100, time=1000)
    priced = apply(empty, MarkPrice(price=6_000_000, price_time=1000))
    return apply(
        priced,
        Open(
            vault=VAULT, owner=OWNER, lender=LENDER, sats=(500_000, 400_000), cents=26_000, maturity=200,
            last_record=300, version=1,
        ),
    )  # fmt: skip


def test_what_follows_from_the_state_is_filled_in(ledger: Ledger) -> None:
    position = ledger.position(VAULT)
    assert position is not None
    due = money.due(26_000, 400_000, 900_000)
    pay = money.pay(DEFAULT, 500_000, 6_000_000)
    template = {"template": TEMPLATE.hex()}
    assert complete(ledger, {"kind": "tender", **IDS}) == Tender(vault=VAULT, nonce=1, slot=1, cents=due)
    assert complete(ledger, {"kind": "add_collateral", **IDS, "sats": 7}) == AddCollateral(
        vault=VAULT, nonce=1, slot=2, sats=7
    )
    assert complete(ledger, {"kind": "liquidate", **IDS, "payer": PAYER.hex(), **template}) == Liquidate(
        vault=VAULT, nonce=1, slot=0, cents=pay, payer=PAYER, template=TEMPLATE
    )
    assert complete(ledger, {"kind": "default", **IDS, **template}) == Default(
        vault=VAULT, nonce=1, slot=0, cents=pay, template=TEMPLATE
    )
    assert complete(ledger, {"kind": "repay", **IDS, "cents": 5}) == Repay(vault=VAULT, nonce=1, cents=5)
    tendered = apply(ledger, Tender(vault=VAULT, nonce=1, slot=1, cents=due))
    assert complete(tendered, {"kind": "withdraw", **IDS, "how": 2, **template}) == Withdraw(
        vault=VAULT, nonce=2, slot=1, how=2, template=TEMPLATE
    )


def test_what_was_given_is_never_changed(ledger: Ledger) -> None:
    given = {"kind": "tender", **IDS, "nonce": 9, "slot": 0, "cents": 1}
    assert complete(ledger, given) == Tender(vault=VAULT, nonce=9, slot=0, cents=1)
    loan = {"kind": "open", "vault": OWNER.hex(), "owner": OWNER.hex(), "lender": LENDER.hex(), "sats": [1], "cents": 1,
            "maturity": 2, "last_record": 3, "version": 8}  # fmt: skip
    made = complete(ledger, loan)
    assert isinstance(made, Open) and made.version == 8
    del loan["version"]
    made = complete(ledger, loan)
    assert isinstance(made, Open) and made.version == DEFAULT.version


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({}, "event.kind: expected one of accrue"),
        ({"kind": 3}, "event.kind"),
        ({"kind": "padding"}, "event.kind"),
        ({"kind": "repay", **IDS}, "event.cents: expected a value: repay has vault, nonce, cents"),
        ({"kind": "close", **IDS, "how": 1}, "event.slot"),
        ({"kind": "withdraw", **IDS, "how": 1, "template": TEMPLATE.hex()}, "event.slot"),
        ({"kind": "repay", "vault": PAYER.hex(), "cents": 1}, "no position in this ledger"),
        ({"kind": "repay", "vault": VAULT.hex()[:-1], "cents": 1}, "64 hex digits"),
        ({"kind": "repay", "vault": "zz" * 32, "cents": 1}, "64 hex digits"),
        ({"kind": "repay", "vault": 5, "cents": 1}, "64 hex digits"),
        ({"kind": "repay", **IDS, "cents": 1.0}, "fields of their types"),
        ({"kind": "repay", **IDS, "cents": True}, "fields of their types"),
        ({"kind": "repay", **IDS, "cents": None}, "fields of their types"),
        ({"kind": "accrue", "height": "7", "time": 7}, "fields of their types"),
        ({"kind": "repay", **IDS, "cent": 1}, "event.cent: expected a field of repay"),
        ({"kind": "tender", **IDS, "slot": "last"}, "event.cents"),
    ],
)
def test_what_is_wrong_is_named(ledger: Ledger, wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(LocalFault) as caught:
        complete(ledger, wanted)
    assert message in str(caught.value)


def test_a_number_that_fits_no_field_is_left_to_the_rules(ledger: Ledger) -> None:
    close = Close(vault=VAULT, nonce=1, slot=200, how=9)
    assert complete(ledger, {"kind": "close", **IDS, "slot": 200, "how": 9}) == close
    huge = complete(ledger, {"kind": "repay", **IDS, "cents": 10**30})
    for event in (close, huge):
        with pytest.raises(RuleFault, match="range"):
            apply(ledger, event)
