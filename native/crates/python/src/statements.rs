//! `native._native.statements`: Poseidon, attestors' signatures, and the statements a claim proves.

use ::groth16::{Groth16Error, guarded};
use ::statements::eddsa::{Key, Signature, SigningKey};
use ::statements::{field, poseidon as sponge};
use pyo3::prelude::*;

use crate::error::{Error, Result, array, refuse_pickling};
use crate::keys::Seed;

#[pymodule(submodule, gil_used = false)]
pub mod statements {
    #[pymodule_export]
    use super::{AttestorKey, attestor_key_fault, eddsa_verify, poseidon};
    #[pymodule_export]
    use crate::error::NativeError;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::register(module)
    }
}

/// Without the interpreter, and with every panic turned into an error.
fn run<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> std::result::Result<T, Groth16Error> + Send,
) -> Result<T> {
    Ok(py.detach(|| guarded(work))?)
}

/// A field element of 32 bytes big-endian.
fn element(name: &str, bytes: &[u8]) -> Result<::statements::Fr> {
    field::read(&array(name, bytes)?)
        .ok_or_else(|| Error::field(name, "a number below r", "a larger one"))
}

/// `poseidon` of circomlib.
#[pyfunction]
fn poseidon(py: Python<'_>, inputs: Vec<Vec<u8>>) -> Result<[u8; 32]> {
    if !(1..=sponge::INPUTS).contains(&inputs.len()) {
        let expected = format!("1 to {} numbers", sponge::INPUTS);
        return Err(Error::field("inputs", expected, inputs.len()));
    }
    let words = (inputs.iter().enumerate())
        .map(|(i, word)| element(&format!("inputs[{i}]"), word))
        .collect::<Result<Vec<_>>>()?;
    run(py, || Ok(field::write(&sponge::hash(&words))))
}

/// An attestor's signing key; the secret stays here and is wiped.
#[pyclass(frozen, module = "native._native.statements")]
pub struct AttestorKey(SigningKey);

#[pymethods]
impl AttestorKey {
    fn __repr__(&self) -> &'static str {
        "<AttestorKey>"
    }

    fn __reduce_ex__(&self, _protocol: i32) -> PyResult<()> {
        Err(refuse_pickling("AttestorKey"))
    }

    #[new]
    fn new(py: Python<'_>, seed: &Seed, path: &[u8]) -> Result<Self> {
        Ok(Self(run(py, || {
            Ok(SigningKey::derive(&seed.0.derive(path)))
        })?))
    }

    fn public(&self) -> [u8; 64] {
        self.0.key().point().write()
    }

    fn sign(&self, py: Python<'_>, digest: &[u8]) -> Result<[u8; 96]> {
        let digest = element("digest", digest)?;
        run(py, || Ok(self.0.sign(&digest).write()))
    }
}

/// Refuses what is no attestor's key.
#[pyfunction]
fn attestor_key_fault(py: Python<'_>, public: &[u8]) -> Result<()> {
    let public = array("public", public)?;
    run(py, || Key::read("public", &public).map(|_| ()))
}

/// Whether the signature is valid.
#[pyfunction]
fn eddsa_verify(py: Python<'_>, public: &[u8], digest: &[u8], signature: &[u8]) -> Result<bool> {
    let public = array("public", public)?;
    let digest = element("digest", digest)?;
    let signature = array("signature", signature)?;
    run(py, || {
        let key = Key::read("public", &public)?;
        Ok(key.verify(&digest, &Signature::read("signature", &signature)?))
    })
}
