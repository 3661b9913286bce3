//! History and what follows it, joined by position: no gap and no duplicate, wherever the join falls.

use std::sync::Arc;

use headwater_events::lane_of;

use super::{
    Case,
    case::{delta, durable, visible},
    checks::{append, read},
    view::{Live, at, wide},
};
use crate::{Position, Record, Store};

const EVENTS: usize = 300;
/// How many joins there are at most, so that as many followers are open at once.
const JOINS: usize = 100;

async fn write(store: Arc<dyn Store>) -> Position {
    let mut last = Position::ZERO;
    for n in 0..EVENTS {
        let batch = if n % 3 == 0 { vec![delta("a", n)] } else { vec![durable("a", n)] };
        last = append(&store, batch).await[0].position;
        // Lets the joins fall between.
        tokio::task::yield_now().await;
    }
    last
}

/// Follow from the tail, then read up to it, again and again while the run is being written: each join is whole.
pub async fn follow_then_read_while_it_is_written(case: Case) {
    let store = case.open().await;
    let writer = tokio::spawn(write(Arc::clone(&store)));
    let lane = lane_of("default", "a", store.lanes());
    let mut joins = Vec::new();
    while !writer.is_finished() && joins.len() < JOINS {
        let here = store.lane_tail(lane).await.expect("a tail");
        let live = Live::open(&store, &at(&store, "a", here)).await;
        let mut history = read(&store, &visible("a"), Position::ZERO, 64).await.records;
        // What was appended since the tail was taken comes by both ways.
        history.retain(|record| record.position() <= here);
        joins.push((here, history, live));
        tokio::task::yield_now().await;
    }
    let last = writer.await.expect("the writer");
    let wanted: Vec<_> = (0..EVENTS).map(|n| format!("a/{n}")).collect();
    println!("{} joins", joins.len());
    for (here, history, mut live) in joins {
        // A join behind the last event has nothing to wait for.
        let until = if here < last { last } else { Position::ZERO };
        let live = live.until(&at(&store, "a", until)).await;
        assert!(live.gaps.is_empty(), "{:?}", live.gaps);
        let got: Vec<_> = history.iter().chain(&live.records).map(|r| r.event().id().to_owned()).collect();
        assert_eq!(got, wanted, "joined at {here}");
    }
}

/// The same at every position of a run that has been written.
pub async fn at_every_position(case: Case) {
    let store = case.open().await;
    let last = write(Arc::clone(&store)).await;
    let all = read(&store, &visible("a"), Position::ZERO, 1000).await;
    assert_eq!(all.records.len(), EVENTS);
    for (i, here) in all.positions().into_iter().enumerate().step_by(3) {
        if here == last {
            break;
        }
        let mut live = Live::open(&store, &at(&store, "a", here)).await;
        let live = live.until(&at(&store, "a", last)).await;
        let from = live.gaps.last().map_or(here, |gap| gap.to);
        let wanted: Vec<_> = all.records[i + 1..].iter().filter(|r| r.position() > from).collect();
        let same = wanted.iter().map(|r| r.event().id()).eq(live.records.iter().map(|r| r.event().id()));
        assert!(same, "joined at {here}");
    }
}

/// Reading along from `next` to `next` while it is written sees every event once.
pub async fn reading_along_misses_nothing(case: Case) {
    let store = case.open().await;
    let writer = tokio::spawn(write(Arc::clone(&store)));
    let mut stream: Vec<Record> = Vec::new();
    let mut tenant: Vec<Record> = Vec::new();
    let (mut at_stream, mut at_tenant) = (Position::ZERO, Position::ZERO);
    let mut over = false;
    while !over {
        over = writer.is_finished();
        let page = store.read(&visible("a"), at_stream, 10, 1 << 20).await.expect("a page");
        (at_stream, over) = (page.next, over && !page.more);
        stream.extend(page.records);
        let page = store.read(&wide(&store, "a"), at_tenant, 10, 1 << 20).await.expect("a page");
        (at_tenant, over) = (page.next, over && !page.more);
        tenant.extend(page.records);
        tokio::task::yield_now().await;
    }
    let ids = |records: &[Record]| records.iter().map(|r| r.event().id().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(&stream), (0..EVENTS).map(|n| format!("a/{n}")).collect::<Vec<_>>());
    let durable: Vec<_> = (0..EVENTS).filter(|n| n % 3 != 0).map(|n| format!("a/{n}")).collect();
    assert_eq!(ids(&tenant), durable);
}
