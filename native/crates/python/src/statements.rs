//! `native._native.statements`: Poseidon, attestors' signatures, and the statements a claim proves.

use ::groth16::{Groth16Error, guarded};
use ::statements::{field, poseidon as sponge};
use pyo3::prelude::*;

use crate::error::{Error, Result, array};

#[pymodule(submodule, gil_used = false)]
pub mod statements {
    #[pymodule_export]
    use super::poseidon;
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
