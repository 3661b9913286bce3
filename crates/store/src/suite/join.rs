//! History and what follows it, joined by position: no gap and no duplicate, wherever the join falls.

use std::sync::Arc;

use headwater_events::Position;

use super::{
    Case,
    case::{all_of_tenant, delta, durable, visible},
    checks::{Got, append, follow_until, read},
};
use crate::{FollowScope, Record, Store};

const EVENTS: usize = 300;

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
    let mut joins = Vec::new();
    while !writer.is_finished() {
        let at = store.tail().await.expect("a tail");
        let follow = store.follow(&FollowScope::All, at).await.expect("a follower");
        let mut history = read(&store, &visible("a"), Position::ZERO, 64).await.records;
        // What was appended since the tail was taken comes by both ways.
        history.retain(|record| record.position() <= at);
        joins.push((at, history, follow));
        tokio::task::yield_now().await;
    }
    let last = writer.await.expect("the writer");
    let wanted: Vec<_> = (0..EVENTS).map(|n| format!("a/{n}")).collect();
    println!("{} joins", joins.len());
    for (at, history, mut follow) in joins {
        // A join behind the last event has nothing to wait for.
        let live = if at < last { follow_until(&mut follow, last).await } else { Got::default() };
        assert!(live.gaps.is_empty(), "{:?}", live.gaps);
        let got: Vec<_> = history.iter().chain(&live.records).map(|r| r.event().id().to_owned()).collect();
        assert_eq!(got, wanted, "joined at {at}");
    }
}

/// The same at every position of a run that has been written.
pub async fn at_every_position(case: Case) {
    let store = case.open().await;
    let last = write(Arc::clone(&store)).await;
    let all = read(&store, &visible("a"), Position::ZERO, 1000).await;
    assert_eq!(all.records.len(), EVENTS);
    for (i, at) in all.positions().into_iter().enumerate() {
        let mut follow = store.follow(&FollowScope::All, at).await.expect("a follower");
        if at == last {
            break;
        }
        let live = follow_until(&mut follow, last).await;
        let from = live.gaps.last().map_or(at, |gap| gap.to);
        let wanted: Vec<_> = all.records[i + 1..].iter().filter(|r| r.position() > from).collect();
        let same = wanted.iter().map(|r| r.event().id()).eq(live.records.iter().map(|r| r.event().id()));
        assert!(same, "joined at {at}");
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
        let page = store.read(&all_of_tenant(), at_tenant, 10, 1 << 20).await.expect("a page");
        (at_tenant, over) = (page.next, over && !page.more);
        tenant.extend(page.records);
        tokio::task::yield_now().await;
    }
    let ids = |records: &[Record]| records.iter().map(|r| r.event().id().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(&stream), (0..EVENTS).map(|n| format!("a/{n}")).collect::<Vec<_>>());
    let durable: Vec<_> = (0..EVENTS).filter(|n| n % 3 != 0).map(|n| format!("a/{n}")).collect();
    assert_eq!(ids(&tenant), durable);
}
