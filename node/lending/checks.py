"""What an attestor compares of a position's events with the coins behind it, before it signs.

Pure: the same blocks give the same answer. Promises a doubt for every event that the coins do not bear out, with both sides
named. What a coin or a claim was is asked at the ledger's height of the event: what came later is nobody's fault. What must be
buried (Vault, the spend that settles a record) is asked at the own tip. Terms are the attestor's own copy, whose id is the
ledger's name of the vault. Does NOT see money, nor whether r was shown: those are the keeper's word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from node.faults import PeerFault
from node.lending.coins import graph_of, prefund_height, strayed, vault_height
from node.lending.counter import View, coin_is_free, how_closed, opening
from node.lending.money import State
from node.lending.registry import Loan, Registry
from vault.agreement import Outcome
from vault.ledger.events import (
    Accrue,
    AddCollateral,
    Close,
    Default,
    Event,
    Liquidate,
    MarkPrice,
    Open,
    PositionEvent,
    Repay,
    Tender,
    Withdraw,
)
from vault.ledger.state import Ledger, apply


def needed(events: Sequence[Event]) -> dict[bytes, int]:
    """Vault -> slots that its Terms must have, for every position that events are about."""
    found: dict[bytes, int] = {}
    for event in events:
        match event:
            case Accrue() | MarkPrice():
                pass
            case Open(vault=vault, sats=sats):
                found[vault] = max(found.get(vault, 0), len([each for each in sats if each]))
            case Repay(vault=vault):
                found.setdefault(vault, 1)
            case _:
                found[event.vault] = max(found.get(event.vault, 0), event.slot + 1)
    return found


def coin_doubts(before: Ledger, events: Sequence[Event], registry: Registry, tip: int) -> list[str]:
    """Every reason why a batch that begins at a state is not borne out by coins, in order."""
    found: list[str] = []
    ledger = before
    for event in events:
        match event:
            case Accrue() | MarkPrice():
                pass
            case _:
                found += [f"{name(event)}: {reason}" for reason in _doubts(ledger, event, registry, tip)]
        ledger = apply(ledger, event)
    return found


def name(event: Event) -> str:
    """What a doubt calls an event."""
    vault, slot = getattr(event, "vault", b""), getattr(event, "slot", None)
    return f"{event.__struct_config__.tag} of vault {vault.hex()[:16]}" + ("" if slot is None else f" slot {slot}")


def _doubts(ledger: Ledger, event: PositionEvent | Open, registry: Registry, tip: int) -> Iterator[str]:
    loan = registry.loans.get(event.vault)
    if loan is None:
        yield "expected Terms of this vault, came none from anybody"
        return
    match event:
        case Open():
            yield from _opened(event, loan, registry, ledger.totals.height, tip)
        case AddCollateral(slot=slot, sats=sats):
            yield from _added(slot, sats, loan, registry, tip)
        case Tender(slot=slot):
            yield from _free(ledger, loan, slot, loan.borrower, registry)
        case Withdraw(slot=slot, template=template):
            yield from _named(loan, slot, "withdraw", loan.borrower, template)
        case Liquidate(slot=slot, payer=payer, template=template):
            yield from _free(ledger, loan, slot, payer, registry)
            yield from _named(loan, slot, "liquidate", payer, template)
        case Default(slot=slot, template=template):
            yield from _free(ledger, loan, slot, loan.lender, registry)
            yield from _named(loan, slot, "default", loan.lender, template)
        case Close():
            yield from _closed(ledger, event, loan, registry, tip)
        case Repay():
            pass


def _opened(event: Open, loan: Loan, registry: Registry, height: int, tip: int) -> Iterator[str]:
    """The deposit is buried, and at the event's height nothing but Vault had taken it: it can only become vault coins."""
    deposit = loan.opener.deposit
    prefunded = prefund_height(deposit, registry.spend, tip)
    yield from _buried("PreFund", deposit.prefund_txid, deposit.depth, prefunded, tip)
    if prefunded is None:
        return
    gone = strayed(deposit, registry.spend, height)
    if gone is not None:
        yield f"at height {height}, PreFund: expected unspent or spent by Vault, came spent by {gone.txid[::-1].hex()}"
    wanted = opening(loan, prefunded)
    for field in Open.__struct_fields__:
        expected, came = getattr(wanted, field), getattr(event, field)
        if expected != came:
            yield f"{field}: expected {_shown(expected)} by Terms and PreFund's height {prefunded}, came {_shown(came)}"


def _added(slot: int, sats: int, loan: Loan, registry: Registry, tip: int) -> Iterator[str]:
    found = loan.of(slot)
    if found is None or found[0] is loan.opener:
        yield "expected Terms of a top-up with this slot, came none"
        return
    entry, local = found
    deposit = entry.deposit
    yield from _buried("Vault", deposit.vault_txid, deposit.depth, vault_height(deposit, registry.spend, tip), tip)
    if deposit.sats[local] != sats:
        yield f"sats: expected {deposit.sats[local]} by its Terms, came {sats}"


def _buried(name: str, txid: bytes, depth: int, born: int | None, tip: int) -> Iterator[str]:
    what = f"{name} {txid[::-1].hex()}"
    if born is None:
        yield f"expected {what} on our chain, came none up to height {tip}"
    elif tip - born + 1 < depth:
        yield f"expected {depth} confirmations of {what}, came {tip - born + 1}"


def _free(ledger: Ledger, loan: Loan, slot: int, me: bytes, registry: Registry) -> Iterator[str]:
    """By the blocks up to the event's height in the ledger."""
    totals = ledger.totals
    view = View(registry=registry, money=State(), ledger=ledger, height=totals.height, time=totals.time)
    try:
        coin_is_free(view, loan, slot, me)
    except PeerFault as fault:
        yield f"at height {totals.height}, {fault.what}: expected {fault.expected}, came {fault.came}"


def _named(loan: Loan, slot: int, outcome: Outcome, claimant: bytes, template: bytes) -> Iterator[str]:
    found = loan.of(slot)
    graph = graph_of(found[0].deposit, found[1], outcome, claimant) if found is not None else None
    if graph is None:
        yield f"expected a graph for {outcome} by {claimant.hex()[:16]} in its Terms, came none"
    elif graph.template != template:
        yield f"template: expected {graph.template.hex()}, came {template.hex()}"


def _closed(ledger: Ledger, event: Close, loan: Loan, registry: Registry, tip: int) -> Iterator[str]:
    """How = 1 and 3 by a buried spend; how = 2 only while no other party's transaction had taken the coin."""
    position = ledger.position(loan.name)
    record = position.records[event.slot] if position is not None else None
    if record is None or loan.of(event.slot) is None:
        yield "expected Terms with this slot, and its record, came none"
        return
    totals = ledger.totals
    height = totals.height if event.how == 2 else tip
    view = View(registry=registry, money=State(), ledger=ledger, height=height, time=totals.time)
    coin = registry.coin(loan, event.slot, height)
    shown = _went(coin.state, coin.height, coin.spend.txid if coin.spend is not None else b"")
    right = how_closed(view, loan, event.slot, record)
    if event.how == 2:
        if right == 3:
            yield f"how: expected 3, {shown} pays another, came 2"
    elif right != event.how:
        expected = {1: "1, it pays the record's template", 3: "3, it pays another"}.get(
            right, "none yet, it is not buried"
        )
        yield f"how: {shown}, so expected {expected}, came {event.how}"


def _went(state: str, height: int, txid: bytes) -> str:
    return (
        f"the coin was spent at height {height} by {txid[::-1].hex()}" if state == "spent" else f"the coin is {state}"
    )


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
