"""Engine `core`: the predicate is the circuit, and FALSE frees the secret.

The claimant garbles and asserts; every challenger holds tables; a false claim gives each of them the logarithm of its
output point. Does NOT know more than that.
"""

from __future__ import annotations

from circuits.engine import Engine
from circuits.engines.pairs import PairEngine

__all__ = ["CORE"]

CORE: Engine = PairEngine(name="core", garbler="claimant")
"""The engine."""
