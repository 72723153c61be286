//! The statement `transition` in batches of one or two events.
//!
//! Plan: valid events of every kind lead where a plain ledger leads (`chain`); for each rule of docs/ledger.md a valid
//! event with one thing changed breaks that rule (`rules`, `by_kind`); constraints do not depend on values, and no wire
//! can change alone (`wires`); from the witness every wire follows, so that none can change with others either
//! (`determined`).

mod by_kind;
mod chain;
mod determined;
mod model;
mod rules;
mod story;
mod wires;
