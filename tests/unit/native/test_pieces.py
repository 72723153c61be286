"""What the benches measure piece by piece is what the engine does: it comes out the same again, and decodes."""

import json
from pathlib import Path

import pytest

from circuits.cut_and_choose import PROFILES
from circuits.engine import Encrypted, Setup
from circuits.engines.babe import CIRCUIT
from circuits.engines.pairs import layout_of, params_of
from native import NativeError
from native._native.engine import (
    Statement,
    complete_digits,
    digit_points,
    extract_digits,
    hash_to_curve,
    presign_digits,
    value_points,
)
from native._native.groth16 import Proof
from native._native.keys import Seed
from native._native.pieces import Encoding, solder
from native._native.signing import combine
from tests.unit.native.group import b32, cut, scalar, secret

PROOFS = json.loads((Path(__file__).parents[1] / "snark" / "proofs.json").read_text())
MADE = PROOFS["bn254_1"]
KEY, THREE_INPUTS = bytes.fromhex(MADE["key"]), bytes.fromhex(PROOFS["bn254_3"]["key"])
X, OTHER_X = (bytes.fromhex(claim[0])[8:][::-1] for claim in MADE["claims"][:2])
PROOF, OTHER = (
    Proof.parse(bytes.fromhex(claim[1]), "arkworks", "bn254").encode("eip197") for claim in MADE["claims"][:2]
)


def test_an_encoding_comes_out_the_same_again_and_decodes() -> None:
    made = Encoding(Seed.generate())
    assert made.again()
    assert made.decode()
    assert made.size == 91 * 32 * (8 * 254 + 3)
    one, other = (made.encrypt(Statement(KEY, x)) for x in (X, OTHER_X))
    assert len(one) == 128 + 384
    assert one[:128] == other[:128], "r * delta does not depend on the input"
    assert one[128:] != other[128:], "Y^r does"


def test_soldered_points_are_the_digit_secrets_times_the_base_of_the_instance() -> None:
    statement = Encrypted(key=KEY, x=X)
    setup = Setup(
        setup_id=b32(scalar("setup")),
        context=b"",
        circuit=CIRCUIT,
        statement=statement,
        profile=PROFILES["test"],
        digit_bits=4,
    )
    seed, layout = Seed.generate(), layout_of(CIRCUIT, 4)
    soldered = cut(solder(params_of(setup), seed, 5), 33)
    base = hash_to_curve(b"solder/base", [setup.setup_id, (5).to_bytes(4)])
    # completing a presignature of value 0 shows the first secret of a digit's row, of value 4 the sum with the third step
    points = digit_points(layout, seed)
    messages = [b32(digit) for digit in range(layout.digits)]
    presignatures = presign_digits(secret("key"), Seed.generate(), messages, value_points(layout, points))
    for value, picked in ((0, [0]), (4, [0, 3])):
        signatures = complete_digits(presignatures, layout, seed, [value] * layout.digits)
        shown = extract_digits(presignatures, layout, signatures, points)
        for digit, (_, known) in enumerate(shown):
            row = soldered[5 * digit : 5 * digit + 5]
            ones = [b32(1)] * len(picked)
            assert combine([base], [known]) == combine([row[place] for place in picked], ones)


def test_a_statement_takes_its_own_valid_proofs_alone() -> None:
    statement = Statement(KEY, X)
    assert statement.verify(PROOF)
    assert not statement.verify(OTHER)
    assert Statement(KEY, OTHER_X).verify(OTHER)
    assert len({statement.id, Statement(KEY, OTHER_X).id}) == 2
    assert not statement.verify(bytes(256))
    for place in (31, 95, 255):
        changed = bytearray(PROOF)
        changed[place] ^= 1
        assert not statement.verify(bytes(changed))
    with pytest.raises(NativeError, match="proof: expected 256 bytes, got 255 bytes"):
        statement.verify(PROOF[1:])


@pytest.mark.parametrize(
    ("key", "x", "text"),
    [
        (KEY, X[1:], "x: expected 32 bytes"),
        (KEY, b"\xff" * 32, r"public\[0\]: expected a number below the group order"),
        (KEY + b"\0", X, "IC: expected"),
        (b"", X, "key: expected 1 to"),
        (THREE_INPUTS, X, "key: expected one public input, got 3"),
    ],
    ids=["short", "too large", "longer key", "no key", "three inputs"],
)
def test_other_statements_are_refused(key: bytes, x: bytes, text: str) -> None:
    with pytest.raises(NativeError, match=text):
        Statement(key, x)
