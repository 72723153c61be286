//! `native._native.tapscript`: Taproot outputs, sighashes, transactions, addresses, the watch over blocks.

use std::sync::{PoisonError, RwLock};

use ::tapscript as pure;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::error::{Error, Result, array, caught, run, value};

#[pymodule(submodule, gil_used = false)]
pub mod tapscript {
    #[pymodule_export]
    use super::{
        Watch, address, nums_key, script, sighashes, strip_witness, taproot, txid, weight,
    };

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::register(module)
    }
}

/// Output key, merkle root or nothing, control blocks.
type Output = ([u8; 32], Vec<u8>, Vec<Vec<u8>>);

/// Block hash, previous hash, (place, raw transaction) of what was found.
type Found = ([u8; 32], [u8; 32], Vec<(usize, Vec<u8>)>);

#[pyfunction]
fn taproot(internal_key: &[u8], leaves: Vec<PyBackedBytes>) -> Result<Output> {
    let leaves: Vec<&[u8]> = leaves.iter().map(|leaf| &**leaf).collect();
    let spend = caught(|| pure::taproot(internal_key, &leaves))?;
    let root = spend.merkle_root.map_or(Vec::new(), Vec::from);
    Ok((spend.output_key, root, spend.control_blocks))
}

#[pyfunction]
fn sighashes(
    py: Python<'_>,
    tx: &[u8],
    prevouts: Vec<(i64, PyBackedBytes)>,
    index: isize,
    leaf: Option<&[u8]>,
    positions: Vec<u32>,
) -> Result<Vec<[u8; 32]>> {
    let index = usize::try_from(index)
        .map_err(|_| Error::field("index", "the place of an input", index))?;
    let spent = prevouts
        .iter()
        .enumerate()
        .map(|(i, (value, script))| match u64::try_from(*value) {
            Ok(value) => Ok((value, &**script)),
            Err(_) => Err(Error::field(
                &format!("prevouts[{i}], value"),
                "satoshis",
                value,
            )),
        })
        .collect::<Result<Vec<_>>>()?;
    run(py, || pure::sighashes(tx, &spent, index, leaf, &positions))
}

#[pyfunction]
fn nums_key(tag: &[u8]) -> Result<[u8; 32]> {
    caught(|| pure::nums_key(tag))
}

#[pyfunction]
fn txid(raw: &[u8]) -> Result<[u8; 32]> {
    caught(|| pure::txid(raw))
}

#[pyfunction]
fn strip_witness(raw: &[u8]) -> Result<Vec<u8>> {
    caught(|| pure::strip_witness(raw))
}

#[pyfunction]
fn weight(raw: &[u8]) -> Result<u64> {
    caught(|| pure::weight(raw))
}

#[pyfunction]
fn address(script: &[u8], network: &str) -> Result<String> {
    caught(|| pure::address(script, network))
}

#[pyfunction]
fn script(address: &str, network: &str) -> Result<Vec<u8>> {
    caught(|| pure::script(address, network))
}

#[pyclass(frozen, module = "native._native.tapscript")]
pub struct Watch(RwLock<pure::Watch>);

impl Watch {
    /// The sets are whole between any two calls: a poisoned lock is as good as any.
    fn change(&self, py: Python<'_>, change: impl FnOnce(&mut pure::Watch) + Send) -> Result<()> {
        py.detach(|| value(|| change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))))
    }
}

#[pymethods]
impl Watch {
    #[new]
    fn new() -> Self {
        Self(RwLock::default())
    }

    fn watch_outpoint(&self, py: Python<'_>, txid: &[u8], vout: u32) -> Result<()> {
        let txid = array("txid", txid)?;
        self.change(py, |watch| watch.watch_outpoint(txid, vout))
    }

    fn forget_outpoint(&self, py: Python<'_>, txid: &[u8], vout: u32) -> Result<()> {
        let txid = array("txid", txid)?;
        self.change(py, |watch| watch.forget_outpoint(txid, vout))
    }

    fn watch_script(&self, py: Python<'_>, script: &[u8]) -> Result<()> {
        self.change(py, |watch| watch.watch_script(script))
    }

    fn scan(&self, py: Python<'_>, raw_block: PyBackedBytes) -> Result<Found> {
        let found = run(py, || {
            let watch = self.0.read().unwrap_or_else(PoisonError::into_inner);
            watch.scan(&raw_block)
        })?;
        Ok((found.hash, found.previous, found.transactions))
    }
}
