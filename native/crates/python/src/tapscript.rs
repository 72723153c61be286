//! `native._native.tapscript`.

use pyo3::prelude::*;

#[pymodule(submodule, gil_used = false)]
pub mod tapscript {
    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::register(module)
    }
}
