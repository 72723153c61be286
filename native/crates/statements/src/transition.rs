//! The statement `transition`: a batch of events leads from one root of a ledger to the next.
//!
//! Promises that an assignment exists only for events that every rule of docs/ledger.md allows, that each constraint
//! carries the name of its rule, and that the constraints depend on the batch alone. The only public input is
//! x = P(TAG(transition), N, L, rules hash, old root, new root). Does NOT know who asked for an event, nor whether
//! heights, prices and coins are those of the world.
//!
//! Where to read: `kinds` (which kind an event is), `step` (what one event does), `slots`, `money`, `times` and `records`
//! (the rules of its parts), `gates` (what they are made of).

mod gates;
mod kinds;
mod money;
mod records;
mod slots;
mod step;
mod times;

use ark_bn254::Fr;
use groth16::{Result, fault};
use serde::Deserialize;

use crate::builder::{Builder, Built};
use crate::state::{Globals, Rules, id, transition_public};
use crate::transition::step::Ledger;
use crate::witness::{self, Bytes32, Element, Path, SLOTS};

/// Events of one proof of the product.
pub const BATCH: usize = 16;
/// Most events of one proof: synthesis holds 9 MB an event, a proof many times that.
pub const MOST: usize = 64;

/// One event and what it opens of the state before it; zeros, null and an empty path where it needs nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The event.
    pub event: witness::Event,
    /// The leaf at the vault's place.
    pub leaf: Element,
    /// The siblings of that place.
    pub path: Path,
    /// The position whose leaf that is.
    pub position: Option<witness::Position>,
    /// The records of its slots.
    pub records: [Element; SLOTS],
    /// The record of the event's slot, for a close.
    pub record: Option<witness::Record>,
}

/// What proves a transition.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// The network's genesis block hash.
    pub network: Bytes32,
    /// The ledger id.
    pub ledger: Bytes32,
    /// The ledger's rules.
    pub rules: witness::Rules,
    /// The globals that give the old root.
    pub globals: witness::Globals,
    /// The events, at most a batch; paddings follow.
    pub steps: Vec<Step>,
}

impl Witness {
    /// Reads the JSON; a fault names the field.
    pub fn parse(raw: &[u8], batch: usize) -> Result<Self> {
        check_batch(batch)?;
        let read: Self = witness::parse(raw, batch)?;
        if read.steps.len() > batch {
            let expected = format_args!("at most {batch}, the batch");
            return Err(fault("steps", expected, read.steps.len()));
        }
        Ok(read)
    }

    /// A witness of no event, whose constraints are those of every witness.
    pub fn empty() -> Self {
        Self {
            network: Bytes32::default(),
            ledger: Bytes32::default(),
            rules: witness::Rules::default(),
            globals: witness::Globals::default(),
            steps: Vec::new(),
        }
    }
}

/// A batch that a statement can have.
pub fn check_batch(batch: usize) -> Result<()> {
    if !(1..=MOST).contains(&batch) {
        return Err(fault("batch", format_args!("1 to {MOST} events"), batch));
    }
    Ok(())
}

/// The constraints and their assignment, with what they say.
pub struct Transition {
    /// The constraints, the assignment and the rules it breaks.
    pub built: Built,
    /// The root before the events.
    pub old_root: Fr,
    /// The root after them; it means something when no rule is broken.
    pub new_root: Fr,
    /// The public input.
    pub x: Fr,
}

/// The constraints of a batch of events.
///
/// # Panics
/// When the witness has more steps than the batch.
pub fn synthesize(witness: &Witness, batch: usize) -> Transition {
    assert!(witness.steps.len() <= batch, "parse refuses more steps");
    let mut b = Builder::new(1);
    let network = b.witness(id(&witness.network.0));
    let ledger = Ledger {
        id: b.witness(id(&witness.ledger.0)),
        rules: Rules::from(&witness.rules).map(|value, bits| b.integer(*value, bits, "range")),
    };
    let values = Globals::from(&witness.globals);
    let mut globals = Globals {
        totals: (values.totals).map(|value, bits| b.integer(*value, bits, "range")),
        tree: b.witness(values.tree),
        log: b.witness(values.log),
    };
    let old = globals.root(&mut b, &ledger.id);
    let padding = Step::default();
    for i in 0..batch {
        let step = witness.steps.get(i).unwrap_or(&padding);
        globals = ledger.step(&mut b, &globals, step);
    }
    // These only grow, by less than 2^97 a step: in range at the end, they always were.
    let totals = &globals.totals;
    b.range(&totals.index, 80, "accrue.index");
    b.range(&totals.seq, 32, "range");
    b.range(&totals.marks, 32, "range");
    let new = globals.root(&mut b, &ledger.id);
    let rules = ledger.rules.hash(&mut b);
    let x = transition_public(&mut b, &network, &ledger.id, &rules, &old, &new);
    b.expose(&x);
    Transition {
        built: b.finish(),
        old_root: old.value(),
        new_root: new.value(),
        x: x.value(),
    }
}
