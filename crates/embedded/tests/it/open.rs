//! Opening, closing, opening again.

use crate::common::{all, delta, durable, ids, scope, tenant};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore};
use headwater_store::{Error, EventLog, Lane, Position, ReadScope, StatusKind};

async fn open(path: &std::path::Path) -> EmbeddedStore {
    EmbeddedStore::open(path, EmbeddedOptions::default()).await.unwrap()
}

#[tokio::test]
async fn what_was_stored_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let epoch = store.epoch();
    for n in 0..10 {
        store.append(vec![durable("a", n), delta("a", 100 + n), durable("b", n)]).await.unwrap();
    }
    let before = all(&store, &scope("a")).await;
    assert_eq!(before.len(), 20);
    let run = store.run(&tenant("default"), &"a".parse().unwrap()).await.unwrap().unwrap();
    store.close().await.unwrap();
    assert!(matches!(store.tail().await, Err(Error::Closed)));
    assert_eq!(store.status().borrow().kind, StatusKind::Closed);
    drop(store);

    let store = open(dir.path()).await;
    assert_eq!(store.epoch(), epoch);
    assert_eq!(store.tail().await.unwrap(), Position(30));
    let after = all(&store, &scope("a")).await;
    assert_eq!(ids(&before), ids(&after));
    assert_eq!(
        before.iter().map(|r| r.event().json()).collect::<Vec<_>>(),
        after.iter().map(|r| r.event().json()).collect::<Vec<_>>()
    );
    assert_eq!(store.run(&tenant("default"), &"a".parse().unwrap()).await.unwrap(), Some(run));
    assert_eq!(all(&store, &ReadScope::Tenant(tenant("default"))).await.len(), 20);
    let mut in_lanes = 0;
    for lane in 0..store.lanes() {
        in_lanes += all(&store, &ReadScope::Lane(Lane(lane))).await.len();
    }
    assert_eq!(in_lanes, 20);
    let answer = store.append(vec![durable("a", 3), durable("a", 1000)]).await.unwrap();
    assert!(answer[0].duplicate && !answer[1].duplicate);
    assert_eq!(answer[0].position, Position(10));
    assert_eq!(answer[1].position, Position(31));
}

#[tokio::test]
async fn a_folder_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let error = EmbeddedStore::open(dir.path(), EmbeddedOptions::default()).await.unwrap_err();
    assert!(
        matches!(&error, Error::Config { reason } if reason.contains("in use") && reason.contains(&*dir.path().to_string_lossy())),
        "{error}"
    );
    drop(store);
    open(dir.path()).await;
}

#[tokio::test]
async fn a_newer_format_is_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("FORMAT"), "headwater-embedded 3\n").unwrap();
    let error = EmbeddedStore::open(dir.path(), EmbeddedOptions::default()).await.unwrap_err();
    assert!(matches!(&error, Error::Config { reason } if reason.contains("format 3")), "{error}");
    let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["FORMAT"]);
}

#[tokio::test]
async fn a_folder_with_something_else_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("thesis.txt"), "words").unwrap();
    let error = EmbeddedStore::open(dir.path(), EmbeddedOptions::default()).await.unwrap_err();
    assert!(matches!(&error, Error::Config { .. }), "{error}");
    let below = dir.path().join("thesis.txt/log");
    let error = EmbeddedStore::open(&below, EmbeddedOptions::default()).await.unwrap_err();
    assert!(matches!(&error, Error::Config { .. }), "{error}");
}

#[tokio::test]
async fn creation_that_was_cut_short_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).await);
    std::fs::remove_file(dir.path().join("db/version")).unwrap();
    let store = open(dir.path()).await;
    store.append(vec![durable("a", 1)]).await.unwrap();
}
