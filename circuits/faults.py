"""Errors of this package, by whose fault they are."""

from __future__ import annotations

from native.faults import LocalFault, PeerFault

__all__ = ["CircuitFault", "LocalFault", "PeerFault"]


class CircuitFault(PeerFault):
    """A circuit file or a circuit's input is wrong."""
