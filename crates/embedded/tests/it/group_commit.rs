//! Publishers that wait together share a commit and its fsync.

use std::sync::Arc;

use crate::common::{all, durable, scope};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore};
use headwater_store::EventLog;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_publishers_share_commits() {
    const PUBLISHERS: usize = 64;
    const EACH: usize = 20;
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::open(dir.path(), EmbeddedOptions::default()).await.unwrap());
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let name = format!("run-{publisher}");
                for n in 0..EACH {
                    store.append(vec![durable(&name, n)]).await.unwrap();
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let stats = store.stats();
    assert_eq!(stats.events, (PUBLISHERS * EACH) as u64);
    assert_eq!(stats.commits, stats.fsyncs);
    assert!(stats.fsyncs < (PUBLISHERS * EACH / 4) as u64, "{stats:?}");
    for publisher in 0..PUBLISHERS {
        let read = all(&store, &scope(&format!("run-{publisher}"))).await;
        let expected: Vec<_> = (0..EACH).map(|n| format!("run-{publisher}/{n}")).collect();
        assert_eq!(crate::common::ids(&read), expected);
    }
}

#[tokio::test]
async fn a_lone_publisher_has_a_commit_for_each_call() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(dir.path(), EmbeddedOptions::default()).await.unwrap();
    for n in 0..10 {
        store.append(vec![durable("a", n)]).await.unwrap();
    }
    assert_eq!(store.stats().commits, 10);
}
