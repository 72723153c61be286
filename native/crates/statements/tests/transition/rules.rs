//! The rules of every kind: kinds, fields, ranges, and that a step opens what the tree holds. Each case is a valid event
//! with one thing changed, which breaks one rule; `by_kind` has the rules of one kind.

use statements::Fr;
use statements::transition::Step;
use statements::witness::{Bytes32, Decimal, Element, Event, Position};

use crate::model::*;
use crate::story::first;

const STRANGER: Bytes32 = Bytes32([0xcc; 32]);

/// The rules that a step breaks, in the order of the constraints.
pub fn broken(world: &World, step: Step) -> Vec<&'static str> {
    world.prove(step).built.violations
}

/// The first event of a kind, in its world, after a change of either.
pub fn changed(kind: u64, change: impl FnOnce(&mut World, &mut Event)) -> Vec<&'static str> {
    let (mut world, mut event) = first(kind);
    change(&mut world, &mut event);
    world.plant();
    broken(&world, world.step(event))
}

/// The same after a change of what the step opens.
pub fn opened(kind: u64, change: impl FnOnce(&mut Step)) -> Vec<&'static str> {
    let (world, event) = first(kind);
    let mut step = world.step(event);
    change(&mut step);
    broken(&world, step)
}

/// The position of the event's vault.
pub fn position<'a>(world: &'a mut World, event: &Event) -> &'a mut Position {
    &mut world.vaults.get_mut(&event.vault.0).unwrap().position
}

#[test]
fn kinds_above_the_last_are_refused() {
    for kind in [11, 12, 15, 16, 1 << 32, u64::MAX] {
        let event = Event {
            kind,
            ..Event::default()
        };
        let world = World::new();
        assert_eq!(broken(&world, world.step(event))[0], "kind", "{kind}");
    }
}

/// The fields of docs/ledger.md by kind; a letter a field, as in `FIELDS`.
const USED: [&str; 11] = [
    "", "ht", "pq", "volScmd", "vns", "vnsc", "vnswT", "vnc", "vnscoT", "vnscT", "vnsw",
];

type Change = fn(&mut Event);

const FIELDS: [(char, Change); 16] = [
    ('s', |e| e.slot += 1),
    ('w', |e| e.how += 1),
    ('n', |e| e.nonce += 1),
    ('h', |e| e.height += 1),
    ('t', |e| e.time += 1),
    ('p', |e| e.price += 1),
    ('q', |e| e.price_time += 1),
    ('c', |e| e.cents += 1),
    ('m', |e| e.maturity += 1),
    ('d', |e| e.last_record += 1),
    ('S', |e| e.sats[0] += 1),
    ('v', |e| e.vault.0[31] ^= 1),
    ('o', |e| e.party.0 += Fr::from(1)),
    ('l', |e| e.lender.0 -= Fr::from(1)),
    ('T', |e| e.template.0 += Fr::from(1)),
    ('r', |e| e.version += 1),
];

#[test]
fn a_field_that_a_kind_does_not_use_is_zero() {
    for (kind, used) in USED.iter().enumerate() {
        for (field, change) in FIELDS {
            // Version is used by open alone; sats by open and add_collateral.
            let own = used.contains(field)
                || (kind as u64 == OPEN && field == 'r')
                || (kind as u64 == ADD_COLLATERAL && field == 'S');
            if own {
                continue;
            }
            let (world, mut event) = match kind {
                0 => (World::new(), Event::default()),
                _ => first(kind as u64),
            };
            change(&mut event);
            assert_eq!(
                broken(&world, world.step(event)),
                ["unused"],
                "{kind} {field}"
            );
        }
    }
}

#[test]
fn a_number_out_of_its_range_is_refused() {
    let large: [(u64, Change); 14] = [
        (ACCRUE, |e| e.height = 1 << 32),
        (ACCRUE, |e| e.time = 1 << 32),
        (MARK_PRICE, |e| e.price = 1 << 40),
        (MARK_PRICE, |e| e.price_time = 1 << 32),
        (OPEN, |e| e.sats[0] = 1 << 51),
        (OPEN, |e| e.cents = 1 << 56),
        (OPEN, |e| e.maturity = 1 << 32),
        (OPEN, |e| e.last_record = 1 << 32),
        (OPEN, |e| e.version = 1 << 16),
        (ADD_COLLATERAL, |e| e.slot = 16),
        (ADD_COLLATERAL, |e| e.nonce = 1 << 32),
        (LIQUIDATE, |e| e.cents = u64::MAX),
        (WITHDRAW, |e| e.how = 16),
        (CLOSE, |e| e.how = 1 << 63),
    ];
    for (i, (kind, change)) in large.into_iter().enumerate() {
        assert_eq!(changed(kind, |_, event| change(event))[0], "range", "{i}");
    }
}

/// The tree's leaf is made of the same numbers, so that nothing but the range speaks against them.
#[test]
fn what_a_witness_opens_is_in_its_range() {
    let of_position: [fn(&mut Position); 8] = [
        |p| p.open += 1 << 8,
        |p| p.principal += 1 << 56,
        |p| p.opened += 1 << 32,
        |p| p.last_record += 1 << 32,
        |p| p.version += 1 << 16,
        |p| p.tender_height += 1 << 32,
        |p| p.sats[7] += 1 << 51,
        |p| p.index_open.0 += 1 << 80,
    ];
    for (i, change) in of_position.into_iter().enumerate() {
        let rules = changed(ADD_COLLATERAL, |world, event| {
            change(position(world, event))
        });
        assert_eq!(rules, ["range"], "{i}");
    }
    assert_eq!(changed(ACCRUE, |w, _| w.globals.price = 1 << 40), ["range"]);
    assert_eq!(changed(ACCRUE, |w, _| w.rules.bonus = 1 << 16), ["range"]);
    let record = |w: &mut World, e: &Event, change: fn(&mut statements::witness::Record)| {
        change(
            w.vaults.get_mut(&e.vault.0).unwrap().records[e.slot as usize]
                .as_mut()
                .unwrap(),
        );
    };
    assert_eq!(
        changed(CLOSE, |w, e| record(w, e, |r| r.outcome += 16)),
        ["range"]
    );
    assert_eq!(
        changed(CLOSE, |w, e| record(w, e, |r| r.surplus += 1 << 56)),
        ["range"]
    );
}

#[test]
fn what_an_event_writes_is_in_its_range() {
    let full = (1 << 32) - 1;
    assert_eq!(
        changed(MARK_PRICE, |w, _| w.globals.marks = full),
        ["range"]
    );
    assert_eq!(
        changed(MARK_PRICE, |w, _| w.globals.marks = full - 1),
        [""; 0]
    );
    assert_eq!(changed(ACCRUE, |w, _| w.globals.seq = full), ["range"]);
    assert_eq!(changed(ACCRUE, |w, _| w.globals.seq = full - 1), [""; 0]);
    let nonce = |value| {
        changed(ADD_COLLATERAL, |w, e| {
            position(w, e).nonce = value;
            e.nonce = value;
        })
    };
    assert_eq!(nonce(full), ["range"]);
    assert_eq!(nonce(full - 1), [""; 0]);
    assert_eq!(
        changed(TENDER, |w, e| w.globals.cash = u64::MAX - e.cents + 1),
        ["range"]
    );
    assert_eq!(
        changed(TENDER, |w, e| w.globals.cash = u64::MAX - e.cents),
        [""; 0]
    );
    assert_eq!(changed(CLOSE, |w, _| w.globals.cash = 0), ["range"]);
    assert_eq!(
        changed(OPEN, |w, e| w.globals.principal = u64::MAX - e.cents + 1),
        ["range"]
    );
    assert_eq!(
        changed(OPEN, |w, e| w.globals.principal = u64::MAX - e.cents),
        [""; 0]
    );
    assert_eq!(changed(REPAY, |w, _| w.globals.principal = 0), ["range"]);
}

#[test]
fn a_debt_has_56_bits() {
    let owing = |index: u128, kind| {
        changed(kind, |w, e| {
            let p = position(w, e);
            (p.principal, p.index_open) = (1 << 55, Decimal(UNIT));
            w.globals.index = Decimal(index);
        })
    };
    assert_eq!(owing(2 * UNIT - 100, REPAY), [""; 0]);
    assert_eq!(owing(2 * UNIT, REPAY), ["range"]);
    // The kinds that need no debt do not care.
    assert_eq!(owing(2 * UNIT, ADD_COLLATERAL), [""; 0]);
    assert_eq!(owing((1 << 80) - 1, WITHDRAW), [""; 0]);
    assert_eq!(owing((1 << 80) - 1, CLOSE), [""; 0]);
}

#[test]
fn the_position_is_the_vaults_own() {
    for kind in ADD_COLLATERAL..=CLOSE {
        let stranger = changed(kind, |_, event| event.vault = STRANGER);
        assert_eq!(stranger[0], "position.exists", "{kind}");
        let nonce = changed(kind, |_, event| event.nonce += 1);
        assert_eq!(nonce, ["position.nonce"], "{kind}");

        // The leaf of the event's vault stands at the place of another vault, which the event then names.
        let (mut world, mut event) = first(kind);
        let step = world.step(event);
        world.foreign = Some((STRANGER.0, step.leaf.0));
        world.plant();
        event.vault = STRANGER;
        let foreign = Step {
            path: world.step(event).path,
            event,
            ..step
        };
        assert_eq!(broken(&world, foreign), ["position.leaf"], "{kind}");
    }
}

#[test]
fn what_a_position_opens_is_what_the_tree_holds() {
    for kind in ADD_COLLATERAL..=CLOSE {
        let lender = opened(kind, |s| {
            s.position.as_mut().unwrap().lender.0 += Fr::from(1)
        });
        assert_eq!(lender, ["position.leaf"], "{kind}");
        let records = opened(kind, |s| s.records[7].0 += Fr::from(1));
        assert_eq!(records, ["position.leaf"], "{kind}");
    }
}

#[test]
fn the_path_leads_to_the_tree() {
    for kind in OPEN..=CLOSE {
        let sibling = opened(kind, |s| s.path.0[kind as usize][1].0 += Fr::from(1));
        assert_eq!(sibling, ["path"], "{kind}");
    }
    for level in 0..14 {
        for sibling in 0..3 {
            let rules = opened(OPEN, |s| s.path.0[level][sibling].0 += Fr::from(1));
            assert_eq!(rules, ["path"]);
        }
    }
    // An occupied place shown as empty.
    let (world, event) = first(OPEN);
    let after = world.after(&event);
    let empty = Step {
        leaf: Element::default(),
        ..after.step(event)
    };
    assert_eq!(broken(&after, empty), ["path"]);
}

#[test]
fn what_a_step_without_a_vault_opens_counts_for_nothing() {
    let (world, event) = first(ACCRUE);
    let (other, on_vault) = first(TENDER);
    let garbage = Step {
        event,
        leaf: Element(Fr::from(3)),
        ..other.step(on_vault)
    };
    for (event, after) in [
        (event, world.after(&event)),
        (Event::default(), world.clone()),
    ] {
        let step = Step {
            event,
            ..garbage.clone()
        };
        let transition = world.prove(step);
        assert_eq!(transition.built.violated, None);
        assert_eq!(transition.new_root, after.root());
    }
}
