//! What the server and the line may do to a store.

use std::{sync::Arc, time::Duration};

use crate::kit::{
    OnNats,
    events::{durable, follow, ids, next, next_ids, read, scope},
    quiet,
};
use headwater_nats::NatsOptions;
use headwater_store::{EventLog, FollowItem, GapReason, Position, StatusKind, suite::Faults};

/// Sends batches until each is stored, while the line is cut again and again; gives what was sent.
async fn write_while_the_line_is_cut(place: &OnNats) -> Vec<String> {
    let _ = place.own();
    let store = Arc::new(place.open_with(NatsOptions { timeout: Duration::from_secs(20), ..quiet() }).await);
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let name = format!("w{writer}");
                for call in 0..30 {
                    let batch: Vec<_> = (0..50).map(|n| durable(&name, call * 50 + n)).collect();
                    while let Err(error) = store.append(batch.clone()).await {
                        assert!(error.is_retryable(), "{error}");
                    }
                }
            })
        })
        .collect();
    let mut cuts = 0;
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        place.own().proxy.cut_after(20_000 + 7_001 * (cuts % 5));
        cuts += 1;
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(cuts > 2, "the line was cut {cuts} times");
    let mut all = Vec::new();
    for writer in 0..4 {
        let (records, gaps) = read(&*store, &scope(&format!("w{writer}"))).await;
        assert!(gaps.is_empty());
        all.push(ids(&records).join(" "));
    }
    all
}

fn everything_once_in_order() -> Vec<String> {
    (0..4).map(|w| (0..1500).map(|n| format!("w{w}/{n}")).collect::<Vec<_>>().join(" ")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_keep_their_order_over_lost_connections() {
    let place = OnNats::with_batches();
    assert_eq!(write_while_the_line_is_cut(&place).await, everything_once_in_order());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_keep_their_order_over_lost_connections() {
    let place = OnNats::new();
    assert_eq!(write_while_the_line_is_cut(&place).await, everything_once_in_order());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_consumer_is_made_again_from_where_it_was() {
    let place = OnNats::new();
    let client = place.own().client().await;
    let store = place.open_with(quiet()).await;
    let mut live = follow(&store).await;
    store.append(vec![durable("a", 0)]).await.unwrap();
    assert_eq!(next_ids(&mut live, 1).await, ["a/0"]);
    let names = format!("$JS.API.CONSUMER.NAMES.{}-events", place.namespace());
    let names = client.request(names, "".into()).await.unwrap();
    let names: serde_json::Value = serde_json::from_slice(&names.payload).unwrap();
    let names: Vec<_> =
        names["consumers"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(names.len(), 1, "one follower, one consumer: {names:?}");
    client
        .request(format!("$JS.API.CONSUMER.DELETE.{}-events.{}", place.namespace(), names[0]), "".into())
        .await
        .unwrap();
    store.append((1..20).map(|n| durable("a", n)).collect()).await.unwrap();
    assert_eq!(next_ids(&mut live, 19).await, (1..20).map(|n| format!("a/{n}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_log_begins_anew_and_everyone_is_told() {
    let place = OnNats::new();
    let own = place.own();
    let store = place.open_with(quiet()).await;
    let mut live = follow(&store).await;
    store.append((0..5).map(|n| durable("a", n)).collect()).await.unwrap();
    assert_eq!(next_ids(&mut live, 5).await.len(), 5);
    let before = store.epoch();
    assert!(own.delete_under(&"default".parse().unwrap(), &"a".parse().unwrap()).await);
    let first = store.append(vec![durable("b", 0)]).await.unwrap()[0].position;
    assert_ne!(store.epoch(), before, "another numbering");
    assert_eq!(first, Position(1));
    match next(&mut live).await {
        FollowItem::Gap(gap) => assert_eq!((gap.reason, gap.to), (GapReason::Reset, Position::ZERO)),
        other => panic!("a reset, not {other:?}"),
    }
    assert_eq!(next_ids(&mut live, 1).await, ["b/0"]);
    assert!(read(&store, &scope("a")).await.0.is_empty());
    assert_eq!(store.run(&"default".parse().unwrap(), &"a".parse().unwrap()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_server_is_noticed_while_nobody_asks() {
    let place = OnNats::new();
    let own = place.own();
    let store = place.open_with(quiet()).await;
    let mut live = follow(&store).await;
    store.append((0..5).map(|n| durable("a", n)).collect()).await.unwrap();
    assert_eq!(next_ids(&mut live, 5).await.len(), 5);
    let before = store.epoch();
    let mut status = store.status();
    assert!(own.wipe().await);
    match next(&mut live).await {
        FollowItem::Gap(gap) => assert_eq!(gap.reason, GapReason::Reset),
        other => panic!("a reset, not {other:?}"),
    }
    assert_ne!(store.epoch(), before);
    let ready = status.wait_for(|status| status.kind == StatusKind::Ready);
    tokio::time::timeout(Duration::from_secs(20), ready).await.unwrap().unwrap();
    store.append(vec![durable("b", 0)]).await.unwrap();
    assert_eq!(next_ids(&mut live, 1).await, ["b/0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_killed_has_everything_and_followers_go_on() {
    let place = OnNats::new();
    let own = place.own();
    let store = place.open_with(quiet()).await;
    let mut live = follow(&store).await;
    for round in 0..3 {
        let n = 10 * round;
        store.append((n..n + 10).map(|n| durable("a", n)).collect()).await.unwrap();
        if round % 2 == 0 {
            assert!(own.kill().await);
        } else {
            assert!(own.restart().await);
        }
    }
    let wanted: Vec<_> = (0..30).map(|n| format!("a/{n}")).collect();
    assert_eq!(next_ids(&mut live, 30).await, wanted);
    assert_eq!(ids(&read(&store, &scope("a")).await.0), wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_told_and_not_run_down() {
    let place = OnNats::new();
    let own = place.own();
    let store = place.open_with(NatsOptions { timeout: Duration::from_secs(2), ..quiet() }).await;
    store.append(vec![durable("a", 0)]).await.unwrap();
    let mut status = store.status();
    own.proxy.refuse(true);
    own.proxy.cut_now();
    let away = status.wait_for(|status| status.kind == StatusKind::Away);
    tokio::time::timeout(Duration::from_secs(20), away).await.unwrap().unwrap();
    let before = own.proxy.attempts();
    for _ in 0..3 {
        let error = store.append(vec![durable("a", 1)]).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        let error = store.tail().await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
    }
    // Twelve seconds, and two connections that try to come back.
    let attempts = own.proxy.attempts() - before;
    assert!(attempts <= 60, "{attempts} attempts");
    own.proxy.refuse(false);
    let ready = status.wait_for(|status| status.kind == StatusKind::Ready);
    tokio::time::timeout(Duration::from_secs(20), ready).await.unwrap().unwrap();
    store.append(vec![durable("a", 1)]).await.unwrap();
    assert_eq!(ids(&read(&store, &scope("a")).await.0), ["a/0", "a/1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_of_somebody_else_are_gaps_and_nothing_stops() {
    let place = OnNats::new();
    let own = place.own();
    let store = place.open_with(quiet()).await;
    let mut live = follow(&store).await;
    store.append(vec![durable("a", 0)]).await.unwrap();
    assert!(own.spoil(&"default".parse().unwrap(), &"a".parse().unwrap()).await);
    // One that does not even look like ours.
    let client = own.client().await;
    client.request(format!("{}.hello", place.namespace()), "x".into()).await.unwrap();
    store.append(vec![durable("a", 1)]).await.unwrap();
    let (records, gaps) = read(&store, &scope("a")).await;
    assert_eq!(ids(&records), ["a/0", "a/1"]);
    assert_eq!(gaps.len(), 1);
    assert_eq!(
        (gaps[0].from, gaps[0].to, gaps[0].reason),
        (Position(1), Position(2), GapReason::Undecodable)
    );
    assert_eq!(next_ids(&mut live, 1).await, ["a/0"]);
    for _ in 0..2 {
        match next(&mut live).await {
            FollowItem::Gap(gap) => assert_eq!(gap.reason, GapReason::Undecodable),
            other => panic!("a gap, not {other:?}"),
        }
    }
    assert_eq!(next_ids(&mut live, 1).await, ["a/1"]);
    store.trim().await.unwrap();
    let run = store.run(&"default".parse().unwrap(), &"a".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((run.first, run.last), (Position(1), Position(4)));
}
