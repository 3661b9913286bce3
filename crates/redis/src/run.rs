//! Records of runs, as the scripts keep them.

use headwater_events::Position;
use headwater_store::{Error, RunRecord, RunState};

use crate::{pack, reply};

/// A run's record with what only the store needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) record: RunRecord,
    /// Up to here internal events are missing.
    pub(crate) internal_removed: Position,
}

/// Reads a record. The order of its numbers is that of `scripts/common.lua`.
pub(crate) fn decode(packed: &[u8]) -> Result<Run, Error> {
    let numbers = pack::numbers(packed)?;
    let Some(
        &[
            state,
            first,
            last,
            ended,
            trimmed,
            removed,
            durable,
            transient,
            first_at,
            last_at,
            ended_at,
            internal,
        ],
    ) = numbers.first_chunk()
    else {
        return Err(reply::strange());
    };
    let state = match state {
        0 => RunState::Open,
        1 => RunState::Completed,
        2 => RunState::Failed,
        3 => RunState::Cancelled,
        _ => return Err(reply::strange()),
    };
    let time = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
    let record = RunRecord {
        state,
        first: Position(first),
        last: Position(last),
        ended: (ended > 0).then_some(Position(ended)),
        trimmed: Position(trimmed),
        removed: Position(removed),
        durable,
        transient,
        first_at: time(first_at),
        last_at: time(last_at),
        ended_at: (ended > 0).then_some(time(ended_at)),
    };
    Ok(Run { record, internal_removed: Position(internal) })
}
