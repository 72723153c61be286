"""The predicate `withdrawal`: the claimant's sealed balance covers the amount.

balance (256 bits) and salt (128 bits) are the inputs; the output bit is
SHA256(balance, 32 bytes big-endian || salt, 16 bytes big-endian) == commitment AND balance >= amount.
Commitment and amount are constants of the circuit, or amount is a third input of 256 bits. Wire i of an input is bit
i of the number. Does NOT know vaults or who claims.
"""

from __future__ import annotations

import hashlib

from circuits.arithmetic import at_least, constant, equals
from circuits.faults import LocalFault
from circuits.gates import Builder, Circuit, Wire
from circuits.sha256 import sha256

__all__ = ["AMOUNT_BITS", "BALANCE_BITS", "SALT_BITS", "commitment_of", "withdrawal", "withdrawal_of_any_amount"]

BALANCE_BITS = 256
SALT_BITS = 128
AMOUNT_BITS = 256


def commitment_of(balance: int, salt: int) -> bytes:
    """What seals a balance: SHA-256 of balance and salt, big-endian, 48 bytes."""
    return hashlib.sha256(balance.to_bytes(BALANCE_BITS // 8, "big") + salt.to_bytes(SALT_BITS // 8, "big")).digest()


def withdrawal(*, commitment: bytes, amount: int) -> Circuit:
    """The predicate over (balance, salt) for one amount.

    Raises:
        LocalFault: the commitment has not 32 bytes, or the amount does not fit 256 bits.
    """
    if not 0 <= amount < 1 << AMOUNT_BITS:
        raise LocalFault(f"expected an amount of at most {AMOUNT_BITS} bits, got {amount}")
    builder = Builder([BALANCE_BITS, SALT_BITS])
    return _finish(builder, commitment, constant(amount, AMOUNT_BITS))


def withdrawal_of_any_amount(*, commitment: bytes) -> Circuit:
    """The predicate over (balance, salt, amount).

    Raises:
        LocalFault: the commitment has not 32 bytes.
    """
    builder = Builder([BALANCE_BITS, SALT_BITS, AMOUNT_BITS])
    return _finish(builder, commitment, builder.input(2))


def _finish(builder: Builder, commitment: bytes, amount: list[Wire]) -> Circuit:
    if len(commitment) != 32:
        raise LocalFault(f"expected a commitment of 32 bytes, got {len(commitment)}")
    balance, salt = builder.input(0), builder.input(1)
    digest = sha256(builder, [*reversed(balance), *reversed(salt)])
    sealed = constant(int.from_bytes(commitment, "big"), 256)
    opens = equals(builder, list(reversed(digest)), sealed)
    return builder.finish([[builder.and_(opens, at_least(builder, balance, amount))]])
