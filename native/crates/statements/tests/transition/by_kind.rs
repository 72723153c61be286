//! The rules of each kind: a valid event with one thing changed, which breaks that rule, and the last one that does not.

use statements::Fr;
use statements::witness::{Bytes32, Decimal, Event, SLOTS};

use crate::model::*;
use crate::rules::{broken, changed, opened, position};
use crate::story::{A, B, STORY, first};

/// The world at the end of the story: no slot is open, B still owes.
fn end(event: impl FnOnce(&World) -> Event) -> Vec<&'static str> {
    let world = &STORY.world;
    broken(world, world.step(event(world)))
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
