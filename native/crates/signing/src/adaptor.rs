//! Presignatures: BIP340 signatures that one secret short of being valid, and what completing one shows.
//!
//! A presignature is R' (33 bytes) | s' (32 bytes). With T the adaptor point and t its logarithm, e = H(R'.x | P | m):
//! s'*G + T == R' + e*P when R' is even, s'*G - T == -R' + e*P when it is odd; completing adds or takes away t.

use std::collections::HashSet;

use musig2::compute_challenge_hash_tweak;
use musig2::secp::{G, MaybePoint, MaybeScalar, Point, Scalar};
use zeroize::Zeroizing;

use crate::points::{point, scalar};
use crate::{PRESIGNATURE, SigningError};
use secrets::{Secret, Seed};

const NONCE_CONTEXT: &str = "bitvm3 2026 presignature nonce v1";

/// R' and s' of a presignature.
fn parse(presignature: &[u8]) -> Result<(Point, MaybeScalar), SigningError> {
    if presignature.len() != PRESIGNATURE {
        let got = presignature.len();
        return Err(SigningError::new("presignature", "65 bytes", got));
    }
    Ok((
        point("presignature's nonce R'", &presignature[..33])?,
        scalar("presignature's scalar s'", &presignature[33..])?,
    ))
}

/// The BIP340 signature (64 bytes) that the presignature becomes with the logarithm of its adaptor point.
pub fn complete(presignature: &[u8], secret: &Secret) -> Result<[u8; 64], SigningError> {
    let (nonce, s) = parse(presignature)?;
    let t = secret_scalar(secret);
    let s = s + t.negate_if(nonce.parity());
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&nonce.serialize_xonly());
    signature[32..].copy_from_slice(&s.serialize());
    Ok(signature)
}

/// The logarithm of the adaptor point (32 bytes), from the presignature and the signature it became. It is for the
/// caller to compare its point: a signature that was not completed from this presignature shows some other scalar.
pub fn extract(presignature: &[u8], signature: &[u8]) -> Result<[u8; 32], SigningError> {
    let (nonce, presigned) = parse(presignature)?;
    if signature.len() != 64 {
        return Err(SigningError::new("signature", "64 bytes", signature.len()));
    }
    if signature[..32] != nonce.serialize_xonly() {
        let expected = "the nonce of the presignature";
        return Err(SigningError::new("signature", expected, "another nonce"));
    }
    let completed = scalar("signature's scalar s", &signature[32..])?;
    match (completed - presigned).negate_if(nonce.parity()) {
        MaybeScalar::Valid(t) => Ok(t.serialize()),
        MaybeScalar::Zero => Err(SigningError::new(
            "signature",
            "a completed one",
            "the bare presignature",
        )),
    }
}

/// Indices of presignatures whose R'.x stands already earlier in the same run of `group`: attack 17, one signature
/// would then be valid for two values of a digit.
pub fn equal_nonces(presignatures: &[u8], group: usize) -> Result<Vec<usize>, SigningError> {
    let whole = group.checked_mul(PRESIGNATURE).unwrap_or(0);
    if whole == 0 || !presignatures.len().is_multiple_of(whole) {
        return Err(SigningError::new(
            "presignatures",
            format!("whole groups of {group} (at least one) presignatures of 65 bytes"),
            format!("{} bytes", presignatures.len()),
        ));
    }
    let mut repeated = Vec::new();
    for (g, run) in presignatures.chunks_exact(whole).enumerate() {
        let mut seen = HashSet::with_capacity(group);
        for (i, presignature) in run.chunks_exact(PRESIGNATURE).enumerate() {
            if !seen.insert(&presignature[1..33]) {
                repeated.push(g * group + i);
            }
        }
    }
    Ok(repeated)
}

/// A presignature by one signer over a 32-byte message, locked to `adaptor`; R' is even. The nonce binds the key, the
/// message and the point (a nonce from the message alone repeats over the points of a digit and leaks the key); without
/// `aux` it takes fresh randomness as well.
pub fn presign(
    secret: &Secret,
    message: &[u8],
    adaptor: &[u8],
    aux: Option<[u8; 32]>,
) -> Result<[u8; 65], SigningError> {
    if message.len() != 32 {
        return Err(SigningError::new("message", "32 bytes", message.len()));
    }
    let adaptor = point("point", adaptor)?;
    let aux = match aux {
        Some(aux) => Zeroizing::new(aux),
        None => Zeroizing::new(*Seed::generate()?.expose()),
    };
    let key = Zeroizing::new(blake3::derive_key(NONCE_CONTEXT, secret.expose()));
    let mut hasher = Zeroizing::new(blake3::Hasher::new_keyed(&key));
    hasher
        .update(&*aux)
        .update(message)
        .update(&adaptor.serialize());
    let mut stream = Zeroizing::new(hasher.finalize_xof());
    let d = secret_scalar(secret);
    let public = d.base_point_mul();
    let d = d.negate_if(public.parity());
    loop {
        let mut candidate = Zeroizing::new([0; 32]);
        stream.fill(&mut *candidate);
        let Ok(r) = Scalar::from_slice(&*candidate) else {
            continue;
        };
        let MaybePoint::Valid(nonce) = r.base_point_mul() + adaptor else {
            continue;
        };
        if nonce.has_odd_y() {
            continue;
        }
        let e: MaybeScalar =
            compute_challenge_hash_tweak(&nonce.serialize_xonly(), &public, message);
        let mut presignature = [0; 65];
        presignature[..33].copy_from_slice(&nonce.serialize());
        presignature[33..].copy_from_slice(&(r + e * d).serialize());
        return Ok(presignature);
    }
}

/// Whether a presignature over `message` under `xonly` is locked to `adaptor`; either parity of R'.
pub fn check_presignature(
    xonly: &[u8],
    message: &[u8],
    adaptor: &[u8],
    presignature: &[u8],
) -> Result<bool, SigningError> {
    let key = xonly
        .try_into()
        .ok()
        .and_then(|x: [u8; 32]| Point::lift_x(x).ok())
        .ok_or_else(|| SigningError::new("xonly", "a BIP340 key of 32 bytes", "none"))?;
    let adaptor = point("point", adaptor)?;
    Ok(holds(key, message, adaptor, presignature))
}

/// The equation of the module's head; bytes that are no presignature do not hold.
pub(crate) fn holds(key: Point, message: &[u8], adaptor: Point, presignature: &[u8]) -> bool {
    let Ok((nonce, s)) = parse(presignature) else {
        return false;
    };
    let e: MaybeScalar = compute_challenge_hash_tweak(&nonce.serialize_xonly(), &key, message);
    s * G + adaptor.negate_if(nonce.parity()) == nonce.to_even_y() + e * key.to_even_y()
}

/// The library's form of a secret.
pub(crate) fn secret_scalar(secret: &Secret) -> Scalar {
    Scalar::from_slice(secret.expose()).expect("checked when the secret was made")
}
