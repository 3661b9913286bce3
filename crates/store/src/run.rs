//! What a store knows of a run without reading it.

use headwater_events::{Class, Mark, Position};
use serde::{Deserialize, Serialize};

use crate::Record;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// No terminal event of the root has been stored, or the run was reopened.
    Open,
    /// The root completed.
    Completed,
    /// The root failed.
    Failed,
    /// The root was cancelled.
    Cancelled,
}

/// The record of one run, kept up by the store in the same step as the append it follows from.
///
/// It can be rebuilt from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Where the run stands.
    pub state: RunState,
    /// The first event's position.
    pub first: Position,
    /// The last event's position, of any class.
    pub last: Position,
    /// The terminal event's position, while the run is ended.
    pub ended: Option<Position>,
    /// Up to here transient events may be missing: readers that come from before get `Gap { reason: trimmed }`.
    pub trimmed: Position,
    /// Up to here durable events are missing: readers that come from before get `Gap { reason: retention }`.
    pub removed: Position,
    /// How many durable events are kept or were kept.
    pub durable: u64,
    /// How many transient events are kept or were kept.
    pub transient: u64,
    /// When the first event was stored, in milliseconds since the Unix epoch.
    pub first_at: i64,
    /// When the last event was stored, in milliseconds since the Unix epoch.
    pub last_at: i64,
    /// When the terminal event was stored, in milliseconds since the Unix epoch.
    pub ended_at: Option<i64>,
}

impl RunRecord {
    /// The record of a run whose first event is `record`.
    #[must_use]
    pub fn begin(record: &Record) -> Self {
        let mut run = Self {
            state: RunState::Open,
            first: record.position(),
            last: record.position(),
            ended: None,
            trimmed: Position::ZERO,
            removed: Position::ZERO,
            durable: 0,
            transient: 0,
            first_at: record.stored_at_ms(),
            last_at: record.stored_at_ms(),
            ended_at: None,
        };
        run.follow(record);
        run
    }

    /// Takes the next event of the run into account.
    pub fn follow(&mut self, record: &Record) {
        self.last = self.last.max(record.position());
        self.last_at = record.stored_at_ms();
        match record.class() {
            Class::Durable => self.durable += 1,
            Class::Transient => self.transient += 1,
            Class::Internal => {}
        }
        let ended = match record.mark() {
            Mark::None => return,
            Mark::Opens => RunState::Open,
            Mark::Completed => RunState::Completed,
            Mark::Failed => RunState::Failed,
            Mark::Cancelled => RunState::Cancelled,
        };
        self.state = ended;
        let terminal = record.mark().ends();
        self.ended = terminal.then(|| record.position());
        self.ended_at = terminal.then(|| record.stored_at_ms());
    }

    /// Whether the terminal event has been stored and the run was not reopened since.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.ended.is_some()
    }
}
