"""Path B by policy: when the lender lets a liquidation go, when the liquidator asks the attestors, and what stops either."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from challenge.facts import key
from challenge.game import fold
from node.lending import money, words
from node.lending.counter import judge, opening
from node.lending.situation import Situation
from node.lending.wish import OpenFast, Order
from tests.unit.node.lending.party_scene import AUTO, LIVING, log, situation, wish
from tests.unit.node.lending.scene import CHALLENGER, LIQUIDATOR, LOW, PREFUNDED, TIP, Scene
from tests.vault_kit import BORROWER, LENDER, fast_kit
from vault.fast import graph_of

OTHER = LIQUIDATOR + 1


def unhealthy() -> Scene:
    """A loan with entries (0: slot 0 for Q, 1: slot 0 for the other, 2 and 3: slot 1); nobody has paid."""
    found = Scene(kit=fast_kit())
    for party in (BORROWER, LENDER, LIQUIDATOR, OTHER):
        found.move(money.Mint(to=found.who(party), cents=1_000_000))
    found.prefunded()
    cents = found.loan.opener.loan.cents
    found.move(
        money.Lock(vault=found.name, lender=found.who(LENDER), cents=cents, expires=TIP + 1),
        money.Take(vault=found.name, borrower=found.who(BORROWER), preimage=found.kit.a),
    )
    found.born()
    found.post(opening(found.loan, PREFUNDED))
    found.marked(LOW)
    return found


def liquidated() -> Scene:
    """Q has paid for slot 0."""
    found = unhealthy()
    found.book(judge(found.view, found.who(LIQUIDATOR), words.Liquidate(vault=found.name, slot=0)))
    return found


UNPAID, PAID = unhealthy(), liquidated()


def of(party: int, **changes: Any) -> Situation:
    return situation(PAID, party, **changes)


def asks(s: Situation) -> list[str]:
    """What of path B is asked at all."""
    names = [f"{kind}/{f}" for kind in ("let", "take_fast") for f in range(4)]
    return [name for name in names if wish(s, name) is not None]


def test_both_act_on_the_proven_record_of_exactly_that_slot_and_liquidator() -> None:
    lender, liquidator = of(LENDER), of(LIQUIDATOR)
    assert asks(lender) == ["let/0"]
    assert asks(liquidator) == ["take_fast/0"]
    let, take = wish(lender, "let/0"), wish(liquidator, "take_fast/0")
    assert let is not None and (let.does, let.action) == ("yes", Order(key="want_fast_release/0"))
    assert take is not None and (take.does, take.action) == ("yes", OpenFast(entry=0))


@pytest.mark.parametrize("party", [BORROWER, OTHER, CHALLENGER])
def test_nobody_else_is_asked(party: int) -> None:
    assert asks(of(party)) == []


@pytest.mark.parametrize("party", [LENDER, LIQUIDATOR])
def test_without_a_payment_nothing_is_asked(party: int) -> None:
    assert asks(situation(UNPAID, party)) == []


@pytest.mark.parametrize(("party", "about"), [(LENDER, "let/0"), (LIQUIDATOR, "take_fast/0")])
def test_what_only_the_keeper_says_waits(party: int, about: str) -> None:
    """The keeper's word without our own final checkpoint, or with one from before the payment."""
    older = situation(UNPAID, party).opening
    for changes in ({"opening": None}, {"opening": older}):
        found = wish(of(party, **changes), about)
        assert found is not None and (found.does, found.action) == ("waits", None)


@pytest.mark.parametrize(("party", "about"), [(LENDER, "let/0"), (LIQUIDATOR, "take_fast/0")])
def test_what_is_proven_needs_no_keeper(party: int, about: str) -> None:
    found = wish(of(party, reading=None, keeper="away", said="away"), about)
    assert found is not None and found.does == "yes"


def test_a_lender_that_releases_by_hand_lets_nothing_go() -> None:
    found = wish(of(LENDER, policy=replace(AUTO, release="manual")), "let/0")
    assert found is not None and found.does == "no" and "path C" in found.why


@pytest.mark.parametrize(("party", "order"), [(LENDER, "want_fast_release"), (LIQUIDATOR, "want_fast")])
def test_what_was_ordered_is_not_asked_again(party: int, order: str) -> None:
    assert asks(of(party, facts={key(order, 0): b""})) == []


@pytest.mark.parametrize("end", ["liquidate/0", "repay/0", "foreign/vault/0"])
@pytest.mark.parametrize("party", [LENDER, LIQUIDATOR])
def test_a_coin_that_is_gone_ends_it(party: int, end: str) -> None:
    seen = (*LIVING, *log((end, TIP)))
    found = of(party, seen=seen)
    assert found.view == fold(found.proposal, seen)
    assert asks(found) == []


# ---- the claim by path C -----------------------------------------------------------------------------------------------
def claims(tip: int, record: int, *known: str) -> str | None:
    """Why Q's claim of slot 0 waits at a tip, for a record of this height; None when it is made."""
    s = of(LIQUIDATOR, facts={key(name, 0): b"" for name in known}, tip=tip)
    position, opened, g = s.proven, s.opening, graph_of(s.proposal, s.proposal.fast[0])
    assert position is not None and opened is not None and g is not None
    records = tuple(each and msgspec.structs.replace(each, height=record) for each in position.records)
    moved = msgspec.structs.replace(position, records=records)
    found = wish(replace(s, opening=msgspec.structs.replace(opened, position=moved)), f"claim/{g}")
    assert found is not None
    return None if found.does == "yes" else found.why


MARGIN = of(LIQUIDATOR).locks.margin


def test_a_claim_lets_the_attestors_come_first_and_then_the_ticket() -> None:
    """A block to be asked in; `margin` when they have attested, whether the lender has let it or not."""
    assert "the attestors are asked" in (claims(TIP, TIP) or "")
    assert claims(TIP + 1, TIP) is None
    for known in (("want_fast",), ("want_fast", "fast_release")):
        assert "Liquidate needs no claim" in (claims(TIP + MARGIN - 1, TIP, *known) or "")
        assert claims(TIP + MARGIN, TIP, *known) is None
    assert claims(TIP + 1, TIP, "fast_release") is None, "a ticket alone opens nothing"


def test_a_claim_waits_for_nothing_beyond_the_last_record() -> None:
    """It is as late as one of a record that came then, and no later."""
    position = of(LIQUIDATOR).proven
    assert position is not None and MARGIN > 2
    last = position.last_record
    assert claims(last, last) is None
    assert claims(last - 1, last - 2, "want_fast") is not None
    assert claims(last, last - 2, "want_fast") is None


def test_a_claim_waits_no_longer_than_its_window_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the settle window is hardly longer than a contested claim takes, path B gets the blocks in between only."""
    window = of(LIQUIDATOR).rules.settle_window
    monkeypatch.setattr("node.lending.settling.settling", lambda _: window - 2)
    assert claims(TIP + 1, TIP, "want_fast") is not None
    assert claims(TIP + 2, TIP, "want_fast") is None
