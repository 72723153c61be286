"""Keys, proofs and inputs of small circuits (proofs.json, printed by `cargo run -p groth16 --example fixtures`)."""

import json
from pathlib import Path

from snark.formats import Curve, Format
from snark.groth16 import Proof, PublicInputs, VerifyingKey

P = 0x30644E72E131A029B85045B68181585D97816A916871CA8D3C208C16D87CFD47  # BN254's field
R = 0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000001  # BN254's group order
ENCODINGS = {
    "snarkjs": Format.SNARKJS,
    "eip197": Format.EIP197,
    "gnark": Format.GNARK,
    "gnark-raw": Format.GNARK,
    "arkworks": Format.ARKWORKS,
    "arkworks-uncompressed": Format.ARKWORKS,
}
_ALL = json.loads((Path(__file__).parent / "proofs.json").read_text())


def triples(name: str) -> tuple[VerifyingKey, list[tuple[PublicInputs, Proof]]]:
    """The key and the claims of "CURVE_INPUTS"."""
    curve, made = Curve(name.rpartition("_")[0]), _ALL[name]
    key = VerifyingKey.parse(bytes.fromhex(made["key"]), Format.ARKWORKS, curve)
    claims = [
        (
            PublicInputs.parse(bytes.fromhex(inputs), curve, Format.ARKWORKS),
            Proof.parse(bytes.fromhex(proof), curve, Format.ARKWORKS),
        )
        for inputs, proof in made["claims"]
    ]
    return key, claims


def gnark_key(key: VerifyingKey, beta: bytes, delta: bytes) -> bytes:
    """A BN254 key as gnark's WriteRawTo lays it out, from EIP-197 words and beta and delta in G1."""
    words = key.handle.encode("eip197")
    alpha, beta2, gamma2, delta2, ic = words[:64], words[64:192], words[192:320], words[320:448], words[448:]
    return alpha + beta + beta2 + gamma2 + delta + delta2 + (len(ic) // 64).to_bytes(4) + ic
