//! Records of runs that lag behind in the database: nobody sees it, and no crash changes it.

use std::path::Path;

use crate::common::{all, delta, durable, scope, stream, tenant};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore, verify};
use headwater_store::{EventLog, Mark, Position, RunState};

/// Enough for one commit to leave their records behind.
const RUNS: usize = 7;

async fn open(path: &Path) -> EmbeddedStore {
    EmbeddedStore::open(path, EmbeddedOptions::default()).await.unwrap()
}

fn name(run: usize) -> String {
    format!("run-{run}")
}

/// One commit: a durable event of each run, and a delta of the even ones.
async fn commit(store: &EmbeddedStore, n: usize) -> Vec<Position> {
    let batch = (0..RUNS).flat_map(|run| {
        let delta = (run % 2 == 0).then(|| delta(&name(run), 2 * n));
        delta.into_iter().chain([durable(&name(run), 2 * n + 1)])
    });
    store.append(batch.collect()).await.unwrap().iter().map(|appended| appended.position).collect()
}

/// What is known of each run after `commits` commits, the last of which gave `positions`.
async fn check(store: &EmbeddedStore, commits: usize, positions: &[Position]) {
    let mut positions = positions.iter();
    let runs = store.runs(&tenant("default"), None, 100).await.unwrap();
    assert_eq!(runs.len(), RUNS);
    for (run, (listed, listed_record)) in runs.iter().enumerate() {
        assert_eq!(listed.as_str(), name(run));
        let record = store.run(&tenant("default"), &stream(&name(run))).await.unwrap().unwrap();
        assert_eq!(record, *listed_record);
        let deltas = if run % 2 == 0 { commits as u64 } else { 0 };
        let last = *positions.nth(usize::from(run % 2 == 0)).unwrap();
        assert_eq!((record.last, record.durable, record.transient), (last, commits as u64, deltas));
        let events = all(store, &scope(&name(run))).await;
        assert_eq!(events.len() as u64, record.durable + record.transient);
        assert_eq!(events.last().unwrap().position(), record.last);
    }
}

#[tokio::test]
async fn records_are_up_to_date_after_every_commit() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for n in 0..80 {
        let positions = commit(&store, n).await;
        check(&store, n + 1, &positions).await;
    }
}

#[tokio::test]
async fn records_are_up_to_date_after_a_crash_and_after_a_close() {
    let dir = tempfile::tempdir().unwrap();
    let mut done = 0;
    for (round, commits) in [1, 2, 30, 1, 33, 40].into_iter().enumerate() {
        let store = open(dir.path()).await;
        let mut positions = Vec::new();
        for _ in 0..commits {
            positions = commit(&store, done).await;
            done += 1;
        }
        if round % 3 == 2 {
            store.close().await.unwrap();
        } else {
            store.crash().await;
        }
        drop(store);
        let report = verify(dir.path()).unwrap();
        assert!(report.is_sound(), "{report:?}");
        check(&open(dir.path()).await, done, &positions).await;
    }
}

#[tokio::test]
async fn what_was_late_does_not_come_back_to_another_run_of_the_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for n in 0..3 {
        commit(&store, n).await;
    }
    assert!(store.remove(&tenant("default"), &stream("run-0")).await.unwrap());
    assert!(store.remove(&tenant("default"), &stream("run-1")).await.unwrap());
    let first = store.append(vec![durable("run-1", 1_000)]).await.unwrap()[0].position;
    for reopened in [false, true] {
        let store = if reopened {
            store.crash().await;
            &open(dir.path()).await
        } else {
            &store
        };
        assert_eq!(store.run(&tenant("default"), &stream("run-0")).await.unwrap(), None);
        let record = store.run(&tenant("default"), &stream("run-1")).await.unwrap().unwrap();
        assert_eq!((record.first, record.last, record.durable), (first, first, 1));
        assert_eq!(all(store, &scope("run-1")).await.len(), 1);
        assert_eq!(store.run(&tenant("default"), &stream("run-2")).await.unwrap().unwrap().durable, 3);
    }
}

#[tokio::test]
async fn an_end_is_told_at_once_and_keeps_what_was_late_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for n in 0..3 {
        commit(&store, n).await;
    }
    let end = crate::common::event("run-1", 1_000, headwater_store::Class::Durable, Mark::Completed);
    let ended = store.append(vec![end]).await.unwrap()[0].position;
    let positions = commit(&store, 3).await;
    store.crash().await;
    let store = open(dir.path()).await;
    let record = store.run(&tenant("default"), &stream("run-1")).await.unwrap().unwrap();
    assert_eq!((record.state, record.ended, record.durable), (RunState::Completed, Some(ended), 5));
    // The first run has a delta and an event before it.
    assert_eq!(record.last, positions[2]);
}
