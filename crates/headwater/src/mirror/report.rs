//! What a mirror did.

use std::collections::BTreeMap;

use headwater_broker::{Error, Gap};
use headwater_events::{Cursor, StreamName};
use headwater_store::GapReason;
use serde::{Serialize, Serializer};

/// Something that a mirror tells on its way.
#[derive(Debug)]
#[non_exhaustive]
pub enum Happening<'a> {
    /// What there is to copy, as the source counts it.
    Found {
        /// How many streams.
        streams: u64,
        /// How many events, those included that the target has already.
        events: u64,
    },
    /// So many more events of a stream were dealt with: stored, there already, or refused.
    Passed {
        /// Which stream.
        stream: &'a StreamName,
        /// How many events.
        events: u64,
    },
    /// Something is missing at the source.
    Gap {
        /// In which stream.
        stream: &'a StreamName,
        /// What.
        gap: &'a Gap,
    },
    /// The target does not take an event.
    Refused {
        /// Of which stream.
        stream: &'a StreamName,
        /// The event's id.
        id: &'a str,
        /// Why.
        error: &'a Error,
    },
    /// The target is no longer what it was: the stream is compared from its beginning.
    TargetReset {
        /// Which stream.
        stream: &'a StreamName,
    },
    /// One of the two is away: it is tried again.
    Waiting {
        /// What it said.
        error: &'a Error,
    },
    /// A stream was copied to its end.
    Done(&'a StreamReport),
    /// Everything that was there is copied; what follows is live.
    Live,
}

/// Who is told.
pub(super) type Observer = dyn Fn(Happening<'_>) + Send + Sync;

/// Something that is missing at the source.
#[derive(Debug, Clone, Serialize)]
pub struct MirrorGap {
    /// Why.
    pub reason: GapReason,
    /// The last place before it.
    #[serde(serialize_with = "text")]
    pub from: Cursor,
    /// The last place that is missing.
    #[serde(serialize_with = "text")]
    pub to: Cursor,
}

/// What became of one stream.
#[derive(Debug, Clone, Serialize)]
pub struct StreamReport {
    /// Which one.
    pub stream: StreamName,
    /// How many events were stored.
    pub stored: u64,
    /// How many the target had already.
    pub already: u64,
    /// How many the target does not take.
    pub refused: u64,
    /// What is missing at the source.
    pub gaps: Vec<MirrorGap>,
    /// The target was wiped since it was last copied to.
    pub target_reset: bool,
}

impl StreamReport {
    pub(super) const fn new(stream: StreamName) -> Self {
        Self { stream, stored: 0, already: 0, refused: 0, gaps: Vec::new(), target_reset: false }
    }

    /// Whether there is anything to tell.
    pub(super) fn is_quiet(&self) -> bool {
        self.stored + self.already + self.refused == 0 && self.gaps.is_empty() && !self.target_reset
    }
}

/// What a mirror did in all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MirrorReport {
    /// How many streams were copied or compared.
    pub streams: u64,
    /// How many events were stored.
    pub stored: u64,
    /// How many the target had already.
    pub already: u64,
    /// How many the target does not take.
    pub refused: u64,
    /// How many gaps the source told, by reason.
    pub gaps: BTreeMap<&'static str, u64>,
}

impl MirrorReport {
    /// Whether the target has everything that the source ever had of these streams. Deltas that were trimmed at the
    /// source do not count: the durable event that ends each family has the full value.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.refused == 0 && self.gaps.keys().all(|reason| *reason == GapReason::Trimmed.as_str())
    }

    pub(super) fn add(&mut self, stream: &StreamReport) {
        self.streams += 1;
        self.stored += stream.stored;
        self.already += stream.already;
        self.refused += stream.refused;
        for gap in &stream.gaps {
            *self.gaps.entry(gap.reason.as_str()).or_default() += 1;
        }
    }
}

fn text<S: Serializer>(cursor: &Cursor, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(cursor)
}
