//! `native._native.statements`: Poseidon, attestors' signatures, and the statements a claim proves.

use std::sync::Arc;

use ::groth16::fault;
use ::statements::builder::Built;
use ::statements::eddsa::{Key, Signature, SigningKey};
use ::statements::{Fr, field, outcome, poseidon as sponge, transition};
use pyo3::prelude::*;
use zeroize::Zeroizing;

use crate::error::{Error, Result, array, refuse_pickling, run, value};
use crate::garbling::Bytes;
use crate::keys::Seed;
use crate::proving::{Assignment, Circuit};

#[pymodule(submodule, gil_used = false)]
pub mod statements {
    #[pymodule_export]
    use super::{AttestorKey, attestor_key_fault, eddsa_verify, poseidon, statement, witness};
    #[pymodule_export]
    use crate::error::NativeError;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::register(module)
    }
}

/// A field element of 32 bytes big-endian.
fn element(name: &str, bytes: &[u8]) -> Result<Fr> {
    field::read(&array(name, bytes)?)
        .ok_or_else(|| Error::field(name, "a number below r", "a larger one"))
}

/// `poseidon` of circomlib.
#[pyfunction]
fn poseidon(inputs: Vec<Vec<u8>>) -> Result<[u8; 32]> {
    if !(1..=sponge::INPUTS).contains(&inputs.len()) {
        let expected = format!("1 to {} numbers", sponge::INPUTS);
        return Err(Error::field("inputs", expected, inputs.len()));
    }
    let words = (inputs.iter().enumerate())
        .map(|(i, word)| element(&format!("inputs[{i}]"), word))
        .collect::<Result<Vec<_>>>()?;
    value(|| field::write(&sponge::hash(&words)))
}

/// An attestor's signing key; the secret stays here and is wiped.
#[pyclass(frozen, module = "native._native.statements")]
pub struct AttestorKey(SigningKey);

#[pymethods]
impl AttestorKey {
    fn __repr__(&self) -> &'static str {
        "<AttestorKey>"
    }

    fn __reduce_ex__(&self, _protocol: i32) -> PyResult<()> {
        Err(refuse_pickling("AttestorKey"))
    }

    #[new]
    fn new(py: Python<'_>, seed: &Seed, path: &[u8]) -> Result<Self> {
        let derive = || Ok::<_, Error>(SigningKey::derive(&seed.0.derive(path)));
        Ok(Self(run(py, derive)?))
    }

    fn public(&self) -> Result<[u8; 64]> {
        value(|| self.0.key().point().write())
    }

    fn sign(&self, py: Python<'_>, digest: &[u8]) -> Result<[u8; 96]> {
        let digest = element("digest", digest)?;
        run(py, || Ok::<_, Error>(self.0.sign(&digest).write()))
    }
}

/// Refuses what is no attestor's key.
#[pyfunction]
fn attestor_key_fault(py: Python<'_>, public: &[u8]) -> Result<()> {
    let public = array("public", public)?;
    run(py, || Key::read("public", &public).map(drop))
}

/// Whether the signature is valid.
#[pyfunction]
fn eddsa_verify(py: Python<'_>, public: &[u8], digest: &[u8], signature: &[u8]) -> Result<bool> {
    let public = array("public", public)?;
    let digest = element("digest", digest)?;
    let signature = array("signature", signature)?;
    run(py, || {
        let key = Key::read("public", &public)?;
        Ok::<_, Error>(key.verify(&digest, &Signature::read("signature", &signature)?))
    })
}

/// What a witness gives.
struct Synthesis {
    built: Built,
    x: Fr,
}

/// Reads a witness and synthesizes its statement; without one, the statement of an empty witness, whose constraints are
/// the same.
fn synthesize(name: &str, batch: usize, json: Option<&[u8]>) -> Result<Synthesis> {
    match (name, batch) {
        ("transition", _) => {
            transition::check_batch(batch)?;
            let witness = match json {
                Some(json) => transition::Witness::parse(json, batch)?,
                None => transition::Witness::empty(),
            };
            let transition::Transition { built, x, .. } = transition::synthesize(&witness, batch);
            Ok(Synthesis { built, x })
        }
        ("outcome", 0) => {
            let witness = match json {
                Some(json) => outcome::Witness::parse(json)?,
                None => outcome::Witness::default(),
            };
            let outcome::Outcome { built, x } = outcome::synthesize(&witness);
            Ok(Synthesis { built, x })
        }
        _ => Err(Error::field(
            "statement",
            "transition with a batch, or outcome with batch 0",
            format!("{name:?}, {batch}"),
        )),
    }
}

/// The constraints of a statement.
#[pyfunction]
fn statement(py: Python<'_>, name: &str, batch: usize) -> Result<Circuit> {
    run(py, || {
        let Synthesis { built, .. } = synthesize(name, batch, None)?;
        Ok::<_, Error>(Circuit(Arc::new(::groth16::Circuit::new(built.r1cs)?)))
    })
}

/// The assignment of a witness, and the public input.
#[pyfunction]
fn witness(
    py: Python<'_>,
    name: &str,
    batch: usize,
    json: Bytes,
) -> Result<(Assignment, [u8; 32])> {
    run(py, || {
        let Synthesis { built, x } = synthesize(name, batch, Some(&json))?;
        let assignment = Assignment(Zeroizing::new(built.assignment));
        match built.violated {
            None => Ok((assignment, field::write(&x))),
            Some(rule) => Err(Error::from(fault(
                rule,
                "a witness that keeps this rule of docs/ledger.md",
                "one that does not",
            ))),
        }
    })
}
