//! How a worker is doing.

use headwater_broker::Error;
use tokio::sync::watch;

use super::meters::Meters;

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It has not spoken to its group yet.
    Starting,
    /// It handles events, or waits for them.
    Working,
    /// The broker does not answer, or refuses: it asks again, with growing waits.
    Waiting,
    /// It fetches nothing more and finishes what runs.
    Draining,
    /// It has stopped.
    Stopped,
}

/// How a worker is doing, as it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What it is doing.
    pub phase: Phase,
    /// What the broker said last, while it is waiting.
    pub error: Option<String>,
}

/// What a worker has done, told when it has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Deliveries that a handler succeeded with.
    pub succeeded: u64,
    /// Deliveries that a handler failed with.
    pub failed: u64,
    /// Deliveries that were fetched and handed back untried.
    pub released: u64,
    /// Deliveries whose lease was lost before they were settled: somebody else has handled them, or will.
    pub lost: u64,
    /// Handlers that were still at work when the drain timeout had passed. Their events come again.
    pub cut_off: u64,
    /// Verdicts that the broker could not be told before the worker stopped. Their events come again.
    pub unsettled: u64,
}

/// Where the parts of a worker say how it is doing.
pub(crate) struct Board(watch::Sender<Status>);

impl Board {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Status { phase: Phase::Starting, error: None }))
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Status> {
        self.0.subscribe()
    }

    /// A worker that drains does not go back to work.
    pub(crate) fn set(&self, phase: Phase, error: Option<String>) {
        self.0.send_if_modified(|status| {
            let ends = matches!(phase, Phase::Draining | Phase::Stopped);
            if !ends && matches!(status.phase, Phase::Draining | Phase::Stopped) {
                return false;
            }
            let new = Status { phase, error };
            let changed = *status != new;
            *status = new;
            changed
        });
    }

    pub(crate) fn works(&self, meters: &Meters) {
        meters.connected.set(1.0);
        self.set(Phase::Working, None);
    }

    pub(crate) fn waits(&self, meters: &Meters, error: &Error) {
        meters.connected.set(0.0);
        meters.broker_errors.increment(1);
        self.set(Phase::Waiting, Some(error.to_string()));
    }
}
