//! Loss, said aloud.

use std::fmt;

use headwater_events::{Position, StreamName};
use serde::{Deserialize, Serialize};

/// Why a reader does not get what lies between two positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GapReason {
    /// Retention removed durable events.
    Retention,
    /// Transient events (deltas) were trimmed; the durable event that ends each family has the full value.
    Trimmed,
    /// The subscriber chose to drop, or its ring was overrun and the log cannot be read.
    Overflow,
    /// The cursor belongs to another numbering: the store was reset or replaced.
    Reset,
    /// The log may have lost its tail here.
    Lost,
    /// The stream was deleted.
    Deleted,
    /// What is stored there cannot be read.
    Undecodable,
}

impl GapReason {
    /// The stable name used in answers and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retention => "retention",
            Self::Trimmed => "trimmed",
            Self::Overflow => "overflow",
            Self::Reset => "reset",
            Self::Lost => "lost",
            Self::Deleted => "deleted",
            Self::Undecodable => "undecodable",
        }
    }
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Something in `(from, to]` is not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The last position the reader has.
    pub from: Position,
    /// The last position that is missing; reading goes on after it.
    pub to: Position,
    /// Why.
    pub reason: GapReason,
    /// Which stream, where the scope has several.
    pub stream: Option<StreamName>,
}
