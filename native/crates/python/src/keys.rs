//! `native._native.keys`: opaque handles to secrets.

use pyo3::prelude::*;

use crate::error::{self, Result, array, caught, refuse_pickling, run, value};

#[pymodule(submodule, gil_used = false)]
pub mod keys {
    #[pymodule_export]
    use super::{SealingKey, Secret, Seed, WalletKeys};
    #[pymodule_export]
    use crate::error::NativeError;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::register(module)
    }
}

// Every handle shows only its type, and is neither pickled nor copied.

#[pyclass(frozen, module = "native._native.keys")]
pub struct SealingKey(secrets::SealingKey);

#[pymethods]
impl SealingKey {
    fn __repr__(&self) -> &'static str {
        "<SealingKey>"
    }

    fn __reduce_ex__(&self, _protocol: i32) -> PyResult<()> {
        Err(refuse_pickling("SealingKey"))
    }

    #[new]
    #[pyo3(signature = (passphrase, salt, *, memory_kib, iterations))]
    fn new(
        py: Python<'_>,
        passphrase: &[u8],
        salt: &[u8],
        memory_kib: u32,
        iterations: u32,
    ) -> Result<Self> {
        Ok(Self(run(py, || {
            secrets::SealingKey::stretch(passphrase, salt, memory_kib, iterations)
        })?))
    }
}

#[pyclass(frozen, module = "native._native.keys")]
pub struct Seed(pub secrets::Seed);

#[pymethods]
impl Seed {
    fn __repr__(&self) -> &'static str {
        "<Seed>"
    }

    fn __reduce_ex__(&self, _protocol: i32) -> PyResult<()> {
        Err(refuse_pickling("Seed"))
    }

    #[staticmethod]
    fn generate() -> Result<Self> {
        Ok(Self(caught(secrets::Seed::generate)?))
    }

    #[staticmethod]
    fn unseal(sealed: &[u8], key: &SealingKey, context: &[u8]) -> Result<Self> {
        Ok(Self(caught(|| {
            secrets::Seed::unseal(sealed, &key.0, context)
        })?))
    }

    fn seal(&self, key: &SealingKey, context: &[u8]) -> Result<Vec<u8>> {
        caught(|| self.0.seal(&key.0, context))
    }

    fn derive(&self, path: &[u8]) -> Result<Self> {
        Ok(Self(value(|| self.0.derive(path))?))
    }

    fn secret(&self, path: &[u8]) -> Result<Secret> {
        Ok(Secret(value(|| self.0.secret(path))?))
    }

    fn reveal(&self) -> [u8; 32] {
        *self.0.expose()
    }
}

#[pyclass(frozen, module = "native._native.keys")]
pub struct Secret(pub secrets::Secret);

#[pymethods]
impl Secret {
    fn __repr__(&self) -> &'static str {
        "<Secret>"
    }

    fn __reduce_ex__(&self, _protocol: i32) -> PyResult<()> {
        Err(refuse_pickling("Secret"))
    }

    #[staticmethod]
    fn from_revealed(scalar: &[u8]) -> Result<Self> {
        let scalar = array("scalar", scalar)?;
        Ok(Self(caught(|| secrets::Secret::from_revealed(scalar))?))
    }

    fn point(&self) -> Result<[u8; 33]> {
        value(|| self.0.point())
    }

    fn xonly(&self) -> Result<[u8; 32]> {
        value(|| self.0.xonly())
    }

    #[pyo3(signature = (message, aux = None))]
    fn sign(&self, message: &[u8], aux: Option<&[u8]>) -> Result<[u8; 64]> {
        let aux = optional("aux", aux)?;
        caught(|| self.0.sign(message, aux))
    }

    #[pyo3(signature = (message, merkle_root, aux = None))]
    fn sign_key_path(
        &self,
        message: &[u8],
        merkle_root: Option<&[u8]>,
        aux: Option<&[u8]>,
    ) -> Result<[u8; 64]> {
        let (root, aux) = (optional("merkle_root", merkle_root)?, optional("aux", aux)?);
        caught(|| self.0.sign_key_path(message, root, aux))
    }
}

#[pyclass(frozen, module = "native._native.keys")]
pub struct WalletKeys(secrets::WalletKeys);

#[pymethods]
impl WalletKeys {
    fn __repr__(&self) -> &'static str {
        "<WalletKeys>"
    }

    fn __reduce_ex__(&self, _protocol: i32) -> PyResult<()> {
        Err(refuse_pickling("WalletKeys"))
    }

    #[new]
    #[pyo3(signature = (seed, *, coin_type))]
    fn new(seed: &Seed, coin_type: u32) -> Result<Self> {
        Ok(Self(caught(|| {
            secrets::WalletKeys::new(&seed.0, coin_type)
        })?))
    }

    fn output_key(&self, change: u32, index: u32) -> Result<[u8; 32]> {
        caught(|| self.0.output_key(change, index))
    }

    fn sign(&self, change: u32, index: u32, sighash: &[u8]) -> Result<[u8; 64]> {
        let sighash = array("sighash", sighash)?;
        caught(|| self.0.sign(change, index, &sighash))
    }

    fn descriptor(&self) -> Result<String> {
        value(|| self.0.descriptor())
    }
}

fn optional(field: &str, bytes: Option<&[u8]>) -> error::Result<Option<[u8; 32]>> {
    bytes.map(|bytes| array(field, bytes)).transpose()
}
