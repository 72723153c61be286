//! That an assignment has no freedom but its inputs: from them, every other wire follows.
//!
//! A solver that knows nothing of the statement goes through the constraints. A wire is solved when a constraint is linear
//! in it and in no other wire unsolved; bits are solved together when they write out a solved number. When nothing more
//! follows, the first unsolved wire is taken as an input. The inputs taken over all kinds must be those of the witness.

use std::collections::BTreeSet;

use groth16::R1cs;
use statements::Fr;
use statements::field::power_of_two;
use statements::witness::{Event, SLOTS};

use crate::model::*;
use crate::story::first;

/// Network, ledger, 13 rules, 9 totals, tree and log.
const SHARED: usize = 26;
/// Ten of eleven flags (the last follows), the event's 10 other numbers (its version is the rules'), 8 sats and 4 ids; the
/// position's 8 sats, 12 numbers and 2 ids; 8 records; the 13 numbers and 2 ids of one; the leaf and 42 siblings; and the
/// quotient D, which no linear step finds (the range of its rest does: `Builder::ceil_div`).
const STEP: usize = 10 + 10 + 8 + 4 + 8 + 12 + 2 + 8 + 13 + 2 + 1 + 42 + 1;

struct Solver<'a> {
    r1cs: &'a R1cs,
    z: &'a [Fr],
    users: Vec<Vec<usize>>,
    /// Wires that a constraint of their own keeps to 0 or 1.
    bits: Vec<bool>,
    solved: Vec<bool>,
    queue: Vec<usize>,
}

impl<'a> Solver<'a> {
    fn new(r1cs: &'a R1cs, z: &'a [Fr]) -> Self {
        let (mut users, mut bits) = (vec![Vec::new(); r1cs.wires], vec![false; r1cs.wires]);
        for i in 0..r1cs.a.len() {
            for (wire, _) in [&r1cs.a[i], &r1cs.b[i], &r1cs.c[i]].into_iter().flatten() {
                users[*wire as usize].push(i);
            }
            if let [(wire, _)] = r1cs.a[i][..] {
                bits[wire as usize] |= is_boolean(r1cs, i);
            }
        }
        let mut solver = Self {
            r1cs,
            z,
            users,
            bits,
            solved: vec![false; r1cs.wires],
            queue: Vec::new(),
        };
        solver.solve(0);
        solver
    }

    fn solve(&mut self, wire: usize) {
        if !std::mem::replace(&mut self.solved[wire], true) {
            self.queue.extend(&self.users[wire]);
        }
    }

    fn unsolved(&self, row: &[(u32, Fr)]) -> Vec<(usize, Fr)> {
        let open = row.iter().filter(|(wire, _)| !self.solved[*wire as usize]);
        open.map(|(wire, factor)| (*wire as usize, *factor))
            .collect()
    }

    fn value(&self, row: &[(u32, Fr)]) -> Fr {
        row.iter()
            .map(|(wire, factor)| self.z[*wire as usize] * factor)
            .sum()
    }

    /// What follows from a constraint.
    fn follow(&mut self, i: usize) {
        let rows = [&self.r1cs.a[i], &self.r1cs.b[i], &self.r1cs.c[i]];
        let [a, b, c] = rows.map(|row| self.unsolved(row));
        if a.is_empty() || b.is_empty() {
            // Linear: where a factor is solved, the other's wires count by it, and not at all when it is 0.
            let by = if a.is_empty() {
                self.value(rows[0])
            } else {
                self.value(rows[1])
            };
            let mut left: Vec<(usize, Fr)> = c.iter().map(|(wire, m)| (*wire, -*m)).collect();
            for (wire, k) in a.iter().chain(&b) {
                match left.iter_mut().find(|(other, _)| other == wire) {
                    Some(found) => found.1 += by * k,
                    None => left.push((*wire, by * k)),
                }
            }
            left.retain(|(_, factor)| *factor != Fr::from(0));
            if let [(wire, _)] = left[..] {
                self.solve(wire);
            }
        } else if is_boolean(self.r1cs, i) {
            // A number less the even part of its bits is 0 or 1: below r there is one way to write it.
            let place = |factor: Fr| (1..254).find(|i| factor == -power_of_two(*i));
            let places: BTreeSet<_> = a.iter().filter_map(|(_, factor)| place(*factor)).collect();
            let written = places.len() == a.len() && a.iter().all(|(wire, _)| self.bits[*wire]);
            if written {
                a.iter().for_each(|(wire, _)| self.solve(*wire));
            }
        }
    }

    /// The wires that had to be taken as inputs.
    fn inputs(mut self) -> Vec<usize> {
        let mut inputs = Vec::new();
        // Wire 1 is x: it must follow.
        for wire in 2..self.r1cs.wires {
            while let Some(i) = self.queue.pop() {
                self.follow(i);
            }
            if !self.solved[wire] {
                inputs.push(wire);
                self.solve(wire);
            }
        }
        assert!(self.solved[1], "x follows from the inputs");
        inputs.retain(|wire| !self.is_hint(*wire));
        inputs
    }

    /// A factor of one constraint only, whose other factor is 0.
    fn is_hint(&self, wire: usize) -> bool {
        let [i] = self.users[wire][..] else {
            return false;
        };
        self.r1cs.b[i] == [(wire as u32, Fr::from(1))] && self.value(&self.r1cs.a[i]) == Fr::from(0)
    }
}

/// v (v - 1) = 0.
fn is_boolean(r1cs: &R1cs, i: usize) -> bool {
    let (a, b) = (&r1cs.a[i], &r1cs.b[i]);
    let constant = |row: &[(u32, Fr)]| {
        row.first()
            .filter(|(wire, _)| *wire == 0)
            .map_or(Fr::from(0), |(_, k)| *k)
    };
    let rest = |row: &[(u32, Fr)]| {
        row.iter()
            .filter(|(wire, _)| *wire != 0)
            .copied()
            .collect::<Vec<_>>()
    };
    r1cs.c[i].is_empty() && rest(a) == rest(b) && constant(a) - constant(b) == Fr::from(1)
}

#[test]
fn every_wire_follows_from_the_witness() {
    let mut inputs = BTreeSet::new();
    let mut events: Vec<_> = (ACCRUE..=CLOSE).map(first).collect();
    // One that uses every slot.
    let (world, event) = first(OPEN);
    events.push((
        world,
        Event {
            sats: [20_000_000; SLOTS],
            ..event
        },
    ));
    for (world, event) in events {
        let built = world.prove(world.step(event)).built;
        inputs.extend(Solver::new(&built.r1cs, &built.assignment).inputs());
    }
    assert_eq!(inputs.len(), SHARED + STEP, "{inputs:?}");
}

/// The solver finds what is left free: a constraint that is taken away frees what hung on it.
#[test]
fn a_constraint_that_is_missing_is_noticed() {
    let (world, event) = first(TENDER);
    let mut built = world.prove(world.step(event)).built;
    let count = |r1cs: &R1cs, z: &[Fr]| Solver::new(r1cs, z).inputs().len();
    let whole = count(&built.r1cs, &built.assignment);
    let products = (0..built.r1cs.a.len()).filter(|i| built.r1cs.c[*i].len() == 1);
    let some: Vec<usize> = products.step_by(1_000).collect();
    assert!(some.len() > 5);
    for i in some {
        let kept = std::mem::take(&mut built.r1cs.c[i]);
        let a = std::mem::take(&mut built.r1cs.a[i]);
        assert!(
            count(&built.r1cs, &built.assignment) > whole,
            "constraint {i}"
        );
        (built.r1cs.c[i], built.r1cs.a[i]) = (kept, a);
    }
}
