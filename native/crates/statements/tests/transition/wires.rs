//! That constraints depend on no value, and bind every wire.

use std::collections::BTreeMap;

use statements::Fr;
use statements::transition::{Step, Witness, synthesize};
use statements::witness::Event;

use crate::model::*;
use crate::story::first;

#[test]
fn constraints_depend_on_the_batch_alone() {
    let id = |witness: &Witness, batch| synthesize(witness, batch).built.r1cs.id();
    let empty = id(&Witness::empty(), 1);
    for kind in ACCRUE..=CLOSE {
        let (world, event) = first(kind);
        assert_eq!(
            id(&world.witness(vec![world.step(event)]), 1),
            empty,
            "{kind}"
        );
    }
    // Nor on whether the rules are kept.
    let (world, event) = first(LIQUIDATE);
    let wrong = Event {
        kind: 77,
        cents: u64::MAX,
        ..event
    };
    let step = Step {
        position: None,
        ..world.step(wrong)
    };
    assert_eq!(id(&world.witness(vec![step]), 1), empty);
    assert_ne!(id(&Witness::empty(), 2), empty);
}

/// A row's value.
fn dot(row: &[(u32, Fr)], assignment: &[Fr]) -> Fr {
    row.iter()
        .map(|(wire, factor)| assignment[*wire as usize] * factor)
        .sum()
}

/// Every wire but hints is held by the others: alone, it can take no other value. A hint is the inverse that shows a
/// number not to be zero (`value * hint = flag`, or `1 - is_zero`): it stands in one constraint only, and is free where the
/// value is zero, that is, where the rule does not bind.
#[test]
fn no_wire_can_change_alone() {
    for kind in PADDING..=CLOSE {
        let (world, event) = match kind {
            PADDING => (World::new(), Event::default()),
            _ => first(kind),
        };
        let built = world.prove(world.step(event)).built;
        let (r1cs, mut z) = (&built.r1cs, built.assignment);
        let mut users: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for rows in [&r1cs.a, &r1cs.b, &r1cs.c] {
            for (i, row) in rows.iter().enumerate() {
                for (wire, _) in row {
                    users.entry(*wire).or_default().push(i);
                }
            }
        }
        for wire in 1..r1cs.wires {
            let users = &users[&(wire as u32)];
            let holds = |z: &[Fr]| {
                let broken = |i: &usize| {
                    let [a, b, c] = [&r1cs.a[*i], &r1cs.b[*i], &r1cs.c[*i]].map(|row| dot(row, z));
                    a * b != c
                };
                !users.iter().any(broken)
            };
            assert!(holds(&z));
            let kept = z[wire];
            let others = [kept + Fr::from(1), -kept - Fr::from(2), Fr::from(1) - kept];
            for other in others {
                z[wire] = other;
                if other != kept && holds(&z) {
                    let [i] = users[..] else {
                        panic!("wire {wire} of kind {kind} is free")
                    };
                    assert_eq!(
                        r1cs.b[i],
                        [(wire as u32, Fr::from(1))],
                        "wire {wire}, kind {kind}"
                    );
                    assert_eq!(dot(&r1cs.a[i], &z), Fr::from(0));
                    break;
                }
            }
            z[wire] = kept;
        }
    }
}
