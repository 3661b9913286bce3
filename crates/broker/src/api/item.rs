//! What comes out of the broker.

use headwater_events::{Cursor, Event, StreamName};
use headwater_store::{GapReason, Record};
use jiff::Timestamp;

/// What became of one published event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Where it stands in its stream.
    pub cursor: Cursor,
    /// When the log stored it, by its own clock.
    pub stored_at: Timestamp,
    /// It had been stored before; the cursor is that of the first one.
    pub duplicate: bool,
}

/// An event as a reader gets it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The stored event.
    pub record: Record,
    /// Where to resume behind it.
    pub cursor: Cursor,
    /// How many events were merged into this one (`conflate`); 1 for an event as it was published.
    pub merged: u32,
}

impl Delivery {
    /// The event.
    #[must_use]
    pub fn event(&self) -> &Event {
        self.record.event()
    }
}

/// What lies behind `from` up to and including `to` is not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The last place the reader has.
    pub from: Cursor,
    /// The last place that is missing.
    pub to: Cursor,
    /// Why.
    pub reason: GapReason,
    /// Which stream, where the scope has several.
    pub stream: Option<StreamName>,
}

impl Gap {
    /// Whether events that are delivered may lie in its range.
    const fn is_sparse(&self) -> bool {
        self.stream.is_some() || matches!(self.reason, GapReason::Retention | GapReason::Trimmed)
    }
}

/// One item of a subscription.
#[derive(Debug, Clone)]
pub enum Item {
    /// An event.
    Event(Delivery),
    /// Something is missing.
    Gap(Gap),
    /// History has been delivered; what follows is live. Comes once, behind the place that was the end when the
    /// subscription began.
    CaughtUp(Cursor),
    /// The run has ended and everything stored was delivered. Comes last: the subscription is over. What is stored
    /// later (late events, a resumed run) is behind its cursor.
    End(Cursor),
}

impl Item {
    /// Where to resume behind this item. A gap does not move it where events that are there may lie in its range, and
    /// come behind it: those of other streams, and those that retention kept.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        match self {
            Self::Event(delivery) => delivery.cursor.clone(),
            Self::Gap(gap) if gap.is_sparse() => gap.from.clone(),
            Self::Gap(gap) => gap.to.clone(),
            Self::CaughtUp(cursor) | Self::End(cursor) => cursor.clone(),
        }
    }
}

/// A page of history.
#[derive(Debug, Clone)]
pub struct Page {
    /// What is missing before the events, in order.
    pub gaps: Vec<Gap>,
    /// The events, in order.
    pub events: Vec<Delivery>,
    /// Where to read on.
    pub next: Cursor,
    /// Whether there was more when the page was read.
    pub more: bool,
    /// The run has ended and the page reaches its last event.
    pub end: bool,
}
