"""What the keeper posts by itself, and what attestors say to the same events posted otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.faults import PeerFault
from node.ledger.world import Keeping
from node.lending import money
from node.lending import words as w
from node.lending.checks import coin_doubts, needed
from node.lending.counter import Deal, View, applied, judge, opening, worth_marking
from node.lending.desk import owed_to_slots
from node.lending.keeping import due
from node.lending.readings import reading
from node.prices import Quote
from tests.unit.node.lending.scene import ELSEWHERE, LIQUIDATOR, LOW, PREFUNDED, PRICE, TIME, TIP, Scene, funded, opened
from tests.vault_kit import BORROWER, LENDER
from vault.ledger.events import Accrue, Close, Event, Liquidate, MarkPrice, Open, Repay, Tender, Withdraw

KEEPING = Keeping(automatic="on", accrue_blocks=6, mark_seconds=100)
LAST = 1


def quote(price: int = PRICE, time: int = TIME) -> Quote:
    return Quote(price=price, time=time, sources=(), dropped=())


def told(scene: Scene, said: Quote | None) -> View:
    """What the keeper looks at when its sources say so."""
    return replace(scene.view, mark=worth_marking(scene.ledger.totals, said, KEEPING.mark_seconds))


def deals(scene: Scene, said: Quote | None = None, *, rests: bool = True) -> list[Deal]:
    return list(due(told(scene, said), KEEPING, rests=rests))


def kinds(scene: Scene, said: Quote | None = None, *, rests: bool = True) -> list[list[str]]:
    return [[type(event).__name__ for event in deal.events] for deal in deals(scene, said, rests=rests)]


def keep(scene: Scene, said: Quote | None = None) -> list[Event]:
    """Book what is due until nothing is."""
    booked: list[Event] = []
    while found := deals(scene, said):
        scene.book(found[0])
        booked += found[0].events
    return booked


def liquidated() -> Scene:
    scene = opened()
    scene.marked(LOW)
    scene.book(judge(scene.view, scene.who(LIQUIDATOR), w.Liquidate(vault=scene.name, slot=0)))
    return scene


def locked() -> Scene:
    scene = funded()
    scene.book(judge(scene.view, scene.who(LENDER), w.LockLoan(vault=scene.name, expires=TIP + 2)))
    return scene


def tendered() -> Scene:
    scene = opened()
    scene.book(judge(scene.view, scene.who(BORROWER), w.Tender(vault=scene.name, slot=LAST)))
    return scene


def repaid() -> Scene:
    scene = tendered()
    scene.book(judge(scene.view, scene.who(LENDER), w.ShowR(vault=scene.name, slot=LAST, preimage=scene.kit.r(LAST))))
    return scene


def goes(scene: Scene, slot: int, outputs: tuple[tuple[int, bytes], ...], height: int) -> None:
    scene.spend(scene.deposit.slots[slot], b"\x55" * 32, height, outputs)


# ---- when something is due -----------------------------------------------------------------------------------------------
def test_nothing_is_due_while_nothing_happens() -> None:
    assert deals(opened(), quote()) == []


def test_interest_runs_on_every_so_many_blocks() -> None:
    scene = opened()
    scene.to(TIP + 5)
    assert kinds(scene) == []
    scene.to(TIP + 6)
    assert kinds(scene) == [["Accrue"]]


@pytest.mark.parametrize(
    ("said", "marks"),
    [
        (None, False),
        (quote(PRICE, TIME), False),
        (quote(PRICE * 1005 // 1000, TIME), False),  # 50 bp
        (quote(PRICE * 1005 // 1000 + 1, TIME), True),
        (quote(PRICE * 995 // 1000 - 1, TIME), True),
        (quote(PRICE + 1, TIME + 60), False),
        (quote(PRICE, TIME + 100), False),
        (quote(PRICE * 2, TIME - 1), False),  # older than the ledger's
    ],
)
def test_a_price_is_posted_for_its_own_sake_when_it_moved_and_the_ledger_rests(said: Quote | None, marks: bool) -> None:
    assert kinds(opened(), said) == ([["MarkPrice"]] if marks else [])
    assert kinds(opened(), said, rests=False) == []


PRICED = {
    "said nothing": (None, False),
    "the same": (quote(PRICE, TIME), False),
    "50 bp": (quote(PRICE * 1005 // 1000, TIME), False),
    "more": (quote(PRICE * 1005 // 1000 + 1, TIME), True),
    "a cent, 59 s later": (quote(PRICE + 1, TIME + 59), False),
    "a cent, 60 s later": (quote(PRICE + 1, TIME + 60), True),
    "the same, 99 s later": (quote(PRICE, TIME + 99), False),
    "the same, 100 s later": (quote(PRICE, TIME + 100), True),
    "another, a second earlier": (quote(PRICE * 2, TIME - 1), False),
    "too far ahead for the rules": (quote(PRICE * 2, TIME + 7_201), False),
}


@pytest.mark.parametrize("name", PRICED)
def test_whatever_depends_on_a_price_brings_the_one_of_now(name: str) -> None:
    """Interest that runs on takes it along; a loan is opened by it; repayment needs none."""
    said, marks = PRICED[name]
    also = ["MarkPrice"] if marks else []
    scene = opened()
    scene.to(TIP + 6)
    assert ["Accrue", *also] in kinds(scene, said)
    assert kinds(scene, said, rests=False) == []
    repaid = judge(told(scene, said), scene.who(BORROWER), w.Repay(vault=scene.name, cents=5))
    assert [type(event).__name__ for event in repaid.events] == ["Accrue", "Repay"]
    scene = locked()
    taken = judge(told(scene, said), scene.who(BORROWER), w.TakeLoan(vault=scene.name, preimage=scene.kit.a))
    assert [type(event).__name__ for event in taken.events] == [*also, "Open"]


def test_a_coin_is_paid_for_at_the_price_of_now() -> None:
    """The ledger's price is healthy, the one of now is not, and the other way round."""
    scene, ask = opened(), w.Liquidate
    low, fine = quote(LOW, TIME + 1), quote(PRICE, TIME + 2)
    paid = judge(told(scene, low), scene.who(LIQUIDATOR), ask(vault=scene.name, slot=0))
    assert [type(event).__name__ for event in paid.events] == ["MarkPrice", "Liquidate"]
    assert paid.cents == PAID
    scene.marked(LOW)
    with pytest.raises(PeerFault, match=r"liquidate\.health"):
        judge(told(scene, fine), scene.who(LIQUIDATOR), ask(vault=scene.name, slot=0))


def test_the_keeper_opens_no_loan_by_itself() -> None:
    scene = funded()
    cents = scene.loan.opener.loan.cents
    scene.move(money.Lock(vault=scene.name, lender=scene.who(LENDER), cents=cents, expires=TIP + 9))
    scene.born()
    scene.to(TIP + 1)
    assert kinds(scene) == [], "it is opened by whoever takes it"


def test_a_tender_whose_window_passed_is_a_withdrawal() -> None:
    scene = tendered()
    window = scene.ledger.rules.tender_window
    scene.to(TIP + window - 1)
    assert kinds(scene) == [["Accrue"]]
    scene.to(TIP + window)
    assert kinds(scene) == [["Accrue"], ["Accrue", "Withdraw"]]


@dataclass(frozen=True)
class Ending:
    """A record, what its coin's spend pays, and how it is closed: 1 to the lender, 3 back to the payer."""

    make: Callable[[], Scene]
    slot: int
    pays: Callable[[Scene], tuple[tuple[int, bytes], ...]]
    how: int
    paid: int


PAID = -(-10_000_000 * LOW * 10_000 // (10_500 * 10**8))


def less(pays: tuple[tuple[int, bytes], ...]) -> tuple[tuple[int, bytes], ...]:
    return tuple((value - 1, script) for value, script in pays)


ENDINGS = {
    "liquidator took it": Ending(liquidated, 0, lambda s: s.graph(LIQUIDATOR, 0).pays, 1, PAID),
    "borrower took it": Ending(liquidated, 0, lambda s: s.deposit.home[0][:1], 3, PAID),
    "another liquidator's payout": Ending(liquidated, 0, lambda s: s.graph(LIQUIDATOR + 1, 0).pays, 3, PAID),
    "one sat less": Ending(liquidated, 0, lambda s: less(s.graph(LIQUIDATOR, 0).pays), 3, PAID),
    "repaid and swept": Ending(repaid, LAST, lambda s: s.deposit.home[LAST][:1], 1, 50_000),
    "repaid, dead man": Ending(repaid, LAST, lambda s: s.deposit.home[LAST][1:], 1, 50_000),
    "repaid, claimed": Ending(repaid, LAST, lambda s: s.graph(BORROWER, LAST).pays, 1, 50_000),
    "repaid, the lender took it": Ending(repaid, LAST, lambda s: s.graph(LENDER, LAST).pays, 3, 50_000),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_money_follows_the_coin(name: str) -> None:
    ending = ENDINGS[name]
    scene = ending.make()
    before = dict(scene.money.accounts)
    payer = scene.position.records[ending.slot].claimant  # type: ignore[union-attr]
    goes(scene, ending.slot, ending.pays(scene), TIP + 1)
    scene.to(TIP + 1)
    assert not [event for event in keep(scene) if isinstance(event, Close)], "not buried"
    scene.to(TIP + 2)
    (close,) = [event for event in keep(scene) if isinstance(event, Close)]
    assert (close.slot, close.how) == (ending.slot, ending.how)
    taker = scene.who(LENDER) if ending.how == 1 else payer
    assert scene.money.accounts == {**before, taker: before.get(taker, 0) + ending.paid}
    assert scene.money.held == scene.ledger.totals.cash == 0


def test_a_payer_that_lets_its_window_pass_has_paid() -> None:
    scene = liquidated()
    window = scene.ledger.rules.settle_window
    scene.to(TIP + window - 1)
    assert not [event for event in keep(scene) if isinstance(event, Close)]
    scene.to(TIP + window)
    (close,) = [event for event in keep(scene) if isinstance(event, Close)]
    assert close.how == 2 and scene.money.account(scene.who(LENDER)) == 900_000 + PAID


def test_a_surplus_is_the_borrower_s() -> None:
    scene = opened()
    scene.book(judge(scene.view, scene.who(BORROWER), w.Repay(vault=scene.name, cents=90_000)))
    scene.to(PREFUNDED + 31)
    scene.book(judge(scene.view, scene.who(LENDER), w.Default(vault=scene.name, slot=0)))
    record = scene.position.records[0]
    assert record is not None and record.surplus == record.paid - record.debt > 0
    before = scene.money.account(scene.who(BORROWER))
    goes(scene, 0, scene.graph(LENDER, 0).pays, PREFUNDED + 32)
    scene.to(PREFUNDED + 33)
    keep(scene)
    assert scene.money.account(scene.who(BORROWER)) == before + record.surplus


# ---- attestors -----------------------------------------------------------------------------------------------------------
def doubts(scene: Scene, *events: Event, tip: int | None = None) -> list[str]:
    return coin_doubts(scene.ledger, events, scene.registry, scene.height if tip is None else tip)


def honest(
    make: Callable[[], Scene], party: int, request: Callable[[Scene], w.Request]
) -> tuple[Scene, tuple[Event, ...]]:
    scene = make()
    return scene, judge(scene.view, scene.who(party), request(scene)).events


STORIES: dict[str, Callable[[], tuple[Scene, tuple[Event, ...]]]] = {
    "tender": lambda: honest(opened, BORROWER, lambda s: w.Tender(vault=s.name, slot=LAST)),
    "take": lambda: honest(locked, BORROWER, lambda s: w.TakeLoan(vault=s.name, preimage=s.kit.a)),
    "repay": lambda: honest(opened, BORROWER, lambda s: w.Repay(vault=s.name, cents=5)),
    "withdraw": lambda: honest(tendered, LENDER, lambda s: w.ShowR(vault=s.name, slot=LAST, preimage=s.kit.r(LAST))),
}


@pytest.mark.parametrize("name", STORIES)
def test_what_the_desk_posts_is_borne_out_by_the_coins(name: str) -> None:
    scene, events = STORIES[name]()
    assert doubts(scene, *events) == []


def test_a_payment_for_a_coin_that_is_not_buried_is_doubted() -> None:
    scene = opened()
    scene.marked(LOW)
    events = liquidation(scene)
    scene.born(TIP)
    (reason,) = doubts(scene, *events)
    assert "expected 2 confirmations of Vault, came 1" in reason


def test_what_happens_to_a_coin_after_an_event_is_nobody_s_fault() -> None:
    scene, events = STORIES["tender"]()
    scene.claimed(LENDER, LAST, TIP + 1)
    goes(scene, LAST, scene.deposit.home[LAST][:1], TIP + 2)
    assert doubts(scene, *events, tip=TIP + 5) == []


def test_an_opening_that_is_not_what_terms_and_chain_say_is_doubted_field_by_field() -> None:
    scene = funded()
    right = opening(scene.loan, PREFUNDED)
    assert doubts(scene, right) == []
    wrong: dict[str, object] = {
        "owner": b"\x11" * 32, "lender": b"\x11" * 32, "sats": (10_000_000,), "cents": 99_999, "maturity": PREFUNDED + 21,
        "last_record": PREFUNDED + 73,
    }  # fmt: skip
    for field, value in wrong.items():
        (reason,) = doubts(scene, msgspec.structs.replace(right, **{field: value}))
        assert f"{field}: expected" in reason and ", came" in reason


def test_an_opening_without_its_coin_is_doubted() -> None:
    scene = funded()
    event = opening(scene.loan, PREFUNDED)
    assert doubts(scene, event) == [], "Vault may come later"
    scene.spend(scene.deposit.prefunds[LAST], b"\x55" * 32, TIP, ELSEWHERE)
    (reason,) = doubts(scene, event)
    assert "expected unspent or spent by Vault, came spent by" in reason
    scene.spend(scene.deposit.prefunds[LAST], b"\x55" * 32, TIP + 1, ELSEWHERE)
    assert doubts(scene, event, tip=TIP + 1) == [], "later than the event"
    scene = Scene()
    assert "on our chain, came none" in doubts(scene, event)[0]
    scene.prefunded(TIP)
    assert "expected 2 confirmations of PreFund" in doubts(scene, opening(scene.loan, TIP))[0]
    stranger = msgspec.structs.replace(event, vault=b"\x42" * 32)
    assert doubts(scene, stranger) == [
        f"open of vault {'42' * 8}: expected Terms of this vault, came none from anybody"
    ]


def liquidation(scene: Scene) -> tuple[Event, ...]:
    return judge(scene.view, scene.who(LIQUIDATOR), w.Liquidate(vault=scene.name, slot=0)).events


def test_a_liquidation_while_another_claim_is_open_or_of_a_spent_coin_is_doubted() -> None:
    scene = opened()
    scene.marked(LOW)
    events = liquidation(scene)
    assert doubts(scene, *events) == []
    scene.claimed(BORROWER, 0, TIP)
    (reason,) = doubts(scene, *events)
    assert "no open claim of another party" in reason and scene.who(BORROWER).hex()[:16] in reason
    goes(scene, 0, ELSEWHERE, TIP)
    (reason,) = doubts(scene, *events)
    assert "expected unspent, came spent at height 100" in reason


def test_a_record_for_another_template_or_payer_is_doubted() -> None:
    scene = opened()
    scene.marked(LOW)
    (*before, event) = liquidation(scene)
    assert isinstance(event, Liquidate)
    other = msgspec.structs.replace(event, template=scene.graph(LIQUIDATOR, 1).template)
    assert "template: expected" in doubts(scene, *before, other)[0]
    other = msgspec.structs.replace(event, payer=b"\x11" * 32)
    assert "graph for liquidate" in doubts(scene, *before, other)[0]
    scene = tendered()
    position = scene.position
    record = Withdraw(
        vault=scene.name, nonce=position.nonce, slot=LAST, how=1, template=scene.graph(LENDER, LAST).template
    )
    assert "template: expected" in doubts(scene, record)[0]


@pytest.mark.parametrize("name", ENDINGS)
@pytest.mark.parametrize("how", [1, 2, 3])
def test_a_close_must_be_what_the_coin_says(name: str, how: int) -> None:
    ending = ENDINGS[name]
    scene = ending.make()
    goes(scene, ending.slot, ending.pays(scene), TIP + 1)
    scene.to(TIP + scene.ledger.rules.settle_window)
    scene.post(*scene.view.accrual)
    close = Close(vault=scene.name, nonce=scene.position.nonce, slot=ending.slot, how=how)
    found = doubts(scene, close)
    paid_out = how == ending.how or (how == 2 and ending.how == 1)  # both pay lender and borrower
    assert (found == []) is paid_out, found
    if how in (1, 3):
        assert doubts(scene, close, tip=TIP + 1), "not buried yet on our chain"


def test_which_terms_a_batch_needs() -> None:
    events: list[Event] = [
        Accrue(height=1, time=1), MarkPrice(price=1, price_time=1),
        Open(vault=b"a" * 32, owner=b"", lender=b"", sats=(5, 5, 0), cents=1, maturity=1, last_record=1, version=1),
        Repay(vault=b"b" * 32, nonce=1, cents=1),
        Tender(vault=b"a" * 32, nonce=1, slot=2, cents=1),
    ]  # fmt: skip
    assert needed(events) == {b"a" * 32: 3, b"b" * 32: 1}


# ---- everything together, drawn ---------------------------------------------------------------------------------------
STEP = st.one_of(
    st.tuples(st.just("blocks"), st.integers(1, 40)),
    st.tuples(st.just("price"), st.sampled_from([LOW, PRICE, 490_000])),
    st.tuples(st.just("quote"), st.sampled_from([LOW, LOW - 1, PRICE, PRICE + 1, 490_000]), st.integers(-1, 120)),
    st.tuples(st.just("spend"), st.integers(0, 1), st.sampled_from(["home", "liquidator", "lender", "borrower", "elsewhere"])),
    st.tuples(st.just("claim"), st.integers(0, 1), st.sampled_from([BORROWER, LENDER, LIQUIDATOR])),
    st.tuples(st.just("ask"), st.sampled_from(["tender", "show", "repay", "liquidate", "default"]), st.integers(0, 1)),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, max_size=25))
def test_escrow_is_always_the_cash_and_no_cent_is_lost(steps: list[tuple[object, ...]]) -> None:
    scene, said = opened(), quote()
    minted = scene.money.minted
    for step in steps:
        match step:
            case ("quote", int(price), int(later)):
                said = quote(price, scene.ledger.totals.price_time + later)
            case ("blocks", int(count)):
                scene.to(scene.height + count)
            case ("price", int(price)):
                scene.marked(price)
            case ("spend", int(slot), str(way)):
                if scene.spends.spend(scene.deposit.slots[slot]) is None:
                    scene.to(scene.height + 1)
                    goes(scene, slot, _outputs(scene, slot, way), scene.height)
            case ("claim", int(slot), int(party)):
                if scene.spends.spend(scene.graph(party, slot).bond) is None:
                    scene.claimed(party, slot, scene.height)
            case ("ask", str(kind), int(slot)):
                _ask(scene, kind, slot, said)
        before, events = scene.ledger, keep(scene, said)
        assert coin_doubts(before, events, scene.registry, scene.height) == [], "the keeper's own events are borne out"
        money.check(scene.money)
        held = {slot: each.cents for (_, slot), each in scene.money.escrow.items()}
        assert held == owed_to_slots(scene.position)
        assert scene.money.held == scene.ledger.totals.cash and scene.money.minted == minted


def _outputs(scene: Scene, slot: int, way: str) -> tuple[tuple[int, bytes], ...]:
    match way:
        case "home":
            return scene.deposit.home[slot][:1]
        case "elsewhere":
            return ELSEWHERE
        case _:
            party = {"liquidator": LIQUIDATOR, "lender": LENDER, "borrower": BORROWER}[way]
            return scene.graph(party, slot).pays


def _ask(scene: Scene, kind: str, slot: int, said: Quote) -> None:
    """What the keeper said before it was asked is what it does."""
    name, view = scene.name, told(scene, said)
    asked: dict[str, tuple[int, w.Request]] = {
        "tender": (BORROWER, w.Tender(vault=name, slot=slot)),
        "show": (LENDER, w.ShowR(vault=name, slot=slot, preimage=scene.kit.r(slot))),
        "repay": (BORROWER, w.Repay(vault=name, cents=1_000)),
        "liquidate": (LIQUIDATOR, w.Liquidate(vault=name, slot=slot)),
        "default": (LENDER, w.Default(vault=name, slot=slot)),
    }
    party, request = asked[kind]
    before, sender = scene.ledger, scene.who(party)
    read = reading(view, sender, name, final_seq=0)
    refused = {(each.kind, each.slot) for each in read.refusals}
    try:
        deal = judge(view, sender, request)
        applied(before, deal.events)
        scene.book(deal)
    except PeerFault:
        assert scene.ledger is before
        return
    assert (kind, slot) not in refused
    if kind in ("liquidate", "default"):
        assert deal.cents == read.slots[slot].costs
    if kind == "liquidate":
        assert read.liquidatable == (slot,)
    assert coin_doubts(before, deal.events, scene.registry, scene.height) == []
