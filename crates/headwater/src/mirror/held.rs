//! What the target has of a stream.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, RandomState},
};

use headwater_broker::{Error, Start};
use headwater_events::{Cursor, Event, StreamName};
use headwater_store::GapReason;

use super::reader::Reader;

/// How many events are read at once.
const PAGE: usize = 1000;

/// The ids that the target has behind a place: eight bytes an event.
#[derive(Debug, Default)]
pub(crate) struct Held {
    ids: HashSet<u64>,
    hasher: RandomState,
    /// The place is one of another numbering: the target was wiped.
    pub(crate) reset: bool,
}

impl Held {
    /// Reads what the target has of a stream behind a place, or everything.
    pub(crate) async fn read(
        target: &Reader,
        stream: &StreamName,
        behind: Option<&Cursor>,
    ) -> Result<Self, Error> {
        let mut held = Self::default();
        let mut start = behind.map_or(Start::Earliest, |cursor| Start::After(cursor.clone()));
        loop {
            let page = target.page(stream, start, PAGE).await?;
            held.reset |= page.gaps.iter().any(|gap| gap.reason == GapReason::Reset);
            let ids: Vec<u64> = page.events.iter().map(|delivery| held.hash(delivery.event())).collect();
            held.ids.extend(ids);
            if !page.more {
                return Ok(held);
            }
            start = Start::After(page.next);
        }
    }

    pub(crate) fn has(&self, event: &Event) -> bool {
        !self.ids.is_empty() && self.ids.contains(&self.hash(event))
    }

    fn hash(&self, event: &Event) -> u64 {
        self.hasher.hash_one((event.source(), event.id()))
    }
}
