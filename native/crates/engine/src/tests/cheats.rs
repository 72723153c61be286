//! Engine babe against garblers that cheat: every kind is caught and named when the instance is opened, and a garbler that
//! makes exactly the kept instances bad wins under exactly one of the C(N, M) kept sets.

use super::*;
use crate::instance::{encoding_root, table_root, translation_root};
use crate::scalar::Scalar;

fn garbage(bytes: &mut [u8]) {
    bytes.iter_mut().for_each(|byte| *byte ^= 1);
}

fn bad_encoding(made: &mut Record) {
    garbage(&mut made.encoding);
    let encrypted = made.head.encrypted.as_mut().unwrap();
    encrypted.encoding_root = encoding_root(&made.encoding);
}

fn one_bad_offset(made: &mut Record) {
    *made.encoding.last_mut().unwrap() ^= 1;
    let encrypted = made.head.encrypted.as_mut().unwrap();
    encrypted.encoding_root = encoding_root(&made.encoding);
}

fn bad_table(made: &mut Record) {
    garbage(&mut made.table);
    made.head.table_root = table_root(&made.table);
}

fn bad_translation(made: &mut Record) {
    garbage(&mut made.translation);
    made.head.translation_root = translation_root(&made.translation);
}

/// Everything but r * delta and the share is that of another r, as if encoded for one and encrypted to another.
fn ciphertext_of_another_r(made: &mut Record) {
    let other = Record::split(&DEALT[4].kept).head.encrypted.unwrap();
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
    let cheats: [fn(&mut Record); 4] = [
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
