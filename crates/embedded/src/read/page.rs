//! Filling a page.

use headwater_events::Position;
use headwater_store::{Error, Gap, GapReason, Page};

use super::Limit;
use crate::value::Stored;

/// A page of what comes in order, all behind `after`.
pub(super) fn fill(
    stored: impl Iterator<Item = Result<Stored, Error>>,
    after: Position,
    tail: Position,
    limit: Limit,
) -> Result<Page, Error> {
    let mut page = Page { next: after, ..Page::default() };
    let mut bytes = 0usize;
    for stored in stored {
        let stored = stored?;
        let position = stored.position;
        bytes = bytes.saturating_add(stored.json.len());
        let full = page.records.len() >= limit.records || bytes > limit.bytes;
        if full && !page.records.is_empty() {
            page.more = true;
            return Ok(page);
        }
        page.records.push(stored.into_record()?);
        page.next = position;
    }
    page.next = page.next.max(tail);
    Ok(page)
}

/// Tells what is missing in `(from, to]`, as far as the page reaches.
pub(super) fn tell(page: &mut Page, after: Position, (from, to): (Position, Position), reason: GapReason) {
    let (from, to) = (from.max(after), to.min(page.next));
    if from < to {
        page.gaps.push(Gap { from, to, reason, stream: None });
    }
}
