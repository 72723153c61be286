//! Keys and proofs that were checked, and the names of their formats.

use ark_ec::pairing::{Pairing, PairingOutput};
use ark_ec::scalar_mul::BatchMulPreprocessing;
use std::sync::Arc;

use ark_ec::{AffineRepr, CurveGroup};

use crate::curve::{Curve, finite};
use crate::fault::{Result, fault, shown};
use crate::{arkworks, bytes, limits, snarkjs};

const ID_CONTEXT: &str = "bitvm3 2026 groth16 verifying key v1";

/// How a file is laid out. Which encoding within a format, the file itself shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON of snarkjs and circom.
    Snarkjs,
    /// Big-endian words of the EVM's precompiles, BN254 only.
    Eip197,
    /// gnark's WriteTo and WriteRawTo.
    Gnark,
    /// CanonicalSerialize of arkworks.
    Arkworks,
}

impl Format {
    /// Every format, in the order in which they are tried.
    pub const ALL: [Self; 4] = [Self::Snarkjs, Self::Eip197, Self::Gnark, Self::Arkworks];

    /// The name in this program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Snarkjs => "snarkjs",
            Self::Eip197 => "eip197",
            Self::Gnark => "gnark",
            Self::Arkworks => "arkworks",
        }
    }

    /// The format of that name.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| fault("format", "snarkjs, eip197, gnark or arkworks", shown(name)))
    }
}

/// How to write: a format, and within gnark and arkworks whether points are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// JSON of snarkjs.
    Snarkjs,
    /// EIP-197 words.
    Eip197,
    /// gnark's WriteTo.
    GnarkCompressed,
    /// gnark's WriteRawTo.
    GnarkRaw,
    /// arkworks, compressed.
    ArkworksCompressed,
    /// arkworks, uncompressed.
    ArkworksUncompressed,
}

impl Encoding {
    /// The encoding of that name.
    pub fn parse(name: &str) -> Result<Self> {
        Ok(match name {
            "snarkjs" => Self::Snarkjs,
            "eip197" => Self::Eip197,
            "gnark" => Self::GnarkCompressed,
            "gnark-raw" => Self::GnarkRaw,
            "arkworks" => Self::ArkworksCompressed,
            "arkworks-uncompressed" => Self::ArkworksUncompressed,
            _ => {
                return Err(fault(
                    "encoding",
                    "snarkjs, eip197, gnark, gnark-raw, arkworks or arkworks-uncompressed",
                    shown(name),
                ));
            }
        })
    }
}

/// The points of a verifying key.
pub type Points<E> = ark_groth16::VerifyingKey<E>;

/// A verifying key with everything that does not depend on a proof computed once.
pub struct Key<E: Curve> {
    /// The points.
    pub points: Points<E>,
    /// e(alpha, beta).
    pub alpha_beta: PairingOutput<E>,
    /// The lines of -gamma.
    pub gamma: Arc<E::Lines>,
    /// The lines of -delta.
    pub delta: Arc<E::Lines>,
    /// Multiples of each point of IC after the first, when there are few.
    pub tables: Vec<BatchMulPreprocessing<E::G1>>,
    /// BLAKE3 of the canonical form.
    pub id: [u8; 32],
}

impl<E: Curve> Key<E> {
    /// Reads a key; every number, point and count is checked.
    pub fn parse(raw: &[u8], format: Format) -> Result<Self> {
        bounded("key", raw, limits::KEY_BYTES)?;
        Self::new(match format {
            Format::Snarkjs => snarkjs::key::<E>(raw)?,
            Format::Eip197 => bytes::eip197_key::<E>(raw)?,
            Format::Gnark => bytes::gnark_key::<E>(raw)?,
            Format::Arkworks => arkworks::key::<E>(raw)?,
        })
    }

    /// Prepares points that were checked one by one.
    pub fn new(points: Points<E>) -> Result<Self> {
        // With one of these at infinity, anybody makes proofs of anything.
        finite(&"alpha", &points.alpha_g1)?;
        finite(&"beta", &points.beta_g2)?;
        finite(&"gamma", &points.gamma_g2)?;
        finite(&"delta", &points.delta_g2)?;
        if !(1..=limits::INPUTS + 1).contains(&points.gamma_abc_g1.len()) {
            return Err(fault(
                "IC",
                format_args!("1 to {} points", limits::INPUTS + 1),
                points.gamma_abc_g1.len(),
            ));
        }
        let negative = |point: E::G2Affine| Arc::new(E::lines((-point.into_group()).into_affine()));
        let alpha_beta = E::finish(E::loops(&[(points.alpha_g1, points.beta_g2)], &[]));
        Ok(Self {
            alpha_beta: alpha_beta.expect("a Miller loop is not zero"),
            gamma: negative(points.gamma_g2),
            delta: negative(points.delta_g2),
            id: id::<E>(&points),
            tables: tables::<E>(&points),
            points,
        })
    }

    /// How many public inputs a proof under this key has.
    pub fn inputs(&self) -> usize {
        self.points.gamma_abc_g1.len() - 1
    }

    /// Writes the key.
    pub fn encode(&self, encoding: Encoding) -> Result<Vec<u8>> {
        match encoding {
            Encoding::Snarkjs => snarkjs::write_key::<E>(&self.points, self.alpha_beta),
            Encoding::Eip197 => bytes::write_eip197_key::<E>(&self.points),
            // Two points of it are not needed to verify, and are not kept.
            Encoding::GnarkCompressed | Encoding::GnarkRaw => Err(fault(
                "encoding",
                "one that a key has without beta and delta in G1",
                "gnark",
            )),
            Encoding::ArkworksCompressed => Ok(arkworks::compressed(&self.points)),
            Encoding::ArkworksUncompressed => Ok(arkworks::uncompressed(&self.points)),
        }
    }
}

/// Up to how many inputs a key keeps tables for: 170 kB each, made in half a millisecond.
const TABLES: usize = 4;

fn tables<E: Curve>(points: &Points<E>) -> Vec<BatchMulPreprocessing<E::G1>> {
    let inputs = &points.gamma_abc_g1[1..];
    // 64 multiplications at once make windows of four bits.
    let table = |point: &E::G1Affine| BatchMulPreprocessing::new(point.into_group(), 64);
    inputs
        .iter()
        .filter(|_| inputs.len() <= TABLES)
        .map(table)
        .collect()
}

/// BLAKE3 of the curve's name, a zero byte and the uncompressed arkworks form.
fn id<E: Curve>(points: &Points<E>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(ID_CONTEXT);
    hasher.update(E::ID.name().as_bytes());
    hasher.update(&[0]);
    hasher.update(&arkworks::uncompressed(points));
    hasher.finalize().into()
}

/// A proof whose points were checked; infinity is refused in all three.
#[derive(Clone)]
pub struct Proof<E: Pairing>(pub ark_groth16::Proof<E>);

impl<E: Curve> Proof<E> {
    /// Reads a proof; every number and point is checked.
    pub fn parse(raw: &[u8], format: Format) -> Result<Self> {
        bounded("proof", raw, limits::PROOF_BYTES)?;
        Self::new(match format {
            Format::Snarkjs => snarkjs::proof::<E>(raw)?,
            Format::Eip197 => bytes::eip197_proof::<E>(raw)?,
            Format::Gnark => bytes::gnark_proof::<E>(raw)?,
            Format::Arkworks => arkworks::proof::<E>(raw)?,
        })
    }

    /// A proof of points that were checked one by one.
    pub fn new(proof: ark_groth16::Proof<E>) -> Result<Self> {
        finite(&"A", &proof.a)?;
        finite(&"B", &proof.b)?;
        finite(&"C", &proof.c)?;
        Ok(Self(proof))
    }

    /// Writes the proof.
    pub fn encode(&self, encoding: Encoding) -> Result<Vec<u8>> {
        match encoding {
            Encoding::Snarkjs => snarkjs::write_proof::<E>(&self.0),
            Encoding::Eip197 => bytes::write_eip197_proof::<E>(&self.0),
            Encoding::GnarkCompressed => Ok(bytes::write_gnark_proof::<E>(&self.0, true)),
            Encoding::GnarkRaw => Ok(bytes::write_gnark_proof::<E>(&self.0, false)),
            Encoding::ArkworksCompressed => Ok(arkworks::compressed(&self.0)),
            Encoding::ArkworksUncompressed => Ok(arkworks::uncompressed(&self.0)),
        }
    }
}

/// Reads public inputs; each is below r.
pub fn parse_inputs<E: Curve>(raw: &[u8], format: Format) -> Result<Vec<E::ScalarField>> {
    bounded("public inputs", raw, limits::INPUT_BYTES)?;
    match format {
        Format::Snarkjs => snarkjs::inputs::<E>(raw),
        Format::Eip197 => bytes::eip197_inputs::<E>(raw),
        Format::Gnark => bytes::gnark_inputs::<E>(raw),
        Format::Arkworks => arkworks::inputs::<E>(raw),
    }
}

/// Writes public inputs.
pub fn encode_inputs<E: Curve>(inputs: &[E::ScalarField], encoding: Encoding) -> Result<Vec<u8>> {
    match encoding {
        Encoding::Snarkjs => snarkjs::write_inputs::<E>(inputs),
        Encoding::Eip197 => bytes::write_eip197_inputs::<E>(inputs),
        Encoding::GnarkCompressed | Encoding::GnarkRaw => {
            Ok(bytes::write_gnark_inputs::<E>(inputs))
        }
        Encoding::ArkworksCompressed | Encoding::ArkworksUncompressed => {
            Ok(arkworks::compressed(&inputs.to_vec()))
        }
    }
}

fn bounded(what: &str, raw: &[u8], limit: usize) -> Result<()> {
    if raw.is_empty() || raw.len() > limit {
        return Err(fault(
            what,
            format_args!("1 to {limit} bytes"),
            format_args!("{} bytes", raw.len()),
        ));
    }
    Ok(())
}
