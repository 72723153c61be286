"""Vaults of one slot and one graph of engine core, whose claim is true or false."""

from __future__ import annotations

from node.demo.grounds import Game, Sealed

TRUE_CLAIM = Game(slot=0, claim="true", profile="test")
FALSE_CLAIM = Game(slot=0, claim="false", profile="test")
"""900,000 sat of a sealed 600,000."""
KNOWN = Sealed((FALSE_CLAIM,)).known()
"""What lender and challenger were told of either."""
