//! `native._native.pieces`: parts of an instance of engine babe one by one, for the benches.

use ::engine::pieces as pure;
use pyo3::prelude::*;

use crate::engine::{Params, Statement};
use crate::error::{Result, refuse_pickling, run, value};
use crate::keys::Seed;

#[pymodule(submodule, gil_used = false)]
pub mod pieces {
    #[pymodule_export]
    use super::{Encoding, solder};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::register(module)
    }
}

#[pyfunction]
fn solder(
    py: Python<'_>,
    params: &Params,
    digit_seed: PyRef<'_, Seed>,
    index: usize,
) -> Result<Vec<u8>> {
    let (params, seed) = (&params.0, &digit_seed.0);
    py.detach(|| value(|| pure::soldered(params, seed.expose(), index)))
}

#[pyclass(frozen, module = "native._native.pieces")]
pub struct Encoding(pure::Encoding);

#[pymethods]
impl Encoding {
    #[new]
    fn new(py: Python<'_>, seed: PyRef<'_, Seed>) -> Result<Self> {
        let seed = &seed.0;
        Ok(Self(run(py, || pure::Encoding::new(*seed.expose()))?))
    }

    fn __reduce_ex__(&self, _protocol: i32) -> PyResult<()> {
        Err(refuse_pickling("Encoding"))
    }

    #[getter]
    fn size(&self) -> Result<usize> {
        value(|| self.0.bytes())
    }

    fn again(&self, py: Python<'_>) -> Result<bool> {
        run(py, || self.0.again())
    }

    fn encrypt(&self, py: Python<'_>, statement: &Statement) -> Result<Vec<u8>> {
        run(py, || self.0.encrypt(&statement.0))
    }

    fn decode(&self, py: Python<'_>) -> Result<bool> {
        run(py, || self.0.decode())
    }
}
