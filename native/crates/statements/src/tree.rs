//! Paths in trees of four branches: from a leaf to the root.
//!
//! Promises that places follow from the bits given (a key's canonical ones) and nothing else, and that an old and a new
//! leaf stand under the same siblings. Does NOT know what a leaf holds.

use crate::builder::{Bit, Builder, Num};
use crate::gadget;
use crate::witness::LEVELS;

/// Where a node stands among the four children of its parent: 1 where the digit is 0, 1, 3, else 0.
pub struct Digit {
    zero: Num,
    one: Num,
    three: Num,
}

impl Digit {
    /// The digit of two bits: one constraint.
    pub fn new(builder: &mut Builder, low: &Bit, high: &Bit) -> Self {
        let three = builder.and(low, high).num().clone();
        Self {
            zero: low.not().num() - high.num() + &three,
            one: low.num() - &three,
            three,
        }
    }

    /// The four children: the node at its digit, the siblings in order around it. Four constraints.
    pub fn children(&self, builder: &mut Builder, node: &Num, siblings: &[Num; 3]) -> [Num; 4] {
        let [s0, s1, s2] = siblings;
        let first = s0 + builder.mul(&self.zero, &(node - s0));
        let second =
            s1 + builder.mul(&self.zero, &(s0 - s1)) + builder.mul(&self.one, &(node - s1));
        let fourth = s2 + builder.mul(&self.three, &(node - s2));
        // Whatever the digit, the four are the node and its siblings.
        let third = node + s0 + s1 + s2 - &first - &second - &fourth;
        [first, second, third, fourth]
    }

    /// The children after the node grew by `change`. Three constraints.
    fn changed(&self, builder: &mut Builder, children: &[Num; 4], change: &Num) -> [Num; 4] {
        let [c0, c1, c2, c3] = children;
        let first = builder.mul(&self.zero, change);
        let second = builder.mul(&self.one, change);
        let fourth = builder.mul(&self.three, change);
        let third = change - &first - &second - &fourth;
        [c0 + first, c1 + second, c2 + third, c3 + fourth]
    }
}

/// The place of a leaf in the tree of positions, a digit a level from the leaves up: bits 2 i and 2 i + 1 of its key.
pub struct Place(Vec<Digit>);

impl Place {
    /// The place of a key: the canonical bits of the key itself.
    pub fn of(builder: &mut Builder, key: &Num) -> Self {
        let bits = builder.bits_canonical(key);
        let pairs = bits[..2 * LEVELS].chunks_exact(2);
        Self(
            pairs
                .map(|pair| Digit::new(builder, &pair[0], &pair[1]))
                .collect(),
        )
    }

    /// The root over a leaf here.
    pub fn root(&self, builder: &mut Builder, leaf: &Num, path: &[[Num; 3]; LEVELS]) -> Num {
        let mut node = leaf.clone();
        for (digit, siblings) in self.0.iter().zip(path) {
            let children = digit.children(builder, &node, siblings);
            node = gadget::hash(builder, &children);
        }
        node
    }

    /// The roots over an old and over a new leaf here, beside the same siblings.
    pub fn roots(
        &self,
        builder: &mut Builder,
        leaves: [&Num; 2],
        path: &[[Num; 3]; LEVELS],
    ) -> [Num; 2] {
        let [mut old, mut new] = leaves.map(Num::clone);
        for (digit, siblings) in self.0.iter().zip(path) {
            let children = digit.children(builder, &old, siblings);
            let changed = digit.changed(builder, &children, &(&new - &old));
            old = gadget::hash(builder, &children);
            new = gadget::hash(builder, &changed);
        }
        [old, new]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fr, field, poseidon};

    /// The root natively, straight from the page.
    fn climb(key: Fr, leaf: Fr, path: &[[Fr; 3]; LEVELS]) -> Fr {
        let mut node = leaf;
        for (level, siblings) in path.iter().enumerate() {
            let at = |i| usize::from(field::bit(&key, i));
            let mut children = siblings.to_vec();
            children.insert(at(2 * level) + 2 * at(2 * level + 1), node);
            node = poseidon::hash(&children);
        }
        node
    }

    #[test]
    fn both_roots_are_those_of_the_page_for_every_digit() {
        for low in [0u64, 0x0123_4567, 0x0fed_cba9, 0x05af_05af, 0x0fff_ffff] {
            // Above 2^28, so that only the lowest bits may count.
            let key = Fr::from(low) - Fr::from(1u64 << 28);
            let siblings: [[Fr; 3]; LEVELS] = std::array::from_fn(|level| {
                std::array::from_fn(|i| Fr::from(100 * level as u64 + i as u64 + 7))
            });
            let mut builder = Builder::new(0);
            let wires = builder.witness(key);
            let leaves = [3, 4].map(|leaf| builder.witness(Fr::from(leaf)));
            let path = siblings.map(|level| level.map(|sibling| builder.witness(sibling)));
            let place = Place::of(&mut builder, &wires);
            let [old, new] = place.roots(&mut builder, [&leaves[0], &leaves[1]], &path);
            let single = place.root(&mut builder, &leaves[1], &path);
            assert_eq!(old.value(), climb(key, Fr::from(3), &siblings));
            assert_eq!(new.value(), climb(key, Fr::from(4), &siblings));
            assert_eq!(single.value(), new.value());
            let built = builder.finish();
            assert_eq!(built.violated, None);
            assert_eq!(built.r1cs.unsatisfied(&built.assignment), None);
        }
    }
}
