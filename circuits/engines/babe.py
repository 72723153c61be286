"""Engine `babe`: Groth16 outside the circuit, the 64 bytes of a proof's first point inside; a VALID proof frees the secret.

Each challenger garbles, and hides its shares behind the statement of the claim; the claimant asserts p1, the first point
of its proof, holds tables, and learns the challenger's secret from a proof that is valid. p1 is 512 bits: x, then y, 32
bytes little-endian each; digit 0 is the lowest of x. Whatever is no point of the curve counts as the generator.
Does NOT know where a proof comes from, or what it proves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import blake3

from circuits.digits import digit_count
from circuits.engine import Engine
from circuits.engines.pairs import PairEngine
from circuits.faults import CircuitFault
from native._native.engine import features_circuit

__all__ = ["BABE", "CIRCUIT", "PROOF_BYTES", "digits_of_proof"]

PROOF_BYTES = 256
"""A proof as it travels: A.x A.y | B.x_im B.x_re B.y_im B.y_re | C.x C.y, 32 bytes big-endian each (EIP-197)."""
_COORDINATE_BITS = 256
_COORDINATE_BYTES = _COORDINATE_BITS // 8


@dataclass(frozen=True, kw_only=True)
class _Features:
    """The one circuit of the engine, made when it is first asked for (0.1 s): 201,510 AND gates are no Python objects."""

    input_bits: int

    @cached_property
    def binary(self) -> bytes:
        return features_circuit()

    @cached_property
    def id(self) -> bytes:
        return blake3.blake3(self.binary).digest()


CIRCUIT = _Features(input_bits=2 * _COORDINATE_BITS)
"""Inputs x, y of 256 bits; outputs x, y, x^2, y^2, xy mod p of 254 bits each, or those of the generator (1, 2)."""

BABE: Engine = PairEngine(name="babe", garbler="challenger")
"""The engine."""


def digits_of_proof(proof: bytes, digit_bits: int) -> list[int]:
    """The digits that publish the first point of a proof as it is stated, be it a point or not.

    Raises:
        CircuitFault: other than 256 bytes.
        LocalFault: not 1 to 8 bits a digit.
    """
    if len(proof) != PROOF_BYTES:
        raise CircuitFault(field="proof", expected=f"{PROOF_BYTES} bytes", got=len(proof))
    x, y = (int.from_bytes(proof[start : start + _COORDINATE_BYTES]) for start in (0, _COORDINATE_BYTES))
    whole = x | y << _COORDINATE_BITS
    mask = (1 << digit_bits) - 1
    return [whole >> digit * digit_bits & mask for digit in range(digit_count(CIRCUIT, digit_bits))]
