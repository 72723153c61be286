"""Tapscript pieces are built as written in the protocol, with minimal pushes, and refuse every key that is none."""

from __future__ import annotations

import pytest

from bitcoin_scripts import script
from bitcoin_scripts.faults import ScriptFault
from bitcoin_scripts.script import NO_CODESEP
from tests.vault_kit import digest, scalar, secret

A, B = (secret(scalar("script", i)).xonly() for i in range(2))
H = digest("hash")


def test_leaves_are_the_bytes_of_the_protocol() -> None:
    assert script.check(A) == b"\x20" + A + b"\xac"
    assert script.check(A, B) == b"\x20" + A + b"\xad\x20" + B + b"\xac"
    assert script.hashlock(H, A) == b"\x82\x01\x20\x88\xa8\x20" + H + b"\x88\x20" + A + b"\xac"
    digits = b"\x20" + A + b"\xad\x20" + B + b"\x7d\xad\xab" * 2 + b"\xac"
    assert script.digit_leaf(A, B, 3) == digits
    assert script.digit_leaf(A, B, 1) == b"\x20" + A + b"\xad\x20" + B + b"\xac"


@pytest.mark.parametrize(
    ("delay", "push"),
    [
        (1, "51"),
        (16, "60"),
        (17, "0111"),
        (127, "017f"),
        (128, "028000"),
        (144, "029000"),
        (1008, "02f003"),
        (32767, "02ff7f"),
        (32768, "03008000"),
        (65535, "03ffff00"),
    ],
)
def test_delays_are_pushed_minimally(delay: int, push: str) -> None:
    assert script.check_after(A, delay) == b"\x20" + A + b"\xad" + bytes.fromhex(push) + b"\xb2"


@pytest.mark.parametrize("delay", [0, -1, 65_536, 1 << 22, 1 << 31])
def test_a_delay_that_means_nothing_is_refused(delay: int) -> None:
    with pytest.raises(ScriptFault, match="delay"):
        script.check_after(A, delay)


BAD_KEYS = {
    "empty: fails the script": b"",
    "31 bytes: anyone can spend": A[:31],
    "33 bytes: anyone can spend": b"\x02" + A,
    "not on the curve": bytes(32),
    "above the field": b"\xff" * 32,
    "uncompressed": b"\x04" + A + A,
}


@pytest.mark.parametrize("bad", BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_key_of_another_length_or_off_the_curve_is_refused_in_every_place(bad: bytes) -> None:
    places = [
        lambda: script.check(bad),
        lambda: script.check(A, bad),
        lambda: script.check(bad, A),
        lambda: script.check_after(bad, 5),
        lambda: script.hashlock(H, bad),
        lambda: script.digit_leaf(bad, A, 2),
        lambda: script.digit_leaf(A, bad, 2),
    ]
    for build in places:
        with pytest.raises(ScriptFault):
            build()


@pytest.mark.parametrize("size", [0, 20, 31, 33])
def test_a_hash_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ScriptFault, match="hashlock"):
        script.hashlock(bytes(size), A)


def test_a_leaf_without_keys_or_digits_is_refused() -> None:
    for build in (script.check, lambda: script.digit_leaf(A, B, 0), lambda: script.digit_leaf(A, B, 513)):
        with pytest.raises(ScriptFault):
            build()


def test_digit_positions_count_every_opcode_and_push() -> None:
    """Walk the script: the last OP_CODESEPARATOR before each check of a digit stands where we say."""
    raw = script.digit_leaf(A, B, 5)
    at = index = 0
    last, found = NO_CODESEP, []
    while at < len(raw):
        opcode = raw[at]
        if opcode == 0xAB:
            last = index
        if opcode in (0xAC, 0xAD):
            found.append(last)
        at += 1 + (opcode if opcode < 76 else 0)
        index += 1
    assert found == [NO_CODESEP, *(script.digit_position(w) for w in range(5))]  # `first`, then the digits
    assert [script.digit_at(script.digit_position(w)) for w in range(5)] == list(range(5))


def test_only_points_have_an_x_coordinate() -> None:
    point = secret(scalar("x")).point()
    assert script.x_only(point) == point[1:]
    for bad in (point[1:], b"", b"\x02" + bytes(32), b"\x05" + point[1:]):
        with pytest.raises(ScriptFault):
            script.x_only(bad)
