//! The extension module `native._native`: this file is the table of contents of everything exported.
//!
//! The only crate that knows Python. It promises that lengths and ranges are checked before anything is computed, that
//! every error becomes an exception in `error.rs` and nowhere else, and that long work runs without the interpreter.
//! It does NOT know vaults, peers or clocks.

mod answers;
mod engine;
mod error;
mod garbling;
mod groth16;
mod keys;
mod pieces;
mod proving;
mod signing;
mod statements;
mod tapscript;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::error::{NativeError, panics};

    #[pymodule_export]
    use crate::engine::engine;
    #[pymodule_export]
    use crate::garbling::garbling;
    #[pymodule_export]
    use crate::groth16::groth16;
    #[pymodule_export]
    use crate::keys::keys;
    #[pymodule_export]
    use crate::pieces::pieces;
    #[pymodule_export]
    use crate::proving::proving;
    #[pymodule_export]
    use crate::signing::signing;
    #[pymodule_export]
    use crate::statements::statements;
    #[pymodule_export]
    use crate::tapscript::tapscript;
}

/// Puts a nested module into `sys.modules`, so that `from native._native.keys import Seed` works. Call it from the
/// `#[pymodule_init]` of every nested module.
fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let name = format!("native._native.{}", module.name()?);
    module.setattr("__name__", &name)?;
    module
        .py()
        .import("sys")?
        .getattr("modules")?
        .set_item(name, module)
}
