//! What an operator sees of a run.

use headwater_events::StreamName;
use headwater_store::{RunRecord, RunState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One run's stream and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamInfo {
    /// Its name.
    pub stream: StreamName,
    /// Where the run stands.
    pub state: RunState,
    /// How many durable events were stored.
    pub durable_events: u64,
    /// How many transient events were stored.
    pub transient_events: u64,
    /// When the first event was stored.
    pub first_at: Timestamp,
    /// When the last event was stored.
    pub last_at: Timestamp,
    /// When the terminal event was stored, while the run is ended.
    pub ended_at: Option<Timestamp>,
}

impl StreamInfo {
    /// What the store's record says.
    #[must_use]
    pub fn new(stream: StreamName, run: &RunRecord) -> Self {
        let time = |ms: i64| Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
        Self {
            stream,
            state: run.state,
            durable_events: run.durable,
            transient_events: run.transient,
            first_at: time(run.first_at),
            last_at: time(run.last_at),
            ended_at: run.ended_at.map(time),
        }
    }
}
