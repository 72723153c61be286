//! The only place where errors of the pure crates become Python exceptions.
//!
//! Every pure crate has its own error enum whose text says what was expected and what came; all of them arrive in
//! Python as `NativeError`. So does a panic: every exported function does its work within [`run`], [`caught`] or
//! [`value`] (`tests/unit/native/test_panics.py` reads these sources). Whose fault an error is, only the caller knows.

use ::groth16::guarded;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

pyo3::create_exception!(
    native._native,
    NativeError,
    PyValueError,
    "Bytes or numbers that the native code refuses; the text names the field, what was expected and what came."
);

/// What a binding function returns: `?` on any pure crate's error works.
pub type Result<T> = std::result::Result<T, Error>;

/// Any error on its way to Python.
pub enum Error {
    /// An argument the binding itself refuses, or the text of a pure crate's error.
    Native(String),
    /// An error that is already a Python exception.
    Python(PyErr),
}

impl Error {
    /// An argument is wrong: names it, what was expected and what came.
    pub fn field(
        field: &str,
        expected: impl std::fmt::Display,
        got: impl std::fmt::Display,
    ) -> Self {
        Self::Native(format!("{field}: expected {expected}, got {got}"))
    }
}

impl From<PyErr> for Error {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Native(text) => NativeError::new_err(text),
            Error::Python(error) => error,
        }
    }
}

/// Native work without the interpreter; a panic in it (a bug of ours or of a library) becomes an error.
pub fn run<T: Send, E: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> std::result::Result<T, E> + Send,
) -> Result<T>
where
    Error: From<E>,
{
    py.detach(|| caught(work))
}

/// As [`run`], for microseconds of work: the interpreter is not let go.
pub fn caught<T, E>(work: impl FnOnce() -> std::result::Result<T, E>) -> Result<T>
where
    Error: From<E>,
{
    Ok(value(work)??)
}

/// As [`caught`], for work that has no errors but a panic.
pub fn value<T>(work: impl FnOnce() -> T) -> Result<T> {
    Ok(guarded(|| Ok(work()))?)
}

/// Secrets are never written by `pickle` or copied by `copy`.
pub fn refuse_pickling(name: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "{name} holds secrets and cannot be pickled or copied"
    ))
}

/// One line for each pure crate's error type.
macro_rules! becomes_native_error {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::Native(error.to_string())
            }
        }
    )*};
}

becomes_native_error!(
    secrets::SecretsError,
    ::signing::SigningError,
    ::tapscript::TapscriptError,
    ::garble::GarbleError,
    ::babe::BabeError,
    ::engine::EngineError,
    ::groth16::Groth16Error,
);

/// The bytes of an argument as an array of the one length it may have.
pub fn array<const N: usize>(field: &str, bytes: &[u8]) -> Result<[u8; N]> {
    bytes
        .try_into()
        .map_err(|_| Error::field(field, format!("{N} bytes"), bytes.len()))
}

/// Panics within the funnel, as a bug would; the tests of whoever must go on after one call it.
#[pyfunction]
pub fn panics(py: Python<'_>) -> Result<()> {
    run(py, || -> Result<()> {
        panic!("{}", std::hint::black_box("asked for"))
    })
}
