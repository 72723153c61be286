"""Presignatures of digits in batches and reveals bound to another party's digits, against coincurve and the model's vector."""

import json
from collections.abc import Callable

import pytest
from coincurve import PublicKey

from native import NativeError
from native._native.engine import (
    Layout,
    add_points,
    check_digit_presignatures,
    complete_bound_digits,
    digit_points,
    extract_digits,
    presign_digits,
    value_points,
)
from native._native.keys import Secret, Seed
from native._native.signing import check_presignature, complete, verify
from tests.unit.native.group import ORDER, add, b32, challenge, cut, point, scalar, secret
from tests.vectors.locate import reference

LAYOUT = Layout(input_bits=12, digit_bits=4)
SIZE, COUNT = LAYOUT.values, LAYOUT.digits * LAYOUT.values
MESSAGES = [b32(scalar("message", digit)) for digit in range(LAYOUT.digits)]
LOGARITHMS = [scalar("t", n) for n in range(COUNT)]
POINTS = [point(t).format() for t in LOGARITHMS]
KEY, SEED = secret("key"), Seed.generate()
KEY_BYTES = b32(scalar("key"))
MADE = presign_digits(KEY, SEED, MESSAGES, b"".join(POINTS))


def bad(presignatures: list[bytes], points: list[bytes] = POINTS) -> list[int]:
    return check_digit_presignatures(KEY.xonly(), MESSAGES, b"".join(points), b"".join(presignatures))


def test_every_presignature_completes_with_the_logarithm_of_its_point() -> None:
    assert bad(cut(MADE, 65)) == []
    for n, one in enumerate(cut(MADE, 65)):
        assert one[0] == 2
        assert check_presignature(KEY.xonly(), MESSAGES[n // SIZE], POINTS[n], one)
        signature = complete(one, Secret.from_revealed(b32(LOGARITHMS[n])))
        assert verify(KEY.xonly(), MESSAGES[n // SIZE], signature)


def test_nonces_bind_seed_key_message_and_point() -> None:
    again = presign_digits(KEY, SEED, MESSAGES, b"".join(POINTS))
    assert again == MADE
    nonces = {one[:33] for one in cut(MADE, 65)}
    assert len(nonces) == COUNT
    moved = b"".join(POINTS[SIZE:] + POINTS[:SIZE])
    for other in (
        presign_digits(KEY, Seed.generate(), MESSAGES, b"".join(POINTS)),
        presign_digits(secret("another"), SEED, MESSAGES, b"".join(POINTS)),
        presign_digits(KEY, SEED, MESSAGES[1:] + MESSAGES[:1], b"".join(POINTS)),
        presign_digits(KEY, SEED, MESSAGES, moved),
    ):
        assert nonces.isdisjoint(one[:33] for one in cut(other, 65))


def test_the_reference_models_presignature_passes_in_a_batch() -> None:
    vector = json.loads(reference("dispute_vectors.json").read_text())["adaptor"]
    key, message, adaptor = (
        b32(int(vector["pubkey_x"], 16)),
        *(bytes.fromhex(vector[x]) for x in ("message", "point")),
    )
    nonce, s = vector["presignature"]
    presignature = bytes.fromhex(nonce) + b32(int(s, 16))
    assert check_digit_presignatures(key, [message], adaptor, presignature) == []
    wrong = presignature[:64] + bytes([presignature[64] ^ 1])
    assert check_digit_presignatures(key, [message], adaptor, wrong) == [0]


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one[:-1] + bytes([one[-1] ^ 1]),
        lambda one: one[:33] + b"\xff" * 32,
        lambda one: b"\x03" + one[1:],
        lambda one: b"\x05" + one[1:],
        lambda one: bytes(33) + one[33:],
    ],
    ids=["scalar", "scalar too large", "odd", "no point", "infinity"],
)
@pytest.mark.parametrize("n", [0, SIZE, COUNT - 1])
def test_the_one_that_was_changed_is_named(change: Callable[[bytes], bytes], n: int) -> None:
    made = cut(MADE, 65)
    made[n] = change(made[n])
    assert bad(made) == [n]


def test_swapped_presignatures_and_points_are_named() -> None:
    made = cut(MADE, 65)
    made[1], made[SIZE] = made[SIZE], made[1]
    assert bad(made) == [1, SIZE]
    points = POINTS.copy()
    points[2], points[3] = points[3], points[2]
    assert bad(cut(MADE, 65), points) == [2, 3]


def test_one_nonce_for_two_values_of_a_digit_is_named() -> None:
    """Attack 17: with both logarithms known, presignatures of one R' pass alone; one signature publishes both values."""
    d = int.from_bytes(KEY_BYTES) if KEY.point()[0] == 2 else ORDER - int.from_bytes(KEY_BYTES)
    k = next(k for k in (scalar("nonce", n) for n in range(64)) if point(k).format()[0] == 2)
    nonce = point(k).format()
    answer = k + challenge(nonce[1:], KEY.xonly(), MESSAGES[1]) * d
    made = cut(MADE, 65)
    first, second = SIZE, SIZE + 5
    for n in (first, second):
        made[n] = nonce + b32(answer - LOGARITHMS[n])
        assert check_presignature(KEY.xonly(), MESSAGES[1], POINTS[n], made[n])
    signatures = {complete(made[n], Secret.from_revealed(b32(LOGARITHMS[n]))) for n in (first, second)}
    assert len(signatures) == 1
    assert verify(KEY.xonly(), MESSAGES[1], signatures.pop())
    assert bad(made) == [second]


def test_a_bound_reveal_shows_what_was_asserted() -> None:
    """Claimant's points A, challenger's points S: the challenger completes with s + a and the claimant learns s."""
    ours, theirs = Seed.generate(), Seed.generate()
    s, a = digit_points(LAYOUT, ours), digit_points(LAYOUT, theirs)
    sums = add_points(s, a)
    locks = value_points(LAYOUT, sums)
    assert cut(sums, 33) == [add(x, y).format() for x, y in zip(parsed(s), parsed(a), strict=True)]
    presignatures = presign_digits(KEY, SEED, MESSAGES, locks)
    assert check_digit_presignatures(KEY.xonly(), MESSAGES, locks, presignatures) == []
    # what the claimant asserted, as the challenger reads it from the chain
    claims = presign_digits(secret("claimant"), SEED, MESSAGES, value_points(LAYOUT, a))
    values = [3, 0, 15]
    asserted = complete_bound_digits(claims, LAYOUT, theirs, values, [bytes(32)] * 3)
    learned = [secret for _, secret in extract_digits(claims, LAYOUT, asserted, a)]
    signatures = complete_bound_digits(presignatures, LAYOUT, ours, values, learned)
    assert all(verify(KEY.xonly(), *pair) for pair in zip(MESSAGES, signatures, strict=True))
    shown = extract_digits(presignatures, LAYOUT, signatures, sums)
    assert [value for value, _ in shown] == values
    digits = value_points(LAYOUT, s)
    for digit, ((value, total), known) in enumerate(zip(shown, learned, strict=True)):
        own = (int.from_bytes(total) - int.from_bytes(known)) % ORDER
        assert point(own).format() == cut(digits, 33)[digit * SIZE + value]
    # another value than the asserted one
    wrong = complete_bound_digits(presignatures, LAYOUT, ours, [3, 1, 15], learned)
    assert [verify(KEY.xonly(), *pair) for pair in zip(MESSAGES, wrong, strict=True)] == [True, False, True]


def parsed(points: bytes) -> list[PublicKey]:
    return [PublicKey(one) for one in cut(points, 33)]


def test_arguments_are_refused_by_name() -> None:
    points, seed = b"".join(POINTS), SEED
    opposite = bytes([POINTS[0][0] ^ 1]) + POINTS[0][1:]
    zeros = [bytes(32)] * 3
    calls: list[tuple[str, Callable[[], object]]] = [
        ("messages: expected 32 bytes", lambda: presign_digits(KEY, seed, [b"", *MESSAGES[1:]], points)),
        ("points: expected 33 bytes a value", lambda: presign_digits(KEY, seed, MESSAGES, points[33:])),
        ("points: expected 33 bytes a value", lambda: presign_digits(KEY, seed, [], points)),
        ("points: expected compressed points", lambda: presign_digits(KEY, seed, MESSAGES, bytes(len(points)))),
        ("xonly: expected 32 bytes", lambda: check_digit_presignatures(b"", MESSAGES, points, MADE)),
        ("xonly: expected a BIP340 key", lambda: check_digit_presignatures(b32(5), MESSAGES, points, MADE)),
        ("presignatures: expected", lambda: check_digit_presignatures(KEY.xonly(), MESSAGES, points, MADE[1:])),
        ("learned: expected 3 scalars", lambda: complete_bound_digits(MADE, LAYOUT, seed, [0] * 3, zeros[1:])),
        (
            "learned: expected scalars below",
            lambda: complete_bound_digits(MADE, LAYOUT, seed, [0] * 3, [b"\xff" * 32] * 3),
        ),
        ("learned: expected 32 bytes", lambda: complete_bound_digits(MADE, LAYOUT, seed, [0] * 3, [b""] * 3)),
        ("values: expected values below 16", lambda: complete_bound_digits(MADE, LAYOUT, seed, [0, 16, 0], zeros)),
        ("got infinity as sum 0", lambda: add_points(POINTS[0], opposite)),
        ("right: expected 33 bytes", lambda: add_points(POINTS[0], b"")),
        ("left: expected 33 bytes", lambda: add_points(POINTS[0][1:], POINTS[0])),
    ]
    for text, call in calls:
        with pytest.raises(NativeError, match=text):
            call()
