//! Verification against arkworks called plainly, folded and in batches, on both curves, and every encoding there and back.

mod common;

use ark_bls12_381::Bls12_381;
use ark_bn254::Bn254;
use ark_ff::One;
use common::proofs;
use groth16::{AnyInputs, AnyKey, AnyProof, Curve, CurveId, Encoding, Format, Key, Proof};

fn judges_as_arkworks<E: Curve>() {
    for inputs in [1, 5, 12] {
        let (key, claims) = proofs::<E>(inputs, 2, 7);
        assert_eq!(key.inputs(), inputs);
        for (i, (public, proof)) in claims.iter().enumerate() {
            assert!(key.verify(public, proof).unwrap());
            assert!(key.verify_plainly(public, proof).unwrap());
            let mut changed = public.clone();
            changed[inputs - 1] += E::ScalarField::one();
            assert!(!key.verify(&changed, proof).unwrap());
            assert!(!key.verify_plainly(&changed, proof).unwrap());
            assert!(!key.verify(&claims[1 - i].0, proof).unwrap());
        }
        let (other, _) = proofs::<E>(inputs, 1, 8);
        assert!(!other.verify(&claims[0].0, &claims[0].1).unwrap());
    }
}

#[test]
fn judges_as_arkworks_on_bn254() {
    judges_as_arkworks::<Bn254>();
}

#[test]
fn judges_as_arkworks_on_bls12_381() {
    judges_as_arkworks::<Bls12_381>();
}

fn folds<E: Curve>() {
    let (key, claims) = proofs::<E>(3, 2, 9);
    let (public, proof) = &claims[0];
    for fixed in 0..=3 {
        let folded = key.fold(&public[..fixed]).unwrap();
        assert_eq!(folded.inputs(), 3 - fixed);
        assert!(folded.verify(&public[fixed..], proof).unwrap());
        assert!(!folded.verify(&public[fixed..], &claims[1].1).unwrap());
        assert!(
            folded
                .verify(&[public.clone(), public.clone()].concat()[..4], proof)
                .is_err()
        );
        if fixed > 0 {
            let mut changed = public.clone();
            changed[fixed - 1] += E::ScalarField::one();
            let other = key.fold(&changed[..fixed]).unwrap();
            assert!(!other.verify(&changed[fixed..], proof).unwrap());
        }
    }
    assert_eq!(
        key.fold(&[public.clone(), public.clone()].concat())
            .err()
            .unwrap()
            .field,
        "fixed inputs"
    );
}

#[test]
fn fixed_inputs_fold_into_the_key() {
    folds::<Bn254>();
    folds::<Bls12_381>();
}

fn batches<E: Curve>() {
    let (key, claims) = proofs::<E>(2, 9, 10);
    let mut batch: Vec<_> = claims
        .iter()
        .map(|(public, proof)| (&public[..], proof))
        .collect();
    for length in [1, 2, 9] {
        assert_eq!(
            key.find_invalid(&batch[..length]).unwrap(),
            Vec::<usize>::new()
        );
    }
    batch[3].1 = &claims[4].1;
    batch[8].0 = &claims[0].0;
    assert_eq!(key.find_invalid(&batch).unwrap(), [3, 8]);
    assert_eq!(key.find_invalid(&[]).unwrap_err().field, "batch");
    batch[5].0 = &claims[5].0[..1];
    assert_eq!(
        key.find_invalid(&batch).unwrap_err().field,
        "batch[5], public inputs"
    );
}

#[test]
fn a_batch_names_exactly_the_invalid_proofs() {
    batches::<Bn254>();
    batches::<Bls12_381>();
}

#[test]
fn errors_that_cancel_without_coefficients_do_not_pass_in_a_batch() {
    // C and -C shifted against each other: the plain sum of both equations still holds.
    use ark_ec::{AffineRepr, CurveGroup};
    let (key, claims) = proofs::<Bn254>(1, 2, 11);
    let shift = ark_bn254::G1Affine::generator();
    let mut bad: Vec<Proof<Bn254>> = claims.iter().map(|(_, proof)| proof.clone()).collect();
    bad[0].0.c = (bad[0].0.c + shift).into_affine();
    bad[1].0.c = (bad[1].0.c - shift.into_group()).into_affine();
    let batch: Vec<_> = claims
        .iter()
        .zip(&bad)
        .map(|((public, _), proof)| (&public[..], proof))
        .collect();
    assert_eq!(key.find_invalid(&batch).unwrap(), [0, 1]);
}

const ENCODINGS: [(Encoding, Format); 6] = [
    (Encoding::Snarkjs, Format::Snarkjs),
    (Encoding::Eip197, Format::Eip197),
    (Encoding::GnarkCompressed, Format::Gnark),
    (Encoding::GnarkRaw, Format::Gnark),
    (Encoding::ArkworksCompressed, Format::Arkworks),
    (Encoding::ArkworksUncompressed, Format::Arkworks),
];

fn round_trips(curve: CurveId, key: &AnyKey, inputs: &AnyInputs, proof: &AnyProof) {
    for (encoding, format) in ENCODINGS {
        if encoding == Encoding::Eip197 && curve == CurveId::Bls12381 {
            assert_eq!(proof.encode(encoding).unwrap_err().field, "curve");
            continue;
        }
        if format != Format::Gnark {
            let raw = key.encode(encoding).unwrap();
            let read = AnyKey::parse(&raw, format, Some(curve)).unwrap();
            assert_eq!(
                (read.id(), read.encode(encoding).unwrap()),
                (key.id(), raw.clone())
            );
            assert!(AnyKey::parse(&raw[..raw.len() - 1], format, Some(curve)).is_err());
            assert!(AnyKey::parse(&[&raw[..], b"\0"].concat(), format, Some(curve)).is_err());
        }
        let raw = proof.encode(encoding).unwrap();
        let read = AnyProof::parse(&raw, format, curve).unwrap();
        assert_eq!(read.encode(encoding).unwrap(), raw);
        let public = AnyInputs::parse(&inputs.encode(encoding).unwrap(), format, curve).unwrap();
        assert_eq!(public.words(), inputs.words());
        assert!(key.verify(&public, &read).unwrap());
        assert!(AnyProof::parse(&raw[..raw.len() - 1], format, curve).is_err());
        assert!(AnyProof::parse(&[&raw[..], b"\0"].concat(), format, curve).is_err());
    }
}

#[test]
fn every_encoding_there_and_back() {
    let (key, mut claims) = proofs::<Bn254>(2, 1, 12);
    let (inputs, proof) = claims.remove(0);
    let key = AnyKey::Bn254(Box::new(key));
    round_trips(
        CurveId::Bn254,
        &key,
        &AnyInputs::Bn254(inputs),
        &AnyProof::Bn254(proof),
    );
    let (key, mut claims) = proofs::<Bls12_381>(2, 1, 12);
    let (inputs, proof) = claims.remove(0);
    let key = AnyKey::Bls12381(Box::new(key));
    round_trips(
        CurveId::Bls12381,
        &key,
        &AnyInputs::Bls12381(inputs),
        &AnyProof::Bls12381(proof),
    );
}

#[test]
fn a_key_with_a_point_at_infinity_is_refused() {
    use ark_ec::AffineRepr;
    let (key, claims) = proofs::<Bn254>(1, 1, 13);
    let change = |field: &str| {
        let mut points = key.points.clone();
        match field {
            "alpha" => points.alpha_g1 = AffineRepr::zero(),
            "beta" => points.beta_g2 = AffineRepr::zero(),
            "gamma" => points.gamma_g2 = AffineRepr::zero(),
            _ => points.delta_g2 = AffineRepr::zero(),
        }
        Key::new(points).err().unwrap()
    };
    for field in ["alpha", "beta", "gamma", "delta"] {
        let refused = change(field);
        assert_eq!(
            (refused.field.as_str(), refused.got.as_str()),
            (field, "infinity")
        );
    }
    let mut proof = claims[0].1.0.clone();
    proof.c = AffineRepr::zero();
    assert_eq!(Proof::new(proof).err().unwrap().field, "C");
}
