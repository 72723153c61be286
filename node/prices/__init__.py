"""The price of bitcoin from several sources that nobody has to trust alone.

`number` and `quote` are pure: exact numbers out of hostile text, and the decision. `sources` reads files and servers,
`prices` asks all of them and decides. Does NOT know what a price is used for, nor what time it is: `now` is passed in.
"""

from __future__ import annotations

from node.prices.prices import Prices
from node.prices.quote import Dropped, Quote, Reading, Rule, decide

__all__ = ["Dropped", "Prices", "Quote", "Reading", "Rule", "decide"]
