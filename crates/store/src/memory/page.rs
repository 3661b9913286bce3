//! Filling a page.

use headwater_events::{Position, StreamName};

use crate::{Gap, GapReason, Page, Record};

/// Room is made for so many records at first.
const MOST_AT_ONCE: usize = 1024;

/// A page of `records`, which come in order, all behind `after`.
pub(super) fn fill<'a>(
    records: impl Iterator<Item = &'a Record>,
    after: Position,
    tail: Position,
    limit: usize,
    max_bytes: usize,
) -> Page {
    // Each record has a place of its own between the two.
    let most = usize::try_from(tail.0.saturating_sub(after.0)).unwrap_or(usize::MAX);
    let mut page = Page {
        next: after,
        records: Vec::with_capacity(limit.min(most).min(MOST_AT_ONCE)),
        ..Page::default()
    };
    let mut bytes = 0usize;
    for record in records {
        bytes = bytes.saturating_add(record.size());
        if page.records.len() >= limit || (bytes > max_bytes && !page.records.is_empty()) {
            page.more = true;
            break;
        }
        page.next = record.position();
        page.records.push(record.clone());
    }
    if !page.more {
        page.next = page.next.max(tail);
    }
    page
}

impl Page {
    /// Tells what is missing up to `to`, as far as the page reaches.
    pub(super) fn tell(
        &mut self,
        after: Position,
        to: Position,
        reason: GapReason,
        stream: Option<&StreamName>,
    ) {
        let to = to.min(self.next);
        if !self.is_whole(after, to) {
            self.gaps.push(Gap { from: after, to, reason, stream: stream.cloned() });
        }
    }
}
