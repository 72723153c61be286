//! One signer's presignatures for every value of every digit, made and checked in batches.
//!
//! With R' = k*G + T of even y and e = H(R'.x | P | m): s' = k + e*x, so that s' + t completes it (t the logarithm of T).
//! The nonce k follows from the seed, the key, the message and the point: a crash and a restart give the same bytes, and
//! no two points of a digit share a nonce, whose difference would show nothing but whose equality shows x.

use std::collections::HashSet;

use rayon::prelude::*;
use secp256k1::SECP256K1;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::EngineError;
use crate::adaptor::PRESIGNATURE_BYTES;
use crate::curve::{Affine, add_pairs, sum_of_multiples};
use crate::digits::read_points;
use crate::field::Fe;
use crate::scalar::Scalar;
use crate::transcript::{PRESIGNATURE_NONCES, PRESIGNATURE_WEIGHTS, keyed, weights};

/// Presignatures of one task, and of one batch.
const BATCH: usize = 512;

/// The tagged hash of BIP340 before R'.x | P | m: (P, midstate).
struct Challenge {
    key: [u8; 32],
    start: Sha256,
}

impl Challenge {
    fn new(key: [u8; 32]) -> Self {
        let tag = Sha256::digest(b"BIP0340/challenge");
        let start = Sha256::new().chain_update(tag).chain_update(tag);
        Self { key, start }
    }

    fn of(&self, nonce: &[u8], message: &[u8; 32]) -> Scalar {
        let hash = self.start.clone().chain_update(nonce);
        let hash = hash.chain_update(self.key).chain_update(message).finalize();
        let mut wide = [0; 64];
        wide[32..].copy_from_slice(&hash);
        Scalar::from_wide(&wide)
    }
}

/// k*G; none of zero.
fn secret_multiple(scalar: &Scalar) -> Option<Affine> {
    let mut key = secp256k1::SecretKey::from_byte_array(scalar.to_bytes()).ok()?;
    let bytes = key.public_key(SECP256K1).serialize_uncompressed();
    key.non_secure_erase();
    let (words, _) = bytes[1..].as_chunks::<32>();
    Some(Affine {
        x: Fe::parse(&words[0])?,
        y: Fe::parse(&words[1])?,
    })
}

/// How many points each message has: the same number, at least one.
fn per_message(messages: &[[u8; 32]], points: &[u8]) -> Result<usize, EngineError> {
    let each = points.len() / 33 / messages.len().max(1);
    if each == 0 || points.len() != each * messages.len() * 33 {
        return Err(EngineError::field(
            "points",
            format!(
                "33 bytes a value, as many of each of {} messages",
                messages.len()
            ),
            format!("{} bytes", points.len()),
        ));
    }
    Ok(each)
}

/// Presignatures (65 bytes each) by the BIP340 key of `secret`, which is a nonzero scalar: one for each point, in order. The
/// points are as many for each message.
pub fn presign_digits(
    secret: &[u8; 32],
    seed: &[u8; 32],
    messages: &[[u8; 32]],
    points: &[u8],
) -> Result<Vec<u8>, EngineError> {
    let each = per_message(messages, points)?;
    let points = read_points("points", points, each * messages.len())?;
    let scalar = Scalar::parse(secret).map(Zeroizing::new);
    let signer = scalar.and_then(|scalar| Some((secret_multiple(&scalar)?, scalar)));
    let (public, mut scalar) = signer.ok_or_else(|| {
        let expected = "a nonzero scalar below the group order";
        EngineError::field("secret", expected, "something else")
    })?;
    if public.y.is_odd() {
        *scalar = scalar.neg();
    }
    let challenge = Challenge::new(public.x.to_bytes());
    let mut presignatures = vec![0; points.len() * PRESIGNATURE_BYTES];
    presignatures
        .par_chunks_mut(BATCH * PRESIGNATURE_BYTES)
        .zip(points.par_chunks(BATCH))
        .enumerate()
        .for_each(|(batch, (out, points))| {
            let message = |n: usize| &messages[(batch * BATCH + n) / each];
            let drawn = |n: usize| {
                let path: [&[u8]; 3] = [secret, message(n), &points[n].to_bytes()];
                keyed(PRESIGNATURE_NONCES, seed, &path).finalize_xof()
            };
            let mut streams: Vec<_> = (0..points.len())
                .map(|n| Zeroizing::new(drawn(n)))
                .collect();
            let mut open: Vec<usize> = (0..points.len()).collect();
            while !open.is_empty() {
                let mut nonces = Zeroizing::new(Vec::with_capacity(open.len()));
                let mut sums = Vec::with_capacity(open.len());
                for n in &open {
                    let (nonce, point) = next_nonce(&mut streams[*n]);
                    nonces.push(nonce);
                    sums.push(point);
                }
                let terms: Vec<Affine> = open.iter().map(|n| points[*n]).collect();
                if add_pairs(&mut sums, &terms).is_err() {
                    continue; // a sum is infinity, with a chance of 2^-256: all draw again
                }
                let mut odd = Vec::new();
                for ((n, nonce), sum) in open.iter().zip(nonces.iter()).zip(&sums) {
                    if sum.y.is_odd() {
                        odd.push(*n);
                        continue;
                    }
                    let out = &mut out[n * PRESIGNATURE_BYTES..][..PRESIGNATURE_BYTES];
                    out[..33].copy_from_slice(&sum.to_bytes());
                    let e = challenge.of(&out[1..33], message(*n));
                    out[33..].copy_from_slice(&nonce.add(e.mul(*scalar)).to_bytes());
                }
                open = odd;
            }
        });
    Ok(presignatures)
}

fn next_nonce(stream: &mut blake3::OutputReader) -> (Scalar, Affine) {
    let mut wide = Zeroizing::new([0; 64]);
    loop {
        stream.fill(&mut wide[..]);
        let mut nonce = Scalar::from_wide(&wide);
        if let Some(point) = secret_multiple(&nonce) {
            return (nonce, point);
        }
        nonce.zeroize();
    }
}

/// Places of the presignatures under the BIP340 key `xonly` that are not what [`presign_digits`] makes, ascending: no
/// presignature, R' odd or at infinity, locked to another point, or an R' that stands earlier already in its message's run
/// (one signature would then be valid for two values of a digit).
pub fn check_digit_presignatures(
    xonly: &[u8; 32],
    messages: &[[u8; 32]],
    points: &[u8],
    presignatures: &[u8],
) -> Result<Vec<usize>, EngineError> {
    let each = per_message(messages, points)?;
    let count = each * messages.len();
    crate::error::length(
        "presignatures",
        count * PRESIGNATURE_BYTES,
        presignatures.len(),
    )?;
    let mut lifted = [2; 33];
    lifted[1..].copy_from_slice(xonly);
    let key = Affine::parse(&lifted).ok_or_else(|| {
        let expected = "a BIP340 key: the x of a point of secp256k1";
        EngineError::field("xonly", expected, "another number")
    })?;
    let locks = read_points("points", points, count)?;
    let weights = {
        let flat = messages.as_flattened();
        let parts: [&[u8]; 4] = [xonly, flat, points, presignatures];
        weights(PRESIGNATURE_WEIGHTS, &parts, count)
    };
    let challenge = Challenge::new(*xonly);
    let (presignatures, _) = presignatures.as_chunks::<PRESIGNATURE_BYTES>();
    let term = |n: usize| {
        Term::read(
            &presignatures[n],
            &locks[n],
            &challenge,
            &messages[n / each],
        )
    };
    let batch = |start: usize| {
        let places = start..(start + BATCH).min(count);
        let terms: Vec<Option<Term>> = places.clone().map(term).collect();
        let weighted =
            |(n, term): (usize, &Option<Term>)| Some((weights[start + n], *term.as_ref()?));
        let known: Vec<(Scalar, Term)> = terms.iter().enumerate().filter_map(weighted).collect();
        let all = hold(&key, &known);
        let wrong = |place: &usize| match &terms[place - start] {
            None => true,
            Some(term) => !all && !hold(&key, &[(Scalar::ONE, *term)]),
        };
        places.filter(wrong).collect::<Vec<usize>>()
    };
    let mut bad: Vec<usize> = (0..count.div_ceil(BATCH))
        .into_par_iter()
        .flat_map(|number| batch(number * BATCH))
        .collect();
    for (digit, run) in presignatures.chunks(each).enumerate() {
        let mut seen = HashSet::with_capacity(each);
        for (value, presignature) in run.iter().enumerate() {
            if !seen.insert(&presignature[1..33]) {
                bad.push(digit * each + value);
            }
        }
    }
    bad.sort_unstable();
    bad.dedup();
    Ok(bad)
}

/// What of a presignature the equation s'*G + T = R' + e*P needs.
#[derive(Clone, Copy)]
struct Term {
    nonce: Affine,
    lock: Affine,
    scalar: Scalar,
    challenge: Scalar,
}

impl Term {
    fn read(
        bytes: &[u8; PRESIGNATURE_BYTES],
        lock: &Affine,
        challenge: &Challenge,
        message: &[u8; 32],
    ) -> Option<Self> {
        if bytes[0] != 2 {
            return None;
        }
        let (mut nonce, mut scalar) = ([0; 33], [0; 32]);
        nonce.copy_from_slice(&bytes[..33]);
        scalar.copy_from_slice(&bytes[33..]);
        Some(Self {
            nonce: Affine::parse(&nonce)?,
            lock: *lock,
            scalar: Scalar::parse(&scalar)?,
            challenge: challenge.of(&bytes[1..33], message),
        })
    }
}

/// Whether the sum of the equations, each times its weight of 128 bits, holds.
fn hold(key: &Affine, terms: &[(Scalar, Term)]) -> bool {
    let (mut answer, mut challenge) = (Scalar::ZERO, Scalar::ZERO);
    let mut points = Vec::with_capacity(2 * terms.len());
    let mut scalars = Vec::with_capacity(2 * terms.len());
    for (weight, term) in terms {
        answer = answer.add(weight.mul(term.scalar));
        challenge = challenge.add(weight.mul(term.challenge));
        points.extend([term.lock, term.nonce.neg()]);
        scalars.extend([*weight; 2]);
    }
    let ends = [Affine::GENERATOR, *key];
    let sum = sum_of_multiples(&ends, &[answer, challenge.neg()], 256);
    sum.add(&sum_of_multiples(&points, &scalars, 128))
        .is_infinity()
}

/// The sums of two equally long lists of points, 33 bytes each, place by place: the points to which a reveal that both
/// parties' secrets complete is locked.
pub fn add_points(left: &[u8], right: &[u8]) -> Result<Vec<u8>, EngineError> {
    let count = left.len().div_ceil(33);
    let mut sums = read_points("left", left, count)?;
    let terms = read_points("right", right, count)?;
    add_pairs(&mut sums, &terms).map_err(|place| {
        let got = format!("infinity as sum {place}");
        EngineError::field("right", "points whose sums are finite", got)
    })?;
    Ok(sums.iter().flat_map(|sum| sum.to_bytes()).collect())
}

#[cfg(test)]
mod tests;
