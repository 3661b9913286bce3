//! Filling a page and telling what it lacks.

use headwater_events::Position;
use headwater_store::{Gap, GapReason, Page, Record, RunRecord};

use super::Limit;

/// A page of `records`, which come in order, all behind `after`. `more`: there is more than these, up to `reach`.
pub(super) fn fill(
    records: Vec<Record>,
    after: Position,
    tail: Position,
    limit: Limit,
    more: bool,
    reach: Position,
) -> Page {
    let mut page = Page { next: after, more, ..Page::default() };
    let mut bytes = 0usize;
    for record in records {
        bytes = bytes.saturating_add(record.size());
        if page.records.len() >= limit.records || (bytes > limit.bytes && !page.records.is_empty()) {
            page.more = true;
            return page;
        }
        page.next = record.position();
        page.records.push(record);
    }
    page.next = page.next.max(if more { reach } else { tail });
    page
}

/// Tells what is missing in `(from, to]`, as far as the page reaches.
pub(super) fn tell(page: &mut Page, after: Position, (from, to): (Position, Position), reason: GapReason) {
    let (from, to) = (from.max(after), to.min(page.next));
    if from >= to {
        return;
    }
    match page.gaps.iter_mut().find(|gap| gap.reason == reason) {
        Some(gap) => (gap.from, gap.to) = (gap.from.min(from), gap.to.max(to)),
        None => page.gaps.push(Gap { from, to, reason, stream: None }),
    }
}

/// Tells of entries that nobody can read.
pub(super) fn tell_undecodable(page: &mut Page, after: Position, places: &[Position]) {
    for place in places.iter().filter(|place| **place > after) {
        tell(page, after, (place.prev(), *place), GapReason::Undecodable);
    }
}

/// Tells of what the log has lost, where the reader may be concerned: a run that is over has nothing to lose, and one
/// that began later lost nothing that a reader from the beginning would miss.
pub(super) fn tell_lost(
    page: &mut Page,
    lost: &[(Position, Position)],
    after: Position,
    run: Option<&RunRecord>,
    of_a_stream: bool,
) {
    let concerned = |from: Position| match run {
        _ if !of_a_stream => true,
        Some(run) if run.ended.is_some_and(|ended| ended <= from) => false,
        Some(run) => run.first <= from || after > Position::ZERO,
        None => after > Position::ZERO,
    };
    let concerned: Vec<_> = lost
        .iter()
        .filter(|(from, to)| *to > after && *from < page.next && concerned(*from))
        .copied()
        .collect();
    if let (Some(first), Some(last)) = (concerned.first(), concerned.last()) {
        tell(page, after, (first.0, last.1), GapReason::Lost);
    }
}
