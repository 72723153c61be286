"""The demo's own account of a loan: by hand on round numbers, and against the ledger of the product on drawn ones."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from node.demo.loan_rules import Happened, Numbers, owed, settled, unhealthy
from vault.ledger.events import Accrue, AddCollateral, Close, Event, Liquidate, MarkPrice, Open, Tender, Withdraw
from vault.ledger.money import below_target, settlement
from vault.ledger.money import unhealthy as ruled_unhealthy
from vault.ledger.rules import DEFAULT, SCALE
from vault.ledger.state import Ledger, apply, begin

VAULT, OWNER, LENDER, PAYER, TEMPLATE = (bytes([n]) * 32 for n in range(1, 6))
SLOT, GENESIS = 1_000_000, 100


def test_by_hand_without_interest() -> None:
    """Four slots, one more, two liquidated at 26,250 $ (250 $ each), three repaid: 1,180 - 500 = 680 $ in thirds."""
    story = [
        Happened("open", 110, sats=(SLOT,) * 4),
        Happened("top_up", 120, sats=(SLOT,)),
        Happened("liquidate", 130, party="q1", price=2_625_000),
        Happened("liquidate", 130, party="q2", price=2_625_000),
        *(Happened("tender", 140 + i) for i in range(3)),
    ]
    minted = {"borrower": 1_000, "lender": 200_000, "q1": 30_000, "q2": 30_000}
    books = settled(minted, Numbers(Fraction(0), Fraction(5, 100), 118_000), GENESIS, story)
    assert books.accounts == {"borrower": 51_000, "lender": 200_000, "q1": 5_000, "q2": 5_000}
    assert (books.principal, books.slots) == (0, [])


def test_by_hand_interest_and_a_surplus() -> None:
    """1,000 $, 1 % of the first index a block: 1.1 after ten blocks, 1.2 after twenty. The slot is worth 2,100 $: 2,000 paid."""
    numbers = Numbers(Fraction(1, 100), Fraction(5, 100), 100_000)
    story = [Happened("open", 110, sats=(SLOT,)), Happened("liquidate", 120, party="q", price=21_000_000)]
    books = settled({"q": 200_000}, numbers, GENESIS, story)
    assert books.accounts == {"lender": -100_000 + 109_091, "borrower": 100_000 + 90_909, "q": 0}
    books = settled({}, numbers, GENESIS, story[:1])
    assert [owed(books, numbers, GENESIS, height) for height in (110, 111, 120)] == [100_000, 100_910, 109_091]


def test_equality_is_healthy() -> None:
    threshold = Fraction(83, 100)
    assert not unhealthy(10**8, 10_000, 8_300, threshold)
    assert unhealthy(10**8, 10_000, 8_301, threshold)
    assert unhealthy(10**8 - 1, 10_000, 8_300, threshold)


@given(
    rate=st.integers(0, SCALE // 1000),
    blocks=st.lists(st.integers(1, 200), min_size=12, max_size=12),
    sats=st.lists(st.integers(10_000, 10**9), min_size=1, max_size=4),
    more=st.integers(10_000, 10**9),
    cents=st.integers(1, 10**12),
    fallen=st.integers(1, 99),
)
def test_it_agrees_with_the_ledger(
    rate: int, blocks: list[int], sats: list[int], more: int, cents: int, fallen: int
) -> None:
    """A loan at its limit, a top-up, a fall of the price, liquidations until the target, tenders of the rest."""
    rules = replace(DEFAULT, rate=rate)
    ledger = begin(bytes(32), bytes(32), rules, height=GENESIS, time=0)
    price = -(-2 * cents * 10**8 // sum(sats))
    if price >= 1 << 40:
        return
    heights, height = iter(blocks), GENESIS
    held: Counter[str] = Counter()
    story: list[Happened] = []

    def post(*events: Event) -> Ledger:
        nonlocal height
        height += next(heights)
        now = apply(ledger, Accrue(height=height, time=0))
        for event in events:
            now = apply(now, event)
        return now

    def nonce(now: Ledger) -> int:
        found = now.position(VAULT)
        assert found is not None
        return found.nonce

    opening = Open(vault=VAULT, owner=OWNER, lender=LENDER, sats=tuple(sats), cents=cents, maturity=10**6,
                   last_record=10**6, version=1)  # fmt: skip
    ledger = post(MarkPrice(price=price, price_time=0), opening)
    story.append(Happened("open", height, sats=tuple(sats)))
    ledger = post(AddCollateral(vault=VAULT, nonce=nonce(ledger), slot=len(sats), sats=more))
    story.append(Happened("top_up", height, sats=(more,)))
    price = max(1, price * fallen // 100)
    ledger = post(MarkPrice(price=price, price_time=0))
    slots = [*sats, more]
    while slots:
        position = ledger.position(VAULT)
        assert position is not None
        debt, collateral = ledger.debt(position), sum(slots)
        begun = len(slots) < len(sats) + 1
        if debt == 0 or not (
            ruled_unhealthy(rules, collateral, price, debt) or (begun and below_target(rules, collateral, price, debt))
        ):
            break
        assert begun or unhealthy(collateral, price, debt, Fraction(83, 100))
        slot = len(sats) + 1 - len(slots)
        pay = -(-slots[0] * price * 10_000 // (10_500 * 10**8))
        ledger = apply(ledger, Liquidate(vault=VAULT, nonce=position.nonce, slot=slot, cents=pay, payer=PAYER,
                                         template=TEMPLATE))  # fmt: skip
        story.append(Happened("liquidate", height, party="q", price=price))
        slots.pop(0)
    while slots:
        position = ledger.position(VAULT)
        assert position is not None
        slot = max(s for s in range(len(sats) + 1) if position.open >> s & 1)
        height += next(heights)
        ledger = apply(ledger, Accrue(height=height, time=0))
        debt = ledger.debt(position)
        due = -(-debt * slots[-1] // sum(slots))
        ledger = apply(ledger, Tender(vault=VAULT, nonce=position.nonce, slot=slot, cents=due))
        ledger = apply(ledger, Withdraw(vault=VAULT, nonce=nonce(ledger), slot=slot, how=1, template=TEMPLATE))
        story.append(Happened("tender", height))
        slots.pop()
    position = ledger.position(VAULT)
    assert position is not None
    for slot, record in enumerate(position.records):
        if record is None:
            continue
        ledger = apply(ledger, Close(vault=VAULT, nonce=nonce(ledger), slot=slot, how=1))
        paid = settlement(record.paid, record.debt, 1)
        held["lender"] += paid.lender
        held["borrower"] += paid.borrower
        held["borrower" if record.claimant == OWNER else "q"] -= record.paid
    held["lender"] -= cents
    held["borrower"] += cents
    books = settled({}, Numbers(Fraction(rate, SCALE), Fraction(5, 100), cents), GENESIS, story)
    assert {name: books.accounts[name] for name in ("lender", "borrower", "q")} == {
        name: held[name] for name in ("lender", "borrower", "q")
    }
    assert books.principal == ledger.totals.principal
    assert ledger.totals.cash == 0
