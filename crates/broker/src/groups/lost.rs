//! An event that a group gives up.

use headwater_events::{Lane, Position};

use super::{run::Run, state::Held};

/// An event that is to be a dead letter.
pub(super) struct Lost {
    pub(super) lane: Lane,
    pub(super) run: Run,
    pub(super) position: Position,
    /// The letter of its last life, zero in the first one.
    pub(super) replay_of: Position,
    pub(super) attempts: u32,
    pub(super) failed_ms: i64,
    pub(super) reason: String,
}

impl Lost {
    /// What is known of the first open event of a held run.
    pub(super) fn of(lane: Lane, run: &Run, position: Position, held: &Held, reason: &str) -> Self {
        Self {
            lane,
            run: run.clone(),
            position,
            replay_of: held.reopened.first().map_or(Position::ZERO, |reopened| reopened.letter),
            attempts: held.attempt,
            failed_ms: held.failed_ms,
            reason: reason.to_owned(),
        }
    }
}
