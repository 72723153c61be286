//! Keys, proofs and inputs of either curve, for callers that learn the curve from a file.

use ark_bls12_381::Bls12_381;
use ark_bn254::Bn254;

use crate::curve::{Curve, CurveId, big_endian, scalar};
use crate::fault::{Result, fault};
use crate::key::{Encoding, Format, Key, Proof, encode_inputs, parse_inputs};
use crate::verify::Folded;
use crate::{limits, snarkjs};

/// A verifying key.
pub enum AnyKey {
    /// On BN254.
    Bn254(Box<Key<Bn254>>),
    /// On BLS12-381.
    Bls12381(Box<Key<Bls12_381>>),
}

/// A proof.
pub enum AnyProof {
    /// On BN254.
    Bn254(Proof<Bn254>),
    /// On BLS12-381.
    Bls12381(Proof<Bls12_381>),
}

/// Public inputs.
pub enum AnyInputs {
    /// Of BN254's scalar field.
    Bn254(Vec<ark_bn254::Fr>),
    /// Of BLS12-381's scalar field.
    Bls12381(Vec<ark_bls12_381::Fr>),
}

/// A key with inputs fixed.
pub enum AnyFolded {
    /// On BN254.
    Bn254(Box<Folded<Bn254>>),
    /// On BLS12-381.
    Bls12381(Box<Folded<Bls12_381>>),
}

/// The same expression for either curve.
macro_rules! either {
    ($value:expr, $type:ident, $inner:ident => $then:expr) => {
        match $value {
            $type::Bn254($inner) => $then,
            $type::Bls12381($inner) => $then,
        }
    };
}

/// The curve that snarkjs JSON names; other formats do not say.
fn named(raw: &[u8], format: Format, limit: usize) -> Option<CurveId> {
    (format == Format::Snarkjs && raw.len() <= limit)
        .then(|| snarkjs::curve_of(raw))
        .flatten()
}

impl AnyKey {
    /// Reads a key; without a curve, the one that the file names, else BN254.
    pub fn parse(raw: &[u8], format: Format, curve: Option<CurveId>) -> Result<Self> {
        match curve.or_else(|| named(raw, format, limits::KEY_BYTES)) {
            Some(CurveId::Bls12381) => Ok(Self::Bls12381(Box::new(Key::parse(raw, format)?))),
            Some(CurveId::Bn254) | None => Ok(Self::Bn254(Box::new(Key::parse(raw, format)?))),
        }
    }

    /// The curve.
    pub fn curve(&self) -> CurveId {
        match self {
            Self::Bn254(_) => CurveId::Bn254,
            Self::Bls12381(_) => CurveId::Bls12381,
        }
    }

    /// BLAKE3 of the canonical form.
    pub fn id(&self) -> [u8; 32] {
        either!(self, Self, key => key.id)
    }

    /// How many public inputs.
    pub fn inputs(&self) -> usize {
        either!(self, Self, key => key.inputs())
    }

    /// Whether gamma is delta: then no phase 2 took place, and anybody can make proofs from a valid one.
    pub fn is_forgeable(&self) -> bool {
        either!(self, Self, key => key.points.gamma_g2 == key.points.delta_g2)
    }

    /// Writes the key.
    pub fn encode(&self, encoding: Encoding) -> Result<Vec<u8>> {
        either!(self, Self, key => key.encode(encoding))
    }

    /// Whether the proof is valid for these inputs.
    pub fn verify(&self, inputs: &AnyInputs, proof: &AnyProof) -> Result<bool> {
        match (self, inputs, proof) {
            (Self::Bn254(key), AnyInputs::Bn254(inputs), AnyProof::Bn254(proof)) => {
                key.verify(inputs, proof)
            }
            (Self::Bls12381(key), AnyInputs::Bls12381(inputs), AnyProof::Bls12381(proof)) => {
                key.verify(inputs, proof)
            }
            _ => Err(mixed(self.curve(), inputs.curve(), proof.curve())),
        }
    }

    /// The same by arkworks called plainly: the baseline of the benches.
    pub fn verify_plainly(&self, inputs: &AnyInputs, proof: &AnyProof) -> Result<bool> {
        match (self, inputs, proof) {
            (Self::Bn254(key), AnyInputs::Bn254(inputs), AnyProof::Bn254(proof)) => {
                key.verify_plainly(inputs, proof)
            }
            (Self::Bls12381(key), AnyInputs::Bls12381(inputs), AnyProof::Bls12381(proof)) => {
                key.verify_plainly(inputs, proof)
            }
            _ => Err(mixed(self.curve(), inputs.curve(), proof.curve())),
        }
    }

    /// The key with its first inputs fixed.
    pub fn fold(&self, known: &AnyInputs) -> Result<AnyFolded> {
        match (self, known) {
            (Self::Bn254(key), AnyInputs::Bn254(known)) => {
                Ok(AnyFolded::Bn254(Box::new(key.fold(known)?)))
            }
            (Self::Bls12381(key), AnyInputs::Bls12381(known)) => {
                Ok(AnyFolded::Bls12381(Box::new(key.fold(known)?)))
            }
            _ => Err(mixed(self.curve(), known.curve(), self.curve())),
        }
    }
}

fn mixed(wanted: CurveId, inputs: CurveId, proof: CurveId) -> crate::Groth16Error {
    if proof == wanted {
        fault(
            "public inputs",
            format_args!("numbers of {}", wanted.name()),
            inputs.name(),
        )
    } else {
        fault(
            "proof",
            format_args!("points of {}", wanted.name()),
            proof.name(),
        )
    }
}

impl AnyProof {
    /// Reads a proof of that curve.
    pub fn parse(raw: &[u8], format: Format, curve: CurveId) -> Result<Self> {
        Ok(match curve {
            CurveId::Bn254 => Self::Bn254(Proof::parse(raw, format)?),
            CurveId::Bls12381 => Self::Bls12381(Proof::parse(raw, format)?),
        })
    }

    /// The curve.
    pub fn curve(&self) -> CurveId {
        match self {
            Self::Bn254(_) => CurveId::Bn254,
            Self::Bls12381(_) => CurveId::Bls12381,
        }
    }

    /// Writes the proof.
    pub fn encode(&self, encoding: Encoding) -> Result<Vec<u8>> {
        either!(self, Self, proof => proof.encode(encoding))
    }
}

impl AnyInputs {
    /// Reads public inputs of that curve.
    pub fn parse(raw: &[u8], format: Format, curve: CurveId) -> Result<Self> {
        Ok(match curve {
            CurveId::Bn254 => Self::Bn254(parse_inputs::<Bn254>(raw, format)?),
            CurveId::Bls12381 => Self::Bls12381(parse_inputs::<Bls12_381>(raw, format)?),
        })
    }

    /// Inputs of 32-byte big-endian numbers below r.
    pub fn new(words: &[Vec<u8>], curve: CurveId) -> Result<Self> {
        fn all<E: Curve>(words: &[Vec<u8>]) -> Result<Vec<E::ScalarField>> {
            let word =
                |(i, word): (usize, &Vec<u8>)| scalar::<E>(&format_args!("public[{i}]"), word);
            words.iter().enumerate().map(word).collect()
        }
        if words.len() > limits::INPUTS {
            return Err(fault(
                "public inputs",
                format_args!("at most {}", limits::INPUTS),
                words.len(),
            ));
        }
        Ok(match curve {
            CurveId::Bn254 => Self::Bn254(all::<Bn254>(words)?),
            CurveId::Bls12381 => Self::Bls12381(all::<Bls12_381>(words)?),
        })
    }

    /// 32-byte big-endian numbers.
    pub fn words(&self) -> Vec<Vec<u8>> {
        either!(self, Self, inputs => inputs.iter().copied().map(big_endian).collect())
    }

    /// The curve.
    pub fn curve(&self) -> CurveId {
        match self {
            Self::Bn254(_) => CurveId::Bn254,
            Self::Bls12381(_) => CurveId::Bls12381,
        }
    }

    /// Writes the inputs.
    pub fn encode(&self, encoding: Encoding) -> Result<Vec<u8>> {
        match self {
            Self::Bn254(inputs) => encode_inputs::<Bn254>(inputs, encoding),
            Self::Bls12381(inputs) => encode_inputs::<Bls12_381>(inputs, encoding),
        }
    }
}

impl AnyFolded {
    /// How many inputs are still open.
    pub fn inputs(&self) -> usize {
        either!(self, Self, folded => folded.inputs())
    }

    /// Whether the proof is valid for the fixed inputs followed by these.
    pub fn verify(&self, open: &AnyInputs, proof: &AnyProof) -> Result<bool> {
        match (self, open, proof) {
            (Self::Bn254(key), AnyInputs::Bn254(open), AnyProof::Bn254(proof)) => {
                key.verify(open, proof)
            }
            (Self::Bls12381(key), AnyInputs::Bls12381(open), AnyProof::Bls12381(proof)) => {
                key.verify(open, proof)
            }
            (Self::Bn254(_), ..) => Err(mixed(CurveId::Bn254, open.curve(), proof.curve())),
            (Self::Bls12381(_), ..) => Err(mixed(CurveId::Bls12381, open.curve(), proof.curve())),
        }
    }
}

/// The indices of the claims that are not valid under the key; see [`Key::find_invalid`].
pub fn verify_batch(key: &AnyKey, claims: &[(&AnyInputs, &AnyProof)]) -> Result<Vec<usize>> {
    macro_rules! of {
        ($key:expr, $curve:ident) => {{
            let claims =
                claims
                    .iter()
                    .enumerate()
                    .map(|(i, (inputs, proof))| match (inputs, proof) {
                        (AnyInputs::$curve(inputs), AnyProof::$curve(proof)) => {
                            Ok((&inputs[..], proof))
                        }
                        _ => {
                            let refused = mixed(key.curve(), inputs.curve(), proof.curve());
                            Err(fault(
                                format_args!("batch[{i}], {}", refused.field),
                                refused.expected,
                                refused.got,
                            ))
                        }
                    });
            $key.find_invalid(&claims.collect::<Result<Vec<_>>>()?)
        }};
    }
    match key {
        AnyKey::Bn254(inner) => of!(inner, Bn254),
        AnyKey::Bls12381(inner) => of!(inner, Bls12381),
    }
}
