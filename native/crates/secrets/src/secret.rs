//! Secret scalars of secp256k1 and BIP340 signatures by them.

use bitcoin::hashes::Hash;
use bitcoin::taproot::{TapNodeHash, TapTweakHash};
use secp256k1::{Keypair, SECP256K1, Scalar, SecretKey};

use crate::{Bytes32, SecretsError, random32};

/// A nonzero scalar below the group order, big-endian, wiped on drop.
pub struct Secret(Bytes32);

/// A key pair of the library, wiped on drop.
struct Signer(Keypair);

impl Drop for Signer {
    fn drop(&mut self) {
        self.0.non_secure_erase();
    }
}

impl Secret {
    /// Takes 32 bytes that are a nonzero scalar below the group order.
    pub fn from_scalar(scalar: Bytes32) -> Result<Self, SecretsError> {
        match SecretKey::from_byte_array(**scalar) {
            Ok(mut key) => {
                key.non_secure_erase();
                Ok(Self(scalar))
            }
            Err(_) => Err(SecretsError::Field {
                field: "scalar",
                expected: "a nonzero number below the order of secp256k1",
                got: "zero or a number that is too large".into(),
            }),
        }
    }

    /// The same from bytes that are public already, or about to be.
    pub fn from_revealed(scalar: [u8; 32]) -> Result<Self, SecretsError> {
        Self::from_scalar(Box::new(scalar.into()))
    }

    /// The scalar, for code that computes with it and wipes what it makes of it.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The point of this scalar, 33 bytes compressed.
    pub fn point(&self) -> [u8; 33] {
        self.signer().0.public_key().serialize()
    }

    /// The BIP340 key of this scalar, 32 bytes.
    pub fn xonly(&self) -> [u8; 32] {
        self.signer().0.x_only_public_key().0.serialize()
    }

    /// A BIP340 signature over `message` under [`Self::xonly`]. Without `aux`, fresh bytes of the operating system.
    pub fn sign(&self, message: &[u8], aux: Option<[u8; 32]>) -> Result<[u8; 64], SecretsError> {
        sign(&self.signer(), message, aux)
    }

    /// A BIP340 signature under the BIP341 output key of (this key, `merkle_root`); without a root, BIP86.
    pub fn sign_key_path(
        &self,
        message: &[u8],
        merkle_root: Option<[u8; 32]>,
        aux: Option<[u8; 32]>,
    ) -> Result<[u8; 64], SecretsError> {
        let signer = self.signer();
        let internal = bitcoin::XOnlyPublicKey::from_slice(&self.xonly())
            .expect("a key that one library made, the other one reads");
        let root = merkle_root.map(TapNodeHash::from_byte_array);
        let tweak = TapTweakHash::from_key_and_tweak(internal, root).to_byte_array();
        let refused = || SecretsError::Field {
            field: "merkle_root",
            expected: "a root whose tweak is a scalar and does not cancel the key",
            got: "one of 2^-128 bad luck".into(),
        };
        let tweak = Scalar::from_be_bytes(tweak).map_err(|_| refused())?;
        let tweaked = signer
            .0
            .add_xonly_tweak(SECP256K1, &tweak)
            .map_err(|_| refused())?;
        sign(&Signer(tweaked), message, aux)
    }

    fn signer(&self) -> Signer {
        Signer(
            Keypair::from_seckey_byte_array(SECP256K1, **self.0)
                .expect("checked when the secret was made"),
        )
    }
}

fn sign(signer: &Signer, message: &[u8], aux: Option<[u8; 32]>) -> Result<[u8; 64], SecretsError> {
    let aux = match aux {
        Some(aux) => Box::new(aux.into()),
        None => random32()?,
    };
    Ok(SECP256K1
        .sign_schnorr_with_aux_rand(message, &signer.0, &aux)
        .to_byte_array())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_the_group_order_are_no_secrets() {
        let order = secp256k1::constants::CURVE_ORDER;
        let mut largest = order;
        largest[31] -= 1;
        assert!(Secret::from_revealed([0; 32]).is_err());
        assert!(Secret::from_revealed(order).is_err());
        assert!(Secret::from_revealed([0xff; 32]).is_err());
        assert!(Secret::from_revealed(largest).is_ok());
    }

    #[test]
    fn a_signature_verifies_under_the_key_it_names() {
        let secret = crate::Seed::generate().unwrap().secret(b"key");
        let signature =
            secp256k1::schnorr::Signature::from_byte_array(secret.sign(b"message", None).unwrap());
        let key = secp256k1::XOnlyPublicKey::from_byte_array(secret.xonly()).unwrap();
        assert!(signature.verify(b"message", &key).is_ok());
        assert!(signature.verify(b"massage", &key).is_err());
    }
}
