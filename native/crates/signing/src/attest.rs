//! Attestations: a signer announces a nonce for one message, and may later make the one BIP340 signature with that nonce.
//!
//! The nonce follows from (seed, key, message), so no message ever shares one with another: two signatures under one nonce,
//! which would give the key away, cannot be asked for. Does NOT know whether the message is true or may be signed yet.

use musig2::compute_challenge_hash_tweak;
use musig2::secp::{MaybeScalar, Scalar};

use crate::SigningError;
use crate::adaptor::secret_scalar;
use secrets::{Secret, Seed};

const NONCE_PATH: &[u8] = b"attestation nonce v1";
const PROOF_CONTEXT: &str = "bitvm3 2026 announced nonce v1";

/// The nonce (x-only, R with even y) that `attest` will use for this 32-byte message, and a proof of knowledge of its
/// logarithm: the BIP340 signature under R of BLAKE3 (derive_key, `PROOF_CONTEXT`) of message | key. Showing both gives
/// nothing away; the same arguments give the same nonce.
pub fn announce(
    secret: &Secret,
    seed: &Seed,
    message: &[u8],
) -> Result<([u8; 32], [u8; 64]), SigningError> {
    let nonce = nonce(secret, seed, message)?;
    let mut hasher = blake3::Hasher::new_derive_key(PROOF_CONTEXT);
    hasher.update(message).update(&secret.xonly());
    // Deterministic, as the announcement is: a signature of another message under R, with a nonce of its own.
    let proof = nonce
        .sign(hasher.finalize().as_bytes(), Some([0; 32]))
        .map_err(|error| SigningError::new("proof", "a signature", error))?;
    Ok((nonce.xonly(), proof))
}

/// The BIP340 signature (64 bytes) of the message under `secret` whose nonce is the announced one.
pub fn attest(secret: &Secret, seed: &Seed, message: &[u8]) -> Result<[u8; 64], SigningError> {
    let nonce = nonce(secret, seed, message)?;
    let (r, x) = (even(&nonce), even(secret));
    let public = x.base_point_mul();
    let e: MaybeScalar = compute_challenge_hash_tweak(&nonce.xonly(), &public, message);
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&nonce.xonly());
    signature[32..].copy_from_slice(&(r + e * x).serialize());
    Ok(signature)
}

fn nonce(secret: &Secret, seed: &Seed, message: &[u8]) -> Result<Secret, SigningError> {
    if message.len() != 32 {
        return Err(SigningError::new("message", "32 bytes", message.len()));
    }
    Ok(seed.secret(&[NONCE_PATH, &secret.xonly(), message].concat()))
}

/// The logarithm of the point with even y.
fn even(secret: &Secret) -> Scalar {
    let scalar = secret_scalar(secret);
    scalar.negate_if(scalar.base_point_mul().parity())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify;

    #[test]
    fn an_attestation_is_the_signature_with_the_announced_nonce() {
        for round in 0..16u8 {
            // both parities of key and nonce come up
            let seed = Seed::generate().unwrap();
            let (secret, message) = (seed.secret(b"key"), [round; 32]);
            let (nonce, _) = announce(&secret, &seed, &message).unwrap();
            let signature = attest(&secret, &seed, &message).unwrap();
            assert_eq!(signature[..32], nonce);
            assert!(verify(&secret.xonly(), &message, &signature));
        }
    }

    #[test]
    fn another_message_or_key_has_another_nonce() {
        let seed = Seed::generate().unwrap();
        let (one, other) = (seed.secret(b"one"), seed.secret(b"other"));
        let (nonce, _) = announce(&one, &seed, &[1; 32]).unwrap();
        assert_ne!(nonce, announce(&one, &seed, &[2; 32]).unwrap().0);
        assert_ne!(nonce, announce(&other, &seed, &[1; 32]).unwrap().0);
        assert!(announce(&one, &seed, &[1; 31]).is_err());
    }
}
