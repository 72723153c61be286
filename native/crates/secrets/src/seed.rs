//! Seeds: 32 secret bytes that everything else is derived from.

use zeroize::Zeroizing;

use crate::{Bytes32, Secret, SecretsError, random32};

/// BLAKE3 contexts: a child seed and a scalar of the same path have nothing in common.
const CHILD: &str = "bitvm3 2026 seed child v1";
const SCALAR: &str = "bitvm3 2026 seed scalar v1";

/// 32 secret bytes, wiped on drop.
pub struct Seed(Bytes32);

impl Seed {
    /// A fresh seed from the operating system's generator.
    pub fn generate() -> Result<Self, SecretsError> {
        random32().map(Self)
    }

    pub(crate) fn from_bytes(bytes: Bytes32) -> Self {
        Self(bytes)
    }

    /// The bytes, for code that computes with them and wipes what it makes of them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The child seed of `path`: BLAKE3 keyed with a key derived from this seed, over the path.
    pub fn derive(&self, path: &[u8]) -> Self {
        let mut child = Bytes32::default();
        self.stream(CHILD, path).fill(&mut child[..]);
        Self(child)
    }

    /// The secret scalar of `path`, nonzero and below the group order.
    pub fn secret(&self, path: &[u8]) -> Secret {
        let mut stream = self.stream(SCALAR, path);
        loop {
            // the next 32 bytes of the stream are out of range with a chance of 2^-128
            let mut scalar = Bytes32::default();
            stream.fill(&mut scalar[..]);
            if let Ok(secret) = Secret::from_scalar(scalar) {
                return secret;
            }
        }
    }

    fn stream(&self, context: &str, path: &[u8]) -> Zeroizing<blake3::OutputReader> {
        let key = Zeroizing::new(blake3::derive_key(context, self.expose()));
        let mut hasher = Zeroizing::new(blake3::Hasher::new_keyed(&key));
        hasher.update(path);
        Zeroizing::new(hasher.finalize_xof())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_purposes_are_separated() {
        let seed = Seed::generate().unwrap();
        let again = Seed::from_bytes(Box::new((*seed.expose()).into()));
        assert_eq!(seed.derive(b"a").expose(), again.derive(b"a").expose());
        assert_ne!(seed.derive(b"a").expose(), seed.derive(b"b").expose());
        assert_ne!(seed.derive(b"a").expose(), seed.secret(b"a").expose());
        assert_ne!(
            seed.derive(b"a").derive(b"b").expose(),
            seed.derive(b"ab").expose()
        );
        assert_ne!(
            Seed::generate().unwrap().expose(),
            Seed::generate().unwrap().expose()
        );
    }
}
