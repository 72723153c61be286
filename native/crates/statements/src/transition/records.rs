//! The record of an event's slot: opened for a close, written by withdraw, liquidate and default.
//!
//! Promises that a slot has at most one record and that a close changes nothing of it but `settled`.

use ark_bn254::Fr;

use crate::builder::{Builder, Num};
use crate::state::{Facts, Position, Record, Totals, record_hash, records_root};
use crate::transition::gates::{inner, sum, zero_when};
use crate::transition::kinds::{Kind::*, RECORDING, Told};
use crate::transition::money::Money;
use crate::transition::slots::Slot;
use crate::witness::{self, SLOTS};

/// The records of a position and the one that a close opens, before an event.
pub struct Records {
    hashes: [Num; SLOTS],
    opened: Record<Num>,
}

impl Records {
    /// Witnesses, every number in its range.
    pub fn new(
        b: &mut Builder,
        hashes: &[witness::Element; SLOTS],
        opened: &witness::Record,
    ) -> Self {
        let values = Record::from(opened);
        Self {
            hashes: hashes.map(|hash| b.witness(hash.0)),
            opened: Record {
                facts: values
                    .facts
                    .map(|value, bits| b.integer(*value, bits, "range")),
                claimant: b.witness(values.claimant),
                template: b.witness(values.template),
            },
        }
    }

    /// The height of the opened record.
    pub fn height(&self) -> &Num {
        &self.opened.facts.height
    }

    /// What a close takes out of the cash, else 0.
    pub fn paid(&self, b: &mut Builder, told: &Told) -> Num {
        b.mul(told.kind.is(Close), &self.opened.facts.paid)
    }

    /// The records root before the event.
    pub fn root(&self, b: &mut Builder) -> Num {
        records_root(b, &self.hashes)
    }

    /// The rules about records, and the records root after the event. `totals` are those before it, but `seq`.
    pub fn after(
        &self,
        b: &mut Builder,
        told: &Told,
        totals: &Totals<Num>,
        position: &Position<Num>,
        slot: &Slot,
        money: &Money,
    ) -> Num {
        let (kind, close) = (&told.kind, told.kind.is(Close));
        let before = inner(b, slot.at.iter().zip(&self.hashes));
        let opened = self.opened.hash(b);
        zero_when(b, close, &(opened - &before), "close.record");
        zero_when(b, close, &self.opened.facts.settled, "close.record");
        let rule = kind.rule(&[
            (Withdraw, "withdraw.slot"),
            (Liquidate, "liquidate.slot"),
            (Default, "default.slot"),
        ]);
        zero_when(b, &kind.any(&RECORDING), &before, rule);

        let written = self.written(b, told, totals, position, slot, money);
        let changing = kind.any(&RECORDING) + close;
        let change = b.mul(&changing, &(written - before));
        // An opened position has no records: what stood in the witness is taken away.
        let hashes = std::array::from_fn(|i| {
            let old = &self.hashes[i];
            old - b.mul(kind.is(Open), old) + b.mul(&slot.at[i], &change)
        });
        records_root(b, &hashes)
    }

    /// The hash of the new record, which means something only for the kinds that write one.
    fn written(
        &self,
        b: &mut Builder,
        told: &Told,
        totals: &Totals<Num>,
        position: &Position<Num>,
        slot: &Slot,
        money: &Money,
    ) -> Num {
        let (kind, close) = (&told.kind, told.kind.is(Close));
        // A withdrawal has no debt and no cents of its own: debt = paid = the tender's cents, surplus 0.
        let tendered = b.mul(kind.is(Withdraw), &position.loan.tender_cents);
        let outcomes = [(1, Withdraw), (2, Default), (3, Liquidate)];
        let fresh = Facts {
            outcome: Num::sum(outcomes.map(|(number, of)| (Fr::from(number), kind.is(of)))),
            continued: money.continued.clone(),
            settled: Num::from(0),
            height: totals.height.clone(),
            price_time: totals.price_time.clone(),
            time: totals.time.clone(),
            seq: totals.seq.clone(),
            sats: slot.sats.clone(),
            collateral: slot.collateral.clone(),
            price: totals.price.clone(),
            debt: &money.debt + &tendered,
            paid: &told.event.line.cents + &tendered,
            surplus: money.surplus.clone(),
        };
        // `close.how` keeps how below 4, the two bits of `settled`.
        let settled = Facts {
            settled: told.event.line.how.clone(),
            ..self.opened.facts.clone()
        };
        let words: Vec<Num> = (fresh.words().iter().zip(settled.words()))
            .map(|(fresh, settled)| fresh + b.mul(close, &(settled - fresh)))
            .collect();
        let claimants = [
            (kind.is(Withdraw), &position.owner),
            (kind.is(Liquidate), &told.event.party),
            (kind.is(Default), &position.lender),
            (close, &self.opened.claimant),
        ];
        let claimant = inner(b, claimants);
        let template = b.mul(close, &self.opened.template);
        // The event of a close names no template: that field is 0.
        let template = sum([&told.event.template, &template]);
        record_hash(b, claimant, template, words)
    }
}
