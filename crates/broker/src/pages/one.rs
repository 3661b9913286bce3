//! A page of what stands in one order.

use std::sync::Arc;

use headwater_events::{Filter, Lane, Scope};
use headwater_store::{GapReason, Store};

use crate::{
    Delivery, Error, Gap, Page, Start,
    reader::{Begin, History},
};

/// How many records one page may look at, so that a filter that hides everything cannot hold it for long.
const MAX_SCAN: usize = 65_536;

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
