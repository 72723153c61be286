//! The BN254 precompiles of the EVM (EIP-196, EIP-197) over this crate's own point parsing.
//!
//! They take what the EVM takes: zeros are infinity, addition and multiplication pad short input with zeros and ignore
//! what follows, and a scalar here (only here) is any 256-bit number.

use ark_bn254::{Bn254, Fr, G1Projective};
use ark_ec::PrimeGroup;
use ark_ec::pairing::PairingOutput;
use ark_serialize::CanonicalDeserialize;

use crate::bn254;
use crate::bytes::{eip197_g1, eip197_g2, write_g1};
use crate::fault::{Result, fault};

fn padded<const N: usize>(input: &[u8]) -> [u8; N] {
    let mut words = [0; N];
    let length = input.len().min(N);
    words[..length].copy_from_slice(&input[..length]);
    words
}

/// ECADD: two G1 points (128 bytes) to their sum (64 bytes).
pub fn bn254_add(input: &[u8]) -> Result<Vec<u8>> {
    let words = padded::<128>(input);
    let left = eip197_g1::<Bn254>(&"first point", &words[..64])?;
    let right = eip197_g1::<Bn254>(&"second point", &words[64..])?;
    Ok(write_g1::<Bn254>(G1Projective::from(left) + right))
}

/// ECMUL: a G1 point and a scalar (96 bytes) to the product (64 bytes).
pub fn bn254_multiply(input: &[u8]) -> Result<Vec<u8>> {
    let mut words = padded::<96>(input);
    let point = eip197_g1::<Bn254>(&"point", &words[..64])?;
    words[64..].reverse();
    let scalar = <Fr as ark_ff::PrimeField>::BigInt::deserialize_uncompressed(&words[64..])
        .map_err(|_| fault("scalar", "32 bytes", "others"))?;
    Ok(write_g1::<Bn254>(
        G1Projective::from(point).mul_bigint(scalar),
    ))
}

/// ECPAIRING: whether the product of the pairings of k pairs (192 bytes each) is one; of no pair it is.
pub fn bn254_pairing(input: &[u8]) -> Result<bool> {
    if !input.len().is_multiple_of(192) {
        return Err(fault("pairs", "a multiple of 192 bytes", input.len()));
    }
    let mut pairs = Vec::new();
    for (i, pair) in input.chunks_exact(192).enumerate() {
        pairs.push((
            eip197_g1::<Bn254>(&format_args!("pair {i}, G1"), &pair[..64])?,
            eip197_g2::<Bn254>(&format_args!("pair {i}, G2"), &pair[64..])?,
        ));
    }
    let product = bn254::finish(bn254::loops(&pairs, &[]));
    Ok(product == Some(PairingOutput::default()))
}
