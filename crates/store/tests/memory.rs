//! The memory store.

use futures_util::StreamExt;
use headwater_store::{
    Append, ClassesKey, Event, EventLog, FollowItem, FollowScope, MemoryStore, Position, ReadScope,
    StateStore, Version,
};

fn event(stream: &str, ty: &str) -> Append {
    Append::new(
        Event::builder("/t", ty)
            .stream(&stream.parse().unwrap())
            .build()
            .unwrap(),
    )
    .unwrap()
}

#[tokio::test]
async fn what_is_appended_is_read_and_followed() {
    let store = MemoryStore::default();
    let mut follow = store.follow(&FollowScope::All, Position::ZERO).await.unwrap();
    let batch = vec![event("a", "x.v1"), event("b", "x.v1"), event("a", "llm.delta.v1")];
    let answer = store.append(batch.clone()).await.unwrap();
    assert!(store.append(batch).await.unwrap().iter().all(|a| a.duplicate));
    assert_eq!(answer.iter().map(|a| a.position.0).collect::<Vec<_>>(), [1, 2, 3]);
    let scope = ReadScope::Stream(
        "default".parse().unwrap(),
        "a".parse().unwrap(),
        ClassesKey::Visible,
    );
    let page = store.read(&scope, Position::ZERO, 10, 1 << 20).await.unwrap();
    assert_eq!(
        page.records.iter().map(|r| r.position().0).collect::<Vec<_>>(),
        [1, 3]
    );
    let tenant = ReadScope::Tenant("default".parse().unwrap());
    let page = store.read(&tenant, Position::ZERO, 1, 1 << 20).await.unwrap();
    assert_eq!((page.next, page.more), (Position(1), true));
    let Some(Ok(FollowItem::Batch(batch))) = follow.next().await else {
        panic!("no batch")
    };
    assert_eq!(batch.len(), 3);
    let version = store.put("k", "v".into(), None).await.unwrap();
    assert!(store.put("k", "v".into(), None).await.is_err());
    assert_eq!(store.list("k", None, 9).await.unwrap()[0].version, version);
    assert!(store.delete("k", Version(version.0 + 1)).await.is_err());
    store.close().await.unwrap();
    assert!(store.tail().await.is_err() && follow.next().await.is_none());
}

mod contract {
    use std::sync::Arc;

    use headwater_store::{
        MemoryOptions, MemoryStore, Store,
        suite::{Fixture, Setup},
    };

    struct Memory;

    #[async_trait::async_trait]
    impl Fixture for Memory {
        async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
            Arc::new(MemoryStore::new(MemoryOptions {
                retention: setup.retention,
                lanes: setup.lanes,
                dedup_window: Some(setup.dedup_window),
                clock: Arc::clone(&setup.clock),
                ..MemoryOptions::default()
            }))
        }
    }

    headwater_store::store_suite!(Memory);
}
