//! Why a store refused, and what the caller should do.

use std::borrow::Cow;

use crate::{Appended, Position};

/// An error of a store. Each kind is a decision for the caller.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Try again later: the store is away, overloaded or reopening. Nothing of the call was stored unless the
    /// variant says so.
    #[error("store is not available: {reason}")]
    Unavailable {
        /// What is wrong, without credentials.
        reason: String,
    },
    /// The outcome is not known: sending the same events again is safe inside the dedup window.
    #[error("outcome unknown: {reason}")]
    Unknown {
        /// What happened.
        reason: String,
    },
    /// Only part of a batch was stored (stores without `atomic_batch`).
    #[error("only {} of the batch was stored: {reason}", stored.iter().flatten().count())]
    Partial {
        /// For each event, what became of it.
        stored: Vec<Option<Appended>>,
        /// What happened.
        reason: String,
    },
    /// There is no room. Reading goes on; appending works again when there is room.
    #[error("no space left: {reason}")]
    Full {
        /// Where, and how much is kept free.
        reason: String,
    },
    /// A state value was changed by somebody else.
    #[error("state value changed: expected {expected:?}, found {found:?}")]
    Conflict {
        /// The version the caller had.
        expected: Option<crate::Version>,
        /// The version there is.
        found: Option<crate::Version>,
    },
    /// The store cannot do this; it says so in its [`Capabilities`](crate::Capabilities).
    #[error("not supported by this store: {what}")]
    Unsupported {
        /// The capability that is missing.
        what: Cow<'static, str>,
    },
    /// Stored bytes are not what was written. The place is skipped by nobody: repair or restore.
    #[error("damaged at {position:?}: {reason}")]
    Corrupt {
        /// Where, if known.
        position: Option<Position>,
        /// What was found.
        reason: String,
    },
    /// The configuration cannot work: fix it (exit code 64).
    #[error("{reason}")]
    Config {
        /// What to change.
        reason: String,
    },
    /// The store was closed.
    #[error("store is closed")]
    Closed,
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. } | Self::Unknown { .. } | Self::Full { .. } | Self::Partial { .. }
        )
    }

    /// An [`Error::Unavailable`].
    pub fn unavailable(reason: impl std::fmt::Display) -> Self {
        Self::Unavailable { reason: reason.to_string() }
    }

    /// An [`Error::Corrupt`].
    pub fn corrupt(position: Option<Position>, reason: impl std::fmt::Display) -> Self {
        Self::Corrupt { position, reason: reason.to_string() }
    }

    /// An [`Error::Config`].
    pub fn config(reason: impl std::fmt::Display) -> Self {
        Self::Config { reason: reason.to_string() }
    }
}
