//! History in pages.

use std::sync::Arc;

use headwater_events::{Cursor, Filter, Lane, Scope};
use headwater_store::{GapReason, Store};

use crate::{
    Delivery, Error, Gap, Page, Start,
    reader::{Begin, History, Lanes},
};

/// How many records one page may look at, so that a filter that hides everything cannot hold it for long.
const MAX_SCAN: usize = 65_536;
/// How many bytes one page may have, about.
pub(crate) const MAX_BYTES: usize = 4 * 1024 * 1024;

/// One page of a scope, or of what it has in a lane.
pub(crate) async fn read(
    store: &Arc<dyn Store>,
    scope: &Scope,
    lane: Option<Lane>,
    filter: &Filter,
    start: Start,
    limit: usize,
    max_bytes: usize,
) -> Result<Page, Error> {
    let begin = Begin::resolve(&**store, scope, lane, start).await?;
    let history = History::new(Arc::clone(store), scope.clone(), lane);
    let mut page = Page {
        gaps: begin.gap.into_iter().collect(),
        events: Vec::new(),
        next: begin.cursor,
        more: true,
        end: false,
    };
    let (mut scanned, mut bytes) = (0, 0);
    while page.more && page.events.len() < limit && scanned < MAX_SCAN && bytes < max_bytes {
        let want = if filter.is_all() { limit - page.events.len() } else { 1024 };
        let part = history.page(page.next.position(), want, max_bytes - bytes).await?;
        scanned += part.records.len().max(1);
        page.gaps.extend(part.gaps.into_iter().map(|gap| Gap {
            from: page.next.at(gap.from),
            to: page.next.at(gap.to),
            reason: gap.reason,
            stream: gap.stream,
        }));
        page.more = part.more;
        let mut upto = part.next;
        for record in part.records {
            if !filter.matches(record.event()) {
                continue;
            }
            if page.events.len() == limit || bytes >= max_bytes {
                upto = page.events.last().map_or(upto, |last| last.cursor.position());
                page.more = true;
                break;
            }
            let cursor = page.next.at(record.position());
            bytes += record.size();
            page.events.push(Delivery { record, cursor, merged: 1 });
        }
        page.next = page.next.at(upto.max(page.next.position()));
    }
    // What is missing further on is told by the page that gets there.
    let next = page.next.position();
    page.gaps.retain_mut(|gap| {
        let told = gap.reason == GapReason::Reset || gap.from.position() < next;
        if gap.reason != GapReason::Reset {
            gap.to = gap.to.at(gap.to.position().min(next));
        }
        told
    });
    if let (Scope::Stream(tenant, stream), false) = (scope, page.more) {
        let run = store.run(tenant, stream).await?;
        page.end = run.is_some_and(|run| run.is_ended() && run.last <= page.next.position());
    }
    Ok(page)
}

/// One page of a wide scope over a store that numbers each lane by itself: an equal share of each lane, in the order in
/// which the log stored them as far as its clocks tell, and in order inside each lane.
pub(crate) async fn read_lanes(
    store: &Arc<dyn Store>,
    scope: &Scope,
    filter: &Filter,
    start: Start,
    limit: usize,
) -> Result<Page, Error> {
    let (begin, gap) = Lanes::begin(&**store, scope, start).await?;
    let mut page =
        Page { gaps: gap.into_iter().collect(), events: Vec::new(), next: begin, more: false, end: false };
    let mut parts = Lanes::of(scope, store.lanes());
    // Who reads few at a time would else see the first lanes only.
    let first = usize::try_from(place_sum(&page.next)).unwrap_or(0) % parts.len().max(1);
    parts.rotate_left(first);
    let share = limit.div_ceil(parts.len().max(1));
    let mut left = limit;
    let mut queues = Vec::with_capacity(parts.len());
    for (lane, scope) in parts {
        let start = Start::After(page.next.at(page.next.place().of(lane)));
        // A lane that has its turn on another page is asked for one event, to know whether there is more.
        let want = share.min(left);
        let part = read(store, &scope, Some(lane), filter, start, want.max(1), MAX_BYTES / 8).await?;
        if want == 0 {
            page.more |= part.more || !part.events.is_empty();
            continue;
        }
        left -= part.events.len();
        page.more |= part.more;
        queues.push((lane, part));
    }
    merge(&mut page, queues);
    Ok(page)
}

/// Puts the lanes' parts into one page: always the head that was stored first.
fn merge(page: &mut Page, parts: Vec<(Lane, Page)>) {
    let mut queues = Vec::with_capacity(parts.len());
    for (lane, part) in parts {
        for gap in part.gaps {
            let at = |cursor: &Cursor| page.next.at(page.next.place().with(lane, cursor.position()));
            let (from, to) = (at(&gap.from), at(&gap.to));
            page.gaps.push(Gap { from, to, ..gap });
        }
        queues.push((lane, part.next.position(), part.events.into_iter().peekable()));
    }
    loop {
        let heads = queues.iter_mut().enumerate();
        let heads =
            heads.filter_map(|(i, (.., queue))| queue.peek().map(|head| (head.record.stored_at_ms(), i)));
        let Some((_, first)) = heads.min() else { break };
        let (lane, _, queue) = &mut queues[first];
        let Some(mut delivery) = queue.next() else { break };
        page.next = page.next.at(page.next.place().with(*lane, delivery.record.position()));
        delivery.cursor = page.next.clone();
        page.events.push(delivery);
    }
    for (lane, next, _) in queues {
        page.next = page.next.at(page.next.place().with(lane, next));
    }
}

/// Something that changes from page to page.
fn place_sum(cursor: &Cursor) -> u64 {
    match cursor.place() {
        headwater_events::Place::One(position) => position.0,
        headwater_events::Place::Lanes(lanes) => {
            lanes.iter().fold(0u64, |sum, position| sum.wrapping_add(position.0))
        }
    }
}
