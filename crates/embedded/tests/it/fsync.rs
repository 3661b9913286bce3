//! Policies that answer before the disk has it.

use crate::common::{durable, page, positions, scope};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore, Fsync};
use headwater_store::{EventLog, FollowItem, FollowScope, GapReason, Position, ReadScope, Tenant};

async fn open(path: &std::path::Path, fsync: Fsync) -> EmbeddedStore {
    EmbeddedStore::open(path, EmbeddedOptions { fsync, ..EmbeddedOptions::default() }).await.unwrap()
}

#[tokio::test]
async fn after_an_unclean_end_numbering_jumps_and_readers_are_told() {
    for fsync in [Fsync::Never, Fsync::EveryMs(5)] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), fsync).await;
        for n in 0..20 {
            store.append(vec![durable("a", n)]).await.unwrap();
        }
        store.append(vec![durable("quiet", 0)]).await.unwrap();
        store.crash().await;
        drop(store);

        let store = open(dir.path(), fsync).await;
        let tail = store.tail().await.unwrap();
        assert!(tail > Position(21), "the reserved block is not used again");
        let next = store.append(vec![durable("a", 100)]).await.unwrap()[0].position;
        assert_eq!(next, tail.next());
        store.append(vec![durable("young", 0)]).await.unwrap();
        for scope in [scope("a"), ReadScope::Tenant(Tenant::default())] {
            let page = page(&store, &scope, Position(10)).await;
            assert_eq!((page.gaps.len(), page.gaps[0].reason), (1, GapReason::Lost), "{:?}", page.gaps);
            assert_eq!((page.gaps[0].from, page.gaps[0].to), (Position(21), tail));
        }
        let young = page(&store, &scope("young"), Position::ZERO).await;
        assert!(young.gaps.is_empty(), "it began later: {:?}", young.gaps);
        let behind = page(&store, &scope("a"), tail).await;
        assert_eq!((positions(&behind.records), behind.gaps.len()), (vec![next.0], 0), "told once");

        let mut follow = store.follow(&FollowScope::All, Position(21)).await.unwrap();
        let first = futures_util::StreamExt::next(&mut follow).await.unwrap().unwrap();
        assert!(matches!(first, FollowItem::Gap(gap) if gap.reason == GapReason::Lost && gap.to == tail));
    }
}

#[tokio::test]
async fn after_an_orderly_end_nothing_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3u64 {
        let store = open(dir.path(), Fsync::Never).await;
        assert_eq!(store.tail().await.unwrap(), Position(round));
        store.append(vec![durable("a", usize::try_from(round).unwrap())]).await.unwrap();
        assert!(page(&store, &scope("a"), Position::ZERO).await.gaps.is_empty());
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn fewer_syncs_are_made() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Fsync::Never).await;
    for n in 0..50 {
        store.append(vec![durable("a", n)]).await.unwrap();
    }
    let stats = store.stats();
    assert_eq!((stats.commits, stats.fsyncs), (50, 1), "one for the block of positions");
}

#[tokio::test]
async fn a_log_that_changes_its_policy_keeps_its_numbering() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Fsync::Never).await;
    store.append(vec![durable("a", 0)]).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let store = open(dir.path(), Fsync::Always).await;
    store.append(vec![durable("a", 1)]).await.unwrap();
    store.crash().await;
    drop(store);
    let store = open(dir.path(), Fsync::Never).await;
    let read = page(&store, &scope("a"), Position::ZERO).await;
    assert_eq!((positions(&read.records), read.gaps.len()), (vec![1, 2], 0));
}
