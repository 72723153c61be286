"""Path B, fast liquidation, as Terms have it: which entries a loan may have, their points, and what opens them.

A loan may name entries (slot, liquidator, price P, day d). Each is one transaction that gives the whole slot to that
liquidator, without any dispute, once t of the ledger's attestors attested "price <= P on day d" AND the lender showed the
preimage of the entry's ticket. An honest lender shows it for one thing only: a final checkpoint whose record says that this
liquidator has paid for this slot by the ledger's rule.
Promises: a proposal that passes `check_fast` names prices at which the loan as opened is beyond the rules' fast threshold,
and exactly the announcements its points are made of, every one proven. Without entries nothing here costs anything.
Does NOT know the chain: that the days lie ahead and the attestors are the ledger's is `check_ledger`, for the node to ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from native import NativeError
from native._native.keys import Secret
from vault.agreement import Fast, Loan, Proposal, Terms
from vault.fast_point import (
    DAY,
    STEP,
    Announcement,
    attested,
    check_announcement,
    day_of,
    subset_point,
    subset_secret,
    subsets,
)
from vault.faults import TermsFault
from vault.fields import distinct, equal, within
from vault.ledger.genesis import Genesis
from vault.ledger.money import VALUE
from vault.ledger.position import LIQUIDATE, Position
from vault.statement import template_id

MAX_FAST = 64
"""Entries of a loan: each is an output of Vault, which stays below half the size of a TRUC transaction."""
MAX_ANNOUNCEMENTS = 96
"""Of a loan: 30 KiB of a proposal, which travels in 64."""


# ---- Terms -----------------------------------------------------------------------------------------------------------
def highest_price(loan: Loan, slots: Sequence[int]) -> int:
    """The highest price on the grid at which the loan as opened is beyond `rules.fast`; 0 when there is none.

    Beyond: sum(slots) * price * fast < cents * 10^12, as `money.unhealthy` compares for path C. The debt only grows by
    interest while nothing is repaid, so a price that is deep enough at opening is deep enough on any day.
    """
    beyond = (loan.cents * VALUE - 1) // (sum(slots) * loan.rules.fast)  # down: the last price that is beyond
    return beyond - beyond % STEP


def check_fast(proposal: Proposal, loan: Loan) -> None:
    """Everything about path B that can be judged without keys and chain; TermsFault names the field."""
    if not loan.fast:
        equal("loan.announcements without loan.fast", len(loan.announcements), 0)
        equal("loan.threshold without loan.fast", loan.threshold, 0)
        return
    within("len(loan.fast)", len(loan.fast), 1, MAX_FAST)
    # What a top-up adds to is not in its Terms, so nobody could judge from them how deep a price is.
    equal("length of loan.vault of a loan with loan.fast", len(loan.vault), 0)
    highest = highest_price(loan, proposal.slots)
    for f, entry in enumerate(loan.fast):
        _check_entry(proposal, f"loan.fast[{f}]", entry, highest)
    days = [entry.day for entry in loan.fast]
    span = (proposal.timelocks.refund + proposal.maturity) // DAY + 1
    within("days between the first and the last of loan.fast", max(days) - min(days), 0, span)
    _check_announcements(loan)


def _check_entry(proposal: Proposal, at: str, entry: Fast, highest: int) -> None:
    within(f"{at}.slot", entry.slot, 0, len(proposal.slots) - 1)
    within(f"{at}.liquidator", entry.liquidator, 0, len(proposal.parties) - 1)
    if graph_of(proposal, entry) is None:
        expected = f"a graph (liquidate, slot {entry.slot}) of this party: one record of the ledger serves both paths"
        raise TermsFault(f"{at}.liquidator", expected=expected, got=f"none of party {entry.liquidator}")
    if not 1 <= entry.price <= highest:
        expected = f"at most {highest}: there the loan is beyond the rules' fast threshold"
        raise TermsFault(f"{at}.price", expected=expected, got=str(entry.price))
    equal(f"{at}.price modulo {STEP}, the grid that attestors announce", entry.price % STEP, 0)


def _check_announcements(loan: Loan) -> None:
    """For each (price, day) in use, ascending, one announcement of every attestor, ascending; and nothing else."""
    wanted = sorted({(entry.price, entry.day) for entry in loan.fast})
    within("len(loan.announcements)", len(loan.announcements), 1, MAX_ANNOUNCEMENTS)
    groups = [(place, tuple(found)) for place, found in groupby(loan.announcements, key=lambda a: (a.price, a.day))]
    equal("(price, day) of loan.announcements", str([place for place, _ in groups]), str(wanted))
    first = groups[0][1]
    subsets(len(first), loan.threshold)
    keys = [a.key for a in first]
    for place, found in groups:
        at = f"loan.announcements of {place}"
        equal(f"attestors of {at}", str([a.attestor for a in found]), str(list(range(len(first)))))
        for a, key in zip(found, keys, strict=True):
            equal(f"key of attestor {a.attestor} in {at}", a.key, key)
            check_announcement(loan.ledger, a, f"attestor {a.attestor} of {at}")
    # One attestor twice would count for two; one nonce for two events would give its owner's key away.
    distinct("keys of loan.announcements", keys)
    distinct("nonces of loan.announcements", [a.nonce for a in loan.announcements])


def check_ledger(proposal: Proposal, genesis: Genesis, height: int) -> None:
    """That the announcements are those of the ledger's attestors and no day is over, or beyond the loan, at `height`.

    TermsFault names the field. A loan without entries passes.
    """
    loan = proposal.loan
    if loan is None or not loan.fast:
        return
    equal("loan.ledger", loan.ledger, genesis.ledger_id)
    equal("loan.threshold", loan.threshold, genesis.threshold)
    keys = [attestor.bip340.hex() for attestor in genesis.attestors]
    told = [a.key.hex() for a in announced(loan, 0)]
    equal("keys of loan.announcements", str(told), str(keys))
    first = day_of(genesis.height, height)
    last = day_of(genesis.height, height + proposal.timelocks.refund + proposal.maturity)
    for f, entry in enumerate(loan.fast):
        within(f"loan.fast[{f}].day at height {height}", entry.day, first, last)


# ---- entries ---------------------------------------------------------------------------------------------------------
def graph_of(proposal: Proposal, entry: Fast) -> int | None:
    """The graph of path C with the same liquidator and slot: an entry pays what its payouts pay."""
    wanted = (entry.liquidator, "liquidate", entry.slot)
    return next((g for g, t in enumerate(proposal.graphs) if (t.claimant, t.outcome, t.slot) == wanted), None)


def announced(loan: Loan, f: int) -> tuple[Announcement, ...]:
    """The announcements of entry `f`, one an attestor, ascending."""
    place = (loan.fast[f].price, loan.fast[f].day)
    return tuple(a for a in loan.announcements if (a.price, a.day) == place)


def entry_points(loan: Loan, f: int) -> tuple[bytes, ...]:
    """33 bytes a t-subset of the attestors, in the order of `subsets`: what the presignatures of entry `f` are locked to."""
    found = announced(loan, f)
    return tuple(
        subset_point(loan.ledger, [found[i] for i in chosen]) for chosen in subsets(len(found), loan.threshold)
    )


def entry_secret(loan: Loan, f: int, scalars: Mapping[int, bytes]) -> bytes | None:
    """32 bytes: what opens entry `f`, from attestations by attestor index; None while fewer than t of them are valid."""
    found = announced(loan, f)
    valid = [a for a in found if a.attestor in scalars and attested(loan.ledger, a, scalars[a.attestor])]
    if len(valid) < loan.threshold:
        return None
    chosen = valid[: loan.threshold]
    return subset_secret(loan.ledger, chosen, [scalars[a.attestor] for a in chosen])


def opens(loan: Loan, f: int, secret: bytes) -> bool:
    """Whether 32 bytes are the logarithm of a point of entry `f`."""
    try:
        return Secret.from_revealed(secret).point() in entry_points(loan, f)
    except NativeError:
        return False


def earned(terms: Terms, f: int, position: Position | None) -> bool:
    """Whether the lender shows the preimage of entry `f`: the position, proven under OUR final checkpoint, has a record
    that says this liquidator paid for this slot, to this template, and nobody has been paid back.

    The one rule about tickets: money is in the ledger's escrow, so the coin may go without a dispute.
    """
    proposal = terms.proposal
    loan = proposal.loan
    if loan is None or position is None or position.vault != proposal.ledger_vault:
        return False
    entry = loan.fast[f]
    record, g = position.records[proposal.ledger_slot(entry.slot)], graph_of(proposal, entry)
    return (
        record is not None
        and g is not None
        and record.outcome == LIQUIDATE
        and record.settled == 0
        and record.claimant == proposal.parties[entry.liquidator].identity
        and record.template == template_id(terms, g)
    )


# ---- words -----------------------------------------------------------------------------------------------------------
def fast_words(proposal: Proposal) -> tuple[str, ...]:
    """What anyone should know before agreeing to a loan with fast liquidation, in plain words; none without entries."""
    loan = proposal.loan
    if loan is None or not loan.fast:
        return ()
    attestors = len(announced(loan, 0))
    prices = sorted({entry.price for entry in loan.fast})
    days = sorted({entry.day for entry in loan.fast})
    slots = sorted({entry.slot for entry in loan.fast})
    return (
        f"Fast liquidation: {len(loan.fast)} agreed in advance, of slots {slots}, at prices of {_dollars(prices)} per BTC "
        f"or less, on days {_days(days)} of the ledger ({DAY} blocks each).",
        f"It trusts {loan.threshold} of {attestors} attestors: whoever holds {loan.threshold} of their keys can say that the "
        "price was that low when it was not. There is no dispute and nothing to contest.",
        "Lender and liquidator together can take the slot once the price was attested, whether or not anyone paid: partial "
        "repayments and added collateral are not credited on it. Only the full tender, taken with r, or another spend of the "
        "coin ends it.",
        "It never expires while the slot is open: an attestation of one day works on every later day.",
    )


def _dollars(cents: Sequence[int]) -> str:
    return " / ".join(f"{price // 100:,}.{price % 100:02} dollars" for price in cents)


def _days(days: Sequence[int]) -> str:
    return str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}"
