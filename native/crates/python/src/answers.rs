//! Presignatures of digits by one signer, and reveals that two parties' secrets complete; listed in `native._native.engine`.

use ::engine as pure;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::engine::Layout;
use crate::error::{Result, array, run};
use crate::keys::{Secret, Seed};

fn arrays(field: &str, all: &[PyBackedBytes]) -> Result<Vec<[u8; 32]>> {
    all.iter().map(|bytes| array(field, bytes)).collect()
}

#[pyfunction]
pub fn complete_bound_digits(
    py: Python<'_>,
    presignatures: PyBackedBytes,
    layout: &Layout,
    digit_seed: PyRef<'_, Seed>,
    values: Vec<usize>,
    learned: Vec<PyBackedBytes>,
) -> Result<Vec<[u8; 64]>> {
    let (layout, seed, learned) = (layout.0, &digit_seed.0, arrays("learned", &learned)?);
    run(py, || {
        pure::complete_bound_digits(&presignatures, layout, seed.expose(), &values, &learned)
    })
}

#[pyfunction]
pub fn presign_digits(
    py: Python<'_>,
    key: PyRef<'_, Secret>,
    seed: PyRef<'_, Seed>,
    messages: Vec<PyBackedBytes>,
    points: PyBackedBytes,
) -> Result<Vec<u8>> {
    let (key, seed, messages) = (&key.0, &seed.0, arrays("messages", &messages)?);
    run(py, || {
        pure::presign_digits(key.expose(), seed.expose(), &messages, &points)
    })
}

#[pyfunction]
pub fn check_digit_presignatures(
    py: Python<'_>,
    xonly: &[u8],
    messages: Vec<PyBackedBytes>,
    points: PyBackedBytes,
    presignatures: PyBackedBytes,
) -> Result<Vec<usize>> {
    let (xonly, messages) = (array("xonly", xonly)?, arrays("messages", &messages)?);
    run(py, || {
        pure::check_digit_presignatures(&xonly, &messages, &points, &presignatures)
    })
}

#[pyfunction]
pub fn add_points(py: Python<'_>, left: PyBackedBytes, right: PyBackedBytes) -> Result<Vec<u8>> {
    run(py, || pure::add_points(&left, &right))
}
