//! One Schnorr proof that a party knows the logarithms of all its points: of sum g_j * s_j, every g_j hashed from all the
//! points. Without it, S' = X - A cancels what another party's points bind.

use zeroize::Zeroizing;

use crate::curve::{Affine, affine, parse_points, sum_of_multiples};
use crate::digits::{digit_secrets, generator_multiple};
use crate::error::length;
use crate::scalar::Scalar;
use crate::transcript::{
    KNOWLEDGE_CHALLENGE, KNOWLEDGE_COEFFICIENTS, NONCES, le, scalar, secrets, weights,
};
use crate::{EngineError, Garbler, Layout};

/// Bytes of a proof: nonce point and answer.
pub const PROOF_BYTES: usize = 33 + 32;

fn challenge(context: &[u8], points: &[u8], nonce: &[u8]) -> Scalar {
    let parts = [&le(context.len())[..], context, points, nonce];
    scalar(KNOWLEDGE_CHALLENGE, &parts)
}

fn coefficients(context: &[u8], points: &[u8]) -> Vec<Scalar> {
    let parts = [&le(context.len())[..], context, points];
    weights(KNOWLEDGE_COEFFICIENTS, &parts, points.len() / 33)
}

/// Proves knowledge of the digit secrets, of f(0) of each garbler and of each key, in this order, bound to `context`. A
/// key is the logarithm of the point with its x and an even y.
pub fn prove_knowledge(
    layout: Layout,
    digit_seed: &[u8; 32],
    garblers: &[&Garbler],
    keys: &[&[u8; 32]],
    context: &[u8],
) -> Result<[u8; PROOF_BYTES], EngineError> {
    let mut known = Zeroizing::new(Vec::with_capacity(
        layout.points() + garblers.len() + keys.len(),
    ));
    known.extend_from_slice(&digit_secrets(layout, digit_seed));
    known.extend(garblers.iter().map(|garbler| garbler.output_secret()));
    for key in keys {
        let key = Scalar::parse(key)
            .filter(|key| *key != Scalar::ZERO)
            .ok_or_else(|| {
                EngineError::field(
                    "keys",
                    "scalars above 0 and below the group order",
                    "another",
                )
            })?;
        let odd = generator_multiple(&key)[0] == 3;
        known.push(if odd { key.neg() } else { key });
    }
    let points: Vec<u8> = known.iter().flat_map(generator_multiple).collect();
    let path = [b"knowledge" as &[u8], &le(context.len()), context, &points];
    let nonce = secrets(NONCES, digit_seed, &path, 1)[0];
    let mut proof = [0; PROOF_BYTES];
    proof[..33].copy_from_slice(&generator_multiple(&nonce));
    let weights = coefficients(context, &points);
    let products = weights.iter().zip(known.iter()).map(|(g, s)| g.mul(*s));
    let secret = products.fold(Scalar::ZERO, Scalar::add);
    let answer = nonce.add(challenge(context, &points, &proof[..33]).mul(secret));
    proof[33..].copy_from_slice(&answer.to_bytes());
    Ok(proof)
}

/// Checks a proof over `points` (digit points, output points and keys' points behind them, 33 bytes each). False: no such proof.
pub fn check_knowledge(points: &[u8], context: &[u8], proof: &[u8]) -> Result<bool, EngineError> {
    length("proof", PROOF_BYTES, proof.len())?;
    let (chunks, rest) = points.as_chunks::<33>();
    if chunks.is_empty() || !rest.is_empty() {
        return Err(EngineError::field(
            "points",
            "33 bytes a point, at least one",
            format!("{} bytes", points.len()),
        ));
    }
    let parsed = parse_points(chunks).map_err(|n| {
        EngineError::field(
            "points",
            "compressed points of secp256k1",
            format!("something else as point {n}"),
        )
    })?;
    let (mut nonce, mut answer) = ([0; 33], [0; 32]);
    nonce.copy_from_slice(&proof[..33]);
    answer.copy_from_slice(&proof[33..]);
    let (Some(nonce_point), Some(answer)) = (Affine::parse(&nonce), Scalar::parse(&answer)) else {
        return Ok(false);
    };
    let sum = sum_of_multiples(&parsed, &coefficients(context, points), 128);
    let Some(sum) = affine(&sum) else {
        return Ok(false);
    };
    let challenge = challenge(context, points, &nonce);
    let terms = [Affine::GENERATOR, sum];
    let total = sum_of_multiples(&terms, &[answer, challenge.neg()], 256);
    Ok(total.add_affine(&nonce_point.neg()).is_infinity())
}
