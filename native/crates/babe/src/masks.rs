//! The masks of an encoding: 384 pseudorandom bits for each label of a column of the table.

use garble::{Block, Run};
use zeroize::Zeroize;

use crate::error::BabeError;
use crate::features::FEATURE_BITS;

/// Blocks of the hash in one mask.
const BLOCKS: usize = 3;
/// Room for the masks of a column, in whole registers; those beyond the bits of a feature stay 0.
pub(crate) const MASKS: usize = FEATURE_BITS.next_multiple_of(8);
/// One mask, least significant limb first.
pub(crate) type Mask = [u64; 6];

/// The masks of one column, wiped on drop: the first blocks of all, then the second ones, then the third ones.
#[derive(Zeroize)]
#[zeroize(drop)]
pub(crate) struct Masks(pub(crate) [[Block; MASKS]; BLOCKS]);

impl Default for Masks {
    fn default() -> Self {
        Self([[[0; 16]; MASKS]; BLOCKS])
    }
}

impl Masks {
    /// Of the labels of a feature. `column` counts through all terms, so that no two blocks of an instance have the same
    /// tweak.
    pub(crate) fn fill(
        &mut self,
        run: &Run,
        labels: &[Block],
        column: usize,
    ) -> Result<(), BabeError> {
        for (part, blocks) in self.0.iter_mut().enumerate() {
            let first = (column * FEATURE_BITS * BLOCKS + part) as u64;
            run.hash(labels, (first, BLOCKS as u64), &mut blocks[..FEATURE_BITS])?;
        }
        Ok(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Mask> {
        let [first, second, third] = &self.0;
        let parts = first.iter().zip(second).zip(third).take(FEATURE_BITS);
        parts.map(|((first, second), third)| {
            let ([a, b], [c, d], [e, f]) = (limbs(first), limbs(second), limbs(third));
            [a, b, c, d, e, f]
        })
    }
}

/// L little-endian limbs of as many bytes.
pub(crate) fn limbs<const L: usize>(bytes: &[u8]) -> [u64; L] {
    let mut limbs = [0; L];
    for (limb, bytes) in limbs.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *limb = u64::from_le_bytes(*bytes);
    }
    limbs
}
