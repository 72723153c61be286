//! The garbled encoding of p1 -> r p1: whoever holds the labels of ONE point's features gets r times that point, not r.
//!
//! r = sum d_i t^i (`digits`); rho_i are random points with sum t^i rho_i = O. f_i = rho_i + d_i p1 are uniform and
//! sum t^i f_i = r p1. In Jacobian coordinates scaled by a random l_i every coordinate of f_i is affine in the features
//! (1, x, y, x^2, y^2, x y) of p1, hence in their bits: for each bit and coordinate the two labels' masks differ by the
//! coefficient times 2^bit, up to a published element that is added for a bit of 0. Offsets carry what is constant.
//!
//! Bytes: table = term, column, bit; offsets = term, coordinate; elements of 32 bytes, little-endian, below p. The
//! decoder takes an element as the number it is modulo p, so one of p or more counts as its remainder: the same for
//! everybody; the table that opens with an instance has none.
//! Does NOT know who checks an instance, what hashes commit to it, proofs or pairings.

use ark_bn254::{Fq, G1Affine, G1Projective};
use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, Field, MontFp, Zero};
use garble::{Block, Control, Path, Run};
use zeroize::Zeroizing;

use crate::digits::{Digit, TERMS, digits};
use crate::error::{BabeError, length};
use crate::features::{FEATURE_BITS, FEATURES};
use crate::masks::{MASKS, Masks, limbs};
use crate::secrets::{Secrets, W, times_base};
use crate::wide::{ELEMENT_BYTES, SCALE, Wide, column, from_field};

/// The feature of each column (0 x, 1 y, 2 x^2, 3 y^2, 4 x y), coordinate by coordinate.
const COORDINATES: [&[usize]; 3] = [&[0, 1, 2], &[1, 2, 3, 4], &[0]];
const COLUMNS: usize = 8;
/// Labels that an encoding hangs on: the bits of the features, feature by feature.
pub const LABELS: usize = FEATURES * FEATURE_BITS;
/// 2^254 - 1, which all bits of a feature are worth.
const ALL_BITS: Fq =
    MontFp!("7059779437489773633646340506914701874621185009112317347175358107333056201400");
const TERM_ELEMENTS: usize = COLUMNS * FEATURE_BITS;
/// Bytes of the table of an instance.
pub const ENCODING_BYTES: usize = TERMS * TERM_ELEMENTS * ELEMENT_BYTES;
/// Bytes of the offsets of an instance.
pub const OFFSETS_BYTES: usize = TERMS * COORDINATES.len() * ELEMENT_BYTES;

/// Key of the masks of one instance, public: another one than the gates', for the same labels are hashed with both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashKey {
    /// AES key.
    pub key: Block,
    /// Mask of the input.
    pub s: Block,
}

/// Makes the encoding of an instance. `zero` holds the label of false of each bit of the features, `delta` the
/// difference of all pairs. The table leaves through `sink` term by term; the offsets are returned. `control` is asked
/// between terms and nothing is counted on it.
pub fn encode(
    secrets: &Secrets,
    key: &HashKey,
    delta: &Block,
    zero: &[Block],
    control: &Control,
    sink: &mut dyn FnMut(&[u8]),
) -> Result<Vec<u8>, BabeError> {
    encode_on(Path::best(), secrets, key, delta, zero, control, sink)
}

/// r p1 from the labels of the features of p1, their bits, and what [`encode`] made.
///
/// None when what comes out of the table is no point of the curve, because a label, a bit, the key, the table or the
/// offsets are not those of the instance. A table that is wrong only where it is not read still decodes.
pub fn decode(
    key: &HashKey,
    active: &[Block],
    bits: &[bool],
    table: &[u8],
    offsets: &[u8],
    control: &Control,
) -> Result<Option<G1Affine>, BabeError> {
    decode_on(Path::best(), key, active, bits, table, offsets, control)
}

fn encode_on(
    path: Path,
    secrets: &Secrets,
    key: &HashKey,
    delta: &Block,
    zero: &[Block],
    control: &Control,
    sink: &mut dyn FnMut(&[u8]),
) -> Result<Vec<u8>, BabeError> {
    length("zero", "labels", LABELS, zero.len())?;
    let run = Run::new(path, &key.key, &key.s)?;
    let moved =
        |label: &Block| (u128::from_le_bytes(*label) ^ u128::from_le_bytes(*delta)).to_le_bytes();
    let one: Zeroizing<Vec<Block>> = Zeroizing::new(zero.iter().map(moved).collect());
    let mut masks = [Masks::default(), Masks::default()];
    let mut offsets = Vec::with_capacity(OFFSETS_BYTES);
    let mut table = vec![[0; ELEMENT_BYTES]; TERM_ELEMENTS + MASKS];
    for (term, digit) in digits(secrets.r()).iter().enumerate() {
        control.check()?;
        let rows = Zeroizing::new(rows(*digit, &secrets.masks[term], &secrets.scales[term]));
        let mut column = 0;
        for (row, features) in rows.iter().zip(COORDINATES) {
            let mut sum = Zeroizing::new(Wide::default());
            let mut fixed = row[0];
            for feature in features {
                let coefficient = &row[1 + feature];
                let number = term * COLUMNS + column;
                masks[0].fill(&run, labels_of(zero, *feature), number)?;
                masks[1].fill(&run, labels_of(&one, *feature), number)?;
                // a column is written with its room; the next one overwrites that
                if let Some(out) = table[column * FEATURE_BITS..].first_chunk_mut() {
                    elements(path, &masks, coefficient, &mut sum, out);
                }
                fixed += *coefficient * ALL_BITS;
                column += 1;
            }
            let offset = from_field(&(fixed - sum.scaled())).map(u64::to_le_bytes);
            offsets.extend_from_slice(offset.as_flattened());
        }
        sink(table[..TERM_ELEMENTS].as_flattened());
    }
    Ok(offsets)
}

fn decode_on(
    path: Path,
    key: &HashKey,
    active: &[Block],
    bits: &[bool],
    table: &[u8],
    offsets: &[u8],
    control: &Control,
) -> Result<Option<G1Affine>, BabeError> {
    length("active", "labels", LABELS, active.len())?;
    length("bits", "bits", LABELS, bits.len())?;
    length("encoding", "bytes", ENCODING_BYTES, table.len())?;
    length("offsets", "bytes", OFFSETS_BYTES, offsets.len())?;
    let run = Run::new(path, &key.key, &key.s)?;
    let mut masks = Masks::default();
    let mut elements = table.chunks_exact(ELEMENT_BYTES);
    let mut offsets = offsets.chunks_exact(ELEMENT_BYTES);
    let mut points = Vec::with_capacity(TERMS);
    for term in 0..TERMS {
        control.check()?;
        let mut column = term * COLUMNS;
        let mut coordinates = [Fq::ZERO; 3];
        for (coordinate, features) in coordinates.iter_mut().zip(COORDINATES) {
            let (mut hashed, mut given) = (Wide::default(), Wide::default());
            for offset in offsets.by_ref().take(1) {
                given.add::<4>(&limbs(offset));
            }
            for feature in features {
                masks.fill(&run, labels_of(active, *feature), column)?;
                column += 1;
                let bits = &bits[feature * FEATURE_BITS..];
                for ((mask, bit), element) in masks.iter().zip(bits).zip(&mut elements) {
                    hashed.add(&mask);
                    if !bit {
                        given.add::<4>(&limbs(element)); // bits are public
                    }
                }
            }
            *coordinate = hashed.scaled() + given.scaled() * SCALE;
        }
        points.push(coordinates);
    }
    Ok(combine(&points))
}

/// sum t^i f_i of points in Jacobian coordinates; None if one is not on the curve or the sum is O.
fn combine(points: &[[Fq; 3]]) -> Option<G1Affine> {
    let mut sum = G1Projective::ZERO;
    for [x, y, z] in points.iter().rev() {
        let on_curve = y.square() == x.square() * x + Fq::from(3) * (z.square() * z).square();
        if z.is_zero() || !on_curve {
            return None;
        }
        sum = times_base(&sum) + G1Projective::new_unchecked(*x, *y, *z);
    }
    (!sum.is_zero()).then(|| sum.into_affine())
}

fn labels_of(labels: &[Block], feature: usize) -> &[Block] {
    &labels[feature * FEATURE_BITS..(feature + 1) * FEATURE_BITS]
}

/// One column of the table, by the instructions of the path.
fn elements(
    path: Path,
    [zero, one]: &[Masks; 2],
    coefficient: &Fq,
    sum: &mut Wide,
    out: &mut [[u8; ELEMENT_BYTES]; MASKS],
) {
    match path {
        #[cfg(target_arch = "x86_64")]
        Path::Vaes if crate::ifma::is_available() => {
            // SAFETY: the processor was asked for the features in the line before.
            unsafe { crate::ifma::column(&one.0, &zero.0, coefficient, sum, out) }
        }
        Path::Vaes | Path::Aes | Path::Portable => column(one, zero, coefficient, sum, out),
    }
}

/// Coefficients over (1, x, y, x^2, y^2, x y) of the coordinates of rho + d p1, scaled by (l^2, l^3, l).
///
/// With p1 as (w^k x, s y) this is the sum by the chord, freed of divisions; a digit of 0 leaves rho = (X, Y, 1).
fn rows(digit: Digit, rho: &G1Affine, scale: &Fq) -> [[Fq; 1 + FEATURES]; 3] {
    let [some, sign, turn, turn_twice] = parts(digit);
    let (x, y, zero) = (rho.x, rho.y, Fq::ZERO);
    let (xx, none) = (x.square(), Fq::ONE - some);
    let (two, three, six, nine) = (2.into(), 3.into(), 6.into(), 9.into());
    let multiply: fn(Fq, Fq) -> Fq = |a, b| a * b;
    let mut rows = [
        [
            multiply(six, some) + x * none,
            xx * turn,
            -multiply(two, y) * sign,
            x * turn_twice,
            zero,
            zero,
        ],
        [
            multiply(nine, some) * y + y * none,
            zero,
            -sign * (y.square() + nine),
            multiply(three, x) * y * turn_twice,
            y * some,
            -multiply(three, sign) * xx * turn,
        ],
        [none - x * some, turn, zero, zero, zero, zero],
    ];
    for (row, scale) in rows
        .iter_mut()
        .zip([scale.square(), scale.square() * scale, *scale])
    {
        row.iter_mut().for_each(|coefficient| *coefficient *= scale);
    }
    rows
}

/// A digit s lambda^k as field elements: whether it is not 0, s, w^k, w^2k; all 0 for a digit of 0. Reads every case.
fn parts(digit: Digit) -> [Fq; 4] {
    let (one, turn, twice) = (Fq::ONE, W, W.square());
    let cases = [
        [Fq::ZERO; 4],
        [one, one, one, one],
        [one, one, turn, twice],
        [one, -one, twice, turn],
        [one, one, twice, turn],
        [one, -one, turn, twice],
        [one, -one, one, one],
    ];
    let mut chosen = [[0u64; 4]; 4];
    for (index, case) in cases.iter().enumerate() {
        let equal = (index as u64 ^ u64::from(digit)).wrapping_sub(1) >> 63;
        let mask = 0u64.wrapping_sub(equal);
        for (chosen, part) in chosen.iter_mut().zip(case) {
            for (limb, other) in chosen.iter_mut().zip(part.0.0) {
                *limb |= other & mask;
            }
        }
    }
    // limbs of an element as it is stored, so there is nothing to convert
    chosen.map(|limbs| Fq::new_unchecked(ark_ff::BigInt(limbs)))
}

#[cfg(test)]
mod tests;
