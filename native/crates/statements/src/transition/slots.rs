//! The slot of an event among the slots of its position.
//!
//! Promises one place, that of the event's slot, and the rules about which slot an event may name.

use crate::builder::{Bit, Builder, Num};
use crate::state::Position;
use crate::transition::gates::{inner, nonzero_when, sum, zero, zero_when};
use crate::transition::kinds::{Kind::*, SEIZING, Told};
use crate::witness::SLOTS;

/// What the other rules need to know about the event's slot.
pub struct Slot {
    /// 1 at the slot's place, else 0.
    pub at: Vec<Num>,
    /// Its sats: 51 bits.
    pub sats: Num,
    /// The sats of all open slots: 54 bits.
    pub collateral: Num,
}

impl Slot {
    /// The slot of an event; `open` are the bits of the position's mask.
    pub fn new(b: &mut Builder, told: &Told, position: &Position<Num>, open: &[Num]) -> Self {
        let kind = &told.kind;
        let rule = kind.rule(&[
            (AddCollateral, "add_collateral.slot"),
            (Tender, "tender.slot"),
            (Withdraw, "withdraw.slot"),
            (Liquidate, "liquidate.slot"),
            (Default, "default.slot"),
            (Close, "close.record"),
        ]);
        // An event that uses no slot names number 0.
        zero(b, told.slot[3].num(), rule);
        let at = places(b, &told.slot);
        let slot = Self {
            sats: inner(b, at.iter().zip(&position.sats)),
            collateral: inner(b, open.iter().zip(&position.sats)),
            at,
        };
        slot.order(b, told, position, open);
        slot
    }

    /// Which slot comes next. Sums of at most 8 bits: none comes near r.
    fn order(&self, b: &mut Builder, told: &Told, position: &Position<Num>, open: &[Num]) {
        let kind = &told.kind;
        let rule = kind.rule(&[
            (AddCollateral, "add_collateral.open"),
            (Repay, "repay.open"),
        ]);
        let needing = kind.any(&[AddCollateral, Repay]);
        nonzero_when(b, &needing, &sum(open), rule);

        // Sats stand in the first slots without a gap (`open.sats`, and this rule), so the first slot not used is the one
        // without sats after one with sats.
        let previous = inner(b, self.at[1..].iter().zip(&position.sats));
        let adding = kind.is(AddCollateral);
        zero_when(b, adding, &self.sats, "add_collateral.slot");
        nonzero_when(b, adding, &previous, "add_collateral.slot");

        let pending = &position.loan.tender_slot;
        zero_when(b, kind.is(Tender), pending, "tender.none");
        let distance = &told.event.line.slot + Num::from(1) - pending;
        zero_when(b, kind.is(Withdraw), &distance, "withdraw.slot");

        let rule = kind.rule(&[
            (Tender, "tender.slot"),
            (Liquidate, "liquidate.slot"),
            (Default, "default.slot"),
        ]);
        let is_open = inner(b, self.at.iter().zip(open));
        let above: Vec<Num> = (1..SLOTS).map(|i| sum(&self.at[i..])).collect();
        let lower = inner(b, above.iter().zip(open));
        let higher = sum(open) - &lower - &is_open;
        let shut = Num::from(1) - is_open;
        zero_when(b, &kind.any(&[Tender, Liquidate, Default]), &shut, rule);
        zero_when(b, kind.is(Tender), &higher, rule);
        zero_when(b, &kind.any(&SEIZING), &lower, rule);
    }
}

/// One flag for each number of the three low bits.
fn places(b: &mut Builder, bits: &[Bit]) -> Vec<Num> {
    let [low, middle, high] = [0, 1, 2].map(|i| bits[i].num());
    let both = b.mul(low, middle);
    let pairs = [
        Num::from(1) - low - middle + &both,
        low - &both,
        middle - &both,
        both,
    ];
    let upper: Vec<Num> = pairs[1..].iter().map(|pair| b.mul(pair, high)).collect();
    let upper: Vec<Num> = [high - sum(&upper)].into_iter().chain(upper).collect();
    let lower: Vec<Num> = pairs
        .iter()
        .zip(&upper)
        .map(|(pair, up)| pair - up)
        .collect();
    [lower, upper].concat()
}
