"""The dispute engines, by the name that Terms give them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from circuits.engine import Engine
from circuits.engines.babe import BABE
from circuits.engines.core import CORE

__all__ = ["ENGINES"]

ENGINES: Mapping[str, Engine] = MappingProxyType({engine.name: engine for engine in (CORE, BABE)})
""""core" and "babe"."""
