//! The curve against libsecp256k1.

use super::*;
use secp256k1::{PublicKey, SECP256K1, SecretKey};

pub(crate) fn scalar(n: usize) -> Scalar {
    let mut bytes = [0; 64];
    let mut stream = blake3::Hasher::new()
        .update(&n.to_le_bytes())
        .finalize_xof();
    stream.fill(&mut bytes);
    Scalar::from_wide(&bytes)
}

pub(crate) fn point(n: usize) -> PublicKey {
    let key = SecretKey::from_byte_array(scalar(n).to_bytes()).unwrap();
    PublicKey::from_secret_key(SECP256K1, &key)
}

pub(crate) fn ours(point: &PublicKey) -> Affine {
    Affine::parse(&point.serialize()).unwrap()
}

pub(crate) fn multiple(point: &PublicKey, scalar: Scalar) -> PublicKey {
    let tweak = secp256k1::Scalar::from_be_bytes(scalar.to_bytes()).unwrap();
    point.mul_tweak(SECP256K1, &tweak).unwrap()
}

#[test]
fn points_are_read_and_written_as_libsecp256k1_does() {
    assert_eq!(
        Affine::GENERATOR.to_bytes(),
        multiple(&point(1), scalar(1).invert()).serialize()
    );
    for n in 0..50 {
        let bytes = point(n).serialize();
        assert_eq!(Affine::parse(&bytes).unwrap().to_bytes(), bytes);
        for prefix in [0, 1, 4, 6] {
            let mut wrong = bytes;
            wrong[0] = prefix;
            assert!(Affine::parse(&wrong).is_none());
        }
    }
    for n in 0..200u32 {
        let mut bytes = [2; 33];
        bytes[1..].copy_from_slice(blake3::hash(&n.to_le_bytes()).as_bytes());
        let known = PublicKey::from_slice(&bytes).is_ok();
        assert_eq!(Affine::parse(&bytes).is_some(), known);
    }
    let mut above = [0xff; 33];
    above[0] = 2;
    assert!(Affine::parse(&above).is_none());
}

#[test]
fn pairs_add_also_when_they_are_equal_or_opposite() {
    let mut sums: Vec<_> = (0..20).map(|n| ours(&point(n))).collect();
    let mut terms: Vec<_> = (20..40).map(|n| ours(&point(n))).collect();
    terms[5] = sums[5];
    add_pairs(&mut sums, &terms).unwrap();
    for (n, sum) in sums.iter().enumerate() {
        let other = if n == 5 { 5 } else { n + 20 };
        let known = point(n).combine(&point(other)).unwrap();
        assert_eq!(sum.to_bytes(), known.serialize());
    }
    let mut sums: Vec<_> = (0..20).map(|n| ours(&point(n))).collect();
    terms[7] = sums[7].neg();
    assert_eq!(add_pairs(&mut sums, &terms), Err(7));
}

#[test]
fn sums_of_multiples_agree_with_libsecp256k1() {
    for count in [1, 2, 5, 30, 200] {
        let points: Vec<_> = (0..count).map(point).collect();
        let scalars: Vec<_> = (500..500 + count).map(scalar).collect();
        let products: Vec<_> = points
            .iter()
            .zip(&scalars)
            .map(|(point, scalar)| multiple(point, *scalar))
            .collect();
        let known = PublicKey::combine_keys(&products.iter().collect::<Vec<_>>()).unwrap();
        let points: Vec<_> = points.iter().map(ours).collect();
        let sum = affine(&sum_of_multiples(&points, &scalars, 256)).unwrap();
        assert_eq!(sum.to_bytes(), known.serialize());
    }
    let points = [ours(&point(1)), ours(&point(1)).neg()];
    assert!(sum_of_multiples(&points, &[scalar(1); 2], 256).is_infinity());
    assert!(sum_of_multiples(&[ours(&point(1)); 3], &[Scalar::ZERO; 3], 256).is_infinity());
}
