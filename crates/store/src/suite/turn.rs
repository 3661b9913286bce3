//! Clauses that do harm run by themselves.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// What they wait for comes from servers that share the machine with everything else that runs.
static TURNS: RwLock<()> = RwLock::new(());

/// A clause's leave to run, until it is dropped.
#[derive(Debug)]
pub enum Turn {
    /// Beside others.
    Beside(RwLockReadGuard<'static, ()>),
    /// Alone in this test program.
    Alone(RwLockWriteGuard<'static, ()>),
}

impl Turn {
    /// Waits for the turn of a clause: those of the group `faults` run alone.
    #[must_use]
    pub fn of(group: &str) -> Self {
        // A clause that failed has left nothing here.
        if group == "faults" {
            Self::Alone(TURNS.write().unwrap_or_else(PoisonError::into_inner))
        } else {
            Self::Beside(TURNS.read().unwrap_or_else(PoisonError::into_inner))
        }
    }
}
