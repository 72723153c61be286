//! How far long work is, and the wish to end it: shared between the thread that works and one that watches.
//!
//! Does NOT know what the work is.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::fault::{Result, fault};

/// Watched work. Units are whatever the work counts; each piece is small against the whole.
#[derive(Debug, Default)]
pub struct Progress {
    stage: Mutex<&'static str>,
    total: AtomicU64,
    finished: AtomicU64,
    cancelled: AtomicBool,
}

impl Progress {
    /// Nothing done yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is being done; empty before the start.
    pub fn stage(&self) -> &'static str {
        *self.stage.lock().unwrap_or_else(|held| held.into_inner())
    }

    /// The part that is done, 0 to 1.
    pub fn done(&self) -> f64 {
        let total = self.total.load(Ordering::Relaxed);
        let finished = self.finished.load(Ordering::Relaxed).min(total);
        if total == 0 {
            return 0.0;
        }
        finished as f64 / total as f64
    }

    /// Ends the work at its next piece.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked for the end.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// The work has so many units.
    pub(crate) fn begin(&self, total: u64) {
        self.finished.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    /// What comes now; refused once cancelled.
    pub(crate) fn enter(&self, stage: &'static str) -> Result<()> {
        *self.stage.lock().unwrap_or_else(|held| held.into_inner()) = stage;
        self.step(0)
    }

    /// So many units more are done; refused once cancelled.
    pub(crate) fn step(&self, units: u64) -> Result<()> {
        self.finished.fetch_add(units, Ordering::Relaxed);
        if self.is_cancelled() {
            return Err(fault(self.stage(), "to be finished", "cancelled"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_cancels() {
        let progress = Progress::new();
        assert_eq!((progress.stage(), progress.done()), ("", 0.0));
        progress.begin(4);
        progress.enter("first").unwrap();
        progress.step(1).unwrap();
        assert_eq!((progress.stage(), progress.done()), ("first", 0.25));
        progress.cancel();
        let refused = progress.step(1).unwrap_err();
        assert_eq!((&*refused.field, &*refused.got), ("first", "cancelled"));
        progress.step(100).unwrap_err();
        assert_eq!(progress.done(), 1.0);
    }
}
