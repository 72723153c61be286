"""What an attestor compares with its own world before it signs: prices with its own median, heights and times with its own
chain.

What stands behind a position (coins, Terms, claims) is compared in node/lending/checks.py.

Promises: every doubt is named with both sides; a source or a chain that does not answer is a doubt, never an assent. Does
NOT know the ledger's rules (those were checked before) nor whether anyone may set a doubt aside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from node.faults import LocalFault, PeerFault, Unavailable
from node.prices import Quote
from vault.ledger.events import Accrue, Event, MarkPrice
from vault.ledger.rules import ONE


class Median(Protocol):
    """The prices port (node.prices.Prices, or a fake)."""

    async def quote(self, now: int) -> Quote:
        """The own median at a unix time. Raises Unavailable."""


class Times(Protocol):
    """What of the chain is compared."""

    async def median_time(self, height: int) -> int | None:
        """Median time past of a height, None when the chain is shorter. Raises Unavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far the own world may be from an event's: basis points, seconds, seconds."""

    price: int
    price_age: int
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Why a checkpoint is not signed now. Doubts about a price, and about events that come late, are the operator's to set
    aside; one about the chain or a coin passes by itself, or never.
    """

    about: Literal["price", "chain", "coin", "late"]
    reason: str


async def doubts(
    events: Sequence[Event], *, chain: Times, prices: Median, near: Callable[[int], Sequence[int]], now: int,
    tolerance: Tolerance,
) -> tuple[tuple[Doubt, ...], str]:  # fmt: skip
    """Every doubt about a batch, and one line that says what its prices were compared with.

    `near` gives own medians (cents per BTC) from about a time (node/ledger/recent.py): a mark is borne out by that of now, or
    when it lies between them: then the price has been there.
    """
    found = [doubt for event in events if isinstance(event, Accrue) for doubt in await _block(event, chain, tolerance)]
    marks = [event for event in events if isinstance(event, MarkPrice)]
    if not marks:
        return tuple(found), "no new price"
    try:
        quote = await prices.quote(now)
    except (Unavailable, LocalFault, PeerFault) as fault:
        return (*found, Doubt(about="price", reason=f"no price of our own: {fault}")), "no price of our own"
    found += [doubt for mark in marks for doubt in _price(mark, quote, near(mark.price_time), now, tolerance)]
    return tuple(found), quote.explain()


async def _block(event: Accrue, chain: Times, tolerance: Tolerance) -> list[Doubt]:
    try:
        own = await chain.median_time(event.height)
    except (Unavailable, PeerFault) as fault:
        return [Doubt(about="chain", reason=f"our chain does not answer: {fault}")]
    if own is None:
        return [Doubt(about="chain", reason=f"accrue to height {event.height}: our chain is shorter")]
    if abs(own - event.time) > tolerance.time:
        return [
            Doubt(
                about="chain",
                reason=f"accrue to height {event.height}: time {event.time}, ours {own}, {tolerance.time} s are allowed",
            )
        ]
    return []


def _between(price: int, medians: Sequence[int], tolerance: int) -> bool:
    """Whether a price is between the lowest and the highest of some medians, or at most so many basis points outside."""
    if not medians:
        return False
    low, high = min(medians), max(medians)
    return low * (ONE - tolerance) <= price * ONE <= high * (ONE + tolerance)


def _price(mark: MarkPrice, quote: Quote, then: Sequence[int], now: int, tolerance: Tolerance) -> list[Doubt]:
    found = []
    age = now - mark.price_time
    if age > tolerance.price_age:
        found.append(
            f"price {mark.price} is of {age} s ago: ours of now says nothing about it ({tolerance.price_age} s allowed)"
        )
    elif -age > tolerance.price_age:
        found.append(f"price {mark.price} is of {-age} s ahead of our clock")
    if not any(_between(mark.price, each, tolerance.price) for each in ([quote.price], then)):
        apart = abs(mark.price - quote.price)
        found.append(
            f"price {mark.price} is {apart * ONE // quote.price} bp from our median {quote.price}, "
            f"{tolerance.price} are allowed"
        )
    return [Doubt(about="price", reason=reason) for reason in found]
