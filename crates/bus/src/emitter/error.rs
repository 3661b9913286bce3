//! Why an emitter did not take an event.

use std::sync::Arc;

use headwater_events::EventError;

/// Why an emitter did not take an event. Each kind is a decision for the caller.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum EmitterError {
    /// Give up: the emitter, or the broker behind it, was closed.
    #[error("the emitter is closed")]
    Closed,
    /// Try later, wait with `emit_async`, or leave the event out: there is no room.
    #[error("no room: {queued} events wait{}", away.as_deref().map(|why| format!(" ({why})")).unwrap_or_default())]
    Backpressure {
        /// How many events wait.
        queued: usize,
        /// Why the store does not take them, where it is away.
        away: Option<String>,
    },
    /// Fix the event: it cannot be made.
    #[error("the event cannot be made: {0}")]
    Serialization(#[from] EventError),
    /// Publish again, which is safe within the dedup window: the event is stored or not.
    #[error("the outcome is not known")]
    Unknown,
    /// Fix the event: the broker refused it for good. Nothing of it was stored.
    #[error("refused: {0}")]
    Refused(Arc<headwater_broker::Error>),
}

impl EmitterError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Closed => "closed",
            Self::Backpressure { .. } => "backpressure",
            Self::Unknown => "outcome-unknown",
            Self::Serialization(error) => error.code().as_str(),
            Self::Refused(error) => error.code(),
        }
    }
}
