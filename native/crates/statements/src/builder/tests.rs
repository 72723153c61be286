//! Each gadget at its edges: what passes, what is refused, and under which rule.

use super::*;

const RULE: &str = "rule";

/// The rules broken by what the function builds on one number, and the system's own opinion.
fn broken(value: Fr, build: impl Fn(&mut Builder, &Num)) -> bool {
    let mut builder = Builder::new(0);
    let number = builder.witness(value);
    build(&mut builder, &number);
    let built = builder.finish();
    let refused = built.r1cs.unsatisfied(&built.assignment).is_some();
    assert_eq!(built.violated.is_some(), refused);
    assert!(built.violations.iter().all(|rule| *rule == RULE));
    refused
}

fn n(value: u64) -> Fr {
    Fr::from(value)
}

#[test]
fn combinations_are_sorted_merged_and_without_zeros() {
    let mut builder = Builder::new(0);
    let (a, b) = (builder.witness(n(3)), builder.witness(n(5)));
    let sum = &b + &a * 2 - &b + Num::from(7);
    assert_eq!(sum.terms, [(0, n(7)), (1, n(2))]);
    assert_eq!(sum.value(), n(13));
    assert_eq!((&a - &a).terms, []);
    let packed = Num::pack(&[(&a, 4), (&b, 8), (&a, 3)]);
    assert_eq!(packed.value(), n(3 + (5 << 4) + (3 << 12)));
}

#[test]
fn ranges_end_at_their_last_number() {
    for bits in [1, 8, 51, 251] {
        let limit = power_of_two(bits);
        assert!(!broken(limit - n(1), |b, x| b.range(x, bits, RULE)));
        assert!(broken(limit, |b, x| b.range(x, bits, RULE)));
        assert!(broken(-n(1), |b, x| b.range(x, bits, RULE)));
    }
}

#[test]
fn a_limit_of_any_pattern_is_exact() {
    for limit in [0, 1, 2, 5, 6, 7, 8, 11, 12, 15] {
        for value in 0..16 {
            let mut builder = Builder::new(0);
            let number = builder.witness(n(value));
            let bits = builder.bits(&number, 4, RULE);
            builder.at_most_constant(&bits, &BigInt::from(limit), RULE);
            assert_eq!(builder.finish().violated.is_some(), value > limit);
        }
    }
}

#[test]
fn canonical_bits_are_those_of_the_number_and_of_no_other() {
    for value in [n(0), n(1), -n(1), -n(2), power_of_two(253)] {
        let mut builder = Builder::new(0);
        let number = builder.witness(value);
        let bits = builder.bits_canonical(&number);
        assert_eq!(Bit::number(&bits).value(), value);
        let mut built = builder.finish();
        assert_eq!(built.r1cs.unsatisfied(&built.assignment), None);
        // The bits of value + r, where they exist: every wire as an honest prover would compute it from them.
        let mut alias = value.into_bigint();
        if alias.add_with_carry(&Fr::MODULUS) || alias.num_bits() > 254 {
            continue;
        }
        for i in 1..254 {
            built.assignment[1 + i] = Fr::from(alias.get_bit(i));
        }
        let first = built.r1cs.unsatisfied(&built.assignment);
        assert!(first.is_some_and(|row| row >= 254), "the bits sum up to it");
    }
}

#[test]
fn comparisons_at_their_edges() {
    for (a, b) in [(0, 0), (3, 4), (4, 3), (0, 255), (255, 0), (255, 255)] {
        let mut builder = Builder::new(0);
        let (x, y) = (builder.witness(n(a)), builder.witness(n(b)));
        assert_eq!(
            builder.less_than(&x, &y, 8).num().value(),
            n((a < b).into())
        );
        assert_eq!(builder.at_most(&x, &y, 8).num().value(), n((a <= b).into()));
        assert_eq!(builder.is_equal(&x, &y).num().value(), n((a == b).into()));
        assert_eq!(builder.finish().violated, None);
    }
}

#[test]
fn quotients_round_up() {
    for (a, b, q) in [
        (0, 1, 0),
        (1, 1, 1),
        (7, 7, 1),
        (8, 7, 2),
        (13, 7, 2),
        (14, 7, 2),
    ] {
        let mut builder = Builder::new(0);
        let (x, y) = (builder.witness(n(a)), builder.witness(n(b)));
        assert_eq!(builder.ceil_div(&x, &y, 8, 3, RULE).value(), n(q));
        assert_eq!(builder.finish().violated, None);
    }
    let over = |divisor| {
        broken(n(1 << 12), |b, x| {
            b.ceil_div(x, &Num::from(divisor), 8, 5, RULE);
        })
    };
    assert!(over(0) && over(16) && !over(17));
}

/// A quotient one too small or too large, with its rest, meets no constraint.
#[test]
fn only_one_quotient_passes() {
    let mut builder = Builder::new(0);
    let (x, y) = (builder.witness(n(100)), builder.witness(n(7)));
    builder.ceil_div(&x, &y, 8, 3, RULE);
    let mut built = builder.finish();
    assert_eq!(built.assignment[3], n(15));
    for wrong in [14u64, 16] {
        built.assignment[3] = n(wrong);
        for i in 1..8 {
            built.assignment[3 + i] = n(wrong >> i & 1);
        }
        built.assignment[11] = n(7 * wrong);
        assert!(built.r1cs.unsatisfied(&built.assignment).is_some());
    }
}

#[test]
fn one_hot_and_pick() {
    for index in 0..6 {
        let mut builder = Builder::new(0);
        let number = builder.witness(n(index));
        let hot = builder.one_hot(&number, 5, RULE);
        let choices: Vec<Num> = (10..15).map(|value| builder.witness(n(value))).collect();
        let picked = builder.pick(&hot, &choices);
        let violated = builder.finish().violated;
        if index < 5 {
            assert_eq!((picked.value(), violated), (n(10 + index), None));
        } else {
            assert_eq!(violated, Some(RULE));
        }
    }
}

#[test]
fn public_inputs_stand_first() {
    let mut builder = Builder::new(1);
    let number = builder.witness(n(9));
    builder.expose(&(number * 2));
    let built = builder.finish();
    assert_eq!((built.r1cs.public, built.assignment[1]), (1, n(18)));
    assert_eq!(built.r1cs.unsatisfied(&built.assignment), None);
}
