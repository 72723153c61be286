"""circom, snarkjs and EVM vectors, and py_ecc as an independent verifier."""

import json

import pytest
from py_ecc import optimized_bn128 as ec
from py_ecc.fields import optimized_bn128_FQ as FQ
from py_ecc.fields import optimized_bn128_FQ2 as FQ2

from native import NativeError
from native._native import groth16 as native
from snark.faults import MalformedFault
from snark.formats import Curve, Format
from snark.groth16 import Proof, PublicInputs, VerifyingKey, verify
from tests.unit.snark.kit import P, R, gnark_key, triples
from tests.vectors.locate import json_vector, vector

FOLDER = "groth16/circom2gnark"


def _evm(name):
    cases = json_vector(f"evm/{name}.json")
    assert len(cases) > 10
    return [(case["Name"], bytes.fromhex(case["Input"]), bytes.fromhex(case["Expected"])) for case in cases]


def test_bn256_add():
    for name, data, expected in _evm("bn256Add"):
        assert native.bn254_add(data) == expected, name


def test_bn256_scalar_mul():
    for name, data, expected in _evm("bn256ScalarMul"):
        assert native.bn254_multiply(data) == expected, name


def test_bn256_pairing():
    for name, data, expected in _evm("bn256Pairing"):
        assert native.bn254_pairing(data) == bool(expected[-1]), name


def test_bn256_pairing_refuses_what_the_precompile_refuses():
    name, data, _ = _evm("bn256Pairing")[0]
    assert native.bn254_pairing(data), name
    one_off = bytearray(data)
    one_off[191] ^= 1
    not_canonical = (int.from_bytes(data[:32]) + P).to_bytes(32) + data[32:]
    for wrong, text in [
        (data[:-1], "pairs: expected a multiple of 192 bytes, got 383"),
        (bytes(one_off), "pair 0, G2: expected a point of the curve"),
        (not_canonical, r"pair 0, G1.x: expected a coordinate below"),
    ]:
        with pytest.raises(NativeError, match=text):
            native.bn254_pairing(wrong)


@pytest.fixture
def triple():
    read = [vector(f"{FOLDER}/{name}.json").read_bytes() for name in ("vkey", "proof", "public_signals")]
    key = VerifyingKey.parse(read[0])
    return key, PublicInputs.parse(read[2], key.curve), Proof.parse(read[1], key.curve)


def test_circom2gnark_verifies_and_public_plus_one_does_not(triple):
    key, inputs, proof = triple
    assert (key.curve, key.inputs, key.format) == (Curve.BN254, 1, Format.SNARKJS)
    assert verify(key, inputs, proof)
    assert not verify(key, PublicInputs.of([inputs.numbers[0] + 1], key.curve), proof)


def test_circom_compat_key_is_read_and_refuses_another_circuits_proof(triple):
    raw = vector("groth16/circom_compat/verification_key.json").read_bytes()
    key = VerifyingKey.parse(raw)
    assert key.inputs == 1
    assert key.id != triple[0].id
    assert not verify(key, triple[1], triple[2])
    # What this program writes is what snarkjs wrote, e(alpha, beta) included.
    assert json.loads(key.handle.encode("snarkjs")) == json.loads(raw)


def _g1(point):
    return FQ(int(point[0])), FQ(int(point[1])), FQ(int(point[2]))


def _g2(point):
    return tuple(FQ2([int(part) for part in pair]) for pair in point)


def _py_ecc(key, inputs, proof):
    """The Groth16 equation by py_ecc, over snarkjs JSON."""
    x = _g1(key["IC"][0])
    for number, point in zip(inputs, key["IC"][1:], strict=True):
        x = ec.add(x, ec.multiply(_g1(point), number))
    pairs = [
        (_g2(proof["pi_b"]), _g1(proof["pi_a"])),
        (_g2(key["vk_beta_2"]), ec.neg(_g1(key["vk_alpha_1"]))),
        (_g2(key["vk_gamma_2"]), ec.neg(x)),
        (_g2(key["vk_delta_2"]), ec.neg(_g1(proof["pi_c"]))),
    ]
    product = ec.FQ12.one()
    for two, one in pairs:
        assert ec.is_on_curve(two, ec.b2)
        assert ec.is_on_curve(one, ec.b)
        product *= ec.pairing(two, one, final_exponentiate=False)
    return ec.final_exponentiate(product) == ec.FQ12.one()


def _negated(proof):
    changed = json.loads(json.dumps(proof))
    changed["pi_a"][1] = str(P - int(changed["pi_a"][1]))
    return changed


def test_py_ecc_agrees_on_valid_and_invalid():
    handles, claims = triples("bn254_3")
    key = json.loads(handles.handle.encode("snarkjs"))
    inputs, proof = claims[0][0].numbers, json.loads(claims[0][1].handle.encode("snarkjs"))
    cases = [
        (inputs, proof),
        ((inputs[0], inputs[1], inputs[2] + 1), proof),
        (inputs, _negated(proof)),
        (inputs, json.loads(claims[1][1].handle.encode("snarkjs"))),
    ]
    verdicts = []
    for numbers, candidate in cases:
        read = Proof.parse(json.dumps(candidate).encode(), Curve.BN254)
        ours = verify(handles, PublicInputs.of(numbers, Curve.BN254), read)
        assert ours == _py_ecc(key, numbers, candidate)
        verdicts.append(ours)
    assert verdicts == [True, False, False, False]


def test_py_ecc_agrees_that_a_point_is_malformed():
    handles, claims = triples("bn254_1")
    key = json.loads(handles.handle.encode("snarkjs"))
    proof = json.loads(claims[0][1].handle.encode("snarkjs"))
    proof["pi_a"][1] = str(int(proof["pi_a"][1]) ^ 1)
    with pytest.raises(MalformedFault, match="pi_a: expected a point of the curve"):
        Proof.parse(json.dumps(proof).encode(), Curve.BN254)
    with pytest.raises(AssertionError):
        _py_ecc(key, claims[0][0].numbers, proof)


def outside_the_subgroup():
    """A point of the twist that is not of order r, found by py_ecc: snarkjs coordinates."""
    for real in range(1, 100):
        x = FQ2([real, 0])
        y = _root(x * x * x + ec.b2)
        if y is not None and not ec.is_inf(ec.multiply((x, y, FQ2.one()), R)):
            return [[str(int(part)) for part in coordinate.coeffs] for coordinate in (x, y)] + [["1", "0"]]
    raise AssertionError("half of all x have a y, and nearly all of those points are outside")


def _root(square):
    """A square root in Fp2, p = 3 mod 4 (Adj, Rodriguez-Henriquez, ePrint 2012/685, algorithm 9)."""
    a1 = square ** ((P - 3) // 4)
    alpha, x0 = a1 * a1 * square, a1 * square
    root = FQ2([0, 1]) * x0 if alpha == FQ2([P - 1, 0]) else (FQ2.one() + alpha) ** ((P - 1) // 2) * x0
    return root if root * root == square else None


def test_a_g2_point_outside_the_subgroup_is_refused_everywhere():
    handles, claims = triples("bn254_1")
    wrong = outside_the_subgroup()
    proof = json.loads(claims[0][1].handle.encode("snarkjs")) | {"pi_b": wrong}
    with pytest.raises(MalformedFault, match="pi_b: expected a point of the subgroup of order r"):
        Proof.parse(json.dumps(proof).encode(), Curve.BN254)
    key = json.loads(handles.handle.encode("snarkjs"))
    for field in ("vk_beta_2", "vk_gamma_2", "vk_delta_2"):
        with pytest.raises(MalformedFault, match=f"{field}: expected a point of the subgroup"):
            VerifyingKey.parse(json.dumps(key | {field: wrong}).encode())
    (x0, x1), (y0, y1), _ = [[int(part).to_bytes(32) for part in pair] for pair in wrong]
    words = claims[0][1].handle.encode("eip197")
    for format_ in (Format.EIP197, Format.GNARK):
        with pytest.raises(MalformedFault, match="B: expected a point of the subgroup"):
            Proof.parse(words[:64] + x1 + x0 + y1 + y0 + words[192:], Curve.BN254, format_)
    with pytest.raises(NativeError, match="pair 0, G2: expected a point of the subgroup"):
        native.bn254_pairing(bytes(64) + x1 + x0 + y1 + y0)


def test_a_gnark_key_has_two_more_points_that_must_be_right(triple):
    # gamma = delta = the generator of G2 here, so delta in G1 is the generator; beta in G1 nobody knows: alpha = beta does.
    key, inputs, proof = triple
    g1 = (1).to_bytes(32) + (2).to_bytes(32)
    words = bytearray(key.handle.encode("eip197"))
    words[64:192] = words[192:320]  # beta = the generator too
    changed = VerifyingKey.parse(bytes(words), Format.EIP197)
    raw = gnark_key(changed, g1, g1)
    for tail in (b"", bytes(4), bytes(8)):
        assert VerifyingKey.parse(raw + tail).id == changed.id
    assert VerifyingKey.parse(raw).format is Format.GNARK
    twice = native.bn254_add(g1 + g1)
    for wrong, text in [
        (gnark_key(changed, twice, g1), "beta in G1: expected the multiple of the generator"),
        (gnark_key(changed, g1, twice), "delta in G1: expected the multiple of the generator"),
        (raw + b"\0\0\0\1", "committed inputs: expected none"),
        (raw + bytes(4) + b"\0\0\0\1", "commitment keys: expected none"),
        (raw + bytes(12), "no bytes after the end"),
    ]:
        with pytest.raises(MalformedFault, match=text):
            VerifyingKey.parse(wrong, Format.GNARK, Curve.BN254)
    assert not verify(changed, inputs, proof)
