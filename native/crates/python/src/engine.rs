//! `native._native.engine`.

use pyo3::prelude::*;

#[pymodule(submodule, gil_used = false)]
pub mod engine {
    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::register(module)
    }
}
