"""The binding: names, limits, and bytes-like arguments."""

import pytest

from native import NativeError
from native._native import groth16 as native
from tests.unit.snark.kit import triples


def test_unknown_names_are_refused():
    key, [(inputs, proof), *_] = triples("bn254_1")
    raw = proof.handle.encode("eip197")
    with pytest.raises(NativeError, match="format: expected snarkjs, eip197, gnark or arkworks, got EIP197"):
        native.Proof.parse(raw, "EIP197", "bn254")
    with pytest.raises(NativeError, match="curve: expected bn254 or bls12_381, got bn128"):
        native.Proof.parse(raw, "eip197", "bn128")
    for thing in (key, inputs, proof):
        with pytest.raises(NativeError, match=r"encoding: expected snarkjs, .* got gnark-compressed"):
            thing.handle.encode("gnark-compressed")


def test_any_buffer_is_read():
    _, [(_, proof), *_] = triples("bn254_1")
    raw = proof.handle.encode("eip197")
    for same in (raw, bytearray(raw), memoryview(raw)):
        assert native.Proof.parse(same, "eip197", "bn254").encode("eip197") == raw


def test_limits_hold():
    key_bytes, proof_bytes, input_bytes, inputs = native.limits()
    with pytest.raises(NativeError, match=f"key: expected 1 to {key_bytes} bytes, got {key_bytes + 1} bytes"):
        native.VerifyingKey.parse(bytes(key_bytes + 1), "eip197", None)
    with pytest.raises(NativeError, match=f"proof: expected 1 to {proof_bytes} bytes"):
        native.Proof.parse(bytes(proof_bytes + 1), "gnark", "bn254")
    with pytest.raises(NativeError, match=f"public inputs: expected 1 to {input_bytes} bytes, got 0 bytes"):
        native.PublicInputs.parse(b"", "snarkjs", "bn254")
    with pytest.raises(NativeError, match=f"public inputs: expected at most {inputs}"):
        native.PublicInputs([bytes(32)] * (inputs + 1), "bn254")
    assert len(native.PublicInputs([bytes(32)] * inputs, "bn254").words) == inputs


def test_words_are_32_bytes():
    for word in (b"", bytes(31), bytes(33)):
        with pytest.raises(NativeError, match=r"public\[0\]"):
            native.PublicInputs([word], "bn254")


def test_arkworks_called_plainly_agrees():
    key, claims = triples("bls12_381_3")
    (inputs, proof), (other, _) = claims
    assert key.handle.verify_plainly(inputs.handle, proof.handle)
    assert not key.handle.verify_plainly(other.handle, proof.handle)
