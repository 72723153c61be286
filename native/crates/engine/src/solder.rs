//! Soldering: the labels of instance i hang on the digit secrets through D = s * R_i, R_i hashed to the curve.

use sha2::{Digest, Sha256};

use crate::curve::Affine;
use crate::scalar::Scalar;
use crate::table::Table;
use crate::transcript::{ENCRYPTION_KEY, OUTPUT_KEY, TRANSLATION_KEY, hash, le};
use crate::{Layout, Params, Predicate};

/// A point whose logarithm nobody knows: the first x = tagged hash(tag, parts, counter) that is on the curve, even y.
pub fn hash_to_curve(tag: &[u8], parts: &[&[u8]]) -> [u8; 33] {
    find_point(tag, parts).to_bytes()
}

fn find_point(tag: &[u8], parts: &[&[u8]]) -> Affine {
    let tag = Sha256::digest(tag);
    let mut start = Sha256::new();
    start.update(tag);
    start.update(tag);
    for part in parts {
        start.update(part);
    }
    let mut bytes = [2; 33];
    let mut counter = 0u32;
    loop {
        // inputs are public: how often this turns tells nobody anything
        let x = start.clone().chain_update(counter.to_be_bytes()).finalize();
        bytes[1..].copy_from_slice(&x);
        if let Some(point) = Affine::parse(&bytes) {
            return point;
        }
        counter = counter.wrapping_add(1);
    }
}

/// R_i. The index stands in big-endian, as in the model's vectors.
pub(crate) fn base(params: &Params, index: usize) -> Affine {
    let index = (index as u32).to_be_bytes();
    find_point(b"solder/base", &[&params.setup_id, &index])
}

/// The scalars times R_i, all in one go; the table lives for this call only.
pub(crate) fn multiply(base: &Affine, scalars: &[Scalar]) -> Vec<Affine> {
    match Table::new(base).multiply(scalars) {
        Ok(points) => points,
        // infinity on the way has a chance of 2^-250; then no shortcut
        Err(_) => scalars
            .iter()
            .map(|scalar| slow_multiple(base, *scalar))
            .collect(),
    }
}

/// One multiplication by libsecp256k1; for a zero scalar the base itself, which no check accepts.
pub(crate) fn slow_multiple(base: &Affine, scalar: Scalar) -> Affine {
    let product = || {
        let point = secp256k1::PublicKey::from_slice(&base.to_bytes()).ok()?;
        let scalar = secp256k1::Scalar::from_be_bytes(scalar.to_bytes()).ok()?;
        let product = point.mul_tweak(secp256k1::SECP256K1, &scalar).ok()?;
        Affine::parse(&product.serialize())
    };
    product().unwrap_or(*base)
}

/// Masks of one instance's translation table and output.
pub(crate) struct Masks {
    translation: blake3::Hasher,
    output: blake3::Hasher,
}

impl Masks {
    pub(crate) fn new(params: &Params, index: usize) -> Self {
        let keyed = |context| {
            let key = hash(context, &[&params.setup_id, &le(index)]).finalize();
            blake3::Hasher::new_keyed(key.as_bytes())
        };
        Self {
            translation: keyed(TRANSLATION_KEY),
            output: keyed(match params.predicate {
                Predicate::Core => OUTPUT_KEY,
                Predicate::Babe(_) => ENCRYPTION_KEY,
            }),
        }
    }

    /// XORs the mask of digit `digit`, value `value` onto the labels of its wires.
    pub(crate) fn apply(&self, point: &Affine, digit: usize, value: usize, labels: &mut [u8]) {
        let mut hasher = self.translation.clone();
        let mut message = [0; 41];
        message[..4].copy_from_slice(&le(digit));
        message[4..8].copy_from_slice(&le(value));
        message[8..].copy_from_slice(&point.to_bytes());
        hasher.update(&message);
        let mut mask = [0; 8 * 16];
        let mask = &mut mask[..labels.len()];
        hasher.finalize_xof().fill(mask);
        for (label, mask) in labels.iter_mut().zip(mask) {
            *label ^= *mask;
        }
    }

    /// XORs onto a share the mask of what frees it: an output label, or the key of an encryption.
    pub(crate) fn apply_output(&self, freeing: &[u8], share: &[u8; 32]) -> [u8; 32] {
        let mask = self.output.clone().update(freeing).finalize();
        let mask = mask.as_bytes();
        std::array::from_fn(|n| share[n] ^ mask[n])
    }
}

/// The whole translation table of an instance: for every digit and value the masked labels of the digit's wires.
pub(crate) fn translation(
    layout: Layout,
    masks: &Masks,
    points: &[Affine],
    lane: &garble::Lane,
) -> Vec<u8> {
    let mut table = Vec::with_capacity(layout.translation_bytes());
    for digit in 0..layout.digits() {
        let wires = layout.wires(digit);
        for value in 0..layout.values() {
            let start = table.len();
            for wire in wires.clone() {
                let bit = value >> (wire - wires.start) & 1 == 1;
                table.extend_from_slice(&lane.label(wire, bit));
            }
            let point = &points[digit * layout.values() + value];
            masks.apply(point, digit, value, &mut table[start..]);
        }
    }
    table
}
