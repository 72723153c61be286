//! The encoding against the curve's own arithmetic, and what must not come out of it.

use std::collections::HashSet;

use ark_ec::AffineRepr;
use ark_ff::{BigInteger, PrimeField};
use num_bigint::BigUint;

use super::*;

const TERM_BYTES: usize = TERM_ELEMENTS * ELEMENT_BYTES;

struct Instance {
    secrets: Secrets,
    key: HashKey,
    delta: Block,
    zero: Vec<Block>,
}

impl Instance {
    fn new(n: u8) -> Self {
        let mut stream = blake3::Hasher::new().update(&[n]).finalize_xof();
        let mut block = || {
            let mut block = [0; 16];
            stream.fill(&mut block);
            block
        };
        Self {
            secrets: Secrets::from_seed(&[n; 32]),
            key: HashKey {
                key: block(),
                s: block(),
            },
            delta: block(),
            zero: (0..LABELS).map(|_| block()).collect(),
        }
    }

    fn encode(&self, path: Path) -> (Vec<u8>, Vec<u8>) {
        let mut table = Vec::new();
        let mut sink = |chunk: &[u8]| table.extend_from_slice(chunk);
        let control = Control::default();
        let offsets = encode_on(
            path,
            &self.secrets,
            &self.key,
            &self.delta,
            &self.zero,
            &control,
            &mut sink,
        );
        (table, offsets.unwrap())
    }

    /// The labels of `bits`.
    fn active(&self, bits: &[bool]) -> Vec<Block> {
        let delta = u128::from_le_bytes(self.delta);
        let label = |(label, bit): (&Block, &bool)| {
            (u128::from_le_bytes(*label) ^ if *bit { delta } else { 0 }).to_le_bytes()
        };
        self.zero.iter().zip(bits).map(label).collect()
    }
}

fn features(point: &G1Affine) -> Vec<bool> {
    let (x, y) = (point.x, point.y);
    [x, y, x.square(), y.square(), x * y]
        .iter()
        .flat_map(|feature| feature.into_bigint().to_bits_le()[..FEATURE_BITS].to_vec())
        .collect()
}

fn point(n: u64) -> G1Affine {
    (G1Affine::generator() * ark_bn254::Fr::from(n).inverse().unwrap()).into_affine()
}

fn decode(
    instance: &Instance,
    bits: &[bool],
    table: &[u8],
    offsets: &[u8],
) -> Result<Option<G1Affine>, BabeError> {
    let active = instance.active(bits);
    let control = Control::default();
    super::decode(&instance.key, &active, bits, table, offsets, &control)
}

#[test]
fn decodes_to_r_times_the_point() {
    for n in 1..4 {
        let instance = Instance::new(n);
        let (table, offsets) = instance.encode(Path::best());
        assert_eq!(table.len(), ENCODING_BYTES);
        assert_eq!(offsets.len(), OFFSETS_BYTES);
        for k in [1, 2, 3, 1 << 40] {
            let point = point(k);
            let result = decode(&instance, &features(&point), &table, &offsets).unwrap();
            assert_eq!(result, Some((point * instance.secrets.r()).into_affine()));
        }
    }
}

/// The paths that this processor has, in the order of [`Path::ALL`].
fn paths() -> impl Iterator<Item = Path> {
    Path::ALL.into_iter().filter(|path| path.is_available())
}

#[test]
fn every_path_makes_and_reads_the_same_bytes() {
    let instance = Instance::new(4);
    let (table, offsets) = instance.encode(Path::Portable);
    let point = point(77);
    let bits = features(&point);
    let active = instance.active(&bits);
    for path in paths() {
        assert!(
            instance.encode(path) == (table.clone(), offsets.clone()),
            "{path:?}"
        );
        let control = Control::default();
        let key = &instance.key;
        let result = decode_on(path, key, &active, &bits, &table, &offsets, &control).unwrap();
        assert_eq!(result, Some((point * instance.secrets.r()).into_affine()));
    }
}

/// Every coordinate of rho + d p1, from the rows, for every digit.
#[test]
fn rows_are_the_sum_of_the_mask_and_the_turned_point() {
    let secrets = Secrets::from_seed(&[5; 32]);
    let lambda = secrets.masks[1].x * W;
    let turned = |point: G1Affine, turn: Fq| G1Affine::new(point.x * turn, point.y);
    assert_eq!(turned(secrets.masks[1], W).x, lambda);
    let p1 = point(9);
    let (x, y) = (p1.x, p1.y);
    let features = [Fq::ONE, x, y, x.square(), y.square(), x * y];
    let twice = W.square();
    let plus = [None, Some(Fq::ONE), Some(W), Some(twice)];
    for (digit, turn, negative) in [
        (0, plus[0], false),
        (1, plus[1], false),
        (2, plus[2], false),
        (4, plus[3], false),
        (6, plus[1], true),
        (5, plus[2], true),
        (3, plus[3], true),
    ] {
        for (rho, scale) in secrets.masks.iter().zip(&secrets.scales) {
            let term = match turn {
                None => G1Affine::identity(),
                Some(turn) if negative => -turned(p1, turn),
                Some(turn) => turned(p1, turn),
            };
            let [x, y, z] = rows(digit, rho, scale)
                .map(|row| row.iter().zip(&features).map(|(c, f)| *c * f).sum::<Fq>());
            let sum = G1Projective::new_unchecked(x, y, z);
            assert_eq!(sum, *rho + term, "{digit}");
        }
    }
}

#[test]
fn masks_of_r_cancel() {
    let secrets = Secrets::from_seed(&[6; 32]);
    let fold = |sum: G1Projective, mask: &G1Affine| times_base(&sum) + mask;
    let sum = secrets.masks.iter().rev().fold(G1Projective::ZERO, fold);
    assert!(sum.is_zero());
    assert!(
        secrets
            .masks
            .iter()
            .all(|mask| !mask.is_zero() && mask.is_on_curve())
    );
    assert!(secrets.scales.iter().all(|scale| !scale.is_zero()));
    assert!(secrets.r() != Secrets::from_seed(&[7; 32]).r());
}

#[test]
fn what_is_not_the_instance_does_not_decode() {
    let instance = Instance::new(8);
    let (table, offsets) = instance.encode(Path::best());
    let point = point(5);
    let bits = features(&point);
    let active = instance.active(&bits);
    let control = Control::default();
    let run = |key: &HashKey, active: &[Block], bits: &[bool], table: &[u8], offsets: &[u8]| {
        super::decode(key, active, bits, table, offsets, &control).unwrap()
    };
    let right = run(&instance.key, &active, &bits, &table, &offsets);
    assert_eq!(right, Some((point * instance.secrets.r()).into_affine()));

    let mut labels = active.clone();
    labels[700][3] ^= 1;
    assert_eq!(run(&instance.key, &labels, &bits, &table, &offsets), None);
    let mut other_bits = bits.clone();
    other_bits[300] ^= true;
    assert_eq!(
        run(&instance.key, &active, &other_bits, &table, &offsets),
        None
    );
    // both of one wire: the other label and the other bit belong together, but no point has such features
    let other = instance.active(&other_bits);
    assert_eq!(
        run(&instance.key, &other, &other_bits, &table, &offsets),
        None
    );
    for key in [
        HashKey {
            key: [0; 16],
            ..instance.key
        },
        HashKey {
            s: [0; 16],
            ..instance.key
        },
    ] {
        assert_eq!(run(&key, &active, &bits, &table, &offsets), None);
    }
    // an element is read where the bit is 0, and only there
    let read = bits.iter().position(|bit| !bit).unwrap();
    let unread = bits.iter().position(|bit| *bit).unwrap();
    for term in [0, 50, 90] {
        for (bit, expected) in [(read, None), (unread, right)] {
            let mut table = table.clone();
            table[term * TERM_BYTES + bit * ELEMENT_BYTES + 9] ^= 4;
            assert_eq!(
                run(&instance.key, &active, &bits, &table, &offsets),
                expected
            );
        }
        let mut offsets = offsets.clone();
        offsets[(term * 3 + 1) * ELEMENT_BYTES] ^= 1;
        assert_eq!(run(&instance.key, &active, &bits, &table, &offsets), None);
    }
    // two terms' elements exchanged
    let mut table = table.clone();
    let (first, second) = table.split_at_mut(TERM_BYTES);
    first.swap_with_slice(&mut second[..TERM_BYTES]);
    assert_eq!(run(&instance.key, &active, &bits, &table, &offsets), None);
}

#[test]
fn elements_above_the_prime_count_as_their_remainder() {
    let instance = Instance::new(9);
    let (mut table, mut offsets) = instance.encode(Path::best());
    let point = point(6);
    let bits = features(&point);
    let add_prime = |element: &mut [u8]| {
        let mut sum = BigUint::from_bytes_le(element) + BigUint::from(Fq::MODULUS);
        sum += BigUint::from(Fq::MODULUS);
        let mut bytes = sum.to_bytes_le();
        bytes.resize(ELEMENT_BYTES, 0);
        element.copy_from_slice(&bytes);
    };
    table
        .chunks_exact_mut(ELEMENT_BYTES)
        .step_by(3)
        .for_each(add_prime);
    offsets.chunks_exact_mut(ELEMENT_BYTES).for_each(add_prime);
    let result = decode(&instance, &bits, &table, &offsets).unwrap();
    assert_eq!(result, Some((point * instance.secrets.r()).into_affine()));
}

#[test]
fn lengths_are_checked_and_named() {
    let instance = Instance::new(10);
    let (table, offsets) = instance.encode(Path::best());
    let bits = features(&point(7));
    let active = instance.active(&bits);
    let control = Control::default();
    let refused =
        |active: &[Block], bits: &[bool], table: &[u8], offsets: &[u8]| match super::decode(
            &instance.key,
            active,
            bits,
            table,
            offsets,
            &control,
        ) {
            Err(BabeError::Field { field, .. }) => field,
            other => panic!("{other:?}"),
        };
    let short = &table[..ENCODING_BYTES - ELEMENT_BYTES];
    assert_eq!(refused(&active, &bits, short, &offsets), "encoding");
    let longer = [&table[..], &[0]].concat();
    assert_eq!(refused(&active, &bits, &longer, &offsets), "encoding");
    assert_eq!(refused(&active, &bits, &table, &offsets[1..]), "offsets");
    assert_eq!(refused(&active[1..], &bits, &table, &offsets), "active");
    assert_eq!(refused(&active, &bits[1..], &table, &offsets), "bits");
    let (secrets, key, delta) = (&instance.secrets, &instance.key, &instance.delta);
    let zero = &instance.zero[1..];
    let result = super::encode(secrets, key, delta, zero, &control, &mut |_| ());
    assert!(matches!(result, Err(BabeError::Field { field, .. }) if field == "zero"));
}

#[test]
fn a_cancelled_call_ends_between_terms() {
    let instance = Instance::new(11);
    let control = Control::default();
    let mut chunks = 0;
    let mut sink = |chunk: &[u8]| {
        assert_eq!(chunk.len(), TERM_BYTES);
        chunks += 1;
        control.cancel();
    };
    let (secrets, key, delta) = (&instance.secrets, &instance.key, &instance.delta);
    let result = super::encode(secrets, key, delta, &instance.zero, &control, &mut sink);
    let cancelled = BabeError::Garble(garble::GarbleError::Cancelled);
    assert_eq!(result, Err(cancelled.clone()));
    assert_eq!(chunks, 1);
    let bits = features(&point(7));
    let active = instance.active(&bits);
    let (table, offsets) = (vec![0; ENCODING_BYTES], vec![0; OFFSETS_BYTES]);
    let result = super::decode(key, &active, &bits, &table, &offsets, &control);
    assert_eq!(result, Err(cancelled));
}

/// The columns whose coefficient is 0 for a digit of 0 (y^2 in Y, x in Z): the published element of bit k is then
/// the difference of two masks, and with masks that do not depend on the term it is the same in every such term.
fn terms_that_look_like_zero(table: &[u8]) -> Vec<usize> {
    let column = |term: usize| {
        let start = term * TERM_BYTES + (COLUMNS - 1) * FEATURE_BITS * ELEMENT_BYTES;
        &table[start..start + FEATURE_BITS * ELEMENT_BYTES]
    };
    let same =
        |term: &usize| (0..TERMS).any(|other| other != *term && column(other) == column(*term));
    (0..TERMS).filter(same).collect()
}

#[test]
fn masks_without_a_tweak_show_the_zero_digits_of_r() {
    let instance = Instance::new(12);
    let digits = digits(instance.secrets.r());
    let zeros: Vec<usize> = (0..TERMS).filter(|term| digits[*term] == 0).collect();
    assert!(zeros.len() > 2);

    // the broken construction, honest in all but the tweak
    let run = Run::new(Path::best(), &instance.key.key, &instance.key.s).unwrap();
    let ones = instance.active(&[true; LABELS]);
    let mut broken = Vec::new();
    for (term, digit) in digits.iter().enumerate() {
        let rows = rows(
            *digit,
            &instance.secrets.masks[term],
            &instance.secrets.scales[term],
        );
        for (row, features) in rows.iter().zip(COORDINATES) {
            for feature in features {
                let mut masks = [Masks::default(), Masks::default()];
                masks[0]
                    .fill(&run, labels_of(&instance.zero, *feature), 0)
                    .unwrap();
                masks[1].fill(&run, labels_of(&ones, *feature), 0).unwrap();
                let mut out = [[0; ELEMENT_BYTES]; MASKS];
                let mut sum = Wide::default();
                elements(Path::best(), &masks, &row[1 + feature], &mut sum, &mut out);
                broken.extend_from_slice(out[..FEATURE_BITS].as_flattened());
            }
        }
    }
    assert_eq!(terms_that_look_like_zero(&broken), zeros);

    let (table, _) = instance.encode(Path::best());
    assert_eq!(terms_that_look_like_zero(&table), Vec::<usize>::new());
    let elements: HashSet<&[u8]> = table.chunks_exact(ELEMENT_BYTES).collect();
    assert_eq!(elements.len(), TERMS * COLUMNS * FEATURE_BITS);
}
