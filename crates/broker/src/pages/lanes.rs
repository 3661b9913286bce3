//! A page of what lies in several lanes, each numbered by itself.

use std::sync::Arc;

use futures_util::future::try_join_all;
use headwater_events::{Cursor, Filter, Lane, Place, Scope};
use headwater_store::Store;

use super::{MAX_BYTES, one};
use crate::{Error, Gap, Page, Start, reader::Lanes};

/// One lane's part of a page.
struct Part {
    lane: Lane,
    scope: Scope,
    page: Page,
    /// Whether asking again would give more at once.
    open: bool,
}

/// One page of a wide scope over a store that numbers each lane by itself: an equal share of each lane, what a lane
/// does not need going to the others, in the order in which the log stored them as far as its clocks tell, and in order
/// inside each lane.
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
    let mut parts: Vec<_> = Lanes::of(scope, store.lanes())
        .into_iter()
        .map(|(lane, scope)| {
            let next = page.next.at(page.next.place().of(lane));
            let page = Page { gaps: Vec::new(), events: Vec::new(), next, more: false, end: false };
            Part { lane, scope, page, open: true }
        })
        .collect();
    // Who reads few at a time would else see the first lanes only.
    let first = usize::try_from(place_sum(&page.next)).unwrap_or(0) % parts.len().max(1);
    parts.rotate_left(first);
    let (mut left, mut bytes) = (limit, MAX_BYTES);
    // Every round fills the page or closes a lane.
    while left > 0 && bytes > 0 && parts.iter().any(|part| part.open) {
        fill(store, filter, &mut parts, left, bytes).await?;
        let events = || parts.iter().flat_map(|part| &part.page.events);
        left = limit.saturating_sub(events().count());
        bytes = MAX_BYTES.saturating_sub(events().map(|event| event.record.size()).sum());
    }
    page.more = parts.iter().any(|part| part.page.more);
    merge(&mut page, parts);
    Ok(page)
}

/// Gives every open lane an equal share of what is left, all at once: what a store asks its server for one of them
/// often answers the others too.
async fn fill(
    store: &Arc<dyn Store>,
    filter: &Filter,
    parts: &mut [Part],
    left: usize,
    bytes: usize,
) -> Result<(), Error> {
    let open: Vec<_> = parts.iter_mut().filter(|part| part.open).collect();
    let (share, over) = (left / open.len(), left % open.len());
    let share_bytes = (bytes / open.len()).max(1);
    let reads = open.into_iter().enumerate().map(|(at, part)| async move {
        let share = share + usize::from(at < over);
        let start = Start::After(part.page.next.clone());
        // A lane that has its turn on another page is asked for one event, to know whether there is more.
        let want = share.max(1);
        let read = one::read(store, &part.scope, Some(part.lane), filter, start, want, share_bytes).await?;
        if share == 0 {
            part.open = read.more || !read.events.is_empty() || !read.gaps.is_empty();
            part.page.more = part.open;
        } else {
            (part.page.more, part.open) = (read.more, read.more && read.events.len() == share);
            part.page.next = read.next;
            part.page.gaps.extend(read.gaps);
            part.page.events.extend(read.events);
        }
        Ok::<_, Error>(())
    });
    try_join_all(reads).await.map(drop)
}

/// Puts the lanes' parts into one page: always the head that was stored first.
fn merge(page: &mut Page, parts: Vec<Part>) {
    let mut queues = Vec::with_capacity(parts.len());
    for Part { lane, page: part, .. } in parts {
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
        Place::One(position) => position.0,
        Place::Lanes(lanes) => lanes.iter().fold(0u64, |sum, position| sum.wrapping_add(position.0)),
    }
}
