"""One price out of several readings: freshness, the median, and who disagreed. Pure; the clock is an argument.

Promises: the same readings at the same moment give the same decision, which names every reading and why it was dropped. One
source that lies among three honest ones moves the price no further than the honest ones are apart.
Does NOT read anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.faults import Unavailable

__all__ = ["Dropped", "Quote", "Reading", "Rule", "decide", "median"]

_BASIS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one source says: cents per BTC, as of a unix time."""

    source: str
    price: int
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A source that has no say in this quote, and why."""

    source: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When readings make a price.

    `minimum` sources that are fresh and agree; a reading is fresh for `fresh_seconds` and at most `lead_seconds` ahead of
    the clock; it agrees when it is within `spread` basis points of the median.
    """

    minimum: int
    fresh_seconds: int
    lead_seconds: int
    spread: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A price: cents per BTC, the time of its oldest reading, the readings it comes from, and the sources left out."""

    price: int
    time: int
    sources: tuple[Reading, ...]
    dropped: tuple[Dropped, ...]

    def explain(self) -> str:
        """One line for a log."""
        return f"{self.price} cents per BTC: the median of {_told(self.sources, self.dropped)}"


def median(prices: Sequence[int]) -> int:
    """The middle one; of an even count the lower of the two: collateral is not worth more than half of them say."""
    return sorted(prices)[(len(prices) - 1) // 2]


def decide(readings: Sequence[Reading], dropped: Sequence[Dropped], *, now: int, rule: Rule) -> Quote:
    """The price at `now` (unix seconds); `dropped` are sources that gave no reading at all.

    Raises:
        Unavailable: too few sources are fresh and agree, or not more than half of the fresh ones agree; every source is
            named with its price or why it does not count.
    """
    fresh, out = _fresh(readings, now, rule)
    out = [*dropped, *out]
    if not fresh:
        raise _unavailable((), out, rule)
    middle = median([reading.price for reading in fresh])
    agreeing = []
    for reading in fresh:
        apart = abs(reading.price - middle)
        if apart * _BASIS <= rule.spread * middle:
            agreeing.append(reading)
        else:
            out.append(
                Dropped(
                    source=reading.source,
                    why=f"{reading.price} is {apart * _BASIS // middle} bp from the median {middle}, "
                    f"{rule.spread} are allowed",
                )
            )
    if len(agreeing) < rule.minimum or 2 * len(agreeing) <= len(fresh):
        raise _unavailable(agreeing, out, rule)
    return Quote(
        price=median([reading.price for reading in agreeing]),
        time=min(reading.time for reading in agreeing),  # a quote is as old as its oldest reading
        sources=tuple(agreeing),
        dropped=tuple(out),
    )


def _fresh(readings: Sequence[Reading], now: int, rule: Rule) -> tuple[list[Reading], list[Dropped]]:
    fresh, out = [], []
    for reading in readings:
        age = now - reading.time
        if age > rule.fresh_seconds:
            out.append(Dropped(source=reading.source, why=f"{age} s old, {rule.fresh_seconds} are allowed"))
        elif -age > rule.lead_seconds:
            out.append(
                Dropped(source=reading.source, why=f"{-age} s ahead of the clock, {rule.lead_seconds} are allowed")
            )
        else:
            fresh.append(reading)
    return fresh, out


def _unavailable(agreeing: Sequence[Reading], dropped: Sequence[Dropped], rule: Rule) -> Unavailable:
    return Unavailable(
        what="price",
        expected=f"{rule.minimum} or more fresh sources, and more than half of them, within {rule.spread} bp",
        came=_told(agreeing, dropped),
        todo="Nothing that needs a price proceeds. Look at the sources under [prices] in the configuration.",
    )


def _told(readings: Sequence[Reading], dropped: Sequence[Dropped]) -> str:
    used = ", ".join(f"{reading.source} ({reading.price} at {reading.time})" for reading in readings) or "none"
    left = "; ".join(f"{each.source}: {each.why}" for each in dropped)
    return f"{used}; left out: {left}" if left else used
