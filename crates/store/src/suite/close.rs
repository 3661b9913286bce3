//! The end of a store.

use std::sync::Arc;

use bytes::Bytes;
use headwater_events::Position;

use super::{
    Case,
    case::{durable, stream, tenant, visible},
    checks::{append, next},
};
use crate::{Error, FollowScope, StatusKind, Version};

/// An open store is ready.
pub async fn an_open_store_is_ready(case: Case) {
    let store = case.open().await;
    assert_eq!(store.status().borrow().kind, StatusKind::Ready);
    assert_eq!(store.lanes(), 8, "as many lanes as it was created with");
    let capabilities = store.capabilities();
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
        store.tail(),
        store.run(&default, &a),
        store.runs(&default, None, 10),
        store.trim(),
        store.remove(&default, &a),
        store.get("k"),
        store.put("k", Bytes::new(), Some(version)),
        store.delete("k", Version(0)),
        store.list("", None, 10),
        store.close(),
    );
    assert!(matches!(store.follow(&FollowScope::All, Position::ZERO).await, Err(Error::Closed)));
    assert_eq!(status.borrow().kind, StatusKind::Closed);
    assert_eq!(store.status().borrow().kind, StatusKind::Closed, "for those who ask later too");
}

/// Followers get what was stored and end, those that wait too.
pub async fn followers_end(case: Case) {
    let store = case.open().await;
    let open = || store.follow(&FollowScope::All, Position::ZERO);
    let (mut late, mut waiting) = (open().await.expect("a follower"), open().await.expect("a follower"));
    append(&store, vec![durable("a", 0), durable("a", 1)]).await;
    let waiting = tokio::spawn(async move {
        let mut count = 0;
        while let Some(item) = next(&mut waiting).await {
            assert!(matches!(item, crate::FollowItem::Batch(_)), "{item:?}");
            count += 1;
        }
        count
    });
    tokio::task::yield_now().await;
    store.close().await.expect("the store closes");
    assert!(waiting.await.expect("the follower") > 0);
    assert!(next(&mut late).await.is_some(), "what was stored before the close");
    while next(&mut late).await.is_some() {}
}

/// Appends that run while the store closes are stored or fail with `Closed`: none hangs, none is answered wrongly.
pub async fn appends_in_flight_are_answered(case: Case) {
    let store = case.open().await;
    let mut follow = store.follow(&FollowScope::All, Position::ZERO).await.expect("a follower");
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
        if let Some(crate::FollowItem::Batch(batch)) = next(&mut follow).await {
            seen.extend(batch.iter().map(crate::Record::position));
        }
    }
    store.close().await.expect("the store closes");
    let mut answered = Vec::new();
    for writer in writers {
        answered.extend(writer.await.expect("a writer"));
    }
    answered.sort_unstable();
    while let Some(item) = next(&mut follow).await {
        if let crate::FollowItem::Batch(batch) = item {
            seen.extend(batch.iter().map(crate::Record::position));
        }
    }
    assert_eq!(seen, answered, "what was answered is what was stored");
}
