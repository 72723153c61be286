//! Debt, prices of slots and health: every division and every product of a step.
//!
//! Promises that each number is exactly that of docs/ledger.md, rounded as there. The bits of a product stand beside it:
//! all stay below 2^252, where integers modulo r are integers.

use ark_bn254::Fr;

use crate::builder::{Builder, Num};
use crate::state::{Position, Rules, Totals};
use crate::transition::gates::{inner, nonzero_when, select, sum, zero_when};
use crate::transition::kinds::{Kind::*, ON_DEBT, SEIZING, Told};
use crate::transition::slots::Slot;

/// Bits of an amount in cents.
const CENTS: usize = 56;
/// Bits of the index.
const INDEX: usize = 80;
/// Bits of the sats of eight slots.
const COLLATERAL: usize = 54;
/// Cents of collateral are sats * price / 10^8, ratios are of 10^4: both sides of a comparison are scaled by this.
const SCALE: u64 = 1_000_000_000_000;

/// The amounts of a step.
pub struct Money {
    /// D, 0 where the kind needs none: 56 bits.
    pub debt: Num,
    /// What the payer pays over the debt: 56 bits; means something for kinds that seize.
    pub surplus: Num,
    /// What is paid off the debt, cents - surplus: 56 bits, at most D for kinds that need the debt.
    pub off: Num,
    /// The event's cents where they go to the ledger's cash, else 0.
    pub into_cash: Num,
    /// 1 for a liquidation that goes on below the target, else 0.
    pub continued: Num,
}

impl Money {
    /// The amounts, and the rules about them.
    pub fn new(
        b: &mut Builder,
        told: &Told,
        rules: &Rules<Num>,
        totals: &Totals<Num>,
        position: &Position<Num>,
        slot: &Slot,
    ) -> Self {
        let (kind, cents) = (&told.kind, &told.event.line.cents);
        let rule = kind.rule(&[(Open, "open.principal"), (Repay, "repay.cents")]);
        nonzero_when(b, &kind.any(&[Open, Repay]), cents, rule);

        let debt = debt(b, told, totals, position);
        let rule = kind.rule(&[(Liquidate, "liquidate.debt"), (Default, "default.debt")]);
        nonzero_when(b, &kind.any(&SEIZING), &debt, rule);

        let over = b.less_than(&debt, cents, CENTS);
        let surplus = b.mul(over.num(), &(cents - &debt));
        zero_when(b, kind.is(Repay), over.num(), "repay.cents");

        let continued = health(b, told, rules, totals, position, slot, &debt);
        let into_cash = price_of_slot(b, told, rules, totals, slot, &debt);
        Self {
            off: cents - &surplus,
            debt,
            surplus,
            into_cash,
            continued,
        }
    }
}

/// ceil(principal * index / index_open), against the borrower; `range` when it has more than 56 bits. Where the kind needs
/// no debt, 0 / 1.
fn debt(b: &mut Builder, told: &Told, totals: &Totals<Num>, position: &Position<Num>) -> Num {
    let (loan, needed) = (&position.loan, told.kind.any(&ON_DEBT));
    let principal = b.mul(&needed, &loan.principal);
    let grown = b.mul(&principal, &totals.index); // 56 + 80 bits
    let begin = select(b, &needed, &loan.index_open, &Num::from(1));
    b.ceil_div(&grown, &begin, CENTS, INDEX, "range")
}

/// cents = due(s) for a tender, pay(s) for what seizes: one division whose quotient the event names. Gives these cents, 0
/// for other kinds.
///
/// due = ceil(D * s / collateral): 56 + 51 bits by 54. pay = ceil(s * price * 10^4 / ((10^4 + bonus) * 10^8)):
/// 51 + 40 + 14 bits by 17 + 27.
fn price_of_slot(
    b: &mut Builder,
    told: &Told,
    rules: &Rules<Num>,
    totals: &Totals<Num>,
    slot: &Slot,
    debt: &Num,
) -> Num {
    let (kind, tender) = (&told.kind, told.kind.is(Tender));
    let escrowed = kind.any(&[Tender, Liquidate, Default]);
    let sats = b.mul(&escrowed, &slot.sats);
    let cents = b.mul(&escrowed, &told.event.line.cents);
    let factor = select(b, tender, debt, &(&totals.price * 10_000));
    let dividend = b.mul(&sats, &factor);
    let bonus = (&rules.bonus + Num::from(10_000)) * 100_000_000;
    let divisor = select(b, tender, &slot.collateral, &bonus);
    // cents * divisor: 56 + 54 bits. One number of cents leaves 0 <= rest < divisor.
    let rest = b.mul(&cents, &divisor) - dividend;
    let rule = kind.rule(&[
        (Tender, "tender.cents"),
        (Liquidate, "liquidate.cents"),
        (Default, "default.cents"),
    ]);
    b.range(&rest, COLLATERAL, rule);
    b.range(&(divisor - Num::from(1) - rest), COLLATERAL, rule);
    cents
}

/// `open.ltv` and `liquidate.health` by one comparison, and a second one for the target. Gives `continued`.
fn health(
    b: &mut Builder,
    told: &Told,
    rules: &Rules<Num>,
    totals: &Totals<Num>,
    position: &Position<Num>,
    slot: &Slot,
    debt: &Num,
) -> Num {
    let (kind, open) = (&told.kind, told.kind.is(Open));
    let collateral = select(b, open, &sum(&told.event.sats), &slot.collateral);
    let ratio = select(b, open, &rules.max_ltv, &rules.liquidation);
    // D is 0 where an event opens.
    let owed = debt + b.mul(open, &told.event.line.cents);
    let worth = b.mul(&collateral, &totals.price); // 54 + 40 bits
    let covered = b.mul(&worth, &ratio); // 110 bits
    let owed = owed * SCALE; // 56 + 40 bits
    let less = b.less_than(&covered, &owed, 110);
    zero_when(b, open, less.num(), "open.ltv");

    // Unhealthy, or begun at this price and below target: covered * 10^4 < target * owed, 112 bits.
    let liquidate = kind.is(Liquidate);
    let continued = liquidate - inner(b, [(liquidate, less.num())]);
    let begun = &position.loan.mark - &totals.marks;
    zero_when(b, &continued, &begun, "liquidate.health");
    let target = b.mul(&rules.target_health, &owed);
    let below = target - Num::from(1) - covered * Fr::from(10_000u64);
    let below = b.mul(&continued, &below);
    b.range(&below, 112, "liquidate.health");
    continued
}
