"""Attacks on garbling and cut-and-choose: each wins against the broken construction and loses against ours.

Numbers are those of the list of attacks in the design. Not here: 4, 8, 10 (engine babe), 11, 16, 17 (signing), 15 (the
ceremony), the guards of 9 (the node: one kept set a setup id, one consumption an instance).
"""

import hashlib
import itertools
import random
import struct
from collections.abc import Sequence
from math import gcd, isqrt

import blake3
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from circuits.cut_and_choose import PROFILES, draw_kept, soundness_bits
from circuits.engines.pairs import params_of, program_of
from circuits.gates import Builder, Circuit
from native import NativeError
from native._native import engine as native
from native._native import garbling
from native._native.garbling import Progress
from native._native.keys import Secret, Seed
from native._native.signing import combine
from tests.unit.circuits import garbling_model as model
from tests.unit.circuits.dispute import (
    CIRCUIT,
    HEAD,
    KEPT,
    OPENED,
    ORDER,
    SHARE,
    SOLDERED,
    TABLE_ROOT,
    Pair,
    commitments_of,
    interpolate,
    kept_of,
    openings_of,
    pair_of,
    setup_of,
)
from tests.unit.circuits.garbling_model import xor


@pytest.fixture(scope="module")
def pair() -> Pair:
    return pair_of(setup_of())


def single_and() -> Circuit:
    builder = Builder([1, 1])
    return builder.finish([[builder.and_(builder.input(0)[0], builder.input(1)[0])]])


# ---- 1 ---------------------------------------------------------------------------------------------------------------
def bezout(a: int, b: int) -> tuple[int, int]:
    x, y, u, v = 1, 0, 0, 1
    while b:
        q, (a, b) = a // b, (b, a % b)
        x, u, y, v = u, x - q * u, v, y - q * v
    return x, y


def prime_after(number: int) -> int:
    number |= 1
    while any(number % divisor == 0 for divisor in range(3, isqrt(number) + 1, 2)):
        number += 2
    return number


def test_attack_1_rsa_related_labels_of_two_gates_give_the_input_label() -> None:
    """Output labels that are powers x^e of one input label: two gates with coprime e show x, which was never given."""
    modulus = prime_after(1 << 31) * prime_after(3 << 30)
    rng = random.Random(1)
    hidden = rng.randrange(2, modulus)
    while gcd(hidden, modulus) != 1:
        hidden = rng.randrange(2, modulus)
    first, second = 65537, 257
    seen = pow(hidden, first, modulus), pow(hidden, second, modulus)
    a, b = bezout(first, second)
    assert pow(seen[0], a, modulus) * pow(seen[1], b, modulus) % modulus == hidden

    # ours: the two outputs of gates on one hidden input label are hashes with different tweaks; no exponents, no group
    builder = Builder([1, 1, 1])
    x, y, z = (builder.input(position)[0] for position in range(3))
    circuit = builder.finish([[builder.and_(x, y)], [builder.and_(x, z)]])
    lane = model.lane_of(circuit, Seed.generate().reveal())
    hash_ = model.ccrnd(lane.key, lane.s)
    table, zeros = model.garble(circuit, lane, hash_)
    known = [*table, *zeros, *lane.labels([1, 0, 0])]  # all that an evaluator with x = 1 and both outputs' labels holds
    hidden_label = lane.zeros[0]
    for count in range(1, len(known) + 1):
        for chosen in itertools.combinations(known, count):
            total = bytes(16)
            for item in chosen:
                total = xor(total, item)
            assert total not in (hidden_label, lane.delta)


# ---- 2 ---------------------------------------------------------------------------------------------------------------
PUBLIC_KEY = bytes(range(16))


def _aes(block: bytes) -> bytes:
    return Cipher(algorithms.AES(PUBLIC_KEY), modes.ECB()).encryptor().update(block)


def _aes_back(block: bytes) -> bytes:
    return Cipher(algorithms.AES(PUBLIC_KEY), modes.ECB()).decryptor().update(block)


def without_feed_forward(x: bytes, tweak: int) -> bytes:
    return _aes(xor(x, tweak.to_bytes(16, "little")))


def test_attack_2_a_hash_without_feed_forward_shows_delta_with_one_gate() -> None:
    """A = 1, b = 0: the evaluator gets C0 = H(A0) and inverts H."""
    circuit = single_and()
    lane = model.lane_of(circuit, Seed.generate().reveal())

    def attack(hash_: model.Hash) -> bytes:
        table, _ = model.garble(circuit, lane, hash_)
        labels = lane.labels([1, 0])
        (output,) = model.evaluate(circuit, labels, [1, 0], table, hash_)
        return xor(_aes_back(output), labels[0])  # the tweak of the first gate is zero

    assert attack(without_feed_forward) == lane.delta
    assert attack(model.ccrnd(lane.key, lane.s)) != lane.delta
    # and ours is not inverted by its own key either, which is published
    own = Cipher(algorithms.AES(lane.key), modes.ECB()).decryptor()
    hash_ = model.ccrnd(lane.key, lane.s)
    assert garbling.ccrnd(lane.key, lane.s, lane.zeros[0], 0) == hash_(lane.zeros[0], 0)
    y = own.update(hash_(lane.zeros[0], 0))
    assert xor(y[8:] + xor(y[:8], y[8:]), lane.s) != lane.zeros[0]


# ---- 3 ---------------------------------------------------------------------------------------------------------------
def chained(table: Sequence[bytes]) -> bytes:
    digest = bytes(16)
    for ciphertext in table:
        digest = _aes(xor(digest, ciphertext))
    return digest


def test_attack_3_a_table_hash_without_feed_forward_hits_any_digest(pair: Pair) -> None:
    rng = random.Random(3)
    honest = [rng.randbytes(16) for _ in range(8)]
    target = chained(honest)
    forged = [rng.randbytes(16) for _ in range(7)]
    forged.append(xor(_aes_back(target), chained(forged)))
    assert forged != honest
    assert chained(forged) == target

    artifact = kept_of(pair)
    size = 16 * CIRCUIT.and_count
    table = bytes(artifact[0][-size:])
    blocks = [table[start : start + 16] for start in range(0, size, 16)]
    evil = [bytes(16), *blocks[1:-1]]
    evil.append(xor(_aes_back(chained(blocks)), chained(evil)))
    assert chained(evil) == chained(blocks)
    artifact[0][-size:] = b"".join(evil)
    with pytest.raises(NativeError, match=rf"^instance {KEPT[0]}: table: "):
        pair.check(artifact=b"".join(artifact))


# ---- 5 ---------------------------------------------------------------------------------------------------------------
def test_attack_5_a_kept_set_hashed_from_the_commitments_is_ground_out() -> None:
    """With Fiat-Shamir the garbler tries offline until its bad instances are exactly the kept ones."""
    profile, bad = PROFILES["test"], (0, 1, 2)
    guesses = (struct.pack("<Q", n) for n in range(10_000))
    ground = next(guess for guess in guesses if draw_kept(profile, hashlib.sha256(guess).digest()) == bad)
    assert draw_kept(profile, hashlib.sha256(ground).digest()) == bad
    # the same at 40 bits costs 2^40 hashes: an afternoon of rented machines. At 5.8 bits it took less than 10,000

    # ours: drawn from entropy that did not exist when the commitments were sent; what was ground is worth nothing
    entropies = [hashlib.sha256(b"evaluator" + struct.pack("<Q", n)).digest() for n in range(2_000)]
    wins = sum(draw_kept(profile, entropy) == bad for entropy in entropies)
    assert 10 <= wins <= 80  # 2,000 / 56 = 36, and the seed is fixed


# ---- 6 ---------------------------------------------------------------------------------------------------------------
def test_attack_6_four_kept_of_181_are_25_bits_and_our_profiles_what_they_claim() -> None:
    assert round(soundness_bits(181, 4), 1) == 25.4
    bits = {name: profile.bits for name, profile in PROFILES.items()}
    assert bits["fast"] > 40
    assert bits["default"] > 64
    assert bits["paranoid"] > 80
    assert bits["test"] < 6  # which is why it is refused outside regtest


# ---- 7 ---------------------------------------------------------------------------------------------------------------
def _secret_from(openings: Sequence[bytes], own: tuple[int, int]) -> bytes:
    shares = {i: int.from_bytes(record[SHARE], "big") for i, record in zip(OPENED, openings, strict=True)}
    return Secret.from_revealed(interpolate({**shares, own[0]: own[1]}).to_bytes(32, "big")).point()


def _kept_share(pair: Pair, index: int) -> int:
    others = [i for i in range(8) if i != index][:3]
    openings, _ = pair.garbler().open(others, Progress())
    size = params_of(pair.setup).opening_bytes
    start = [i for i in range(8) if i not in others].index(index) * size
    return int.from_bytes(openings[start : start + size][SHARE], "big")


def test_attack_7_shares_of_another_polynomial_and_swapped_indices_do_not_pass(pair: Pair) -> None:
    """Regenerating an instance from the share it shows accepts any share; only F tells."""
    own = KEPT[0], _kept_share(pair, KEPT[0])
    openings = openings_of(pair)
    assert _secret_from(openings, own) == pair.offer.output_point

    # a garbler that committed to its instances with other shares: each of them regenerates as committed
    params = params_of(pair.setup)
    other = native.Garbler(params, pair.digit_seed, Seed.generate())
    commitments = other.commit(Progress())
    shown, artifact = other.open(list(KEPT), Progress())
    native.check(params, pair.offer.points, other.output_points(), commitments, list(KEPT), shown, artifact, Progress())
    size = params.opening_bytes
    records = [bytearray(shown[start : start + size]) for start in range(0, len(shown), size)]
    assert _secret_from(records, own) != pair.offer.output_point
    with pytest.raises(NativeError, match=r"^instance 0: share: "):
        pair.check(openings=shown, artifact=artifact, commitments=commitments)

    # right shares at wrong indices
    swapped = openings_of(pair)
    swapped[0], swapped[1] = swapped[1], swapped[0]
    assert _secret_from(swapped, own) != pair.offer.output_point
    with pytest.raises(NativeError, match=r"^instance 0: share: "):
        pair.check(openings=b"".join(swapped))


# ---- 9 ---------------------------------------------------------------------------------------------------------------
def test_attack_9_labels_of_two_inputs_show_delta_and_forge_any_output() -> None:
    program, seed = program_of(CIRCUIT), Seed.generate()
    first, second = bytes([1] * 8 + [0] * 8), bytes([0] + [1] * 7 + [0] * 8)
    # two handles of one instance stand for a garbler that forgot that it had answered
    one, two = (garbling.garble(program, [seed], "portable", Progress())[0] for _ in range(2))
    labels = one.encode(first), two.encode(second)
    delta = xor(labels[0][:16], labels[1][:16])
    (honest,), truth = garbling.evaluate(
        program, [(one.key, one.s, labels[0], one.table)], first, "portable", Progress()
    )
    assert truth == b"\1"
    assert one.decode(xor(honest, delta)) == b"\0"  # FALSE of a true claim

    # ours: the handle answers one input
    with pytest.raises(NativeError, match="labels of two inputs show delta"):
        one.encode(second)


def test_attack_9_a_second_kept_set_under_one_setup_id_gives_the_secret(pair: Pair) -> None:
    """Why a garbler stores its first kept set and never answers another: no claim at all was needed for this."""
    first, _ = pair.garbler().open([1, 4, 6], Progress())
    second, _ = pair.garbler().open([0, 2, 3], Progress())
    size = params_of(pair.setup).opening_bytes
    shares: dict[int, int] = {}
    for kept, openings in (((1, 4, 6), first), ((0, 2, 3), second)):
        opened = [i for i in range(8) if i not in kept]
        for index, start in zip(opened, range(0, len(openings), size), strict=True):
            shares[index] = int.from_bytes(openings[start : start + size][SHARE], "big")
    assert len(shares) > pair.setup.profile.instances - pair.setup.profile.kept
    secret = interpolate(shares).to_bytes(32, "big")
    assert Secret.from_revealed(secret).point() == pair.offer.output_point

    # ours: another setup id has another polynomial, so openings of both together give nothing
    fresh = native.Garbler(params_of(setup_of()), pair.digit_seed, pair.pair_seed)
    third, _ = fresh.open([0, 2, 3], Progress())
    mixed = {i: s for i, s in shares.items() if i in OPENED}
    mixed[1] = int.from_bytes(third[:size][SHARE], "big")  # instance 1 of the other setup
    secret = interpolate(mixed).to_bytes(32, "big")
    assert Secret.from_revealed(secret).point() not in (pair.offer.output_point, fresh.output_points()[:33])


# ---- 12 --------------------------------------------------------------------------------------------------------------
def test_attack_12_a_truncated_or_reordered_table_does_not_pass(pair: Pair) -> None:
    """A hash over an unordered or unsized table accepts both; so would an evaluator without a length check."""
    size = 16 * CIRCUIT.and_count
    artifact = kept_of(pair)
    table = bytes(artifact[2][-size:])
    blocks = [table[start : start + 16] for start in range(0, size, 16)]
    reordered = [blocks[1], blocks[0], *blocks[2:]]
    unordered = bytes(16)
    for block in blocks:
        unordered = xor(unordered, hashlib.sha256(block).digest()[:16])
    broken = bytes(16)
    for block in reordered:
        broken = xor(broken, hashlib.sha256(block).digest()[:16])
    assert broken == unordered

    artifact[2][-size:] = b"".join(reordered)
    with pytest.raises(NativeError, match=rf"^instance {KEPT[2]}: table: "):
        pair.check(artifact=b"".join(artifact))
    whole = pair.opened.artifact
    with pytest.raises(NativeError, match=rf"^artifact: expected {len(whole)} bytes, got {len(whole) - 16} bytes"):
        pair.check(artifact=whole[:-16])
    # committed to so by the garbler itself: caught where it is opened
    openings = openings_of(pair)
    head = bytearray(openings[1][HEAD])
    context = "bitvm3 2026 engine table v1"
    assert head[TABLE_ROOT] != blake3.blake3(b"".join(reordered), derive_key_context=context).digest()
    head[TABLE_ROOT] = blake3.blake3(b"".join(reordered), derive_key_context=context).digest()
    openings[1][HEAD] = head
    commitments = commitments_of(pair, openings, kept_of(pair), pair.offer.points, pair.offer.polynomial)
    with pytest.raises(NativeError, match=rf"^instance {OPENED[1]}: table: "):
        pair.check(openings=b"".join(openings), commitments=commitments)


# ---- 13 --------------------------------------------------------------------------------------------------------------
GENERATOR = Secret.from_revealed((1).to_bytes(32, "big")).point()


def points_of(data: bytes) -> list[bytes]:
    return [data[start : start + 33] for start in range(0, len(data), 33)]


def b32(number: int) -> bytes:
    return (number % ORDER).to_bytes(32, "big")


def base(pair: Pair, index: int) -> bytes:
    return native.hash_to_curve(b"solder/base", [pair.setup.setup_id, struct.pack(">I", index)])


def weights(pair: Pair, index: int, points: bytes, soldered: bytes) -> list[int]:
    """The coefficients of an opening's proof. Without S a garbler knows them before it has to publish S."""
    transcript = pair.setup.setup_id + struct.pack("<I", index) + base(pair, index) + points + soldered
    hasher = blake3.blake3(transcript, derive_key_context="bitvm3 2026 engine opening coefficients v1")
    stream = hasher.digest(length=16 * 20)
    return [int.from_bytes(stream[start : start + 16], "little") for start in range(0, len(stream), 16)]


def challenge(pair: Pair, index: int, points: bytes, soldered: bytes, nonces: bytes) -> int:
    transcript = pair.setup.setup_id + struct.pack("<I", index) + base(pair, index) + points + soldered + nonces
    hasher = blake3.blake3(transcript, derive_key_context="bitvm3 2026 engine opening challenge v1")
    return int.from_bytes(hasher.digest(length=64), "big") % ORDER


def proof_holds(pair: Pair, index: int, shown: bytes, hashed: bytes, soldered: bytes, proof: bytes) -> bool:
    """The product's check in the model's words; `hashed` is what stands for S in the transcript."""
    answer = int.from_bytes(proof[66:], "big")
    e = challenge(pair, index, hashed, soldered, proof[:66])
    g = [b32(e * x) for x in weights(pair, index, hashed, soldered)]
    one = [b32(1)]
    return combine([GENERATOR], [b32(answer)]) == combine([proof[:33], *points_of(shown)], one + g) and combine(
        [base(pair, index)], [b32(answer)]
    ) == combine([proof[33:66], *points_of(soldered)], one + g)


def solve(rows: list[list[int]], rng: random.Random) -> list[int]:
    """A solution of rows * x = 0 that is not zero."""
    pivots: list[int] = []
    rows = [row[:] for row in rows]
    for column in range(len(rows[0])):
        found = next((r for r in range(len(pivots), len(rows)) if rows[r][column]), None)
        if found is None:
            continue
        k = len(pivots)
        rows[k], rows[found] = rows[found], rows[k]
        inverse = pow(rows[k][column], -1, ORDER)
        rows[k] = [x * inverse % ORDER for x in rows[k]]
        for r in range(len(rows)):
            if r != k and rows[r][column]:
                factor = rows[r][column]
                rows[r] = [(x - factor * y) % ORDER for x, y in zip(rows[r], rows[k], strict=True)]
        pivots.append(column)
        if len(pivots) == len(rows):
            break
    x = [0 if column in pivots else rng.randrange(1, ORDER) for column in range(len(rows[0]))]
    for k, column in enumerate(pivots):
        x[column] = -sum(rows[k][c] * x[c] for c in range(len(x)) if c not in pivots) % ORDER
    return x


def test_attack_13_a_proof_that_does_not_hash_s_accepts_garbage_everywhere(pair: Pair) -> None:
    """Fix D, read all coefficients, solve sum g * eps = 0 for all N instances, publish S' = S + eps * G."""
    openings = {}
    for kept in ([5, 6, 7], [0, 1, 2]):  # the cheat knows all of its own instances
        opened = [i for i in range(8) if i not in kept]
        shown, _ = pair.garbler().open(kept, Progress())
        size = params_of(pair.setup).opening_bytes
        openings |= {i: shown[n * size : (n + 1) * size] for n, i in enumerate(opened)}
    soldered = {i: record[SOLDERED:-98] for i, record in openings.items()}
    proofs = {i: record[-98:] for i, record in openings.items()}
    honest = pair.offer.points
    for i in range(8):
        assert proof_holds(pair, i, honest, honest, soldered[i], proofs[i])

    # the transcript of the broken check does not change with S: any fixed bytes stand for it
    rows = [weights(pair, i, honest, soldered[i]) for i in range(8)]
    eps = solve(rows, random.Random(13))
    evil = b"".join(
        combine([point, GENERATOR], [b32(1), b32(x)]) for point, x in zip(points_of(honest), eps, strict=True)
    )
    assert sum(x != y for x, y in zip(points_of(evil), points_of(honest), strict=True)) >= 12
    for i in range(8):
        assert proof_holds(pair, i, evil, honest, soldered[i], proofs[i])  # broken: garbage passes in every instance
        assert not proof_holds(pair, i, evil, evil, soldered[i], proofs[i])  # ours

    opened, artifact = openings_of(pair), kept_of(pair)
    commitments = commitments_of(pair, opened, artifact, evil, pair.offer.polynomial)
    with pytest.raises(NativeError, match=r"^instance 0: proof: "):
        pair.check(points=evil, commitments=commitments)


# ---- 14 --------------------------------------------------------------------------------------------------------------
def test_attack_14_one_coefficient_too_many_and_the_secret_never_comes_out() -> None:
    """All shares fit a longer F, every check but the count passes, and N - M + 1 shares interpolate to nothing."""
    rng = random.Random(14)
    f = [rng.randrange(1, ORDER) for _ in range(7)]  # seven coefficients where six are allowed
    polynomial = b"".join(combine([GENERATOR], [b32(c)]) for c in f)

    def share(index: int) -> int:
        return sum(c * pow(index + 1, k, ORDER) for k, c in enumerate(f)) % ORDER

    powers = [[b32(pow(i + 1, k, ORDER)) for k in range(7)] for i in range(8)]
    for i in range(8):
        assert combine(points_of(polynomial), powers[i]) == combine([GENERATOR], [b32(share(i))])
    known = {i: share(i) for i in (*OPENED, KEPT[0])}
    assert Secret.from_revealed(b32(interpolate(known))).point() != polynomial[:33]
    assert Secret.from_revealed(b32(interpolate({**known, KEPT[1]: share(KEPT[1])}))).point() == polynomial[:33]

    pair = pair_of(setup_of())
    with pytest.raises(NativeError, match=r"^polynomial: expected 198 bytes, got 231 bytes"):
        pair.check(polynomial=polynomial)
