//! Records that are sent together, and what became of each.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::{Notify, OwnedSemaphorePermit};

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The server has it.
    Stored {
        offset: i64,
        /// When, by the server's clock, in milliseconds since the Unix epoch.
        at: i64,
    },
    /// It was not stored.
    Refused(RDKafkaErrorCode),
    /// It may have been stored.
    Unknown(RDKafkaErrorCode),
}

/// Answered when the last record has its outcome. Held by each record on its way, so that what a caller that gave up
/// occupies is given back when the server has answered, or is no longer waited for, and not before.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Which one, in the order of sending.
    pub(super) number: u64,
    state: Mutex<State>,
    done: Notify,
}

#[derive(Debug)]
struct State {
    outcomes: Vec<Option<Outcome>>,
    left: usize,
    /// What it occupies, until every record has its outcome.
    room: Option<OwnedSemaphorePermit>,
}

impl Batch {
    pub(super) fn new(number: u64, records: usize, room: OwnedSemaphorePermit) -> Self {
        let state = State { outcomes: vec![None; records], left: records, room: Some(room) };
        Self { number, state: Mutex::new(state), done: Notify::new() }
    }

    /// Notes the outcome of one record, and says whether it was the last.
    pub(super) fn note(&self, index: usize, outcome: Outcome) -> bool {
        let mut state = self.lock();
        if let Some(slot) = state.outcomes.get_mut(index)
            && slot.is_none()
        {
            *slot = Some(outcome);
            state.left -= 1;
        }
        self.finish(state)
    }

    /// Nothing more is heard of the records that have no outcome yet: this is theirs.
    pub(super) fn abandon(&self, outcome: Outcome) {
        let mut state = self.lock();
        if state.left > 0 {
            state.outcomes.iter_mut().for_each(|slot| *slot = Some(slot.unwrap_or(outcome)));
            state.left = 0;
        }
        self.finish(state);
    }

    /// Says whether every record has its outcome, to whoever waits too.
    fn finish(&self, mut state: MutexGuard<'_, State>) -> bool {
        let last = state.left == 0;
        let room = if last { state.room.take() } else { None };
        drop(state);
        drop(room);
        if last {
            self.done.notify_one();
        }
        last
    }

    /// Waits for all outcomes, in the order of the batch.
    pub(crate) async fn outcomes(&self) -> Vec<Outcome> {
        loop {
            {
                let mut state = self.lock();
                if state.left == 0 {
                    return std::mem::take(&mut state.outcomes).into_iter().flatten().collect();
                }
            }
            self.done.notified().await;
        }
    }

    /// Poison cannot leave it half changed in a way that matters.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
