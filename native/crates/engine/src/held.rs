//! An instance in an evaluator's hands: its bytes, and the labels that digits unmask.

use ark_bn254::G1Affine;
use babe::{HashKey, INPUT_BITS, OFFSETS_BYTES, decode};
use garble::{Block, Control, EvaluatorLane, Path};
use zeroize::Zeroizing;

use crate::check::Kept;
use crate::curve::Affine;
use crate::encryption::hash_key;
use crate::solder::Masks;
use crate::{EngineError, Layout, Params};

pub(crate) struct Held<'a> {
    pub(crate) index: usize,
    pub(crate) kept: Kept<'a>,
    masks: Masks,
    active: Vec<Block>,
}

impl<'a> Held<'a> {
    /// `bytes` has the length of a kept instance; `points` are the D of the digits' values.
    pub(crate) fn new(
        params: &Params,
        index: usize,
        bytes: &'a [u8],
        values: &[usize],
        points: &[Affine],
    ) -> Self {
        let layout = params.layout;
        let (kept, masks) = (Kept::split(params, bytes), Masks::new(params, index));
        let mut active = Vec::with_capacity(layout.input_bits());
        let mut start = 0;
        for (number, (value, point)) in values.iter().zip(points).enumerate() {
            let width = layout.wires(number).len() * 16;
            let row = start + value * width;
            let mut labels = kept.translation[row..row + width].to_vec();
            masks.apply(point, number, *value, &mut labels);
            let (labels, _) = labels.as_chunks::<16>();
            active.extend_from_slice(labels);
            start += layout.values() * width;
        }
        Self {
            index,
            kept,
            masks,
            active,
        }
    }

    pub(crate) fn lane(&self) -> EvaluatorLane<'_> {
        EvaluatorLane {
            key: &self.kept.head.key,
            s: &self.kept.head.s,
            active: &self.active,
            table: self.kept.table,
        }
    }

    /// The share, if `freeing` frees it.
    pub(crate) fn unmask(&self, freeing: &[u8]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.masks.apply_output(freeing, &self.kept.head.output))
    }

    /// r times the point whose bits these are; none when the garbler did not encode as it should have.
    pub(crate) fn decode(
        &self,
        params: &Params,
        bits: &[bool],
        control: &Control,
    ) -> Result<Option<G1Affine>, EngineError> {
        let Kept { head, encoding, .. } = &self.kept;
        let evaluated =
            garble::evaluate(&params.program, &[self.lane()], bits, Path::best(), control)?;
        let key: HashKey = hash_key(params, self.index, &head.key, &head.s);
        let (table, offsets) = encoding.split_at(encoding.len() - OFFSETS_BYTES);
        let labels = &evaluated.labels[0];
        Ok(decode(
            &key,
            labels,
            &evaluated.bits,
            table,
            offsets,
            control,
        )?)
    }
}

/// The input bits that digits with these values publish.
pub(crate) fn bits_of_values(layout: Layout, values: &[usize]) -> Vec<bool> {
    let bit = |wire: usize| values[wire / layout.digit_bits()] >> (wire % layout.digit_bits()) & 1;
    (0..layout.input_bits())
        .map(|wire| bit(wire) == 1)
        .collect()
}

/// The values of the digits that publish these input bits; padding is zero.
pub(crate) fn values_of_bits(layout: Layout, bits: &[bool]) -> Vec<usize> {
    let value = |bits: &[bool]| {
        bits.iter()
            .rev()
            .fold(0, |v, bit| v << 1 | usize::from(*bit))
    };
    bits.chunks(layout.digit_bits()).map(value).collect()
}

/// The input bits of a point whose x and y begin `bytes`, 32 bytes big-endian each.
pub(crate) fn bits_of_point(bytes: &[u8]) -> [bool; INPUT_BITS] {
    std::array::from_fn(|bit| {
        let (coordinate, bit) = (bit / 256, bit % 256);
        bytes[32 * coordinate + 31 - bit / 8] >> (bit % 8) & 1 == 1
    })
}
