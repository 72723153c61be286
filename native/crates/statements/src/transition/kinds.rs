//! Which kind an event is: one flag a kind; and which kinds use which field.
//!
//! Promises flags that are 0 or 1, exactly one of them 1, and zeros in the fields that the kind does not use. Does NOT
//! know what a kind does.

use ark_bn254::Fr;

use crate::builder::{Bit, Builder, Num};
use crate::state::{Event, SATS_BITS};
use crate::transition::gates::{ranged, sum};
use crate::witness;

/// The kinds, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Padding,
    Accrue,
    MarkPrice,
    Open,
    AddCollateral,
    Tender,
    Withdraw,
    Repay,
    Liquidate,
    Default,
    Close,
}

use Kind::*;

/// Every kind, in order.
const KINDS: [Kind; 11] = [
    Padding,
    Accrue,
    MarkPrice,
    Open,
    AddCollateral,
    Tender,
    Withdraw,
    Repay,
    Liquidate,
    Default,
    Close,
];
/// The kinds that need a position.
pub const ON_POSITION: [Kind; 7] = [
    AddCollateral,
    Tender,
    Withdraw,
    Repay,
    Liquidate,
    Default,
    Close,
];
/// The kinds that name a vault.
pub const CHANGING: [Kind; 8] = [
    Open,
    AddCollateral,
    Tender,
    Withdraw,
    Repay,
    Liquidate,
    Default,
    Close,
];
/// The kinds that need the debt.
pub const ON_DEBT: [Kind; 4] = [Tender, Repay, Liquidate, Default];
/// The kinds that seize a slot.
pub const SEIZING: [Kind; 2] = [Liquidate, Default];
/// The kinds that write a record where none was.
pub const RECORDING: [Kind; 3] = [Withdraw, Liquidate, Default];

/// The flags of one step.
pub struct Flags {
    flags: Vec<Bit>,
    /// The kind of this witness: it chooses names of rules, never constraints.
    number: u64,
}

impl Flags {
    fn new(b: &mut Builder, number: u64) -> Self {
        let flag = |kind: &Kind| {
            let flag = b.witness(Fr::from(u64::from(*kind as u64 == number)));
            b.boolean(&flag, "kind")
        };
        let flags = KINDS.iter().map(flag).collect();
        let flags = Self { flags, number };
        b.equal(&flags.any(&KINDS), &Num::from(1), "kind");
        flags
    }

    /// 1 when the step is of this kind, else 0.
    pub fn is(&self, kind: Kind) -> &Num {
        self.flags[kind as usize].num()
    }

    /// 1 when the step is of one of these kinds, else 0.
    pub fn any(&self, kinds: &[Kind]) -> Num {
        sum(kinds.iter().map(|kind| self.is(*kind)))
    }

    /// The name of a rule whose constraint several kinds share; a kind that is not listed meets it always.
    pub fn rule(&self, names: &[(Kind, &'static str)]) -> &'static str {
        let named = names.iter().find(|(kind, _)| *kind as u64 == self.number);
        named.map_or("range", |(_, name)| name)
    }
}

/// An event with its flags.
pub struct Told {
    /// Its kind.
    pub kind: Flags,
    /// Its fields, each in its range.
    pub event: Event<Num>,
    /// The four bits of its slot.
    pub slot: Vec<Bit>,
    /// The four bits of its how.
    pub how: Vec<Bit>,
}

impl Told {
    /// The constraints of an event alone: rules `kind`, `range` and `unused`.
    pub fn new(b: &mut Builder, read: &witness::Event) -> Self {
        let values = Event::from(read);
        let kind = Flags::new(b, read.kind);
        let line = values
            .line
            .map(|value, bits| ranged(b, *value, bits, "range"));
        let numbered = KINDS.iter().map(|k| (Fr::from(*k as u64), kind.is(*k)));
        b.equal(&line.kind.num, &Num::sum(numbered), "kind");
        let event = Event {
            line: line.map(|field, _| field.num.clone()),
            sats: values
                .sats
                .map(|value| b.integer(value, SATS_BITS, "range")),
            vault: b.witness(values.vault),
            party: b.witness(values.party),
            lender: b.witness(values.lender),
            template: b.witness(values.template),
        };
        let told = Self {
            kind,
            event,
            slot: line.slot.bits,
            how: line.how.bits,
        };
        told.unused(b);
        told
    }

    /// The sums are of numbers in their ranges: 0 only when each is.
    fn unused(&self, b: &mut Builder) {
        let (line, of) = (&self.event.line, &self.event);
        let users: [(Num, &[Kind]); 12] = [
            (
                line.slot.clone(),
                &[AddCollateral, Tender, Withdraw, Liquidate, Default, Close],
            ),
            (line.how.clone(), &[Withdraw, Close]),
            (line.nonce.clone(), &ON_POSITION),
            (sum([&line.height, &line.time]), &[Accrue]),
            (sum([&line.price, &line.price_time]), &[MarkPrice]),
            (
                line.cents.clone(),
                &[Open, Tender, Repay, Liquidate, Default],
            ),
            (
                sum([&line.maturity, &line.last_record, &line.version]),
                &[Open],
            ),
            (sum(&of.sats), &[Open, AddCollateral]),
            (of.party.clone(), &[Open, Liquidate]),
            (of.lender.clone(), &[Open]),
            (of.template.clone(), &RECORDING),
            (of.vault.clone(), &CHANGING),
        ];
        for (field, kinds) in users {
            let others = Num::from(1) - self.kind.any(kinds);
            b.enforce(&others, &field, &Num::from(0), "unused");
        }
    }
}
