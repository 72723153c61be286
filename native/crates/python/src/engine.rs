//! `native._native.engine`: the dispute engines.

use std::sync::Arc;

use ::engine as pure;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::error::{Result, array, caught, refuse_pickling, run, value};
use crate::garbling::{Bytes, Program, Progress};
use crate::keys::{Secret, Seed};

#[pymodule(submodule, gil_used = false)]
pub mod engine {
    #[pymodule_export]
    use super::{
        Garbler, Layout, Params, Statement, check, check_knowledge, check_opened, complete_digits,
        digit_points, evaluate, extract_digits, features_circuit, hash_to_curve, make_drill,
        prove_knowledge, run_drill, value_points,
    };
    #[pymodule_export]
    use crate::answers::{
        add_points, check_digit_presignatures, complete_bound_digits, presign_digits,
    };
    #[pymodule_export]
    use crate::error::NativeError;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::register(module)
    }
}

/// How input bits are cut into digits.
#[pyclass(frozen, module = "native._native.engine")]
pub struct Layout(pub(crate) pure::Layout);

#[pymethods]
impl Layout {
    #[new]
    #[pyo3(signature = (*, input_bits, digit_bits))]
    fn new(input_bits: usize, digit_bits: usize) -> Result<Self> {
        Ok(Self(caught(|| pure::Layout::new(input_bits, digit_bits))?))
    }

    #[getter]
    fn input_bits(&self) -> usize {
        self.0.input_bits()
    }

    #[getter]
    fn digit_bits(&self) -> usize {
        self.0.digit_bits()
    }

    #[getter]
    fn digits(&self) -> usize {
        self.0.digits()
    }

    #[getter]
    fn values(&self) -> usize {
        self.0.values()
    }

    #[getter]
    fn points(&self) -> usize {
        self.0.points()
    }
}

/// What a proof must prove to free the shares of engine babe.
#[pyclass(frozen, module = "native._native.engine")]
pub struct Statement(pub(crate) Arc<pure::Statement>);

#[pymethods]
impl Statement {
    #[new]
    fn new(py: Python<'_>, key: PyBackedBytes, x: &[u8]) -> Result<Self> {
        let x = array("x", x)?;
        let statement = run(py, || pure::Statement::new(&key, &x))?;
        Ok(Self(Arc::new(statement)))
    }

    #[getter]
    fn id(&self) -> [u8; 32] {
        self.0.id()
    }

    fn verify(&self, py: Python<'_>, proof: PyBackedBytes) -> Result<bool> {
        run(py, || self.0.verify(&proof))
    }
}

/// What both sides of a pair agree on.
#[pyclass(frozen, module = "native._native.engine")]
pub struct Params(pub(crate) pure::Params);

#[pymethods]
impl Params {
    #[new]
    #[pyo3(signature = (*, setup_id, context, program, statement, instances, kept, digit_bits))]
    fn new(
        setup_id: &[u8],
        context: Vec<u8>,
        program: &Program,
        statement: Option<PyRef<'_, Statement>>,
        instances: usize,
        kept: usize,
        digit_bits: usize,
    ) -> Result<Self> {
        let (setup_id, program) = (array("setup_id", setup_id)?, program.program.clone());
        let predicate = match statement {
            None => pure::Predicate::Core,
            Some(statement) => pure::Predicate::Babe(statement.0.clone()),
        };
        let params = caught(|| {
            pure::Params::new(
                setup_id, context, program, predicate, instances, kept, digit_bits,
            )
        })?;
        Ok(Self(params))
    }

    #[getter]
    fn layout(&self) -> Layout {
        Layout(self.0.layout())
    }

    #[getter]
    fn instances(&self) -> usize {
        self.0.instances()
    }

    #[getter]
    fn kept(&self) -> usize {
        self.0.kept()
    }

    #[getter]
    fn points_bytes(&self) -> usize {
        self.0.points_bytes()
    }

    #[getter]
    fn polynomial_bytes(&self) -> usize {
        self.0.polynomial_bytes()
    }

    #[getter]
    fn opening_bytes(&self) -> usize {
        self.0.opening_bytes()
    }

    #[getter]
    fn kept_bytes(&self) -> usize {
        self.0.kept_bytes()
    }
}

/// The garbler's side of a pair.
#[pyclass(frozen, module = "native._native.engine")]
pub struct Garbler(pure::Garbler);

#[pymethods]
impl Garbler {
    #[new]
    fn new(
        py: Python<'_>,
        params: &Params,
        digit_seed: PyRef<'_, Seed>,
        pair_seed: PyRef<'_, Seed>,
    ) -> Result<Self> {
        let (params, digits, pair) = (params.0.clone(), &digit_seed.0, &pair_seed.0);
        let made =
            py.detach(|| value(|| pure::Garbler::new(params, digits.expose(), pair.expose())))?;
        Ok(Self(made))
    }

    fn __reduce_ex__(&self, _protocol: i32) -> PyResult<()> {
        Err(refuse_pickling("Garbler"))
    }

    fn digit_points(&self) -> &[u8] {
        self.0.digit_points()
    }

    fn output_points(&self) -> &[u8] {
        self.0.output_points()
    }

    fn commit(&self, py: Python<'_>, progress: &Progress) -> Result<Vec<u8>> {
        let control = &progress.0;
        run(py, || self.0.commit(control))
    }

    fn open(
        &self,
        py: Python<'_>,
        kept: Vec<usize>,
        progress: &Progress,
    ) -> Result<(Vec<u8>, Vec<u8>)> {
        let control = &progress.0;
        run(py, || self.0.open(&kept, control))
    }
}

#[pyfunction]
fn digit_points(py: Python<'_>, layout: &Layout, digit_seed: PyRef<'_, Seed>) -> Result<Vec<u8>> {
    let seed = &digit_seed.0;
    py.detach(|| value(|| pure::digit_points(layout.0, seed.expose())))
}

#[pyfunction]
fn value_points(py: Python<'_>, layout: &Layout, points: PyBackedBytes) -> Result<Vec<u8>> {
    run(py, || pure::value_points(layout.0, &points))
}

#[pyfunction]
fn prove_knowledge(
    py: Python<'_>,
    layout: &Layout,
    digit_seed: PyRef<'_, Seed>,
    garblers: Vec<PyRef<'_, Garbler>>,
    keys: Vec<PyRef<'_, Secret>>,
    context: PyBackedBytes,
) -> Result<[u8; pure::PROOF_BYTES]> {
    let seed = &digit_seed.0;
    let garblers: Vec<_> = garblers.iter().map(|garbler| &garbler.0).collect();
    let keys: Vec<_> = keys.iter().map(|key| key.0.expose()).collect();
    run(py, || {
        pure::prove_knowledge(layout.0, seed.expose(), &garblers, &keys, &context)
    })
}

#[pyfunction]
fn check_knowledge(
    py: Python<'_>,
    points: PyBackedBytes,
    context: PyBackedBytes,
    proof: PyBackedBytes,
) -> Result<bool> {
    run(py, || pure::check_knowledge(&points, &context, &proof))
}

#[pyfunction]
#[allow(clippy::too_many_arguments)] // as the pure function
fn check(
    py: Python<'_>,
    params: &Params,
    points: Bytes,
    polynomial: Bytes,
    commitments: Bytes,
    kept: Vec<usize>,
    openings: Bytes,
    artifact: Bytes,
    progress: &Progress,
) -> Result<Vec<u8>> {
    let (params, control) = (&params.0, &progress.0);
    run(py, || {
        pure::check(
            params,
            &points,
            &polynomial,
            &commitments,
            &kept,
            &openings,
            &artifact,
            control,
        )
    })
}

#[pyfunction]
#[allow(clippy::too_many_arguments)] // as the pure function
fn check_opened(
    py: Python<'_>,
    params: &Params,
    points: Bytes,
    polynomial: Bytes,
    commitments: Bytes,
    kept: Vec<usize>,
    openings: Bytes,
    progress: &Progress,
) -> Result<()> {
    let (params, control) = (&params.0, &progress.0);
    run(py, || {
        pure::check_opened(
            params,
            &points,
            &polynomial,
            &commitments,
            &kept,
            &openings,
            control,
        )
    })
}

#[pyfunction]
fn make_drill(
    py: Python<'_>,
    params: &Params,
    kept: Vec<usize>,
    openings: Bytes,
) -> Result<Vec<u8>> {
    let params = &params.0;
    run(py, || pure::make_drill(params, &kept, &openings))
}

#[pyfunction]
fn run_drill(py: Python<'_>, params: &Params, drill: Bytes, progress: &Progress) -> Result<bool> {
    let (params, control) = (&params.0, &progress.0);
    run(py, || pure::run_drill(params, &drill, control))
}

fn read_digits(digits: Vec<(usize, PyBackedBytes)>) -> Result<Vec<pure::Digit>> {
    let read = |(value, secret): (usize, PyBackedBytes)| {
        let secret = array("digits", &secret)?;
        Ok(pure::Digit { value, secret })
    };
    digits.into_iter().map(read).collect()
}

#[pyfunction]
#[allow(clippy::too_many_arguments)] // as the pure function
fn evaluate(
    py: Python<'_>,
    params: &Params,
    points: Bytes,
    polynomial: Bytes,
    kept: Vec<usize>,
    shares: Bytes,
    artifact: Bytes,
    digits: Vec<(usize, PyBackedBytes)>,
    witness: PyBackedBytes,
    progress: &Progress,
) -> Result<Option<Secret>> {
    let (params, control) = (&params.0, &progress.0);
    let digits = read_digits(digits)?;
    let secret = run(py, || {
        pure::evaluate(
            params,
            &points,
            &polynomial,
            &kept,
            &shares,
            &artifact,
            &digits,
            &witness,
            control,
        )
    })?;
    match secret {
        None => Ok(None),
        Some(secret) => Ok(Some(Secret(secrets::Secret::from_revealed(*secret)?))),
    }
}

#[pyfunction]
fn complete_digits(
    py: Python<'_>,
    presignatures: PyBackedBytes,
    layout: &Layout,
    digit_seed: PyRef<'_, Seed>,
    values: Vec<usize>,
) -> Result<Vec<[u8; 64]>> {
    let seed = &digit_seed.0;
    run(py, || {
        pure::complete_digits(&presignatures, layout.0, seed.expose(), &values)
    })
}

#[pyfunction]
fn extract_digits(
    py: Python<'_>,
    presignatures: PyBackedBytes,
    layout: &Layout,
    signatures: Vec<PyBackedBytes>,
    points: PyBackedBytes,
) -> Result<Vec<(usize, [u8; 32])>> {
    let signatures = signatures
        .iter()
        .map(|signature| array("signatures", signature))
        .collect::<Result<Vec<[u8; 64]>>>()?;
    let digits = run(py, || {
        pure::extract_digits(&presignatures, layout.0, &signatures, &points)
    })?;
    let pairs = digits.into_iter().map(|digit| (digit.value, digit.secret));
    Ok(pairs.collect())
}

#[pyfunction]
fn features_circuit(py: Python<'_>) -> Result<Vec<u8>> {
    py.detach(|| value(babe::features_circuit))
}

#[pyfunction]
fn hash_to_curve(tag: &[u8], parts: Vec<PyBackedBytes>) -> Result<[u8; 33]> {
    let parts: Vec<&[u8]> = parts.iter().map(|part| &**part).collect();
    value(|| pure::hash_to_curve(tag, &parts))
}
