"""What the desk allows, and every reason why it refuses: a valid request with one thing changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import pytest

from node.faults import PeerFault
from node.lending import money
from node.lending import words as w
from node.lending.counter import Deal, applied, judge
from node.lending.words import Request
from tests.unit.node.lending.scene import (
    CHALLENGER,
    ELSEWHERE,
    LIQUIDATOR,
    LOW,
    PREFUNDED,
    STRANGER,
    TIP,
    Scene,
    funded,
    opened,
)
from tests.vault_kit import BORROWER, LENDER, lending_kit
from vault.ledger.money import settlement

KIT = lending_kit()
NAME = KIT.proposal.proposal_id
LAST = 1  # the highest slot
WAITS = 13  # blocks after PreFund that a lock may last at most


def locked() -> Scene:
    scene = funded()
    scene.book(judge(scene.view, scene.who(LENDER), LOCK))
    return scene


def tendered() -> Scene:
    scene = opened()
    scene.book(judge(scene.view, scene.who(BORROWER), w.Tender(vault=NAME, slot=LAST)))
    return scene


def unhealthy() -> Scene:
    scene = opened()
    scene.marked(LOW)
    return scene


def over() -> Scene:
    """After maturity (PreFund + 20) and grace (10)."""
    scene = opened()
    scene.to(PREFUNDED + 31)
    return scene


LOCK = w.LockLoan(vault=NAME, expires=TIP + 2)
VALID: dict[str, tuple[Callable[[], Scene], int, Request]] = {
    "lock": (funded, LENDER, LOCK),
    "take": (locked, BORROWER, w.TakeLoan(vault=NAME, preimage=KIT.a)),
    "tender": (opened, BORROWER, w.Tender(vault=NAME, slot=LAST)),
    "show_r": (tendered, LENDER, w.ShowR(vault=NAME, slot=LAST, preimage=KIT.r(LAST))),
    "show_r by the borrower": (tendered, BORROWER, w.ShowR(vault=NAME, slot=LAST, preimage=KIT.r(LAST))),
    "repay": (opened, BORROWER, w.Repay(vault=NAME, cents=400)),
    "liquidate": (unhealthy, LIQUIDATOR, w.Liquidate(vault=NAME, slot=0)),
    "default": (over, LENDER, w.Default(vault=NAME, slot=0)),
    "transfer": (funded, BORROWER, w.Transfer(to=STRANGER, cents=5)),
}


def asked(
    name: str, *, change: Callable[[Scene], None] = lambda scene: None, sender: bytes | None = None, **fields: object
) -> Deal:
    """The deal of a valid request with something changed: the scene, the sender or fields. Books it, too."""
    make, party, request = VALID[name]
    scene = make()
    change(scene)
    deal = judge(scene.view, sender or scene.who(party), msgspec.structs.replace(request, **fields))
    scene.book(deal)
    return deal


@pytest.mark.parametrize("name", VALID)
def test_a_valid_request_is_allowed_and_holds_in_ledger_and_money(name: str) -> None:
    deal = asked(name)
    assert deal.events or deal.movements


def test_what_moves_is_what_the_ledger_says() -> None:
    deal = asked("tender")
    (hold,) = deal.movements
    assert (
        isinstance(hold, money.Hold) and hold.cents == deal.cents == -(-100_000 * 1 // 2) and hold.slot == (NAME, LAST)
    )
    (paid,) = asked("liquidate").movements
    assert isinstance(paid, money.Hold) and paid.cents == -(-10_000_000 * LOW * 10_000 // (10_500 * 10**8))
    (repaid,) = asked("repay").movements
    assert repaid == money.Pay(payer=KIT.proposal.parties[BORROWER].identity,
                               to=KIT.proposal.parties[LENDER].identity, cents=400)  # fmt: skip


def test_a_loan_that_is_taken_is_open_before_its_vault_is_mined() -> None:
    scene = locked()
    scene.to(TIP + 1)
    deal = judge(scene.view, scene.who(BORROWER), VALID["take"][2])
    scene.book(deal)
    assert [type(event).__name__ for event in deal.events] == ["Accrue", "Open"]
    position = scene.position
    assert (position.opened, position.principal) == (TIP + 1, 100_000)
    assert (position.maturity, position.last_record) == (PREFUNDED + 20, PREFUNDED + 72), "from PreFund's height"
    assert (position.owner, position.lender) == (scene.who(BORROWER), scene.who(LENDER))
    assert scene.money.account(scene.who(BORROWER)) == 1_100_000
    scene.marked(LOW)
    with pytest.raises(PeerFault, match="Vault is not mined"):
        judge(scene.view, scene.who(LIQUIDATOR), VALID["liquidate"][2])
    scene.born(TIP + 2)
    scene.to(TIP + 3)
    assert judge(scene.view, scene.who(LIQUIDATOR), VALID["liquidate"][2]).cents > 0, "it fell, and is liquidated"


def test_a_lock_that_nobody_took_goes_back_from_its_height_on() -> None:
    scene = locked()
    refund = w.RefundLoan(vault=NAME)
    scene.to(LOCK.expires - 1)
    with pytest.raises(PeerFault, match="height 102 or later"):
        judge(scene.view, scene.who(LENDER), refund)
    scene.to(LOCK.expires)
    with pytest.raises(PeerFault, match="a height below 102"):
        judge(scene.view, scene.who(BORROWER), VALID["take"][2])
    with pytest.raises(PeerFault, match="the lender"):
        judge(scene.view, scene.who(BORROWER), refund)
    scene.book(judge(scene.view, scene.who(LENDER), refund))
    assert scene.money.account(scene.who(LENDER)) == 1_000_000
    with pytest.raises(PeerFault, match="refunded"):
        judge(scene.view, scene.who(LENDER), refund)


@dataclass(frozen=True, kw_only=True)
class No:
    """A valid request with one thing changed, and what the refusal says."""

    of: str
    says: str
    change: Callable[[Scene], None] = lambda scene: None
    sender: bytes | None = None
    fields: dict[str, object] | None = None


def spent(slot: int, height: int = TIP) -> Callable[[Scene], None]:
    return lambda scene: scene.spend(scene.deposit.slots[slot], b"\x55" * 32, height, ELSEWHERE)


def claim(party: int, slot: int, height: int = TIP) -> Callable[[Scene], None]:
    return lambda scene: scene.claimed(party, slot, height)


def poor(party: int) -> Callable[[Scene], None]:
    def change(scene: Scene) -> None:
        cents = scene.money.account(scene.who(party))
        scene.move(money.Pay(payer=scene.who(party), to=STRANGER, cents=cents))

    return change


def without(*outpoints: str) -> Callable[[Scene], None]:
    """As if blocks had not spent these."""

    def change(scene: Scene) -> None:
        for name in outpoints:
            for outpoint in getattr(scene.deposit, name):
                scene.spends._seen.pop(outpoint, None)

    return change


def me(party: int) -> bytes:
    return KIT.proposal.parties[party].identity


REFUSED = (
    No(of="lock", says="the lender", sender=me(BORROWER)),
    No(of="lock", says="registered", fields={"vault": STRANGER}),
    No(of="lock", says="PreFund: expected 2 confirmations, came not mined", change=without("inputs")),
    No(of="lock", says="came 1 confirmations", change=lambda s: s.prefunded(TIP)),
    No(of="lock", says="a height above 100", fields={"expires": TIP}),
    No(of="lock", says="at most 103", fields={"expires": 90 + WAITS + 1}),
    No(of="lock", says="open.ltv", change=lambda s: s.marked(900_000)),
    No(of="lock", says="loan lock", change=lambda s: s.book(judge(s.view, me(LENDER), LOCK))),
    No(of="lock", says="at least 100000 cents", change=poor(LENDER)),
    No(of="take", says="the borrower", sender=me(LENDER)),
    No(of="take", says="preimage", fields={"preimage": KIT.r(0)}),
    No(of="take", says="a height below 102", change=lambda s: s.to(102)),
    No(of="take", says="open.ltv", change=lambda s: s.marked(900_000)),
    No(of="take", says="came 1 confirmations", change=lambda s: s.prefunded(TIP)),
    No(
        of="take",
        says="unspent, or spent by Vault",
        change=lambda s: s.spend(s.deposit.prefunds[LAST], b"\x55" * 32, TIP, ELSEWHERE),
    ),
    No(of="take", says="taken", change=lambda s: s.book(judge(s.view, me(BORROWER), VALID["take"][2]))),
    No(of="tender", says="the borrower", sender=me(LENDER)),
    No(of="tender", says="registered", fields={"vault": STRANGER}),
    No(of="tender", says="tender.slot", fields={"slot": 0}),
    No(of="tender", says="one of the 2 that vaults have", fields={"slot": 2}),
    No(of="tender", says="unspent, came spent at height 100", change=spent(LAST)),
    No(of="tender", says="Vault is not mined", change=without("prefunds")),
    No(of="tender", says="2 confirmations of Vault, came 1", change=lambda s: s.born(TIP)),
    No(of="tender", says="open claim of another party", change=claim(LENDER, LAST)),
    No(of="tender", says="tender.time", change=lambda s: s.to(PREFUNDED + 31)),
    No(of="tender", says="at least 50000 cents", change=poor(BORROWER)),
    No(of="show_r", says="the borrower or the lender", sender=me(LIQUIDATOR)),
    No(of="show_r", says="preimage", fields={"preimage": KIT.r(0)}),
    No(of="show_r", says="one of slot 0, came slot 1", fields={"slot": 0}),
    No(of="repay", says="the borrower", sender=me(LENDER)),
    No(of="repay", says="repay.cents", fields={"cents": 100_001}),
    No(of="repay", says="at least 400 cents", change=poor(BORROWER)),
    No(of="liquidate", says="one for liquidate", sender=me(CHALLENGER)),
    No(of="liquidate", says="one for liquidate", sender=me(LENDER)),
    No(of="liquidate", says="liquidate.slot", fields={"slot": 1}),
    No(of="liquidate", says="liquidate.health", change=lambda s: s.marked(6_000_000)),
    No(of="liquidate", says="spent at height 100", change=spent(0)),
    No(of="liquidate", says="no open claim of another party", change=claim(BORROWER, 0)),
    No(of="liquidate", says="no open claim of another party", change=claim(LIQUIDATOR + 1, 0)),
    No(of="liquidate", says="liquidate.last_record", change=lambda s: s.to(PREFUNDED + 73)),
    No(of="liquidate", says="cents", change=poor(LIQUIDATOR)),
    No(of="default", says="the lender", sender=me(BORROWER)),
    No(of="default", says="default.maturity", change=lambda s: s.to(PREFUNDED + 30)),
    No(of="default", says="default.slot", fields={"slot": 1}),
    No(of="default", says="spent", change=spent(0)),
    No(of="default", says="no open claim of another party", change=claim(BORROWER, 0)),
    No(of="default", says="default.last_record", change=lambda s: s.to(PREFUNDED + 73)),
    No(of="default", says="cents", change=poor(LENDER)),
    No(of="transfer", says="at least 5 cents", sender=STRANGER),
)


@pytest.mark.parametrize("no", REFUSED, ids=lambda no: f"{no.of}: {no.says}")
def test_one_thing_changed_is_refused(no: No) -> None:
    with pytest.raises(PeerFault) as fault:
        asked(no.of, change=no.change, sender=no.sender, **(no.fields or {}))
    assert no.says in str(fault.value)


def test_the_own_claim_and_one_that_is_over_are_no_obstacle() -> None:
    asked("liquidate", change=claim(LIQUIDATOR, 0))

    def lost(scene: Scene) -> None:
        scene.claimed(BORROWER, 0, TIP - 1)
        scene.spend(scene.graph(BORROWER, 0).payout, b"\x66" * 32, TIP)

    asked("liquidate", change=lost)

    def double_spent(scene: Scene) -> None:
        scene.spend(scene.graph(BORROWER, 0).bond, b"\x66" * 32, TIP)

    asked("liquidate", change=double_spent)


def test_every_deal_brings_the_ledger_to_the_tip_first() -> None:
    scene = opened()
    scene.to(TIP + 3)
    deal = judge(scene.view, scene.who(BORROWER), VALID["tender"][2])
    after = applied(scene.ledger, deal.events)
    assert after.totals.height == TIP + 3
    settled = settlement(deal.cents, deal.cents, 1)
    assert settled.lender == deal.cents > 50_000, "three blocks of interest"
