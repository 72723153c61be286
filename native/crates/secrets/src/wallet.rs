//! Wallet keys: BIP32 and BIP86 single-key Taproot outputs, m/86'/coin'/0'/change/index.

use std::sync::LazyLock;

use bitcoin::NetworkKind;
use bitcoin::bip32::{ChildNumber, Fingerprint, Xpriv, Xpub};
use bitcoin::key::TapTweak;
use bitcoin::secp256k1::{All, Secp256k1};

use crate::{Secret, SecretsError, Seed};

static SECP: LazyLock<Secp256k1<All>> = LazyLock::new(Secp256k1::new);

/// Account 0 of a wallet; the private half is wiped on drop.
pub struct WalletKeys {
    account: Box<Xpriv>,
    public: Xpub,
    origin: Fingerprint,
    coin_type: u32,
}

impl Drop for WalletKeys {
    fn drop(&mut self) {
        self.account.private_key.non_secure_erase();
    }
}

impl WalletKeys {
    /// The account m/86'/`coin_type`'/0' of the BIP32 seed. Coin type 0 is mainnet, every other one a test network
    /// (SLIP-44: 1).
    pub fn new(seed: &Seed, coin_type: u32) -> Result<Self, SecretsError> {
        let network = match coin_type {
            0 => NetworkKind::Main,
            _ => NetworkKind::Test,
        };
        let refused = |_| SecretsError::Field {
            field: "seed",
            expected: "one with a BIP32 master key",
            got: "one of 2^-127 bad luck".into(),
        };
        let mut master = Xpriv::new_master(network, seed.expose()).map_err(refused)?;
        let origin = master.fingerprint(&SECP);
        let path = [hardened(86)?, hardened(coin_type)?, hardened(0)?];
        let account = master.derive_priv(&SECP, &path).map_err(refused);
        master.private_key.non_secure_erase();
        let account = Box::new(account?);
        let public = Xpub::from_priv(&SECP, &account);
        Ok(Self {
            account,
            public,
            origin,
            coin_type,
        })
    }

    /// The BIP86 output key of change/index, 32 bytes.
    pub fn output_key(&self, change: u32, index: u32) -> Result<[u8; 32], SecretsError> {
        let child = self
            .public
            .derive_pub(&SECP, &path(change, index)?)
            .map_err(|_| no_such_child(index))?;
        let (key, _) = child.to_x_only_pub().tap_tweak(&SECP, None);
        Ok(key.to_x_only_public_key().serialize())
    }

    /// A BIP340 signature over a sighash under the output key of change/index, with fresh randomness.
    pub fn sign(
        &self,
        change: u32,
        index: u32,
        sighash: &[u8; 32],
    ) -> Result<[u8; 64], SecretsError> {
        let mut child = self
            .account
            .derive_priv(&SECP, &path(change, index)?)
            .map_err(|_| no_such_child(index))?;
        let secret = Secret::from_scalar(Box::new(child.private_key.secret_bytes().into()));
        child.private_key.non_secure_erase();
        secret?.sign_key_path(sighash, None, None)
    }

    /// The public descriptor of both chains, with the key's origin; Bitcoin Core's `getdescriptorinfo` adds a checksum.
    pub fn descriptor(&self) -> String {
        format!(
            "tr([{}/86'/{}'/0']{}/<0;1>/*)",
            self.origin, self.coin_type, self.public
        )
    }
}

fn path(change: u32, index: u32) -> Result<[ChildNumber; 2], SecretsError> {
    if change > 1 {
        return Err(SecretsError::Field {
            field: "change",
            expected: "0 (receive) or 1 (change)",
            got: change.to_string(),
        });
    }
    let index = ChildNumber::from_normal_idx(index).map_err(|_| SecretsError::Field {
        field: "index",
        expected: "below 2^31",
        got: index.to_string(),
    })?;
    Ok([ChildNumber::Normal { index: change }, index])
}

fn hardened(index: u32) -> Result<ChildNumber, SecretsError> {
    ChildNumber::from_hardened_idx(index).map_err(|_| SecretsError::Field {
        field: "coin_type",
        expected: "below 2^31",
        got: index.to_string(),
    })
}

fn no_such_child(index: u32) -> SecretsError {
    SecretsError::Field {
        field: "index",
        expected: "one with a BIP32 child key",
        got: format!("{index}, of 2^-127 bad luck"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BIP86's own test vector needs its 64-byte seed, which a [`Seed`] does not hold: from the account key on.
    #[test]
    fn bip86_first_addresses() {
        let account: Xpriv = "xprv9xgqHN7yz9MwCkxsBPN5qetuNdQSUttZNKw1dcYTV4mkaAFiBVGQziHs3NRSWMkCzvgjEe3n9xV8oYywvM8at9yRqyaZVz6TYYhX98VjsUk"
            .parse()
            .unwrap();
        let public = Xpub::from_priv(&SECP, &account);
        let keys = WalletKeys {
            account: Box::new(account),
            public,
            origin: Fingerprint::default(),
            coin_type: 0,
        };
        for (change, index, expected) in [
            (
                0,
                0,
                "a60869f0dbcf1dc659c9cecbaf8050135ea9e8cdc487053f1dc6880949dc684c",
            ),
            (
                0,
                1,
                "a82f29944d65b86ae6b5e5cc75e294ead6c59391a1edc5e016e3498c67fc7bbb",
            ),
            (
                1,
                0,
                "882d74e5d0572d5a816cef0041a96b6c1de832f6f9676d9605c44d5e9a97d3dc",
            ),
        ] {
            let key = keys.output_key(change, index).unwrap();
            assert_eq!(hex::encode(key), expected);
            let signature = secp256k1::schnorr::Signature::from_byte_array(
                keys.sign(change, index, &[7; 32]).unwrap(),
            );
            let key = secp256k1::XOnlyPublicKey::from_byte_array(key).unwrap();
            assert!(signature.verify(&[7; 32], &key).is_ok());
        }
    }

    #[test]
    fn paths_outside_bip86_are_refused() {
        let keys = WalletKeys::new(&Seed::generate().unwrap(), 1).unwrap();
        assert!(keys.descriptor().contains("tpub"));
        assert!(keys.output_key(2, 0).is_err());
        assert!(keys.output_key(0, 1 << 31).is_err());
        assert!(keys.output_key(1, (1 << 31) - 1).is_ok());
        assert!(WalletKeys::new(&Seed::generate().unwrap(), 1 << 31).is_err());
    }
}
