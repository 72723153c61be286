"""Engine core: a false claim frees the secret, a true one does not, and every way of cheating is named."""

import dataclasses
import random
from collections.abc import Callable

import pytest

from circuits.cut_and_choose import PROFILES
from circuits.digits import digits_of, numbers_of
from circuits.engine import Kept
from circuits.engines.core import CORE
from circuits.engines.pairs import layout_of, params_of, program_of
from circuits.withdrawal import commitment_of, withdrawal
from native import NativeError
from native._native import engine as native
from native._native.garbling import Progress
from native._native.keys import Secret, Seed
from native._native.signing import Presigning, add_points, combine, verify
from tests.unit.circuits.dispute import (
    CIRCUIT,
    HEAD,
    KEPT,
    OPENED,
    ORDER,
    OUTPUT,
    SEED,
    SHARE,
    SOLDERED,
    TABLE_ROOT,
    TRANSLATION_ROOT,
    commitments_of,
    interpolate,
    kept_of,
    openings_of,
    pair_of,
    secrets_of,
    setup_of,
)

PAIR = pair_of(setup_of())
POINT = 33


@pytest.fixture(scope="module")
def kept() -> Kept:
    return PAIR.check()


def joined(records: list[bytearray]) -> bytes:
    return b"".join(bytes(record) for record in records)


# ---- both outcomes ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("balance", "amount"), [(7, 200), (0, 1), (254, 255), (200, 7), (255, 255), (0, 0)])
def test_a_false_claim_frees_the_secret_and_a_true_one_does_not(kept: Kept, balance: int, amount: int) -> None:
    secret = PAIR.evaluate(kept, (balance, amount))
    if balance >= amount:
        assert secret is None
    else:
        assert secret is not None
        assert secret.point() == PAIR.offer.output_point


@pytest.mark.parametrize("digit_bits", range(1, 9))
def test_any_width_of_digits(digit_bits: int) -> None:
    pair = pair_of(setup_of(digit_bits=digit_bits))
    kept = pair.check()
    secret = pair.evaluate(kept, (3, 130))
    assert secret is not None
    assert secret.point() == pair.offer.output_point
    assert pair.evaluate(kept, (130, 3)) is None


def test_padding_bits_of_the_last_digit_mean_nothing() -> None:
    pair = pair_of(setup_of(digit_bits=5))  # 16 bits in four digits of five
    values = digits_of(CIRCUIT, (3, 130), 5)
    values[3] |= 0b11110
    assert numbers_of(CIRCUIT, values, 5) == (3, 130)
    digits = secrets_of(pair, values)
    secret = CORE.evaluate(pair.setup, pair.check(), digits, b"", Progress())
    assert secret is not None
    assert secret.point() == pair.offer.output_point


def test_the_withdrawal_predicate_decides_a_dispute() -> None:
    balance, salt = 1_000, 0xFEED
    circuit = withdrawal(commitment=commitment_of(balance, salt), amount=1_001)
    pair = pair_of(setup_of(circuit))
    secret = pair.evaluate(pair.check(), (balance, salt))
    assert secret is not None
    assert secret.point() == pair.offer.output_point
    honest = pair_of(setup_of(withdrawal(commitment=commitment_of(balance, salt), amount=1_000)))
    kept = honest.check()
    assert honest.evaluate(kept, (balance, salt)) is None
    assert honest.evaluate(kept, (balance, salt + 1)) is not None


def test_everything_follows_from_the_seeds() -> None:
    again = PAIR.garbler()
    assert again.digit_points() == PAIR.offer.points
    assert again.output_points() == PAIR.offer.polynomial
    assert again.commit(Progress()) == PAIR.offer.commitments
    assert again.open(list(KEPT), Progress()) == (PAIR.opened.openings, PAIR.opened.artifact)


def test_another_setup_id_gives_another_polynomial_and_other_instances() -> None:
    setup = dataclasses.replace(PAIR.setup, setup_id=bytes(32))
    other = native.Garbler(params_of(setup), PAIR.digit_seed, PAIR.pair_seed)
    assert other.digit_points() == PAIR.offer.points
    mine, theirs = (points_of(one) for one in (PAIR.offer.polynomial, other.output_points()))
    assert not set(mine) & set(theirs)
    assert not set(chunks(PAIR.offer.commitments, 32)) & set(chunks(other.commit(Progress()), 32))


def chunks(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def points_of(data: bytes) -> list[bytes]:
    return chunks(data, POINT)


def test_commitments_cover_what_the_design_says() -> None:
    openings, artifact = openings_of(PAIR), kept_of(PAIR)
    remade = commitments_of(PAIR, openings, artifact, PAIR.offer.points, PAIR.offer.polynomial)
    assert remade == PAIR.offer.commitments


def test_progress_counts_instances() -> None:
    for call in (
        lambda progress: PAIR.garbler().commit(progress),
        lambda progress: PAIR.garbler().open(list(KEPT), progress),
        lambda progress: CORE.check(PAIR.setup, PAIR.offer, KEPT, PAIR.opened, progress),
    ):
        progress = Progress()
        assert (progress.done, progress.total) == (0, 0)
        call(progress)
        assert (progress.done, progress.total) == (8, 8)


def test_a_cancelled_call_ends_and_says_so(kept: Kept) -> None:
    digits = PAIR.published((7, 200))
    for call in (
        lambda progress: PAIR.garbler().commit(progress),
        lambda progress: PAIR.garbler().open(list(KEPT), progress),
        lambda progress: CORE.check(PAIR.setup, PAIR.offer, KEPT, PAIR.opened, progress),
        lambda progress: CORE.evaluate(PAIR.setup, kept, digits, b"", progress),
    ):
        progress = Progress()
        progress.cancel()
        with pytest.raises(NativeError, match="cancelled by the caller"):
            call(progress)


# ---- cheating that is caught when an instance is opened --------------------------------------------------------------
def _set(where: slice, value: bytes) -> Callable[[bytearray], None]:
    def change(record: bytearray) -> None:
        record[where] = value

    return change


def _add_one(record: bytearray) -> None:
    share = int.from_bytes(record[SHARE], "big")
    record[SHARE] = ((share + 1) % ORDER).to_bytes(32, "big")


def _swap_d(record: bytearray) -> None:
    first, second = slice(SOLDERED, SOLDERED + 33), slice(SOLDERED + 33, SOLDERED + 66)
    record[first], record[second] = record[second], record[first]


def _flip(position: int) -> Callable[[bytearray], None]:
    def change(record: bytearray) -> None:
        record[position] ^= 1

    return change


SOME_POINT = Seed.generate().secret(b"five").point()
CHEATS: dict[str, tuple[Callable[[bytearray], None], str]] = {
    "a D that is no digit secret times R": (_set(slice(SOLDERED + 66, SOLDERED + 99), SOME_POINT), "proof"),
    "two D swapped": (_swap_d, "proof"),
    "a D off the curve": (_set(slice(SOLDERED, SOLDERED + 33), b"\2" + b"\xff" * 32), "D"),
    "a D at infinity": (_set(slice(SOLDERED, SOLDERED + 33), bytes(33)), "D"),
    "another share": (_add_one, "share"),
    "a share beyond the group order": (_set(SHARE, b"\xff" * 32), "share"),
    "another seed": (_set(SEED, bytes(32)), "seed"),
    "another head than committed": (_flip(70), "commitment"),
    "a proof with another nonce": (_set(slice(-98, -65), SOME_POINT), "proof"),
    "a proof with another second nonce": (_set(slice(-65, -32), SOME_POINT), "proof"),
    "a proof with another answer": (_flip(-1), "proof"),
    "an answer beyond the group order": (_set(slice(-32, None), b"\xff" * 32), "proof"),
    "a nonce off the curve": (_set(slice(-98, -65), bytes(33)), "proof"),
}


@pytest.mark.parametrize("position", [0, 2, 4])
@pytest.mark.parametrize("name", CHEATS)
def test_a_changed_opening_is_caught_and_named(name: str, position: int) -> None:
    change, part = CHEATS[name]
    openings = openings_of(PAIR)
    change(openings[position])
    with pytest.raises(NativeError, match=f"^instance {OPENED[position]}: {part}: "):
        PAIR.check(openings=joined(openings))


COMMITTED_CHEATS = {
    "hash key": (slice(0, 16), "seed"),
    "S": (slice(16, 32), "seed"),
    "table": (TABLE_ROOT, "table"),
    "translation": (TRANSLATION_ROOT, "translation"),
    "output ciphertext": (OUTPUT, "output"),
}


@pytest.mark.parametrize("name", COMMITTED_CHEATS)
def test_an_instance_committed_to_wrongly_is_caught_when_opened(name: str) -> None:
    where, part = COMMITTED_CHEATS[name]
    openings, artifact = openings_of(PAIR), kept_of(PAIR)
    head = bytearray(openings[3][HEAD])
    head[where] = bytes(byte ^ 1 for byte in head[where])
    openings[3][HEAD] = head
    commitments = commitments_of(PAIR, openings, artifact, PAIR.offer.points, PAIR.offer.polynomial)
    with pytest.raises(NativeError, match=f"^instance {OPENED[3]}: {part}: "):
        PAIR.check(openings=joined(openings), commitments=commitments)


def test_other_digit_points_are_caught() -> None:
    points = points_of(PAIR.offer.points)
    points[3 * 5 + 4] = SOME_POINT
    changed = b"".join(points)
    with pytest.raises(NativeError, match=r"^instance 0: commitment: "):
        PAIR.check(points=changed)
    commitments = commitments_of(PAIR, openings_of(PAIR), kept_of(PAIR), changed, PAIR.offer.polynomial)
    with pytest.raises(NativeError, match=r"^instance 0: proof: "):
        PAIR.check(points=changed, commitments=commitments)


def test_another_output_polynomial_is_caught() -> None:
    changed = PAIR.offer.polynomial[:-33] + SOME_POINT
    with pytest.raises(NativeError, match=r"^instance 0: share: "):
        PAIR.check(polynomial=changed)


def test_a_wrong_degree_is_caught_before_anything_is_opened() -> None:
    for changed in (PAIR.offer.polynomial + SOME_POINT, PAIR.offer.polynomial[:-33]):
        with pytest.raises(NativeError, match=r"^polynomial: expected 198 bytes"):
            PAIR.check(polynomial=changed)


def test_points_whose_values_meet_infinity_are_refused() -> None:
    points = points_of(PAIR.offer.points)
    points[1] = bytes([points[0][0] ^ 1]) + points[0][1:]  # d_0 = -c: the point of value 1 is infinity
    with pytest.raises(NativeError, match="infinity for digit 0, value 1"):
        PAIR.check(points=b"".join(points))
    points[1] = points[0]  # equal points only double
    assert native.value_points(layout_of(CIRCUIT, 4), b"".join(points))[33:66] == combine(
        [points[0]], [(2).to_bytes(32, "big")]
    )


# ---- the kept artifact -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("position", "part"),
    [(0, "commitment"), (40, "commitment"), (127, "commitment"), (128, "translation"), (-1, "table")],
)
def test_a_changed_artifact_is_caught_and_named(position: int, part: str) -> None:
    artifact = kept_of(PAIR)
    artifact[1][position] ^= 1
    with pytest.raises(NativeError, match=f"^instance {KEPT[1]}: {part}: "):
        PAIR.check(artifact=joined(artifact))


def test_kept_instances_in_another_order_are_caught() -> None:
    first, second, third = kept_of(PAIR)
    with pytest.raises(NativeError, match=r"^instance 1: commitment: "):
        PAIR.check(artifact=joined([second, first, third]))


def _spoil(record: bytearray) -> None:
    record[OUTPUT] = bytes(byte ^ 0x55 for byte in record[OUTPUT])


def _committed(artifact: list[bytearray]) -> Kept:
    openings = openings_of(PAIR)
    commitments = commitments_of(PAIR, openings, artifact, PAIR.offer.points, PAIR.offer.polynomial)
    return PAIR.check(artifact=joined(artifact), commitments=commitments)


def test_one_good_kept_instance_is_enough() -> None:
    artifact = kept_of(PAIR)
    _spoil(artifact[0])  # a decoded share off the commitment
    share = _share_of(KEPT[1])
    decoded = int.from_bytes(artifact[1][OUTPUT], "big") ^ share ^ (2**256 - 1)  # a decoded share beyond the order
    artifact[1][OUTPUT] = decoded.to_bytes(32, "big")
    secret = PAIR.evaluate(_committed(artifact), (7, 200))
    assert secret is not None
    assert secret.point() == PAIR.offer.output_point


def test_all_kept_instances_bad_is_what_cut_and_choose_leaves_and_it_is_an_error() -> None:
    artifact = kept_of(PAIR)
    for record in artifact:
        _spoil(record)
    kept = _committed(artifact)
    with pytest.raises(NativeError, match="artifact: expected a share of the committed polynomial"):
        PAIR.evaluate(kept, (7, 200))
    assert PAIR.evaluate(kept, (200, 7)) is None


def _share_of(index: int) -> int:
    shares = {i: int.from_bytes(record[SHARE], "big") for i, record in zip(OPENED, openings_of(PAIR), strict=True)}
    # five shares are one too few for degree five: open the wanted one as well, as no garbler ever would
    others = [i for i in range(8) if i != index][:3]
    openings, _ = PAIR.garbler().open(others, Progress())
    size = params_of(PAIR.setup).opening_bytes
    opened = [i for i in range(8) if i not in others]
    start = opened.index(index) * size
    share = int.from_bytes(openings[start : start + size][SHARE], "big")
    shares[index] = share
    assert Secret.from_revealed(interpolate(shares).to_bytes(32, "big")).point() == PAIR.offer.output_point
    return share


# ---- evaluation ------------------------------------------------------------------------------------------------------
def test_a_secret_that_is_not_its_digits_is_refused(kept: Kept) -> None:
    digits = PAIR.published((7, 200))
    for changed, reason in (
        ([(digits[0][0] ^ 1, digits[0][1]), *digits[1:]], "digit 0, value 6"),
        ([digits[0], (digits[1][0], digits[2][1]), *digits[2:]], "digit 1, value 0"),
        ([digits[0], (digits[1][0], bytes(32)), *digits[2:]], "digit 1, value 0"),
        ([digits[0], (digits[1][0], b"\xff" * 32), *digits[2:]], "digit 1, value 0"),
        ([(16, digits[0][1]), *digits[1:]], "16 as digit 0"),
        (digits[1:], "expected 4 digits, got 3"),
    ):
        with pytest.raises(NativeError, match=reason):
            CORE.evaluate(PAIR.setup, kept, changed, b"", Progress())
    with pytest.raises(NativeError, match="digits: expected 32 bytes, got 31"):
        CORE.evaluate(PAIR.setup, kept, [(v, s[1:]) for v, s in digits], b"", Progress())


def test_damaged_shares_are_an_error_not_a_wrong_secret(kept: Kept) -> None:
    damaged = bytes([kept.shares[0] ^ 1]) + kept.shares[1:]
    with pytest.raises(NativeError, match=r"^shares: "):
        PAIR.evaluate(dataclasses.replace(kept, shares=damaged), (7, 200))
    with pytest.raises(NativeError, match=r"^shares: expected 160 bytes, got 128"):
        PAIR.evaluate(dataclasses.replace(kept, shares=kept.shares[32:]), (7, 200))


# ---- lengths, counts, indices ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("field", ["points", "polynomial", "commitments", "openings", "artifact"])
def test_every_truncation_names_its_field(field: str) -> None:
    whole = {**vars_of(PAIR.offer), **vars_of(PAIR.opened)}[field]
    rng = random.Random(1)
    for length in {
        0,
        1,
        len(whole) - 33,
        len(whole) - 1,
        len(whole) + 1,
        *(rng.randrange(len(whole)) for _ in range(20)),
    }:
        changed = (whole + bytes(1))[:length]
        with pytest.raises(NativeError, match=f"^{field}: expected {len(whole)} bytes, got {length} bytes"):
            PAIR.check(**{field: changed})


def vars_of(item: object) -> dict[str, bytes]:
    return {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["points", "polynomial", "commitments", "openings", "artifact"])
def test_no_changed_byte_passes(field: str) -> None:
    whole = {**vars_of(PAIR.offer), **vars_of(PAIR.opened)}[field]
    rng = random.Random(2)
    for _ in range(60):
        changed = bytearray(whole)
        changed[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        with pytest.raises(NativeError):
            PAIR.check(**{field: bytes(changed)})


@pytest.mark.parametrize(
    ("kept", "reason"),
    [
        ((1, 4), "expected 3 indices, got 2 indices"),
        ((1, 4, 6, 7), "expected 3 indices, got 4 indices"),
        ((1, 4, 8), "expected indices below 8, got 8"),
        ((1, 4, 4), "expected distinct indices in ascending order"),
        ((4, 1, 6), "expected distinct indices in ascending order"),
    ],
)
def test_kept_sets_are_checked_on_both_sides(kept: tuple[int, ...], reason: str) -> None:
    with pytest.raises(NativeError, match=f"^kept: {reason}"):
        PAIR.check(kept=kept)
    with pytest.raises(NativeError, match=f"^kept: {reason}"):
        PAIR.garbler().open(list(kept), Progress())


def test_openings_of_another_kept_set_are_refused() -> None:
    with pytest.raises(NativeError, match=r"^instance 4: share: "):
        PAIR.check(kept=(1, 3, 6))


def test_parameters_are_checked() -> None:
    good = {
        "setup_id": bytes(32),
        "context": b"",
        "program": program_of(CIRCUIT),
        "statement": None,
        "instances": 8,
        "kept": 3,
        "digit_bits": 4,
    }
    assert native.Params(**good).layout.digits == 4  # type: ignore[arg-type]
    for change, reason in (
        ({"setup_id": bytes(31)}, "setup_id: expected 32 bytes, got 31"),
        ({"kept": 0}, "kept: expected 1 to 7, got 0"),
        ({"kept": 8}, "kept: expected 1 to 7, got 8"),
        ({"instances": 1025}, "instances: expected 2 to 1024, got 1025"),
        ({"digit_bits": 0}, "digit_bits: expected 1 to 8, got 0"),
        ({"digit_bits": 9}, "digit_bits: expected 1 to 8, got 9"),
    ):
        with pytest.raises(NativeError, match=reason):
            native.Params(**{**good, **change})  # type: ignore[arg-type]


def test_the_profiles_are_those_of_the_design() -> None:
    sizes = {name: (profile.instances, profile.kept) for name, profile in PROFILES.items()}
    assert sizes == {"test": (8, 3), "fast": (124, 8), "default": (387, 10), "paranoid": (226, 16)}


# ---- knowledge of the points -----------------------------------------------------------------------------------------
def test_knowledge_of_digit_and_output_points_is_proved_at_once() -> None:
    layout = layout_of(CIRCUIT, 4)
    second = native.Garbler(params_of(PAIR.setup), PAIR.digit_seed, Seed.generate())
    garblers = [PAIR.garbler(), second]
    proof = native.prove_knowledge(layout, PAIR.digit_seed, garblers, [], b"context")
    outputs = [garbler.output_points()[:33] for garbler in garblers]
    points = PAIR.offer.points + b"".join(outputs)
    assert native.check_knowledge(points, b"context", proof)
    assert not native.check_knowledge(points, b"another", proof)
    assert not native.check_knowledge(PAIR.offer.points + b"".join(reversed(outputs)), b"context", proof)
    assert not native.check_knowledge(PAIR.offer.points + outputs[0] + SOME_POINT, b"context", proof)
    for position in range(0, 65, 8):
        changed = bytearray(proof)
        changed[position] ^= 1
        assert not native.check_knowledge(points, b"context", bytes(changed))
    with pytest.raises(NativeError, match="proof: expected 65 bytes"):
        native.check_knowledge(points, b"context", proof[1:])
    with pytest.raises(NativeError, match="points: expected 33 bytes a point"):
        native.check_knowledge(points[1:], b"context", proof)
    with pytest.raises(NativeError, match="something else as point 0"):
        native.check_knowledge(b"\5" + points[1:], b"context", proof)
    assert native.prove_knowledge(layout, PAIR.digit_seed, garblers, [], b"context") == proof


# ---- digits on chain -------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def presigned() -> tuple[bytes, bytes, list[bytes]]:
    """Aggregated presignatures of two signers for all values of four digits, the group's key, the messages."""
    points = points_of(native.value_points(layout_of(CIRCUIT, 4), PAIR.offer.points))
    secrets = [Seed.generate().secret(b"musig") for _ in range(2)]
    messages = [bytes([number // 16]) * 32 for number in range(64)]
    items = [(message, point, None) for message, point in zip(messages, points, strict=True)]
    batch = Presigning([secret.point() for secret in secrets], items)
    seeds = [Seed.generate() for _ in secrets]
    nonces = [batch.public_nonces(seed, secret) for seed, secret in zip(seeds, secrets, strict=True)]
    partials = [batch.sign(seed, secret, nonces) for seed, secret in zip(seeds, secrets, strict=True)]
    presignatures = batch.aggregate(nonces, partials)
    assert batch.check(presignatures) == []
    return presignatures, batch.aggregate_key[1:], messages[::16]


def test_completed_digits_are_signatures_that_show_value_and_secret(
    presigned: tuple[bytes, bytes, list[bytes]], kept: Kept
) -> None:
    presignatures, key, messages = presigned
    layout = layout_of(CIRCUIT, 4)
    parities = {presignatures[start] for start in range(0, len(presignatures), 65)}
    assert parities == {2, 3}  # 64 aggregated nonces: all of one parity once in 2^63 runs
    shown = set()
    for values in ([0, 5, 10, 15], [3, 3, 3, 3], [7, 0, 8, 12], digits_of(CIRCUIT, (7, 200), 4)):
        signatures = native.complete_digits(presignatures, layout, PAIR.digit_seed, values)
        assert all(verify(key, message, one) for message, one in zip(messages, signatures, strict=True))
        digits = native.extract_digits(presignatures, layout, signatures, PAIR.offer.points)
        assert [value for value, _ in digits] == values
        shown |= {presignatures[65 * (16 * w + v)] for w, v in enumerate(values)}
    assert shown == {2, 3}
    secret = CORE.evaluate(PAIR.setup, kept, digits, b"", Progress())
    assert secret is not None
    assert secret.point() == PAIR.offer.output_point


def test_signatures_of_swapped_digits_show_nothing(presigned: tuple[bytes, bytes, list[bytes]]) -> None:
    presignatures, _, _ = presigned
    layout = layout_of(CIRCUIT, 4)
    signatures = native.complete_digits(presignatures, layout, PAIR.digit_seed, [1, 2, 3, 4])
    signatures[1], signatures[2] = signatures[2], signatures[1]
    with pytest.raises(NativeError, match=r"signatures: .* as digit 1"):
        native.extract_digits(presignatures, layout, signatures, PAIR.offer.points)


def test_of_several_matching_nonces_the_smallest_value_counts() -> None:
    """Equal R' over two values is refused when presigning; should it ever happen, reading does not fail."""
    layout = layout_of(CIRCUIT, 4)
    nonce, answer = SOME_POINT, 1 << 200
    pieces = []
    zero = PAIR.published((0, 0))
    points = points_of(native.value_points(layout, PAIR.offer.points))
    even = nonce if nonce[0] == 2 else b"\2" + nonce[1:]
    for number in range(64):
        w, v = divmod(number, 16)
        own = (answer - int.from_bytes(zero[w][1], "big")) % ORDER if v == 0 else 7
        # values 0 and 9 share R'; only 0 is completed by this signature
        head = even if v in (0, 9) else b"\2" + points[number][1:]
        pieces.append(head + own.to_bytes(32, "big"))
    signatures = [even[1:] + answer.to_bytes(32, "big")] * 4
    assert native.extract_digits(b"".join(pieces), layout, signatures, PAIR.offer.points) == zero


def test_digit_calls_check_lengths_and_values(presigned: tuple[bytes, bytes, list[bytes]]) -> None:
    presignatures, _, _ = presigned
    layout, seed, points = layout_of(CIRCUIT, 4), PAIR.digit_seed, PAIR.offer.points
    signatures = native.complete_digits(presignatures, layout, seed, [1, 2, 3, 4])
    for call, reason in (
        (
            lambda: native.complete_digits(presignatures[:-65], layout, seed, [1, 2, 3, 4]),
            "presignatures: expected 4160",
        ),
        (lambda: native.complete_digits(presignatures, layout, seed, [1, 2, 3]), "values: expected 4 digits, got 3"),
        (
            lambda: native.complete_digits(presignatures, layout, seed, [1, 2, 3, 16]),
            "values below 16, got 16 as digit 3",
        ),
        (lambda: native.complete_digits(b"\5" * 4160, layout, seed, [1, 2, 3, 4]), "something else as presignature 1"),
        (lambda: native.extract_digits(presignatures[1:], layout, signatures, points), "presignatures: expected 4160"),
        (lambda: native.extract_digits(presignatures, layout, signatures[1:], points), "expected 4 signatures, got 3"),
        (lambda: native.extract_digits(presignatures, layout, [b""] * 4, points), "expected 64 bytes, got 0"),
        (lambda: native.extract_digits(presignatures, layout, signatures, points[33:]), "points: expected 660 bytes"),
        (lambda: native.extract_digits(presignatures, layout, [bytes(64)] * 4, points), "something else as digit 0"),
        (lambda: native.extract_digits(presignatures, layout, [b"\xff" * 64] * 4, points), "something else as digit 0"),
    ):
        with pytest.raises(NativeError, match=reason):
            call()


def test_value_points_are_linear_in_the_bits() -> None:
    layout = layout_of(CIRCUIT, 4)
    basis, values = points_of(PAIR.offer.points), points_of(native.value_points(layout, PAIR.offer.points))
    for w, v in ((0, 0), (1, 5), (2, 10), (3, 15)):
        row = basis[5 * w : 5 * w + 5]
        picked = [row[0], *(row[1 + j] for j in range(4) if v >> j & 1)]
        assert values[16 * w + v] == (add_points(picked) if len(picked) > 1 else picked[0])
    assert native.digit_points(layout, PAIR.digit_seed) == PAIR.offer.points


def test_secrets_of_published_digits_are_the_logarithms_of_their_points() -> None:
    layout = layout_of(CIRCUIT, 4)
    values = points_of(native.value_points(layout, PAIR.offer.points))
    for w, (v, secret) in enumerate(PAIR.published((0x5A, 0xF0))):
        assert Secret.from_revealed(secret).point() == values[16 * w + v]
