//! `native._native.garbling`: circuits as programs, garbling and evaluation in lockstep.

use std::sync::{Arc, Mutex};

use ::garble::{Block, Circuit, Control, EvaluatorLane, Lane, Path};
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::error::{Error, Result, array, caught, refuse_pickling, run, value};
use crate::keys::Seed;

#[pymodule(submodule, gil_used = false)]
pub mod garbling {
    #[pymodule_export]
    use super::{
        Garbling, Program, Progress, ccrnd, evaluate, garble, garble_root, naive_evaluate,
        naive_garble_root, paths,
    };
    #[pymodule_export]
    use crate::error::NativeError;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::register(module)
    }
}

/// Bytes of the caller: borrowed from `bytes`, copied from anything else with a buffer (a mapped file, a memoryview).
pub enum Bytes {
    Borrowed(PyBackedBytes),
    Copied(Vec<u8>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Bytes {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = object.extract::<PyBackedBytes>() {
            return Ok(Self::Borrowed(bytes));
        }
        let buffer: PyBuffer<u8> = object.extract()?;
        Ok(Self::Copied(buffer.to_vec(object.py())?))
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Copied(bytes) => bytes,
        }
    }
}

/// A progress counter and a cancel flag, shared with a call that runs on another thread.
#[pyclass(frozen, module = "native._native.garbling")]
pub struct Progress(pub Arc<Control>);

#[pymethods]
impl Progress {
    #[new]
    fn new() -> Self {
        Self(Arc::default())
    }

    #[getter]
    fn done(&self) -> u64 {
        self.0.done()
    }

    #[getter]
    fn total(&self) -> u64 {
        self.0.total()
    }

    #[getter]
    fn cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    fn cancel(&self) {
        self.0.cancel();
    }
}

/// A circuit, read and compiled.
#[pyclass(frozen, module = "native._native.garbling")]
pub struct Program {
    pub program: Arc<::garble::Program>,
    circuit: Circuit,
}

#[pymethods]
impl Program {
    #[new]
    fn new(py: Python<'_>, circuit: Bytes) -> Result<Self> {
        run(py, || -> Result<_> {
            let circuit = Circuit::parse(&circuit)?;
            Ok(Self {
                program: Arc::new(::garble::Program::compile(&circuit)),
                circuit,
            })
        })
    }

    #[getter]
    fn circuit_id(&self) -> [u8; 32] {
        self.program.circuit_id()
    }

    #[getter]
    fn input_widths(&self) -> Vec<u32> {
        self.program.input_widths().to_vec()
    }

    #[getter]
    fn output_widths(&self) -> Vec<u32> {
        self.program.output_widths().to_vec()
    }

    #[getter]
    fn gates(&self) -> usize {
        self.program.gates()
    }

    #[getter]
    fn ands(&self) -> usize {
        self.program.ands()
    }

    #[getter]
    fn slots(&self) -> usize {
        self.program.slots()
    }
}

/// The paths of this processor, fastest first.
#[pyfunction]
fn paths() -> Vec<&'static str> {
    let available = Path::ALL.into_iter().filter(|path| path.is_available());
    available.map(Path::name).collect()
}

fn path_named(name: &str) -> Result<Path> {
    Path::ALL
        .into_iter()
        .find(|path| path.name() == name)
        .ok_or_else(|| Error::field("path", "vaes, aes or portable", name))
}

fn read_bits(program: &::garble::Program, bits: &[u8]) -> Result<Vec<bool>> {
    if bits.len() != program.inputs() {
        let expected = format!("{} bytes of 0 or 1", program.inputs());
        return Err(Error::field("bits", expected, bits.len()));
    }
    bits.iter()
        .map(|bit| match bit {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Error::field("bits", "bytes of 0 or 1", other)),
        })
        .collect()
}

fn write_bits(bits: &[bool]) -> Vec<u8> {
    bits.iter().map(|bit| u8::from(*bit)).collect()
}

fn read_labels(field: &str, bytes: &[u8]) -> Result<Vec<Block>> {
    match bytes.as_chunks::<16>() {
        (labels, []) => Ok(labels.to_vec()),
        _ => Err(Error::field(field, "16 bytes a label", bytes.len())),
    }
}

#[pyfunction]
fn ccrnd(key: &[u8], s: &[u8], label: &[u8], tweak: u64) -> Result<Block> {
    let (key, s, label) = (array("key", key)?, array("s", s)?, array("label", label)?);
    value(|| ::garble::ccrnd(&key, &s, &label, tweak))
}

/// One garbling by its garbler: the table to give away, the labels of one input to give away once.
#[pyclass(frozen, module = "native._native.garbling")]
pub struct Garbling {
    lane: Lane,
    table: Vec<u8>,
    outputs: Vec<Block>,
    encoded: Mutex<Option<Vec<bool>>>,
}

#[pymethods]
impl Garbling {
    fn __reduce_ex__(&self, _protocol: i32) -> PyResult<()> {
        Err(refuse_pickling("Garbling"))
    }

    #[getter]
    fn key(&self) -> Block {
        self.lane.key
    }

    #[getter]
    fn s(&self) -> Block {
        self.lane.s
    }

    #[getter]
    fn table(&self) -> &[u8] {
        &self.table
    }

    fn encode(&self, bits: &[u8]) -> Result<Vec<u8>> {
        caught(|| self.encoded(bits))
    }

    fn decode(&self, labels: &[u8]) -> Result<Vec<u8>> {
        caught(|| self.decoded(labels))
    }
}

impl Garbling {
    fn encoded(&self, bits: &[u8]) -> Result<Vec<u8>> {
        if bits.len() != self.lane.inputs.len() || bits.iter().any(|bit| *bit > 1) {
            let expected = format!("{} bytes of 0 or 1", self.lane.inputs.len());
            return Err(Error::field("bits", expected, bits.len()));
        }
        let bits: Vec<bool> = bits.iter().map(|bit| *bit == 1).collect();
        let mut encoded = self
            .encoded
            .lock()
            .unwrap_or_else(|poison| poison.into_inner());
        if encoded.as_ref().is_some_and(|before| *before != bits) {
            let expected = "the input of the first call: labels of two inputs show delta";
            return Err(Error::field("bits", expected, "another input"));
        }
        let labels = bits.iter().enumerate();
        let labels = labels
            .flat_map(|(wire, bit)| self.lane.label(wire, *bit))
            .collect();
        *encoded = Some(bits);
        Ok(labels)
    }

    fn decoded(&self, labels: &[u8]) -> Result<Vec<u8>> {
        let labels = read_labels("labels", labels)?;
        if labels.len() != self.outputs.len() {
            let expected = format!("{} labels", self.outputs.len());
            return Err(Error::field("labels", expected, labels.len()));
        }
        let delta = u128::from_le_bytes(self.lane.delta);
        let decode = |(n, (label, zero)): (usize, (&Block, &Block))| {
            let moved = u128::from_le_bytes(*label) ^ u128::from_le_bytes(*zero);
            match moved {
                0 => Ok(0),
                _ if moved == delta => Ok(1),
                _ => Err(Error::field(
                    "labels",
                    "a label of each output wire",
                    format!("something else on wire {n}"),
                )),
            }
        };
        labels
            .iter()
            .zip(&self.outputs)
            .enumerate()
            .map(decode)
            .collect()
    }
}

fn lanes(program: &::garble::Program, seeds: &[PyRef<'_, Seed>]) -> Vec<Lane> {
    let lane = |seed: &PyRef<'_, Seed>| Lane::from_seed(program, seed.0.expose());
    seeds.iter().map(lane).collect()
}

#[pyfunction]
fn garble(
    py: Python<'_>,
    program: &Program,
    seeds: Vec<PyRef<'_, Seed>>,
    path: &str,
    progress: &Progress,
) -> Result<Vec<Garbling>> {
    let (program, path) = (&program.program, path_named(path)?);
    let lanes = value(|| lanes(program, &seeds))?;
    let control = &progress.0;
    run(py, || -> Result<_> {
        let mut tables = vec![Vec::with_capacity(program.table_bytes()); lanes.len()];
        let outputs = ::garble::garble(program, &lanes, path, control, &mut |lane, chunk| {
            tables[lane].extend_from_slice(chunk);
        })?;
        let parts = lanes.into_iter().zip(tables).zip(outputs);
        Ok(parts
            .map(|((lane, table), outputs)| Garbling {
                lane,
                table,
                outputs,
                encoded: Mutex::new(None),
            })
            .collect())
    })
}

#[pyfunction]
fn garble_root(
    py: Python<'_>,
    program: &Program,
    seeds: Vec<PyRef<'_, Seed>>,
    path: &str,
    progress: &Progress,
) -> Result<Vec<[u8; 32]>> {
    let (program, path) = (&program.program, path_named(path)?);
    let lanes = value(|| lanes(program, &seeds))?;
    let control = &progress.0;
    run(py, || -> Result<_> {
        let mut hashers = vec![blake3::Hasher::new(); lanes.len()];
        ::garble::garble(program, &lanes, path, control, &mut |lane, chunk| {
            hashers[lane].update(chunk);
        })?;
        Ok(hashers.iter().map(|h| *h.finalize().as_bytes()).collect())
    })
}

#[pyfunction]
fn naive_garble_root(py: Python<'_>, program: &Program, seed: PyRef<'_, Seed>) -> Result<[u8; 32]> {
    let lane = value(|| Lane::from_seed(&program.program, seed.0.expose()))?;
    let circuit = &program.circuit;
    run(py, || -> Result<_> {
        let (table, _) = ::garble::naive_garble(circuit, &lane)?;
        Ok(*blake3::hash(&table).as_bytes())
    })
}

/// What an evaluator holds of one instance: hash key, S, active labels, table.
type Held = (PyBackedBytes, PyBackedBytes, PyBackedBytes, Bytes);

struct Read {
    key: Block,
    s: Block,
    active: Vec<Block>,
}

fn read_held(held: &[Held]) -> Result<Vec<Read>> {
    let read = |(key, s, labels, _): &Held| {
        Ok(Read {
            key: array("key", key)?,
            s: array("s", s)?,
            active: read_labels("labels", labels)?,
        })
    };
    held.iter().map(read).collect()
}

fn evaluator_lane<'a>((read, held): (&'a Read, &'a Held)) -> EvaluatorLane<'a> {
    EvaluatorLane {
        key: &read.key,
        s: &read.s,
        active: &read.active,
        table: &held.3,
    }
}

#[pyfunction]
fn evaluate(
    py: Python<'_>,
    program: &Program,
    held: Vec<Held>,
    bits: &[u8],
    path: &str,
    progress: &Progress,
) -> Result<(Vec<Vec<u8>>, Vec<u8>)> {
    let (program, path) = (&program.program, path_named(path)?);
    let bits = read_bits(program, bits)?;
    let read = read_held(&held)?;
    let control = &progress.0;
    let result = run(py, || {
        let lanes: Vec<_> = read.iter().zip(&held).map(evaluator_lane).collect();
        ::garble::evaluate(program, &lanes, &bits, path, control)
    })?;
    let labels = result.labels.iter().map(|labels| labels.concat()).collect();
    Ok((labels, write_bits(&result.bits)))
}

#[pyfunction]
fn naive_evaluate(
    py: Python<'_>,
    program: &Program,
    held: Held,
    bits: &[u8],
) -> Result<(Vec<u8>, Vec<u8>)> {
    let bits = read_bits(&program.program, bits)?;
    let held = [held];
    let read = read_held(&held)?;
    let circuit = &program.circuit;
    let (labels, bits) = run(py, || {
        let lane = evaluator_lane((&read[0], &held[0]));
        ::garble::naive_evaluate(circuit, &lane, &bits)
    })?;
    Ok((labels.concat(), write_bits(&bits)))
}
