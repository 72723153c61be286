//! Progress and cancellation of a long call, shared with another thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::GarbleError;

/// A progress counter and a cancel flag. Units are the caller's.
#[derive(Debug, Default)]
pub struct Control {
    done: AtomicU64,
    total: AtomicU64,
    cancelled: AtomicBool,
}

impl Control {
    /// Starts a count of `total` units at zero.
    pub fn start(&self, total: u64) {
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    /// Counts `units` more.
    pub fn advance(&self, units: u64) {
        self.done.fetch_add(units, Ordering::Relaxed);
    }

    /// Units done so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Units of the whole call; zero before it starts.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Asks the call to end soon with [`GarbleError::Cancelled`]. There is no way back.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether [`Self::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// An error once the flag is up.
    pub fn check(&self) -> Result<(), GarbleError> {
        if self.is_cancelled() {
            return Err(GarbleError::Cancelled);
        }
        Ok(())
    }
}
