//! `native._native.signing`.

use pyo3::prelude::*;

#[pymodule(submodule, gil_used = false)]
pub mod signing {
    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::register(module)
    }
}
