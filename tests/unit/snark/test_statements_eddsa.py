"""Attestors' signatures: circomlib's published ones, the model's, and everything that is not canonical."""

import copy
import pickle

import pytest

from native import NativeError
from native._native.keys import Seed
from native._native.statements import AttestorKey, attestor_key_fault, eddsa_verify
from tests.models import babyjub as model
from tests.models.poseidon import R

ORDER_TWO = (0, R - 1)
DIGEST = (R - 7).to_bytes(32)


def other_point(p: model.Point) -> model.Point:
    """One outside the subgroup: moved by the point of order two."""
    return model.add(p, ORDER_TWO)


def test_circomlib_signature():
    """Published in test/eddsa.js of circomlibjs, "Sign (using Poseidon) a single 10 bytes from 0 to 9"."""
    key = (
        13277427435165878497778222415993513565335242147425444199013288855685581939618,
        13622229784656158136036771217484571176836296686641868549125388198837476602820,
    )
    r8 = (
        11384336176656855268977457483345535180380036354188103142384839473266348197733,
        15383486972088797283337779941324724402501462225528836549661220478783371668959,
    )
    s = 1672775540645840396591609181675628451599263765380031905495115170613215233181
    digest = int.from_bytes(bytes([*range(10), 0, 0]), "little")
    assert model.verify(key, digest, r8, s)
    assert eddsa_verify(model.encode(*key), digest.to_bytes(32), model.encode(*r8, s))
    assert not eddsa_verify(model.encode(*key), (digest + 1).to_bytes(32), model.encode(*r8, s))


def test_signatures_are_the_models():
    seed = Seed.generate()
    key, other = AttestorKey(seed, b"one"), AttestorKey(seed, b"other")
    assert AttestorKey(seed, b"one").public() == key.public() != other.public()
    attestor_key_fault(key.public())
    point, digest = model.decode(key.public()), int.from_bytes(DIGEST)
    assert model.mul(model.L, point) == model.NEUTRAL
    signature = key.sign(DIGEST)
    assert signature == key.sign(DIGEST)
    x, y, s = model.decode(signature)
    assert model.verify(point, digest, (x, y), s)
    assert eddsa_verify(key.public(), DIGEST, signature)
    assert not eddsa_verify(other.public(), DIGEST, signature)
    assert key.sign(bytes(32))[:64] != signature[:64], "no nonce twice"


def test_the_models_signatures_are_valid():
    for secret, nonce, digest in [(1, 1, 0), (2, model.L - 1, 5), (model.L - 1, 12345, R - 1), (77, 0, 9)]:
        (x, y), s = model.sign(secret, nonce, digest)
        assert eddsa_verify(model.encode(*model.mul(secret)), digest.to_bytes(32), model.encode(x, y, s))


@pytest.fixture(scope="module")
def signed() -> tuple[bytes, bytes]:
    key = AttestorKey(Seed.generate(), b"signed")
    return key.public(), key.sign(DIGEST)


def test_one_changed_number_is_invalid(signed):
    key, signature = signed
    x, y, s = model.decode(signature)
    moved = other_point((x, y))
    for wrong in [(R - x, y, s), (x, y, (s + 1) % model.L), (x, y, model.L - s), (*moved, s), (0, 1, s)]:
        assert not eddsa_verify(key, DIGEST, model.encode(*wrong))


@pytest.mark.parametrize(
    ("place", "number", "says"),
    [
        (2, lambda s: s + model.L, "signature.S: expected a number below l"),
        (2, lambda s: (1 << 256) - 1, "signature.S: expected a number below l"),
        (0, lambda x: (x + 1) % R, "signature.R8: expected a point of Baby Jubjub"),
        (0, lambda x: R, "signature.R8.x: expected a number below r"),
        (1, lambda y: (1 << 256) - 1, "signature.R8.y: expected a number below r"),
    ],
)
def test_what_is_not_canonical_is_refused(signed, place, number, says):
    numbers = list(model.decode(signed[1]))
    numbers[place] = number(numbers[place])
    with pytest.raises(NativeError, match=says):
        eddsa_verify(signed[0], DIGEST, model.encode(*numbers))


KEYS = [
    (model.NEUTRAL, "public: expected a key, got the neutral element"),
    (ORDER_TWO, "public: expected a point of the subgroup of prime order"),
    (other_point(model.B8), "public: expected a point of the subgroup of prime order"),
    ((model.B8[0], model.B8[1] + 1), "public: expected a point of Baby Jubjub, got one off the curve"),
    ((0, 0), "public: expected a point of Baby Jubjub"),
    ((model.B8[0], model.B8[1] + R), "public.y: expected a number below r"),
    ((model.B8[0] + R, model.B8[1]), "public.x: expected a number below r"),
]


@pytest.mark.parametrize(("point", "says"), KEYS)
def test_what_is_no_key_is_refused(signed, point, says):
    attestor_key_fault(model.encode(*model.B8))
    with pytest.raises(NativeError, match=says):
        attestor_key_fault(model.encode(*point))
    with pytest.raises(NativeError, match=says):
        eddsa_verify(model.encode(*point), DIGEST, signed[1])


def test_lengths_and_digests_are_refused(signed):
    key, signature = signed
    for arguments, says in [
        ((key[:-1], DIGEST, signature), "public: expected 64 bytes, got 63"),
        ((key, DIGEST + b"\0", signature), "digest: expected 32 bytes, got 33"),
        ((key, R.to_bytes(32), signature), "digest: expected a number below r"),
        ((key, DIGEST, b""), "signature: expected 96 bytes, got 0"),
    ]:
        with pytest.raises(NativeError, match=says):
            eddsa_verify(*arguments)
    with pytest.raises(NativeError, match="digest"):
        AttestorKey(Seed.generate(), b"").sign(R.to_bytes(32))


def test_a_signing_key_is_neither_shown_nor_copied():
    key = AttestorKey(Seed.generate(), b"secret")
    assert repr(key) == "<AttestorKey>"
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="AttestorKey holds secrets"):
            take(key)
