"""Ask every source at once, then decide.

Promises: a quote costs at most one reading a source and their deadline; a source that fails is left out with its reason, it
never fails the quote by itself. Does NOT keep a price: what was quoted is the caller's to remember.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from node.config import FilePrice, HttpPrice, ManualPrice, PricesConfig, PriceSource
from node.faults import LocalFault, PeerFault, Unavailable
from node.limits import PRODUCT, Limits
from node.prices.quote import Dropped, Quote, Reading, Rule, decide
from node.prices.sources import FileSource, HttpSource, Source, state_price

__all__ = ["MANUAL_FILE", "Prices"]

MANUAL_FILE = "price.json"
"""In the data folder: what the operator has said, for sources of the kind `manual`."""


@dataclass(slots=True, kw_only=True)
class Prices:
    """The sources and the rule. Make it inside a running loop; `close` it."""

    sources: Sequence[Source]
    rule: Rule
    manual: Path
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    @classmethod
    def of(cls, config: PricesConfig, datadir: Path, *, limits: Limits = PRODUCT) -> Prices:
        """As configured under [prices]; without sources every quote is Unavailable."""
        manual = datadir / MANUAL_FILE
        return cls(
            sources=[_source(each, manual, limits) for each in config.sources],
            rule=Rule(
                minimum=config.needed,
                fresh_seconds=config.fresh_seconds,
                lead_seconds=config.lead_seconds,
                spread=config.spread,
            ),
            manual=manual,
        )

    async def quote(self, now: int) -> Quote:
        """The price at `now` (unix seconds).

        Raises:
            Unavailable: too few sources are fresh and agree; every source is named with its price or its reason.
        """
        if not self.sources:
            raise Unavailable(
                what="price",
                expected="a source under [prices] in the configuration",
                came="none",
                todo="Name sources there and start the daemon again.",
            )
        if self._session is None:
            self._session = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        session = self._session
        said = await asyncio.gather(*(_reading(source, now, session) for source in self.sources))
        readings = [each for each in said if isinstance(each, Reading)]
        dropped = [each for each in said if isinstance(each, Dropped)]
        return decide(readings, dropped, now=now, rule=self.rule)

    async def state(self, *, price: int, time: int) -> None:
        """The operator's own price, durable when the call returns; read by sources of the kind `manual`.

        Raises:
            LocalFault: no such source is configured, a value out of range, or the disk refused.
        """
        if not any(isinstance(source, FileSource) and source.path == self.manual for source in self.sources):
            raise LocalFault(
                what="price",
                expected='a source of kind "manual" under [prices]',
                came="none",
                todo="Add one to prices.sources and start the daemon again.",
            )
        await asyncio.to_thread(state_price, self.manual, price=price, time=time)

    async def close(self) -> None:
        """Drop the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _reading(source: Source, now: int, session: aiohttp.ClientSession) -> Reading | Dropped:
    try:
        return await source.read(now, session)
    except (LocalFault, PeerFault, Unavailable) as fault:
        return Dropped(source=source.name, why=f"expected {fault.expected}, came {fault.came}")


def _source(config: PriceSource, manual: Path, limits: Limits) -> Source:
    match config:
        case ManualPrice(name=name):
            return FileSource(name=name, path=manual, limits=limits)
        case FilePrice(name=name, path=path):
            return FileSource(name=name, path=path, limits=limits)
        case HttpPrice(name=name, url=url, price=price, time=time, unit=unit):
            return HttpSource(name=name, url=url, price=price, time=time, unit=unit, limits=limits)
