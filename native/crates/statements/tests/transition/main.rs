//! The statement `transition` in batches of one or two events.
//!
//! Plan: valid events of every kind lead where a plain ledger leads (`chain`); for each rule of docs/ledger.md a valid
//! event with one thing changed breaks that rule (`rules`); constraints do not depend on values, and no wire is free
//! (`wires`).

mod chain;
mod model;
mod rules;
mod story;
mod wires;
