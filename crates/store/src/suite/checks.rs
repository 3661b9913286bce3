//! Reading and following, with what must hold for every page and item.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::StreamExt;
use headwater_events::Position;

use super::view::numbering;
use crate::{Append, Appended, Follow, FollowItem, Gap, Page, ReadScope, Record, Store};

/// How long something that must come may take.
pub(super) const SOON: Duration = Duration::from_secs(20);

/// What a reader got.
#[derive(Debug, Default)]
pub(super) struct Got {
    pub(super) records: Vec<Record>,
    pub(super) gaps: Vec<Gap>,
}

impl Got {
    /// The ids of the events, in order.
    pub(super) fn ids(&self) -> Vec<&str> {
        self.records.iter().map(|record| record.event().id()).collect()
    }

    pub(super) fn extend(&mut self, more: Self) {
        self.records.extend(more.records);
        self.gaps.extend(more.gaps);
    }

    pub(super) fn positions(&self) -> Vec<Position> {
        self.records.iter().map(Record::position).collect()
    }
}

pub(super) fn ids(batch: &[Append]) -> Vec<&str> {
    batch.iter().map(|append| append.event.id()).collect()
}

pub(super) async fn append(store: &Arc<dyn Store>, batch: Vec<Append>) -> Vec<Appended> {
    let lanes: Vec<_> = batch.iter().map(|one| numbering(store, one)).collect();
    let count = batch.len();
    let answer = store.append(batch).await.expect("an append");
    assert_eq!(answer.len(), count, "an answer for each event");
    let mut last = HashMap::new();
    for (lane, appended) in lanes.into_iter().zip(&answer).filter(|(_, appended)| !appended.duplicate) {
        let position = appended.position;
        if let Some(last) = last.insert(lane, position) {
            assert!(position > last, "positions ascend in the order of the batch: {position} behind {last}");
        }
    }
    answer
}

/// One page, checked.
pub(super) async fn page(
    store: &Arc<dyn Store>,
    scope: &ReadScope,
    after: Position,
    limit: usize,
    max_bytes: usize,
) -> Page {
    let page = store.read(scope, after, limit, max_bytes).await.expect("a page");
    let positions: Vec<_> = page.records.iter().map(Record::position).collect();
    assert!(page.records.len() <= limit, "at most {limit} records, not {}", page.records.len());
    assert!(positions.is_sorted_by(|a, b| a < b), "records in order: {positions:?}");
    assert!(positions.first().is_none_or(|first| *first > after), "records behind {after}: {positions:?}");
    assert!(page.next >= after, "next {} is never less than {after}", page.next);
    assert!(
        positions.last().is_none_or(|last| *last <= page.next),
        "next {} covers {positions:?}",
        page.next
    );
    if page.more {
        assert!(page.next > after, "a page with more moves on from {after}");
    }
    for gap in &page.gaps {
        assert!(gap.from >= after && gap.from < gap.to, "{gap:?} lies behind {after}");
        assert!(gap.to <= page.next, "{gap:?} reaches beyond the page's end {}", page.next);
    }
    for (i, gap) in page.gaps.iter().enumerate() {
        let again = page.gaps[..i].iter().any(|g| g.reason == gap.reason && g.stream == gap.stream);
        assert!(!again, "a page tells of each reason once: {:?}", page.gaps);
    }
    page
}

/// A scope from `after` to its end, in pages of `limit`, checked.
pub(super) async fn read(store: &Arc<dyn Store>, scope: &ReadScope, after: Position, limit: usize) -> Got {
    let mut got = Got::default();
    let mut next = after;
    loop {
        let page = page(store, scope, next, limit, 1 << 20).await;
        for gap in &page.gaps {
            let told =
                got.gaps.iter().any(|g| g.reason == gap.reason && g.stream == gap.stream && g.to > gap.from);
            assert!(!told, "{gap:?} was told already: {:?}", got.gaps);
        }
        got.gaps.extend(page.gaps);
        got.records.extend(page.records);
        next = page.next;
        if !page.more {
            return got;
        }
    }
}

/// Everything there is in a scope.
pub(super) async fn read_all(store: &Arc<dyn Store>, scope: &ReadScope) -> Got {
    read(store, scope, Position::ZERO, 1000).await
}

/// Follows until a record at or behind `until` came or was told as a gap, checked.
pub(super) async fn follow_until(follow: &mut Follow, until: Position) -> Got {
    let mut got = Got::default();
    let mut at = Position::ZERO;
    while at < until {
        match next(follow).await.expect("the follower goes on") {
            FollowItem::Batch(batch) => {
                assert!(!batch.is_empty(), "no empty batches");
                for record in batch.iter() {
                    assert!(record.position() > at, "in order: {} after {at}", record.position());
                    at = record.position();
                }
                got.records.extend(batch.iter().cloned());
            }
            FollowItem::Gap(gap) => {
                assert!(gap.from >= at && gap.to > gap.from, "{gap:?} lies behind {at}");
                at = gap.to;
                got.gaps.push(gap);
            }
            FollowItem::Deleted { .. } => {}
        }
    }
    got
}

/// The next item; `None` at the end.
pub(super) async fn next(follow: &mut Follow) -> Option<FollowItem> {
    let item = tokio::time::timeout(SOON, follow.next()).await.expect("an item comes soon");
    item.map(|item| item.expect("the follower does not fail"))
}

/// Nothing comes for a while.
pub(super) async fn quiet(follow: &mut Follow) {
    let item = tokio::time::timeout(Duration::from_millis(50), follow.next()).await;
    assert!(item.is_err(), "nothing should come: {item:?}");
}
