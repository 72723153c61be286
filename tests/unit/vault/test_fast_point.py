"""Announcements, attestations and subset points against the independent model, and every forgery of them.

hypothesis picks attestors, thresholds, subsets, prices and days; the model computes in affine coordinates.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from native._native import signing
from native._native.keys import Secret, Seed
from tests.models import attest as model
from tests.models.secp256k1 import N, add, compress, decompress, mul
from vault.fast_point import (
    MAX_SUBSETS,
    Announcement,
    announcement_message,
    attested,
    check_announcement,
    day_of,
    event,
    point,
    proof_message,
    subset_point,
    subset_secret,
    subsets,
)
from vault.faults import TermsFault

LEDGER = bytes(range(32))
PRICE, DAY = 4_000_000, 7
scalars = st.integers(1, N - 1)


def announced(attestor: int, secret: int, nonce: int, *, price: int = PRICE, day: int = DAY) -> Announcement:
    return Announcement(**model.announce(LEDGER, attestor, price, day, secret, nonce))


def to_bytes(number: int) -> bytes:
    return number.to_bytes(32, "big")


@settings(max_examples=10, deadline=None)
@given(
    secrets=st.lists(st.tuples(scalars, scalars), min_size=1, max_size=4, unique=True),
    price=st.integers(1, 2**40),
    day=st.integers(0, 2**20),
)
def test_points_and_attestations_are_those_of_the_model(secrets: list, price: int, day: int) -> None:
    """For every subset of any number of attestors, of either parity of keys and nonces."""
    found = [announced(i, *pair, price=price, day=day) for i, pair in enumerate(secrets)]
    plain = [asdict(a) for a in found]
    shown = [model.scalar(LEDGER, a, *pair) for a, pair in zip(plain, secrets, strict=True)]
    for a, p, s in zip(found, plain, shown, strict=True):
        assert check_announcement(LEDGER, a, "a") == a
        assert model.sound(LEDGER, p)
        assert decompress(point(LEDGER, a)) == model.point(LEDGER, p)
        assert attested(LEDGER, a, to_bytes(s))
        assert not attested(LEDGER, a, to_bytes((s + 1) % N))
    for size in range(1, len(found) + 1):
        for places in itertools.combinations(range(len(found)), size):
            chosen = [found[i] for i in places]
            wanted = model.subset_point(LEDGER, [plain[i] for i in places])
            assert subset_point(LEDGER, chosen) == compress(wanted)
            opened = subset_secret(LEDGER, chosen, [to_bytes(shown[i]) for i in places])
            assert Secret.from_revealed(opened).point() == compress(wanted)


def test_what_an_attestor_makes_natively_is_what_the_model_accepts() -> None:
    for number in range(8):
        seed = Seed.generate()
        key = seed.secret(b"bip340")
        nonce, proof = signing.announce(key, seed, event(LEDGER, PRICE, DAY))
        bare = Announcement(
            attestor=number, key=key.xonly(), price=PRICE, day=DAY, nonce=nonce, proof=proof, signature=bytes(64)
        )
        a = replace(bare, signature=key.sign(announcement_message(LEDGER, bare)))
        assert model.sound(LEDGER, asdict(a))
        check_announcement(LEDGER, a, "a")
        signature = signing.attest(key, seed, event(LEDGER, PRICE, DAY))
        assert signature[:32] == nonce
        assert signature == signing.attest(key, seed, event(LEDGER, PRICE, DAY))
        assert attested(LEDGER, a, signature[32:])
        assert mul(int.from_bytes(signature[32:], "big")) == model.point(LEDGER, asdict(a))


def test_no_two_prices_days_or_ledgers_share_a_nonce() -> None:
    seed = Seed.generate()
    key = seed.secret(b"bip340")
    events = {event(ledger, price, day) for ledger in (LEDGER, bytes(32)) for price in (1, 2) for day in (0, 1)}
    assert len({signing.announce(key, seed, said)[0] for said in events}) == len(events) == 8


HONEST = announced(0, 5, 77)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("price", PRICE + 1, "proof"),
        ("day", DAY + 1, "proof"),
        ("key", model.x(6), "proof"),
        ("nonce", model.x(78), "proof"),
        ("proof", bytes(64), "proof"),
        ("proof", b"", "proof"),
        ("signature", bytes(64), "signature"),
        ("price", 0, "price"),
        ("day", -1, "day"),
        ("attestor", -1, "attestor"),
    ],
)
def test_an_announcement_with_one_field_changed_is_refused(field: str, value: object, named: str) -> None:
    with pytest.raises(TermsFault) as caught:
        check_announcement(LEDGER, replace(HONEST, **{field: value}), "a")
    assert caught.value.field == f"a.{named}"


def test_an_announcement_is_for_one_ledger() -> None:
    with pytest.raises(TermsFault, match="proof"):
        check_announcement(bytes(32), HONEST, "a")


def test_a_nonce_chosen_to_cancel_another_has_no_proof() -> None:
    """The rogue takes R' = R'' - S_0: alone it would then open the plain sum S_0 + S_1. It cannot prove that it knows R'."""
    ours, rogue_key, free = point(LEDGER, HONEST), 6, 99
    said = event(LEDGER, PRICE, DAY)
    rogue_nonce = add(mul(free), (decompress(ours)[0], -decompress(ours)[1] % (2**256 - 2**32 - 977)))
    nonce = compress(rogue_nonce)[1:]
    # The best it can do: a proof by a number that it knows, and its own honest signature.
    proof = model.sign(free, 3, proof_message(LEDGER, replace(HONEST, key=model.x(rogue_key), nonce=nonce)))
    bare = replace(HONEST, attestor=1, key=model.x(rogue_key), nonce=nonce, proof=proof)
    rogue = replace(bare, signature=model.sign(rogue_key, 4, announcement_message(LEDGER, bare)))
    assert signing.verify(rogue.key, announcement_message(LEDGER, rogue), rogue.signature)
    assert event(LEDGER, rogue.price, rogue.day) == said
    with pytest.raises(TermsFault) as caught:
        check_announcement(LEDGER, rogue, "rogue")
    assert caught.value.field == "rogue.proof"


def test_coefficients_bind_the_whole_subset() -> None:
    """The same attestor weighs differently beside another one: no share can be taken from one subset into another."""
    a, b, c = (announced(i, 5 + i, 77 + i) for i in range(3))
    shares = [model.weights(LEDGER, [asdict(a), asdict(other)])[0] for other in (b, c)]
    assert shares[0] != shares[1]
    changed = replace(b, signature=model.sign(6, 9, announcement_message(LEDGER, b)))
    check_announcement(LEDGER, changed, "b")
    assert subset_point(LEDGER, [a, b]) != subset_point(LEDGER, [a, changed])


def test_a_secret_is_made_of_attestations_only() -> None:
    pairs = [(5, 77), (6, 78)]
    found = [announced(i, *pair) for i, pair in enumerate(pairs)]
    shown = [to_bytes(model.scalar(LEDGER, asdict(a), *pair)) for a, pair in zip(found, pairs, strict=True)]
    subset_secret(LEDGER, found, shown)
    for wrong in (shown[0], bytes(32), shown[1][:31], to_bytes(N)):
        with pytest.raises(TermsFault) as caught:
            subset_secret(LEDGER, found, [shown[0], wrong])
        assert caught.value.field == "attestation of attestor 1"


@pytest.mark.parametrize(("attestors", "threshold"), [(n, t) for n in range(1, 9) for t in range(n + 2)])
def test_subsets_are_all_or_refused(attestors: int, threshold: int) -> None:
    wanted = list(itertools.combinations(range(attestors), threshold))
    if 1 <= len(wanted) <= MAX_SUBSETS and threshold:
        assert list(subsets(attestors, threshold)) == wanted
    else:
        with pytest.raises(TermsFault):
            subsets(attestors, threshold)


def test_days_are_blocks_from_the_ledgers_first_height() -> None:
    assert [day_of(1_000, height) for height in (999, 1_000, 1_143, 1_144, 1_000 + 144 * 30)] == [-1, 0, 0, 1, 30]
