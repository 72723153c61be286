//! What frees the secret, drills, and what an opening shows.

use super::*;
use crate::{make_drill, run_drill};

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
fn what_is_opened_shows_no_seed_of_another_instance() {
    let opening = &DEALT[2].opening;
    let shows = |index| {
        let seed = GARBLER.source(index).seed;
        opening.windows(32).any(|window| window == seed)
    };
    assert_eq!(
        (0..N).filter(|index| shows(*index)).collect::<Vec<_>>(),
        [2]
    );
}
