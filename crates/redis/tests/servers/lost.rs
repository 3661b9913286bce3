//! Servers that come back without what they had.

use std::path::PathBuf;

use crate::common::{event, ids, scope, until_stored};
use futures_util::StreamExt;
use headwater_redis::{RedisOptions, RedisStore};
use headwater_store::{EventLog, FollowItem, FollowScope, GapReason, Position, ReadScope, Tenant};
use headwater_test_servers::{Redis, RedisOptions as ServerOptions, Sentinel, aside, need};

async fn start(options: ServerOptions) -> Option<Redis> {
    aside(move || need(Redis::start(options))).await
}

/// The file that the server appends to.
fn log_file(redis: &Redis) -> PathBuf {
    let folder = redis.server().folder().join("data/appendonlydir");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.to_string_lossy().ends_with(".incr.aof")).max().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_tail_is_told_and_its_positions_are_not_used_again() {
    let Some(redis) = start(ServerOptions::default().appendfsync("everysec")).await else { return };
    let store = RedisStore::connect(&redis.url(), RedisOptions::default()).await.unwrap();
    let mut follow = store.follow(&FollowScope::All, Position::ZERO).await.unwrap();
    let kept = store.append((0..5).map(|n| event("a", n)).collect()).await.unwrap()[4].position;
    let file = log_file(&redis);
    let length = std::fs::metadata(&file).unwrap().len();
    let lost = store.append((5..8).map(|n| event("a", n)).collect()).await.unwrap()[2].position;
    let mut followed = 0;
    while followed < 8 {
        if let FollowItem::Batch(batch) = follow.next().await.unwrap().unwrap() {
            followed += batch.len();
        }
    }
    // The disk never got the last of it.
    let server = redis.server().clone();
    aside(move || {
        server.kill().unwrap();
        std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(length).unwrap();
        server.start().unwrap();
    })
    .await;
    let next = until_stored(&store, event("a", 8)).await.position;
    assert!(next > lost, "{next} is behind what was lost at {lost}");

    for (wanted, after) in
        [(vec!["a/0", "a/1", "a/2", "a/3", "a/4", "a/8"], Position::ZERO), (vec!["a/8"], lost)]
    {
        let lane = headwater_events::lane_of("default", "a", store.lanes());
        for scope in [scope("a"), ReadScope::Tenant(Tenant::default()), ReadScope::Lane(lane)] {
            let page = store.read(&scope, after, 100, 1 << 20).await.unwrap();
            assert_eq!(ids(&page.records), wanted, "{scope:?}");
            assert_eq!(page.gaps.len(), 1, "{scope:?} {:?}", page.gaps);
            let gap = &page.gaps[0];
            assert_eq!(gap.reason, GapReason::Lost);
            assert!(gap.from >= kept && gap.to >= lost && gap.to < next, "{gap:?} around {lost}");
        }
    }
    let late = store.read(&scope("a"), next, 100, 1 << 20).await.unwrap();
    assert!(late.gaps.is_empty(), "one who is past it is told nothing: {:?}", late.gaps);
    let FollowItem::Gap(gap) = follow.next().await.unwrap().unwrap() else { panic!("a gap first") };
    assert!(gap.reason == GapReason::Lost && gap.from >= lost && gap.to < next, "{gap:?}");
    let FollowItem::Batch(batch) = follow.next().await.unwrap().unwrap() else { panic!("then what comes") };
    assert_eq!(ids(&batch), ["a/8"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_that_loses_nothing_tells_nothing() {
    let Some(redis) = start(ServerOptions::default()).await else { return };
    let store = RedisStore::connect(&redis.url(), RedisOptions::default()).await.unwrap();
    let before = store.append((0..5).map(|n| event("a", n)).collect()).await.unwrap()[4].position;
    let server = redis.server().clone();
    aside(move || server.crash().unwrap()).await;
    let next = until_stored(&store, event("a", 5)).await.position;
    assert!(next.0 > before.0 + 1_000_000, "positions jump, however the clocks stand");
    let page = store.read(&scope("a"), Position::ZERO, 100, 1 << 20).await.unwrap();
    assert_eq!((page.records.len(), page.gaps.len()), (6, 0), "{:?}", page.gaps);
    let again = store.append(vec![event("a", 4)]).await.unwrap();
    assert_eq!(
        (again[0].position, again[0].duplicate),
        (before, true),
        "what was stored is still recognized"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_goes_on_at_the_new_primary() {
    let Some(sentinel) = aside(|| need(Sentinel::start())).await else { return };
    let url = format!("redis+sentinel://{}/{}", sentinel.sentinel().address(), Sentinel::NAME);
    let store = RedisStore::connect(&url, RedisOptions::default()).await.unwrap();
    let mut follow = store.follow(&FollowScope::All, Position::ZERO).await.unwrap();
    let before = store.append((0..5).map(|n| event("a", n)).collect()).await.unwrap()[4].position;
    let primary = sentinel.primary().server().clone();
    aside(move || primary.kill().unwrap()).await;
    let next = until_stored(&store, event("a", 5)).await.position;
    assert!(next > before);
    assert_eq!(sentinel.elected(), Some(sentinel.replica().address()));
    // The replica may have been behind: whoever crosses the place is told.
    let page = store.read(&scope("a"), Position::ZERO, 100, 1 << 20).await.unwrap();
    assert_eq!(page.gaps.iter().map(|gap| gap.reason).collect::<Vec<_>>(), [GapReason::Lost]);
    assert_eq!(ids(&page.records).last(), Some(&"a/5"));
    loop {
        match follow.next().await.unwrap().unwrap() {
            FollowItem::Batch(batch) if batch.iter().any(|record| record.position() == next) => break,
            _ => {}
        }
    }
    let wrong = url.replace(Sentinel::NAME, "nobody");
    let error = RedisStore::connect(&wrong, RedisOptions::default()).await.unwrap_err().to_string();
    assert!(error.contains("knows no master named nobody"), "{error}");
}
