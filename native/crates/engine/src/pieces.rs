//! Pieces of an instance of engine babe one by one, for the benches: the engine's own code on secrets that protect nothing.

use ark_bn254::{Fq, G1Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, PrimeField};
use babe::{FEATURE_BITS, HashKey, LABELS, OFFSETS_BYTES, Secrets, Statement, decode, encode};
use garble::{Block, Control};

use crate::digits::digit_secrets;
use crate::instance::encoding_root;
use crate::solder::{base, multiply};
use crate::transcript::{ENCODING, hash};
use crate::{EngineError, Params};

const PIECES: &str = "bitvm3 2026 engine pieces of benches v1";

/// D of an instance, 33 bytes each: every digit secret times R_i.
pub fn soldered(params: &Params, digit_seed: &[u8; 32], index: usize) -> Vec<u8> {
    let scalars = digit_secrets(params.layout(), digit_seed);
    let points = multiply(&base(params, index), &scalars);
    points.iter().flat_map(|point| point.to_bytes()).collect()
}

/// The encoding of an instance on labels of a seed, and the labels of one point.
pub struct Encoding {
    seed: [u8; 32],
    secrets: Secrets,
    key: HashKey,
    delta: Block,
    zero: Vec<Block>,
    encoded: Vec<u8>,
    point: G1Affine,
}

impl Encoding {
    /// Encodes once and keeps it.
    pub fn new(seed: [u8; 32]) -> Result<Self, EngineError> {
        let mut stream = hash(PIECES, &[&seed]).finalize_xof();
        let mut block = || {
            let mut block: Block = [0; 16];
            stream.fill(&mut block);
            block
        };
        let [key, s, delta, scalar] = [(); 4].map(|()| block());
        let scalar = 1 + u128::from_le_bytes(scalar) / 2;
        let mut made = Self {
            secrets: Secrets::from_seed(&seed),
            seed,
            key: HashKey { key, s },
            delta,
            zero: (0..LABELS).map(|_| block()).collect(),
            encoded: Vec::new(),
            point: G1Affine::generator()
                .mul_bigint([scalar as u64, (scalar >> 64) as u64])
                .into_affine(),
        };
        let mut encoded = Vec::new();
        let offsets = made.encode(&mut |chunk| encoded.extend_from_slice(chunk))?;
        encoded.extend_from_slice(&offsets);
        made.encoded = encoded;
        Ok(made)
    }

    fn encode(&self, sink: &mut dyn FnMut(&[u8])) -> Result<Vec<u8>, EngineError> {
        let secrets = Secrets::from_seed(&self.seed);
        let control = Control::default();
        Ok(encode(
            &secrets,
            &self.key,
            &self.delta,
            &self.zero,
            &control,
            sink,
        )?)
    }

    /// Bytes of table and offsets.
    pub fn bytes(&self) -> usize {
        self.encoded.len()
    }

    /// Encodes again, only hashed; whether the same came out.
    pub fn again(&self) -> Result<bool, EngineError> {
        let mut hasher = hash(ENCODING, &[]);
        let offsets = self.encode(&mut |chunk| {
            hasher.update(chunk);
        })?;
        hasher.update(&offsets);
        Ok(*hasher.finalize().as_bytes() == encoding_root(&self.encoded))
    }

    /// r * delta and the key Y^r: of no use to anybody, for r is of this seed.
    pub fn encrypt(&self, statement: &Statement) -> Result<Vec<u8>, EngineError> {
        let (ciphertext, key) = statement.encrypt(self.secrets.r())?;
        Ok([&ciphertext[..], &key[..]].concat())
    }

    /// Decodes the labels of the point; whether r times it came out.
    pub fn decode(&self) -> Result<bool, EngineError> {
        let (x, y) = (self.point.x, self.point.y);
        let bit = |feature: Fq| {
            let number = feature.into_bigint();
            (0..FEATURE_BITS).map(move |bit| number.get_bit(bit))
        };
        let bits: Vec<bool> = [x, y, x * x, y * y, x * y]
            .into_iter()
            .flat_map(bit)
            .collect();
        let label = |(zero, bit): (&Block, &bool)| {
            std::array::from_fn(|n| zero[n] ^ if *bit { self.delta[n] } else { 0 })
        };
        let active: Vec<Block> = self.zero.iter().zip(&bits).map(label).collect();
        let (table, offsets) = self.encoded.split_at(self.encoded.len() - OFFSETS_BYTES);
        let decoded = decode(
            &self.key,
            &active,
            &bits,
            table,
            offsets,
            &Control::default(),
        )?;
        let expected = self.point * self.secrets.r();
        Ok(decoded == Some(expected.into_affine()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_decodes_and_comes_out_the_same_again() {
        let made = Encoding::new([3; 32]).unwrap();
        assert!(made.again().unwrap() && made.decode().unwrap());
        let mut other = Encoding::new([3; 32]).unwrap();
        other.encoded[0] ^= 1;
        assert!(!other.again().unwrap());
        other.encoded[0] ^= 1;
        other.point = (other.point + G1Affine::generator()).into_affine();
        assert!(other.decode().unwrap());
        other.zero[0][0] ^= 1;
        assert!(!other.decode().unwrap());
    }
}
