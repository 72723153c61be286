//! The action rules of the statement `outcome`: what a record must say for its action.
//!
//! Promises that only the record, the rules, the position's maturity and its pending tender are read. Every number given
//! is in its range already. Does NOT know where they come from.

use crate::Fr;
use crate::builder::{Bit, Builder, Num};
use crate::state::{Facts, Loan, Rules};

/// Bits of an amount in cents.
const CENTS: usize = 56;
/// Bits of a height or a time after adding another.
const SUM: usize = 33;
/// 10^8 sats a coin, ratios of 10^4.
const SCALE: u64 = 1_000_000_000_000;

/// What is judged.
pub struct Settlement<'a> {
    /// 1 withdraw, 2 default, 3 liquidate.
    pub action: &'a Num,
    /// The slot, from 0.
    pub slot: &'a Num,
    /// The rules.
    pub rules: &'a Rules<Num>,
    /// The position's numbers.
    pub loan: &'a Loan<Num>,
    /// The record's numbers.
    pub facts: &'a Facts<Num>,
}

/// The rules of the action.
pub fn constrain(b: &mut Builder, judged: &Settlement<'_>) {
    let facts = judged.facts;
    let actions = b.one_hot(&(judged.action - Num::from(1)), 3, "outcome.record");
    let [withdraw, default, liquidate] = <[Bit; 3]>::try_from(actions).expect("three actions");

    let covered = b.at_most(&facts.debt, &facts.paid, CENTS);
    b.require_if(&withdraw, &covered, "withdraw.paid");

    defaults(b, judged, &default);
    let health = unhealthy(b, judged);
    b.require_if(&liquidate, &health, "liquidate.health");

    let fresh = fresh(b, judged);
    b.require_if(&default, &fresh, "default.fresh");
    b.require_if(&liquidate, &fresh, "liquidate.fresh");

    // One division for both: only the name of the rule looks at the action.
    let rule = match judged.action.value() == Fr::from(2) {
        true => "default.cents",
        false => "liquidate.cents",
    };
    price(b, judged, &withdraw.not(), rule);

    let over = &facts.paid - &facts.debt;
    let surplus = b.mul(covered.num(), &over);
    b.equal_if(&default, &facts.surplus, &surplus, "default.surplus");
    b.equal_if(&liquidate, &facts.surplus, &surplus, "liquidate.surplus");
}

/// `default.maturity`, `default.debt` and `default.tender`.
fn defaults(b: &mut Builder, judged: &Settlement<'_>, default: &Bit) {
    let Settlement {
        slot,
        rules,
        loan,
        facts,
        ..
    } = judged;
    let last = &loan.maturity + &rules.grace;
    let late = b.less_than(&last, &facts.height, SUM);
    b.require_if(default, &late, "default.maturity");
    let nothing = b.is_zero(&facts.debt);
    b.require_if(default, &nothing.not(), "default.debt");
    let pending = b.is_equal(&loan.tender_slot, &(*slot + Num::from(1)));
    b.require_if(default, &pending.not(), "default.tender");
}

/// Whether the record's price was fresh at the record's time.
fn fresh(b: &mut Builder, judged: &Settlement<'_>) -> Bit {
    let facts = judged.facts;
    let last = &facts.price_time + &judged.rules.max_price_age;
    let young = b.at_most(&facts.time, &last, SUM);
    let none = b.is_zero(&facts.price);
    b.and(&young, &none.not())
}

/// Where it is asked, paid = ceil(sats * price * 10^4 / ((10^4 + bonus) * 10^8)), against the payer; else both sides are 0.
///
/// With d = (10^4 + bonus) * 10^8 below 2^43: paid * d has 99 bits and sats * price * 10^4 has 105, so paid * d less the
/// latter is an integer between -2^105 and 2^99, and one number of cents leaves 0 <= rest < d.
fn price(b: &mut Builder, judged: &Settlement<'_>, asked: &Bit, rule: &'static str) {
    let Settlement { rules, facts, .. } = judged;
    let divisor = (&rules.bonus + Num::from(10_000)) * 100_000_000;
    let paid = b.mul(asked.num(), &facts.paid);
    let sats = b.mul(asked.num(), &facts.sats);
    let value = b.mul(&sats, &facts.price) * 10_000;
    let rest = b.mul(&paid, &divisor) - value;
    b.range(&rest, 43, rule);
    b.range(&(divisor - Num::from(1) - rest), 43, rule);
}

/// Whether collateral * price * liquidation < debt * 10^12 (equality is healthy), or the record says that the liquidation
/// goes on and collateral * price * liquidation * 10^4 < target_health * debt * 10^12.
///
/// The products have 54 + 40 + 16 = 110 and 56 + 40 = 96 bits, then 124 and 112.
fn unhealthy(b: &mut Builder, judged: &Settlement<'_>) -> Bit {
    let Settlement { rules, facts, .. } = judged;
    let value = b.mul(&facts.collateral, &facts.price);
    let value = b.mul(&value, &rules.liquidation);
    let debt = &facts.debt * SCALE;
    let sick = b.less_than(&value, &debt, 110);
    let target = b.mul(&rules.target_health, &debt);
    let below = b.less_than(&(value * 10_000), &target, 124);
    // In its range of one bit.
    let continued = b.is_zero(&facts.continued).not();
    let goes_on = b.and(&continued, &below);
    b.or(&sick, &goes_on)
}
