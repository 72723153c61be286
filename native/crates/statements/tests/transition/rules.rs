//! For each rule: a valid event with one thing changed, which breaks that rule.

use statements::Fr;
use statements::transition::Step;
use statements::witness::{Bytes32, Decimal, Element, Event, Position, SLOTS};

use crate::model::*;
use crate::story::{A, B, STORY, first};

const STRANGER: Bytes32 = Bytes32([0xcc; 32]);

/// The rules that a step breaks, in the order of the constraints.
fn broken(world: &World, step: Step) -> Vec<&'static str> {
    world.prove(step).built.violations
}

/// The first event of a kind, in its world, after a change of either.
fn changed(kind: u64, change: impl FnOnce(&mut World, &mut Event)) -> Vec<&'static str> {
    let (mut world, mut event) = first(kind);
    change(&mut world, &mut event);
    world.plant();
    broken(&world, world.step(event))
}

/// The same after a change of what the step opens.
fn opened(kind: u64, change: impl FnOnce(&mut Step)) -> Vec<&'static str> {
    let (world, event) = first(kind);
    let mut step = world.step(event);
    change(&mut step);
    broken(&world, step)
}

/// The position of the event's vault.
fn position<'a>(world: &'a mut World, event: &Event) -> &'a mut Position {
    &mut world.vaults.get_mut(&event.vault.0).unwrap().position
}

/// The world at the end of the story: no slot is open, B still owes.
fn end(event: impl FnOnce(&World) -> Event) -> Vec<&'static str> {
    let world = &STORY.world;
    broken(world, world.step(event(world)))
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
fn accrue() {
    assert_eq!(
        changed(ACCRUE, |w, e| e.height = w.globals.height),
        ["accrue.height"]
    );
    assert_eq!(
        changed(ACCRUE, |w, e| e.time = w.globals.time - 1),
        ["accrue.time"]
    );
    assert_eq!(changed(ACCRUE, |w, e| e.time = w.globals.time), [""; 0]);
    let most = (1 << 80) - 1 - 10 * u128::from(RULES.rate);
    assert_eq!(
        changed(ACCRUE, |w, _| w.globals.index = Decimal(most)),
        [""; 0]
    );
    assert_eq!(
        changed(ACCRUE, |w, _| w.globals.index = Decimal(most + 1)),
        ["accrue.index"]
    );
}

#[test]
fn mark_price() {
    assert_eq!(
        changed(MARK_PRICE, |_, e| e.price = 0),
        ["mark_price.price"]
    );
    let order = |late| {
        changed(MARK_PRICE, |w, e| {
            w.globals.price_time = e.price_time + late
        })
    };
    assert_eq!((order(0), order(1)), (vec![], vec!["mark_price.order"]));
    let lead = |more| {
        changed(MARK_PRICE, |w, e| {
            e.price_time = w.globals.time + 7_200 + more
        })
    };
    assert_eq!((lead(0), lead(1)), (vec![], vec!["mark_price.lead"]));
}

#[test]
fn open() {
    let (world, event) = first(OPEN);
    let after = world.after(&event);
    assert_eq!(broken(&after, after.step(event)), ["open.vacant"]);
    let foreign = |w: &mut World, e: &mut Event| w.foreign = Some((e.vault.0, Fr::from(5)));
    assert_eq!(changed(OPEN, foreign), ["open.vacant"]);
    assert_eq!(
        changed(OPEN, |_, e| e.sats = [0, 100_000_000, 0, 0, 0, 0, 0, 0]),
        ["open.sats"]
    );
    assert_eq!(changed(OPEN, |_, e| e.sats.swap(2, 3)), ["open.sats"]);
    assert_eq!(changed(OPEN, |_, e| e.sats = [20_000_000; SLOTS]), [""; 0]);
    assert_eq!(changed(OPEN, |_, e| e.cents = 0), ["open.principal"]);
    assert_eq!(changed(OPEN, |_, e| e.version = 2), ["open.version"]);
    let age = |age| changed(OPEN, |w, _| w.globals.time = w.globals.price_time + age);
    assert_eq!((age(3_600), age(3_601)), (vec![], vec!["open.fresh"]));
    assert_eq!(changed(OPEN, |w, _| w.globals.price = 0)[0], "open.fresh");
    let ltv = |cents| changed(OPEN, |_, e| e.cents = cents);
    assert_eq!((ltv(5_000_000), ltv(5_000_001)), (vec![], vec!["open.ltv"]));
    assert_eq!(
        changed(OPEN, |w, e| e.maturity = w.globals.height),
        ["open.maturity"]
    );
    assert_eq!(
        changed(OPEN, |w, e| e.last_record = w.globals.height),
        ["open.last_record"]
    );
}

#[test]
fn add_collateral() {
    let adding = |world: &World| Event {
        kind: ADD_COLLATERAL,
        vault: A,
        nonce: world.vaults[&A.0].position.nonce,
        slot: 4,
        sats: [1, 0, 0, 0, 0, 0, 0, 0],
        ..Event::default()
    };
    assert_eq!(end(adding), ["add_collateral.open"]);
    for slot in [0, 2, 4, 7, 8, 11, 15] {
        let rules = changed(ADD_COLLATERAL, |_, e| e.slot = slot);
        assert_eq!(rules, ["add_collateral.slot"], "{slot}");
    }
    let full = |slot| {
        changed(ADD_COLLATERAL, |w, e| {
            (position(w, e).sats, position(w, e).open) = ([9; SLOTS], 255);
            e.slot = slot;
        })
    };
    assert_eq!(full(8), ["add_collateral.slot"]);
    assert_eq!(full(0), ["add_collateral.slot"]);
    assert_eq!(
        changed(ADD_COLLATERAL, |_, e| e.sats[0] = 0),
        ["add_collateral.sats"]
    );
    for i in 1..SLOTS {
        let rules = changed(ADD_COLLATERAL, |_, e| e.sats[i] = 1);
        assert_eq!(rules, ["add_collateral.sats"], "{i}");
    }
}

#[test]
fn tender() {
    let none = changed(TENDER, |w, e| position(w, e).tender_slot = 5);
    assert_eq!(none, ["tender.none"]);
    let slot = |slot: u64| {
        changed(TENDER, |w, e| {
            e.slot = slot;
            e.cents = w.due(&e.vault, slot as usize);
        })
    };
    assert_eq!(
        (slot(0), slot(2), slot(3)),
        (vec!["tender.slot"], vec!["tender.slot"], vec![])
    );
    let shut = changed(TENDER, |w, e| {
        position(w, e).open = 0b0111;
        e.cents = w.due(&e.vault, 3);
    });
    assert_eq!(shut, ["tender.slot"]);
    assert_eq!(changed(TENDER, |_, e| e.cents += 1), ["tender.cents"]);
    assert_eq!(changed(TENDER, |_, e| e.cents -= 1), ["tender.cents"]);
    let late = |late| {
        changed(TENDER, |w, e| {
            w.globals.height = position(w, e).maturity + 144 + late
        })
    };
    assert_eq!((late(0), late(1)), (vec![], vec!["tender.time"]));
}

#[test]
fn withdraw() {
    for slot in [0, 2, 4, 11] {
        assert_eq!(
            changed(WITHDRAW, |_, e| e.slot = slot),
            ["withdraw.slot"],
            "{slot}"
        );
    }
    let none = changed(WITHDRAW, |w, e| position(w, e).tender_slot = 0);
    assert_eq!(none, ["withdraw.slot"]);
    for how in [0, 2, 3, 4, 5, 9, 15] {
        assert_eq!(
            changed(WITHDRAW, |_, e| e.how = how),
            ["withdraw.how"],
            "{how}"
        );
    }
    let wait = |blocks| {
        changed(WITHDRAW, |w, e| {
            w.globals.height = position(w, e).tender_height + blocks;
            e.how = 2;
        })
    };
    assert_eq!((wait(144), wait(143)), (vec![], vec!["withdraw.how"]));
    let recorded = changed(WITHDRAW, |w, e| {
        w.vaults.get_mut(&e.vault.0).unwrap().records[3] = Some(Default::default());
    });
    assert_eq!(recorded, ["withdraw.slot"]);
}

#[test]
fn repay() {
    let repaying = |vault: Bytes32| {
        end(|world| Event {
            kind: REPAY,
            vault,
            nonce: world.vaults[&vault.0].position.nonce,
            cents: 1,
            ..Event::default()
        })
    };
    assert_eq!(repaying(B), ["repay.open"]);
    assert_eq!(changed(REPAY, |_, e| e.cents = 0), ["repay.cents"]);
    let more = |more| changed(REPAY, |w, e| e.cents = w.debt(&e.vault) + more);
    assert_eq!((more(0), more(1)), (vec![], vec!["repay.cents"]));
}

/// What liquidate and default share.
fn seize(kind: u64, names: [&'static str; 5]) {
    let [slot, fresh, debt, last_record, cents] = names;
    let higher = changed(kind, |w, e| {
        let p = position(w, e);
        if p.sats[1] == 0 {
            p.sats[0] /= 2;
            (p.sats[1], p.open) = (p.sats[0], 3);
        }
        let sats = p.sats[1];
        (e.slot, e.cents) = (1, w.pay(sats));
    });
    assert_eq!(higher, [slot]);
    let beyond = changed(kind, |_, e| e.slot = 8);
    assert_eq!(beyond[0], slot);
    let recorded = changed(kind, |w, e| {
        w.vaults.get_mut(&e.vault.0).unwrap().records[0] = Some(Default::default());
    });
    assert_eq!(recorded, [slot]);
    let age = |age| changed(kind, |w, _| w.globals.time = w.globals.price_time + age);
    assert_eq!((age(3_600), age(3_601)), (vec![], vec![fresh]));
    assert_eq!(changed(kind, |w, _| w.globals.price = 0)[0], fresh);
    assert_eq!(changed(kind, |w, e| position(w, e).principal = 0)[0], debt);
    let last = |late| {
        changed(kind, |w, e| {
            position(w, e).last_record = w.globals.height - late
        })
    };
    assert_eq!((last(0), last(1)), (vec![], vec![last_record]));
    assert_eq!(changed(kind, |_, e| e.cents += 1), [cents]);
    assert_eq!(changed(kind, |_, e| e.cents -= 1), [cents]);
}

#[test]
fn liquidate() {
    seize(
        LIQUIDATE,
        [
            "liquidate.slot",
            "liquidate.fresh",
            "liquidate.debt",
            "liquidate.last_record",
            "liquidate.cents",
        ],
    );
    let shut = changed(LIQUIDATE, |w, e| {
        position(w, e).open = 2;
        position(w, e).principal /= 2;
    });
    assert_eq!(shut, ["liquidate.slot"]);
    // 10^8 sat at 10^7 cents with 83 %: unhealthy from 8,300,001 cents on, below the target from 6,693,549 on.
    let health = |debt: u64, begun: bool| {
        changed(LIQUIDATE, |w, e| {
            (w.globals.price, w.globals.index) = (10_000_000, Decimal(UNIT));
            let marks = w.globals.marks;
            let p = position(w, e);
            (p.sats, p.open) = ([100_000_000, 0, 0, 0, 0, 0, 0, 0], 1);
            (p.principal, p.index_open) = (debt, Decimal(UNIT));
            p.mark = if begun { marks } else { marks - 1 };
            e.cents = w.pay(100_000_000);
            w.globals.principal = 1 << 40;
        })
    };
    let refused = vec!["liquidate.health"];
    assert_eq!(
        (health(8_300_001, false), health(8_300_000, false)),
        (vec![], refused.clone())
    );
    assert_eq!(
        (health(6_693_549, true), health(6_693_548, true)),
        (vec![], refused.clone())
    );
    assert_eq!(
        (health(6_693_549, false), health(1, true)),
        (refused.clone(), refused)
    );
}

#[test]
fn default() {
    seize(
        DEFAULT,
        [
            "default.slot",
            "default.fresh",
            "default.debt",
            "default.last_record",
            "default.cents",
        ],
    );
    let early = |early| {
        changed(DEFAULT, |w, e| {
            position(w, e).maturity = w.globals.height - 145 + early
        })
    };
    assert_eq!((early(0), early(1)), (vec![], vec!["default.maturity"]));
}

#[test]
fn close() {
    for slot in [0, 4, 11] {
        assert_eq!(
            changed(CLOSE, |_, e| e.slot = slot),
            ["close.record"],
            "{slot}"
        );
    }
    let settled = changed(CLOSE, |w, e| {
        let vault = w.vaults.get_mut(&e.vault.0).unwrap();
        vault.records[3].as_mut().unwrap().settled = 1;
    });
    assert_eq!(settled, ["close.record"]);
    // The record that a witness opens is that of the slot.
    assert_eq!(
        opened(CLOSE, |s| s.record.as_mut().unwrap().paid -= 1),
        ["close.record"]
    );
    assert_eq!(opened(CLOSE, |s| s.record = None), ["close.record"]);
    for how in [0, 2, 4, 5, 8, 15] {
        assert_eq!(changed(CLOSE, |_, e| e.how = how), ["close.how"], "{how}");
    }
    assert_eq!(changed(CLOSE, |_, e| e.how = 3), [""; 0]);
    let wait = |blocks| {
        changed(CLOSE, |w, e| {
            let record = w.vaults[&e.vault.0].records[3].unwrap();
            w.globals.height = record.height + blocks;
            e.how = 2;
        })
    };
    assert_eq!((wait(288), wait(287)), (vec![], vec!["close.how"]));
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
