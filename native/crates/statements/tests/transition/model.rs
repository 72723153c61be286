//! A small ledger in plain integers: it makes witnesses, and says which root a valid event leads to.
//!
//! It judges nothing. Tests take a world, an event that is valid there, and change one thing.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use statements::Fr;
use statements::field;
use statements::poseidon;
use statements::state::{self, Native};
use statements::transition::{Step, Transition, Witness, synthesize};
use statements::witness::{
    Bytes32, Decimal, Element, Event, Globals, LEVELS, Path, Position, Record, Rules, SLOTS,
};

pub const PADDING: u64 = 0;
pub const ACCRUE: u64 = 1;
pub const MARK_PRICE: u64 = 2;
pub const OPEN: u64 = 3;
pub const ADD_COLLATERAL: u64 = 4;
pub const TENDER: u64 = 5;
pub const WITHDRAW: u64 = 6;
pub const REPAY: u64 = 7;
pub const LIQUIDATE: u64 = 8;
pub const DEFAULT: u64 = 9;
pub const CLOSE: u64 = 10;

/// The index of a new ledger.
pub const UNIT: u128 = 1_000_000_000_000_000_000;

pub const RULES: Rules = Rules {
    version: 1,
    max_ltv: 5_000,
    margin_call: 7_000,
    liquidation: 8_300,
    fast: 9_200,
    bonus: 500,
    target_health: 12_400,
    grace: 144,
    max_price_age: 3_600,
    max_price_lead: 7_200,
    rate: 951_293_759_512, // 5 % in 52,560 blocks
    tender_window: 144,
    settle_window: 288,
};

/// A vault with its records opened.
#[derive(Clone, Copy)]
pub struct Vault {
    pub position: Position,
    pub records: [Option<Record>; SLOTS],
}

/// A ledger.
#[derive(Clone)]
pub struct World {
    pub ledger: [u8; 32],
    pub rules: Rules,
    pub globals: Globals,
    pub vaults: BTreeMap<[u8; 32], Vault>,
    /// A leaf at a vault's place that is not this vault's.
    pub foreign: Option<([u8; 32], Fr)>,
}

pub fn element(bytes: [u8; 32]) -> Element {
    Element(state::id(&bytes))
}

impl Vault {
    fn hashes(&self) -> [Element; SLOTS] {
        (self.records).map(|record| Element(record.map_or(Fr::from(0), |record| hash(&record))))
    }

    pub fn collateral(&self) -> u64 {
        let open = (0..SLOTS).filter(|i| self.position.open >> i & 1 == 1);
        open.map(|i| self.position.sats[i]).sum()
    }
}

fn hash(record: &Record) -> Fr {
    state::Record::from(record).hash(&mut Native)
}

impl World {
    pub fn new() -> Self {
        let mut world = Self {
            ledger: [7; 32],
            rules: RULES,
            globals: Globals {
                height: 1_000,
                time: 1_700_000_000,
                index: Decimal(UNIT),
                log: element([7; 32]),
                ..Globals::default()
            },
            vaults: BTreeMap::new(),
            foreign: None,
        };
        world.plant();
        world
    }

    /// The tree of the vaults as they are now.
    pub fn plant(&mut self) {
        self.globals.tree = Element(node(&self.leaves(), LEVELS, 0));
    }

    fn leaves(&self) -> BTreeMap<u64, Fr> {
        let leaf = |(id, vault): (&[u8; 32], &Vault)| {
            let key = self.key(id);
            let records = vault.hashes().map(|hash| hash.0);
            let records = state::records_root(&mut Native, &records);
            let position = state::Position::from(&vault.position);
            (place(&key), position.leaf(&mut Native, &key, &records))
        };
        let foreign = self
            .foreign
            .map(|(vault, leaf)| (place(&self.key(&vault)), leaf));
        self.vaults.iter().map(leaf).chain(foreign).collect()
    }

    pub fn key(&self, vault: &[u8; 32]) -> Fr {
        state::vault_key(&mut Native, &state::id(&self.ledger), &state::id(vault))
    }

    pub fn root(&self) -> Fr {
        state::Globals::from(&self.globals).root(&mut Native, &state::id(&self.ledger))
    }

    /// The witness of a step with this event.
    pub fn step(&self, event: Event) -> Step {
        if event.vault.0 == [0; 32] {
            return Step {
                event,
                ..Step::default()
            };
        }
        let (leaves, place) = (self.leaves(), place(&self.key(&event.vault.0)));
        let levels = std::array::from_fn(|level| {
            let own = place >> (2 * level);
            let first = own - own % 4;
            let mut others = (first..first + 4).filter(|other| *other != own);
            std::array::from_fn(|_| Element(node(&leaves, level, others.next().unwrap())))
        });
        let found = self.vaults.get(&event.vault.0);
        let record = found.and_then(|vault| vault.records.get(event.slot as usize).copied()?);
        Step {
            event,
            leaf: Element(leaves.get(&place).copied().unwrap_or_default()),
            path: Path(levels),
            position: found.map(|vault| vault.position),
            records: found.map(Vault::hashes).unwrap_or_default(),
            record: record.filter(|_| event.kind == CLOSE),
        }
    }

    /// The witness of steps that begin in this world.
    pub fn witness(&self, steps: Vec<Step>) -> Witness {
        Witness {
            network: Bytes32([9; 32]),
            ledger: Bytes32(self.ledger),
            rules: self.rules,
            globals: self.globals,
            steps,
        }
    }

    /// The constraints for one step.
    pub fn prove(&self, step: Step) -> Transition {
        synthesize(&self.witness(vec![step]), 1)
    }

    pub fn debt(&self, vault: &Bytes32) -> u64 {
        let position = &self.vaults[&vault.0].position;
        // Principals of tests are far below 2^48, so that 128 bits do.
        let grown = u128::from(position.principal) * self.globals.index.0;
        grown.div_ceil(position.index_open.0) as u64
    }

    pub fn pay(&self, sats: u64) -> u64 {
        let price = u128::from(sats) * u128::from(self.globals.price) * 10_000;
        price.div_ceil((10_000 + u128::from(self.rules.bonus)) * 100_000_000) as u64
    }

    pub fn due(&self, vault: &Bytes32, slot: usize) -> u64 {
        let found = &self.vaults[&vault.0];
        let share = u128::from(self.debt(vault)) * u128::from(found.position.sats[slot]);
        share.div_ceil(u128::from(found.collateral())) as u64
    }

    pub fn unhealthy(&self, vault: &Bytes32) -> bool {
        let g = &self.globals;
        let worth = u128::from(self.vaults[&vault.0].collateral()) * u128::from(g.price);
        worth * u128::from(self.rules.liquidation)
            < u128::from(self.debt(vault)) * 1_000_000_000_000
    }

    /// The world after a valid event.
    pub fn after(&self, event: &Event) -> Self {
        let mut next = self.clone();
        if event.kind == PADDING {
            return next;
        }
        let g = &mut next.globals;
        g.seq += 1;
        g.log = Element(state::Event::from(event).log(&mut Native, &self.globals.log.0));
        match event.kind {
            ACCRUE => {
                g.index.0 += u128::from(self.rules.rate) * u128::from(event.height - g.height);
                (g.height, g.time) = (event.height, event.time);
            }
            MARK_PRICE => {
                (g.price, g.price_time) = (event.price, event.price_time);
                g.marks += 1;
            }
            OPEN => next.open(event),
            _ => next.change(event, self),
        }
        next.plant();
        next
    }

    fn open(&mut self, event: &Event) {
        let used = event.sats.iter().filter(|sats| **sats > 0).count();
        let position = Position {
            sats: event.sats,
            open: (1 << used) - 1,
            principal: event.cents,
            nonce: 1,
            opened: self.globals.height,
            maturity: event.maturity,
            last_record: event.last_record,
            version: event.version,
            index_open: self.globals.index,
            owner: event.party,
            lender: event.lender,
            ..Position::default()
        };
        let records = [None; SLOTS];
        self.vaults
            .insert(event.vault.0, Vault { position, records });
        self.globals.principal += event.cents;
    }

    fn change(&mut self, event: &Event, before: &Self) {
        let (slot, was) = (event.slot as usize, before.globals);
        let old = before.vaults[&event.vault.0];
        let mut new = old;
        let (p, g) = (&mut new.position, &mut self.globals);
        p.nonce += 1;
        let record = Record {
            height: was.height,
            price_time: was.price_time,
            time: was.time,
            seq: was.seq + 1,
            sats: old.position.sats[slot],
            collateral: old.collateral(),
            price: was.price,
            template: event.template,
            ..Record::default()
        };
        let reduce = |p: &mut Position, off: u64| {
            p.principal = before.debt(&event.vault) - off;
            p.index_open = was.index;
        };
        match event.kind {
            ADD_COLLATERAL => {
                p.sats[slot] = event.sats[0];
                p.open |= 1 << slot;
            }
            TENDER => {
                reduce(p, event.cents);
                p.open &= !(1 << slot);
                p.tender_slot = event.slot + 1;
                p.tender_cents = event.cents;
                p.tender_height = was.height;
                g.cash += event.cents;
            }
            WITHDRAW => {
                new.records[slot] = Some(Record {
                    outcome: 1,
                    claimant: old.position.owner,
                    debt: old.position.tender_cents,
                    paid: old.position.tender_cents,
                    ..record
                });
                (p.tender_slot, p.tender_cents, p.tender_height) = (0, 0, 0);
            }
            REPAY => reduce(p, event.cents),
            LIQUIDATE | DEFAULT => {
                let debt = before.debt(&event.vault);
                let off = debt.min(event.cents);
                reduce(p, off);
                p.open &= !(1 << slot);
                p.mark = was.marks;
                g.cash += event.cents;
                let liquidates = event.kind == LIQUIDATE;
                new.records[slot] = Some(Record {
                    outcome: if liquidates { 3 } else { 2 },
                    claimant: if liquidates {
                        event.party
                    } else {
                        old.position.lender
                    },
                    continued: u64::from(liquidates && !before.unhealthy(&event.vault)),
                    debt,
                    paid: event.cents,
                    surplus: event.cents - off,
                    ..record
                });
            }
            CLOSE => {
                let record = new.records[slot].as_mut().unwrap();
                record.settled = event.how;
                g.cash -= record.paid;
            }
            kind => panic!("kind {kind}"),
        }
        g.principal = g.principal + new.position.principal - old.position.principal;
        self.vaults.insert(event.vault.0, new);
    }
}

fn place(key: &Fr) -> u64 {
    (0..28).map(|i| u64::from(field::bit(key, i)) << i).sum()
}

/// The node of each level over empty leaves.
static EMPTY: LazyLock<Vec<Fr>> = LazyLock::new(|| {
    let up = |below: &Fr| Some(poseidon::hash(&[*below; 4]));
    std::iter::successors(Some(Fr::from(0)), up)
        .take(LEVELS + 1)
        .collect()
});

/// The node of a level (0: leaves) and number.
fn node(leaves: &BTreeMap<u64, Fr>, level: usize, number: u64) -> Fr {
    let first = number << (2 * level);
    if level == 0 {
        return leaves.get(&number).copied().unwrap_or_default();
    }
    if leaves
        .range(first..first + (1 << (2 * level)))
        .next()
        .is_none()
    {
        return EMPTY[level];
    }
    let children = [0, 1, 2, 3].map(|i| node(leaves, level - 1, 4 * number + i));
    poseidon::hash(&children)
}
