//! The statement `outcome`: a terminal record of a slot, under a root that enough attestors signed, keeps the rules of its
//! action. docs/ledger.md, section Statements.
//!
//! Promises that the constraints are the same for every witness, that rules are broken in the order of that page's table,
//! and that what is not named in the public input (prices, times, signatures, roots) counts only when it is signed.
//! Relies on the set's root being one of checked keys (`eddsa::Key`) with 1 <= threshold <= 5, and on roots being signed
//! of states alone: numbers of a state that no rule here reads are hashed as they come, without ranges.

use groth16::{Result, fault};
use serde::{Deserialize, Deserializer, de};

use crate::Fr;
use crate::babyjub::{BASE, Point};
use crate::builder::{Bit, Builder, Built, Num};
use crate::curve::Edwards;
use crate::eddsa::Key;
use crate::field::{self, tag};
use crate::gadget::hash;
use crate::poseidon;
use crate::settlement::{self, Settlement};
use crate::signature;
use crate::state::{Globals, Loan, Position, Record, Rules, Totals, id, records_root, vault_key};
use crate::tree::{Digit, Place};
use crate::witness::{self, Bytes32, Element, Path, SLOTS, hexadecimal};

/// Most attestors of a ledger: the leaves of the tree of their keys.
pub const ATTESTORS: usize = 16;
/// Most signatures that a ledger asks for.
pub const SIGNATURES: usize = 5;

/// What proves an outcome; `claimant`, `template`, `network`, `ledger` and `vault` are the raw 32 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Witness {
    pub network: Bytes32,
    pub ledger: Bytes32,
    pub vault: Bytes32,
    pub slot: u64,
    pub action: u64,
    pub claimant: Bytes32,
    pub template: Bytes32,
    pub rules: witness::Rules,
    pub globals: witness::Globals,
    pub position: witness::Position,
    pub records: [Element; SLOTS],
    pub record: Option<witness::Record>,
    pub path: Path,
    pub threshold: u64,
    pub attestors: Vec<KeyText>,
    pub checkpoint: Checkpoint,
    pub signatures: Vec<(u64, SignatureText)>,
}

/// What attestors sign, but for the ledger, which stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Checkpoint {
    pub seq: u64,
    pub price: u64,
    pub price_time: u64,
    pub height: u64,
    pub time: u64,
    pub root: Element,
}

/// A checked key, 128 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyText(pub Key);

/// R8.x, R8.y and S, 192 hex digits: numbers below r, nothing else is known of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignatureText(pub [Fr; 3]);

impl<'de> Deserialize<'de> for KeyText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let bytes = hexadecimal(from)?;
        Key::read("key", &bytes)
            .map(Self)
            .map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for SignatureText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let bytes: [u8; 96] = hexadecimal(from)?;
        let mut numbers = [Fr::default(); 3];
        for (number, part) in numbers.iter_mut().zip(bytes.chunks_exact(32)) {
            let part = part.try_into().expect("32 bytes");
            *number = field::read(part).ok_or_else(|| de::Error::custom("not below r"))?;
        }
        Ok(Self(numbers))
    }
}

impl Witness {
    /// Reads the JSON; a fault names the field.
    pub fn parse(raw: &[u8]) -> Result<Self> {
        let read: Self = witness::parse(raw, 0)?;
        for (field, count, most) in [
            ("attestors", read.attestors.len(), ATTESTORS),
            ("signatures", read.signatures.len(), SIGNATURES),
        ] {
            if count > most {
                return Err(fault(field, format_args!("at most {most}"), count));
            }
        }
        Totals::from(&read.globals).check("globals")?;
        let position = Position::from(&read.position);
        position.loan.check("position")?;
        if let Some(i) = (position.sats.iter()).position(|sats| !field::fits(sats, 51)) {
            return Err(fault(
                format_args!("position.sats[{i}]"),
                "a number of 51 bits",
                read.position.sats[i],
            ));
        }
        Ok(read)
    }
}

/// The constraints and their assignment, and the public input.
pub struct Outcome {
    /// The constraints, the assignment and the rules it breaks.
    pub built: Built,
    /// The public input.
    pub x: Fr,
}

/// The constraints of the statement.
///
/// # Panics
/// With more attestors or signatures than `parse` lets through.
pub fn synthesize(read: &Witness) -> Outcome {
    let mut b = Builder::new(1);
    let [network, ledger, vault, claimant, template] = [
        &read.network,
        &read.ledger,
        &read.vault,
        &read.claimant,
        &read.template,
    ]
    .map(|raw| b.witness(id(&raw.0)));

    let root = b.witness(read.checkpoint.root.0);
    let digest = digest(&mut b, &ledger, &read.checkpoint, &root);
    let set = signers(&mut b, read, &digest);
    let tree = opened(&mut b, &read.globals, &ledger, &root);
    let records = read.records.map(|record| b.witness(record.0));
    let key = vault_key(&mut b, &ledger, &vault);
    let loan = position(&mut b, read, &key, &records, &tree);
    let slot = b.witness(Fr::from(read.slot));
    let action = b.witness(Fr::from(read.action));
    let record = record(&mut b, read, &slot, &records);
    for (named, stated) in [
        (&record.facts.outcome, &action),
        (&record.claimant, &claimant),
        (&record.template, &template),
    ] {
        b.equal(named, stated, "outcome.record");
    }
    let rules = rules(&mut b, &read.rules);
    settlement::constrain(
        &mut b,
        &Settlement {
            action: &action,
            slot: &slot,
            rules: &rules,
            loan: &loan,
            facts: &record.facts,
        },
    );

    let rules = rules.hash(&mut b);
    let inputs = [
        Num::constant(tag("outcome")),
        network,
        ledger,
        vault,
        slot,
        action,
        claimant,
        template,
        set,
        rules,
    ];
    let x = hash(&mut b, &inputs);
    b.expose(&x);
    Outcome {
        x: x.value(),
        built: b.finish(),
    }
}

/// The digest of the checkpoint.
fn digest(b: &mut Builder, ledger: &Num, read: &Checkpoint, root: &Num) -> Num {
    let mut number = |value: u64| b.witness(Fr::from(value));
    let inputs = [
        Num::constant(tag("checkpoint")),
        ledger.clone(),
        number(read.seq),
        root.clone(),
        number(read.price),
        number(read.price_time),
        number(read.height),
        number(read.time),
    ];
    hash(b, &inputs)
}

/// The leaf of a key in the tree of attestors.
fn leaf(key: &Point) -> Fr {
    poseidon::hash(&[tag("attestor"), key.x, key.y])
}

/// `outcome.signers`, `outcome.threshold`, `outcome.signature`. Gives the root of the set.
///
/// The first slots in use are those with `used` = 1, which no slot after an unused one has. What stands in the others is the
/// base point, and nothing is asked of it.
fn signers(b: &mut Builder, read: &Witness, digest: &Num) -> Num {
    let mut leaves = [Fr::default(); ATTESTORS];
    for (leaf_, KeyText(key)) in leaves.iter_mut().zip(&read.attestors) {
        *leaf_ = leaf(key.point());
    }
    let branches: [Num; 4] =
        std::array::from_fn(|i| b.witness(poseidon::hash(&leaves[4 * i..4 * i + 4])));
    let threshold = b.witness(Fr::from(read.threshold));
    let count = b.witness(Fr::from(read.attestors.len() as u64));

    let mut places = Vec::new();
    for i in 0..SIGNATURES {
        let index = read.signatures.get(i).map_or(0, |(index, _)| *index);
        let used = b.bit(i < read.signatures.len());
        let index = b.witness(Fr::from(index));
        places.push(signer(b, read, &leaves, &branches, &count, used, index));
    }
    for pair in places.windows(2) {
        let [before, after] = pair else {
            unreachable!("windows of two")
        };
        b.require_if(&after.used, &before.used, "outcome.signers");
        let step = &after.index - &before.index - Num::from(1);
        let step = b.mul(after.used.num(), &step);
        b.range(&step, 4, "outcome.signers");
    }

    let used = places.iter().map(|place| (Fr::from(1), place.used.num()));
    let spare = Num::sum(used) - &threshold;
    b.range(&(&threshold - Num::from(1)), 3, "outcome.threshold");
    b.range(&spare, 3, "outcome.threshold");

    for (i, place) in places.iter().enumerate() {
        let rule = "outcome.signature";
        let read = read.signatures.get(i).map(|(_, SignatureText(read))| *read);
        let [x, y, s] = read.unwrap_or([BASE.x, BASE.y, Fr::default()]);
        let r8 = Edwards::witness(b, &Point { x, y });
        let s = b.witness(s);
        signature::require_if(b, &place.used, &place.key, digest, (&r8, &s), rule);
    }

    let tree = hash(b, &branches);
    hash(b, &[Num::constant(tag("set")), threshold, count, tree])
}

/// A slot for a signature.
struct Signer {
    used: Bit,
    index: Num,
    key: Edwards,
}

/// Where the slot is used, the index is below the count and the key stands at it: the leaf and its siblings give the
/// branch of the index's upper two bits.
fn signer(
    b: &mut Builder,
    read: &Witness,
    leaves: &[Fr; ATTESTORS],
    branches: &[Num; 4],
    count: &Num,
    used: Bit,
    index: Num,
) -> Signer {
    let rule = "outcome.signers";
    let at = (0..ATTESTORS).find(|i| index.value() == Fr::from(*i as u64));
    let known = at.and_then(|i| read.attestors.get(i));
    let key = known.map_or(BASE, |KeyText(key)| *key.point());
    let key = Edwards::witness(b, &key);

    let bits = b.bits(&index, 4, rule);
    let below = count - Num::from(1) - &index;
    let below = b.mul(used.num(), &below);
    b.range(&below, 4, rule);

    let at = at.unwrap_or_default();
    let beside = (0..4).filter(|i| *i != at % 4);
    let beside: Vec<Num> = beside.map(|i| b.witness(leaves[at / 4 * 4 + i])).collect();
    let beside = beside.try_into().expect("three of four");
    let inputs = [Num::constant(tag("attestor")), key.x.clone(), key.y.clone()];
    let leaf = hash(b, &inputs);
    let children = Digit::new(b, &bits[0], &bits[1]).children(b, &leaf, &beside);
    let branch = hash(b, &children);
    let [b0, b1, b2, b3] = branches;
    let lower = b.select(&bits[2], b1, b0);
    let upper = b.select(&bits[2], b3, b2);
    let stated = b.select(&bits[3], &upper, &lower);
    b.equal_if(&used, &branch, &stated, rule);
    Signer { used, index, key }
}

/// `outcome.root`. Gives the root of the tree of positions.
fn opened(b: &mut Builder, read: &witness::Globals, ledger: &Num, root: &Num) -> Num {
    let values = Globals::from(read);
    let globals = Globals {
        totals: values.totals.map(|value, _| b.witness(*value)),
        tree: b.witness(values.tree),
        log: b.witness(values.log),
    };
    let opened = globals.root(b, ledger);
    b.equal(&opened, root, "outcome.root");
    globals.tree
}

/// `outcome.path`. Gives the numbers of the position, each in its range.
fn position(
    b: &mut Builder,
    read: &Witness,
    key: &Num,
    records: &[Num; SLOTS],
    tree: &Num,
) -> Loan<Num> {
    let values = Position::from(&read.position);
    let position = Position {
        sats: values.sats.map(|sats| b.witness(sats)),
        loan: (values.loan).map(|value, bits| b.integer(*value, bits, "outcome.path")),
        owner: b.witness(values.owner),
        lender: b.witness(values.lender),
    };
    let records = records_root(b, records);
    let leaf = position.leaf(b, key, &records);
    let path = (read.path.0).map(|level| level.map(|sibling| b.witness(sibling.0)));
    let root = Place::of(b, key).root(b, &leaf, &path);
    b.equal(&root, tree, "outcome.path");
    position.loan
}

/// `outcome.record`, but for what it names: the record, each number in its range, is the one of the slot. The hash of a
/// record is never 0, so the slot has one.
fn record(b: &mut Builder, read: &Witness, slot: &Num, records: &[Num; SLOTS]) -> Record<Num> {
    let rule = "outcome.record";
    let values = Record::from(&read.record.unwrap_or_default());
    let record = Record {
        facts: (values.facts).map(|value, bits| b.integer(*value, bits, rule)),
        claimant: b.witness(values.claimant),
        template: b.witness(values.template),
    };
    let own = record.hash(b);
    let places = b.one_hot(slot, SLOTS, rule);
    let stated = b.pick(&places, records);
    b.equal(&own, &stated, rule);
    record
}

/// The rules, each in its range; `outcome.rules` where one is not. Other rules give another public input.
fn rules(b: &mut Builder, read: &witness::Rules) -> Rules<Num> {
    Rules::from(read).map(|value, bits| b.integer(*value, bits, "outcome.rules"))
}

#[cfg(test)]
mod tests;
