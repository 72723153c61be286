//! Witness encryption to a Groth16 statement: a key that a valid proof and r * p1 open.
//!
//! Groth16 is e(p1, p2) = Y e(p3, delta) with Y = e(alpha, beta) e(X, gamma), a constant once the public input is fixed.
//! The ciphertext of r is r * delta, the key is Y^r = e(r p1, p2) / e(p3, r delta). Sound in the generic bilinear group
//! model with an honest setup of the key; with Y = 1 everybody knows the key, so that is refused.
//!
//! Promises: nothing that is no canonical number, off the curve or outside the subgroup gets through. Does NOT know what
//! hides under the key, how it is hashed, or how r * p1 comes to whoever opens.

use ark_bn254::{Bn254, Fr, G1Affine};
use ark_ec::AffineRepr;
use ark_ec::pairing::PairingOutput;
use ark_ff::{BigInteger, PrimeField, Zero};
use groth16::{
    Curve, Encoding, Folded, Format, Key, Proof, eip197_g2, parse_inputs, write_eip197_g2,
};
use zeroize::{Zeroize, Zeroizing};

use crate::BabeError;
use crate::error::length;
use crate::multiples::{Multiples, Powers, coefficients};

const ID_CONTEXT: &str = "bitvm3 2026 babe statement v1";
/// Bytes of a proof: A, B, C as EIP-197 words.
pub const PROOF_BYTES: usize = 256;
/// Bytes of r * delta: x and y as EIP-197 words, imaginary parts first.
pub const CIPHERTEXT_BYTES: usize = 128;
/// Bytes of a key: the twelve coefficients of an element of the target field, 32 bytes little-endian each, below p. Order:
/// of 1, v, v^2, w, v w, v^2 w over Fq2(v)(w), of each the real part first (arkworks' order; its pairing, too).
pub const KEY_BYTES: usize = 384;

/// A verifying key with its only public input fixed.
pub struct Statement {
    id: [u8; 32],
    folded: Folded<Bn254>,
    powers: Powers,
    multiples: Multiples,
}

impl Statement {
    /// Reads a key (arkworks, compressed) of one public input, and that input x (32 bytes big-endian, below r).
    pub fn new(key: &[u8], x: &[u8; 32]) -> Result<Self, BabeError> {
        let parsed = Key::<Bn254>::parse(key, Format::Arkworks)?;
        if parsed.encode(Encoding::ArkworksCompressed)? != key {
            let expected = "the compressed form of arkworks";
            return Err(BabeError::field("key", expected, "another"));
        }
        if parsed.inputs() != 1 {
            let expected = "one public input";
            return Err(BabeError::field("key", expected, parsed.inputs()));
        }
        let folded = parsed.fold(&parse_inputs::<Bn254>(x, Format::Eip197)?)?;
        let target = folded.constant().filter(|target| !target.is_zero());
        let target = target.ok_or_else(|| {
            let expected = "a statement whose e(alpha, beta) e(X, gamma) is not 1";
            BabeError::field("x", expected, "one whose key everybody knows")
        })?;
        let mut hasher = blake3::Hasher::new_derive_key(ID_CONTEXT);
        hasher.update(&parsed.id).update(x);
        Ok(Self {
            id: hasher.finalize().into(),
            powers: Powers::new(target.0),
            multiples: Multiples::new(parsed.points.delta_g2),
            folded,
        })
    }

    /// BLAKE3 of the id of the verifying key and x.
    pub fn id(&self) -> [u8; 32] {
        self.id
    }

    /// Whether the proof is valid for x; bytes that are no points of a proof are not valid either.
    pub fn verify(&self, proof: &[u8]) -> Result<bool, BabeError> {
        length("proof", "bytes", PROOF_BYTES, proof.len())?;
        match Proof::<Bn254>::parse(proof, Format::Eip197) {
            Ok(proof) => Ok(self.folded.verify(&[], &proof)?),
            Err(_) => Ok(false),
        }
    }

    /// r * delta, and the key Y^r.
    #[allow(clippy::type_complexity)]
    pub fn encrypt(
        &self,
        r: &Fr,
    ) -> Result<([u8; CIPHERTEXT_BYTES], Zeroizing<[u8; KEY_BYTES]>), BabeError> {
        if r.is_zero() {
            return Err(BabeError::field("r", "a number other than zero", "zero"));
        }
        let mut ciphertext = [0; CIPHERTEXT_BYTES];
        let multiple = self.multiples.multiple(r);
        ciphertext.copy_from_slice(&write_eip197_g2::<Bn254>(&multiple));
        let power = self.powers.power(r);
        Ok((ciphertext, canonical(&PairingOutput(*power))))
    }

    /// e(r p1, p2) / e(p3, ciphertext): the key when the proof is valid and r is the ciphertext's, else another.
    pub fn open(
        &self,
        r_p1: &G1Affine,
        proof: &[u8],
        ciphertext: &[u8; CIPHERTEXT_BYTES],
    ) -> Result<Zeroizing<[u8; KEY_BYTES]>, BabeError> {
        length("proof", "bytes", PROOF_BYTES, proof.len())?;
        let proof = Proof::<Bn254>::parse(proof, Format::Eip197)?.0;
        let encrypted = eip197_g2::<Bn254>(&"ciphertext", ciphertext)?;
        for (field, infinite) in [
            ("r p1", r_p1.is_zero()),
            ("ciphertext", encrypted.is_zero()),
        ] {
            if infinite {
                let expected = "a point other than infinity";
                return Err(BabeError::field(field, expected, "infinity"));
            }
        }
        if !r_p1.is_on_curve() {
            return Err(BabeError::field("r p1", "a point of the curve", "another"));
        }
        let loops = Bn254::loops(&[(*r_p1, proof.b), (-proof.c, encrypted)], &[]);
        let key = Bn254::finish(loops);
        Ok(canonical(&key.expect("a Miller loop is not zero")))
    }
}

fn canonical(element: &PairingOutput<Bn254>) -> Zeroizing<[u8; KEY_BYTES]> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    let mut all = coefficients(&element.0);
    for (out, coefficient) in bytes.chunks_exact_mut(32).zip(&all) {
        let little = Zeroizing::new(coefficient.into_bigint().to_bytes_le());
        out.copy_from_slice(&little);
    }
    all.zeroize();
    bytes
}
