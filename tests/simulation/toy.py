"""A circuit small enough to play a whole dispute in a second: the same engine, digits, graph and messages.

balance (8 bits, in units of 4,096 sat) and salt (8 bits): true when the salt is the commitment's first byte and the
balance covers the amount.
"""

from __future__ import annotations

from functools import lru_cache

import pytest

import node.app
import node.jobs
import node.outbox
import node.proposing
import node.work.dispute
from circuits.arithmetic import at_least, constant, equals
from circuits.gates import Builder, Circuit

UNIT = 4096


@lru_cache
def toy_circuit(statement: bytes, amount: int) -> Circuit:
    builder = Builder([8, 8])
    balance, salt = builder.input(0), builder.input(1)
    opens = equals(builder, salt, constant(statement[0], 8))
    return builder.finish([[builder.and_(opens, at_least(builder, balance, constant(amount // UNIT, 8)))]])


def sealed(statement: bytes, balance: int) -> tuple[int, int]:
    """The inputs of a claim."""
    return balance // UNIT, statement[0]


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every node of this process uses the toy circuit, and repeats what failed without long pauses."""
    monkeypatch.setattr(node.proposing, "circuit_of", toy_circuit)
    swift(monkeypatch)


def swift(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses fit for a wire without latency."""
    monkeypatch.setattr(node.jobs, "RETRY", 0.01)
    monkeypatch.setattr(node.app, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(node.work.dispute, "PAUSE", 0.01)
    monkeypatch.setattr(node.outbox, "FIRST_PAUSE", 0.002)
    monkeypatch.setattr(node.outbox, "LONGEST_PAUSE", 0.02)
