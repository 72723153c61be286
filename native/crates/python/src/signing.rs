//! `native._native.signing`: BIP340, adaptor presignatures and batches of MuSig2 sessions.

use ::signing as pure;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::error::{Error, Result, array, caught, run, value};
use crate::keys::{Secret, Seed};

#[pymodule(submodule, gil_used = false)]
pub mod signing {
    #[pymodule_export]
    use super::{
        Presigning, add_points, aggregate_key, announce, attest, check_presignature, combine,
        complete, equal_nonces, extract, is_point, presign, verify,
    };

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::register(module)
    }
}

/// Borrowed slices of a list of Python bytes.
fn slices(all: &[PyBackedBytes]) -> Vec<&[u8]> {
    all.iter().map(|bytes| &**bytes).collect()
}

#[pyfunction]
fn verify(xonly: &[u8], message: &[u8], signature: &[u8]) -> Result<bool> {
    value(|| pure::verify(xonly, message, signature))
}

#[pyfunction]
fn is_point(point: &[u8]) -> Result<bool> {
    value(|| pure::is_point(point))
}

#[pyfunction]
fn add_points(py: Python<'_>, points: Vec<PyBackedBytes>) -> Result<[u8; 33]> {
    run(py, || pure::add_points(&slices(&points)))
}

#[pyfunction]
fn combine(
    py: Python<'_>,
    points: Vec<PyBackedBytes>,
    scalars: Vec<PyBackedBytes>,
) -> Result<[u8; 33]> {
    run(py, || pure::combine(&slices(&points), &slices(&scalars)))
}

#[pyfunction]
fn aggregate_key(keys: Vec<PyBackedBytes>) -> Result<[u8; 33]> {
    caught(|| pure::aggregate_key(&slices(&keys)))
}

#[pyfunction]
fn equal_nonces(presignatures: &[u8], group: usize) -> Result<Vec<usize>> {
    caught(|| pure::equal_nonces(presignatures, group))
}

#[pyfunction]
fn complete(presignature: &[u8], secret: &Secret) -> Result<[u8; 64]> {
    caught(|| pure::complete(presignature, &secret.0))
}

#[pyfunction]
fn extract(presignature: &[u8], signature: &[u8]) -> Result<[u8; 32]> {
    caught(|| pure::extract(presignature, signature))
}

#[pyfunction]
fn presign(secret: &Secret, message: &[u8], point: &[u8], aux: Option<&[u8]>) -> Result<[u8; 65]> {
    let aux = aux.map(|aux| array("aux", aux)).transpose()?;
    caught(|| pure::presign(&secret.0, message, point, aux))
}

#[pyfunction]
fn check_presignature(
    xonly: &[u8],
    message: &[u8],
    point: &[u8],
    presignature: &[u8],
) -> Result<bool> {
    caught(|| pure::check_presignature(xonly, message, point, presignature))
}

#[pyfunction]
fn announce(secret: &Secret, seed: &Seed, message: &[u8]) -> Result<([u8; 32], [u8; 64])> {
    caught(|| pure::announce(&secret.0, &seed.0, message))
}

#[pyfunction]
fn attest(secret: &Secret, seed: &Seed, message: &[u8]) -> Result<[u8; 64]> {
    caught(|| pure::attest(&secret.0, &seed.0, message))
}

/// Message, adaptor point, tweak.
type Item = (PyBackedBytes, Option<PyBackedBytes>, Option<PyBackedBytes>);

#[pyclass(frozen, module = "native._native.signing")]
pub struct Presigning(pure::Presigning);

#[pymethods]
impl Presigning {
    #[new]
    fn new(py: Python<'_>, keys: Vec<PyBackedBytes>, items: Vec<Item>) -> Result<Self> {
        let batch = run(py, || {
            let items: Vec<pure::Item<'_>> = items
                .iter()
                .map(|(message, adaptor, tweak)| pure::Item {
                    message,
                    adaptor: adaptor.as_deref(),
                    tweak: tweak.as_deref(),
                })
                .collect();
            pure::Presigning::new(&slices(&keys), &items)
        })?;
        Ok(Self(batch))
    }

    fn __len__(&self) -> usize {
        self.0.sessions()
    }

    #[getter]
    fn aggregate_key(&self) -> [u8; 33] {
        self.0.aggregate_key()
    }

    fn public_nonces(&self, py: Python<'_>, seed: &Seed, secret: &Secret) -> Result<Vec<u8>> {
        run(py, || self.0.public_nonces(&seed.0, &secret.0))
    }

    fn sign(
        &self,
        py: Python<'_>,
        seed: &Seed,
        secret: &Secret,
        nonces: Vec<PyBackedBytes>,
    ) -> Result<Vec<u8>> {
        run(py, || self.0.sign(&seed.0, &secret.0, &slices(&nonces)))
    }

    fn check_partials(
        &self,
        py: Python<'_>,
        signer: isize,
        nonces: Vec<PyBackedBytes>,
        partials: PyBackedBytes,
    ) -> Result<Vec<usize>> {
        let signer = usize::try_from(signer)
            .map_err(|_| Error::field("signer", "a place in the order of the keys", signer))?;
        run(py, || {
            self.0.check_partials(signer, &slices(&nonces), &partials)
        })
    }

    fn aggregate(
        &self,
        py: Python<'_>,
        nonces: Vec<PyBackedBytes>,
        partials: Vec<PyBackedBytes>,
    ) -> Result<Vec<u8>> {
        run(py, || {
            self.0.aggregate(&slices(&nonces), &slices(&partials))
        })
    }

    fn check(&self, py: Python<'_>, presignatures: PyBackedBytes) -> Result<Vec<usize>> {
        run(py, || self.0.check(&presignatures))
    }
}
