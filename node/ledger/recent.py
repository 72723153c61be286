"""The own medians of the last minutes: a mark is compared with what our sources said when it was made, not with now alone.

A batch is seen seconds after its prices were marked, or minutes, when the keeper was cut off or a proof takes long. In a fast
market the price has moved on by then, and a ledger whose attestors compared with now alone would stop when it is needed most.
Promises that nothing older than `keep` seconds is remembered: a keeper chooses among the prices of so long at most. Does NOT
judge (`judgement`), and forgets everything at a restart.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from node.ledger.judgement import Median
from node.prices import Quote

NEAR_SECONDS: Final = 10
"""Between the time of a mark and that of a median that bears it out."""
SAMPLE_SECONDS: Final = 5.0
"""Between two quotes while there are loans."""


@dataclass(slots=True, kw_only=True, repr=False)
class Recent:
    """A prices port that remembers, one a node: pairs of (asked at, cents per BTC), one a second at most, the oldest first."""

    prices: Median
    keep: int
    _asked: deque[tuple[int, int]] = field(default_factory=deque)

    async def quote(self, now: int) -> Quote:
        """The own median at a unix time. Raises Unavailable, LocalFault, PeerFault."""
        found = await self.prices.quote(now)
        if not self._asked or self._asked[-1][0] < now:
            self._asked.append((now, found.price))
        while self._asked[0][0] < now - self.keep:
            self._asked.popleft()
        return found

    def due(self, now: int) -> bool:
        """Whether it is time to ask again so that nothing is missed: of all who ask here, the last was so long ago."""
        return not self._asked or self._asked[-1][0] + SAMPLE_SECONDS <= now

    def near(self, time: int) -> list[int]:
        """The medians (cents per BTC) from about a unix time that are still remembered."""
        return [price for asked, price in self._asked if abs(asked - time) <= NEAR_SECONDS]
