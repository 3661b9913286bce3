//! A stored event.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use headwater_events::{Class, Event, Lane, Mark, Position, lane_of};
use jiff::Timestamp;

/// An event with what the log gave it. Cloning copies a pointer, so that however many readers share one record.
#[derive(Clone)]
pub struct Record(Arc<Inner>);

struct Inner {
    event: Event,
    position: Position,
    /// Milliseconds since the Unix epoch, by the log's clock.
    stored_at: i64,
    class: Class,
    mark: Mark,
    frame: OnceLock<Bytes>,
}

impl Record {
    /// A record of `event` at `position`.
    #[must_use]
    pub fn new(event: Event, position: Position, stored_at: Timestamp, class: Class, mark: Mark) -> Self {
        let stored_at = stored_at.as_millisecond();
        Self(Arc::new(Inner { event, position, stored_at, class, mark, frame: OnceLock::new() }))
    }

    /// The event.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.0.event
    }

    /// Where it stands.
    #[must_use]
    pub fn position(&self) -> Position {
        self.0.position
    }

    /// When the log stored it, by the log's own clock.
    #[must_use]
    pub fn stored_at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.stored_at).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// When the log stored it, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn stored_at_ms(&self) -> i64 {
        self.0.stored_at
    }

    /// Its class, as decided at append.
    #[must_use]
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// What it does to its run, as decided at append.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.0.mark
    }

    /// The lane it belongs to in a store with that many.
    #[must_use]
    pub fn lane(&self, lanes: u16) -> Lane {
        lane_of(self.event().tenant().unwrap_or("default"), self.event().stream(), lanes)
    }

    /// A wire form made from this record, kept with it so that it is made once however many readers there are.
    ///
    /// There is one such place: whoever uses it must always make the same bytes for the same record. The gateway
    /// keeps the frame of the record's own stream there.
    pub fn frame(&self, make: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.0.frame.get_or_init(|| make(self)).clone()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("position", &self.0.position)
            .field("class", &self.0.class)
            .field("event", &self.0.event)
            .finish_non_exhaustive()
    }
}
