//! Valid events.

use statements::state::{self, Native};
use statements::transition::{BATCH, Step, synthesize};

use crate::model::*;
use crate::story::{STORY, first};

#[test]
fn every_event_of_the_story_leads_to_the_root_of_the_plain_ledger() {
    let kinds: std::collections::BTreeSet<u64> = STORY.told.iter().map(|(_, e)| e.kind).collect();
    assert_eq!(kinds, (ACCRUE..=CLOSE).collect());
    for (i, (world, event)) in STORY.told.iter().enumerate() {
        let transition = world.prove(world.step(*event));
        assert_eq!(
            transition.built.violations, [""; 0],
            "event {i}, kind {}",
            event.kind
        );
        assert_eq!(transition.old_root, world.root());
        assert_eq!(transition.new_root, world.after(event).root(), "event {i}");
        let assignment = &transition.built.assignment;
        assert_eq!(transition.built.r1cs.unsatisfied(assignment), None);
        assert_eq!(assignment[1], transition.x);
    }
}

#[test]
fn x_is_the_hash_of_the_page() {
    let (world, event) = first(ACCRUE);
    let transition = world.prove(world.step(event));
    let [network, ledger] = [[9; 32], world.ledger].map(|id| state::id(&id));
    let rules = state::Rules::from(&world.rules).hash(&mut Native);
    let (old, new) = (world.root(), world.after(&event).root());
    let x = state::transition_public(&mut Native, &network, &ledger, &rules, &old, &new);
    assert_eq!(transition.x, x);
}

#[test]
fn paddings_stand_anywhere_and_change_nothing() {
    let (world, event) = first(TENDER);
    let (step, padding) = (|| world.step(event), Step::default);
    for steps in [
        vec![padding(), step()],
        vec![step(), padding()],
        vec![step()],
    ] {
        let transition = synthesize(&world.witness(steps), 2);
        assert_eq!(transition.built.violated, None);
        assert_eq!(transition.new_root, world.after(&event).root());
    }
    let nothing = synthesize(&world.witness(vec![padding(), padding()]), 2);
    assert_eq!(nothing.built.violated, None);
    assert_eq!(
        (nothing.old_root, nothing.new_root),
        (world.root(), world.root())
    );
}

#[test]
fn a_whole_batch_fits_a_domain_of_2_to_the_18() {
    // From the fourth event on, sixteen are of every kind.
    let told = &STORY.told[3..][..=BATCH];
    let steps = told[..BATCH].iter();
    let steps = steps.map(|(world, event)| world.step(*event)).collect();
    let transition = synthesize(&told[0].0.witness(steps), BATCH);
    assert_eq!(transition.built.violations, [""; 0]);
    assert_eq!(transition.new_root, told[BATCH].0.root());
    let r1cs = &transition.built.r1cs;
    assert_eq!(r1cs.unsatisfied(&transition.built.assignment), None);
    // Setup adds a row for each public input and the one.
    assert!(r1cs.a.len() + 2 <= 1 << 18, "{} constraints", r1cs.a.len());
    println!(
        "{} constraints, {} wires, {} coefficients",
        r1cs.a.len(),
        r1cs.wires,
        r1cs.nonzeros()
    );
}
