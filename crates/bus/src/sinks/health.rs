//! How a sink is doing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a sink is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkHealth {
    /// Its name.
    pub name: String,
    /// In one word.
    pub state: SinkState,
    /// Events that it has taken.
    pub handled: u64,
    /// Errors so far, those that a further try made good among them.
    pub errors: u64,
    /// Events that it refused.
    pub refused: u64,
    /// Gaps in what it read: what lay in them it never got.
    pub gaps: u64,
    /// The last error.
    pub last_error: Option<String>,
}

/// How a sink is doing, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SinkState {
    /// It has not been started, or was stopped.
    Stopped,
    /// It takes events.
    Running,
    /// It is tried again.
    Failing,
    /// It will take nothing more.
    Over,
}

/// The same, shared between a worker and those who ask.
#[derive(Debug, Clone)]
pub(crate) struct Health(Arc<Mutex<SinkHealth>>);

impl Health {
    pub(crate) fn new(name: &str) -> Self {
        Self(Arc::new(Mutex::new(SinkHealth {
            name: name.to_owned(),
            state: SinkState::Stopped,
            handled: 0,
            errors: 0,
            refused: 0,
            gaps: 0,
            last_error: None,
        })))
    }

    pub(crate) fn now(&self) -> MutexGuard<'_, SinkHealth> {
        // A worker that panics half-way leaves at worst a count that is one too low.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
