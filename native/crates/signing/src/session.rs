//! One MuSig2 session (BIP327), with or without an adaptor point.
//!
//! With an adaptor point T the session is ordinary MuSig2 over the aggregate nonce (R1 + T, R2): T is inside before the
//! coefficient is hashed. Nobody signed for T's part, so the sum of the partials is a presignature.

use musig2::secp::{MaybePoint, MaybeScalar, Point, Scalar};
use musig2::{
    AggNonce, BinaryEncoding, KeyAggContext, PubNonce, SecNonce, SecNonceBuilder,
    compute_challenge_hash_tweak, sign_partial, verify_partial,
};
use zeroize::Zeroizing;

use crate::adaptor::{holds, secret_scalar};
use crate::points::finite;
use crate::{PARTIAL, PRESIGNATURE, SigningError, verify};
use secrets::Secret;

/// What the signers of one session agree on.
pub(crate) struct Session<'a> {
    /// The keys, tweaked for a Taproot key path when the session is one.
    pub keys: &'a KeyAggContext,
    pub message: &'a [u8],
    pub adaptor: Option<Point>,
}

/// The nonce all partial signatures of a session use: the shifted aggregate, its coefficient, and R' that comes of them.
pub(crate) struct SharedNonce {
    pub aggregate: AggNonce,
    pub coefficient: MaybeScalar,
    pub last: Point,
}

impl Session<'_> {
    /// This session's secret nonce, fixed by `rand`, the key and `extra`.
    pub fn secret_nonce(&self, rand: &[u8; 32], secret: &Secret, extra: &[u8]) -> SecNonce {
        let key = self.keys.aggregated_pubkey();
        nonce_gen(rand, secret, key, self.message, extra)
    }

    /// The shared nonce from everyone's public nonces; infinity anywhere on the way is refused: only a
    /// cheat among the signers gets there (BIP327 would go on, to find the cheat by its partial signature).
    pub fn shared_nonce(&self, nonces: &[PubNonce]) -> Result<SharedNonce, SigningError> {
        let sum = AggNonce::sum(nonces);
        let first = finite("aggregate nonce R1", sum.R1)?;
        let second = finite("aggregate nonce R2", sum.R2)?;
        let shifted = match self.adaptor {
            Some(adaptor) => finite("aggregate nonce R1 + adaptor point", first + adaptor)?,
            None => first,
        };
        let aggregate = AggNonce::new(shifted, second);
        let b: MaybeScalar =
            aggregate.nonce_coefficient(self.keys.aggregated_pubkey::<Point>(), self.message);
        let last = finite("final nonce", MaybePoint::from(shifted) + b * second)?;
        Ok(SharedNonce {
            aggregate,
            coefficient: b,
            last,
        })
    }

    /// One partial signature. `key` is the point of `secret`.
    ///
    /// Under an untweaked key, as all digits are, it is not verified here: that costs as much as everything else, and
    /// whoever aggregates verifies the sum, before it relies on it. The library does so for the few others.
    pub fn sign(
        &self,
        secret: &Secret,
        key: Point,
        secret_nonce: SecNonce,
        nonce: &SharedNonce,
    ) -> Result<[u8; PARTIAL], SigningError> {
        let unknown = "the key of one of the signers";
        if self.keys.tweak_sum::<Scalar>().is_none() {
            let coefficient = self
                .keys
                .key_coefficient(key)
                .ok_or_else(|| SigningError::new("secret", unknown, "another key"))?;
            let partial = self.partial(coefficient, secret, &secret_nonce, nonce);
            return Ok(partial.serialize());
        }
        sign_partial::<MaybeScalar>(
            self.keys,
            secret_scalar(secret),
            secret_nonce,
            &nonce.aggregate,
            self.message,
        )
        .map(|partial| partial.serialize())
        .map_err(|error| SigningError::new("secret", unknown, error))
    }

    /// s = k1 + b k2 + e a d of BIP327, where k is negated when R' is odd and d when the untweaked aggregate key is.
    fn partial(
        &self,
        coefficient: MaybeScalar,
        secret: &Secret,
        secret_nonce: &SecNonce,
        nonce: &SharedNonce,
    ) -> MaybeScalar {
        let group: Point = self.keys.aggregated_pubkey();
        let bytes = Zeroizing::new(secret_nonce.to_bytes());
        let [k1, k2] = [&bytes[..32], &bytes[32..64]]
            .map(|half| Scalar::from_slice(half).expect("written from a scalar"));
        let e: MaybeScalar =
            compute_challenge_hash_tweak(&nonce.last.serialize_xonly(), &group, self.message);
        let d = secret_scalar(secret).negate_if(group.parity());
        let k = (k1 + nonce.coefficient * k2).negate_if(nonce.last.parity());
        k + e * coefficient * d
    }

    /// Whether a partial signature is the one of `key` with its public nonce.
    pub fn partial_holds(
        &self,
        key: Point,
        public_nonce: &PubNonce,
        nonce: &SharedNonce,
        partial: &[u8],
    ) -> bool {
        MaybeScalar::from_slice(partial).is_ok_and(|partial| {
            verify_partial(
                self.keys,
                partial,
                &nonce.aggregate,
                key,
                public_nonce,
                self.message,
            )
            .is_ok()
        })
    }

    /// The presignature of all partials; without an adaptor point R' is written even and `x | s` is the signature.
    pub fn aggregate(
        &self,
        nonce: &SharedNonce,
        partials: impl Iterator<Item = MaybeScalar>,
    ) -> [u8; PRESIGNATURE] {
        let key: Point = self.keys.aggregated_pubkey();
        let e: MaybeScalar =
            compute_challenge_hash_tweak(&nonce.last.serialize_xonly(), &key, self.message);
        let tweak = self.keys.tweak_sum::<musig2::secp::Scalar>();
        let tweak = tweak.map_or(MaybeScalar::Zero, MaybeScalar::Valid);
        let s = partials.sum::<MaybeScalar>() + (e * tweak).negate_if(key.parity());
        let shown = match self.adaptor {
            Some(_) => nonce.last,
            None => nonce.last.to_even_y(),
        };
        let mut presignature = [0; PRESIGNATURE];
        presignature[..33].copy_from_slice(&shown.serialize());
        presignature[33..].copy_from_slice(&s.serialize());
        presignature
    }

    /// Whether an aggregated presignature (or signature, without an adaptor point) is valid under the group's key.
    pub fn presignature_holds(&self, presignature: &[u8]) -> bool {
        let key: Point = self.keys.aggregated_pubkey();
        match self.adaptor {
            Some(adaptor) => holds(key, self.message, adaptor, presignature),
            None => {
                presignature[0] == 2
                    && verify(&key.serialize_xonly(), self.message, &presignature[1..])
            }
        }
    }
}

/// BIP327 NonceGen with every optional input.
pub(crate) fn nonce_gen(
    rand: &[u8; 32],
    secret: &Secret,
    aggregate_key: Point,
    message: &[u8],
    extra: &[u8],
) -> SecNonce {
    SecNonceBuilder::from_seckey(rand, secret_scalar(secret))
        .with_aggregated_pubkey(aggregate_key)
        .with_message(&message)
        .with_extra_input(&extra)
        .build()
}

/// A public nonce of 66 bytes.
pub(crate) fn public_nonce(
    field: impl std::fmt::Display,
    bytes: &[u8],
) -> Result<PubNonce, SigningError> {
    PubNonce::try_from(bytes)
        .map_err(|_| SigningError::new(field, "a public nonce (two points)", "bytes that are none"))
}
