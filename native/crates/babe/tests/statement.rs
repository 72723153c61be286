//! Real proofs of a small circuit open the key of their statement; everything changed alone is refused or opens another.

use std::path::PathBuf;
use std::sync::LazyLock;

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::CurveGroup;
use ark_ec::pairing::Pairing;
use ark_ff::{BigInteger, Field, MontFp, PrimeField};
use babe::{BabeError, CIPHERTEXT_BYTES, KEY_BYTES, PROOF_BYTES, Statement};
use groth16::{
    Circuit, Encoding, Format, Key, Progress, Proof, ProvingKey, R1cs, prove, setup_single_party,
    write_eip197_g2,
};

/// A file that is removed at the end.
struct File(PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A key of "I know w with w^2 = x" (and, with two inputs, y = 5 in no constraint), and two proofs of x = 9.
struct Known {
    key: Vec<u8>,
    proofs: [Vec<u8>; 2],
}

const X: u64 = 9;

fn known(public: usize) -> Known {
    let w = (public + 1) as u32;
    let r1cs = R1cs {
        public,
        wires: public + 2,
        a: vec![vec![(w, Fr::ONE)]],
        b: vec![vec![(w, Fr::ONE)]],
        c: vec![vec![(1, Fr::ONE)]],
    };
    let circuit = Circuit::new(r1cs).unwrap();
    let name = format!("babe-statement-{public}-{}.zkey", std::process::id());
    let file = File(std::env::temp_dir().join(name));
    setup_single_party(&circuit, &file.0, &Progress::new()).unwrap();
    let key = ProvingKey::open(&file.0, Some(&circuit)).unwrap();
    let mut assignment = vec![Fr::ONE, Fr::from(X)];
    assignment.extend((1..public).map(|_| Fr::from(5u64)));
    assignment.push(Fr::from(3u64));
    let proof = || {
        let proof = prove(&key, &circuit, &assignment, &Progress::new()).unwrap();
        proof.encode(Encoding::Eip197).unwrap()
    };
    Known {
        key: key.encode_verifying().unwrap(),
        proofs: [proof(), proof()],
    }
}

static ONE: LazyLock<Known> = LazyLock::new(|| known(1));
static STATEMENT: LazyLock<Statement> =
    LazyLock::new(|| Statement::new(&ONE.key, &word(Fr::from(X))).unwrap());

fn word<F: PrimeField>(number: F) -> [u8; 32] {
    number.into_bigint().to_bytes_be().try_into().unwrap()
}

fn r() -> Fr {
    MontFp!("12345678901234567890123456789012345678901234567890123456789012345678901234567")
}

fn points(proof: &[u8]) -> (G1Affine, G2Affine, G1Affine) {
    let proof = Proof::<Bn254>::parse(proof, Format::Eip197).unwrap().0;
    (proof.a, proof.b, proof.c)
}

fn times(point: G1Affine, by: Fr) -> G1Affine {
    (point * by).into_affine()
}

fn key() -> Key<Bn254> {
    Key::parse(&ONE.key, Format::Arkworks).unwrap()
}

/// A point of the twisted curve that is not of order r.
fn outside() -> G2Affine {
    let xs = (1u64..).map(|x| Fq2::new(Fq::from(x), Fq::ONE));
    let mut points = xs.filter_map(|x| G2Affine::get_point_from_x_unchecked(x, false));
    let point = points.next().unwrap();
    assert!(point.is_on_curve() && !point.is_in_correct_subgroup_assuming_on_curve());
    point
}

fn field_of<T>(result: Result<T, BabeError>) -> String {
    match result.err().expect("refused") {
        BabeError::Field { field, .. } => field,
        BabeError::Groth16(error) => error.field,
        BabeError::Garble(error) => panic!("{error}"),
    }
}

#[test]
fn a_valid_proof_opens_the_key() {
    let (ciphertext, key) = STATEMENT.encrypt(&r()).unwrap();
    for proof in &ONE.proofs {
        assert!(STATEMENT.verify(proof).unwrap());
        let (p1, _, _) = points(proof);
        let opened = STATEMENT.open(&times(p1, r()), proof, &ciphertext).unwrap();
        assert_eq!(*opened, *key);
    }
}

#[test]
fn ciphertext_and_key_are_what_the_library_computes() {
    let (ciphertext, key) = STATEMENT.encrypt(&r()).unwrap();
    let points = self::key().points;
    let sum = (points.gamma_abc_g1[1] * Fr::from(X) + points.gamma_abc_g1[0]).into_affine();
    let y = Bn254::multi_pairing([points.alpha_g1, sum], [points.beta_g2, points.gamma_g2]);
    let power = (y * r()).0;
    let coefficients = power.to_base_prime_field_elements();
    let little: Vec<u8> = coefficients
        .flat_map(|fq| fq.into_bigint().to_bytes_le())
        .collect();
    assert_eq!(little, *key);
    let delta = (points.delta_g2 * r()).into_affine();
    let words = [delta.x.c1, delta.x.c0, delta.y.c1, delta.y.c0].map(word);
    assert_eq!(words.concat(), ciphertext);
    assert_eq!((ciphertext.len(), key.len()), (CIPHERTEXT_BYTES, KEY_BYTES));
}

#[test]
fn every_part_changed_alone_opens_another_key() {
    let (ciphertext, key) = STATEMENT.encrypt(&r()).unwrap();
    let [proof, other] = &ONE.proofs;
    let r_p1 = times(points(proof).0, r());
    let with = |r_p1, proof: &[u8], ciphertext| {
        let opened = STATEMENT.open(&r_p1, proof, ciphertext).unwrap();
        assert_ne!(*opened, *key);
    };
    // p2 and p3 of another valid proof of the same x
    let p2 = [&proof[..64], &other[64..192], &proof[192..]].concat();
    let p3 = [&proof[..192], &other[192..]].concat();
    with(r_p1, &p2, &ciphertext);
    with(r_p1, &p3, &ciphertext);
    assert!(!STATEMENT.verify(&p2).unwrap() && !STATEMENT.verify(&p3).unwrap());
    // r p1 of another p1, of another r, and its negative
    with(times(points(other).0, r()), proof, &ciphertext);
    with(times(points(proof).0, r() + Fr::ONE), proof, &ciphertext);
    with(-r_p1, proof, &ciphertext);
    // the ciphertext of another r
    let (another, _) = STATEMENT.encrypt(&(r() + Fr::ONE)).unwrap();
    with(r_p1, proof, &another);
    // the same r under another x
    let neighbour = Statement::new(&ONE.key, &word(Fr::from(X + 1))).unwrap();
    let (same, another) = neighbour.encrypt(&r()).unwrap();
    assert_eq!(same, ciphertext);
    assert_ne!(*another, *key);
    assert!(!neighbour.verify(proof).unwrap());
}

#[test]
fn bytes_that_are_no_points_are_refused() {
    let (ciphertext, _) = STATEMENT.encrypt(&r()).unwrap();
    let proof = &ONE.proofs[0];
    let r_p1 = times(points(proof).0, r());
    // a coordinate plus p: the same point to a reader that reduces
    let plus_p = |word: &mut [u8]| {
        let mut sum = Fq::from_be_bytes_mod_order(word).into_bigint();
        sum.add_with_carry(&Fq::MODULUS);
        word.copy_from_slice(&sum.to_bytes_be());
    };
    let wrong_g1 = |point: &[u8]| {
        let (mut off, mut large) = (point.to_vec(), point.to_vec());
        off[63] ^= 1;
        plus_p(&mut large[..32]);
        vec![off, large, vec![0; 64]]
    };
    let wrong_g2 = |point: &[u8]| {
        let (mut off, mut large) = (point.to_vec(), point.to_vec());
        off[127] ^= 1;
        plus_p(&mut large[96..]);
        let outside = write_eip197_g2::<Bn254>(&outside());
        vec![off, large, vec![0; 128], outside]
    };
    for (name, start, wrong) in [
        ("A", 0, wrong_g1(&proof[..64])),
        ("B", 64, wrong_g2(&proof[64..192])),
        ("C", 192, wrong_g1(&proof[192..])),
    ] {
        for point in wrong {
            let mut changed = proof.clone();
            changed[start..start + point.len()].copy_from_slice(&point);
            let refused = field_of(STATEMENT.open(&r_p1, &changed, &ciphertext));
            assert!(refused.starts_with(name), "{refused}");
            assert!(!STATEMENT.verify(&changed).unwrap());
        }
    }
    for point in wrong_g2(&ciphertext) {
        let changed = point.try_into().unwrap();
        let refused = field_of(STATEMENT.open(&r_p1, proof, &changed));
        assert!(refused.starts_with("ciphertext"), "{refused}");
    }
    let off = G1Affine::new_unchecked(r_p1.x, r_p1.y + Fq::ONE);
    for wrong in [off, G1Affine::identity()] {
        assert_eq!(field_of(STATEMENT.open(&wrong, proof, &ciphertext)), "r p1");
    }
    for length in [0, PROOF_BYTES - 1, PROOF_BYTES + 1] {
        let mut changed = proof.clone();
        changed.resize(length, 0);
        let refused = STATEMENT.open(&r_p1, &changed, &ciphertext);
        assert_eq!(field_of(refused), "proof");
        assert_eq!(field_of(STATEMENT.verify(&changed)), "proof");
    }
    assert_eq!(field_of(STATEMENT.encrypt(&Fr::from(0u64))), "r");
}

#[test]
fn other_keys_and_numbers_are_refused() {
    let x = word(Fr::from(X));
    let refused = |key: &[u8], x: &[u8; 32]| field_of(Statement::new(key, x).map(|_| ()));
    // r itself, and what stands for the same residue as x
    let order: [u8; 32] = Fr::MODULUS.to_bytes_be().try_into().unwrap();
    let mut same = Fr::MODULUS;
    same.add_with_carry(&Fr::from(X).into_bigint());
    let same = same.to_bytes_be().try_into().unwrap();
    for large in [order, same, [0xff; 32]] {
        assert_eq!(refused(&ONE.key, &large), "public[0]");
    }
    // one public input more, one less
    assert_eq!(refused(&known(2).key, &x), "key");
    let mut none = key();
    none.points.gamma_abc_g1.truncate(1);
    let none = none.encode(Encoding::ArkworksCompressed).unwrap();
    assert_eq!(refused(&none, &x), "key");
    // the same key in another form, with a byte more, with a point at infinity, with one outside the subgroup
    let uncompressed = key().encode(Encoding::ArkworksUncompressed).unwrap();
    assert_eq!(refused(&uncompressed, &x), "key");
    assert_eq!(refused(&[&ONE.key[..], &[0]].concat(), &x), "IC");
    let mut infinite = key();
    infinite.points.delta_g2 = G2Affine::identity();
    let infinite = infinite.encode(Encoding::ArkworksCompressed).unwrap();
    assert_eq!(refused(&infinite, &x), "delta");
    let mut small = key();
    small.points.delta_g2 = outside();
    let small = small.encode(Encoding::ArkworksCompressed).unwrap();
    assert_eq!(refused(&small, &x), "delta");
}

/// e(alpha, beta) e(X, gamma) = 1 with X = -alpha and gamma = beta: the key is 1 for every r.
#[test]
fn a_statement_whose_key_everybody_knows_is_refused() {
    let mut key = key();
    let step = key.points.gamma_abc_g1[1];
    key.points.gamma_g2 = key.points.beta_g2;
    let base = -(step * Fr::from(X) + key.points.alpha_g1);
    key.points.gamma_abc_g1[0] = base.into_affine();
    let key = key.encode(Encoding::ArkworksCompressed).unwrap();
    let refused = Statement::new(&key, &word(Fr::from(X))).map(|_| ());
    assert_eq!(field_of(refused), "x");
    Statement::new(&key, &word(Fr::from(X + 1))).unwrap();
}

#[test]
fn the_id_names_key_and_input() {
    let id = |key: &[u8], x| Statement::new(key, &word(Fr::from(x))).unwrap().id();
    assert_eq!(id(&ONE.key, X), STATEMENT.id());
    assert_ne!(id(&ONE.key, X + 1), STATEMENT.id());
    assert_ne!(id(&known(1).key, X), STATEMENT.id());
}
