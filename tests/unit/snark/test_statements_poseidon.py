"""Poseidon: published values of circomlibjs and go-iden3-crypto, and every width against the model."""

import random

import pytest

from native import NativeError
from native._native.statements import poseidon
from tests.models import poseidon as model

PUBLISHED = [
    # circomlibjs test/poseidon.js
    ([1, 2], 0x115CC0F5E7D690413DF64C6B9662E9CF2A3617F2743245519E19607A4417189A),
    ([1, 2, 3, 4], 0x299C867DB6C1FDD79DCEFA40E4510B9837E60EBB1CE0663DBAA525DF65250465),
    # go-iden3-crypto poseidon/poseidon_test.go
    ([1], 18586133768512220936620570745912940619677854269274689475585506675881198879027),
    ([1, 2, 0, 0, 0], 1018317224307729531995786483840663576608797660851238720571059489595066344487),
    ([1, 2, 0, 0, 0, 0], 15336558801450556532856248569924170992202208561737609669134139141992924267169),
    ([3, 4, 0, 0, 0], 5811595552068139067952687508729883632420015185677766880877743348592482390548),
    ([3, 4, 0, 0, 0, 0], 12263118664590987767234828103155242843640892839966517009184493198782366909018),
    ([1, 2, 3, 4, 5, 6], 20400040500897583745843009878988256314335038853985262692600694741116813247201),
    ([*range(1, 17)], 9989051620750914585850546081941653841776809718687451684622678807385399211877),
]


def hashed(inputs: list[int]) -> int:
    return int.from_bytes(poseidon([number.to_bytes(32) for number in inputs]))


@pytest.mark.parametrize(("inputs", "digest"), PUBLISHED)
def test_published_values(inputs, digest):
    assert hashed(inputs) == digest
    assert model.poseidon(inputs) == digest


@pytest.mark.parametrize("width", range(1, 17))
def test_every_width_is_that_of_the_model(width):
    draw = random.Random(width)
    for inputs in ([0] * width, [model.R - 1] * width, [draw.randrange(model.R) for _ in range(width)]):
        assert hashed(inputs) == model.poseidon(inputs)


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ([], "inputs: expected 1 to 16 numbers, got 0"),
        ([bytes(32)] * 17, "inputs: expected 1 to 16 numbers, got 17"),
        ([bytes(32), bytes(31)], r"inputs\[1\]: expected 32 bytes, got 31"),
        ([bytes(32), model.R.to_bytes(32)], r"inputs\[1\]: expected a number below r"),
        ([b"\xff" * 32], r"inputs\[0\]: expected a number below r"),
    ],
)
def test_what_is_no_input_is_refused(inputs, says):
    with pytest.raises(NativeError, match=says):
        poseidon(inputs)
