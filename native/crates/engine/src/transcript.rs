//! Domains of every hash of this crate, in one place. Each is a BLAKE3 derive_key context.

use blake3::Hasher;
use zeroize::Zeroizing;

use crate::scalar::Scalar;

/// What a garbler derives from its two seeds.
pub(crate) const DIGIT_SECRETS: &str = "bitvm3 2026 engine digit secrets v1";
pub(crate) const PAIR_SECRETS: &str = "bitvm3 2026 engine pair secrets v1";
pub(crate) const NONCES: &str = "bitvm3 2026 engine nonces v1";
pub(crate) const PRESIGNATURE_NONCES: &str = "bitvm3 2026 engine presignature nonces v1";
/// Commitments.
pub(crate) const PAIR: &str = "bitvm3 2026 engine pair v1";
pub(crate) const INSTANCE: &str = "bitvm3 2026 engine instance v1";
pub(crate) const TABLE: &str = "bitvm3 2026 engine table v1";
pub(crate) const TRANSLATION: &str = "bitvm3 2026 engine translation v1";
pub(crate) const ENCODING: &str = "bitvm3 2026 engine encoding v1";
/// Masks.
pub(crate) const TRANSLATION_KEY: &str = "bitvm3 2026 engine translation key v1";
pub(crate) const OUTPUT_KEY: &str = "bitvm3 2026 engine output key v1";
pub(crate) const ENCRYPTION_KEY: &str = "bitvm3 2026 engine encryption key v1";
pub(crate) const ENCODING_KEY: &str = "bitvm3 2026 engine encoding key v1";
/// Inputs of a drill.
pub(crate) const DRILL: &str = "bitvm3 2026 engine drill v1";
/// Proofs.
pub(crate) const KNOWLEDGE_COEFFICIENTS: &str = "bitvm3 2026 engine knowledge coefficients v1";
pub(crate) const KNOWLEDGE_CHALLENGE: &str = "bitvm3 2026 engine knowledge challenge v1";
pub(crate) const OPENING_COEFFICIENTS: &str = "bitvm3 2026 engine opening coefficients v1";
pub(crate) const OPENING_CHALLENGE: &str = "bitvm3 2026 engine opening challenge v1";
pub(crate) const BATCH_WEIGHTS: &str = "bitvm3 2026 engine batch weights v1";
pub(crate) const PRESIGNATURE_WEIGHTS: &str = "bitvm3 2026 engine presignature weights v1";

/// Hashes a list whose items have fixed lengths, or go with their length.
pub(crate) fn hash(context: &str, parts: &[&[u8]]) -> Hasher {
    let mut hasher = Hasher::new_derive_key(context);
    for part in parts {
        hasher.update(part);
    }
    hasher
}

/// One scalar out of a transcript.
pub(crate) fn scalar(context: &str, parts: &[&[u8]]) -> Scalar {
    let mut wide = Zeroizing::new([0; 64]);
    hash(context, parts).finalize_xof().fill(&mut wide[..]);
    Scalar::from_wide(&wide)
}

/// `count` weights of 128 bits out of a transcript: a false batch passes with a chance of 2^-128.
pub(crate) fn weights(context: &str, parts: &[&[u8]], count: usize) -> Vec<Scalar> {
    let mut stream = hash(context, parts).finalize_xof();
    let mut bytes = vec![[0u8; 16]; count];
    stream.fill(bytes.as_flattened_mut());
    bytes.iter().map(Scalar::from_short).collect()
}

/// `count` secret scalars that follow from `seed` and the path.
pub(crate) fn secrets(
    context: &str,
    seed: &[u8; 32],
    path: &[&[u8]],
    count: usize,
) -> Zeroizing<Vec<Scalar>> {
    let mut stream = keyed(context, seed, path).finalize_xof();
    let mut wide = Zeroizing::new([0; 64]);
    let draw = |_| {
        stream.fill(&mut wide[..]);
        Scalar::from_wide(&wide)
    };
    Zeroizing::new((0..count).map(draw).collect())
}

/// A hash keyed with what `context` makes of `seed`.
pub(crate) fn keyed(context: &str, seed: &[u8; 32], path: &[&[u8]]) -> Hasher {
    let key = Zeroizing::new(blake3::derive_key(context, seed));
    let mut hasher = Hasher::new_keyed(&key);
    for part in path {
        hasher.update(part);
    }
    hasher
}

/// An index or a length inside a transcript.
pub(crate) fn le(value: usize) -> [u8; 4] {
    (value as u32).to_le_bytes()
}
