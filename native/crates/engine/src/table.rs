//! One base times many secret scalars: a windowed table of the base, all scalars a window at a time.
//!
//! Memory accesses and branches do not depend on the scalars: every look-up reads its whole row, every digit is odd, and
//! the running sums meet equal or opposite points with a chance of 2^-250 only.

use zeroize::Zeroizing;

use crate::curve::{Affine, Jacobian, add_pairs_body, add_pairs_with, dispatch, to_affine};
use crate::field::Fe;
use crate::scalar::Scalar;

const WINDOW: usize = 5;
pub(crate) const WINDOWS: usize = 52;
pub(crate) const ENTRIES: usize = 1 << (WINDOW - 1);

/// Odd multiples (2k + 1) * 2^(5j) of one base, j < 52, k < 16.
pub(crate) struct Table(Vec<[Affine; ENTRIES]>);

/// What turns a scalar s into v with s = sum over 260 bits of (2 v_i - 1) 2^i, so that every window's digit is odd and
/// none needs a branch: v = (s + 2^260 - 1) / 2.
fn recoding_offset() -> Scalar {
    let power = (0..WINDOW * WINDOWS).fold(Scalar::ONE, |x, _| x.add(x));
    power.sub(Scalar::ONE)
}

#[inline(always)]
fn table_body(base: &Affine) -> Table {
    let mut powers = Vec::with_capacity(WINDOWS * WINDOW);
    let mut power = Jacobian::from(*base);
    for _ in 0..WINDOWS * WINDOW {
        powers.push(power);
        power = power.double();
    }
    let powers = to_affine(&powers);
    let mut entries: Vec<Affine> = powers.iter().copied().step_by(WINDOW).collect();
    // entries k + 2^(m-1) = entry k + 2^m * base, for m = 1..4
    for m in 1..WINDOW {
        let count = entries.len() / WINDOWS;
        let mut upper = entries.clone();
        let mut terms = Vec::with_capacity(upper.len());
        for window in 0..WINDOWS {
            terms.extend(std::iter::repeat_n(powers[window * WINDOW + m], count));
        }
        // odd multiples below 2^5 of a point of large prime order: never equal, never infinity
        let added = add_pairs_body(&mut upper, &terms);
        debug_assert!(added.is_ok());
        let pairs = entries.chunks(count).zip(upper.chunks(count));
        entries = pairs.flat_map(|(low, high)| [low, high].concat()).collect();
    }
    let (rows, _) = entries.as_chunks::<ENTRIES>();
    Table(rows.to_vec())
}

/// An odd digit: its sign, and which odd multiple it is.
#[derive(Clone, Copy)]
pub(crate) struct Odd {
    /// 1 or 0.
    pub(crate) positive: u64,
    pub(crate) index: u64,
}

impl Odd {
    /// Digit d (5 bits) stands for 2d - 31.
    #[inline(always)]
    pub(crate) fn new(digit: u64) -> Self {
        let positive = digit >> (WINDOW - 1);
        let index = (digit ^ positive.wrapping_sub(1)) & (ENTRIES as u64 - 1);
        Self { positive, index }
    }
}

/// Entry of the window's digit (5 bits), reading the whole row.
#[inline(always)]
fn look_up(row: &[Affine; ENTRIES], digit: u64) -> Affine {
    let Odd { positive, index } = Odd::new(digit);
    let mut found = [0u64; 8];
    for (k, entry) in row.iter().enumerate() {
        let mask = 0u64.wrapping_sub(((k as u64 ^ index).wrapping_sub(1)) >> 63);
        for n in 0..4 {
            found[n] |= entry.x.0[n] & mask;
            found[4 + n] |= entry.y.0[n] & mask;
        }
    }
    let x = Fe([found[0], found[1], found[2], found[3]]);
    let y = Fe([found[4], found[5], found[6], found[7]]);
    Affine {
        x,
        y: Fe::select(positive, y, y.neg()),
    }
}

/// The digits of each scalar, lowest window first.
fn digits_of(scalars: &[Scalar]) -> Zeroizing<Vec<[u8; WINDOWS]>> {
    let offset = recoding_offset();
    let digits = scalars
        .iter()
        .map(|scalar| {
            let v = scalar.add(offset).mul(Scalar::HALF).0;
            std::array::from_fn(|window| {
                let (limb, shift) = (window * WINDOW / 64, window * WINDOW % 64);
                let low = v.get(limb).map_or(0, |word| word >> shift);
                let high = match v.get(limb + 1) {
                    Some(word) if shift > 64 - WINDOW => word << (64 - shift),
                    _ => 0,
                };
                ((low | high) & 31) as u8
            })
        })
        .collect();
    Zeroizing::new(digits)
}

#[inline(always)]
fn multiply_body(table: &Table, digits: &[[u8; WINDOWS]]) -> Result<Vec<Affine>, usize> {
    let mut terms = vec![Affine::default(); digits.len()];
    let mut scratch = Vec::with_capacity(digits.len());
    let mut sums = Vec::new();
    for (window, row) in table.0.iter().enumerate() {
        for (term, digits) in terms.iter_mut().zip(digits.iter()) {
            *term = look_up(row, u64::from(digits[window]));
        }
        if window == 0 {
            sums = terms.clone();
        } else {
            add_pairs_with(&mut scratch, &mut sums, &terms)?;
        }
    }
    Ok(sums)
}

dispatch!(table_of, table_of_fast, table_body, (base: &Affine) -> Table);
dispatch!(multiply_all, multiply_all_fast, multiply_body,
    (table: &Table, digits: &[[u8; WINDOWS]]) -> Result<Vec<Affine>, usize>);

impl Table {
    pub(crate) fn new(base: &Affine) -> Self {
        table_of(base)
    }

    /// The base times each scalar. Err(n): product n met infinity on its way (chance 2^-250, or scalar zero).
    pub(crate) fn multiply(&self, scalars: &[Scalar]) -> Result<Vec<Affine>, usize> {
        let digits = digits_of(scalars);
        #[cfg(target_arch = "x86_64")]
        if crate::ifma::is_available() && !scalars.is_empty() {
            // SAFETY: the features were asked for in the line before.
            let products = unsafe { crate::ifma::multiply(&self.0, &digits) };
            if let Some(products) = products {
                return Ok(products);
            }
        }
        multiply_all(self, &digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::tests::{multiple, ours, point, scalar};

    #[test]
    fn the_table_multiplies_as_libsecp256k1_does() {
        let base = point(3);
        let table = Table::new(&ours(&base));
        let mut scalars: Vec<_> = (10..60).map(scalar).collect();
        scalars.extend([Scalar::ONE, Scalar::ONE.neg(), Scalar::from_index(2)]);
        let products = table.multiply(&scalars).unwrap();
        for (scalar, product) in scalars.iter().zip(products) {
            assert_eq!(product.to_bytes(), multiple(&base, *scalar).serialize());
        }
        let digits = digits_of(&scalars);
        for other in [
            multiply_body(&table_body(&ours(&base)), &digits),
            multiply_all(&table, &digits),
        ] {
            for (scalar, product) in scalars.iter().zip(other.unwrap()) {
                assert_eq!(product.to_bytes(), multiple(&base, *scalar).serialize());
            }
        }
        for count in [1, 7, 8, 9] {
            assert_eq!(table.multiply(&scalars[..count]).unwrap().len(), count);
        }
    }
}
