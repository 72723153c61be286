//! The verification of an attestor's signature in constraints: the same verdict as `eddsa`, about 3,000 constraints.
//!
//! Promises that what passes is S < l and S B8 = R8 + 8 h A with R8 on the curve, for the h that is Poseidon's number
//! itself (its canonical bits). Relies on A being a point of order l: keys are checked when a set is made
//! (`eddsa::Key`), and the set's root stands in the statement. Does NOT know sets or checkpoints.

use ark_ff::{BigInteger, PrimeField};

use crate::babyjub::{SCALAR_BITS, Scalar};
use crate::builder::{Bit, Builder, Num};
use crate::curve::{Edwards, offset_of_times_8};
use crate::gadget;

/// Where the bit is 1, (R8, S) is valid for the digest under the key, or the rule is broken. Where it is 0, R8 must still be
/// on the curve and S canonical, and nothing else.
pub fn require_if(
    builder: &mut Builder,
    enabled: &Bit,
    key: &Edwards,
    digest: &Num,
    (r8, s): (&Edwards, &Num),
    rule: &'static str,
) {
    r8.require_on_curve(builder, rule);
    let bits = builder.bits(s, SCALAR_BITS, rule);
    let mut largest = Scalar::MODULUS;
    largest.sub_with_borrow(&1u64.into());
    builder.at_most_constant(&bits, &largest, rule);

    let inputs = [&r8.x, &r8.y, &key.x, &key.y, digest].map(Num::clone);
    let h = gadget::hash(builder, &inputs);
    let h = builder.bits_canonical(&h);

    // Both sides carry the offset of the right one.
    let left = Edwards::base_times(builder, &bits, &offset_of_times_8());
    let multiple = key.times_8(builder, &h);
    let right = r8.plus(builder, &multiple);
    builder.equal_if(enabled, &left.x, &right.x, rule);
    builder.equal_if(enabled, &left.y, &right.y, rule);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fr;
    use crate::babyjub::{BASE, Point};
    use crate::builder::Built;
    use crate::eddsa::{Signature, SigningKey};
    use ark_ff::{AdditiveGroup, Field};

    const RULE: &str = "signature";

    fn built(key: &Point, digest: Fr, r8: &Point, s: Fr, enabled: bool) -> Built {
        let mut builder = Builder::new(0);
        let enabled = builder.bit(enabled);
        let key = Edwards::witness(&mut builder, key);
        let digest = builder.witness(digest);
        let r8 = Edwards::witness(&mut builder, r8);
        let s = builder.witness(s);
        require_if(&mut builder, &enabled, &key, &digest, (&r8, &s), RULE);
        let built = builder.finish();
        let row = built.r1cs.unsatisfied(&built.assignment);
        assert_eq!(row.is_some(), built.violated.is_some());
        built
    }

    fn number(s: &Scalar) -> Fr {
        Fr::from_bigint(s.into_bigint()).expect("l < r")
    }

    fn signed() -> (Point, Fr, Signature) {
        let key = SigningKey::derive(&secrets::Seed::generate().unwrap());
        let digest = Fr::from(77) - Fr::from(78);
        (*key.key().point(), digest, key.sign(&digest))
    }

    #[test]
    fn valid_ones_pass_and_one_changed_part_does_not() {
        for _ in 0..4 {
            let (key, digest, Signature { r8, s }) = signed();
            let s = number(&s);
            assert_eq!(built(&key, digest, &r8, s, true).violated, None);
            let other = signed();
            for wrong in [
                built(&other.0, digest, &r8, s, true),
                built(&key, digest + Fr::ONE, &r8, s, true),
                built(&key, digest, &other.2.r8, s, true),
                built(&key, digest, &r8, s + Fr::ONE, true),
                built(&key, digest, &r8.negated(), s, true),
            ] {
                assert_eq!(wrong.violated, Some(RULE));
            }
            assert_eq!(built(&key, digest + Fr::ONE, &r8, s, false).violated, None);
        }
    }

    #[test]
    fn s_plus_l_and_points_off_the_curve_are_refused_even_where_nothing_is_asked() {
        let (key, digest, Signature { r8, s }) = signed();
        let order = Fr::from_bigint(Scalar::MODULUS).unwrap();
        let off = Point {
            x: r8.x,
            y: r8.y + Fr::ONE,
        };
        for enabled in [true, false] {
            let wrong = built(&key, digest, &r8, number(&s) + order, enabled);
            assert_eq!(wrong.violated, Some(RULE));
            let wrong = built(&key, digest, &off, number(&s), enabled);
            assert_eq!(wrong.violated, Some(RULE));
        }
        assert_eq!(built(&key, digest, &r8, order, false).violated, Some(RULE));
        assert_eq!(
            built(&key, digest, &r8, order - Fr::ONE, false).violated,
            None
        );
    }

    #[test]
    fn the_constraints_do_not_depend_on_the_signature() {
        let (key, digest, Signature { r8, s }) = signed();
        let first = built(&key, digest, &r8, number(&s), true).r1cs;
        let second = built(&BASE, Fr::ZERO, &BASE, Fr::ZERO, false).r1cs;
        assert_eq!(first, second);
        println!(
            "{} constraints, {} coefficients",
            first.a.len(),
            first.nonzeros()
        );
    }

    /// Every wire is held by some constraint; but for the inverse that `is_zero` takes of 0, which nothing else sees.
    #[test]
    fn no_wire_can_change_alone() {
        let (key, digest, Signature { r8, s }) = signed();
        let built = built(&key, digest, &r8, number(&s), true);
        assert_eq!(crate::loose_wires(&built, 7), Vec::<usize>::new());
    }
}
