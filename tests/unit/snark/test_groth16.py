"""Verification, batches, folded keys, integers as inputs, and formats that are guessed."""

import json

import py_ecc.optimized_bn128 as bn128
import pytest

from snark.faults import LocalFault, MalformedFault
from snark.formats import Curve, Format
from snark.groth16 import Proof, PublicInputs, VerifyingKey, fold, verify, verify_batch
from tests.unit.snark.kit import ENCODINGS, R, triples

NAMES = ["bn254_1", "bn254_3", "bls12_381_1", "bls12_381_3"]


@pytest.mark.parametrize("name", NAMES)
def test_a_proof_is_valid_for_its_own_inputs_and_key_only(name):
    key, claims = triples(name)
    (inputs, proof), (other_inputs, other_proof) = claims[:2]
    assert verify(key, inputs, proof)
    assert verify(key, other_inputs, other_proof)
    assert not verify(key, inputs, other_proof)
    assert not verify(key, other_inputs, proof)
    assert inputs.numbers == tuple(2 ** (i + 2) for i in range(key.inputs))


@pytest.mark.parametrize("name", NAMES)
def test_one_changed_input_is_invalid(name):
    key, claims = triples(name)
    inputs, proof = claims[0]
    for i in range(key.inputs):
        numbers = list(inputs.numbers)
        numbers[i] += 1
        assert not verify(key, PublicInputs.of(numbers, key.curve), proof)


@pytest.mark.parametrize("name", NAMES)
def test_folded_keys_judge_as_whole_ones(name):
    key, claims = triples(name)
    (inputs, proof), (_, other) = claims[:2]
    for fixed in range(key.inputs + 1):
        folded = fold(key, PublicInputs.of(inputs.numbers[:fixed], key.curve))
        rest = PublicInputs.of(inputs.numbers[fixed:], key.curve)
        assert (folded.inputs, folded.key_id) == (key.inputs - fixed, key.id)
        assert folded.verify(proof, rest)
        assert not folded.verify(other, rest)
    with pytest.raises(MalformedFault, match="fixed inputs: expected at most"):
        fold(key, PublicInputs.of([*inputs.numbers, 1], key.curve))


@pytest.mark.parametrize("name", ["bn254_1", "bls12_381_1"])
def test_a_batch_names_the_invalid_claims(name):
    key, claims = triples(name)
    assert verify_batch(key, claims) == []
    mixed = [*claims, (claims[0][0], claims[1][1]), *claims, (claims[2][0], claims[0][1])]
    assert verify_batch(key, mixed) == [len(claims), 2 * len(claims) + 1]
    with pytest.raises(LocalFault, match="at least one"):
        verify_batch(key, [])
    with pytest.raises(MalformedFault, match=r"batch\[1\], public inputs: expected 1 of this key, got 2"):
        verify_batch(key, [claims[0], (PublicInputs.of([1, 2], key.curve), claims[0][1])])


def test_curves_do_not_mix():
    key, [(inputs, proof), *_] = triples("bn254_1")
    other, [(other_inputs, other_proof), *_] = triples("bls12_381_1")
    with pytest.raises(MalformedFault, match="proof: expected points of bn254, got bls12_381"):
        verify(key, inputs, other_proof)
    with pytest.raises(MalformedFault, match="expected numbers of bls12_381, got bn254"):
        verify(other, inputs, other_proof)
    with pytest.raises(MalformedFault, match=r"batch\[0\], proof: expected points of bn254"):
        verify_batch(key, [(other_inputs, other_proof)])
    assert verify(key, inputs, proof)


def test_integers_are_never_reduced():
    key, [(inputs, proof), *_] = triples("bn254_1")
    for number in (inputs.numbers[0] + R, R, -1, 1 << 256, (1 << 256) - 1):
        with pytest.raises(MalformedFault, match=r"public\[0\].*below the group order r"):
            PublicInputs.of([number], Curve.BN254)
    assert not verify(key, PublicInputs.of([R - 1], Curve.BN254), proof)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_formats_are_guessed_and_the_key_id_is_one(name, encoding):
    key, [(inputs, proof), *_] = triples(name)
    if encoding == "eip197" and key.curve is Curve.BLS12_381:
        pytest.skip("EIP-197 has BN254 only")
    read_proof = Proof.parse(proof.handle.encode(encoding), key.curve)
    read_inputs = PublicInputs.parse(inputs.handle.encode(encoding), key.curve)
    assert read_inputs.numbers == inputs.numbers
    if ENCODINGS[encoding] is Format.GNARK:
        assert verify(key, read_inputs, read_proof)
        return
    read_key = VerifyingKey.parse(key.handle.encode(encoding))
    assert (read_key.id, read_key.curve, read_key.format) == (key.id, key.curve, ENCODINGS[encoding])
    assert verify(read_key, read_inputs, read_proof)


def test_keys_differ_in_their_id():
    assert len({triples(name)[0].id for name in NAMES}) == len(NAMES)


def test_a_key_without_phase_two_is_told():
    key, _ = triples("bn254_1")
    assert not key.forgeable
    vk = json.loads(key.handle.encode("snarkjs"))
    vk["vk_gamma_2"] = vk["vk_delta_2"]
    assert VerifyingKey.parse(json.dumps(vk).encode()).forgeable


def test_a_point_that_begins_like_json_is_no_json():
    """One compressed point of arkworks in 256 begins with the byte of a brace."""
    point = multiple = bn128.G1
    while int(bn128.normalize(multiple)[0]) % 256 != ord("{"):
        multiple = bn128.add(multiple, point)
    key, ((inputs, proof), *_) = triples("bn254_1")
    said = json.loads(proof.handle.encode("snarkjs"))
    said["pi_a"] = [str(int(word)) for word in bn128.normalize(multiple)] + ["1"]
    raw = Proof.parse(json.dumps(said).encode(), Curve.BN254).handle.encode("arkworks")
    assert raw[:1] == b"{"
    read = Proof.parse(raw, Curve.BN254)
    assert read.format is Format.ARKWORKS and read.handle.encode("arkworks") == raw
    assert not verify(key, inputs, read)
