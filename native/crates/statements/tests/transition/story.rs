//! A valid event of every kind, each in a world where it is valid.

use std::sync::LazyLock;

use statements::witness::{Bytes32, Event};

use crate::model::*;

pub const A: Bytes32 = Bytes32([0xaa; 32]);
pub const B: Bytes32 = Bytes32([0xbb; 32]);

/// The events of a long story, with the world before each.
pub struct Story {
    pub world: World,
    pub told: Vec<(World, Event)>,
}

impl Story {
    fn then(&mut self, event: Event) {
        let next = self.world.after(&event);
        self.told
            .push((std::mem::replace(&mut self.world, next), event));
    }

    fn accrue(&mut self, blocks: u64) {
        let g = self.world.globals;
        let (height, time) = (g.height + blocks, g.time + 600 * blocks);
        self.then(Event {
            kind: ACCRUE,
            height,
            time,
            ..Event::default()
        });
    }

    fn mark(&mut self, price: u64) {
        let price_time = self.world.globals.time;
        self.then(Event {
            kind: MARK_PRICE,
            price,
            price_time,
            ..Event::default()
        });
    }

    fn on(&self, kind: u64, vault: Bytes32, slot: u64) -> Event {
        let nonce = self.world.vaults[&vault.0].position.nonce;
        Event {
            kind,
            vault,
            slot,
            nonce,
            ..Event::default()
        }
    }

    fn tender(&mut self, vault: Bytes32, slot: u64) {
        let cents = self.world.due(&vault, slot as usize);
        self.then(Event {
            cents,
            ..self.on(TENDER, vault, slot)
        });
    }

    fn withdraw(&mut self, vault: Bytes32, slot: u64, how: u64) {
        let template = element([0x70 + slot as u8; 32]);
        self.then(Event {
            how,
            template,
            ..self.on(WITHDRAW, vault, slot)
        });
    }

    fn seize(&mut self, kind: u64, vault: Bytes32, slot: u64) {
        let sats = self.world.vaults[&vault.0].position.sats[slot as usize];
        let (cents, template) = (self.world.pay(sats), element([0x60; 32]));
        let event = Event {
            cents,
            template,
            ..self.on(kind, vault, slot)
        };
        let party = if kind == LIQUIDATE {
            element([0x51; 32])
        } else {
            event.party
        };
        self.then(Event { party, ..event });
    }

    fn close(&mut self, vault: Bytes32, slot: u64, how: u64) {
        self.then(Event {
            how,
            ..self.on(CLOSE, vault, slot)
        });
    }
}

fn opened(vault: Bytes32, sats: &[u64], cents: u64, world: &World) -> Event {
    let mut all = [0; 8];
    all[..sats.len()].copy_from_slice(sats);
    Event {
        kind: OPEN,
        vault,
        sats: all,
        cents,
        maturity: world.globals.height + 500,
        last_record: world.globals.height + 900,
        version: 1,
        party: element([0x11; 32]),
        lender: element([0x22; 32]),
        ..Event::default()
    }
}

/// Two vaults from their opening to the end of their slots: A is repaid in part, withdrawn in part and liquidated until
/// healthy, B defaults.
pub static STORY: LazyLock<Story> = LazyLock::new(|| {
    let mut s = Story {
        world: World::new(),
        told: Vec::new(),
    };
    s.accrue(10);
    s.mark(10_000_000);
    s.then(opened(
        A,
        &[40_000_000, 30_000_000, 30_000_000],
        4_000_000,
        &s.world,
    ));
    s.then(opened(B, &[50_000_001], 2_500_000, &s.world));
    s.accrue(100);
    s.then(Event {
        sats: [20_000_000, 0, 0, 0, 0, 0, 0, 0],
        ..s.on(ADD_COLLATERAL, A, 3)
    });
    s.then(Event {
        cents: 123_457,
        ..s.on(REPAY, A, 0)
    });
    s.tender(A, 3);
    s.accrue(1);
    s.withdraw(A, 3, 1);
    s.tender(A, 2);
    s.accrue(144);
    s.withdraw(A, 2, 2);
    s.close(A, 3, 1);
    s.accrue(400);
    // The first slot is liquidated because A is unhealthy, the second because it is still below the target.
    s.mark(3_700_000);
    s.seize(LIQUIDATE, A, 0);
    s.seize(LIQUIDATE, A, 1);
    s.seize(DEFAULT, B, 0);
    s.accrue(300);
    s.close(A, 0, 2);
    s.close(B, 0, 3);
    s
});

/// The first event of a kind in the story.
pub fn first(kind: u64) -> (World, Event) {
    let mut told = STORY.told.iter();
    told.find(|(_, event)| event.kind == kind).unwrap().clone()
}
