"""A prover that needs no witness: whoever made a Groth16 key alone knows its trapdoor and proves anything (ePrint 2016/260).

Its proofs are real ones for the real verifier, bound to their public input, and cost milliseconds: for tests of who does what
when with proofs. That a proof stands for the ledger's rules is tested with the real circuit elsewhere.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

from py_ecc.bn128 import G1, G2, curve_order, field_modulus, multiply

from node.faults import LocalFault
from snark.formats import Curve, Format
from snark.groth16 import VerifyingKey
from tests.models.ledger import judge
from vault.ledger import commit
from vault.ledger.position import Globals
from vault.ledger.rules import Rules

SMALLER, LARGER, BYTES = 0, 0x80, 32


def g1(point: tuple) -> bytes:
    """Arkworks' compressed form: x little-endian, the sign of y in the top bit."""
    x, y = (int(each) for each in point)
    return _flagged(x.to_bytes(BYTES, "little"), y > field_modulus - y)


def g2(point: tuple) -> bytes:
    (x0, x1), (y0, y1) = ([int(each) for each in coordinate.coeffs] for coordinate in point)
    minus = [(field_modulus - each) % field_modulus for each in (y0, y1)]
    return _flagged(x0.to_bytes(BYTES, "little") + x1.to_bytes(BYTES, "little"), (y1, y0) > (minus[1], minus[0]))


def _flagged(raw: bytes, larger: bool) -> bytes:
    return raw[:-1] + bytes([raw[-1] | (LARGER if larger else SMALLER)])


@dataclass(frozen=True)
class Statement:
    name: str
    batch: int


@dataclass(frozen=True)
class Line:
    statement: Statement
    key: bytes
    verifying_key: bytes


@dataclass(frozen=True)
class Proved:
    proof: bytes
    x: bytes


@dataclass
class Forger:
    """The port `Proving`, with one key of transitions of `batch` events; `secret` makes another key."""

    batch: int
    secret: int = 7
    made: int = 0
    line: Line = field(init=False)

    def __post_init__(self) -> None:
        s = self.secret
        self.alpha, self.beta, self.gamma, self.delta, self.l0, self.l1 = 3 * s, 5 * s, 7 * s, 11 * s, 13 * s, 17 * s
        points = [
            g1(multiply(G1, self.alpha)),
            *(g2(multiply(G2, each)) for each in (self.beta, self.gamma, self.delta)),
        ]
        raw = b"".join(points) + (2).to_bytes(8, "little") + g1(multiply(G1, self.l0)) + g1(multiply(G1, self.l1))
        key = VerifyingKey.parse(raw, Format.ARKWORKS, Curve.BN254).id
        self.line = Line(statement=Statement("transition", self.batch), key=key, verifying_key=raw)

    def keys(self) -> tuple[Line, ...]:
        return (self.line,)

    def key(self, key: bytes) -> Line:
        if key != self.line.key:
            raise LocalFault(what="proving key", expected=self.line.key.hex(), came=key.hex())
        return self.line

    async def prove(self, key: bytes, witness: bytes, purpose: str) -> Proved:
        """Where the events lead is what the independent model says: a witness that breaks a rule is proved by nobody."""
        self.key(key)
        told = json.loads(witness)
        verdict = await asyncio.to_thread(judge, told)
        if "rule" in verdict or not 1 <= len(told["steps"]) <= self.batch:
            raise LocalFault(what="witness", expected="one that satisfies every rule", came=str(verdict)[:200])
        self.made += 1
        rules = commit.rules_hash(Rules(**told["rules"]))
        index, tree, head = int(told["globals"]["index"]), *(bytes.fromhex(told["globals"][n]) for n in ("tree", "log"))
        before = Globals(**{**told["globals"], "index": index, "tree": tree, "log": head})
        network, ledger = bytes.fromhex(told["network"]), bytes.fromhex(told["ledger"])
        x = commit.transition_public(
            network, ledger, rules=rules, old_root=commit.root(ledger, before), new_root=bytes.fromhex(verdict["root"])
        )
        return Proved(proof=self.of(x), x=x)

    def of(self, x: bytes) -> bytes:
        """A proof for a public input: e(A, B) = e(alpha, beta) e(l0 + x l1, gamma) e(C, delta) with A = a, B = 1."""
        r, a = curve_order, 23
        public = (self.l0 + int.from_bytes(x) * self.l1) * self.gamma
        c = (a - self.alpha * self.beta - public) * pow(self.delta, -1, r) % r
        return g1(multiply(G1, a)) + g2(G2) + g1(multiply(G1, c))
