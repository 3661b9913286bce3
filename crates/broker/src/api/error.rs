//! Why the broker refused, and what the caller should do.

use headwater_events::{Cursor, EventError, FilterError};

/// An error of the broker. Each kind is a decision for the caller; [`Error::code`] is stable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Fix the input: an event cannot be accepted. Nothing of its batch was stored.
    #[error("event {index}: {error}")]
    InvalidEvent {
        /// Which event of the batch, from 0.
        index: usize,
        /// What is wrong with it.
        error: EventError,
    },
    /// Fix the input: the batch has more events or bytes than one call may. Nothing was stored.
    #[error(
        "batch of {events} events and {bytes} bytes is over the limit of {max_events} events or {max_bytes} bytes"
    )]
    BatchTooLarge {
        /// How many events it has.
        events: usize,
        /// How many encoded bytes it has.
        bytes: usize,
        /// How many events it may have.
        max_events: usize,
        /// How many bytes it may have.
        max_bytes: usize,
    },
    /// Fix the input: the text is no cursor.
    #[error("not a cursor: pass back one exactly as it was given, or `earliest` or `live`")]
    BadCursor,
    /// Fix the input: the cursor belongs to another stream or tenant.
    #[error("the cursor belongs to another stream or tenant")]
    ForeignCursor,
    /// Fix the input: a pattern is not one.
    #[error(transparent)]
    BadFilter(#[from] FilterError),
    /// Subscribe again at the cursor: the reader was too slow and had chosen `disconnect`.
    #[error("reader was too slow: subscribe again after the cursor")]
    SlowConsumer {
        /// Everything up to here was delivered.
        cursor: Cursor,
    },
    /// Fix the input: a group cannot be like that.
    #[error("{detail}")]
    BadGroup {
        /// What is wrong.
        detail: String,
    },
    /// Create the group first: there is none of that name.
    #[error("there is no such group")]
    NoGroup,
    /// Give the worker another name: a worker that lives goes by this one in another process.
    #[error("another worker goes by this name")]
    WorkerConflict,
    /// The store's answer: see [`headwater_store::Error::is_retryable`].
    #[error(transparent)]
    Store(#[from] headwater_store::Error),
    /// A remote Headwater's answer that has no kind of its own here.
    #[error("{detail}")]
    Remote {
        /// The stable code it gave.
        code: String,
        /// The HTTP status it gave.
        status: u16,
        /// What it said.
        detail: String,
    },
}

impl Error {
    /// The stable code: the name of the page in `docs/errors/`.
    #[must_use]
    pub fn code(&self) -> &str {
        use headwater_store::Error as S;
        match self {
            Self::InvalidEvent { error, .. } => error.code().as_str(),
            Self::BatchTooLarge { .. } => "batch-too-large",
            Self::BadCursor => "bad-cursor",
            Self::ForeignCursor => "foreign-cursor",
            Self::BadFilter(_) => "bad-filter",
            Self::SlowConsumer { .. } => "slow-consumer",
            Self::BadGroup { .. } => "bad-group",
            Self::NoGroup => "no-such-group",
            Self::WorkerConflict => "worker-conflict",
            Self::Store(S::Full { .. }) => "storage-full",
            Self::Store(S::Unsupported { .. }) => "unsupported",
            Self::Store(S::Unknown { .. }) => "outcome-unknown",
            Self::Store(S::Partial { .. }) => "partly-stored",
            Self::Store(S::Corrupt { .. }) => "corrupt",
            Self::Store(S::Conflict { .. }) => "conflict",
            Self::Store(S::Config { .. }) => "bad-configuration",
            Self::Store(S::Closed) => "closed",
            Self::Store(_) => "unavailable",
            Self::Remote { code, .. } => code,
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::SlowConsumer { .. } => true,
            Self::Remote { status, .. } => *status >= 500 || *status == 429,
            _ => false,
        }
    }
}
