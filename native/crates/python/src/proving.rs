//! `native._native.proving`: constraint systems, assignments, setups, proving keys and proofs on BN254.

use std::path::PathBuf;
use std::sync::Arc;

use ::groth16::{Encoding, Fr, Proof, inputs_of, read_r1cs, read_wtns, save_r1cs, save_wtns};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use zeroize::Zeroizing;

use crate::error::{Result, refuse_pickling, run};
use crate::garbling::Bytes;

#[pymodule(submodule, gil_used = false)]
pub mod proving {
    #[pymodule_export]
    use super::{Assignment, Circuit, Progress, ProvingKey, setup_single_party};
    #[pymodule_export]
    use crate::error::NativeError;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::register(module)
    }
}

/// How far work on another thread is, and the wish to end it.
#[pyclass(frozen, module = "native._native.proving")]
pub struct Progress(Arc<::groth16::Progress>);

#[pymethods]
impl Progress {
    #[new]
    fn new() -> Self {
        Self(Arc::default())
    }

    #[getter]
    fn stage(&self) -> &'static str {
        self.0.stage()
    }

    #[getter]
    fn done(&self) -> f64 {
        self.0.done()
    }

    #[getter]
    fn cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    fn cancel(&self) {
        self.0.cancel();
    }
}

/// A constraint system that was checked.
#[pyclass(frozen, module = "native._native.proving")]
pub struct Circuit(pub Arc<::groth16::Circuit>);

#[pymethods]
impl Circuit {
    #[staticmethod]
    fn from_r1cs(py: Python<'_>, raw: Bytes) -> Result<Self> {
        let circuit = run(py, || ::groth16::Circuit::new(read_r1cs(&raw)?))?;
        Ok(Self(Arc::new(circuit)))
    }

    #[getter]
    fn id(&self) -> [u8; 32] {
        self.0.id()
    }

    #[getter]
    fn public(&self) -> usize {
        self.0.r1cs().public
    }

    #[getter]
    fn wires(&self) -> usize {
        self.0.r1cs().wires
    }

    #[getter]
    fn constraints(&self) -> usize {
        self.0.r1cs().constraints()
    }

    #[getter]
    fn nonzeros(&self) -> usize {
        self.0.r1cs().nonzeros()
    }

    fn write_r1cs(&self, py: Python<'_>, path: PathBuf) -> Result<()> {
        run(py, || save_r1cs(self.0.r1cs(), &path))
    }
}

/// A value for each wire; wiped when dropped.
#[pyclass(frozen, module = "native._native.proving")]
pub struct Assignment(pub Zeroizing<Vec<Fr>>);

#[pymethods]
impl Assignment {
    fn __repr__(&self) -> &'static str {
        "<Assignment>"
    }

    fn __reduce_ex__(&self, _protocol: i32) -> PyResult<()> {
        Err(refuse_pickling("Assignment"))
    }

    #[staticmethod]
    fn from_wtns(py: Python<'_>, raw: Bytes) -> Result<Self> {
        Ok(Self(Zeroizing::new(run(py, || read_wtns(&raw))?)))
    }

    fn write_wtns(&self, py: Python<'_>, path: PathBuf) -> Result<()> {
        run(py, || save_wtns(&self.0, &path))
    }

    fn public<'py>(&self, py: Python<'py>, circuit: &Circuit) -> Result<Vec<Bound<'py, PyBytes>>> {
        let words = run(py, || inputs_of(&circuit.0, &self.0))?;
        Ok(words.iter().map(|word| PyBytes::new(py, word)).collect())
    }
}

/// Makes a key alone and writes it.
#[pyfunction]
fn setup_single_party(
    py: Python<'_>,
    circuit: &Circuit,
    path: PathBuf,
    progress: &Progress,
) -> Result<()> {
    run(py, || {
        ::groth16::setup_single_party(&circuit.0, &path, &progress.0)
    })
}

/// A key file, mapped.
#[pyclass(frozen, module = "native._native.proving")]
pub struct ProvingKey(::groth16::ProvingKey);

#[pymethods]
impl ProvingKey {
    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf, circuit: Option<&Circuit>) -> Result<Self> {
        let key = run(py, || {
            ::groth16::ProvingKey::open(&path, circuit.map(|circuit| &*circuit.0))
        })?;
        Ok(Self(key))
    }

    #[getter]
    fn id(&self) -> Option<[u8; 32]> {
        self.0.circuit()
    }

    #[getter]
    fn digest(&self) -> [u8; 32] {
        self.0.digest()
    }

    #[getter]
    fn public(&self) -> usize {
        self.0.header().public
    }

    #[getter]
    fn wires(&self) -> usize {
        self.0.header().wires
    }

    #[getter]
    fn domain(&self) -> usize {
        self.0.header().domain
    }

    #[getter]
    fn contributions(&self) -> usize {
        self.0.contributions()
    }

    #[getter]
    fn forgeable(&self) -> bool {
        self.0.header().gamma_2 == self.0.header().delta_2
    }

    fn check_points(&self, py: Python<'_>, progress: &Progress) -> Result<()> {
        run(py, || self.0.check_points(&progress.0))
    }

    fn verifying_key<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        let bytes = run(py, || self.0.encode_verifying())?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn prove<'py>(
        &self,
        py: Python<'py>,
        circuit: &Circuit,
        assignment: &Assignment,
        progress: &Progress,
    ) -> Result<Bound<'py, PyBytes>> {
        let bytes = run(py, || {
            let proof: Proof<_> =
                ::groth16::prove(&self.0, &circuit.0, &assignment.0, &progress.0)?;
            proof.encode(Encoding::ArkworksCompressed)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }
}
