"""The SHA-256 gadget hashes as hashlib does and costs what it promises."""

import hashlib
import random

import pytest

from circuits.faults import LocalFault
from circuits.gates import Builder, Circuit
from circuits.run import Mode, run
from circuits.sha256 import sha256


def hasher(size: int) -> Circuit:
    """Message and hash as big-endian numbers."""
    builder = Builder([8 * size])
    return builder.finish([list(reversed(sha256(builder, list(reversed(builder.input(0))))))])


@pytest.mark.parametrize("size", [1, 3, 48, 55, 56, 64, 65, 119, 120])
def test_messages_of_every_padding(size: int) -> None:
    rng = random.Random(size)
    messages = [bytes(size), b"\xff" * size, *(rng.randbytes(size) for _ in range(30))]
    results = hasher(size).evaluate_many([(int.from_bytes(message, "big"),) for message in messages])
    assert [result.to_bytes(32, "big") for (result,) in results] == [hashlib.sha256(m).digest() for m in messages]


def test_garbled() -> None:
    message = bytes(range(48))
    assert run(hasher(48), [message.hex()], Mode.GARBLED) == [hashlib.sha256(message).hexdigest()]


def test_a_block_costs_what_the_module_promises() -> None:
    assert hasher(55).and_count < 22_700
    assert 2 * hasher(55).and_count < hasher(119).and_count < 45_400


def test_bits_that_are_no_bytes_are_refused() -> None:
    builder = Builder([7])
    with pytest.raises(LocalFault, match="expected a message of whole bytes, got 7 bits"):
        sha256(builder, builder.input(0))
