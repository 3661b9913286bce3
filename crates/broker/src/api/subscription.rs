//! What goes into the broker.

use std::{fmt, str::FromStr};

use headwater_events::{Cursor, Filter, Scope};

use super::Error;

/// Where a reader begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Start {
    /// At the oldest that is kept.
    #[default]
    Earliest,
    /// At the present end, resolved once when the call is made.
    Live,
    /// Directly behind a cursor.
    After(Cursor),
}

impl FromStr for Start {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "earliest" => Ok(Self::Earliest),
            "live" => Ok(Self::Live),
            cursor => cursor.parse().map(Self::After).map_err(|_| Error::BadCursor),
        }
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Earliest => f.write_str("earliest"),
            Self::Live => f.write_str("live"),
            Self::After(cursor) => cursor.fmt(f),
        }
    }
}

/// What happens when a reader is slower than the events come. Publishers never wait for readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// Leave the ring and read the log until caught up: nothing is lost.
    #[default]
    CatchUp,
    /// As `CatchUp`, and adjacent deltas of one part that are waiting are merged into one event: lossless for text.
    Conflate,
    /// Keep at most this many waiting events; older ones are dropped with a `Gap { reason: overflow }`.
    DropOldest(usize),
    /// End with [`Error::SlowConsumer`] and the cursor.
    Disconnect,
}

/// The text is no overflow policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("overflow is one of catch_up, conflate, drop_oldest(n), disconnect")]
pub struct OverflowError;

impl FromStr for Overflow {
    type Err = OverflowError;

    fn from_str(text: &str) -> Result<Self, OverflowError> {
        match text {
            "catch_up" => Ok(Self::CatchUp),
            "conflate" => Ok(Self::Conflate),
            "drop_oldest" => Ok(Self::DropOldest(1024)),
            "disconnect" => Ok(Self::Disconnect),
            other => other
                .strip_prefix("drop_oldest(")
                .and_then(|rest| rest.strip_suffix(')'))
                .and_then(|n| n.trim().parse().ok())
                .filter(|n| (1..=65_536).contains(n))
                .map(Self::DropOldest)
                .ok_or(OverflowError),
        }
    }
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CatchUp => f.write_str("catch_up"),
            Self::Conflate => f.write_str("conflate"),
            Self::DropOldest(n) => write!(f, "drop_oldest({n})"),
            Self::Disconnect => f.write_str("disconnect"),
        }
    }
}

/// What a reader asks for.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// What is read.
    pub scope: Scope,
    /// Which events of it.
    pub filter: Filter,
    /// Where to begin.
    pub start: Start,
    /// What happens when the reader is slow.
    pub overflow: Overflow,
}

impl Subscription {
    /// Everything of a scope from the oldest, losing nothing.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self { scope, filter: Filter::all(), start: Start::Earliest, overflow: Overflow::CatchUp }
    }

    /// Only what passes the filter.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Begins at another place.
    #[must_use]
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Chooses what happens when the reader is slow.
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }
}
