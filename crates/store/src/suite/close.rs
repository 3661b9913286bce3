//! The end of a store.

use std::sync::Arc;

use bytes::Bytes;
use headwater_events::{Lane, Position};

use super::{
    Case,
    case::{durable, stream, tenant, visible},
    checks::{append, read_all},
    report,
    view::{Live, is_vector, start},
};
use crate::{Error, FollowItem, FollowScope, Record, StatusKind, Version};

/// An open store is ready.
pub async fn an_open_store_is_ready(case: Case) {
    let store = case.open().await;
    assert_eq!(store.status().borrow().kind, StatusKind::Ready);
    assert_eq!(store.lanes(), 8, "as many lanes as it was created with");
    let capabilities = store.capabilities();
    report::declares(capabilities);
    assert!(capabilities.max_event_bytes >= 256 * 1024, "every store takes events of 256 KiB");
    append(&store, vec![durable("a", 0)]).await;
    assert_eq!(store.status().borrow().kind, StatusKind::Ready);
}

/// After the close every call fails with `Closed`, and the status says so.
pub async fn every_later_call_fails(case: Case) {
    let store = case.open().await;
    let status = store.status();
    append(&store, vec![durable("a", 0)]).await;
    let version = store.put("k", Bytes::new(), None).await.expect("a write");
    store.close().await.expect("the store closes");
    let (default, a) = (tenant("default"), stream("a"));
    macro_rules! closed {
        ($($call:expr),+ $(,)?) => {$(
            assert!(matches!($call.await, Err(Error::Closed)), "{} after the close", stringify!($call));
        )+};
    }
    closed!(
        store.append(vec![durable("a", 1)]),
        store.append(Vec::new()),
        store.read(&visible("a"), Position::ZERO, 10, 1000),
        store.lane_tail(Lane(0)),
        store.run(&default, &a),
        store.get("k"),
        store.put("k", Bytes::new(), Some(version)),
        store.delete("k", Version(0)),
        store.list("", None, 10),
        store.close(),
    );
    assert!(matches!(store.follow(&FollowScope::Lane(Lane(0)), Position::ZERO).await, Err(Error::Closed)));
    let able = store.capabilities().clone();
    if !is_vector(&store) {
        closed!(store.tail());
        assert!(matches!(store.follow(&FollowScope::All, Position::ZERO).await, Err(Error::Closed)));
    }
    if able.list_streams {
        closed!(store.runs(&default, None, 10));
    }
    if able.retention {
        closed!(store.trim());
    }
    if able.delete_stream {
        closed!(store.remove(&default, &a));
    }
    assert_eq!(status.borrow().kind, StatusKind::Closed);
    assert_eq!(store.status().borrow().kind, StatusKind::Closed, "for those who ask later too");
}

/// Followers end, those that wait too. Where nothing can be read later they get first what was stored.
pub async fn followers_end(case: Case) {
    let store = case.open().await;
    let (mut late, mut waiting) =
        (Live::open(&store, &start(&store)).await, Live::open(&store, &start(&store)).await);
    append(&store, vec![durable("a", 0), durable("a", 1)]).await;
    let (sender, seen) = tokio::sync::oneshot::channel();
    let mut sender = Some(sender);
    let waiting = tokio::spawn(async move {
        let mut count = 0;
        while let Some(item) = waiting.next().await {
            let FollowItem::Batch(batch) = item else { panic!("{item:?}") };
            count += batch.len();
            if count == 2 {
                sender.take().map(|sender| sender.send(()));
            }
        }
        count
    });
    seen.await.expect("what was stored comes");
    store.close().await.expect("the store closes");
    assert_eq!(waiting.await.expect("the follower"), 2);
    let mut count = 0;
    while let Some(item) = late.next().await {
        let FollowItem::Batch(batch) = item else { panic!("{item:?}") };
        count += batch.len();
    }
    assert!(count == 2 || store.capabilities().durable, "what was stored before the close, not {count}");
}

/// Appends that run while the store closes are stored or fail with `Closed`: none hangs, none is answered wrongly.
pub async fn appends_in_flight_are_answered(case: Case) {
    let store = case.open().await;
    let mut live = Live::open(&store, &start(&store)).await;
    let writers: Vec<_> = (0..10)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut stored = Vec::new();
                for n in 0.. {
                    match store.append(vec![durable("a", writer * 1_000_000 + n)]).await {
                        Ok(answer) => stored.push(answer[0].position),
                        Err(Error::Closed) => return stored,
                        Err(error) => panic!("{error}"),
                    }
                    tokio::task::yield_now().await;
                }
                stored
            })
        })
        .collect();
    let mut seen = Vec::new();
    while seen.len() < 30 {
        if let Some(FollowItem::Batch(batch)) = live.next().await {
            seen.extend(batch.iter().map(Record::position));
        }
    }
    store.close().await.expect("the store closes");
    let mut answered = Vec::new();
    for writer in writers {
        answered.extend(writer.await.expect("a writer"));
    }
    answered.sort_unstable();
    while let Some(item) = live.next().await {
        if let FollowItem::Batch(batch) = item {
            seen.extend(batch.iter().map(Record::position));
        }
    }
    assert_eq!(seen, answered[..seen.len().min(answered.len())], "what came is what was answered, in order");
    if store.capabilities().durable {
        drop(store);
        let store = case.open().await;
        assert_eq!(
            read_all(&store, &visible("a")).await.positions(),
            answered,
            "what was answered is stored"
        );
    } else {
        assert_eq!(seen.len(), answered.len(), "what was answered came before the end");
    }
}
