"""Whose fault an error is, what was expected, what came and what to do about it.

Promises: every error that leaves a module of `node` on purpose is one of three kinds, and carries what an operator
or a caller needs to act. Does NOT know about logging, RPC codes or scoring: those read the fields.

- `LocalFault`: ours (configuration, disk, passphrase, a wrong call). Stop, tell the operator.
- `PeerFault`: theirs (bytes or behaviour of a peer, an RPC client, a chain backend). Refuse, count, go on.
- `Unavailable`: nobody's; somebody is not reachable now. Try again later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

Whose = Literal["local", "peer", "unavailable"]

MOST_SHOWN = {"what": 800, "expected": 800, "came": 2_000, "todo": 800}
"""Characters of a fault's fields, which may hold a stranger's words: faults stand in logs and answers."""


@dataclass(kw_only=True, eq=False)
class _Fault(Exception):
    """The fields the three kinds share; cannot be raised itself.

    `what` names the thing or field, `expected` and `came` are short texts (never a secret; cut at `MOST_SHOWN`),
    `todo` is the next step.
    """

    what: str
    expected: str
    came: str
    todo: str = ""

    whose: ClassVar[Whose]

    def __post_init__(self) -> None:
        if type(self) is _Fault:
            raise TypeError("raise LocalFault, PeerFault or Unavailable")
        for field, most in MOST_SHOWN.items():
            text: str = getattr(self, field)
            if len(text) > most:
                setattr(self, field, f"{text[:most]}.. ({len(text)} characters)")
        super().__init__(self.what, self.expected, self.came, self.todo)

    def __str__(self) -> str:
        """One line: what, expected, came, what to do."""
        line = f"{self.what}: expected {self.expected}, came {self.came}"
        return f"{line}. {self.todo}" if self.todo else line

    def as_json(self) -> dict[str, str]:
        """The fields for an RPC answer or a log line; hex and text only."""
        return {
            "whose": self.whose,
            "what": self.what,
            "expected": self.expected,
            "came": self.came,
            "todo": self.todo,
        }


class LocalFault(_Fault):
    """Ours: the operator or this program has to change something. Retrying alone does not help."""

    whose = "local"


class PeerFault(_Fault):
    """Theirs: a peer or client sent or did what the protocol does not allow. Refuse it and go on."""

    whose = "peer"


class Unavailable(_Fault):
    """Somebody is not there at this moment (peer, chain, disk busy). The same call may succeed later."""

    whose = "unavailable"


Fault = LocalFault | PeerFault | Unavailable
