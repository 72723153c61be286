//! Batches against the one-by-one functions of crate `signing`, and every field changed alone.

use super::*;
use crate::digits::{digit_points, value_points};
use crate::{Layout, complete_bound_digits, complete_digits, extract_digits};
use secrets::Secret;

const SEED: [u8; 32] = [7; 32];

fn layout() -> Layout {
    Layout::new(150, 4).unwrap() // 38 digits, 608 values: more than a batch
}

fn scalar(name: &str) -> Scalar {
    let mut wide = [0; 64];
    blake3::Hasher::new()
        .update(name.as_bytes())
        .finalize_xof()
        .fill(&mut wide);
    Scalar::from_wide(&wide)
}

/// A key of the wanted parity.
fn key(odd: u8) -> Secret {
    let keys = (0..64).map(|n| Secret::from_revealed(scalar(&format!("key {n}")).to_bytes()));
    keys.flatten()
        .find(|key| key.point()[0] == 2 + odd)
        .unwrap()
}

fn messages(count: usize) -> Vec<[u8; 32]> {
    (0..count)
        .map(|n| *blake3::hash(&[n as u8]).as_bytes())
        .collect()
}

struct Case {
    key: Secret,
    messages: Vec<[u8; 32]>,
    points: Vec<u8>,
    presignatures: Vec<u8>,
}

/// Presignatures under the digit points of SEED.
fn case(odd: u8) -> Case {
    let (key, messages) = (key(odd), messages(layout().digits()));
    let points = value_points(layout(), &digit_points(layout(), &SEED)).unwrap();
    let presignatures = presign_digits(key.expose(), &[1; 32], &messages, &points).unwrap();
    Case {
        key,
        messages,
        points,
        presignatures,
    }
}

impl Case {
    fn bad(&self) -> Vec<usize> {
        check_digit_presignatures(
            &self.key.xonly(),
            &self.messages,
            &self.points,
            &self.presignatures,
        )
        .unwrap()
    }

    fn one(&mut self, n: usize) -> &mut [u8] {
        &mut self.presignatures[n * PRESIGNATURE_BYTES..][..PRESIGNATURE_BYTES]
    }

    fn message(&self, n: usize) -> &[u8; 32] {
        &self.messages[n / layout().values()]
    }

    fn point(&self, n: usize) -> &[u8] {
        &self.points[33 * n..][..33]
    }
}

#[test]
fn each_presignature_is_one_to_the_other_implementation() {
    for odd in [0, 1] {
        let mut case = case(odd);
        let xonly = case.key.xonly();
        for n in 0..layout().digits() * layout().values() {
            let (message, point) = (*case.message(n), case.point(n).to_vec());
            let one = case.one(n);
            assert_eq!(one[0], 2, "R' is even");
            assert!(signing::check_presignature(&xonly, &message, &point, one).unwrap());
        }
        assert_eq!(case.bad(), [0usize; 0]);
        let values: Vec<usize> = (0..layout().digits()).map(|digit| digit % 16).collect();
        let signatures = complete_digits(&case.presignatures, layout(), &SEED, &values).unwrap();
        for (message, signature) in case.messages.iter().zip(&signatures) {
            assert!(signing::verify(&xonly, message, signature));
        }
    }
}

#[test]
fn nonces_follow_from_seed_key_message_and_point() {
    let one = case(0);
    let nonces = |presignatures: &[u8]| -> HashSet<[u8; 33]> {
        let chunks = presignatures.chunks_exact(PRESIGNATURE_BYTES);
        chunks
            .map(|chunk| chunk[..33].try_into().unwrap())
            .collect()
    };
    let known = nonces(&one.presignatures);
    assert_eq!(known.len(), layout().digits() * layout().values());
    assert_eq!(case(0).presignatures, one.presignatures);
    let others = messages(layout().digits() + 1);
    let of = |key: &Secret, seed, messages: &[[u8; 32]], points: &[u8]| {
        presign_digits(key.expose(), &[seed; 32], messages, points).unwrap()
    };
    let mut points = one.points.clone();
    points.rotate_left(33 * layout().values());
    for changed in [
        of(&one.key, 2, &one.messages, &one.points),
        of(&key(1), 1, &one.messages, &one.points),
        of(&one.key, 1, &others[1..], &one.points),
        of(&one.key, 1, &one.messages, &points)[..PRESIGNATURE_BYTES].to_vec(),
    ] {
        assert!(nonces(&changed).is_disjoint(&known));
    }
    // k = s' - e*x of two presignatures under one message differ, else both together would show x
    let challenge = Challenge::new(one.key.xonly());
    let x = Scalar::parse(one.key.expose()).unwrap();
    let nonce = |n: usize| {
        let bytes: &[u8; PRESIGNATURE_BYTES] = &one.presignatures.as_chunks().0[n];
        let s = Scalar::parse(&bytes[33..].try_into().unwrap()).unwrap();
        s.sub(challenge.of(&bytes[1..33], &one.messages[0]).mul(x))
            .to_bytes()
    };
    assert_eq!((0..16).map(nonce).collect::<HashSet<_>>().len(), 16);
}

#[test]
fn every_field_changed_alone_is_named() {
    let count = layout().digits() * layout().values();
    assert!(count > BATCH);
    for n in [0, 17, BATCH - 1, BATCH, count - 1] {
        let changed = |change: &dyn Fn(&mut Case)| {
            let mut case = case(0);
            change(&mut case);
            case.bad()
        };
        assert_eq!(changed(&|case| case.one(n)[64] ^= 1), [n]);
        assert_eq!(changed(&|case| case.one(n)[33..].fill(0xff)), [n]);
        assert_eq!(changed(&|case| case.one(n)[0] = 3), [n]);
        assert_eq!(changed(&|case| case.one(n)[0] = 4), [n]);
        assert_eq!(changed(&|case| case.one(n)[..33].fill(0)), [n]);
        let last = |case: &Case| case.points[case.points.len() - 33..].to_vec();
        let other = if n == count - 1 { 0 } else { count - 1 };
        let point = |case: &mut Case| {
            let new = if n == count - 1 {
                case.points[..33].to_vec()
            } else {
                last(case)
            };
            case.points[33 * n..][..33].copy_from_slice(&new);
        };
        assert_eq!(changed(&point), [n]);
        let mut swapped = [n, other];
        swapped.sort_unstable();
        let swap = |case: &mut Case| {
            let (one, two) = (case.one(n).to_vec(), case.one(other).to_vec());
            case.one(n).copy_from_slice(&two);
            case.one(other).copy_from_slice(&one);
        };
        assert_eq!(changed(&swap), swapped);
        let digit = n / layout().values();
        let of_digit: Vec<usize> = (digit * 16..digit * 16 + 16).collect();
        assert_eq!(changed(&|case| case.messages[digit][31] ^= 1), of_digit);
    }
    let mut all = case(0);
    all.key = key(1);
    assert_eq!(all.bad().len(), count);
}

/// An odd R' completes as well, by subtraction, but is not what our signer makes: one form only.
#[test]
fn a_presignature_with_an_odd_nonce_is_named() {
    let mut case = case(0);
    let (n, xonly) = (20, case.key.xonly());
    let (message, point) = (*case.message(n), case.points[33 * n..][..33].to_vec());
    let x = Scalar::parse(case.key.expose()).unwrap();
    let lock = read_points("point", &point, 1).unwrap();
    let odd = (0..64).find_map(|attempt| {
        let k = scalar(&format!("nonce {attempt}"));
        let mut nonce = [secret_multiple(&k).unwrap()];
        add_pairs(&mut nonce, &lock).unwrap();
        nonce[0].y.is_odd().then_some((k, nonce[0].to_bytes()))
    });
    let (k, nonce) = odd.unwrap();
    // s'*G - T = -R' + e*P, so s' = -k + e*x
    let e = Challenge::new(xonly).of(&nonce[1..], &message);
    case.one(n)[..33].copy_from_slice(&nonce);
    case.one(n)[33..].copy_from_slice(&e.mul(x).sub(k).to_bytes());
    assert!(signing::check_presignature(&xonly, &message, &point, case.one(n)).unwrap());
    assert_eq!(case.bad(), [n]);
}

/// Attack 17: who knows two digit secrets makes presignatures of one R', and one signature then publishes both values.
#[test]
fn equal_nonces_of_a_digit_are_named() {
    let mut case = case(0);
    let (first, second) = (16, 21); // values 0 and 5 of digit 1
    let xonly = case.key.xonly();
    let scalars = crate::digits::digit_secrets(layout(), &SEED);
    let secret = |value| crate::digits::digit_secret(layout(), &scalars, 1, value);
    let x = Scalar::parse(case.key.expose()).unwrap();
    let nonce = (0..).map(|n| scalar(&format!("both {n}")));
    let even = |k: &Scalar| !secret_multiple(k).unwrap().y.is_odd();
    let k = nonce.into_iter().find(even).unwrap();
    let bytes = secret_multiple(&k).unwrap().to_bytes();
    let message = *case.message(first);
    let e = Challenge::new(xonly).of(&bytes[1..], &message);
    for (n, value) in [(first, 0), (second, 5)] {
        let s = k.sub(secret(value)).add(e.mul(x));
        case.one(n)[..33].copy_from_slice(&bytes);
        case.one(n)[33..].copy_from_slice(&s.to_bytes());
        let point = case.point(n).to_vec();
        assert!(signing::check_presignature(&xonly, &message, &point, case.one(n)).unwrap());
    }
    let complete = |value| {
        let mut values = vec![0; layout().digits()];
        values[1] = value;
        complete_digits(&case.presignatures, layout(), &SEED, &values).unwrap()[1]
    };
    assert_eq!(complete(0), complete(5));
    assert!(signing::verify(&xonly, &message, &complete(0)));
    assert_eq!(case.bad(), [second]);
}

#[test]
fn a_bound_reveal_completes_what_was_asserted_and_nothing_else() {
    let (ours, theirs) = ([8; 32], [9; 32]);
    let sums = add_points(
        &digit_points(layout(), &ours),
        &digit_points(layout(), &theirs),
    )
    .unwrap();
    let locks = value_points(layout(), &sums).unwrap();
    let (claimant, messages) = (key(1), messages(layout().digits()));
    let presignatures = presign_digits(claimant.expose(), &[1; 32], &messages, &locks).unwrap();
    let xonly = claimant.xonly();
    assert!(
        check_digit_presignatures(&xonly, &messages, &locks, &presignatures)
            .unwrap()
            .is_empty()
    );
    let values: Vec<usize> = (0..layout().digits())
        .map(|digit| 15 - digit % 16)
        .collect();
    let scalars = crate::digits::digit_secrets(layout(), &theirs);
    let secret = |(digit, value): (usize, &usize)| {
        crate::digits::digit_secret(layout(), &scalars, digit, *value)
    };
    let asserted: Vec<Scalar> = values.iter().enumerate().map(secret).collect();
    let learned: Vec<[u8; 32]> = asserted.iter().map(|secret| secret.to_bytes()).collect();
    let complete = |values: &[usize], learned: &[[u8; 32]]| {
        complete_bound_digits(&presignatures, layout(), &ours, values, learned)
    };
    let signatures = complete(&values, &learned).unwrap();
    for (message, signature) in messages.iter().zip(&signatures) {
        assert!(signing::verify(&xonly, message, signature));
    }
    // the claimant takes its own secrets away again and has those of the values it asserted
    let points = value_points(layout(), &digit_points(layout(), &ours)).unwrap();
    let shown = extract_digits(&presignatures, layout(), &signatures, &sums).unwrap();
    for (digit, (shown, asserted)) in shown.iter().zip(&asserted).enumerate() {
        assert_eq!(shown.value, values[digit]);
        let ours = Scalar::parse(&shown.secret).unwrap().sub(*asserted);
        let place = 33 * (digit * layout().values() + shown.value);
        assert_eq!(
            secret_multiple(&ours).unwrap().to_bytes(),
            points[place..][..33]
        );
    }
    // a value that was not asserted, and a secret that was not learned
    let mut other = values.clone();
    other[3] ^= 1;
    assert!(!signing::verify(
        &xonly,
        &messages[3],
        &complete(&other, &learned).unwrap()[3]
    ));
    let mut unknown = learned.clone();
    unknown[3][31] ^= 1;
    assert!(!signing::verify(
        &xonly,
        &messages[3],
        &complete(&values, &unknown).unwrap()[3]
    ));
    let refused =
        |values: &[usize], learned: &[[u8; 32]]| match complete(values, learned).unwrap_err() {
            EngineError::Field { field, .. } => field,
            error => panic!("{error}"),
        };
    assert_eq!(refused(&values, &learned[1..]), "learned");
    assert_eq!(refused(&values[1..], &learned), "values");
    unknown[3] = [0xff; 32];
    assert_eq!(refused(&values, &unknown), "learned");
    other[3] = 16;
    assert_eq!(refused(&other, &learned), "values");
}

#[test]
fn sums_of_points_are_the_other_implementations() {
    let (left, right) = (
        digit_points(layout(), &[1; 32]),
        digit_points(layout(), &[2; 32]),
    );
    let sums = add_points(&left, &right).unwrap();
    for ((left, right), sum) in left.chunks(33).zip(right.chunks(33)).zip(sums.chunks(33)) {
        assert_eq!(signing::add_points(&[left, right]).unwrap(), sum);
    }
    let mut opposite = right.clone();
    opposite[33..66].copy_from_slice(&left[33..66]);
    opposite[33] ^= 1;
    let text = add_points(&left, &opposite).unwrap_err().to_string();
    assert!(text.ends_with("got infinity as sum 1"), "{text}");
    assert!(add_points(&left, &right[33..]).is_err());
    assert!(add_points(&left[1..], &right[1..]).is_err());
    opposite[33..66].fill(0);
    assert!(add_points(&left, &opposite).is_err());
}

#[test]
fn arguments_that_do_not_fit_are_refused() {
    let case = case(0);
    let make = |key: &[u8; 32], messages: &[[u8; 32]], points: &[u8]| match presign_digits(
        key, &[1; 32], messages, points,
    )
    .unwrap_err()
    {
        EngineError::Field { field, .. } => field,
        error => panic!("{error}"),
    };
    let key = case.key.expose();
    assert_eq!(make(key, &[], &case.points), "points");
    assert_eq!(make(key, &case.messages, &[]), "points");
    assert_eq!(make(key, &case.messages, &case.points[33..]), "points");
    assert_eq!(
        make(key, &case.messages, &vec![0; case.points.len()]),
        "points"
    );
    assert_eq!(make(&[0; 32], &case.messages, &case.points), "secret");
    assert_eq!(make(&[0xff; 32], &case.messages, &case.points), "secret");
    let check =
        |xonly: &[u8; 32], points: &[u8], presignatures: &[u8]| match check_digit_presignatures(
            xonly,
            &case.messages,
            points,
            presignatures,
        )
        .unwrap_err()
        {
            EngineError::Field { field, .. } => field,
            error => panic!("{error}"),
        };
    let xonly = case.key.xonly();
    let whole = &case.presignatures;
    assert_eq!(check(&[0xff; 32], &case.points, whole), "xonly");
    assert_eq!(check(&xonly, &case.points[33..], whole), "points");
    assert_eq!(check(&xonly, &case.points, &whole[1..]), "presignatures");
}
