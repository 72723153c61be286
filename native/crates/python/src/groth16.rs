//! `native._native.groth16`: verifying keys, proofs, public inputs, verification, and the EVM's BN254 precompiles.

use std::sync::Arc;

use ::groth16::{AnyFolded, AnyInputs, AnyKey, AnyProof, CurveId, Encoding, Format};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::{Result, run};
use crate::garbling::Bytes;

#[pymodule(submodule, gil_used = false)]
pub mod groth16 {
    #[pymodule_export]
    use super::{
        FoldedKey, Proof, PublicInputs, VerifyingKey, bn254_add, bn254_multiply, bn254_pairing,
        limits, verify_batch,
    };
    #[pymodule_export]
    use crate::error::NativeError;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::register(module)
    }
}

/// A verifying key with everything that does not depend on a proof computed once.
#[pyclass(frozen, module = "native._native.groth16")]
pub struct VerifyingKey(Arc<AnyKey>);

#[pymethods]
impl VerifyingKey {
    #[staticmethod]
    fn parse(py: Python<'_>, raw: Bytes, format: &str, curve: Option<&str>) -> Result<Self> {
        let key = run(py, || {
            let curve = curve.map(CurveId::parse).transpose()?;
            AnyKey::parse(&raw, Format::parse(format)?, curve)
        })?;
        Ok(Self(Arc::new(key)))
    }

    #[getter]
    fn curve(&self) -> &'static str {
        self.0.curve().name()
    }

    #[getter]
    fn id(&self) -> [u8; 32] {
        self.0.id()
    }

    #[getter]
    fn inputs(&self) -> usize {
        self.0.inputs()
    }

    #[getter]
    fn forgeable(&self) -> bool {
        self.0.is_forgeable()
    }

    fn encode<'py>(&self, py: Python<'py>, encoding: &str) -> Result<Bound<'py, PyBytes>> {
        let bytes = run(py, || self.0.encode(Encoding::parse(encoding)?))?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn verify(&self, py: Python<'_>, inputs: &PublicInputs, proof: &Proof) -> Result<bool> {
        run(py, || self.0.verify(&inputs.0, &proof.0))
    }

    fn verify_plainly(&self, py: Python<'_>, inputs: &PublicInputs, proof: &Proof) -> Result<bool> {
        run(py, || self.0.verify_plainly(&inputs.0, &proof.0))
    }

    fn fold(&self, py: Python<'_>, known: &PublicInputs) -> Result<FoldedKey> {
        Ok(FoldedKey(run(py, || self.0.fold(&known.0))?))
    }
}

/// A key with its first inputs fixed.
#[pyclass(frozen, module = "native._native.groth16")]
pub struct FoldedKey(AnyFolded);

#[pymethods]
impl FoldedKey {
    #[getter]
    fn inputs(&self) -> usize {
        self.0.inputs()
    }

    fn verify(&self, py: Python<'_>, open: &PublicInputs, proof: &Proof) -> Result<bool> {
        run(py, || self.0.verify(&open.0, &proof.0))
    }
}

/// A proof whose points were checked.
#[pyclass(frozen, module = "native._native.groth16")]
pub struct Proof(AnyProof);

#[pymethods]
impl Proof {
    #[staticmethod]
    fn parse(py: Python<'_>, raw: Bytes, format: &str, curve: &str) -> Result<Self> {
        let parse = || AnyProof::parse(&raw, Format::parse(format)?, CurveId::parse(curve)?);
        Ok(Self(run(py, parse)?))
    }

    #[getter]
    fn curve(&self) -> &'static str {
        self.0.curve().name()
    }

    fn encode<'py>(&self, py: Python<'py>, encoding: &str) -> Result<Bound<'py, PyBytes>> {
        let bytes = run(py, || self.0.encode(Encoding::parse(encoding)?))?;
        Ok(PyBytes::new(py, &bytes))
    }
}

/// Public inputs, each below the group order.
#[pyclass(frozen, module = "native._native.groth16")]
pub struct PublicInputs(AnyInputs);

#[pymethods]
impl PublicInputs {
    #[staticmethod]
    fn parse(py: Python<'_>, raw: Bytes, format: &str, curve: &str) -> Result<Self> {
        let parse = || AnyInputs::parse(&raw, Format::parse(format)?, CurveId::parse(curve)?);
        Ok(Self(run(py, parse)?))
    }

    #[new]
    fn new(py: Python<'_>, words: Vec<Vec<u8>>, curve: &str) -> Result<Self> {
        Ok(Self(run(py, || {
            AnyInputs::new(&words, CurveId::parse(curve)?)
        })?))
    }

    #[getter]
    fn curve(&self) -> &'static str {
        self.0.curve().name()
    }

    #[getter]
    fn words<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        let words = self.0.words();
        words.iter().map(|word| PyBytes::new(py, word)).collect()
    }

    fn encode<'py>(&self, py: Python<'py>, encoding: &str) -> Result<Bound<'py, PyBytes>> {
        let bytes = run(py, || self.0.encode(Encoding::parse(encoding)?))?;
        Ok(PyBytes::new(py, &bytes))
    }
}

/// The indices of the invalid claims.
#[pyfunction]
fn verify_batch(
    py: Python<'_>,
    key: &VerifyingKey,
    claims: Vec<(Py<PublicInputs>, Py<Proof>)>,
) -> Result<Vec<usize>> {
    let claims: Vec<_> = claims
        .iter()
        .map(|(inputs, proof)| (&inputs.get().0, &proof.get().0))
        .collect();
    run(py, || ::groth16::verify_batch(&key.0, &claims))
}

/// ECADD of EIP-196.
#[pyfunction]
fn bn254_add<'py>(py: Python<'py>, data: Bytes) -> Result<Bound<'py, PyBytes>> {
    let sum = run(py, || ::groth16::bn254_add(&data))?;
    Ok(PyBytes::new(py, &sum))
}

/// ECMUL of EIP-196.
#[pyfunction]
fn bn254_multiply<'py>(py: Python<'py>, data: Bytes) -> Result<Bound<'py, PyBytes>> {
    let product = run(py, || ::groth16::bn254_multiply(&data))?;
    Ok(PyBytes::new(py, &product))
}

/// ECPAIRING of EIP-197.
#[pyfunction]
fn bn254_pairing(py: Python<'_>, data: Bytes) -> Result<bool> {
    run(py, || ::groth16::bn254_pairing(&data))
}

/// (bytes of a key, of a proof, of public inputs, number of inputs) at most.
#[pyfunction]
fn limits() -> (usize, usize, usize, usize) {
    use ::groth16::limits::{INPUT_BYTES, INPUTS, KEY_BYTES, PROOF_BYTES};
    (KEY_BYTES, PROOF_BYTES, INPUT_BYTES, INPUTS)
}
