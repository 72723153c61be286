//! Engine babe on a small statement: one garbler, its instances in every form, and an evaluator.

mod cheats;
mod disputes;

use std::sync::{Arc, LazyLock};

use ark_bn254::Fr;
use ark_ff::{BigInteger, Field, PrimeField};
use groth16::{Circuit, Encoding, Progress, ProvingKey, R1cs, prove, setup_single_party};
use zeroize::Zeroizing;

use crate::check::Kept;
use crate::digits::{digit_secret, digit_secrets};
use crate::held::{bits_of_point, values_of_bits};
use crate::instance::{Head, Source, Tables, make, pair_hash};
use crate::{Control, Digit, EngineError, Garbler, Params, Predicate, Statement, check, evaluate};

const N: usize = 5;
const M: usize = 2;
const DIGIT_SEED: [u8; 32] = [1; 32];

/// A verifying key of "I know w with w^2 = x", and a proof of x = 9.
struct Known {
    key: Vec<u8>,
    proof: Vec<u8>,
}

fn known(name: &str) -> Known {
    let r1cs = R1cs {
        public: 1,
        wires: 3,
        a: vec![vec![(2, Fr::ONE)]],
        b: vec![vec![(2, Fr::ONE)]],
        c: vec![vec![(1, Fr::ONE)]],
    };
    let circuit = Circuit::new(r1cs).unwrap();
    let path = std::env::temp_dir().join(format!("engine-{name}-{}.zkey", std::process::id()));
    setup_single_party(&circuit, &path, &Progress::new()).unwrap();
    let key = ProvingKey::open(&path, Some(&circuit)).unwrap();
    let assignment = [Fr::ONE, Fr::from(9u64), Fr::from(3u64)];
    let proof = prove(&key, &circuit, &assignment, &Progress::new()).unwrap();
    let known = Known {
        key: key.encode_verifying().unwrap(),
        proof: proof.encode(Encoding::Eip197).unwrap(),
    };
    std::fs::remove_file(path).unwrap();
    known
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| known("one"));
static OTHER: LazyLock<Known> = LazyLock::new(|| known("other"));
static PROGRAM: LazyLock<Arc<garble::Program>> =
    LazyLock::new(|| Arc::new(garble::Program::parse(&babe::features_circuit()).unwrap()));

fn params_of(key: &[u8], x: u64) -> Params {
    let x = Fr::from(x).into_bigint().to_bytes_be().try_into().unwrap();
    let statement = Arc::new(Statement::new(key, &x).unwrap());
    let predicate = Predicate::Babe(statement);
    let context = b"graph".to_vec();
    Params::new([7; 32], context, PROGRAM.clone(), predicate, N, M, 4).unwrap()
}

static PARAMS: LazyLock<Params> = LazyLock::new(|| params_of(&KNOWN.key, 9));
static GARBLER: LazyLock<Garbler> =
    LazyLock::new(|| Garbler::new(PARAMS.clone(), &DIGIT_SEED, &[2; 32]));

/// One instance in every form in which it may leave its garbler.
#[derive(Clone)]
struct Dealt {
    commitment: [u8; 32],
    opening: Vec<u8>,
    kept: Vec<u8>,
}

/// What a cheat does to what an instance is made from, to the record that became of it, and to its opening.
struct Cheat {
    params: fn() -> Params,
    source: fn(&mut Source),
    made: fn(&mut Record),
    opening: fn(&mut Vec<u8>),
}

const HONEST: Cheat = Cheat {
    params: || PARAMS.clone(),
    source: |_| {},
    made: |_| {},
    opening: |_| {},
};

/// The record of a kept instance, part by part.
struct Record {
    head: Head,
    translation: Vec<u8>,
    table: Vec<u8>,
    encoding: Vec<u8>,
}

impl Record {
    fn split(bytes: &[u8]) -> Self {
        let kept = Kept::split(&PARAMS, bytes);
        Self {
            head: kept.head,
            translation: kept.translation.to_vec(),
            table: kept.table.to_vec(),
            encoding: kept.encoding.to_vec(),
        }
    }

    fn join(&self) -> Vec<u8> {
        let head = self.head.to_bytes();
        [&head, &self.translation, &self.table, &self.encoding]
            .map(Vec::as_slice)
            .concat()
    }
}

fn deal(index: usize, cheat: &Cheat) -> Dealt {
    let mut source = GARBLER.source(index);
    (cheat.source)(&mut source);
    let mut kept = vec![0; PARAMS.kept_bytes()];
    let (sources, tables) = (std::slice::from_ref(&source), Tables::Keep(&mut kept));
    make(&(cheat.params)(), sources, tables, &Control::default()).unwrap();
    let mut record = Record::split(&kept);
    (cheat.made)(&mut record);
    let mut opening = Vec::new();
    GARBLER.append_opening(&mut opening, &source, &record.head);
    (cheat.opening)(&mut opening);
    Dealt {
        commitment: record.head.commitment(&pair(), index),
        opening,
        kept: record.join(),
    }
}

fn pair() -> [u8; 32] {
    pair_hash(&PARAMS, GARBLER.digit_points(), GARBLER.output_points())
}

static DEALT: LazyLock<Vec<Dealt>> =
    LazyLock::new(|| (0..N).map(|index| deal(index, &HONEST)).collect());

fn joined<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    parts.collect::<Vec<_>>().concat()
}

fn artifact(dealt: &[Dealt], kept: &[usize]) -> Vec<u8> {
    joined(kept.iter().map(|index| &dealt[*index].kept[..]))
}

fn openings(dealt: &[Dealt], kept: &[usize]) -> Vec<u8> {
    let opened = PARAMS.opened(kept);
    joined(opened.iter().map(|index| &dealt[*index].opening[..]))
}

/// The evaluator's judgement of what was dealt, under one kept set.
fn judge(params: &Params, dealt: &[Dealt], kept: &[usize]) -> Result<Vec<u8>, EngineError> {
    check(
        params,
        GARBLER.digit_points(),
        GARBLER.output_points(),
        &joined(dealt.iter().map(|dealt| &dealt.commitment[..])),
        kept,
        &openings(dealt, kept),
        &artifact(dealt, kept),
        &Control::default(),
    )
}

/// Which instance and which part of it was named.
fn named(result: Result<Vec<u8>, EngineError>) -> (usize, &'static str) {
    match result {
        Err(EngineError::Instance { index, part, .. }) => (index, part),
        other => panic!("expected an instance to be named, got {other:?}"),
    }
}

fn digits(proof: &[u8]) -> Vec<Digit> {
    let scalars = digit_secrets(PARAMS.layout, &DIGIT_SEED);
    let values = values_of_bits(PARAMS.layout, &bits_of_point(proof));
    let digit = |(number, value)| Digit {
        value,
        secret: digit_secret(PARAMS.layout, &scalars, number, value).to_bytes(),
    };
    values.into_iter().enumerate().map(digit).collect()
}

fn dispute(
    dealt: &[Dealt],
    kept: &[usize],
    shares: &[u8],
    digits: &[Digit],
    proof: &[u8],
) -> Result<Option<Zeroizing<[u8; 32]>>, EngineError> {
    evaluate(
        &PARAMS,
        GARBLER.digit_points(),
        GARBLER.output_points(),
        kept,
        shares,
        &artifact(dealt, kept),
        digits,
        proof,
        &Control::default(),
    )
}
