//! Formats that are kept readable for ever.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::common::{all, durable, event, page, scope, stream, tenant};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore, verify};
use headwater_store::{Class, ClassesKey, EventLog, Mark, Position, ReadScope, RunState, StateStore, Tenant};

/// The folder of a log of format 1, written by [`write`] and closed in order.
const FORMAT_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/format-1.tar.gz");
/// One of format 2, written by [`write`] and [`write_late`] and left as a crash does.
const FORMAT_2: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/format-2.tar.gz");

async fn write(store: &EmbeddedStore) {
    for n in 0..10 {
        let batch = vec![
            event("a", n, Class::Durable, if n == 0 { Mark::Opens } else { Mark::None }),
            event("a", 100 + n, Class::Transient, Mark::None),
            event("a", 200 + n, Class::Internal, Mark::None),
            crate::common::of("other", "b", n, Class::Durable, Mark::None),
        ];
        store.append(batch).await.unwrap();
    }
    store.append(vec![event("a", 10, Class::Durable, Mark::Failed)]).await.unwrap();
    store.append(vec![durable("gone", 0)]).await.unwrap();
    assert!(store.remove(&Tenant::default(), &stream("gone")).await.unwrap());
    let version = store.put("key", "value".into(), None).await.unwrap();
    store.put("key", "changed".into(), Some(version)).await.unwrap();
}

/// Commits that leave the records of their runs behind.
async fn write_late(store: &EmbeddedStore) {
    for n in 0..3 {
        let batch =
            (0..6).map(|run| crate::common::of("late", &format!("run-{run}"), n, Class::Durable, Mark::None));
        store.append(batch.collect()).await.unwrap();
    }
}

async fn check_late(store: &EmbeddedStore) {
    let runs = store.runs(&tenant("late"), None, 10).await.unwrap();
    let found: Vec<_> = runs.iter().map(|(_, run)| (run.first.0, run.last.0, run.durable)).collect();
    assert_eq!(found, (43..49).map(|first| (first, first + 12, 3)).collect::<Vec<_>>());
}

async fn check(store: &EmbeddedStore, tail: u64) {
    assert_eq!(store.tail().await.unwrap(), Position(tail));
    assert_eq!(store.lanes(), 32);
    let visible = all(store, &scope("a")).await;
    assert_eq!(visible.len(), 21);
    let every = ReadScope::Stream(Tenant::default(), stream("a"), ClassesKey::All);
    assert_eq!(all(store, &every).await.len(), 31);
    assert_eq!(all(store, &ReadScope::Tenant(tenant("default"))).await.len(), 11);
    assert_eq!(all(store, &ReadScope::Tenant(tenant("other"))).await.len(), 10);
    let run = store.run(&tenant("default"), &stream("a")).await.unwrap().unwrap();
    assert_eq!((run.state, run.durable, run.transient), (RunState::Failed, 11, 10));
    assert_eq!(run.ended, Some(Position(41)));
    assert!(all(store, &scope("gone")).await.is_empty());
    assert!(!page(store, &scope("gone"), Position(1)).await.gaps.is_empty());
    let state = store.get("key").await.unwrap().unwrap();
    assert_eq!(&state.value[..], b"changed");
    let next = store.append(vec![durable("a", 1000)]).await.unwrap()[0];
    assert_eq!((next.position, next.duplicate), (Position(tail + 1), false));
}

/// Retention must not take the fixture's events, whenever this runs.
fn options() -> EmbeddedOptions {
    let mut options = EmbeddedOptions::default();
    options.retention.durable.max_age = None;
    options.retention.transient.max_age = None;
    options.retention.transient_after_end = None;
    options
}

#[tokio::test]
async fn what_is_in_the_fixture() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("format-2");
    let store = EmbeddedStore::open(&log, options()).await.unwrap();
    write(&store).await;
    write_late(&store).await;
    store.crash().await;
    drop(store);
    // Makes the fixture of a new format.
    if let Ok(file) = std::env::var("HEADWATER_WRITE_FIXTURE") {
        let packed =
            Command::new("tar").arg("-czSf").arg(file).arg("-C").arg(dir.path()).arg("format-2").status();
        assert!(packed.unwrap().success());
    }
    let store = EmbeddedStore::open(&log, options()).await.unwrap();
    check_late(&store).await;
    check(&store, 60).await;
}

#[tokio::test]
async fn format_1_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let log = unpack(FORMAT_1, dir.path(), "format-1");
    check(&EmbeddedStore::open(&log, options()).await.unwrap(), 42).await;
    let format = std::fs::read_to_string(log.join("FORMAT")).unwrap();
    assert_eq!(format, "headwater-embedded 2\n", "an older version must not read it any more");
}

#[tokio::test]
async fn format_2_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let log = unpack(FORMAT_2, dir.path(), "format-2");
    let store = EmbeddedStore::open(&log, options()).await.unwrap();
    check_late(&store).await;
    check(&store, 60).await;
}

fn unpack(fixture: &str, dir: &Path, name: &str) -> PathBuf {
    let unpacked = Command::new("tar").arg("-xzf").arg(fixture).arg("-C").arg(dir).status();
    assert!(unpacked.unwrap().success());
    let report = verify(dir.join(name)).unwrap();
    assert!(report.is_sound(), "{report:?}");
    dir.join(name)
}
