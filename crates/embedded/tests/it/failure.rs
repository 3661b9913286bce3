//! Commits that fail, or seem to.

use std::sync::Arc;

use crate::common::{all, durable, ids, scope};
use futures_util::StreamExt;
use headwater_embedded::{EmbeddedOptions, EmbeddedStore};
use headwater_store::{Error, EventLog, FollowItem, FollowScope, Position, StatusKind};

#[tokio::test]
async fn what_a_failed_commit_stored_all_the_same_is_seen_once_by_everybody() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(dir.path(), EmbeddedOptions::default()).await.unwrap();
    store.append(vec![durable("a", 0)]).await.unwrap();
    let mut follow = store.follow(&FollowScope::All, Position(1)).await.unwrap();
    store.doubt_next_commit();
    let error = store.append(vec![durable("a", 1), durable("a", 2)]).await.unwrap_err();
    assert!(matches!(error, Error::Unknown { .. }), "{error}");
    // The documented answer to that: send it again.
    let mut again = store.append(vec![durable("a", 1), durable("a", 2)]).await;
    while let Err(Error::Unavailable { .. }) = again {
        tokio::task::yield_now().await;
        again = store.append(vec![durable("a", 1), durable("a", 2)]).await;
    }
    assert!(again.unwrap().iter().all(|answer| answer.duplicate));
    store.append(vec![durable("a", 3)]).await.unwrap();
    assert_eq!(ids(&all(&store, &scope("a")).await), ["a/0", "a/1", "a/2", "a/3"]);
    let mut followed = Vec::new();
    while followed.len() < 3 {
        match follow.next().await.unwrap().unwrap() {
            FollowItem::Batch(batch) => followed.extend(ids(&batch)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(followed, ["a/1", "a/2", "a/3"]);
    assert_eq!(store.stats().reopened, 1);
    assert_eq!(store.status().borrow().kind, StatusKind::Ready);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_wait_while_it_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::open(dir.path(), EmbeddedOptions::default()).await.unwrap());
    store.append((0..200).map(|n| durable("a", n)).collect()).await.unwrap();
    let reader = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for _ in 0..100 {
                assert!(all(&store, &scope("a")).await.len() >= 200);
            }
        })
    };
    for _ in 0..5 {
        store.doubt_next_commit();
        let _ = store.append(vec![durable("b", 0)]).await;
    }
    reader.await.unwrap();
}
