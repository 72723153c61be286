//! Prints tests/unit/snark/proofs.json: keys and proofs of small circuits, the same at every run.

#[path = "../tests/common/mod.rs"]
mod common;

use ark_bls12_381::Bls12_381;
use ark_bn254::Bn254;
use groth16::{AnyInputs, AnyKey, AnyProof, Encoding};
use serde_json::{Value, json};

fn hex_of(bytes: Vec<u8>) -> Value {
    Value::String(hex::encode(bytes))
}

fn main() {
    let compressed = Encoding::ArkworksCompressed;
    macro_rules! of {
        ($pairing:ty, $curve:ident, $inputs:expr, $count:expr) => {{
            let (key, claims) = common::proofs::<$pairing>($inputs, $count, 2026);
            let claims: Vec<Value> = claims
                .into_iter()
                .map(|(inputs, proof)| {
                    let inputs = AnyInputs::$curve(inputs).encode(compressed).unwrap();
                    let proof = AnyProof::$curve(proof).encode(compressed).unwrap();
                    json!([hex_of(inputs), hex_of(proof)])
                })
                .collect();
            let key = AnyKey::$curve(Box::new(key)).encode(compressed).unwrap();
            json!({"key": hex_of(key), "claims": claims})
        }};
    }
    let all = json!({
        "what": "arkworks compressed bytes: a key, and [public inputs, proof] for w = 2, 3, ...; input i is w^(i + 2)",
        "bn254_1": of!(Bn254, Bn254, 1, 8),
        "bn254_3": of!(Bn254, Bn254, 3, 2),
        "bls12_381_1": of!(Bls12_381, Bls12381, 1, 8),
        "bls12_381_3": of!(Bls12_381, Bls12381, 3, 2),
    });
    println!("{}", serde_json::to_string_pretty(&all).unwrap());
}
