"""The vectors of the executable dispute model: gate hash, hash to curve, adaptors, soundness."""

import json

import pytest

from circuits.cut_and_choose import soundness_bits
from native._native.engine import hash_to_curve
from native._native.garbling import ccrnd
from native._native.keys import Secret
from native._native.signing import check_presignature, complete, extract, verify
from tests.unit.circuits import garbling_model as model
from tests.vectors.locate import reference

VECTORS = json.loads(reference("dispute_vectors.json").read_text())


def _bytes(number: str) -> bytes:
    return int(number, 16).to_bytes(32, "big")


@pytest.mark.parametrize("row", VECTORS["ccrnd"], ids=lambda row: f"tweak {row['tweak']}")
def test_gate_hash(row: dict[str, str]) -> None:
    key, s, x, tweak = bytes.fromhex(row["key"]), bytes.fromhex(row["s"]), bytes.fromhex(row["x"]), int(row["tweak"])
    assert ccrnd(key, s, x, tweak).hex() == row["out"]
    assert model.ccrnd(key, s)(x, tweak).hex() == row["out"]


@pytest.mark.parametrize("row", VECTORS["hash_to_curve"], ids=lambda row: f"instance {row['i']}")
def test_hash_to_curve(row: dict[str, str]) -> None:
    parts = [bytes.fromhex(row["setup"]), int(row["i"]).to_bytes(4, "big")]
    assert hash_to_curve(b"solder/base", parts).hex() == row["point"]


def test_adaptor() -> None:
    vector = VECTORS["adaptor"]
    point, scalar = vector["presignature"]
    presignature = bytes.fromhex(point) + _bytes(scalar)
    key, message = _bytes(vector["pubkey_x"]), bytes.fromhex(vector["message"])
    assert check_presignature(key, message, bytes.fromhex(vector["point"]), presignature)
    signature = complete(presignature, Secret.from_revealed(_bytes(vector["secret"])))
    assert signature.hex() == vector["signature"]
    assert verify(key, message, signature)
    assert extract(presignature, signature) == _bytes(vector["secret"])


@pytest.mark.parametrize(("sizes", "bits"), VECTORS["soundness_bits"].items())
def test_soundness(sizes: str, bits: float) -> None:
    instances, kept = map(int, sizes.split(","))
    assert round(soundness_bits(instances, kept), 2) == bits
