//! The commitments of docs/ledger.md, each written once: over numbers, and over wires of a constraint system.
//!
//! Promises that the order and width of every packed field stand in one table, from which the native value and the
//! constraints both come. Does NOT check ranges: `pack` is unique only for fields that were (`integers`, `transition`).

use ark_bn254::Fr;
use ark_ff::AdditiveGroup;

use groth16::{Result, fault};

use crate::field::{fits, power_of_two, tag};
use crate::poseidon;
use crate::witness::{self, SLOTS};

/// Bits of the sats of one slot.
pub const SATS_BITS: usize = 51;

/// A number, or a linear combination of wires.
pub trait Word: Clone {
    /// A constant.
    fn constant(value: Fr) -> Self;
    /// The sum of the products.
    fn combination<'a>(terms: impl Iterator<Item = (&'a Self, Fr)>) -> Self
    where
        Self: 'a;
}

/// What hashes such words.
pub trait Sponge {
    /// What it hashes.
    type Word: Word;
    /// `P` of docs/ledger.md.
    fn hash(&mut self, inputs: &[Self::Word]) -> Self::Word;
}

/// Hashes numbers.
#[derive(Debug, Clone, Copy)]
pub struct Native;

impl Word for Fr {
    fn constant(value: Fr) -> Self {
        value
    }

    fn combination<'a>(terms: impl Iterator<Item = (&'a Self, Fr)>) -> Self {
        terms.fold(Fr::ZERO, |sum, (number, by)| sum + *number * by)
    }
}

impl Sponge for Native {
    type Word = Fr;

    fn hash(&mut self, inputs: &[Fr]) -> Fr {
        poseidon::hash(inputs)
    }
}

/// `pack(a:n, b:m, ...)`: the first field is the lowest.
pub fn pack<W: Word>(fields: &[(&W, usize)]) -> W {
    let mut shift = 0;
    W::combination(fields.iter().map(|(field, bits)| {
        let place = power_of_two(shift);
        shift += bits;
        (*field, place)
    }))
}

/// Numbers that are packed into words: a struct over any word type, and the tables that map and pack it.
macro_rules! packed {
    ($(#[$doc:meta])* $name:ident of $source:ident { $([$($field:ident: $bits:expr),*]),* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name<W> { $($(
            #[doc = concat!(stringify!($bits), " bits.")]
            pub $field: W,
        )*)* }

        impl<W> $name<W> {
            /// Every field by a function of its value and its bits, in order.
            pub fn map<V>(&self, mut each: impl FnMut(&W, usize) -> V) -> $name<V> {
                $name { $($($field: each(&self.$field, $bits),)*)* }
            }

            /// Every field with its name, in order.
            pub fn fields(&self) -> Vec<(&'static str, &W)> {
                vec![$($((stringify!($field), &self.$field),)*)*]
            }
        }

        impl<W: Word> $name<W> {
            /// The words that are hashed.
            pub fn words(&self) -> Vec<W> {
                vec![$(pack(&[$((&self.$field, $bits)),*])),*]
            }
        }

        impl $name<Fr> {
            /// Refuses a number beyond its bits, by name.
            pub fn check(&self, what: &str) -> Result<()> {
                let mut widths = Vec::new();
                self.map(|_, bits| widths.push(bits));
                for ((name, value), bits) in self.fields().into_iter().zip(widths) {
                    if !fits(value, bits) {
                        let expected = format_args!("a number of {bits} bits");
                        return Err(fault(format_args!("{what}.{name}"), expected, value));
                    }
                }
                Ok(())
            }
        }

        impl From<&witness::$source> for $name<Fr> {
            fn from(read: &witness::$source) -> Self {
                Self { $($($field: Fr::from(read.$field),)*)* }
            }
        }
    };
}

packed! {
    /// The rules of a ledger.
    Rules of Rules {
        [version: 16, max_ltv: 16, margin_call: 16, liquidation: 16, fast: 16, bonus: 16, target_health: 16,
         grace: 32, max_price_age: 32, max_price_lead: 32],
        [rate: 64, tender_window: 32, settle_window: 32]
    }
}

packed! {
    /// The numbers of a ledger beside its positions.
    Totals of Globals {
        [height: 32, time: 32, price: 40, price_time: 32, marks: 32, seq: 32],
        [index: 80, cash: 64, principal: 64]
    }
}

packed! {
    /// The numbers of a position beside its sats.
    Loan of Position {
        [principal: 56, open: 8, nonce: 32, opened: 32, maturity: 32, last_record: 32, version: 16],
        [index_open: 80, tender_slot: 4, tender_cents: 56, tender_height: 32, mark: 32]
    }
}

packed! {
    /// The numbers of a record.
    Facts of Record {
        [outcome: 4, continued: 1, settled: 2, height: 32, price_time: 32, time: 32, seq: 32, sats: 51,
         collateral: 54],
        [price: 40, debt: 56, paid: 56, surplus: 56]
    }
}

packed! {
    /// The numbers of an event beside its sats.
    Line of Event {
        [kind: 4, slot: 4, how: 4, nonce: 32, height: 32, time: 32, price: 40, price_time: 32],
        [cents: 56, maturity: 32, last_record: 32, version: 16]
    }
}

/// What a ledger knows beside its positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Globals<W> {
    /// Its numbers.
    pub totals: Totals<W>,
    /// The root of the tree of positions.
    pub tree: W,
    /// The head of the chain of events.
    pub log: W,
}

/// The loan of one vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position<W> {
    /// Sats of each slot, 0 for a slot not used.
    pub sats: [W; SLOTS],
    /// Its other numbers.
    pub loan: Loan<W>,
    /// The id of the borrower's key.
    pub owner: W,
    /// The id of the lender's key.
    pub lender: W,
}

/// The terminal record of one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<W> {
    /// Its numbers.
    pub facts: Facts<W>,
    /// The id of the claimant's key.
    pub claimant: W,
    /// The id of the template.
    pub template: W,
}

/// One event of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<W> {
    /// Its numbers.
    pub line: Line<W>,
    /// Sats of each slot.
    pub sats: [W; SLOTS],
    /// The id of the vault.
    pub vault: W,
    /// The id of the key of the owner (open) or the payer (liquidate).
    pub party: W,
    /// The id of the lender's key.
    pub lender: W,
    /// The id of the template.
    pub template: W,
}

fn tagged<S: Sponge>(
    sponge: &mut S,
    name: &str,
    inputs: impl IntoIterator<Item = S::Word>,
) -> S::Word {
    let mut words = vec![S::Word::constant(tag(name))];
    words.extend(inputs);
    sponge.hash(&words)
}

fn sats_words<W: Word>(sats: &[W; SLOTS]) -> Vec<W> {
    let word = |half: &[W]| pack(&half.iter().map(|s| (s, SATS_BITS)).collect::<Vec<_>>());
    sats.chunks(SLOTS / 2).map(word).collect()
}

/// `id(v)` of 32 bytes: the halves are hashed, nothing is reduced.
pub fn id(bytes: &[u8; 32]) -> Fr {
    let half = |part: &[u8]| {
        Fr::from(
            part.iter()
                .fold(0u128, |sum, byte| sum << 8 | u128::from(*byte)),
        )
    };
    tagged(&mut Native, "id", [half(&bytes[..16]), half(&bytes[16..])])
}

/// The vault key K.
pub fn vault_key<S: Sponge>(sponge: &mut S, ledger: &S::Word, vault: &S::Word) -> S::Word {
    tagged(sponge, "vault", [ledger.clone(), vault.clone()])
}

/// The records root of the records of the slots, 0 where there is none.
pub fn records_root<S: Sponge>(sponge: &mut S, records: &[S::Word; SLOTS]) -> S::Word {
    tagged(sponge, "records", records.iter().cloned())
}

/// A record whose numbers are packed already.
pub fn record_hash<S: Sponge>(
    sponge: &mut S,
    claimant: S::Word,
    template: S::Word,
    words: Vec<S::Word>,
) -> S::Word {
    tagged(
        sponge,
        "record",
        [claimant, template].into_iter().chain(words),
    )
}

/// The public input of the statement `transition`.
pub fn transition_public<S: Sponge>(
    sponge: &mut S,
    network: &S::Word,
    ledger: &S::Word,
    rules: &S::Word,
    old: &S::Word,
    new: &S::Word,
) -> S::Word {
    let inputs = [network, ledger, rules, old, new];
    tagged(sponge, "transition", inputs.into_iter().cloned())
}

impl<W: Word> Rules<W> {
    /// The rules hash.
    pub fn hash<S: Sponge<Word = W>>(&self, sponge: &mut S) -> W {
        tagged(sponge, "rules", self.words())
    }
}

impl<W: Word> Globals<W> {
    /// The root that checkpoints sign.
    pub fn root<S: Sponge<Word = W>>(&self, sponge: &mut S, ledger: &W) -> W {
        let mut inputs = vec![ledger.clone(), self.tree.clone()];
        inputs.extend(self.totals.words());
        inputs.push(self.log.clone());
        tagged(sponge, "root", inputs)
    }
}

impl<W: Word> Position<W> {
    /// The leaf of a vault of this key with these records.
    pub fn leaf<S: Sponge<Word = W>>(&self, sponge: &mut S, key: &W, records: &W) -> W {
        let mut inputs = vec![key.clone()];
        inputs.extend(sats_words(&self.sats));
        inputs.extend(self.loan.words());
        inputs.extend([self.owner.clone(), self.lender.clone(), records.clone()]);
        tagged(sponge, "position", inputs)
    }
}

impl<W: Word> Record<W> {
    /// What stands in the records root.
    pub fn hash<S: Sponge<Word = W>>(&self, sponge: &mut S) -> W {
        let (claimant, template) = (self.claimant.clone(), self.template.clone());
        record_hash(sponge, claimant, template, self.facts.words())
    }
}

impl<W: Word> Event<W> {
    /// The head of the log after this event.
    pub fn log<S: Sponge<Word = W>>(&self, sponge: &mut S, before: &W) -> W {
        let mut inputs = vec![before.clone()];
        inputs.extend(self.line.words());
        inputs.extend(sats_words(&self.sats));
        inputs.extend([&self.vault, &self.party, &self.lender, &self.template].map(W::clone));
        tagged(sponge, "event", inputs)
    }
}

impl From<&witness::Globals> for Globals<Fr> {
    fn from(read: &witness::Globals) -> Self {
        Self {
            totals: read.into(),
            tree: read.tree.0,
            log: read.log.0,
        }
    }
}

impl From<&witness::Position> for Position<Fr> {
    fn from(read: &witness::Position) -> Self {
        Self {
            sats: read.sats.map(Fr::from),
            loan: read.into(),
            owner: read.owner.0,
            lender: read.lender.0,
        }
    }
}

impl From<&witness::Record> for Record<Fr> {
    fn from(read: &witness::Record) -> Self {
        Self {
            facts: read.into(),
            claimant: read.claimant.0,
            template: read.template.0,
        }
    }
}

impl From<&witness::Event> for Event<Fr> {
    /// The vault's id is 0 where an event names none: 32 zero bytes.
    fn from(read: &witness::Event) -> Self {
        let named = read.vault.0 != [0; 32];
        Self {
            line: read.into(),
            sats: read.sats.map(Fr::from),
            vault: if named { id(&read.vault.0) } else { Fr::ZERO },
            party: read.party.0,
            lender: read.lender.0,
            template: read.template.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::witness::{Decimal, Element};

    fn n(value: u64) -> Fr {
        Fr::from(value)
    }

    #[test]
    fn the_first_field_is_the_lowest() {
        assert_eq!(
            pack(&[(&n(3), 4), (&n(5), 8), (&n(1), 1)]),
            n(3 + (5 << 4) + (1 << 12))
        );
    }

    #[test]
    fn words_have_the_widths_of_the_page() {
        let (mut loan, mut facts, mut line) = (Vec::new(), Vec::new(), Vec::new());
        Loan::from(&witness::Position::default()).map(|_, n| loan.push(n));
        Facts::from(&witness::Record::default()).map(|_, n| facts.push(n));
        Line::from(&witness::Event::default()).map(|_, n| line.push(n));
        assert_eq!(loan[..7].iter().sum::<usize>(), 208);
        assert_eq!(facts[..9].iter().sum::<usize>(), 240);
        assert_eq!(line[..8].iter().sum::<usize>(), 180);
    }

    /// Every field reaches the commitment: one more in any of them changes it.
    #[test]
    fn every_field_counts() {
        let position = Position::<Fr>::from(&witness::Position::default());
        let leaf = |p: &Position<Fr>| p.leaf(&mut Native, &n(1), &n(2));
        let mut seen = vec![leaf(&position)];
        for i in 0..SLOTS {
            let mut other = position;
            other.sats[i] = n(1);
            seen.push(leaf(&other));
        }
        for i in 0..12 {
            let (mut other, mut at) = (position, 0);
            other.loan = position.loan.map(|value, _| {
                at += 1;
                if at == i + 1 { *value + n(1) } else { *value }
            });
            seen.push(leaf(&other));
        }
        seen.push(leaf(&Position {
            owner: n(1),
            ..position
        }));
        seen.push(leaf(&Position {
            lender: n(1),
            ..position
        }));
        let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len());
    }

    #[test]
    fn a_vault_of_zeros_is_the_number_zero() {
        let event = witness::Event::default();
        assert_eq!(Event::from(&event).vault, Fr::ZERO);
        let named = witness::Event {
            vault: witness::Bytes32([1; 32]),
            ..event
        };
        assert_eq!(Event::from(&named).vault, id(&[1; 32]));
    }

    #[test]
    fn wide_numbers_keep_their_value() {
        let globals = witness::Globals {
            index: Decimal(1 << 90),
            tree: Element(n(7)),
            ..Default::default()
        };
        assert_eq!(Globals::from(&globals).totals.index, power_of_two(90));
        assert_eq!(Globals::from(&globals).tree, n(7));
    }
}
