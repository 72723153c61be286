"""The statements that this software can prove, by name (docs/ledger.md, Statements).

Promises: one label a circuit: `outcome`, `transition-16`. Does NOT know any constraint: `native._native.statements` does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from native import NativeError
from native._native import statements as native
from node.faults import LocalFault
from snark.proving import Assignment, Circuit

__all__ = ["OUTCOME", "Statement"]

_LABEL = re.compile(r"(outcome)|(transition)(?:-([1-9][0-9]?))?")
OUTCOME = "outcome"
"""The name of the statement that claims prove."""
_BATCH, _MOST = 16, 64
"""Events of one transition proof in the product (tests use fewer), and the most that the circuit is built for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement: its name, and how many events a transition leads over (0 for an outcome)."""

    name: str
    batch: int

    @classmethod
    def parse(cls, text: str) -> Statement:
        """From a label; `transition` is that of 16 events.

        Raises:
            LocalFault: there is no such statement.
        """
        found = _LABEL.fullmatch(text)
        batch = 0 if found is None or found[1] else int(found[3] or _BATCH)
        if found is None or batch > _MOST:
            raise LocalFault(
                what="statement",
                expected=f"outcome, transition or transition-N with N from 1 to {_MOST}",
                came=repr(text[:40]),
            )
        return cls(name=found[1] or found[2], batch=batch)

    @property
    def label(self) -> str:
        """As it stands in file names and commands."""
        return f"{self.name}-{self.batch}" if self.batch else self.name

    def circuit(self) -> Circuit:
        """Its constraints; the same for every witness. Takes seconds: call it in a thread."""
        return Circuit.of(native.statement(self.name, self.batch))

    def assign(self, witness: bytes) -> tuple[Assignment, bytes]:
        """Every wire's value and the public input x (32 bytes) of a witness in JSON (docs/ledger.md).

        Raises:
            LocalFault: a rule is violated or a field is malformed; `came` names it.
        """
        try:
            handle, x = native.witness(self.name, self.batch, witness)
        except NativeError as refused:
            raise LocalFault(
                what=f"witness of {self.label}", expected="one that satisfies every rule", came=str(refused)[:400]
            ) from refused
        return Assignment(handle=handle), x
