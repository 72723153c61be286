//! When an event may happen: heights, times and the age of the price.
//!
//! Every rule here is `0 <= difference` of sums of numbers of 32 bits. No kind has more than three of them (how a record
//! or a tender ends aside), so there are three range checks, each of the difference that the kind selects.

use crate::builder::{Builder, Num};
use crate::state::{Position, Rules, Totals};
use crate::transition::gates::{inner, nonzero_when, sum, zero_when};
use crate::transition::kinds::{Flags, Kind, Kind::*, Told};

/// Bits of a sum of two numbers of 32 bits.
const BITS: usize = 33;

/// A name of a rule, and what must not be negative by it.
type Bound = (Kind, &'static str, Num);

/// The rules about height, time and price; `recorded` is the height of the slot's old record.
pub fn constrain(
    b: &mut Builder,
    told: &Told,
    rules: &Rules<Num>,
    totals: &Totals<Num>,
    position: &Position<Num>,
    recorded: &Num,
) {
    let (kind, line, loan) = (&told.kind, &told.event.line, &position.loan);
    let priced = [
        (MarkPrice, "mark_price.price"),
        (Open, "open.fresh"),
        (Liquidate, "liquidate.fresh"),
        (Default, "default.fresh"),
    ];
    let marking = kind.is(MarkPrice);
    let pricing = marking + kind.any(&[Open, Liquidate, Default]);
    // A kind that marks the price uses its own; where it does not, its field is 0.
    let price = &totals.price - inner(b, [(marking, &totals.price)]) + &line.price;
    nonzero_when(b, &pricing, &price, kind.rule(&priced));

    let one = Num::from(1);
    let age = &totals.price_time + &rules.max_price_age - &totals.time;
    let last = &loan.maturity + &rules.grace;
    let waited = how(b, told, rules, totals, position, recorded);
    let bounds = [
        vec![
            (
                Accrue,
                "accrue.height",
                &line.height - &totals.height - &one,
            ),
            (
                MarkPrice,
                "mark_price.order",
                &line.price_time - &totals.price_time,
            ),
            (Open, "open.fresh", age.clone()),
            (Tender, "tender.time", &last - &totals.height),
            (Liquidate, "liquidate.fresh", age.clone()),
            (Default, "default.fresh", age),
        ],
        vec![
            (Accrue, "accrue.time", &line.time - &totals.time),
            (
                MarkPrice,
                "mark_price.lead",
                &totals.time + &rules.max_price_lead - &line.price_time,
            ),
            (
                Open,
                "open.maturity",
                &line.maturity - &totals.height - &one,
            ),
            (Default, "default.maturity", &totals.height - last - &one),
        ],
        vec![
            (
                Open,
                "open.last_record",
                &line.last_record - &totals.height - one,
            ),
            (
                Liquidate,
                "liquidate.last_record",
                &loan.last_record - &totals.height,
            ),
            (
                Default,
                "default.last_record",
                &loan.last_record - &totals.height,
            ),
        ],
    ];
    let [mut first, second, third] = bounds;
    first.push((Withdraw, "withdraw.how", waited.clone()));
    first.push((Close, "close.how", waited));
    for bounds in [first, second, third] {
        bounded(b, kind, &bounds);
    }
}

/// The selected difference is not negative.
fn bounded(b: &mut Builder, kind: &Flags, bounds: &[Bound]) {
    let pairs = bounds
        .iter()
        .map(|(of, _, difference)| (kind.is(*of), difference));
    let chosen = inner(b, pairs);
    let names: Vec<_> = bounds.iter().map(|(of, name, _)| (*of, *name)).collect();
    b.range(&chosen, BITS, kind.rule(&names));
}

/// `withdraw.how` and `close.how` but for the wait: how is 1 or 2, for a close also 3. Gives what must not be negative:
/// where how is 2 the blocks since the window passed, else 0.
fn how(
    b: &mut Builder,
    told: &Told,
    rules: &Rules<Num>,
    totals: &Totals<Num>,
    position: &Position<Num>,
    recorded: &Num,
) -> Num {
    let (kind, bits) = (&told.kind, &told.how);
    let rule = kind.rule(&[(Withdraw, "withdraw.how"), (Close, "close.how")]);
    let ending = kind.any(&[Withdraw, Close]);
    let [low, high] = [0, 1].map(|i| bits[i].num());
    let three = b.mul(low, high);
    let none = Num::from(1) - low - high + &three;
    zero_when(
        b,
        &ending,
        &sum([bits[2].num(), bits[3].num(), &none]),
        rule,
    );
    zero_when(b, kind.is(Withdraw), &three, rule);

    let tendered = &position.loan.tender_height + &rules.tender_window;
    let settling = recorded + &rules.settle_window;
    let over = inner(
        b,
        [(kind.is(Withdraw), &tendered), (kind.is(Close), &settling)],
    );
    b.mul(&(high - three), &(&totals.height - over))
}
