//! What can be wrong with an event in its run.

use std::fmt;

use crate::{Code, EventError, catalogue::Kind};

/// A rule of the run that an event breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// It stands before the run's start.
    BeforeStart {
        /// Its type.
        ty: String,
    },
    /// The run had started.
    StartedTwice {
        /// Its type.
        ty: String,
    },
    /// The run had ended.
    AfterEnd {
        /// Its type.
        ty: String,
    },
    /// The run had ended, and this ends it again.
    EndedTwice {
        /// Its type.
        ty: String,
    },
    /// The run has not ended.
    NotEnded,
    /// It opens a part that is open.
    OpenedTwice {
        /// Its type.
        ty: String,
        /// The kind of the part.
        kind: Kind,
        /// The part.
        part: String,
    },
    /// It tells of a part, or ends one, that is not open.
    NotOpen {
        /// Its type.
        ty: String,
        /// The kind of the part.
        kind: Kind,
        /// The part.
        part: String,
    },
    /// The run completes while a part is open.
    LeftOpen {
        /// The kind of the part.
        kind: Kind,
        /// The part.
        part: String,
    },
    /// More parts are open than are followed.
    TooManyOpen,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeforeStart { ty } => write!(f, "`{ty}` stands before the run's start"),
            Self::StartedTwice { ty } => write!(f, "`{ty}` starts a run that has started"),
            Self::AfterEnd { ty } => write!(f, "`{ty}` stands after the run's end"),
            Self::EndedTwice { ty } => write!(f, "`{ty}` ends a run that has ended"),
            Self::NotEnded => f.write_str("the run has not ended"),
            Self::OpenedTwice { ty, kind, part } => {
                write!(f, "`{ty}` opens the {} `{part}`, which is open", kind.as_str())
            }
            Self::NotOpen { ty, kind, part } => {
                write!(f, "`{ty}` tells of the {} `{part}`, which is not open", kind.as_str())
            }
            Self::LeftOpen { kind, part } => write!(f, "the {} `{part}` is still open", kind.as_str()),
            Self::TooManyOpen => write!(f, "more than {} parts are open", super::MAX_OPEN),
        }
    }
}

impl From<Violation> for EventError {
    fn from(violation: Violation) -> Self {
        Self::attribute(Code::InvalidTransition, "type", violation.to_string())
    }
}
