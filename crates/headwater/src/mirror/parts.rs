//! What is sent at once, and what is said of it.

use std::collections::VecDeque;

use headwater_broker::{Error, Page};
use headwater_events::{Cursor, Event, Position};
use headwater_store::Error as StoreError;

/// How many encoded bytes are sent at once, at most, unless one event alone has more.
const BATCH_BYTES: usize = 1024 * 1024;

/// Events that are sent together, each with its place in the source.
pub(crate) type Part = Vec<(Event, Cursor)>;

/// Leaves in a page what stands at or before `end`; gives whether the page reaches it.
pub(crate) fn cut(page: &mut Page, end: Position) -> bool {
    let keep = page.events.partition_point(|delivery| delivery.cursor.position() <= end);
    if keep < page.events.len() {
        page.events.truncate(keep);
        page.next = page.next.at(end);
    }
    page.next.position() >= end
}

/// The events in parts of at most so many events and bytes, each with the place that is reached behind it.
pub(crate) fn split(events: Part, next: Cursor, batch: usize) -> VecDeque<(Part, Cursor)> {
    let mut parts = VecDeque::new();
    let (mut part, mut bytes) = (Part::new(), 0);
    for (event, cursor) in events {
        let size = event.json().len();
        if let Some((_, reached)) = part.last()
            && (part.len() >= batch.max(1) || bytes + size > BATCH_BYTES)
        {
            let reached = reached.clone();
            parts.push_back((std::mem::take(&mut part), reached));
            bytes = 0;
        }
        bytes += size;
        part.push((event, cursor));
    }
    parts.push_back((part, next));
    parts
}

/// Whether the target said something about events of a part, and not about the caller or itself.
pub(crate) fn names_an_event(error: &Error, part: &Part) -> bool {
    match error {
        Error::InvalidEvent { index, .. } => *index < part.len(),
        Error::BatchTooLarge { .. } | Error::Store(StoreError::Unsupported { .. }) => !part.is_empty(),
        Error::Remote { status, code, .. } => {
            let about_the_caller =
                matches!(status, 401 | 404 | 405 | 415) || (*status == 403 && code != "foreign-tenant");
            (400..500).contains(status) && *status != 429 && !about_the_caller && !part.is_empty()
        }
        _ => false,
    }
}
