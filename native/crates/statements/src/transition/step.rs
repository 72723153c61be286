//! One event: from the globals before it to the globals after it.
//!
//! Promises that the new globals follow from the old ones, the event and the rules, whatever the rest of the witness
//! says: a position, its records and its path count only when they lead to the old tree. Every kind takes the same
//! constraints; a padding changes nothing.

use crate::builder::{Builder, Num};
use crate::state::{Globals, Loan, Position, Rules, SATS_BITS, Totals, vault_key};
use crate::transition::gates::{inner, nonzero_when, ranged, select, sum, zero_when};
use crate::transition::kinds::{CHANGING, Kind::*, ON_DEBT, ON_POSITION, SEIZING, Told};
use crate::transition::money::Money;
use crate::transition::records::Records;
use crate::transition::slots::Slot;
use crate::transition::{Step, times};
use crate::tree::Place;
use crate::witness::SLOTS;

/// What is the same for every step.
pub struct Ledger {
    /// L.
    pub id: Num,
    /// The rules, each in its range.
    pub rules: Rules<Num>,
}

/// The position of a step before the event, with the bits of its mask.
struct Found {
    position: Position<Num>,
    open: Vec<Num>,
}

impl Found {
    /// Witnesses, every number in its range; zeros where there is none.
    fn new(b: &mut Builder, read: &Step) -> Self {
        let values = Position::from(&read.position.unwrap_or_default());
        let loan = (values.loan).map(|value, bits| ranged(b, *value, bits, "range"));
        let position = Position {
            sats: values.sats.map(|sats| b.integer(sats, SATS_BITS, "range")),
            loan: loan.map(|field, _| field.num.clone()),
            owner: b.witness(values.owner),
            lender: b.witness(values.lender),
        };
        let open = loan.open.bits.iter().map(|bit| bit.num().clone()).collect();
        Self { position, open }
    }
}

impl Ledger {
    /// The globals after an event.
    pub fn step(&self, b: &mut Builder, before: &Globals<Num>, read: &Step) -> Globals<Num> {
        let told = Told::new(b, &read.event);
        let found = Found::new(b, read);
        let records = Records::new(b, &read.records, &read.record.unwrap_or_default());
        let (kind, event, old) = (&told.kind, &told.event, &found.position);

        // Which leaf there is before the event.
        let leaf = b.witness(read.leaf.0);
        let key = vault_key(b, &self.id, &event.vault);
        let records_before = records.root(b);
        let existing = kind.any(&ON_POSITION);
        zero_when(b, kind.is(Open), &leaf, "open.vacant");
        nonzero_when(b, &existing, &leaf, "position.exists");
        let own = old.leaf(b, &key, &records_before);
        zero_when(b, &existing, &(own - &leaf), "position.leaf");
        let behind = &event.line.nonce - &old.loan.nonce;
        zero_when(b, &existing, &behind, "position.nonce");

        // What the event does.
        let (rules, totals) = (&self.rules, &before.totals);
        let counted = Totals {
            seq: &totals.seq + Num::from(1) - kind.is(Padding),
            ..totals.clone()
        };
        let used = opening(b, &told, rules);
        let slot = Slot::new(b, &told, old, &found.open);
        times::constrain(b, &told, rules, totals, old, records.height());
        let money = Money::new(b, &told, rules, totals, old, &slot);
        let records_after = records.after(b, &told, &counted, old, &slot, &money);
        let (new, grown) = found.after(b, &told, totals, &slot, &money, &used);

        // Which leaf there is after it.
        let path = read
            .path
            .0
            .map(|level| level.map(|sibling| b.witness(sibling.0)));
        let written = new.leaf(b, &key, &records_after);
        let [was, is] = Place::of(b, &key).roots(b, [&leaf, &written], &path);
        let changing = kind.any(&CHANGING);
        zero_when(b, &changing, &(was - &before.tree), "path");
        let tree = select(b, &changing, &is, &before.tree);

        let log = event.log(b, &before.log);
        let paid = records.paid(b, &told);
        Globals {
            totals: after(
                b,
                &told,
                rules,
                &counted,
                &(&money.into_cash - paid),
                &grown,
            ),
            tree,
            log: select(b, kind.is(Padding), &before.log, &log),
        }
    }
}

/// `open.sats`, `open.version` and `add_collateral.sats`. Gives for each slot 1 where the event has sats, else 0.
fn opening(b: &mut Builder, told: &Told, rules: &Rules<Num>) -> Vec<Num> {
    let (kind, sats) = (&told.kind, &told.event.sats);
    let used: Vec<Num> = sats
        .iter()
        .map(|s| b.is_zero(s).not().num().clone())
        .collect();
    let rule = kind.rule(&[(Open, "open.sats"), (AddCollateral, "add_collateral.sats")]);
    let first = Num::from(1) - &used[0];
    zero_when(b, &kind.any(&[Open, AddCollateral]), &first, rule);
    // None after a zero; where an event uses no sats this holds.
    for pair in used.windows(2) {
        zero_when(b, &pair[1], &(Num::from(1) - &pair[0]), rule);
    }
    zero_when(b, kind.is(AddCollateral), &used[1], rule);
    let version = &told.event.line.version - &rules.version;
    zero_when(b, kind.is(Open), &version, "open.version");
    used
}

impl Found {
    /// The position after the event, and by how much the ledger's principal grew.
    fn after(
        &self,
        b: &mut Builder,
        told: &Told,
        totals: &Totals<Num>,
        slot: &Slot,
        money: &Money,
        used: &[Num],
    ) -> (Position<Num>, Num) {
        let (kind, event, line) = (&told.kind, &told.event, &told.event.line);
        let (old, open) = (&self.position, told.kind.is(Open));

        // What is open, and what stands behind it. A slot that is added was not open: it has no sats.
        let added = b.mul(kind.is(AddCollateral), &event.sats[0]);
        let turned = kind.is(AddCollateral) - kind.any(&[Tender, Liquidate, Default]);
        let sats = std::array::from_fn(|i| {
            let opened = &event.sats[i] - &old.sats[i];
            &old.sats[i] + inner(b, [(open, &opened), (&slot.at[i], &added)])
        });
        let mask = (0..SLOTS).map(|i| {
            let opened = &used[i] - &self.open[i];
            let bit = &self.open[i] + inner(b, [(open, &opened), (&slot.at[i], &turned)]);
            bit * (1 << i)
        });
        let mask: Vec<Num> = mask.collect();

        let rest = &money.debt - &money.off - &old.loan.principal;
        let paid = b.mul(&kind.any(&ON_DEBT), &rest);
        let lent = b.mul(open, &line.cents);
        let forgotten = b.mul(open, &old.loan.principal);
        let principal = &old.loan.principal + &paid + &lent - forgotten;

        let nonce = &old.loan.nonce + Num::from(1) - b.mul(open, &old.loan.nonce);
        // The only number above 32 bits that a nonce plus 1 can be.
        let overflow = &nonce - Num::from(1 << 32);
        nonzero_when(b, &Num::from(1), &overflow, "range");

        let ending = kind.any(&[Open, Tender, Withdraw]);
        let tender = |b: &mut Builder, old: &Num, new: &Num| {
            old + inner(b, [(kind.is(Tender), new)]) - b.mul(&ending, old)
        };
        let seizing = kind.any(&SEIZING);
        let marked = &totals.marks - &old.loan.mark;
        let loan = Loan {
            principal,
            open: sum(&mask),
            nonce,
            opened: select(b, open, &totals.height, &old.loan.opened),
            maturity: select(b, open, &line.maturity, &old.loan.maturity),
            last_record: select(b, open, &line.last_record, &old.loan.last_record),
            version: select(b, open, &line.version, &old.loan.version),
            index_open: {
                let begun = kind.any(&ON_DEBT) + open;
                select(b, &begun, &totals.index, &old.loan.index_open)
            },
            tender_slot: tender(b, &old.loan.tender_slot, &(&line.slot + Num::from(1))),
            tender_cents: tender(b, &old.loan.tender_cents, &line.cents),
            tender_height: tender(b, &old.loan.tender_height, &totals.height),
            mark: {
                let change = inner(b, [(&seizing, &marked)]) - b.mul(open, &old.loan.mark);
                &old.loan.mark + change
            },
        };
        let position = Position {
            sats,
            loan,
            owner: select(b, open, &event.party, &old.owner),
            lender: select(b, open, &event.lender, &old.lender),
        };
        (position, paid + lent)
    }
}

/// The totals after the event; `counted` are those before it, but `seq`. Numbers that only grow, index, marks and seq, are
/// checked once, after the last step.
fn after(
    b: &mut Builder,
    told: &Told,
    rules: &Rules<Num>,
    counted: &Totals<Num>,
    cash: &Num,
    principal: &Num,
) -> Totals<Num> {
    let (kind, line) = (&told.kind, &told.event.line);
    let (accrue, mark) = (kind.is(Accrue), kind.is(MarkPrice));
    let blocks = b.mul(accrue, &(&line.height - &counted.height));
    let totals = Totals {
        height: &counted.height + &blocks,
        time: select(b, accrue, &line.time, &counted.time),
        price: select(b, mark, &line.price, &counted.price),
        price_time: select(b, mark, &line.price_time, &counted.price_time),
        marks: &counted.marks + mark,
        seq: counted.seq.clone(),
        index: &counted.index + b.mul(&rules.rate, &blocks),
        cash: &counted.cash + cash,
        principal: &counted.principal + principal,
    };
    b.range(&totals.cash, 64, "range");
    b.range(&totals.principal, 64, "range");
    totals
}
