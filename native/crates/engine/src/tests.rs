//! Engine babe against garblers that cheat: every kind is caught and named when the instance is opened, and a garbler that
//! makes exactly the kept instances bad wins under exactly one of the C(N, M) kept sets.

use std::sync::{Arc, LazyLock};

use ark_bn254::Fr;
use ark_ff::{BigInteger, Field, PrimeField};
use groth16::{Circuit, Encoding, Progress, ProvingKey, R1cs, prove, setup_single_party};
use zeroize::Zeroizing;

use crate::check::{Kept, Record};
use crate::digits::{digit_secret, digit_secrets};
use crate::held::{bits_of_point, values_of_bits};
use crate::instance::{Made, Source, Tables, encoding_root, make, pair_hash};
use crate::instance::{table_root, translation_root};
use crate::scalar::Scalar;
use crate::{
    Control, Digit, EngineError, Garbler, Params, Predicate, Statement, check, evaluate,
    make_drill, run_drill,
};

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

/// What a cheat does to what an instance is made from, to what became of it, and to its opening.
struct Cheat {
    params: fn() -> Params,
    source: fn(&mut Source),
    made: fn(&mut Made),
    opening: fn(&mut Vec<u8>),
}

const HONEST: Cheat = Cheat {
    params: || PARAMS.clone(),
    source: |_| {},
    made: |_| {},
    opening: |_| {},
};

fn deal(index: usize, cheat: &Cheat) -> Dealt {
    let mut source = GARBLER.source(index);
    (cheat.source)(&mut source);
    let sources = std::slice::from_ref(&source);
    let made = make(
        &(cheat.params)(),
        sources,
        Tables::Keep,
        &Control::default(),
    );
    let mut made = made.unwrap().remove(0);
    (cheat.made)(&mut made);
    let mut dealt = Dealt {
        commitment: made.head.commitment(&pair(), index),
        opening: Vec::new(),
        kept: Vec::new(),
    };
    GARBLER.append_opening(&mut dealt.opening, &source, &made.head);
    (cheat.opening)(&mut dealt.opening);
    made.append_to(&mut dealt.kept);
    dealt
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

fn garbage(bytes: &mut [u8]) {
    bytes.iter_mut().for_each(|byte| *byte ^= 1);
}

fn bad_encoding(made: &mut Made) {
    garbage(&mut made.encoding);
    let encrypted = made.head.encrypted.as_mut().unwrap();
    encrypted.encoding_root = encoding_root(&made.encoding);
}

fn one_bad_offset(made: &mut Made) {
    *made.encoding.last_mut().unwrap() ^= 1;
    let encrypted = made.head.encrypted.as_mut().unwrap();
    encrypted.encoding_root = encoding_root(&made.encoding);
}

fn bad_table(made: &mut Made) {
    garbage(&mut made.table);
    made.head.table_root = table_root(&made.table);
}

fn bad_translation(made: &mut Made) {
    garbage(&mut made.translation);
    made.head.translation_root = translation_root(&made.translation);
}

/// Everything but r * delta and the share is that of another r, as if encoded for one and encrypted to another.
fn ciphertext_of_another_r(made: &mut Made) {
    let other = deal(4, &HONEST).kept;
    let other = Kept::split(&PARAMS, &other).head.encrypted.unwrap();
    made.head.encrypted.as_mut().unwrap().ciphertext = other.ciphertext;
}

#[test]
fn every_cheat_is_caught_and_named_when_its_instance_is_opened() {
    let cases: [(&str, Cheat); 14] = [
        (
            "table",
            Cheat {
                made: bad_table,
                ..HONEST
            },
        ),
        (
            "translation",
            Cheat {
                made: bad_translation,
                ..HONEST
            },
        ),
        (
            "encoding",
            Cheat {
                made: bad_encoding,
                ..HONEST
            },
        ),
        (
            "encoding",
            Cheat {
                made: one_bad_offset,
                ..HONEST
            },
        ),
        (
            "ciphertext",
            Cheat {
                made: ciphertext_of_another_r,
                ..HONEST
            },
        ),
        (
            "ciphertext",
            Cheat {
                made: |made| made.head.encrypted.as_mut().unwrap().ciphertext[127] ^= 1,
                ..HONEST
            },
        ),
        (
            "output",
            Cheat {
                made: |made| made.head.output[0] ^= 1,
                ..HONEST
            },
        ),
        // encrypted to another public input, then under another verifying key
        (
            "output",
            Cheat {
                params: || params_of(&KNOWN.key, 16),
                ..HONEST
            },
        ),
        (
            "ciphertext",
            Cheat {
                params: || params_of(&OTHER.key, 9),
                ..HONEST
            },
        ),
        // a share off F
        (
            "share",
            Cheat {
                source: |source| source.share = source.share.add(Scalar::ONE),
                ..HONEST
            },
        ),
        (
            "proof",
            Cheat {
                source: |source| source.soldered.swap(0, 1),
                ..HONEST
            },
        ),
        // another seed than that of the committed instance; another r with it
        (
            "seed",
            Cheat {
                opening: |opening| opening[31] ^= 1,
                ..HONEST
            },
        ),
        (
            "share",
            Cheat {
                opening: |opening| opening[63] ^= 1,
                ..HONEST
            },
        ),
        (
            "commitment",
            Cheat {
                opening: |opening| opening[64] ^= 1,
                ..HONEST
            },
        ),
    ];
    let kept = [0, 3];
    for (part, cheat) in cases {
        let mut dealt = DEALT.clone();
        dealt[2] = deal(2, &cheat);
        assert_eq!(named(judge(&PARAMS, &dealt, &kept)), (2, part));
    }
    judge(&PARAMS, &DEALT, &kept).unwrap();
}

#[test]
fn another_statement_is_another_commitment() {
    for params in [params_of(&KNOWN.key, 16), params_of(&OTHER.key, 9)] {
        assert_eq!(named(judge(&params, &DEALT, &[0, 3])), (1, "commitment"));
    }
}

#[test]
fn a_kept_instance_that_is_not_what_was_committed_to_is_named() {
    let kept = Kept::split(&PARAMS, &DEALT[3].kept);
    let head = PARAMS.head_bytes();
    let table = head + kept.translation.len();
    let encoding = table + kept.table.len();
    let end = DEALT[3].kept.len();
    let cases = [
        ("commitment", 0),        // hash key
        ("commitment", 127),      // output
        ("commitment", 128),      // encoding root
        ("commitment", head - 1), // r * delta
        ("translation", head),
        ("translation", table - 1),
        ("table", table),
        ("table", encoding - 1),
        ("encoding", encoding),
        ("encoding", end - 1), // last offset
    ];
    for (part, place) in cases {
        let mut dealt = DEALT.clone();
        dealt[3].kept[place] ^= 1;
        assert_eq!(named(judge(&PARAMS, &dealt, &[0, 3])), (3, part), "{place}");
    }
}

/// All sets of M indices below N.
fn kept_sets() -> Vec<[usize; M]> {
    let pairs = (0..N).flat_map(|a| (a + 1..N).map(move |b| [a, b]));
    pairs.collect()
}

#[test]
fn who_makes_exactly_the_kept_instances_bad_wins_under_one_kept_set() {
    let bad = [1, 3];
    let digits = digits(&KNOWN.proof);
    let cheats: [fn(&mut Made); 4] = [
        bad_table,
        bad_encoding,
        bad_translation,
        ciphertext_of_another_r,
    ];
    for made in cheats {
        let mut dealt = DEALT.clone();
        for index in bad {
            dealt[index] = deal(index, &Cheat { made, ..HONEST });
        }
        let mut wins = Vec::new();
        for kept in kept_sets() {
            let Ok(shares) = judge(&PARAMS, &dealt, &kept) else {
                continue;
            };
            match dispute(&dealt, &kept, &shares, &digits, &KNOWN.proof) {
                Err(EngineError::Field { field, .. }) => {
                    assert_eq!(field, "artifact");
                    wins.push(kept);
                }
                other => panic!("expected no share to be free, got {other:?}"),
            }
        }
        assert_eq!(wins, [bad]);
    }
}

#[test]
fn one_good_kept_instance_is_enough() {
    let (kept, digits) = ([1, 3], digits(&KNOWN.proof));
    let secret = GARBLER.output_secret().to_bytes();
    for index in kept {
        let mut dealt = DEALT.clone();
        dealt[index] = deal(
            index,
            &Cheat {
                made: bad_encoding,
                ..HONEST
            },
        );
        let shares = judge(&PARAMS, &dealt, &kept).unwrap();
        let freed = dispute(&dealt, &kept, &shares, &digits, &KNOWN.proof).unwrap();
        assert_eq!(*freed.unwrap(), secret);
    }
}

#[test]
fn only_a_valid_proof_whose_first_point_the_digits_say_frees_the_secret() {
    let kept = [0, 3];
    let shares = judge(&PARAMS, &DEALT, &kept).unwrap();
    let secret = GARBLER.output_secret().to_bytes();
    let judge = |digits: &[Digit], proof: &[u8]| {
        let freed = dispute(&DEALT, &kept, &shares, digits, proof).unwrap();
        freed.map(|freed| *freed)
    };
    let own = digits(&KNOWN.proof);
    assert_eq!(judge(&own, &KNOWN.proof), Some(secret));
    // the second time as well: an evaluator may see another witness in a block than in the mempool
    assert_eq!(judge(&own, &KNOWN.proof), Some(secret));
    for place in [0, 63, 64, 191, 192, 255] {
        let mut proof = KNOWN.proof.clone();
        proof[place] ^= 1;
        assert_eq!(judge(&own, &proof), None, "{place}");
        assert_eq!(judge(&digits(&proof), &proof), None, "{place}");
    }
    // valid under another key
    assert_eq!(judge(&digits(&OTHER.proof), &OTHER.proof), None);
    // valid, but another point was asserted
    assert_eq!(judge(&digits(&OTHER.proof), &KNOWN.proof), None);
    let refused = dispute(&DEALT, &kept, &shares, &own, &KNOWN.proof[1..]);
    assert!(matches!(
        refused,
        Err(EngineError::Field {
            field: "witness",
            ..
        })
    ));
}

#[test]
fn a_drill_gives_its_answer_until_a_byte_that_it_reads_changes() {
    let kept = [0, 3];
    let mut drill = make_drill(&PARAMS, &kept, &openings(&DEALT, &kept)).unwrap();
    let run = |drill: &[u8]| run_drill(&PARAMS, drill, &Control::default());
    assert_eq!(run(&drill), Ok(true));
    let record = &drill[4 + PARAMS.points_bytes()..][..PARAMS.kept_bytes()];
    assert!(record == deal(1, &HONEST).kept);
    let end = drill.len();
    for place in [0, end - 1, end - 65] {
        drill[place] ^= 1;
        assert_eq!(run(&drill), Ok(false), "{place}");
        drill[place] ^= 1;
    }
    assert!(run(&drill[..end - 1]).is_err());
    drill[3] = 1;
    assert!(run(&drill).is_err());
    let params = params_of(&OTHER.key, 9);
    let fresh = Params {
        setup_id: [8; 32],
        ..params
    };
    drill[3] = 0;
    assert_eq!(run_drill(&fresh, &drill, &Control::default()), Ok(false));
}

#[test]
fn what_is_opened_shows_the_instance_and_nothing_of_another() {
    let bytes = &DEALT[2].opening;
    let record = Record::parse(&PARAMS, 2, bytes).unwrap();
    let source = record.source().unwrap();
    assert_eq!(source.share, GARBLER.source(2).share);
    for other in (0..N).filter(|other| *other != 2) {
        let seed = GARBLER.source(other).seed;
        assert!(!bytes.windows(32).any(|window| window == seed));
    }
}
