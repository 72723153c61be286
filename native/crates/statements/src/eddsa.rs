//! EdDSA on Baby Jubjub over Poseidon, exactly circomlib's EdDSAPoseidon: how attestors sign checkpoints.
//!
//! R8 = r B8, h = P(R8.x, R8.y, A.x, A.y, digest), S = r + 8 h a mod l, and a signature is valid when S B8 = R8 + 8 h A.
//! Promises that what verifies is canonical (S < l, coordinates below r), that R8 is on the curve, that the key is in the
//! prime-order subgroup and not neutral, and that a signer's secret stays here and is wiped. Does NOT know checkpoints.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, PrimeField};
use groth16::{Result, fault};
use zeroize::{Zeroize, Zeroizing};

use crate::babyjub::{BASE, Point, Scalar, read_scalar, reduce};
use crate::{field, poseidon};

const KEY_CONTEXT: &str = "bitvm3 2026 attestor key v1";
const NONCE_CONTEXT: &str = "bitvm3 2026 attestor nonce v1";

/// A signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The nonce's point.
    pub r8: Point,
    /// The proof, below l.
    pub s: Scalar,
}

impl Signature {
    /// R8.x, R8.y, S of 32 bytes big-endian each: canonical, R8 on the curve, or a refusal that names the field.
    pub fn read(name: &str, bytes: &[u8; 96]) -> Result<Self> {
        let (point, scalar) = bytes.split_at(64);
        let r8 = Point::read(
            &format!("{name}.R8"),
            point.try_into().expect("64 of 96 bytes"),
        )?;
        let s = read_scalar(scalar.try_into().expect("32 of 96 bytes")).ok_or_else(|| {
            fault(
                format_args!("{name}.S"),
                "a number below l, the order of the subgroup",
                "a larger one",
            )
        })?;
        Ok(Self { r8, s })
    }

    /// The 96 bytes.
    pub fn write(&self) -> [u8; 96] {
        let mut bytes = [0; 96];
        bytes[..64].copy_from_slice(&self.r8.write());
        bytes[64..].copy_from_slice(&field::write_limbs(self.s.into_bigint()));
        bytes
    }
}

/// A verification key that was checked: on the curve, in the prime-order subgroup, not neutral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(Point);

impl Key {
    /// The key of 64 bytes, x and y big-endian, or a refusal that names the field.
    pub fn read(name: &str, bytes: &[u8; 64]) -> Result<Self> {
        let point = Point::read(name, bytes)?;
        if point == Point::NEUTRAL {
            return Err(fault(name, "a key", "the neutral element"));
        }
        if !point.is_in_subgroup() {
            return Err(fault(
                name,
                "a point of the subgroup of prime order",
                "one outside of it",
            ));
        }
        Ok(Self(point))
    }

    /// The point.
    pub fn point(&self) -> &Point {
        &self.0
    }

    /// Whether the signature is valid for the digest.
    pub fn verify(&self, digest: &Fr, signature: &Signature) -> bool {
        let h = challenge(&signature.r8, &self.0, digest);
        let right = signature.r8.plus(&self.0.times(&(h * Scalar::from(8))));
        BASE.times(&signature.s) == right
    }
}

/// h as a number modulo l; the circuit takes it as the integer it is, which gives the same multiple of a key.
fn challenge(r8: &Point, key: &Point, digest: &Fr) -> Scalar {
    let h = poseidon::hash(&[r8.x, r8.y, key.x, key.y, *digest]);
    let mut bytes = [0; 64];
    bytes[32..].copy_from_slice(&field::write(&h));
    reduce(&bytes)
}

/// An attestor's signing key, wiped on drop.
pub struct SigningKey {
    secret: Box<Zeroizing<Scalar>>,
    prefix: Box<Zeroizing<[u8; 32]>>,
    key: Key,
}

impl SigningKey {
    /// The key that this seed gives: BLAKE3 under a context of its own makes the secret scalar (512 bits modulo l) and a
    /// prefix that nonces are made from.
    pub fn derive(seed: &secrets::Seed) -> Self {
        let mut hasher = Zeroizing::new(blake3::Hasher::new_derive_key(KEY_CONTEXT));
        hasher.update(seed.expose());
        let mut stream = Zeroizing::new(hasher.finalize_xof());
        let mut prefix = Box::new(Zeroizing::new([0; 32]));
        stream.fill(&mut prefix[..]);
        loop {
            let secret = Box::new(Zeroizing::new(draw(&mut stream)));
            // zero with a chance of 2^-250
            if **secret != Scalar::ZERO {
                let key = Key(BASE.times(&secret));
                return Self {
                    secret,
                    prefix,
                    key,
                };
            }
        }
    }

    /// The key that others verify with.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The signature over a digest: the same one each time. The nonce is a keyed hash of the digest under the secret
    /// prefix, 512 bits modulo l, so that it is uniform and never shared by two digests.
    pub fn sign(&self, digest: &Fr) -> Signature {
        let mut key = blake3::derive_key(NONCE_CONTEXT, &self.prefix[..]);
        let mut hasher = Zeroizing::new(blake3::Hasher::new_keyed(&key));
        key.zeroize();
        hasher.update(&field::write(digest));
        let nonce = Zeroizing::new(draw(&mut Zeroizing::new(hasher.finalize_xof())));
        let r8 = BASE.times(&nonce);
        let h = challenge(&r8, &self.key.0, digest);
        let s = *nonce + h * Scalar::from(8) * **self.secret;
        Signature { r8, s }
    }
}

fn draw(stream: &mut blake3::OutputReader) -> Scalar {
    let mut wide = Zeroizing::new([0; 64]);
    stream.fill(&mut wide[..]);
    reduce(&wide)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// circomlibjs test/eddsa.js, "Sign (using Poseidon) a single 10 bytes from 0 to 9".
    #[test]
    fn circomlib_vector() {
        let point = |x: &str, y: &str| Point {
            x: x.parse().unwrap(),
            y: y.parse().unwrap(),
        };
        let key = point(
            "13277427435165878497778222415993513565335242147425444199013288855685581939618",
            "13622229784656158136036771217484571176836296686641868549125388198837476602820",
        );
        let key = Key::read("key", &key.write()).unwrap();
        let signature = Signature {
            r8: point(
                "11384336176656855268977457483345535180380036354188103142384839473266348197733",
                "15383486972088797283337779941324724402501462225528836549661220478783371668959",
            ),
            s: "1672775540645840396591609181675628451599263765380031905495115170613215233181"
                .parse()
                .unwrap(),
        };
        let message = [0u8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0];
        let digest = Fr::from_le_bytes_mod_order(&message);
        assert!(key.verify(&digest, &signature));
        assert!(!key.verify(&(digest + Fr::from(1)), &signature));
    }

    #[test]
    fn signatures_are_deterministic_and_bound_to_key_and_digest() {
        let seed = secrets::Seed::generate().unwrap();
        let (key, other) = (
            SigningKey::derive(&seed.derive(b"a")),
            SigningKey::derive(&seed.derive(b"b")),
        );
        let digests = [Fr::from(7), Fr::from(8)];
        let [first, second] = digests.map(|digest| key.sign(&digest));
        assert_eq!(first, key.sign(&digests[0]));
        assert_ne!(first.r8, second.r8);
        assert!(key.key().verify(&digests[0], &first));
        assert!(!key.key().verify(&digests[1], &first));
        assert!(!other.key().verify(&digests[0], &first));
        assert_eq!(Signature::read("s", &first.write()), Ok(first));
    }

    #[test]
    fn an_s_that_is_not_canonical_is_refused() {
        let seed = secrets::Seed::generate().unwrap();
        let mut bytes = SigningKey::derive(&seed).sign(&Fr::from(7)).write();
        bytes[64..].copy_from_slice(&field::write_limbs(Scalar::MODULUS));
        assert_eq!(Signature::read("s", &bytes).unwrap_err().field, "s.S");
    }
}
