"""The generator of `ledger.json`: every event kind, every rule, each violation a valid case with one thing changed.

A case is {name, witness, verdict}, or {name, of, set, verdict}: the witness of the case `of` with the JSON pointers of
`set` replaced. The verdict is {"root": hex} or {"rule": name}. Three judges answer them: `vault.ledger` while they are
made (`python -m tests.cases.ledger` writes the file, a test regenerates and compares), `tests.models.ledger`, and the
constraints. What is changed is what a cheating prover would change: the event, or the honest state it meets. Cases
whose name begins with "tampered" feed what no ledger holds, so the product has no say in them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from msgspec.structs import replace as changed

from tests.cases.form import compact, put, text
from vault.ledger import commit, money
from vault.ledger.events import (
    Accrue,
    AddCollateral,
    Close,
    Default,
    Event,
    Liquidate,
    MarkPrice,
    Open,
    Repay,
    Tender,
    Withdraw,
)
from vault.ledger.faults import RuleFault
from vault.ledger.rules import DEFAULT
from vault.ledger.state import Ledger, apply, begin
from vault.ledger.witness import transition_head, transition_step, transition_witness

FILE = Path(__file__).with_name("ledger.json")
HEIGHT, TIME, PRICE = 800_000, 1_700_000_000, 6_000_000  # 60,000.00 a BTC


def name(text: str) -> bytes:
    """32 bytes that stand for an id or a key."""
    return hashlib.sha256(text.encode()).digest()


LEDGER, NETWORK = name("ledger"), name("network")
OWNER, LENDER, PAYER, TEMPLATE = name("owner"), name("lender"), name("payer"), name("template")
VAULT, TWIN, OTHER = name("vault 18619"), name("vault 21741"), name("vault 2")  # the first two share a leaf
SATS = (50_000_000, 30_000_000, 20_000_000)
LOAN = 83 * 35_000  # liquidation at 83 %: healthy down to a price of exactly 3,500,000
MATURITY, LAST = HEIGHT + 4_320, HEIGHT + 20_000


# ---- states ----------------------------------------------------------------------------------------------------------
def run(ledger: Ledger, *events: Event) -> Ledger:
    for event in events:
        ledger = apply(ledger, event)
    return ledger


def at(ledger: Ledger, **totals: int) -> Ledger:
    """An honest ledger with other totals: the world went on, no position changed."""
    return replace(ledger, totals=changed(ledger.totals, **totals))


def holding(ledger: Ledger, vault: bytes, **fields: Any) -> Ledger:
    """A ledger whose vault has other numbers, for the ends of the ranges."""
    position = changed(ledger.position(vault), **fields)
    tree = ledger.positions.put(ledger.leaf(vault), commit.position(LEDGER, position), position)
    return replace(ledger, positions=tree, totals=changed(ledger.totals, tree=tree.digest))


def open_(vault: bytes = VAULT, **fields: Any) -> Open:
    base = Open(
        vault=vault,
        owner=OWNER,
        lender=LENDER,
        sats=SATS,
        cents=LOAN,
        maturity=MATURITY,
        last_record=LAST,
        version=1,
    )
    return changed(base, **fields)


def due(ledger: Ledger, slot: int) -> int:
    position = ledger.position(VAULT)
    return money.due(ledger.debt(position), position.sats[slot], position.collateral)


def pay(ledger: Ledger, slot: int) -> int:
    return money.pay(DEFAULT, ledger.position(VAULT).sats[slot], ledger.totals.price)


def nonce(ledger: Ledger) -> int:
    return ledger.position(VAULT).nonce


def tender(ledger: Ledger, slot: int = 2, **fields: Any) -> Tender:
    base = Tender(vault=VAULT, nonce=nonce(ledger), slot=slot, cents=due(ledger, slot))
    return changed(base, **fields)


def repay(ledger: Ledger, cents: int) -> Repay:
    return Repay(vault=VAULT, nonce=nonce(ledger), cents=cents)


def withdraw(ledger: Ledger, **fields: Any) -> Withdraw:
    return changed(Withdraw(vault=VAULT, nonce=nonce(ledger), slot=2, how=1, template=TEMPLATE), **fields)


def liquidate(ledger: Ledger, slot: int = 0, **fields: Any) -> Liquidate:
    cents = pay(ledger, slot)
    base = Liquidate(vault=VAULT, nonce=nonce(ledger), slot=slot, cents=cents, payer=PAYER, template=TEMPLATE)
    return changed(base, **fields)


def default(ledger: Ledger, slot: int = 0, **fields: Any) -> Default:
    base = Default(vault=VAULT, nonce=nonce(ledger), slot=slot, cents=pay(ledger, slot), template=TEMPLATE)
    return changed(base, **fields)


def close(ledger: Ledger, **fields: Any) -> Close:
    return changed(Close(vault=VAULT, nonce=nonce(ledger), slot=0, how=1), **fields)


def priced() -> Ledger:
    ledger = begin(LEDGER, NETWORK, DEFAULT, height=HEIGHT, time=TIME)
    return run(ledger, MarkPrice(price=PRICE, price_time=TIME))


def loan() -> Ledger:
    """Two vaults; no interest yet."""
    return run(priced(), open_(), open_(OTHER, sats=(10_000_000,), cents=100_000))


def later() -> Ledger:
    """The loan a month on, with interest and a price of the day."""
    height, time = HEIGHT + 4_000, TIME + 2_400_000
    return run(loan(), Accrue(height=height, time=time), MarkPrice(price=PRICE, price_time=time))


def fallen() -> Ledger:
    """The loan at the price at which it is just healthy."""
    return at(loan(), price=3_500_000)


def seized() -> Ledger:
    """Slot 0 liquidated one cent of price lower; then repaid so that 2,480,000 is exactly the target."""
    ledger = at(loan(), price=3_499_999)
    ledger = run(ledger, liquidate(ledger))
    owed = ledger.debt(ledger.position(VAULT))
    return at(run(ledger, repay(ledger, owed - 830_000)), price=2_480_000)


def sold_out() -> Ledger:
    """Every slot liquidated at a tenth of the price: debt is left, nothing is open."""
    ledger = at(loan(), price=PRICE // 10)
    for slot in range(len(SATS)):
        ledger = run(ledger, liquidate(ledger, slot))
    return ledger


def overdue() -> Ledger:
    """The first block after maturity and grace."""
    ledger = later()
    height, time = MATURITY + DEFAULT.grace + 1, ledger.totals.time + 280_000
    return run(ledger, Accrue(height=height, time=time), MarkPrice(price=PRICE, price_time=time))


# ---- cases -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Turn:
    """What happens, where, and the rule that forbids it (None: none)."""

    name: str
    ledger: Ledger
    event: Event
    rule: str | None = None
    tampered: dict[str, Any] = field(default_factory=dict)  # pointers into the witness


def but(base: Turn, rule: str | None, what: str, *, totals: dict[str, int] | None = None, **event: Any) -> Turn:
    """The same turn with one thing changed."""
    title = f"{base.name}: {rule or 'valid'}, {what}"
    return Turn(title, at(base.ledger, **(totals or {})), changed(base.event, **event), rule)


def accrue() -> Iterator[Turn]:
    ledger = later()
    t, rate = ledger.totals, DEFAULT.rate
    yield (base := Turn("accrue", ledger, Accrue(height=t.height + 10, time=t.time + 6_000)))
    yield but(base, "accrue.height", "no block later", height=t.height)
    yield but(base, "accrue.height", "one block back", height=t.height - 1)
    yield but(base, None, "one block later", height=t.height + 1)
    yield but(base, None, "time stands", time=t.time)
    yield but(base, "accrue.time", "one second back", time=t.time - 1)
    yield but(base, None, "the largest index", totals={"index": 2**80 - 1 - 10 * rate})
    yield but(base, "accrue.index", "one too large", totals={"index": 2**80 - 10 * rate})
    yield but(base, None, "the last height", height=2**32 - 1)
    yield Turn("tampered accrue: range, height", ledger, base.event, "range", {"/steps/0/event/height": 2**32})
    yield Turn("tampered accrue: range, time", ledger, base.event, "range", {"/steps/0/event/time": 2**32})
    yield but(base, None, "the last seq", totals={"seq": 2**32 - 2})
    yield but(base, "range", "seq", totals={"seq": 2**32 - 1})


def mark_price() -> Iterator[Turn]:
    ledger = later()
    t = ledger.totals
    latest = t.time + DEFAULT.max_price_lead
    yield (base := Turn("mark_price", ledger, MarkPrice(price=PRICE + 1, price_time=t.time + 60)))
    yield but(base, "mark_price.price", "zero", price=0)
    yield but(base, None, "the largest", price=2**40 - 1)
    yield Turn("tampered mark_price: range, price", ledger, base.event, "range", {"/steps/0/event/price": 2**40})
    yield but(base, None, "the same time", price_time=t.price_time)
    yield but(base, "mark_price.order", "one second back", price_time=t.price_time - 1)
    yield but(base, None, "as far ahead as allowed", price_time=latest)
    yield but(base, "mark_price.lead", "one second more", price_time=latest + 1)
    yield but(base, "range", "marks", totals={"marks": 2**32 - 1})


def open_cases() -> Iterator[Turn]:
    ledger = priced()
    t = ledger.totals
    half = sum(SATS) * PRICE // (2 * 10**8)
    yield (base := Turn("open", ledger, open_()))
    yield but(base, None, "half the value", cents=half)
    yield but(base, "open.ltv", "one cent more", cents=half + 1)
    exact = Turn("open: half the value", ledger, open_(cents=half))
    yield but(exact, "open.ltv", "one sat less", sats=(SATS[0], SATS[1], SATS[2] - 1))
    yield but(exact, "open.ltv", "price one cent lower", totals={"price": PRICE - 1})
    yield but(base, "open.sats", "the first slot empty", sats=(0, *SATS))
    yield but(base, "open.sats", "a gap", sats=(*SATS, 0, 1))
    yield but(base, None, "one slot", sats=(10**8,))
    yield but(base, None, "eight slots", sats=(20_000_000,) * 8)
    yield but(base, None, "the largest slot", sats=(2**51 - 1,))
    huge = {"/steps/0/event/sats/0": 2**51}
    yield Turn("tampered open: range, sats", ledger, base.event, "range", huge)
    yield but(base, None, "one cent", cents=1)
    yield but(base, "open.principal", "nothing lent", cents=0)
    rich = Turn("open: rich", at(ledger, price=2**40 - 1), open_(sats=(2**51 - 1,) * 8, cents=2**56 - 1))
    yield rich
    yield Turn("tampered open: range, cents", rich.ledger, rich.event, "range", {"/steps/0/event/cents": 2**56})
    yield but(base, "open.version", "the next", version=2)
    yield but(base, None, "the last fresh second", totals={"time": t.price_time + 3_600})
    yield but(base, "open.fresh", "one second later", totals={"time": t.price_time + 3_601})
    yield but(base, None, "due in the next block", maturity=t.height + 1)
    yield but(base, "open.maturity", "due now", maturity=t.height)
    yield but(base, None, "records until the next block", last_record=t.height + 1)
    yield but(base, "open.last_record", "no block for a record", last_record=t.height)
    yield but(base, "range", "principal of all", totals={"principal": 2**64 - LOAN})
    yield but(base, None, "the largest principal of all", totals={"principal": 2**64 - 1 - LOAN})
    taken = loan()
    yield Turn("open: open.vacant, open already", taken, open_(), "open.vacant")
    yield Turn("open: open.vacant, another vault with this leaf", taken, open_(TWIN), "open.vacant")
    yield Turn("open: beside another vault", taken, open_(name("vault 3")))


def add_collateral() -> Iterator[Turn]:
    ledger = later()
    yield (base := Turn("add_collateral", ledger, AddCollateral(vault=VAULT, nonce=1, slot=3, sats=10_000_000)))
    yield from addressed(base)
    yield but(base, "add_collateral.slot", "a used slot", slot=2)
    yield but(base, "add_collateral.slot", "a slot left out", slot=4)
    yield but(base, "add_collateral.sats", "nothing", sats=0)
    yield but(base, None, "one sat", sats=1)
    yield Turn("tampered add_collateral: range, sats", ledger, base.event, "range", {"/steps/0/event/sats/0": 2**51})
    more = {"/steps/0/event/sats/1": 1}
    yield Turn("tampered add_collateral: two slots at once", ledger, base.event, "add_collateral.sats", more)
    full = run(priced(), open_(sats=(20_000_000,) * 7))
    last = AddCollateral(vault=VAULT, nonce=1, slot=7, sats=1)
    yield Turn("add_collateral: the last slot", full, last)
    full = run(full, last)
    yield Turn("add_collateral: no slot left", full, changed(last, nonce=2, slot=8), "add_collateral.slot")
    empty = sold_out()
    event = changed(base.event, nonce=nonce(empty))
    yield Turn("add_collateral: no slot open", empty, event, "add_collateral.open")
    once = run(ledger, tender(ledger))
    event = changed(base.event, nonce=nonce(once))
    yield Turn("add_collateral: while a tender is pending", once, event)


def tender_cases() -> Iterator[Turn]:
    ledger = later()
    yield (base := Turn("tender", ledger, tender(ledger)))
    yield from addressed(base)
    yield but(base, "tender.cents", "one cent less", cents=base.event.cents - 1)
    yield but(base, "tender.cents", "one cent more", cents=base.event.cents + 1)
    yield but(base, "tender.slot", "a lower slot", slot=1, cents=due(ledger, 1))
    yield but(base, "tender.slot", "a slot never used", slot=3, cents=0)
    yield but(base, "tender.slot", "no slot at all", slot=10)
    last = MATURITY + DEFAULT.grace
    yield but(base, None, "in the last block of grace", totals={"height": last})
    yield but(base, "tender.time", "one block later", totals={"height": last + 1})
    yield but(base, "range", "cash", totals={"cash": 2**64 - base.event.cents})
    once = run(ledger, tender(ledger))
    yield Turn("tender: tender.none, one is pending", once, tender(once, 1), "tender.none")
    free = run(ledger, repay(ledger, ledger.debt(ledger.position(VAULT))))
    yield Turn("tender: nothing is owed", free, tender(free))
    one = run(priced(), open_(sats=(10**8,)))
    yield Turn("tender: the only slot, all of the debt", one, tender(one, 0))


def withdraw_cases() -> Iterator[Turn]:
    ledger = later()
    ledger = run(ledger, tender(ledger))
    over = ledger.totals.height + DEFAULT.tender_window
    yield (base := Turn("withdraw", ledger, withdraw(ledger)))
    yield from addressed(base)
    yield but(base, "withdraw.slot", "another slot", slot=1)
    yield but(base, "withdraw.slot", "no slot at all", slot=15)
    yield but(base, "withdraw.how", "r not shown", how=0)
    yield but(base, "withdraw.how", "unknown", how=3)
    waited = Turn("withdraw: after the window", at(ledger, height=over), changed(base.event, how=2))
    yield waited
    yield but(waited, "withdraw.how", "one block before", totals={"height": over - 1})
    bare = later()
    yield Turn("withdraw: nothing was tendered", bare, withdraw(bare), "withdraw.slot")


def repay_cases() -> Iterator[Turn]:
    ledger = later()
    owed = ledger.debt(ledger.position(VAULT))
    yield (base := Turn("repay", ledger, repay(ledger, 500_000)))
    yield from addressed(base)
    yield but(base, "repay.cents", "nothing", cents=0)
    yield but(base, None, "one cent", cents=1)
    yield but(base, None, "all of it", cents=owed)
    yield but(base, "repay.cents", "one cent more", cents=owed + 1)
    empty = sold_out()
    yield Turn("repay: no slot open", empty, repay(empty, 1), "repay.open")
    grown = at(holding(loan(), VAULT, principal=2**55 - 1), index=2 * 10**18 + 27, principal=2**55)
    yield (largest := Turn("repay: the largest debt", grown, repay(grown, 1)))  # 2^56 - 1
    yield but(largest, "range", "debt", totals={"index": 2 * 10**18 + 28})


def liquidate_cases() -> Iterator[Turn]:
    healthy = fallen()
    ledger = at(healthy, price=3_499_999)
    t = ledger.totals
    yield (base := Turn("liquidate", ledger, liquidate(ledger)))
    yield from addressed(base)
    yield Turn("liquidate: liquidate.health, exactly at the threshold", healthy, liquidate(healthy), "liquidate.health")
    yield but(base, "liquidate.slot", "a higher slot", slot=1, cents=pay(ledger, 1))
    yield but(base, "liquidate.slot", "no slot at all", slot=9)
    yield but(base, "liquidate.cents", "one cent less", cents=base.event.cents - 1)
    yield but(base, "liquidate.cents", "one cent more", cents=base.event.cents + 1)
    yield but(base, None, "the last fresh second", totals={"time": t.price_time + 3_600})
    yield but(base, "liquidate.fresh", "one second later", totals={"time": t.price_time + 3_601})
    yield but(base, None, "in the last block for records", totals={"height": LAST})
    yield but(base, "liquidate.last_record", "one block later", totals={"height": LAST + 1})
    yield but(base, "range", "cash", totals={"cash": 2**64 - base.event.cents})
    once = seized()
    yield Turn("liquidate: liquidate.health, exactly on target", once, liquidate(once, 1), "liquidate.health")
    low = at(once, price=once.totals.price - 1)
    yield (goes_on := Turn("liquidate: goes on", low, liquidate(low, 1)))
    yield but(goes_on, "liquidate.health", "a price later", totals={"marks": low.totals.marks + 1})
    one = at(run(priced(), open_(sats=(10**8,))), price=3_499_999)
    yield Turn("liquidate: with a surplus", one, liquidate(one))
    under = at(one, price=2_000_000)
    yield Turn("liquidate: debt is left", under, liquidate(under))


def default_cases() -> Iterator[Turn]:
    ledger = overdue()
    t = ledger.totals
    yield (base := Turn("default", ledger, default(ledger)))
    yield from addressed(base)
    last = MATURITY + DEFAULT.grace
    yield but(base, "default.maturity", "in the last block of grace", totals={"height": last})
    yield but(base, "default.slot", "a higher slot", slot=1, cents=pay(ledger, 1))
    yield but(base, "default.slot", "no slot at all", slot=8)
    yield but(base, "default.cents", "one cent less", cents=base.event.cents - 1)
    yield but(base, "default.cents", "one cent more", cents=base.event.cents + 1)
    yield but(base, None, "the last fresh second", totals={"time": t.price_time + 3_600})
    yield but(base, "default.fresh", "one second later", totals={"time": t.price_time + 3_601})
    yield but(base, None, "in the last block for records", totals={"height": LAST})
    yield but(base, "default.last_record", "one block later", totals={"height": LAST + 1})
    owed = ledger.debt(ledger.position(VAULT))
    free = run(ledger, repay(ledger, owed))
    yield Turn("default: default.debt, nothing is owed", free, default(free), "default.debt")
    small = run(ledger, repay(ledger, owed - 1))
    yield Turn("default: one cent is owed, the rest is surplus", small, default(small))


def close_cases() -> Iterator[Turn]:
    ledger = at(loan(), price=3_499_999)
    ledger = run(ledger, liquidate(ledger))
    over = ledger.totals.height + DEFAULT.settle_window
    yield (base := Turn("close", ledger, close(ledger)))
    yield from addressed(base)
    yield but(base, None, "another transaction took the coin", how=3)
    yield but(base, "close.how", "zero", how=0)
    yield but(base, "close.how", "unknown", how=4)
    waited = Turn("close: after the window", at(ledger, height=over), changed(base.event, how=2))
    yield waited
    yield but(waited, "close.how", "one block before", totals={"height": over - 1})
    yield but(base, "close.record", "a slot without a record", slot=1)
    yield but(base, "close.record", "no slot at all", slot=8)
    settled = at(run(ledger, close(ledger)), cash=ledger.totals.cash)  # cash enough to pay twice
    yield Turn("close: close.record, settled already", settled, close(settled), "close.record")
    other = {"/steps/0/record/paid": pay(ledger, 0) - 1}
    yield Turn("tampered close: another record", ledger, base.event, "close.record", other)


def addressed(base: Turn) -> Iterator[Turn]:
    """What every event of a position owes to its address."""
    event, ledger = base.event, base.ledger
    yield but(base, "position.nonce", "an old one", nonce=event.nonce - 1)
    yield but(base, "position.nonce", "one ahead", nonce=event.nonce + 1)
    yield but(base, "position.leaf", "another vault with this leaf", vault=TWIN)
    yield Turn(f"{base.name}: position.exists", ledger, changed(event, vault=name("vault 3")), "position.exists")
    worn = holding(ledger, VAULT, nonce=2**32 - 1)
    yield Turn(f"{base.name}: range, nonce", worn, changed(event, nonce=2**32 - 1), "range")
    at_step = f"tampered {base.name}"
    for what, pointer, rule in (
        ("a sibling", "/steps/0/path/0/0", "path"),
        ("another sibling", "/steps/0/path/13/2", "path"),
        ("a record", "/steps/0/records/7", "position.leaf"),
        ("the owner", "/steps/0/position/owner", "position.leaf"),
    ):
        yield Turn(f"{at_step}: {rule}, {what}", ledger, event, rule, {pointer: f"{1:064x}"})
    height = {"/steps/0/position/opened": HEIGHT + 1}
    yield Turn(f"{at_step}: position.leaf, one block", ledger, event, "position.leaf", height)


_NUMBERS = (
    *("slot", "how", "nonce", "height", "time", "price", "price_time"),
    *("cents", "maturity", "last_record", "version"),
)
_IDS = ("vault", "party", "lender", "template")
_USED = {
    "accrue": "height time",
    "mark_price": "price price_time",
    "open": "cents maturity last_record version vault party lender sats",
    "add_collateral": "vault nonce slot sats",
    "tender": "vault nonce slot cents",
    "withdraw": "vault nonce slot how template",
    "repay": "vault nonce cents",
    "liquidate": "vault nonce slot cents party template",
    "default": "vault nonce slot cents template",
    "close": "vault nonce slot how",
}


def unused(base: Turn) -> Iterator[Turn]:
    """Every field that the kind leaves at zero, set; and kinds that do not exist."""
    used = _USED[base.name].split()
    values = {**dict.fromkeys(_NUMBERS, 1), **dict.fromkeys(_IDS, f"{1:064x}"), "sats/0": 1, "sats/7": 1}
    for where, value in values.items():
        if where.split("/")[0] not in used:
            pointers = {f"/steps/0/event/{where}": value}
            yield Turn(f"tampered {base.name}: unused, {where}", base.ledger, base.event, "unused", pointers)


def kinds() -> Iterator[Turn]:
    base = next(accrue())
    for kind in (11, 15):
        pointers = {"/steps/0/event/kind": kind}
        yield Turn(f"tampered accrue: kind {kind}", base.ledger, base.event, "kind", pointers)


ALL = (
    accrue,
    mark_price,
    open_cases,
    add_collateral,
    tender_cases,
    withdraw_cases,
    repay_cases,
    liquidate_cases,
    default_cases,
    close_cases,
)


def turns() -> Iterator[Turn]:
    """All of them, in the order of the file."""
    for group in ALL:
        found = list(group())
        yield from found
        yield from unused(found[0])
    yield from kinds()


def sixteen() -> tuple[Ledger, list[Event]]:
    """A batch in which every kind occurs."""
    ledger = first = later()
    events: list[Event] = []

    def then(event: Event) -> None:
        nonlocal ledger
        events.append(event)
        ledger = apply(ledger, event)

    then(AddCollateral(vault=VAULT, nonce=1, slot=3, sats=10_000_000))
    then(tender(ledger, 3))
    then(withdraw(ledger, slot=3))
    then(close(ledger, slot=3))
    then(repay(ledger, 10_000))
    then(open_(name("vault 3"), owner=PAYER))
    then(MarkPrice(price=3_000_000, price_time=ledger.totals.time + 1))
    then(liquidate(ledger))
    then(close(ledger, how=3))
    then(Accrue(height=MATURITY + DEFAULT.grace, time=ledger.totals.time + 3_000))
    then(tender(ledger))
    then(Accrue(height=MATURITY + DEFAULT.grace + 1, time=ledger.totals.time + 600))
    then(default(ledger, 1))
    then(withdraw(ledger))
    then(close(ledger, slot=1))
    then(close(ledger, slot=2))
    return first, events


# ---- the file --------------------------------------------------------------------------------------------------------
def witness(found: Turn) -> dict[str, Any]:
    """The witness of one turn, honest or not."""
    made = json.loads(
        json.dumps({**transition_head(found.ledger), "steps": [transition_step(found.ledger, found.event)]})
    )
    for pointer, value in found.tampered.items():
        put(made, pointer, value)
    return made


def verdict(found: Turn) -> dict[str, str]:
    """What the product says; for what it cannot hold, what the case says."""
    if found.tampered:
        assert found.rule is not None
        return {"rule": found.rule}
    try:
        said = {"root": apply(found.ledger, found.event).root.hex()}
    except RuleFault as fault:
        said = {"rule": fault.rule}
    assert said.get("rule") == found.rule, f"{found.name}: {said}, not {found.rule}"
    return said


def generate() -> dict[str, Any]:
    """The file's content."""
    cases = compact((found.name, witness(found), verdict(found)) for found in turns())
    ledger, events = sixteen()
    raw, after = transition_witness(ledger, events)
    batch = {"name": "sixteen events of every kind", "witness": json.loads(raw), "verdict": {"root": after.root.hex()}}
    return {"cases": cases, "batches": [batch]}


if __name__ == "__main__":
    FILE.write_text(text(generate()), encoding="utf-8")
