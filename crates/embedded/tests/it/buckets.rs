//! Space comes back: buckets are dropped, deleted streams cleared away.

use std::{sync::Arc, time::Duration};

use crate::common::{all, delta, durable, event, page, scope, stream, tenant};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore, Stats, verify};
use headwater_store::{
    Class, Clock, EventLog, GapReason, Lane, ManualClock, Mark, Position, ReadScope, Retention, Tenant,
};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn clock() -> ManualClock {
    ManualClock::new("2026-03-01T12:00:00Z".parse().unwrap())
}

async fn open(path: &std::path::Path, clock: &ManualClock, retention: Retention) -> EmbeddedStore {
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    EmbeddedStore::open(path, EmbeddedOptions { clock, retention, ..EmbeddedOptions::default() })
        .await
        .unwrap()
}

/// Waits until the background work has come so far.
async fn until(store: &EmbeddedStore, done: impl Fn(Stats) -> bool) {
    for _ in 0..2_000 {
        if done(store.stats()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the background work does not come to its end: {:?}", store.stats());
}

#[tokio::test]
async fn old_buckets_are_dropped_and_told_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let store = open(dir.path(), &clock, Retention::default()).await;
    for day in 0..12 {
        let ended = format!("ended-{day}");
        store
            .append(vec![
                event(&ended, 0, Class::Durable, Mark::Opens),
                durable("long", day),
                delta("long", 100 + day),
                event("long", 200 + day, Class::Internal, Mark::None),
                event(&ended, 1, Class::Durable, Mark::Completed),
            ])
            .await
            .unwrap();
        clock.advance(DAY);
    }
    store.trim().await.unwrap();
    // Four days of events and references, and all deltas but the newest bucket.
    until(&store, |stats| stats.dropped_buckets >= 4 + 4 + 11).await;
    let long = page(&store, &scope("long"), Position::ZERO).await;
    let kept: Vec<_> = long.records.iter().map(|r| r.event().id()).collect();
    assert_eq!(kept, ["long/5", "long/6", "long/7", "long/8", "long/9", "long/10", "long/11", "long/111"]);
    let told = |reason| long.gaps.iter().find(|gap| gap.reason == reason).map(|gap| gap.to);
    assert_eq!(told(GapReason::Retention), Some(Position(4 * 5 + 2)), "{:?}", long.gaps);
    assert_eq!(told(GapReason::Trimmed), Some(Position(10 * 5 + 3)), "{:?}", long.gaps);
    let run = store.run(&tenant("default"), &stream("long")).await.unwrap().unwrap();
    assert_eq!((run.durable, run.first, run.last), (12, Position(2), Position(11 * 5 + 4)));
    let names: Vec<_> = store
        .runs(&Tenant::default(), None, 100)
        .await
        .unwrap()
        .into_iter()
        .map(|(n, _)| n.to_string())
        .collect();
    assert!(!names.contains(&"ended-1".to_owned()), "ended, and nothing is left of it: {names:?}");
    assert!(names.contains(&"ended-11".to_owned()), "{names:?}");
    let all_of_tenant = page(&store, &ReadScope::Tenant(Tenant::default()), Position::ZERO).await;
    assert_eq!(all_of_tenant.records.len(), 7 * 3);
    assert_eq!(all_of_tenant.gaps[0].to, Position(4 * 5 + 5));
    let mut in_lanes = 0;
    for lane in 0..store.lanes() {
        in_lanes += all(&store, &ReadScope::Lane(Lane(lane))).await.len();
    }
    assert_eq!(in_lanes, 7 * 3);
    store.close().await.unwrap();
    drop(store);
    let report = verify(dir.path()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    // Nothing brings them back, and positions go on.
    let store = open(dir.path(), &clock, Retention::default()).await;
    let again = page(&store, &scope("long"), Position::ZERO).await;
    assert_eq!(again.gaps, long.gaps);
    assert_eq!(store.append(vec![durable("long", 1000)]).await.unwrap()[0].position, Position(61));
}

#[tokio::test]
async fn a_log_that_is_quiet_for_long_is_emptied_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let store = open(dir.path(), &clock, Retention::default()).await;
    store.append((0..10).map(|n| durable("a", n)).collect()).await.unwrap();
    clock.advance(30 * DAY);
    store.trim().await.unwrap();
    until(&store, |stats| stats.dropped_buckets >= 2).await;
    drop(store);
    let store = open(dir.path(), &clock, Retention::default()).await;
    assert_eq!(store.tail().await.unwrap(), Position(10), "the end is remembered without its bucket");
    assert_eq!(store.append(vec![durable("a", 10)]).await.unwrap()[0].position, Position(11));
    let read = page(&store, &scope("a"), Position::ZERO).await;
    assert_eq!((read.records.len(), read.gaps.len(), read.gaps[0].to), (1, 1, Position(10)));
}

#[tokio::test]
async fn deltas_of_ended_runs_are_dropped_whole() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let store = open(dir.path(), &clock, Retention::default()).await;
    for n in 0..50 {
        store.append(vec![delta("a", n), delta("b", n)]).await.unwrap();
    }
    store.append(vec![event("a", 100, Class::Durable, Mark::Completed)]).await.unwrap();
    clock.advance(2 * HOUR);
    store.trim().await.unwrap();
    // The bucket is over, but `b` goes on.
    let before = store.stats().dropped_buckets;
    assert!(page(&store, &scope("a"), Position::ZERO).await.records.len() == 1);
    assert_eq!(page(&store, &scope("b"), Position::ZERO).await.records.len(), 50);
    store.append(vec![event("b", 100, Class::Durable, Mark::Completed)]).await.unwrap();
    clock.advance(2 * HOUR);
    store.trim().await.unwrap();
    until(&store, |stats| stats.dropped_buckets > before).await;
    let b = page(&store, &scope("b"), Position::ZERO).await;
    assert_eq!((b.records.len(), b.gaps[0].reason), (1, GapReason::Trimmed));
    drop(store);
    let report = verify(dir.path()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.transient, 0, "no tombstones, no events");
}

#[tokio::test]
async fn a_deleted_stream_is_cleared_away() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let store = open(dir.path(), &clock, Retention::default()).await;
    for n in 0..30 {
        let batch = (0..200).map(|i| durable(if i % 2 == 0 { "a" } else { "b" }, n * 200 + i)).collect();
        store.append(batch).await.unwrap();
    }
    assert!(store.remove(&Tenant::default(), &stream("a")).await.unwrap());
    assert!(all(&store, &scope("a")).await.is_empty());
    until(&store, |stats| stats.cleared == 3_000).await;
    assert_eq!(all(&store, &ReadScope::Tenant(Tenant::default())).await.len(), 3_000);
    let told = page(&store, &scope("a"), Position(10)).await;
    assert_eq!(told.gaps[0].reason, GapReason::Deleted);
    assert!(page(&store, &scope("a"), Position::ZERO).await.gaps.is_empty());
    drop(store);
    let report = verify(dir.path()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.durable, report.references), (3_000, 6_000));
}
