//! Sealing: XChaCha20-Poly1305 under a key that Argon2id stretches from a passphrase.
//!
//! Format: version (1) | nonce (24) | ciphertext (32) | tag (16); the context is authenticated, not stored.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::{Bytes32, SecretsError, Seed};

const VERSION: u8 = 1;
const NONCE: usize = 24;
/// Length of a sealed seed in bytes.
const SEALED: usize = 1 + NONCE + 32 + 16;
/// RFC 9106 recommends 16 bytes of salt.
const MIN_SALT: usize = 16;

/// A key that opens and closes sealed seeds.
pub struct SealingKey(Bytes32);

impl SealingKey {
    /// Argon2id (RFC 9106), one lane, over `memory_kib` KiB and `iterations` passes. The costs and the salt (at least
    /// 16 bytes) are not stored in what is sealed: keep them beside it.
    pub fn stretch(
        passphrase: &[u8],
        salt: &[u8],
        memory_kib: u32,
        iterations: u32,
    ) -> Result<Self, SecretsError> {
        let refuse = |field, expected, got: &dyn std::fmt::Display| SecretsError::Field {
            field,
            expected,
            got: got.to_string(),
        };
        if passphrase.is_empty() {
            return Err(refuse("passphrase", "at least one byte", &0));
        }
        if salt.len() < MIN_SALT {
            return Err(refuse("salt", "at least 16 bytes", &salt.len()));
        }
        let params = Params::new(memory_kib, iterations, 1, Some(32)).map_err(|error| {
            let got = format!("{memory_kib} KiB, {iterations} iterations ({error})");
            refuse("memory_kib, iterations", "at least 8 KiB and 1", &got)
        })?;
        let mut key = Bytes32::default();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase, salt, &mut key[..])
            .map_err(|error| refuse("passphrase", "bytes that Argon2id takes", &error))?;
        Ok(Self(key))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&**self.0).into())
    }
}

impl Seed {
    /// The seed encrypted under `key`, bound to `context` (which file, which database, which purpose).
    pub fn seal(&self, key: &SealingKey, context: &[u8]) -> Result<Vec<u8>, SecretsError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|error| SecretsError::Random(error.to_string()))?;
        let payload = Payload {
            msg: self.expose(),
            aad: context,
        };
        let body = key
            .cipher()
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| SecretsError::Unseal)?;
        Ok([&[VERSION], &nonce[..], &body].concat())
    }

    /// The seed that `seal` closed with the same key and context.
    pub fn unseal(sealed: &[u8], key: &SealingKey, context: &[u8]) -> Result<Self, SecretsError> {
        if sealed.len() != SEALED || sealed[0] != VERSION {
            return Err(SecretsError::Field {
                field: "sealed",
                expected: "73 bytes that start with version 1",
                got: match sealed.first() {
                    Some(version) => format!("{} bytes, version {version}", sealed.len()),
                    None => "nothing".into(),
                },
            });
        }
        let payload = Payload {
            msg: &sealed[1 + NONCE..],
            aad: context,
        };
        let plain = key
            .cipher()
            .decrypt(XNonce::from_slice(&sealed[1..1 + NONCE]), payload)
            .map(Zeroizing::new)
            .map_err(|_| SecretsError::Unseal)?;
        let mut bytes = Bytes32::default();
        bytes.copy_from_slice(&plain);
        Ok(Self::from_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(passphrase: &[u8]) -> SealingKey {
        SealingKey::stretch(passphrase, b"sixteen bytes of", 8, 1).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_only_under_the_same_key_context_and_bytes() {
        let seed = Seed::generate().unwrap();
        let sealed = seed.seal(&key(b"right"), b"identity").unwrap();
        assert_eq!(sealed.len(), SEALED);
        let opened = Seed::unseal(&sealed, &key(b"right"), b"identity").unwrap();
        assert_eq!(opened.expose(), seed.expose());
        assert!(Seed::unseal(&sealed, &key(b"wrong"), b"identity").is_err());
        assert!(Seed::unseal(&sealed, &key(b"right"), b"wallet").is_err());
        for at in 0..SEALED {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(Seed::unseal(&changed, &key(b"right"), b"identity").is_err());
        }
        for length in 0..SEALED {
            assert!(Seed::unseal(&sealed[..length], &key(b"right"), b"identity").is_err());
        }
        assert_ne!(sealed, seed.seal(&key(b"right"), b"identity").unwrap());
    }

    #[test]
    fn weak_or_impossible_costs_are_refused() {
        assert!(SealingKey::stretch(b"", b"sixteen bytes of", 8, 1).is_err());
        assert!(SealingKey::stretch(b"x", b"fifteen bytes o", 8, 1).is_err());
        assert!(SealingKey::stretch(b"x", b"sixteen bytes of", 7, 1).is_err());
        assert!(SealingKey::stretch(b"x", b"sixteen bytes of", 8, 0).is_err());
    }
}
